//! How many there are of something, in words.

/// `1 lease`, `2 leases`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        return format!("1 {what}");
    }
    format!("{count} {what}s")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_one() {
        assert_eq!(counted(0, "lease"), "0 leases");
        assert_eq!(counted(1, "lease"), "1 lease");
        assert_eq!(counted(2, "lease"), "2 leases");
    }
}
