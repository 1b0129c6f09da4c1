//! Hosts as a catalogue names them: names, addresses and patterns, in which `*` is any run of characters.

/// How well a pattern fits a host: its own characters, and one without `*` fits best of all; `None`
/// where it does not fit.
pub fn fit(pattern: &str, host: &str) -> Option<usize> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return (pattern == host).then_some(usize::MAX);
    };
    let mut rest = host.strip_prefix(first)?.strip_suffix(last)?;
    for part in parts {
        let at = rest.find(part)?;
        rest = rest.get(at + part.len()..)?;
    }
    Some(weight(&pattern))
}

/// Whether some host fits both patterns.
pub fn overlap(one: &str, other: &str) -> bool {
    if !one.contains('*') && !other.contains('*') {
        return one.eq_ignore_ascii_case(other);
    }
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let ends = |pattern: &str| {
        let (first, rest) = pattern.split_once('*')?;
        let last = rest.rsplit('*').next().unwrap_or_default();
        Some((first.to_owned(), last.to_owned()))
    };
    let (Some(a), Some(b)) = (ends(&one), ends(&other)) else {
        return fit(&one, &other).is_some() || fit(&other, &one).is_some();
    };
    // What stands between their ends finds a place in a host that is long enough.
    let begins = a.0.starts_with(&b.0) || b.0.starts_with(&a.0);
    begins && (a.1.ends_with(&b.1) || b.1.ends_with(&a.1))
}

/// How much a pattern says, whatever it fits: the more, the earlier it is looked at.
pub fn weight(pattern: &str) -> usize {
    if !pattern.contains('*') {
        return usize::MAX;
    }
    // A lone `*` fits, too, if nothing else does.
    1 + pattern.chars().filter(|c| *c != '*').count()
}

/// Whether it is one host's name or address: no pattern, and nothing that a shell, ssh or a
/// certificate reads as more than text.
pub fn is_name(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && !host.starts_with('-')
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_do_not_overlap_themselves() {
        assert!(fit("ab*ba", "aba").is_none());
        assert!(fit("a*b*c", "axbyc").is_some());
        assert!(fit("a*b*b", "ab").is_none());
        assert_eq!(fit("*", "x"), Some(1));
        assert_eq!(fit("*.Web", "a.web."), Some(weight("*.web")));
    }

    #[test]
    fn patterns_overlap_where_a_host_fits_both() {
        for (one, other) in [
            ("*.web.internal", "*.eu.web.internal"),
            ("web-*", "*.internal"),
            ("a*b*c", "a*c"),
            ("Web", "web"),
            ("*", "web"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("*.web.internal", "*.db.internal"),
            ("web-*", "db-*"),
            ("web", "web-1"),
            ("web-*", "db-1"),
        ] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_name_is_one_host_and_nothing_more() {
        for name in ["web-1.example.com", "10.0.0.1", "::1", "web_1"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "*",
            "a,b",
            "a b",
            "-oProxyCommand=x",
            "a\nb",
            "a?",
            "!a",
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
