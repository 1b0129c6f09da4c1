//! INI files of other programs, read as Python's `configparser` has them: sections with settings.

use std::ops::Range;

/// A file, read as far as it can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its sections, in their order.
    pub sections: Vec<Section>,
    /// The lines before any section that are no section, from 1.
    pub outside: Vec<usize>,
}

impl File {
    /// The lines that are neither a setting nor a section nor the next part of a setting, from 1.
    pub fn faults(&self) -> impl Iterator<Item = usize> + use<'_> {
        let inside = self.sections.iter().flat_map(|section| &section.faults);
        self.outside.iter().chain(inside).copied()
    }
}

/// A section, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What stands between the first bracket and the last one on its line.
    pub header: String,
    /// The header's line, from 0.
    pub line: usize,
    /// Its settings, in their order.
    pub settings: Vec<Setting>,
    /// Its lines that are no setting, from 1.
    pub faults: Vec<usize>,
}

impl Section {
    /// A setting; of more than one the last counts.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        let mut named = self.settings.iter().rev();
        named.find(|setting| setting.key == key)
    }

    /// The blanks before the section's first setting in `text`, whose section it is. What is written above
    /// that setting begins with as many, since it would go on with the setting otherwise.
    pub fn indentation<'a>(&self, text: &'a str) -> &'a str {
        let first = self.settings.first().map(|first| first.lines.start);
        let first = first
            .and_then(|first| text.lines().nth(first))
            .unwrap_or_default();
        first
            .get(..first.len() - first.trim_start().len())
            .unwrap_or_default()
    }

    /// A setting's value; of more than one the last counts.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.setting(key).map(|setting| &*setting.value)
    }
}

/// `key = value` or `key: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In lower case.
    pub key: String,
    /// What stands on the key's own line. Nothing behind it is a comment.
    pub value: String,
    /// What stands on the lines that go on with the value.
    pub more: Vec<String>,
    /// Its lines, from 0: what is indented more than the key goes on with the value.
    pub lines: Range<usize>,
    /// How far the key is indented.
    pub indent: usize,
}

impl Setting {
    /// The value on all its lines.
    pub fn whole(&self) -> String {
        let lines: Vec<&str> = [&self.value]
            .into_iter()
            .chain(&self.more)
            .map(String::as_str)
            .collect();
        lines.join("\n")
    }
}

/// The sections of a text, as `configparser` reads them.
pub fn parse(text: &str) -> File {
    let mut file = File::default();
    for (line, written) in text.lines().enumerate() {
        let plain = written.trim();
        if plain.is_empty() || plain.starts_with(['#', ';']) {
            continue;
        }
        let indent = written.len() - written.trim_start().len();
        let section = file.sections.last_mut();
        if let Some(setting) = section.and_then(|section| section.settings.last_mut())
            && indent > setting.indent
        {
            setting.lines.end = line + 1;
            setting.more.push(plain.to_owned());
        } else if let Some(header) = header(plain) {
            file.sections.push(Section {
                header: header.to_owned(),
                line,
                settings: Vec::new(),
                faults: Vec::new(),
            });
        } else {
            let setting = setting(plain, line, indent);
            match (file.sections.last_mut(), setting) {
                (Some(section), Some(setting)) => section.settings.push(setting),
                (Some(section), None) => section.faults.push(line + 1),
                (None, _) => file.outside.push(line + 1),
            }
        }
    }
    file
}

/// What stands behind the last bracket counts for nothing.
fn header(plain: &str) -> Option<&str> {
    let (header, _) = plain.strip_prefix('[')?.rsplit_once(']')?;
    (!header.is_empty()).then_some(header)
}

fn setting(plain: &str, line: usize, indent: usize) -> Option<Setting> {
    let (key, value) = plain.split_once(['=', ':'])?;
    Some(Setting {
        key: key.trim().to_ascii_lowercase(),
        value: value.trim().to_owned(),
        more: Vec::new(),
        lines: line..line + 1,
        indent,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_are_found_with_their_lines() {
        let text = "# comment\n[a]\nX : 1\ny=\n  nested = 2\n\n  [no]\n; comment\nz = 3\n[b] # c\n  k = 1\n  l = 2\nk = 3\n";
        let found = parse(text).sections;
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
        let nested = found[0].setting("y").unwrap();
        assert_eq!(nested.whole(), "\nnested = 2\n[no]");
    }

    #[test]
    fn a_line_that_is_nothing_belongs_to_its_section() {
        let text = "x = 1\n[a\n[b] # [c]\nk = v # note\nno\n[]\n[d]\n  i = 1\n  j = 2\n";
        let file = parse(text);
        assert_eq!(file.outside, [1, 2]);
        assert_eq!(file.faults().collect::<Vec<_>>(), [1, 2, 5, 6]);
        let headers: Vec<&str> = file.sections.iter().map(|s| &*s.header).collect();
        assert_eq!(headers, ["b] # [c", "d"]);
        assert_eq!(file.sections[0].value("k"), Some("v # note"));
        assert_eq!(file.sections[1].value("j"), Some("2"));
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "([\\[\\]=:#; \n\r\tx]|.){0,60}") {
            let count = text.lines().count();
            for setting in parse(&text).sections.iter().flat_map(|section| &section.settings) {
                prop_assert!(setting.lines.start < setting.lines.end && setting.lines.end <= count);
            }
        }
    }
}
