//! `jit exec` with more than one `--on`.

use super::{home, works};
use crate::support::{
    Sshd, client_config,
    home::run,
    skip::skip,
    whereabouts::{ansible_bin, jit, program, user_name},
};

#[test]
fn ansible_reaches_the_hosts_of_two_resources() {
    let user = user_name();
    let home = home(&format!(
        "[resources.\"ssh/web\"]\nhosts = [\"web\"]\nroles.\"{user}\" = {{}}\n[resources.\"ssh/db\"]\nhosts = [\"db\"]\nroles.\"{user}\" = {{}}\n"
    ));
    let sshd = |name: &str| {
        let ca = works(&home, &["trust", &format!("ssh/{name}"), "--ca"]);
        Sshd::start(&home.write(&format!("{name}.pub"), &ca))
    };
    let (Some(web), Some(db)) = (sshd("web"), sshd("db")) else {
        return;
    };
    let Some(ansible) = program("ansible", Some(&ansible_bin())) else {
        return skip("ansible is missing (tests/servers/python.sh brings it)");
    };
    let config = client_config(&home.path(""), &[("web", &web, None), ("db", &db, None)]);
    let inventory = home.write("inventory", "web\ndb\n");
    let ran = |on: &[&str]| {
        let mut command = home.command(&jit());
        command
            .env("ANSIBLE_HOME", home.path("ansible"))
            .env(
                "ANSIBLE_SSH_COMMON_ARGS",
                format!("-F {}", config.display()),
            )
            .env(
                "ANSIBLE_PYTHON_INTERPRETER",
                program("python3", None).unwrap(),
            )
            .arg("exec")
            .args(on)
            .arg("--")
            .arg(&ansible)
            .args(["all", "-i"])
            .arg(&inventory)
            .args(["-m", "command", "-a", "echo reached"]);
        run(&mut command)
    };
    let one = ran(&["--on", "ssh/web"]);
    assert_eq!(one.stdout.matches("reached").count(), 1, "{one:?}");
    let both = ran(&["--on", "ssh/web", "--on", "ssh/db"]);
    assert_eq!(
        (both.code, both.stdout.matches("reached").count()),
        (0, 2),
        "{both:?}"
    );
}
