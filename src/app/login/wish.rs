//! How somebody wants to sign in, or must.

use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    protocol::session::Provider,
};

/// How a person signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// On another device, whose browser is used.
    pub device: bool,
    /// The oldest sign-in that will do, in seconds; absent: as old as a session may become.
    pub max_age: Option<u64>,
}

impl Wish {
    /// Whether the person signs in by a code on another device: where they ask for it, or where no browser
    /// of theirs can be opened.
    ///
    /// # Errors
    /// Usage: they ask for it, and the server takes no such sign-in.
    pub(super) fn is_by_code(
        &self,
        environment: &Environment,
        provider: &Provider,
    ) -> Result<bool> {
        if provider.device {
            return Ok(self.device || is_remote(environment));
        }
        if self.device {
            return Err(
                Failure::usage("this server takes no sign-in by a code on another device")
                    .hint("run: jit login, and open the address that it shows on this machine"),
            );
        }
        Ok(false)
    }

    /// What a provider is told (OpenID Connect Core 1.0, section 3.1.2.1).
    pub(super) fn parameters(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        let max_age = self.max_age.unwrap_or(provider.max_age);
        let mut parameters = vec![("max_age", max_age.to_string())];
        // Some providers only look at `prompt`.
        if self.max_age.is_some() {
            parameters.push(("prompt", "login".to_owned()));
            if !provider.acr_values.is_empty() {
                parameters.push(("acr_values", provider.acr_values.join(" ")));
            }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_step_up_asks_for_a_younger_and_better_sign_in() {
        let provider = Provider {
            issuer: "https://id.example.com".to_owned(),
            client_id: "jit".to_owned(),
            scopes: Vec::new(),
            acr_values: vec!["phr".to_owned(), "mfa".to_owned()],
            max_age: 43200,
            userinfo: false,
            redirect_port: None,
            parameters: BTreeMap::new(),
            device: true,
            certificate_authority: None,
        };
        let plain = Wish::default().parameters(&provider);
        assert_eq!(plain, [("max_age", "43200".to_owned())]);
        let step_up = Wish {
            max_age: Some(3600),
            ..Wish::default()
        };
        let asked = [
            ("max_age", "3600"),
            ("prompt", "login"),
            ("acr_values", "phr mfa"),
        ];
        let asked = asked.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(step_up.parameters(&provider), asked);
    }
}
