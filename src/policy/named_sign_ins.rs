//! The sign-ins that conditions of policies speak of (`context.acr`, `context.amr`).

use std::collections::BTreeSet;

use cedar_policy::Policy;

use super::names;

/// The sign-ins that conditions of policies speak of.
#[derive(Debug, Default)]
pub(super) struct NamedSignIns {
    /// Whether any condition looks at the sign-in.
    pub(super) matter: bool,
    /// The classes (`acr`) that they name.
    pub(super) classes: BTreeSet<String>,
    /// The methods (`amr`) that they name.
    pub(super) methods: BTreeSet<String>,
}

impl NamedSignIns {
    /// Adds those of one more policy.
    pub(super) fn add(&mut self, policy: &Policy) {
        let text = policy.to_string();
        // Few policies speak of it, and all are read at each start.
        if ["acr", "amr", "sign_in_age"]
            .iter()
            .any(|word| text.contains(word))
        {
            self.matter = true;
            self.classes
                .extend(names::compared_with_context(policy, "acr"));
            self.methods
                .extend(names::compared_with_context(policy, "amr"));
        }
    }
}
