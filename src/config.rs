//! STUB
use crate::domain::{catalogue::Catalogue, environment::*, failure::*, principal::*};
use crate::policy::Policies;
use std::path::Path;
pub fn environment() -> Environment {
    Environment {
        variables: std::env::vars_os().collect(),
        directory: std::env::current_dir().unwrap(),
        home: std::env::var_os("HOME").map(Into::into),
    }
}
pub fn places(e: &Environment, d: Option<&Path>) -> Result<Places> {
    let h = e.home.clone().unwrap();
    Ok(Places {
        configuration: d.map(|d| d.to_owned()).unwrap_or(h.join(".config/jit")),
        state: h.join(".local/state/jit"),
        cache: h.join(".cache/jit"),
        runtime: h.join(".cache/jit/run"),
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
