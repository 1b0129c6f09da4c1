//! Somebody's browser, as far as signing in needs one: tests/servers/openid/browser.mjs.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::home::{Home, Ran, run};

/// The variable by which node trusts an authority, and its file.
pub(crate) type Trust<'a> = Option<(&'static str, &'a Path)>;

/// Somebody opens a URL in an empty browser, fills in what is asked, and says no where the name is empty.
/// The page that it ends at is on stdout; the code is 0 where that is no error.
pub(crate) fn open(name: &str, url: &str, trust: Trust<'_>) -> Ran {
    run(node(trust).args([name, url]))
}

/// The same in the browser of a home, where that person stays signed in.
pub(crate) fn open_in(home: &Home, name: &str, url: &str, trust: Trust<'_>) -> Ran {
    run(node(trust)
        .env("BROWSER_JAR", home.path(&format!("{name}.jar")))
        .args([name, url]))
}

/// A program for `BROWSER` in a home: it opens its argument as somebody who stays signed in there.
pub(crate) fn program(home: &Home, name: &str, trust: Trust<'_>) -> PathBuf {
    let called = if name.is_empty() { "nobody" } else { name };
    let trust = trust.map(|(key, value)| format!("export {key}='{}'\n", value.display()));
    home.tool(
        &format!("browser-{called}"),
        &format!(
            "{}BROWSER_JAR=\"$HOME/{called}.jar\" exec node '{}' '{name}' \"$1\" >> \"$HOME/browser.log\" 2>&1",
            trust.unwrap_or_default(),
            script().display(),
        ),
    )
}

fn node(trust: Trust<'_>) -> Command {
    let mut node = Command::new("node");
    node.env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .envs(trust)
        .arg(script());
    node
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/openid/browser.mjs")
}
