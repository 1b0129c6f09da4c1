//! The environment variables that a tool may be given: a list per kind, and nothing beside it.

use std::ffi::OsString;

use crate::{
    domain::failure::{Failure, Result},
    platform::process::Launch,
};

/// Sets a variable of a launch, if the kind's list allows it. What an authority sends can become a
/// value, never a name: no `LD_PRELOAD`, however a launch is put together.
///
/// # Errors
/// The name is not on the list: a mistake in this program.
pub fn set(
    launch: &mut Launch,
    allowed: &[&str],
    name: &str,
    value: impl Into<OsString>,
) -> Result<()> {
    if !allowed.contains(&name) {
        return Err(
            Failure::failed(format!("a tool of this kind may not be given {name}"))
                .hint("this is a defect of jit; report it"),
        );
    }
    launch.unset.retain(|unset| unset != name);
    launch.set.insert(name.to_owned(), value.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_set() {
        let mut launch = Launch::default();
        set(&mut launch, &["KUBECONFIG"], "KUBECONFIG", "x").unwrap();
        for name in ["LD_PRELOAD", "PATH", "kubeconfig", "KUBECONFIG="] {
            assert!(set(&mut launch, &["KUBECONFIG"], name, "x").is_err());
        }
        assert_eq!(launch.set.len(), 1);
    }
}
