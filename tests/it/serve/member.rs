//! People at their own machines: a home whose config.toml names the server, and who is signed in there.

use jit::app::identity::{self, Kept};

use super::client::{point, session};
use crate::support::{
    Serve,
    home::{Home, Ran, run},
};

/// Everything that people say to requests is permitted to those in the right group.
pub(crate) const POLICIES: &str = r#"
@id("routine")
permit (principal, action == Action::"elevate", resource in Tier::"routine");
@id("sensitive") @justification("required")
permit (principal, action == Action::"request", resource in Tier::"sensitive");
@id("approvers")
permit (principal in Group::"approvers", action == Action::"approve", resource);
@id("administrators")
permit (principal in Group::"administrators", action in [Action::"administer", Action::"audit"], resource);
@id("own")
permit (principal, action in [Action::"revoke", Action::"audit"], resource) when { context.own };
@id("on-call") @justification("required")
permit (principal in Group::"on-call", action == Action::"break_glass", resource);
@id("delegate")
permit (principal, action == Action::"delegate", resource) unless { resource in Tier::"sensitive" };
"#;

/// Hands the routine entitlement on to an agent, before its command.
pub(crate) const DELEGATE: [&str; 8] = [
    "delegate",
    "--to",
    "helper",
    "--only",
    "ssh/web:deploy",
    "--ttl",
    "1h",
    "--",
];

/// Somebody at their machine.
pub(crate) struct Member {
    pub(crate) home: Home,
}

impl Member {
    /// Signed in at that server.
    pub(crate) fn of(serve: &Serve, who: &str, groups: &[&str]) -> Self {
        let home = Home::new();
        point(&home, &serve.url, Some(&serve.ca()));
        let member = Self { home };
        member.sign_in_again(serve, who, groups);
        member
    }

    /// With a new session.
    pub(super) fn sign_in_again(&self, serve: &Serve, who: &str, groups: &[&str]) {
        let guest = serve.let_in(who, groups);
        let kept: Kept = serde_json::from_value(serde_json::json!({
            "token": secrecy::ExposeSecret::expose_secret(&guest.token.0),
            "holder": guest.holder,
            "expires_at": guest.session.expires_at,
        }))
        .unwrap();
        identity::keep(&session(&self.home), &serve.url, &kept).unwrap();
    }

    pub(crate) fn jit(&self, args: &[&str]) -> Ran {
        run(&mut self.home.jit(args))
    }

    /// Runs a verb that must work; what it printed.
    #[track_caller]
    pub(crate) fn works(&self, args: &[&str]) -> String {
        let ran = self.jit(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    }
}
