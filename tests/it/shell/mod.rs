//! Without the prefix: what a shell's wrappers run, and the shells themselves.

mod completion;
mod if_known;
mod prompt;
mod setup;
mod shells;
mod wrappers;
