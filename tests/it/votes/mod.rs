//! What people say to a request, who may say it, and the end of everything that somebody has.

mod account_names;
mod approvals;
mod ends;
mod enrolled;
mod forged;
mod principals;
mod standing;
pub(crate) mod team;
