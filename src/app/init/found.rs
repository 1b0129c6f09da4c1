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
    /// The standing credential that it would take the place of, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<String>,
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

/// How the line before a block that is commented out begins.
pub(super) const NEEDS: &str = "# It still needs";

/// No more resources get the same name with a number behind it.
const MOST_NAMESAKES: usize = 4;

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

    /// Its block of `authority.toml`, as it is with nothing commented out.
    pub(super) fn block(&self) -> String {
        let mut lines = vec![header(&self.resource)];
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
        let mut origin = format!("# From {}.", self.origin);
        if let Some(replaces) = &self.replaces {
            origin = format!("{origin}\n# It would take the place of {replaces}.");
        }
        match &self.needs {
            None => format!("{origin}\n{}\n", self.block()),
            Some(needs) => {
                let block = self.block().replace('\n', "\n# ");
                let how = "then remove the \"# \" before each line";
                format!("{origin}\n{NEEDS} {needs}; {how}:\n# {block}\n")
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

    /// Adds what was found, unless the catalogue would no longer be right with it: a host that is
    /// there already, or something that cannot be. Where only its name is taken, it gets another.
    pub(super) fn add(&mut self, found: &Found) {
        let others = (2..=MOST_NAMESAKES).filter_map(|number| {
            let resource = found.resource.clone();
            let resource = format!("{resource}-{number}").parse().ok()?;
            let found = found.clone();
            Some(Found { resource, ..found })
        });
        for found in [found.clone()].into_iter().chain(others) {
            if self.takes(found) {
                return;
            }
        }
    }

    /// Whether it stands there already, be it commented out.
    pub(super) fn has(&self, found: &Found) -> bool {
        let header = header(&found.resource);
        let lines = self
            .text
            .lines()
            .map(|line| line.trim_start_matches(['#', ' ']));
        lines.into_iter().any(|line| line == header)
            && self.text.contains(&format!("# From {}.", found.origin))
    }

    fn takes(&mut self, found: Found) -> bool {
        let whole = format!("{}\n{}\n", self.whole, found.block());
        let text = format!("{}\n{}", self.text, found.commented());
        let is_right = |text: &str| authority::parse(authority::FILE, text).is_ok();
        let takes = is_right(&whole) && is_right(&text);
        if takes {
            self.whole = whole;
            self.text = text;
            self.found.push(found);
        }
        takes
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

fn header(resource: &ResourceName) -> String {
    format!("[resources.{}]", quote(&resource.to_string()))
}

/// A TOML basic string (TOML 1.0, String): whatever it holds, it stays one string on one line.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || is_invisible(c) => {
                quoted.extend(format!("\\U{:08X}", u32::from(c)).chars());
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
