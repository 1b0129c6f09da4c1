//! Every decoder of foreign bytes in jit, fed by libFuzzer, which starts at `main` and is `fuzz/run`'s to call.
//!
//! All targets are in one program, since linking jit takes longer than everything else here;
//! `FUZZ_TARGET` names the one to run. Each says more than that nothing panics where that is cheap: what was
//! read is written as it was, what nobody signed is nobody's, what a server says moves no terminal's cursor.
//! libFuzzer ends the process at the first panic, in whichever thread.

#![no_main]

mod answers;
mod commands;
mod files;
mod ground;
mod hostile;
mod ledger;
mod proxies;
mod seeds;
mod server;
mod ssh;
mod targets;
mod tokens;
mod words;

use std::{env, path::Path, sync::OnceLock};

use libfuzzer_sys::fuzz_target;

/// A target. Its seeds are in `seeds/NAME`.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 35] = [
    ("agent", ssh::agent),
    ("answer", answers::answer),
    ("assertion", tokens::assertion),
    ("authority", files::authority),
    ("aws", commands::aws),
    ("aws-identity", targets::aws_identity),
    ("certificate", ssh::certificate),
    ("callback", answers::callback),
    ("checkpoint", ledger::checkpoint),
    ("config", files::config),
    ("conninfo", files::conninfo),
    ("event", ledger::event),
    ("exec-credential", commands::exec_credential),
    ("forwarded", proxies::forwarded),
    ("issuer", tokens::issuer),
    ("kubeconfig", files::kubeconfig),
    ("kubectl", commands::kubectl),
    ("kubernetes", targets::kubernetes),
    ("lease", ledger::lease),
    ("logout", tokens::logout),
    ("pem", files::pem),
    ("policy", files::policy),
    ("profiles", files::profiles),
    ("proof", tokens::proof),
    ("proxy-header", proxies::proxy_header),
    ("psql", commands::psql),
    ("request", server::request),
    ("row", ledger::row),
    ("server", files::server),
    ("ssh", commands::ssh),
    ("ssh-files", files::ssh_files),
    ("token", tokens::token),
    ("userinfo", tokens::userinfo),
    ("view", answers::view),
    ("words", words::words),
];

static TARGET: OnceLock<Target> = OnceLock::new();

/// Finds the target that was named, or writes everybody's seeds.
fn choose() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    if env::var_os("FUZZ_SEEDS").is_some() {
        seeds::write(&directory);
    }
    for (name, _) in TARGETS {
        assert!(directory.join(name).is_dir(), "{name} has no seeds");
    }
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.into_iter().find(|(known, _)| *known == name);
    TARGET.get_or_init(|| found.unwrap_or_else(|| panic!("FUZZ_TARGET={name} is no target")));
}

fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some((_, target)) = TARGET.get() {
        target(data);
    }
});
