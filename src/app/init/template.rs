//! What `jit init` writes before it knows anything.

/// `config.toml`
pub(super) const CONFIG: &str = r#"# The client's own choices. Everything here has a default; `jit policy check` checks this file.

# The authority that decides for a team. Without it, jit decides on this machine, by your own policies.
# server = "https://jit.example.com"

[exec]
# How long a terminal waits for an approval.
wait = "10m"
"#;

/// The start of `authority.toml`.
pub(super) const AUTHORITY: &str = r#"# What can be reached, and as which role. `jit policy check` checks this file.
#
# A role's tier says how sensitive it is, and the policies beside this file say what that means:
#   "routine" (as long as nothing else is said), "elevated", "sensitive".

[groups]
# Names of people, for policies that speak of groups.
on-call = []
approvers = []
"#;
