//! Whether the tools ask jit by themselves: `jit setup`, done and up to date.

use super::{finding::Finding, ground::Ground};
use crate::app::setup;

const SUBJECT: &str = "setup";

/// A line for the kinds that are set up, one for those that are not, and one for each that cannot be.
pub(super) fn look(ground: &Ground) -> Vec<Finding> {
    let Ok(kinds) = setup::outstanding(&ground.session) else {
        // The configuration's own line says why.
        return Vec::new();
    };
    let (shells, kinds): (Vec<_>, Vec<_>) = kinds
        .into_iter()
        .partition(|(kind, _)| *kind == setup::SHELL);
    let asked = kinds.into_iter().filter(|(kind, _)| {
        let mut names = ground.resources().map(|(name, _)| name.kind().as_str());
        names.any(|name| name == *kind)
    });
    let (mut done, mut open) = (Vec::new(), Vec::new());
    let mut findings = Vec::new();
    for (kind, outstanding) in asked {
        match outstanding {
            Ok(0) => done.push(kind),
            Ok(_) => open.push(kind),
            Err(failure) => findings.push(
                Finding::warning(SUBJECT, format!("{kind}: {failure}"))
                    .hint(format!("it says what to do: jit setup {kind}")),
            ),
        }
    }
    if let Some(first) = open.first() {
        let says = "not done or not up to date, so these tools need the prefix";
        let only = if open.len() == 1 {
            format!("{first} ")
        } else {
            String::new()
        };
        findings.insert(
            0,
            Finding::warning(SUBJECT, format!("{}: {says}", open.join(", "))).hint(format!(
                "see what it would change: jit setup {only}--dry-run"
            )),
        );
    }
    if !done.is_empty() {
        let says = format!("done for {}", done.join(", "));
        findings.insert(0, Finding::good(SUBJECT, says));
    }
    let is_open = shells.iter().any(|(_, edits)| !matches!(edits, Ok(0)));
    if is_open && ground.is_whole && ground.resources().next().is_some() {
        findings.push(shell());
    }
    findings
}

/// Whoever wants no wrappers is not wrong.
fn shell() -> Finding {
    let says = "shell: its wrappers and prompt are not there or not up to date";
    Finding::note(SUBJECT, says).hint("see what it would change: jit setup shell --dry-run")
}
