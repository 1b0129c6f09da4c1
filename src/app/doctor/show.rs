//! The findings as a person reads them: a line each, one below the other, and what to do below it.

use super::finding::{Finding, Level};
use crate::platform::terminal::plain_line;

/// The whole screen, with a summary as its last line.
pub(super) fn text(findings: &[&Finding]) -> String {
    let widths = findings
        .iter()
        .map(|finding| finding.subject.chars().count());
    let width = widths.max().unwrap_or_default();
    let mut lines = Vec::new();
    for finding in findings {
        let (word, subject) = (finding.level.word(), &finding.subject);
        lines.push(plain_line(&format!(
            "{word:<4}  {subject:<width$}  {}",
            finding.says
        )));
        if let Some(hint) = &finding.hint {
            lines.push(plain_line(&format!("      {:<width$}  → {hint}", "")));
        }
    }
    lines.push(summary(findings));
    lines.join("\n")
}

/// How many of each: `9 ok, 2 warnings, 1 failure`.
fn summary(findings: &[&Finding]) -> String {
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    let counted = |level, one: &str, many: &str| match count(level) {
        0 => None,
        1 => Some(format!("1 {one}")),
        several => Some(format!("{several} {many}")),
    };
    let parts = [
        counted(Level::Good, "ok", "ok"),
        counted(Level::Note, "note", "notes"),
        counted(Level::Warning, "warning", "warnings"),
        counted(Level::Bad, "failure", "failures"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_below_each_other_and_foreign_words_stay_on_theirs() {
        let findings = [
            Finding::good("keyring", "there"),
            Finding::warning("aws/prod", "a\nb").hint("run: jit setup aws"),
            Finding::bad("x", "gone"),
        ];
        let all: Vec<&Finding> = findings.iter().collect();
        insta::assert_snapshot!(text(&all), @r"
        ok    keyring   there
        warn  aws/prod  a�b
                        → run: jit setup aws
        fail  x         gone
        1 ok, 1 warning, 1 failure
        ");
    }
}
