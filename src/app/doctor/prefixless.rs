//! Whether the tools ask jit by themselves: `jit setup`, done and up to date.

use super::{finding::Finding, ground::Ground};
use crate::app::setup;

const SUBJECT: &str = "setup";

/// A line for each kind that is not set up, and one for those that are.
pub(super) fn look(ground: &Ground) -> Vec<Finding> {
    let Ok(kinds) = setup::outstanding(&ground.session) else {
        // The configuration's own line says why.
        return Vec::new();
    };
    let asked = kinds.into_iter().filter(|(kind, _)| {
        let mut names = ground.resources().map(|(name, _)| name.kind().as_str());
        names.any(|name| name == *kind)
    });
    let mut done = Vec::new();
    let mut findings = Vec::new();
    for (kind, outstanding) in asked {
        match outstanding {
            Ok(0) => done.push(kind),
            Ok(_) => findings.push(
                Finding::warning(
                    SUBJECT,
                    format!("{kind}: not done or not up to date, so its tools need the prefix"),
                )
                .hint(format!(
                    "see what it would change: jit setup {kind} --dry-run"
                )),
            ),
            Err(failure) => findings.push(
                Finding::warning(SUBJECT, format!("{kind}: {failure}"))
                    .hint(format!("it says what to do: jit setup {kind}")),
            ),
        }
    }
    if !done.is_empty() {
        let says = format!("done for {}", done.join(", "));
        findings.insert(0, Finding::good(SUBJECT, says));
    }
    findings
}
