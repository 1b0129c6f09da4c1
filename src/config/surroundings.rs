//! The one place where the process's environment is read.

use std::{env, path::PathBuf};

use super::account;
use crate::domain::environment::Environment;

/// A snapshot of the process's surroundings. It never fails: what is missing is missing.
pub fn capture() -> Environment {
    let mut environment = Environment {
        variables: env::vars_os().collect(),
        directory: env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        home: None,
    };
    let home = environment.value("HOME").map(PathBuf::from);
    environment.home = home
        .filter(|home| home.is_absolute())
        .or_else(account::home);
    environment
}
