//! The smallest catalogue: some hosts behind one SSH certificate authority, which need not run.

use super::home::{Home, Ran, run};

/// `deploy` is routine, `ops` elevated, `root` sensitive.
pub(crate) const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web.example.com"]
roles.deploy = {}
roles.ops = { tier = "elevated" }
roles.root = { tier = "sensitive" }
"#;

/// Routine is automatic, elevated needs a reason, sensitive a person.
pub(crate) const POLICIES: &str = r#"
@id("routine")
permit (principal, action == Action::"elevate", resource in Tier::"routine");
@id("elevated")
@justification("required")
permit (principal, action == Action::"elevate", resource in Tier::"elevated");
@id("sensitive")
permit (principal, action == Action::"request", resource in Tier::"sensitive");
"#;

/// A home with that catalogue and those policies.
pub(crate) fn web() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    home
}

/// Asks for the routine entitlement.
pub(crate) fn ask(home: &Home) -> Ran {
    run(&mut home.jit(["request", "ssh/web:deploy"]))
}
