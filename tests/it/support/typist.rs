//! Somebody who types into a real shell on a terminal, and presses TAB.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
};

use super::{home::Home, until};

/// What records the line as it stands, and empties it.
const RECORD: &str = "\u{18}\u{10}"; // C-x C-p

const PROMPT: &str = "READY> ";

/// A shell, which ends with this value.
pub(crate) struct Typist {
    shell: Child,
    keyboard: Option<ChildStdin>,
    lines: PathBuf,
    screen: PathBuf,
}

impl Typist {
    /// bash, which has read `more` and the completions.
    pub(crate) fn bash(home: &Home, more: &str) -> Self {
        let rc = home.write(
            "bashrc",
            &format!(
                "PS1='{PROMPT}'\nHISTFILE=\n{more}\nsource '{}'\n\
                 record() {{ printf '%s\\n' \"$READLINE_LINE\" >> ~/lines; READLINE_LINE=; }}\n\
                 bind -x '\"\\C-x\\C-p\": record'\nbind 'set page-completions off'\n",
                completions("jit.bash").display()
            ),
        );
        let shell = format!("bash --noprofile --rcfile '{}' -i", rc.display());
        Self::start(home, &shell)
    }

    /// zsh, which has read `more` and finds the completions where it looks for them.
    pub(crate) fn zsh(home: &Home, more: &str) -> Self {
        home.write(
            ".zshrc",
            &format!(
                "PS1='{PROMPT}'\nHISTFILE=\nfpath=('{}' $fpath)\n\
                 autoload -Uz compinit && compinit -u -D\n{more}\n\
                 record() {{ print -r -- \"$BUFFER\" >> ~/lines; BUFFER= }}\n\
                 zle -N record\nbindkey '^X^P' record\n\
                 zle -C all complete-word _generic\nbindkey '\\e*' all\n\
                 zstyle ':completion:all:*' completer _all_matches _complete\n\
                 zstyle ':completion:all:*' insert yes\n",
                completions("").display()
            ),
        );
        Self::start(home, "zsh -d -i")
    }

    fn start(home: &Home, shell: &str) -> Self {
        let (lines, screen) = (home.path("lines"), home.path("screen"));
        drop(fs::remove_file(&lines));
        drop(fs::remove_file(&screen));
        let mut terminal = home.command(Path::new("script"));
        terminal
            .args(["-q", "-f", "-c", shell])
            .arg(&screen)
            .env("ZDOTDIR", home.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut shell = terminal.spawn().expect("script (bsdutils)");
        let keyboard = shell.stdin.take();
        let typist = Self {
            shell,
            keyboard,
            lines,
            screen,
        };
        until("the shell's prompt", || {
            typist.screen().contains(PROMPT).then_some(())
        });
        typist
    }

    /// The line that comes of these keys.
    pub(crate) fn line(&mut self, keys: &str) -> String {
        let before = self.lines().len();
        let keyboard = self.keyboard.as_mut().expect("a keyboard");
        keyboard
            .write_all(format!("{keys}{RECORD}").as_bytes())
            .expect("a terminal");
        until(&format!("the line of {keys:?}"), || {
            self.lines().get(before).cloned()
        })
    }

    /// Everything that was shown so far.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.screen).unwrap_or_default()).into_owned()
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.lines).unwrap_or_default();
        // One that is being written has no end yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(str::to_owned).collect()
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        // A shell without a terminal ends.
        drop(self.keyboard.take());
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// The file of that name among the completions.
pub(crate) fn completions(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("completions")
        .join(name)
}
