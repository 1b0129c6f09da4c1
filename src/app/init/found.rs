//! What was found, and the catalogue that it becomes. What stands in foreign files is never trusted:
//! names are cut down to what a name may be, texts are quoted, and what does not read back strictly
//! is left out.

use serde::Serialize;

use crate::{
    config::authority,
    domain::entitlement::{Kind, ResourceName, RoleName, Tier},
};

/// A resource that one of the user's own tools knows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Found {
    /// The name that is proposed.
    pub(super) resource: ResourceName,
    /// Where it was found, in words.
    pub(super) origin: String,
    /// What is missing; a block that misses something is commented out.
    pub(super) needs: Option<String>,
    /// The keys with their values, in TOML.
    #[serde(skip)]
    pub(super) keys: Vec<(&'static str, String)>,
    /// The roles, each with its TOML.
    #[serde(skip)]
    pub(super) roles: Vec<(RoleName, String)>,
    /// A certificate that the block refers to: file name and PEM.
    #[serde(skip)]
    pub(super) certificate: Option<(String, String)>,
}

impl Found {
    /// A name for a resource, cut down to what a name may be; `None` where nothing is left.
    pub(super) fn name(kind: Kind, text: &str) -> Option<ResourceName> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
        let cut: String = text
            .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
            .chars()
            .map(|c| if plain(c) { c } else { '-' })
            .take(64)
            .collect();
        format!("{kind}/{}", cut.trim_end_matches('-')).parse().ok()
    }

    fn block(&self) -> String {
        let mut lines = vec![format!("[resources.{}]", quote(&self.resource.to_string()))];
        lines.extend(
            self.keys
                .iter()
                .map(|(key, value)| format!("{key} = {value}")),
        );
        for (role, value) in &self.roles {
            lines.push(format!("roles.{} = {value}", quote(role.as_str())));
        }
        lines.join("\n")
    }

    fn commented(&self) -> String {
        let origin = format!("# From {}.", self.origin);
        match &self.needs {
            None => format!("{origin}\n{}\n", self.block()),
            Some(needs) => {
                let block = self.block().replace('\n', "\n# ");
                let how = "then remove the \"# \" before each line";
                format!("{origin} It still needs {needs}; {how}:\n# {block}\n")
            }
        }
    }
}

/// The `authority.toml` that is being written.
#[derive(Debug)]
pub(super) struct Proposal {
    /// The text so far; it always reads back strictly.
    pub(super) text: String,
    /// What is in it.
    pub(super) found: Vec<Found>,
    /// The text with nothing commented out: what it becomes in the end reads back too.
    whole: String,
}

impl Proposal {
    pub(super) fn new(start: &str) -> Self {
        Self {
            text: start.to_owned(),
            found: Vec::new(),
            whole: start.to_owned(),
        }
    }

    /// Adds what was found, unless the catalogue would no longer be right with it: a name or a host
    /// that is there already, or something that cannot be.
    pub(super) fn add(&mut self, found: Found) {
        let whole = format!("{}\n{}\n", self.whole, found.block());
        let text = format!("{}\n{}", self.text, found.commented());
        let is_right = |text: &str| authority::parse(authority::FILE, text).is_ok();
        if is_right(&whole) && is_right(&text) {
            self.whole = whole;
            self.text = text;
            self.found.push(found);
        }
    }

    pub(super) fn certificates(&self) -> Vec<(String, String)> {
        let found = self.found.iter();
        found
            .filter_map(|found| found.certificate.clone())
            .collect()
    }

    #[cfg(test)]
    pub(super) fn whole(&self) -> &str {
        &self.whole
    }
}

/// A TOML basic string (TOML 1.0, String): whatever it holds, it stays one string on one line.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || is_invisible(c) => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Letters that change the direction of text, or that cannot be seen: a reader must not be fooled.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A TOML array of strings.
pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = items.into_iter().map(quote).collect();
    format!("[{}]", quoted.join(", "))
}

/// A role's TOML: its own keys, and its tier where it is not routine.
pub(super) fn role(keys: &[(&str, &str)], tier: Tier) -> String {
    let mut pairs: Vec<String> = keys
        .iter()
        .map(|(key, value)| format!("{key} = {}", quote(value)))
        .collect();
    if tier != Tier::default() {
        pairs.push(format!("tier = {}", quote(tier.as_str())));
    }
    if pairs.is_empty() {
        return "{}".to_owned();
    }
    format!("{{ {} }}", pairs.join(", "))
}

/// A guess from the name alone, on the safe side.
pub(super) fn tier_of(name: &str) -> Tier {
    let name = name.to_ascii_lowercase();
    let mighty = ["admin", "root", "postgres", "owner", "power", "super"];
    if mighty.iter().any(|word| name.contains(word)) {
        return Tier::Sensitive;
    }
    Tier::Routine
}
