//! STUB
use crate::domain::{catalogue::Catalogue, environment::*, failure::*, principal::*};
use crate::policy::Policies;
use std::path::{Path, PathBuf};
pub fn environment() -> Environment {
    Environment {
        variables: std::env::vars_os().collect(),
        directory: std::env::current_dir().unwrap(),
        home: std::env::var_os("HOME").map(Into::into),
    }
}
pub fn places(e: &Environment, d: Option<&Path>) -> Result<Places> {
    let h = e.home.clone().unwrap();
    let x = |n: &str, d: &str| {
        e.value(n)
            .map(PathBuf::from)
            .unwrap_or(h.join(d))
            .join("jit")
    };
    Ok(Places {
        configuration: d
            .map(|d| d.to_owned())
            .unwrap_or(x("XDG_CONFIG_HOME", ".config")),
        state: x("XDG_STATE_HOME", ".local/state"),
        cache: x("XDG_CACHE_HOME", ".cache"),
        runtime: x("XDG_RUNTIME_DIR", ".cache/run"),
    })
}
pub fn catalogue(p: &Places) -> Result<Catalogue> {
    let t = std::fs::read_to_string(p.configuration.join("authority.toml")).unwrap_or_default();
    toml::from_str(&t).map_err(|e| Failure::failed("bad").because(&e))
}
pub fn policies(_: &Places) -> Result<Policies> {
    Ok(Policies)
}
pub fn caller(_: &Catalogue) -> Result<Caller> {
    Ok(Caller {
        principal: Principal::new(Class::Human, "alice")?,
        groups: Default::default(),
    })
}
