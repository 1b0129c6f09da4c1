//! The aws CLI, and every other program that finds AWS credentials in its environment.

mod alias;
mod argv;
mod hook;
mod launch;
mod named;
mod operations;
mod private;
mod process;
mod profile;
mod recognise;
mod secrets;
mod shadow;
#[cfg(test)]
mod tests;

pub use hook::{command, header};
pub use launch::launch;
pub use process::{not_an_account, process_credentials};
pub use recognise::{needs_nothing, recognise, verb};
pub use shadow::{BRINGS_CREDENTIALS, Shadow, own_keys, shadows};
