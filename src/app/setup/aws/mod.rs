//! `jit setup aws`: `credential_process` in the profiles of `~/.aws/config`.
//!
//! A profile that is there gets a block behind its header, and what would win over it is commented
//! out; the others, and one more for each further role, come in a block at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    block::{self, Place},
    edit::Edit,
    ground::{Ground, Plan},
};
use crate::{
    domain::{
        catalogue::{AwsResource, Resource},
        entitlement::{Entitlement, Kind, ResourceName, RoleName},
        failure::{Failure, Result},
    },
    platform::{
        ini::Section,
        profiles::{ProfileFile, Profiles, Which},
    },
    tools::{
        aws::{BRINGS_CREDENTIALS, command, header, shadows},
        coverage::Coverage,
    },
};

const KIND: &str = "aws";

/// A profile as it should be.
struct Wanted {
    profile: String,
    /// What the profile gets its credentials for.
    entitlement: Entitlement,
    /// The region, where the profile names none.
    region: Option<String>,
}

/// `~/.aws/config` with each account's profiles asking `jit`.
///
/// # Errors
/// The file is malformed, has a profile twice, or has one that base credentials come from.
pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan> {
    let environment = ground.environment();
    let mut plan = Plan::default();
    // As they are: an error is to name the line that is there.
    let mut profiles = Profiles::read(environment)?;
    check(ground, &profiles)?;
    let refused = profiles.config.faults.iter().map(|line| {
        let file = profiles.config.path.display();
        format!(
            "{file}, line {line}, is no setting and no section: the aws CLI refuses the whole file"
        )
    });
    plan.notes.extend(refused);
    let edit = Edit::of(config(ground)?, |before| {
        let bare = before.map_or(Ok(None), |text| block::take(text, KIND))?;
        let text = bare.clone().unwrap_or_default();
        profiles.config = ProfileFile::parse(Which::Config, profiles.config.path, text);
        let wanted = wanted(ground, &profiles, &mut plan.notes);
        refuse_bases(ground, &profiles, &wanted)?;
        let change = Change::of(ground, &profiles, &wanted)?;
        Ok(change.made(bare, &mut plan.notes))
    })?;
    plan.edits.extend(edit);
    for profile in accounts(ground).flat_map(|(_, account)| &account.profiles) {
        let said = shadows(environment, profile)?.into_iter();
        plan.notes
            .extend(said.map(|shadow| format!("{}; {}", shadow.what, shadow.remedy)));
    }
    Ok(plan)
}

/// `~/.aws/config` without our blocks.
pub(super) fn undo(ground: &Ground<'_>) -> Result<Plan> {
    let edit = Edit::without_blocks(config(ground)?, KIND)?;
    Ok(Plan {
        edits: edit.into_iter().collect(),
        notes: Vec::new(),
    })
}

/// Makes sure that the profiles which setup writes are read as the AWS tools read them.
fn check(ground: &Ground<'_>, profiles: &Profiles) -> Result<()> {
    for (_, account) in accounts(ground) {
        for profile in &account.profiles {
            profiles.check(profile)?;
            let mut own = account.roles.keys().map(|role| of_role(profile, role));
            own.try_for_each(|own| profiles.check(&own))?;
        }
    }
    Ok(())
}

/// The name of the profile that a further role gets.
fn of_role(profile: &str, role: &RoleName) -> String {
    format!("{profile}-{role}", role = role.as_str())
}

fn config(ground: &Ground<'_>) -> Result<PathBuf> {
    match Which::Config.path(ground.environment()) {
        Some(path) => Ok(path),
        None => ground.in_home(".aws/config"),
    }
}

