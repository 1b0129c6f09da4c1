//! A mistake with its place, and what is claimed by whom.

use std::collections::BTreeMap;

use crate::{
    config::spot::Table,
    domain::{entitlement::ResourceName, failure::Failure},
};

/// Nothing, or the first mistake.
pub(in crate::config) type Checked = Result<(), Fault>;

/// A mistake, and the path of keys that leads to it.
#[derive(Debug)]
pub(in crate::config) struct Fault {
    path: Vec<String>,
    message: String,
    hint: String,
}

impl Fault {
    pub(in crate::config) fn new<'a>(
        path: impl IntoIterator<Item = &'a str>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into_iter().map(str::to_owned).collect(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// `text` is not what it should be.
    pub(in crate::config) fn not(path: &[&str], text: &str, what: &str, hint: &str) -> Self {
        // What stands before an @ may be a password, so it is not repeated.
        let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        Self::new(
            path.iter().copied(),
            format!("{text:?} is not {what}"),
            hint,
        )
    }

    /// The fault as a person sees it, with its line.
    pub(in crate::config) fn at(self, table: Table<'_>) -> Failure {
        let line = table.line(table.find(&self.path));
        Failure::failed(format!("{}:{line}: {}", table.file, self.message)).hint(self.hint)
    }

    pub(super) fn below(mut self, name: &ResourceName) -> Self {
        let outer = ["resources".to_owned(), name.to_string()];
        self.path = outer.into_iter().chain(self.path).collect();
        self.message = format!("{} in {name}", self.message);
        self
    }
}

/// What was claimed, and by which resource.
#[derive(Default)]
pub(super) struct Claims<'a>(BTreeMap<(&'static str, String), &'a ResourceName>);

impl<'a> Claims<'a> {
    pub(super) fn claim(&mut self, key: &'static str, what: &str, by: &'a ResourceName) -> Checked {
        match self.0.insert((key, what.to_owned()), by) {
            Some(other) => Err(Fault::new(
                [key],
                format!("{what:?} belongs to {other} already, so it cannot be among the {key}"),
                "name it in one of the two",
            )),
            None => Ok(()),
        }
    }
}

/// There must be at least one host.
pub(super) fn some_hosts(hosts: &[String]) -> Checked {
    if hosts.is_empty() {
        let hint = "name at least one: hosts = [\"host.example.com\"]";
        return Err(Fault::new(["hosts"], "there are no hosts", hint));
    }
    Ok(())
}
