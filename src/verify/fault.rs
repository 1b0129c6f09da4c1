//! Why a token is refused, and what helps.

/// What helps where the token itself is too old, or of another kind: another one.
pub const GET_ANOTHER: &str = "get a new one from it, for this server";

/// Why a token is refused, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) why: String,
    pub(super) hint: String,
}

impl Fault {
    /// One that another token of the same issuer would have too.
    pub(super) fn lasting(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            hint: hint.into(),
        }
    }
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self::lasting(why, GET_ANOTHER)
    }
}

impl From<&str> for Fault {
    fn from(why: &str) -> Self {
        Self::from(why.to_owned())
    }
}
