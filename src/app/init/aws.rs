//! Accounts from the profiles of `~/.aws/config`: those that assume a role, and those of SSO.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Found, list, quote, role, tier_of};
use crate::{
    config::names,
    domain::{
        entitlement::{Kind, RoleName},
        environment::Environment,
        failure::Result,
    },
    platform::{ini::Section, profiles::Profiles},
};

/// Stands for a number that nobody has.
const UNKNOWN: &str = "000000000000";

/// A profile of `~/.aws/config` and its section.
type Profile<'a> = (&'a str, &'a Section);

pub(super) fn find(environment: &Environment) -> Result<Vec<Found>> {
    let profiles = Profiles::read(environment)?;
    profiles.config.check_outside()?;
    // A profile that gets its credentials from a program, perhaps from jit, assumes nothing itself.
    let own = profiles.config.profiles();
    let own = own.filter(|(_, section)| section.value("credential_process").is_none());
    let own: Vec<(String, Profile<'_>)> = own
        .filter_map(|profile| Some((account(profile.1)?, profile)))
        .collect();
    let base = |section: &'_ Section| section.value("source_profile").map(str::to_owned);
    // Those of one account that are reached with other base credentials are other resources; one that names
    // none goes with the others where these agree.
    let mut accounts: BTreeMap<(String, Option<String>), Vec<Profile<'_>>> = BTreeMap::new();
    for (account, profile) in &own {
        let same = own.iter().filter(|(other, _)| other == account);
        let bases: BTreeSet<String> = same.filter_map(|(_, (_, section))| base(section)).collect();
        let common = bases.first().filter(|_| bases.len() == 1).cloned();
        let key = (account.clone(), base(profile.1).or(common));
        accounts.entry(key).or_default().push(*profile);
    }
    let found = accounts.iter();
    Ok(found
        .filter_map(|((account, base), profiles)| found_in(account, base.as_deref(), profiles))
        .collect())
}

/// Accounts of which only a static key is known, which does not say whose it is.
pub(super) fn keys(environment: &Environment) -> Result<Vec<Found>> {
    let profiles = Profiles::read(environment)?;
    profiles.credentials.check_outside()?;
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

fn account(section: &Section) -> Option<String> {
    let arn = section
        .value("role_arn")
        .and_then(|arn| arn.split(':').nth(4));
    arn.or_else(|| section.value("sso_account_id"))
        .map(str::to_owned)
}

/// The roles that the profiles assume, each once.
fn roles(profiles: &[Profile<'_>]) -> Vec<(RoleName, String)> {
    let mut roles: Vec<(RoleName, String)> = Vec::new();
    for (_, section) in profiles {
        if let Some(arn) = section.value("role_arn")
            && let Some(Ok(name)) = arn.rsplit('/').next().map(str::parse::<RoleName>)
            && !roles.iter().any(|(other, _)| *other == name)
        {
            let tier = tier_of(name.as_str());
            roles.push((name, role(&[("arn", arn)], tier)));
        }
    }
    roles
}

fn found_in(account: &str, base: Option<&str>, profiles: &[Profile<'_>]) -> Option<Found> {
    let (first, section) = profiles.first()?;
    let mut roles = roles(profiles);
    let mut needs = None;
    if roles.is_empty() {
        let arn = format!("arn:aws:iam::{account}:role/ROLE");
        roles.push((
            "read".parse().ok()?,
            role(&[("arn", &arn)], tier_of("read")),
        ));
        needs = Some("the role that jit may assume, instead of ROLE".to_owned());
    }
    let names = profiles.iter().map(|(name, _)| *name);
    let mut keys = vec![
        ("account", quote(account)),
        ("profiles", list(names.clone())),
        ("issuer", quote("assume-role")),
    ];
    // What is none, such as "eu-west-1 # home", is refused by the AWS tools too.
    let region = section
        .value("region")
        .filter(|region| names::is_region(region));
    keys.extend(region.map(|region| ("region", quote(region))));
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
