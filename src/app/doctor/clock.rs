//! Clocks: ours, compared with each target's own.

use std::time::Duration;

use super::finding::{Finding, Level};
use crate::domain::{
    lease::CLOCK_SKEW,
    time::{Timestamp, Ttl},
};

/// What is said of each clock before they are told together.
const AGREES: &str = "its clock agrees with this machine's";

/// The instant here when a target said that it was `there` there.
pub(super) fn compare(
    name: &(impl ToString + ?Sized),
    here: Timestamp,
    there: Timestamp,
) -> Finding {
    let (ahead, behind) = (here.left(there), there.left(here));
    let off = ahead.max(behind);
    if off <= CLOCK_SKEW {
        return Finding::good(name, AGREES);
    }
    let (where_to, breaks) = if behind.is_zero() {
        ("ahead of", "what is made here is not valid there yet")
    } else {
        (
            "behind",
            "what is made here has ended there before its time",
        )
    };
    let off = Ttl(Duration::from_secs(off.as_secs()));
    Finding::bad(
        name,
        format!("this machine's clock is {off} {where_to} its clock: {breaks}"),
    )
    .hint("set this machine's clock (timedatectl set-ntp true), or the target's")
}

/// Tells in one line of all clocks that agree.
pub(super) fn together(findings: &mut Vec<Finding>) -> Option<Finding> {
    let agrees = |finding: &Finding| finding.level == Level::Good && finding.says == AGREES;
    let names: Vec<String> = findings
        .iter()
        .filter(|finding| agrees(finding))
        .map(|finding| finding.subject.clone())
        .collect();
    findings.retain(|finding| !agrees(finding));
    (!names.is_empty())
        .then(|| Finding::good("clock", format!("it agrees with {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entitlement::ResourceName;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + seconds)
    }

    #[test]
    fn a_minute_is_nothing_and_more_is_said_with_what_it_breaks() {
        let name: ResourceName = "kubernetes/prod".parse().unwrap();
        let said = |here: i64| compare(&name, at(here), at(0));
        for near in [-60, 0, 60] {
            assert_eq!(said(near).level, Level::Good, "{near}");
        }
        assert_eq!(
            said(600).says,
            "this machine's clock is 10m ahead of its clock: what is made here is not valid there yet"
        );
        assert_eq!(
            said(-3661).says,
            "this machine's clock is 1h 1m 1s behind its clock: what is made here has ended there before its time"
        );
    }

    #[test]
    fn clocks_that_agree_are_one_line() {
        let names: [ResourceName; 2] = ["kubernetes/a", "aws/b"].map(|name| name.parse().unwrap());
        let mut findings: Vec<Finding> = names
            .iter()
            .map(|name| compare(name, at(1), at(0)))
            .collect();
        findings.push(compare(&names[0], at(100), at(0)));
        let one = together(&mut findings).unwrap();
        assert_eq!(one.says, "it agrees with kubernetes/a, aws/b");
        assert_eq!(findings.len(), 1);
        assert_eq!(together(&mut findings), None);
    }
}
