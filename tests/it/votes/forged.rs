//! Whoever can write the database, and has not its sealing key, gives nobody anything by it, and keeps nobody
//! from ending what there is.

use std::time::Duration;

use jit::{
    authority::{
        Client,
        principals::Offboarding,
        request::{Ask, Outcome},
        token::prove,
    },
    domain::{
        decision::Obligations,
        elevation::{Elevation, State},
        event::{EventKind, Origin},
        failure::{Code, Failure, Nature},
        id::GrantId,
        principal::Principal,
        vote::Approval,
    },
    platform::keys,
    store::answers::IdempotencyKey,
};

use super::team::{Team, ask, run, still};
use crate::{
    store::{Place, asked, granted, step, written},
    support::{Access, Postgres},
};

/// A team on each database, one after the other.
fn on_both(test: impl AsyncFn(&Team)) {
    run(async move {
        test(&Team::new().await).await;
        if let Some(server) = Postgres::start(Access::default()) {
            test(&Team::on(Place::Postgres(server), still).await).await;
        }
    });
}

impl Team {
    async fn tamper(&self, sql: &str) {
        self.place.tamper(sql).await;
    }

    /// Keeps all rows as they are.
    async fn keep(&self) {
        self.tamper("create table kept as select * from elevations")
            .await;
    }

    /// Puts all that were kept back as they were, and nothing else.
    async fn put_back(&self) {
        let back = "delete from elevations; insert into elevations select * from kept";
        self.tamper(back).await;
    }

    /// Lets a row say that, behind what `code` (SQL) makes.
    async fn say(&self, id: &GrantId, elevation: &Elevation, code: &str) {
        let text = serde_json::to_string(elevation)
            .unwrap()
            .replace('\'', "''");
        let until = still().after(Duration::from_hours(1)).millis();
        self.tamper(&format!(
            "update elevations set body = {code} || '{text}', state = '{}', expires_at = {until}
             where id = '{id}'",
            elevation.state(still()),
        ))
        .await;
    }

    async fn read(&self, id: &GrantId) -> Result<Option<Elevation>, Failure> {
        self.there.store.elevation(id, still()).await
    }
}

