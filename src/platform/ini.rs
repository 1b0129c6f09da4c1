//! INI files of other programs, read as Python's `configparser` has them: sections with settings.

use std::ops::Range;

/// A section, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What stands between the brackets.
    pub header: String,
    /// The header's line, from 0.
    pub line: usize,
    /// Its settings, in their order.
    pub settings: Vec<Setting>,
}

impl Section {
    /// A setting's value; of more than one the last counts.
    pub fn value(&self, key: &str) -> Option<&str> {
        let mut named = self.settings.iter().rev();
        named.find(|setting| setting.key == key).map(|s| &*s.value)
    }
}

/// `key = value` or `key: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In lower case.
    pub key: String,
    /// What stands on the key's own line.
    pub value: String,
    /// Its lines, from 0: what is indented more than the key goes on with the value.
    pub lines: Range<usize>,
    /// How far the key is indented.
    pub indent: usize,
}

/// The sections of a text. The error is the number of the guilty line, from 1: one before any
/// section, or one that is neither a setting nor a section nor the next part of a setting.
pub fn sections(text: &str) -> Result<Vec<Section>, usize> {
    let mut sections: Vec<Section> = Vec::new();
    for (line, written) in text.lines().enumerate() {
        let plain = written.trim();
        if plain.is_empty() || plain.starts_with(['#', ';']) {
            continue;
        }
        let indent = written.len() - written.trim_start().len();
        let section = sections.last_mut();
        if let Some(setting) = section.and_then(|section| section.settings.last_mut())
            && indent > setting.indent
        {
            setting.lines.end = line + 1;
        } else if let Some(header) = plain.strip_prefix('[') {
            let (header, _) = header.split_once(']').ok_or(line + 1)?;
            sections.push(Section {
                header: header.trim().to_owned(),
                line,
                settings: Vec::new(),
            });
        } else {
            let (key, value) = plain.split_once(['=', ':']).ok_or(line + 1)?;
            let section = sections.last_mut().ok_or(line + 1)?;
            section.settings.push(Setting {
                key: key.trim().to_ascii_lowercase(),
                value: value.trim().to_owned(),
                lines: line..line + 1,
                indent,
            });
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_are_found_with_their_lines() {
        let text = "# comment\n[a]\nX : 1\ny=\n  nested = 2\n\n  [no]\n; comment\nz = 3\n[b] # c\n  k = 1\n  l = 2\nk = 3\n";
        let found = sections(text).unwrap();
        let shown: Vec<String> = found
            .iter()
            .flat_map(|section| {
                let header = format!("[{}] {}", section.header, section.line);
                let settings = section.settings.iter();
                let shown = settings.map(|s| format!("{}={} {:?}", s.key, s.value, s.lines));
                [header].into_iter().chain(shown)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "[a] 1",
                "x=1 2..3",
                "y= 3..7",
                "z=3 8..9",
                "[b] 9",
                "k=1 10..11",
                "l=2 11..12",
                "k=3 12..13"
            ]
        );
        assert_eq!(found[1].value("k"), Some("3"));
        assert_eq!(found[1].value("x"), None);
    }

    #[test]
    fn the_guilty_line_is_named() {
        for (text, line) in [("x = 1\n", 1), ("[a]\nx\n", 2), ("\n[a\n", 2)] {
            assert_eq!(sections(text), Err(line), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "([\\[\\]=:#; \n\r\tx]|.){0,60}") {
            if let Ok(sections) = sections(&text) {
                let count = text.lines().count();
                for setting in sections.iter().flat_map(|section| &section.settings) {
                    prop_assert!(setting.lines.start < setting.lines.end && setting.lines.end <= count);
                }
            }
        }
    }
}
