//! Sections with settings, as `pg_service.conf` has them.

use std::collections::BTreeMap;

/// The sections in their order, each with its settings (keys in lower case, the first one counts).
/// What is neither is passed over, and so are the indented lines of nested settings.
pub(super) fn sections(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut sections: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for line in text.lines() {
        let plain = line.trim();
        if plain.is_empty() || plain.starts_with(['#', ';']) || line.starts_with([' ', '\t']) {
            continue;
        }
        if let Some(header) = plain.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default().trim();
            sections.push((header.to_owned(), BTreeMap::new()));
        } else if let (Some((_, settings)), Some((key, value))) =
            (sections.last_mut(), plain.split_once('='))
        {
            let key = key.trim().to_ascii_lowercase();
            settings
                .entry(key)
                .or_insert_with(|| value.trim().to_owned());
        }
    }
    sections
}