/// What somebody makes of a code who can make none: the one that stood there, that of another row, none.
fn codes(other: &GrantId) -> [String; 4] {
    [
        "substr(body, 1, 44)".to_owned(),
        format!("(select substr(body, 1, 44) from kept where id = '{other}')"),
        "' '".to_owned(),
        "''".to_owned(),
    ]
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(outcome: Result<T, Failure>, id: &GrantId) {
    let failure = outcome.unwrap_err();
    assert_eq!(failure.code, Code::Failed, "{failure:?}");
    let named = format!("{id} is not believed: ");
    assert!(failure.message.starts_with(&named), "{failure:?}");
    assert!(
        failure.message.contains("not written by this authority"),
        "{failure:?}"
    );
}

fn yes(by: &str) -> Approval {
    Approval {
        by: Principal::parse(by).unwrap(),
        at: still(),
        comment: None,
        caller: None,
        address: None,
    }
}

#[test]
fn a_request_that_the_database_alone_says_is_granted_is_not_claimed() {
    on_both(async |team| {
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let id = team.pending(&alice, "root").await;
        let other = team.granted(&alice, "deploy").await.grant.id;
        team.keep().await;
        let pending = team.read(&id).await.unwrap().unwrap();
        let mut voted = pending.clone();
        voted.approve(yes("bob"), 1, still()).unwrap();
        voted
            .grant(
                vec!["sensitive".to_owned()],
                Obligations::default(),
                still(),
            )
            .unwrap();
        // The whole of it, and the one word.
        let word = serde_json::to_string(&pending).unwrap();
        let word = word.replace("\"state\":\"pending\"", "\"state\":\"granted\"");
        let word: Elevation = serde_json::from_str(&word).unwrap();
        for code in codes(&other) {
            for forged in [&voted, &word] {
                team.say(&id, forged, &code).await;
                is_refused(team.here.claim(&alice, &id).await, &id);
                is_refused(team.here.approve(&bob, &id, None).await, &id);
                is_refused(team.here.visible(&alice, &id).await, &id);
                is_refused(team.here.end(&alice, &id).await, &id);
            }
        }
        // Asked for once more, people are asked once more.
        let again = team.pending(&alice, "root").await;
        assert_ne!(again, id);
        let mine = team.here.to_approve(&bob).await.unwrap();
        let mine: Vec<_> = mine.iter().map(|one| &one.request.id).collect();
        assert_eq!(mine, [&again], "the others go on");
        let listed = team
            .here
            .store
            .elevations_of(&alice.caller.principal, still());
        let listed = listed.await.unwrap();
        let listed: Vec<_> = listed.iter().map(|one| &one.request.id).collect();
        assert_eq!(listed.len(), 2);
        assert!(!listed.contains(&&id), "the others are listed");
        assert_eq!(team.kinds(&id).await, ["requested"]);
        team.put_back().await;
        team.here.approve(&bob, &id, None).await.unwrap();
        team.there.claim(&alice, &id).await.unwrap();
    });
}

#[test]
fn a_vote_that_is_slipped_in_does_not_count() {
    on_both(async |team| {
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let carol = team.client("carol", &["approvers"]).await;
        let dave = team.client("dave", &["approvers"]).await;
        let id = team.pending(&alice, "two").await;
        let other = team.pending(&alice, "root").await;
        team.keep().await;
        let mut slipped = team.read(&id).await.unwrap().unwrap();
        slipped.approve(yes("carol"), 2, still()).unwrap();
        for code in codes(&other) {
            team.say(&id, &slipped, &code).await;
            is_refused(team.here.approve(&bob, &id, None).await, &id);
        }
        assert_eq!(team.kinds(&id).await, ["requested"]);
        // Of a genuine vote, none is taken away or added either.
        team.put_back().await;
        team.here.approve(&bob, &id, None).await.unwrap();
        let mut changed = team.read(&id).await.unwrap().unwrap();
        changed.approve(yes("dave"), 2, still()).unwrap();
        team.say(&id, &changed, "substr(body, 1, 44)").await;
        is_refused(team.there.approve(&carol, &id, None).await, &id);
        is_refused(team.here.claim(&alice, &id).await, &id);
        is_refused(team.here.refuse(&dave, &id, "no").await, &id);
    });
}

#[test]
fn a_row_that_was_moved_is_nobodys() {
    on_both(async |team| {
        let alice = team.client("alice", &[]).await;
        let carl = team.client("carl", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let own = team.pending(&alice, "root").await;
        let theirs = team.pending(&carl, "root").await;
        team.here.approve(&bob, &theirs, None).await.unwrap();
        let fresh = GrantId::new(still(), keys::random().unwrap());
        team.keep().await;
        let of_theirs = format!("(select body from kept where id = '{theirs}')");
        let columns = "principal, expires_at, settled, body, class, state, session";
        for (moved, sql) in [
            // Their grant in the place of one's own request, or in a new place.
            (
                &own,
                format!(
                    "update elevations set body = {of_theirs}, state = 'granted' where id = '{own}'"
                ),
            ),
            (
                &fresh,
                format!(
                    "insert into elevations (id, {columns})
                     select '{fresh}', {columns} from kept where id = '{theirs}'"
                ),
            ),
            // Under one's own name, or under one that looks like theirs.
            (
                &theirs,
                format!("update elevations set principal = 'alice' where id = '{theirs}'"),
            ),
            (
                &theirs,
                format!("update elevations set class = 'Workload' where id = '{theirs}'"),
            ),
        ] {
            team.tamper(&sql).await;
            is_refused(team.read(moved).await, moved);
            is_refused(team.here.claim(&alice, moved).await, moved);
            is_refused(team.here.claim(&carl, moved).await, moved);
            let listed = team
                .here
                .store
                .elevations_of(&alice.caller.principal, still());
            for one in listed.await.unwrap() {
                assert_eq!(one.request.principal, alice.caller.principal);
            }
            team.put_back().await;
        }
        team.here.claim(&carl, &theirs).await.unwrap();
    });
}

#[test]
fn what_stands_beside_a_row_decides_nothing() {
    on_both(async |team| {
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let pending = team.pending(&alice, "root").await;
        let held = team.granted(&alice, "deploy").await.grant.id;
        let until = still().after(Duration::from_hours(1000)).millis();
        team.tamper(&format!(
            "update elevations set state = 'granted', expires_at = {until} where id = '{pending}';
             update elevations set state = 'pending', expires_at = {until} where id = '{held}'"
        ))
        .await;
        let refused = team.here.claim(&alice, &pending).await.unwrap_err();
        assert_eq!(refused.code, Code::Pending);
        assert!(team.here.to_approve(&bob).await.unwrap().is_empty());
        team.tamper("update elevations set expires_at = 0, settled = 0")
            .await;
        assert_eq!(team.here.tidy(&Origin::default()).await.unwrap(), 0);
        // One that is said to be revoked already is revoked all the same.
        team.tamper(&format!(
            "update elevations set state = 'revoked' where id = '{held}'"
        ))
        .await;
        team.here.end(&alice, &held).await.unwrap();
        let ended = team.read(&held).await.unwrap().unwrap();
        assert_eq!(ended.state(still()), State::Revoked);
    });
}

#[test]
fn a_grant_that_is_put_back_as_it_was_before_it_was_revoked_gives_nothing() {
    on_both(async |team| {
        let holder = keys::generate().unwrap();
        let alice = Client {
            holder: holder.public(),
            ..team.client("alice", &[]).await
        };
        let bob = team.client("bob", &["approvers"]).await;
        let answer = team.granted(&alice, "deploy").await;
        let (held, token) = (answer.grant.id, answer.token);
        let unclaimed = team.pending(&alice, "root").await;
        team.here.approve(&bob, &unclaimed, None).await.unwrap();
        team.keep().await;
        let proof = prove(&holder, &held, &token, still()).unwrap();
        team.there.renew(&alice, &token, &proof).await.unwrap();
        for id in [&held, &unclaimed] {
            team.here.end(&alice, id).await.unwrap();
        }
        team.put_back().await;
        let kept = team.read(&held).await.unwrap().unwrap();
        assert_eq!(kept.state(still()), State::Granted, "that is believed");
        let refused = team.there.renew(&alice, &token, &proof).await.unwrap_err();
        assert_eq!(refused.nature, Nature::Conflict, "{refused:?}");
        let refused = team.there.claim(&alice, &unclaimed).await.unwrap_err();
        assert_eq!(refused.nature, Nature::Conflict, "{refused:?}");
        assert_eq!(team.kinds(&held).await.last(), Some(&"revoked"));
        assert_eq!(team.kinds(&unclaimed).await.last(), Some(&"revoked"));
    });
}

#[test]
fn an_idempotency_key_that_leads_to_somebody_elses_grant_gives_nothing() {
    on_both(async |team| {
        let alice = team.client("alice", &[]).await;
        let carl = team.client("carl", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let theirs = team.pending(&carl, "root").await;
        team.here.approve(&bob, &theirs, None).await.unwrap();
        team.here.claim(&carl, &theirs).await.unwrap();
        let once = IdempotencyKey {
            caller: alice.sessions[0].id.to_string(),
            key: "4711".to_owned(),
            request: "root".to_owned(),
        };
        let asked: Ask = ask("root");
        let alice = Client {
            once: Some(once),
            ..alice
        };
        let Outcome::Pending(own) = team.here.elevate(&alice, &asked).await.unwrap() else {
            panic!("nobody said yes")
        };
        team.tamper(&format!("update answers set elevation = '{theirs}'"))
            .await;
        let outcome = team.here.elevate(&alice, &asked).await;
        let refused = outcome.unwrap_err();
        assert!(refused.message.contains("is not there"), "{refused:?}");
        assert_eq!(team.kinds(&own.request.id).await, ["requested"]);
        assert_eq!(team.kinds(&theirs).await.last(), Some(&"issued"));
    });
}

#[test]
fn what_somebody_else_wrote_keeps_nobody_from_ending_the_rest() {
    on_both(async |team| {
        let store = &team.here.store;
        let alice = team.client("alice", &[]).await;
        let admin = team.client("root", &["administrators"]).await;
        let pending = team.pending(&alice, "root").await;
        let held = team.granted(&alice, "deploy").await.grant.id;
        let forged = team.granted(&alice, "deploy").await.grant.id;
        // What is left at a target that does not answer any more.
        let over = granted("postgres/orders:read");
        let others = [granted("postgres/orders:read"), asked("ssh/web:root", None)];
        for one in [&over, &others[0], &others[1]] {
            let append = step(store, EventKind::Granted, one).await;
            written(store, append).await;
        }
        let later = still().after(Duration::from_hours(24));
        assert_eq!(store.unsettled(later).await.unwrap().len(), 2);
        for id in [&forged, &others[0].request.id, &others[1].request.id] {
            team.tamper(&format!(
                "update elevations set body = 'x' || body where id = '{id}'"
            ))
            .await;
        }
        assert_eq!(store.unsettled(later).await.unwrap(), [over]);
        let who = &alice.caller.principal;
        let live = team.here.live(who).await.unwrap();
        let is_live = |id| live.iter().any(|(found, _)| found == id);
        assert!(is_live(&held) && !is_live(&forged));
        let off = Offboarding {
            who: who.clone(),
            why: "has left".to_owned(),
            forced: false,
        };
        team.there.disable(&admin, &off).await.unwrap();
        assert_eq!(team.kinds(&held).await.last(), Some(&"revoked"));
        assert_eq!(team.kinds(&pending).await.last(), Some(&"denied"));
        assert_eq!(team.kinds(&forged).await.last(), Some(&"issued"));
    });
}
