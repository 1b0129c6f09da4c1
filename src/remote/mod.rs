//! The client's view of a server: the calls of the authority, over HTTP. What a server answers is
//! foreign bytes; the files below read it, and what they hand on is what was asked for.

pub mod approvals;
mod call;
pub mod catalogue;
mod checked;
pub mod delegations;
pub mod elevations;
pub mod events;
pub mod grants;
pub mod link;
pub mod patience;
pub mod pin;
pub mod principals;
pub mod reply;
pub mod session;
pub mod trouble;
pub mod trust;
pub mod workload;
