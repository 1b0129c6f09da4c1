//! A program on a terminal of its own, by `script(1)`, and what is typed there.

use std::{
    fs,
    io::{Write as _, stderr},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    thread::panicking,
};

use super::{home::Home, wait::until};

/// A terminal with a program on it.
pub(crate) struct Pty {
    script: Child,
    keyboard: Option<ChildStdin>,
    screen: PathBuf,
}

impl Pty {
    /// Runs a shell's command line on a terminal, in that home.
    pub(crate) fn run(home: &Home, line: &str) -> Self {
        Self::start(home, line, |_| {})
    }

    /// The same, in another environment.
    pub(crate) fn start(home: &Home, line: &str, change: impl FnOnce(&mut Command)) -> Self {
        let screen = home.path("screen");
        drop(fs::remove_file(&screen));
        let mut command = home.command("script".as_ref());
        command
            .args(["-q", "-e", "-f", "-c", line])
            .arg(&screen)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        change(&mut command);
        let mut script = command.spawn().expect("script");
        Self {
            keyboard: script.stdin.take(),
            script,
            screen,
        }
    }

    /// All that was shown, with what was typed.
    pub(crate) fn shown(&self) -> String {
        let bytes = fs::read(&self.screen).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }

    /// Waits until this is shown.
    pub(crate) fn wait_for(&self, needle: &str) {
        until(&format!("{needle:?} on a terminal"), || {
            self.shown().contains(needle).then_some(())
        });
    }

    /// Waits until this is shown behind so many bytes.
    pub(crate) fn wait_behind(&self, start: usize, needle: &str) {
        until(&format!("{needle:?} on a terminal behind {start}"), || {
            let shown = self.shown();
            shown.get(start..)?.contains(needle).then_some(())
        });
    }

    /// Types.
    pub(crate) fn type_in(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("it is open");
        keyboard.write_all(text.as_bytes()).expect("it reads");
        keyboard.flush().expect("it reads");
    }

    /// Waits for the program's end; its exit code and all that was shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        let status = until("a program on a terminal to end", || {
            self.script.try_wait().expect("its status")
        });
        (status.code().expect("an exit code"), self.shown())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if panicking() {
            // What was waited for in vain is told by what came instead.
            drop(writeln!(stderr(), "on the terminal:\n{}", self.shown()));
        }
        // Ended already is as good.
        drop(self.keyboard.take());
        drop(self.script.kill());
        drop(self.script.wait());
    }
}
