//! Setup takes what `jit doctor` has seen let the user in, and leaves every log-in that works as it is.

use std::fs;

use super::{Site, catalogue, certified, jumps::not_ours, said};
use crate::support::{home::Ran, run};

fn jit(site: &Site, args: &[&str]) -> Ran {
    run(&mut site.home.jit(args))
}

#[test]
fn setup_takes_a_host_once_doctor_has_seen_it_let_the_user_in() {
    let Some(site) = Site::before() else { return };
    let Some(other) = not_ours(&site) else { return };
    let untold = format!(
        "[resources.\"ssh/other\"]\nhosts = [\"localhost\"]\nroles.\"{}\" = {{}}\n",
        other.user()
    );
    site.home.configure("authority.toml", &catalogue(&untold));
    let before = fs::read_to_string(site.config()).unwrap();

    let set_up = jit(&site, &["setup", "ssh"]);
    assert!(
        set_up.stdout.contains("ssh/web is left as it is") && set_up.stdout.contains("--anyway"),
        "{set_up:?}"
    );
    assert_eq!(fs::read_to_string(site.config()).unwrap(), before);
    said(&site.ssh(&["other", "echo other"]), "other");

    // ssh itself looks for its configuration at the user's home.
    let config = site.config().display().to_string();
    site.home
        .tool("ssh", &format!("exec /usr/bin/ssh -F {config} \"$@\""));
    let looked = jit(&site, &["doctor", "ssh/web", "ssh/other"]);
    assert_eq!(looked.code, 125, "one does not trust us: {looked:?}");
    let set_up = jit(&site, &["setup", "ssh"]);
    assert!(
        set_up.stdout.contains("ssh/other is left as it is")
            && !set_up.stdout.contains("ssh/web is left"),
        "{set_up:?}"
    );
    said(&site.ssh(&["other", "echo other"]), "other");
    said(&site.ssh(&["near", "echo here"]), "here");
    certified(&site, &site.near);

    // Who insists has it, and a target that is described otherwise is another one.
    let set_up = jit(&site, &["setup", "ssh", "--anyway"]);
    assert!(!set_up.stdout.contains("left as it is"), "{set_up:?}");
    assert_ne!(site.ssh(&["other", "echo other"]).code, 0);
    let moved = catalogue(&untold).replace("\"127.0.0.1\"", "\"127.0.0.1\", \"127.0.0.2\"");
    site.home.configure("authority.toml", &moved);
    let set_up = jit(&site, &["setup", "ssh"]);
    assert!(
        set_up.stdout.contains("ssh/web is left as it is"),
        "{set_up:?}"
    );
}
