//! Patterns of text: `*` stands for any characters but `/`, `**` for any characters at all.

use std::collections::BTreeSet;

/// Whether the text stands for more than itself.
pub fn is_pattern(text: &str) -> bool {
    text.contains('*')
}

/// Whether a text matches a pattern. Each character of the text is one step, with all places in the pattern that
/// what was read so far can lead to: many stars cost no more than few.
pub fn matches(pattern: &str, text: &str) -> bool {
    let parts = parts(pattern);
    let mut places = behind_runs(&parts, [0].into());
    for character in text.chars() {
        let next = places.iter().filter_map(|place| match parts.get(*place)? {
            Part::One(wanted) => (*wanted == character).then_some(place + 1),
            Part::Run { any } => (*any || character != '/').then_some(*place),
        });
        places = behind_runs(&parts, next.collect());
    }
    places.contains(&parts.len())
}

/// Whether no text matches both. Two patterns are told apart by what they begin and end with.
pub fn are_disjoint(one: &str, other: &str) -> bool {
    match (is_pattern(one), is_pattern(other)) {
        (false, false) => one != other,
        (true, false) => !matches(one, other),
        (false, true) => !matches(other, one),
        (true, true) => {
            let ends = |text: &str| {
                let head = text.split('*').next().unwrap_or_default();
                let tail = text.rsplit('*').next().unwrap_or_default();
                (head.to_owned(), tail.to_owned())
            };
            let ((head, tail), (other_head, other_tail)) = (ends(one), ends(other));
            let begin_alike = head.starts_with(&other_head) || other_head.starts_with(&head);
            let end_alike = tail.ends_with(&other_tail) || other_tail.ends_with(&tail);
            !begin_alike || !end_alike
        }
    }
}

enum Part {
    One(char),
    /// Any number of characters; with `/` among them, or without.
    Run {
        any: bool,
    },
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(pattern.len());
    for character in pattern.chars() {
        match (character, parts.last_mut()) {
            ('*', Some(Part::Run { any })) => *any = true,
            ('*', _) => parts.push(Part::Run { any: false }),
            (character, _) => parts.push(Part::One(character)),
        }
    }
    parts
}

/// These places, and those behind each run, which may be empty.
fn behind_runs(parts: &[Part], mut places: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut open: Vec<usize> = places.iter().copied().collect();
    while let Some(place) = open.pop() {
        let is_run = matches!(parts.get(place), Some(Part::Run { .. }));
        if is_run && places.insert(place + 1) {
            open.push(place + 1);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stays_in_its_segment_and_two_stars_do_not() {
        for (pattern, matching, others) in [
            ("main", &["main"][..], &["Main", "main2", ""][..]),
            (
                "refs/heads/release/*",
                &["refs/heads/release/1.2", "refs/heads/release/"],
                &[
                    "refs/heads/release",
                    "refs/heads/release/1/2",
                    "refs/tags/release/1",
                ],
            ),
            ("refs/**", &["refs/heads/a/b"], &["ref/x"]),
            ("*-prod", &["eu-prod", "-prod"], &["eu/x-prod", "eu-prod2"]),
            ("a*b*c", &["abc", "axxbyyc", "abbc"], &["ab", "acb"]),
        ] {
            for text in matching {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for text in others {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn a_pattern_with_many_stars_is_matched_in_little_time() {
        let pattern = "*a".repeat(100);
        assert!(!matches(&pattern, &"a".repeat(99)));
        assert!(matches(&pattern, &"a".repeat(200)));
    }

    proptest! {
        #[test]
        fn disjoint_patterns_match_no_text_in_common(
            one in "[ab*/]{0,6}", other in "[ab*/]{0,6}", text in "[ab/]{0,6}",
        ) {
            if matches(&one, &text) && matches(&other, &text) {
                prop_assert!(!are_disjoint(&one, &other));
            }
        }
    }
}
