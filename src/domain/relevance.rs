//! Which part of a catalogue can matter to a command, so that no more of a large one is read.

use super::entitlement::{Kind, ResourceName};

/// A part of a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relevance<'a> {
    /// One resource.
    One(&'a ResourceName),
    /// All of a kind.
    Kind(Kind),
    /// All of it.
    Everything,
}

impl Relevance<'_> {
    /// Whether a resource is in it.
    pub fn includes(&self, name: &ResourceName) -> bool {
        match self {
            Self::One(one) => *one == name,
            Self::Kind(kind) => name.kind() == *kind,
            Self::Everything => true,
        }
    }
}
