//! The one name that a person has here, whatever letters and signs the provider's name is made of.
//!
//! A principal's name is ASCII, so that no two names look alike. What a name cannot hold is written as
//! `_xHHHH_`, as ISO/IEC 9075-14 writes what an XML name cannot hold: `o'brien` is `o_x0027_brien`. The
//! form can be read back, so that two names of the provider are never one name here.

use std::fmt::Write as _;

/// What the provider's name is here: lower case, with each sign that a principal's name cannot hold in its
/// escaped form. Nothing where it holds white space, control characters, or letters beyond the Latin ones,
/// many of which look like others.
pub fn canonical(text: &str) -> Option<String> {
    if !text.chars().all(is_writable) {
        return None;
    }
    let folded: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut name = String::with_capacity(text.len());
    for (at, sign) in folded.iter().enumerate() {
        let rest = folded.get(at..).unwrap_or_default();
        if is_plain(*sign) && !looks_escaped(rest) {
            name.push(*sign);
        } else {
            escape(*sign, &mut name)?;
        }
    }
    Some(name)
}

/// Printable ASCII, and the letters of Latin-1 and Latin Extended-A and -B. The capital I with a dot is left
/// out: in lower case it is two characters.
fn is_writable(sign: char) -> bool {
    let is_latin = ('\u{c0}'..='\u{24f}').contains(&sign) && sign.is_alphabetic();
    sign.is_ascii_graphic() || (is_latin && sign != '\u{130}')
}

fn is_plain(sign: char) -> bool {
    sign.is_ascii_lowercase() || sign.is_ascii_digit() || "._-@+".contains(sign)
}

/// Whether a name that goes on so would be read back as something escaped.
fn looks_escaped(rest: &[char]) -> bool {
    let Some(['_', 'x', digits @ .., last]) = rest.get(..7) else {
        return false;
    };
    let ends = *last == '_' || !is_plain(*last);
    ends && digits.iter().all(char::is_ascii_hexdigit)
}

fn escape(sign: char, name: &mut String) -> Option<()> {
    let code = u16::try_from(u32::from(sign)).ok()?;
    write!(name, "_x{code:04x}_").ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The folded name of the provider that a name here is of.
    fn read_back(name: &str) -> String {
        let signs: Vec<char> = name.chars().collect();
        let mut text = String::new();
        let mut at = 0;
        while let Some(sign) = signs.get(at) {
            match signs.get(at..at + 7) {
                Some(['_', 'x', digits @ .., '_'])
                    if digits.iter().all(char::is_ascii_hexdigit) =>
                {
                    let digits: String = digits.iter().collect();
                    let code = u32::from_str_radix(&digits, 16).unwrap();
                    text.push(char::from_u32(code).unwrap());
                    at += 7;
                }
                _ => {
                    text.push(*sign);
                    at += 1;
                }
            }
        }
        text
    }

    #[test]
    fn a_name_of_a_provider_has_one_form_here() {
        for (theirs, ours) in [
            ("alice", "alice"),
            ("First.Last@Example.com", "first.last@example.com"),
            ("o'brien", "o_x0027_brien"),
            ("MÜLLER", "m_x00fc_ller"),
            ("özgür", "_x00f6_zg_x00fc_r"),
            (
                "bob_gmail.com#EXT#@acme.example",
                "bob_gmail.com_x0023_ext_x0023_@acme.example",
            ),
            ("auth0|5f7c", "auth0_x007c_5f7c"),
            ("CORP\\alice", "corp_x005c_alice"),
            ("john_xavier", "john_xavier"),
            ("a_x0027_b", "a_x005f_x0027_b"),
        ] {
            assert_eq!(canonical(theirs).as_deref(), Some(ours), "{theirs}");
        }
        // Cyrillic, full width, the Kelvin sign, a zero-width space, white space.
        for text in [
            "аlice",
            "ａlice",
            "\u{212a}ate",
            "alice\u{200b}",
            "alice ",
            "a\nb",
            "İ",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn two_names_of_a_provider_are_never_one_name_here(text in "[_x0-9a-f'|#üé.A-Z]{0,24}") {
            let name = canonical(&text).unwrap();
            prop_assert_eq!(read_back(&name), text.to_lowercase());
        }
    }
}
