//! Accounts from the profiles of `~/.aws/config`: those that assume a role, and those of SSO.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    found::{Found, list, quote, role, tier_of},
    ini,
};
use crate::{
    domain::{
        entitlement::{Kind, RoleName},
        environment::Environment,
        failure::Result,
    },
    platform::{
        files,
        profiles::{Profiles, Which},
    },
};

/// Stands for a number that nobody has.
const UNKNOWN: &str = "000000000000";

type Settings = BTreeMap<String, String>;

pub(super) fn find(environment: &Environment) -> Result<Vec<Found>> {
    let path = Which::Config.path(environment);
    let text = path.map_or(Ok(None), |path| files::read_text(&path))?;
    let sections = ini::sections(&text.unwrap_or_default());
    let profiles: Vec<(String, Settings)> = sections.into_iter().filter_map(profile).collect();
    let mut accounts: BTreeMap<String, Vec<&(String, Settings)>> = BTreeMap::new();
    for profile in &profiles {
        // A profile that gets its credentials from a program, perhaps from jit, assumes nothing itself.
        if !profile.1.contains_key("credential_process")
            && let Some(account) = account(&profile.1)
        {
            accounts.entry(account).or_default().push(profile);
        }
    }
    let found = accounts.iter();
    Ok(found
        .filter_map(|(account, profiles)| found_in(account, profiles))
        .collect())
}

/// Accounts of which only a static key is known, which does not say whose it is.
pub(super) fn keys(environment: &Environment) -> Result<Vec<Found>> {
    let profiles = Profiles::read(environment)?;
    let files = [&profiles.credentials, &profiles.config];
    let having = |key| files.iter().flat_map(move |file| file.having(key));
    let bases: BTreeSet<&str> = having("source_profile")
        .filter_map(|profile| profiles.value(profile, "source_profile"))
        .collect();
    // A key that roles are assumed with already is no account of its own.
    let held = having("aws_access_key_id").filter(|profile| !bases.contains(profile));
    Ok(held.filter_map(key).collect())
}

fn key(profile: &str) -> Option<Found> {
    let arn = format!("arn:aws:iam::{UNKNOWN}:role/ROLE");
    let tier = tier_of("read");
    Some(Found {
        resource: Found::name(Kind::Aws, profile)?,
        origin: format!("the AWS profile {}", quote(profile)),
        needs: Some(format!(
            "the account's number, instead of {UNKNOWN}, and the role that jit may assume, instead of ROLE"
        )),
        replaces: Some(format!("the static key of profile {}", quote(profile))),
        keys: vec![
            ("account", quote(UNKNOWN)),
            ("profiles", list([profile])),
            ("issuer", quote("assume-role")),
        ],
        roles: vec![("read".parse().ok()?, role(&[("arn", &arn)], tier))],
        certificate: None,
    })
}

/// The profile of a header: `profile x`, `profile "x y"`, `default`.
fn profile((header, settings): (String, Settings)) -> Option<(String, Settings)> {
    if header == "default" {
        return Some((header, settings));
    }
    let name = header
        .strip_prefix("profile")?
        .trim()
        .trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| (name.to_owned(), settings))
}

fn account(settings: &Settings) -> Option<String> {
    let arn = settings
        .get("role_arn")
        .and_then(|arn| arn.split(':').nth(4));
    arn.map(str::to_owned)
        .or_else(|| settings.get("sso_account_id").cloned())
}

fn found_in(account: &str, profiles: &[&(String, Settings)]) -> Option<Found> {
    let (first, settings) = profiles.first()?;
    let mut roles: Vec<(RoleName, String)> = Vec::new();
    for (_, settings) in profiles {
        let arn = settings.get("role_arn").map(String::as_str);
        if let Some((name, arn)) = arn.and_then(|arn| Some((arn.rsplit('/').next()?, arn)))
            && let Ok(name) = name.parse::<RoleName>()
            && !roles.iter().any(|(other, _)| *other == name)
        {
            let tier = tier_of(name.as_str());
            roles.push((name, role(&[("arn", arn)], tier)));
        }
    }
    let mut needs = None;
    if roles.is_empty() {
        let arn = format!("arn:aws:iam::{account}:role/ROLE");
        roles.push((
            "read".parse().ok()?,
            role(&[("arn", &arn)], tier_of("read")),
        ));
        needs = Some("the role that jit may assume, instead of ROLE".to_owned());
    }
    let names = profiles.iter().map(|(name, _)| name.as_str());
    let mut keys = vec![
        ("account", quote(account)),
        ("profiles", list(names.clone())),
        ("issuer", quote("assume-role")),
    ];
    let region = settings.get("region");
    keys.extend(region.map(|region| ("region", quote(region))));
    let base = profiles
        .iter()
        .find_map(|(_, settings)| settings.get("source_profile"));
    keys.extend(base.map(|base| ("base_profile", quote(base))));
    Some(Found {
        resource: Found::name(Kind::Aws, first)?,
        origin: format!("the AWS profiles {}", list(names)),
        needs,
        replaces: None,
        keys,
        roles,
        certificate: None,
    })
}
