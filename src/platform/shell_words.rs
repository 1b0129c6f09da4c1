//! Words of a command line as Python's `shlex.split` reads them, as the AWS tools do for aliases and for the
//! headers of profiles.

/// The words of a text; `None` where a quote is not closed or a backslash has nothing behind it.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => quoted(&mut rest, word.get_or_insert_default(), '\'')?,
            '"' => quoted(&mut rest, word.get_or_insert_default(), '"')?,
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Takes what stands up to the closing quote; a backslash is one only between double quotes, before a
/// quote or another backslash.
fn quoted(rest: &mut impl Iterator<Item = char>, word: &mut String, quote: char) -> Option<()> {
    loop {
        match rest.next()? {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => match rest.next()? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        for (text, wanted) in [
            ("", Some(vec![])),
            ("a  b\tc", Some(vec!["a", "b", "c"])),
            ("profile \"two words\"", Some(vec!["profile", "two words"])),
            (
                r#"a'b "c'd e\ f '' "x\"\\\y""#,
                Some(vec!["ab \"cd", "e f", "", r#"x"\\y"#]),
            ),
            ("a # b", Some(vec!["a", "#", "b"])),
            ("it's", None),
            ("a\\", None),
            ("\"a\\\"", None),
        ] {
            let wanted = wanted.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(split(text), wanted, "{text}");
        }
    }
}
