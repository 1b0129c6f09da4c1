//! What identifies the policies and the catalogue that are in force.

/// SHA-256 of what people wrote: the same at each replica that has the same files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    /// Of the policies.
    pub(super) policies: String,
    /// Of the catalogue.
    pub(super) catalogue: String,
}
