//! How somebody wants to sign in, or must.

use crate::domain::environment::Environment;

/// How a person signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// On another device, whose browser is used.
    pub device: bool,
    /// The oldest sign-in that will do, in seconds; absent: as old as a session may become.
    pub max_age: Option<u64>,
}

impl Wish {
    /// What a provider is told (OpenID Connect Core 1.0, section 3.1.2.1).
    pub(super) fn parameters(&self, longest: u64) -> Vec<(&'static str, String)> {
        let max_age = self.max_age.unwrap_or(longest);
        let mut parameters = vec![("max_age", max_age.to_string())];
        // Some providers only look at `prompt`.
        if self.max_age.is_some() {
            parameters.push(("prompt", "login".to_owned()));
        }
        parameters
    }
}

/// Whether this is where no browser of the person's can be opened: a remote shell, or no display.
pub(super) fn is_remote(environment: &Environment) -> bool {
    if environment.value("BROWSER").is_some() {
        return false;
    }
    let is_set = |name: &&str| environment.value(name).is_some();
    let remote = ["SSH_CONNECTION", "SSH_TTY"].iter().any(is_set);
    let shown = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_set);
    remote || !(shown || cfg!(target_os = "macos"))
}