fn accounts<'a>(
    ground: &'a Ground<'_>,
) -> impl Iterator<Item = (&'a ResourceName, &'a AwsResource)> {
    let resources = ground.catalogue.of_kind(Kind::Aws);
    resources.filter_map(|(name, resource)| match resource {
        Resource::Aws(account) => Some((name, account)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Postgres(_) => None,
    })
}

/// The profiles of the catalogue, each for the role that `aws s3 ls` asks for, and one of its own for
/// each further role, unless there is such a profile.
fn wanted(ground: &Ground<'_>, profiles: &Profiles, notes: &mut Vec<String>) -> Vec<Wanted> {
    let named: BTreeSet<&String> = accounts(ground)
        .flat_map(|(_, account)| &account.profiles)
        .collect();
    let mut wanted = Vec::new();
    for (name, account) in accounts(ground) {
        let reads = smallest(account);
        for profile in &account.profiles {
            if reads.is_none() {
                notes.push(format!(
                    "profile {profile} stays as it is, since no role of {name} is known to be the smallest: use those of its roles"
                ));
            }
            let region = profiles.value(profile, "region").map(str::to_owned);
            for role in account.roles.keys() {
                let is_first = Some(role) == reads;
                let own = of_role(profile, role);
                if is_first || !(profiles.has(&own) || named.contains(&own)) {
                    wanted.push(Wanted {
                        profile: if is_first { profile.clone() } else { own },
                        entitlement: Entitlement {
                            resource: name.clone(),
                            role: role.clone(),
                        },
                        region: region.clone().or_else(|| account.region.clone()),
                    });
                }
            }
        }
    }
    wanted
}

/// The smallest role of which that can be said, or the only one.
fn smallest(account: &AwsResource) -> Option<&RoleName> {
    if account.roles.len() == 1 {
        return account.roles.keys().next();
    }
    let known = account.roles.iter().filter_map(|(name, role)| {
        let coverage = Coverage::of_name(name.as_str())?;
        Some((coverage, role.tier, name))
    });
    known.min().map(|(_, _, name)| name)
}

/// A profile that asked `jit`, and that `jit` asks for its base credentials, would wait for itself.
fn refuse_bases(ground: &Ground<'_>, profiles: &Profiles, wanted: &[Wanted]) -> Result<()> {
    let bases = bases(ground, profiles);
    let guilty = wanted
        .iter()
        .find_map(|wanted| Some((&wanted.profile, bases.get(&wanted.profile)?)));
    let Some((profile, resource)) = guilty else {
        return Ok(());
    };
    Err(Failure::failed(format!(
        "profile {profile} has the base credentials that jit reaches {resource} with, so it cannot get its own from jit"
    ))
    .hint(format!(
        "give these credentials a profile of another name and name that as base_profile of {resource} in authority.toml"
    )))
}

/// The profiles that base credentials come from, each with an account that is reached with them.
fn bases<'a>(ground: &'a Ground<'_>, profiles: &Profiles) -> BTreeMap<String, &'a ResourceName> {
    let brings = |profile: &&str| {
        let brings = |profile: &String| {
            let mut keys = BRINGS_CREDENTIALS.iter();
            keys.any(|key| profiles.value(profile, key).is_some())
        };
        profiles.asking_jit(profile).is_none() && profiles.chain(profile).iter().any(brings)
    };
    // As the issuer has it, where the catalogue names none.
    let named = ground.environment().text("AWS_PROFILE");
    let usual = ["default"].into_iter().chain(named).find(brings);
    let mut bases = BTreeMap::new();
    for (name, account) in accounts(ground) {
        let root = account.base_profile.as_deref().or(usual);
        let chain = root.map(|root| profiles.chain(root)).unwrap_or_default();
        bases.extend(chain.into_iter().map(|profile| (profile, name)));
    }
    bases
}

/// What is to be done to the text.
#[derive(Default)]
struct Change {
    /// The numbers of the lines to comment out, from 0.
    aside: Vec<usize>,
    /// The lines that go behind a header, by the header's number.
    behind: BTreeMap<usize, Vec<String>>,
    /// The sections that go to the end.
    end: Vec<String>,
    /// The profiles whose own keys are commented out.
    keys: Vec<String>,
}

impl Change {
    fn of(ground: &Ground<'_>, profiles: &Profiles, wanted: &[Wanted]) -> Result<Self> {
        let mut change = Self::default();
        for wanted in wanted {
            let mut lines = vec![format!(
                "credential_process = {}",
                command(&ground.program, &wanted.entitlement)?
            )];
            let region = wanted.region.as_ref();
            let region = region.filter(|_| profiles.value(&wanted.profile, "region").is_none());
            lines.extend(region.map(|region| format!("region = {region}")));
            let mut sections = profiles.config.sections(&wanted.profile);
            match (sections.next(), sections.next()) {
                (None, _) => change.append(&wanted.profile, lines)?,
                (Some(section), None) => {
                    let blanks = section.indentation(&profiles.config.text);
                    let lines = lines
                        .into_iter()
                        .map(|line| format!("{blanks}{line}"))
                        .collect();
                    change.insert(&wanted.profile, section, lines);
                }
                (Some(first), Some(second)) => {
                    return Err(Failure::failed(format!(
                        "profile {} is there twice, in lines {} and {}",
                        wanted.profile,
                        first.line + 1,
                        second.line + 1
                    ))
                    .hint("make them one: the tools do not agree on which counts"));
                }
            }
        }
        Ok(change)
    }

    fn insert(&mut self, profile: &str, section: &Section, lines: Vec<String>) {
        for setting in &section.settings {
            if BRINGS_CREDENTIALS.contains(&&*setting.key) {
                self.aside.extend(setting.lines.clone());
            }
        }
        if section.value("aws_secret_access_key").is_some() {
            self.keys.push(profile.to_owned());
        }
        self.behind.insert(section.line, lines);
    }

    fn append(&mut self, profile: &str, lines: Vec<String>) -> Result<()> {
        if !self.end.is_empty() {
            self.end.push(String::new());
        }
        self.end.push(header(profile)?);
        self.end.extend(lines);
        Ok(())
    }

    /// The text, changed.
    fn made(self, text: Option<String>, notes: &mut Vec<String>) -> Option<String> {
        notes.extend(self.keys.iter().map(|profile| {
            format!(
                "the access key of profile {profile} is commented out and works all the same: \
                 delete it at AWS once nothing needs it"
            )
        }));
        let mut text = text.map(|text| block::set_aside(&text, &self.aside));
        // From below, so that the numbers above stay right.
        for (header, lines) in self.behind.iter().rev() {
            let place = Place::Behind(header + 1);
            text = Some(block::put(text.as_deref(), KIND, place, lines));
        }
        if !self.end.is_empty() {
            text = Some(block::put(text.as_deref(), KIND, Place::End, &self.end));
        }
        text
    }
}
