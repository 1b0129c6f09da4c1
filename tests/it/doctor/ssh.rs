//! Hosts, logged in to for real.

use std::fs;

use super::{Home, doctor, gave_back, hints, home, jit, says, story};
use crate::support::{
    Sshd, client_config,
    whereabouts::{program, user_name},
};

/// A home with some hosts behind one name, and an ssh that knows where that name is.
struct Web {
    home: Home,
    sshd: Sshd,
}

impl Web {
    fn new() -> Option<Self> {
        Self::trusting(|own| own)
    }

    /// One whose sshd trusts what is made of this authority.
    fn trusting(which: impl FnOnce(String) -> String) -> Option<Self> {
        let home = home(&format!(
            "[resources.\"ssh/web\"]\nhosts = [\"web\"]\nroles.\"{}\" = {{}}\n",
            user_name()
        ));
        let ca = which(jit(&home, &["trust", "ssh/web", "--ca"]).stdout);
        let sshd = Sshd::start(&home.write("ca.pub", &ca))?;
        let config = client_config(&home.path(""), &[("web", &sshd, None)]);
        let ssh = program("ssh", None).unwrap();
        let script = format!("exec {} -F {} \"$@\"", ssh.display(), config.display());
        home.tool("ssh", &script);
        Some(Self { home, sshd })
    }
}

#[test]
fn a_host_that_trusts_this_authority_is_logged_in_to() {
    let Some(web) = Web::new() else { return };
    let ran = doctor(&web.home, &["ssh/web"]);
    let user = user_name();
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        format!("ok: web lets {user} in")
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    web.sshd.logged("Accepted publickey");
    gave_back(&web.home);
}

#[test]
fn a_host_is_tried_by_the_name_that_its_user_gave_it() {
    let user = user_name();
    let home = home(&format!(
        "[resources.\"ssh/box\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\n"
    ));
    let ca = jit(&home, &["trust", "ssh/box", "--ca"]).stdout;
    let Some(sshd) = Sshd::start(&home.write("ca.pub", &ca)) else {
        return;
    };
    // Only the alias knows the port.
    let config = client_config(&home.path(""), &[("mine", &sshd, None)]);
    home.write(".ssh/config", &fs::read_to_string(&config).unwrap());
    let ssh = program("ssh", None).unwrap();
    home.tool(
        "ssh",
        &format!("exec {} -F {} \"$@\"", ssh.display(), config.display()),
    );
    let ran = doctor(&home, &["ssh/box"]);
    assert_eq!(
        says(&ran, "targets", "ssh/box"),
        format!("ok: mine lets {user} in")
    );
}

#[test]
fn a_lease_that_is_held_is_used_and_stays() {
    let Some(web) = Web::new() else { return };
    let asked = jit(&web.home, &["request", &format!("ssh/web:{}", user_name())]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(story(&web.home), ["granted by -", "issued by -"]);
    assert_ne!(jit(&web.home, &["status", "--json"]).stdout, "");
}

#[test]
fn a_host_that_trusts_somebody_else_says_so() {
    let nobody = |_| "# nobody\n".to_owned();
    let Some(web) = Web::trusting(nobody) else {
        return;
    };
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        "fail: web does not let the certificate in"
    );
    assert!(
        hints(&ran).contains("jit trust ssh/web | ssh root@web sh"),
        "{ran:?}"
    );
    assert_eq!(ran.code, 125, "{ran:?}");
    gave_back(&web.home);
}

#[test]
fn a_host_whose_key_nobody_knows_is_not_believed() {
    let Some(web) = Web::new() else { return };
    web.home.write("known_hosts", "");
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        "fail: web has a host key that is not known"
    );
    assert_eq!(fs::read(web.home.path("known_hosts")).unwrap(), b"");
}

#[test]
fn where_ssh_asks_jit_by_itself_doctor_leaves_nothing_either() {
    let Some(web) = Web::new() else { return };
    let set_up = jit(&web.home, &["setup", "ssh", "--anyway"]);
    assert_eq!(set_up.code, 0, "{set_up:?}");
    // ssh reads the configuration that it is told of, whatever HOME is.
    let config = web.home.path("ssh_config");
    let theirs = fs::read_to_string(&config).unwrap();
    let included = web.home.path("state/jit/setup/ssh_config");
    let text = format!("Include \"{}\"\n{theirs}", included.display());
    web.home.write("ssh_config", &text);
    let ran = doctor(&web.home, &["ssh/web"]);
    assert!(
        says(&ran, "targets", "ssh/web").starts_with("ok: "),
        "{ran:?}"
    );
    assert_eq!(says(&ran, "setup", "setup"), "ok: done for ssh");
    gave_back(&web.home);
}

#[test]
fn a_jump_host_of_ours_is_passed_through_and_given_back() {
    let Some(web) = Web::new() else { return };
    let ca = web.home.path("ca.pub");
    let Some(far) = Sshd::start(&ca) else { return };
    let hosts = [("web", &web.sshd, None), ("far", &far, Some("web"))];
    client_config(&web.home.path(""), &hosts);
    let user = user_name();
    web.home.configure(
        "authority.toml",
        &format!("[resources.\"ssh/web\"]\nhosts = [\"web\", \"far\"]\nroles.\"{user}\" = {{}}\n"),
    );
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        format!("ok: web lets {user} in\nok: far lets {user} in")
    );
    assert_eq!(
        jit(&web.home, &["revoke", "--all"]).stdout,
        "nothing to revoke\n"
    );
    assert!(
        story(&web.home)
            .iter()
            .all(|line| line.ends_with(" by doctor"))
    );
}

#[test]
fn what_was_borrowed_for_a_jump_is_given_back_where_the_next_one_is_denied() {
    let Some(web) = Web::new() else { return };
    let config = web.home.path("ssh_config");
    let text = fs::read_to_string(&config).unwrap();
    let jumps = "Host far\n  ProxyJump denied,near\n";
    web.home.write("ssh_config", &format!("{jumps}{text}"));
    let user = user_name();
    let resource = |name: &str, host: &str, role: &str| {
        format!("[resources.\"ssh/{name}\"]\nhosts = [\"{host}\"]\nroles.\"{user}\" = {role}\n")
    };
    let catalogue = [
        resource("web", "far", "{}"),
        resource("near", "near", "{}"),
        resource("denied", "denied", "{ tier = \"sensitive\" }"),
    ];
    web.home.configure("authority.toml", &catalogue.concat());
    for asked in [&[][..], &["ssh/web"]] {
        let ran = doctor(&web.home, asked);
        assert!(
            says(&ran, "targets", "ssh/web").contains("approval"),
            "{ran:?}"
        );
        assert_eq!(
            jit(&web.home, &["revoke", "--all"]).stdout,
            "nothing to revoke\n"
        );
    }
}
