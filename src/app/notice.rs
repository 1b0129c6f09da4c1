//! A word on the desktop, where a hook fails for want of a person and nobody can read its stderr.

use std::{
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use super::session::Session;
use crate::{
    domain::{
        entitlement::Entitlement,
        environment::Environment,
        failure::{Code, Failure, Nature},
        time::Timestamp,
    },
    platform::{files, lock::Lock, process, terminal},
};

/// A tool may call its hook many times a second.
const PAUSE: Duration = Duration::from_mins(1);

/// Shows what would help, unless it was shown a moment ago. Whatever stands in the way of that is no
/// reason to fail otherwise than the hook does anyway.
pub fn show(session: &Session, entitlement: &Entitlement, failure: &Failure) {
    let wants_a_person = failure.nature == Nature::Unexplained
        || matches!(failure.code, Code::Pending | Code::SignIn);
    if !wants_a_person || terminal::is_watched() {
        return;
    }
    let title = format!("jit: {failure}");
    let Some(mut command) = desktop(&session.environment, &title, &failure.hint) else {
        return;
    };
    if is_first(session, entitlement) == Some(true) {
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        drop(command.spawn());
    }
}

/// The program that shows two lines; `None` where there is no desktop.
fn desktop(environment: &Environment, title: &str, text: &str) -> Option<Command> {
    let (title, text) = (terminal::plain_line(title), terminal::plain_line(text));
    if cfg!(target_os = "macos") {
        let program = process::find("osascript".as_ref(), environment).ok()?;
        let script = [
            "on run argv",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "end run",
        ];
        let mut command = Command::new(program);
        command.args(script.iter().flat_map(|line| ["-e", *line]));
        command.args(["--", &title, &text]);
        return Some(command);
    }
    let display = ["WAYLAND_DISPLAY", "DISPLAY"];
    display.iter().find_map(|name| environment.value(name))?;
    let mut command = Command::new(process::find("notify-send".as_ref(), environment).ok()?);
    // Its body is markup.
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    command.args(["--app-name=jit", "--", &title, &text]);
    Some(command)
}

/// Whether nothing was shown about the entitlement within the pause; from now on, something was.
fn is_first(session: &Session, entitlement: &Entitlement) -> Option<bool> {
    let directory: PathBuf = session.places.runtime.join("notices");
    files::private_directory(&directory).ok()?;
    let name = entitlement.to_string().replace(['/', ':'], ",");
    let _lock = Lock::if_free(&directory.join(format!("{name}.lock"))).ok()??;
    let stamp = directory.join(name);
    let now = (session.clock)();
    let shown_at = files::read_private(&stamp)
        .ok()?
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| Timestamp::parse(&text));
    if shown_at.is_some_and(|at| at <= now && now < at.after(PAUSE)) {
        return Some(false);
    }
    files::write_passing(&stamp, now.to_string().as_bytes()).ok()?;
    Some(true)
}
