//! Policy: who may have what, in Cedar. Each step is one question with its own action, so that the
//! three-way answer needs no trick: `elevate` permitted is `Allow`, `request` permitted is
//! `RequireApproval`, neither is `Deny`.

pub mod decide;
pub mod explain;
mod index;
mod named_sign_ins;
mod names;
mod obligation;
mod obtainable;
mod place;
pub mod question;
pub mod set;
mod sign_in;
pub mod starter;
pub mod strangers;
pub mod vocabulary;

#[cfg(test)]
mod tests;
