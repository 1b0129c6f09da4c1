//! The databases that servers keep their ledgers in really keep what was committed, also where one is lost.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::support::{
    Access, Failover, Home, Postgres, home::Ran, postgres::Durability, run, until,
};

#[test]
fn a_database_that_stopped_comes_back_with_what_it_had() {
    let Some(mut server) = Postgres::start_as(Access::default(), Durability::Disk) else {
        return;
    };
    let url = server.owner_url();
    assert_eq!(sql(&url, "create table kept (it text)").code, 0);
    server.stop();
    assert_ne!(sql(&url, "select 1").code, 0);
    server.start_again();
    assert_eq!(sql(&url, "insert into kept values ('a')").code, 0);
    server.crash();
    server.start_again();
    assert_eq!(sql(&url, "select it from kept").stdout, "a\n");
}

#[test]
fn a_failover_loses_nothing_that_was_committed() {
    let Some(mut pair) = Failover::start() else {
        return;
    };
    let url = pair.url();
    assert_eq!(sql(&url, "create table kept (it int primary key)").code, 0);
    let (done, home) = (Arc::new(AtomicBool::new(false)), Home::new());
    let committed = home.path("committed");
    // A writer that notes each number once the commit of it was confirmed.
    let (file, stop) = (committed.clone(), Arc::clone(&done));
    let writer = thread::spawn(move || {
        let mut confirmed = Vec::new();
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                return confirmed;
            }
            if sql(&url, &format!("insert into kept values ({number})")).code == 0 {
                confirmed.push(number.to_string());
                std::fs::write(&file, confirmed.len().to_string()).unwrap();
            }
        }
        confirmed
    });
    let at_least = |wanted: usize| {
        until("commits", || {
            let count = std::fs::read_to_string(&committed).ok()?;
            (count.parse::<usize>().ok()? >= wanted).then_some(())
        });
    };
    at_least(5);
    pair.restart(|| {});
    at_least(10);
    pair.address().cut();
    pair.fail_over();
    let before = pair
        .primary()
        .psql_in("ledger", "select count(*) from kept");
    at_least(before.parse::<usize>().unwrap() + 5);
    done.store(true, Ordering::SeqCst);
    let confirmed = writer.join().unwrap();
    let kept = pair.primary().psql_in("ledger", "select it from kept");
    let kept: Vec<&str> = kept.lines().collect();
    for number in &confirmed {
        assert!(kept.contains(&number.as_str()), "{number} was lost");
    }
    assert!(confirmed.len() >= 15);
}

fn sql(url: &str, statement: &str) -> Ran {
    run(Command::new("psql").args(["-XqAt", "-c", statement, url]))
}
