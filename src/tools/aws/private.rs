//! The private AWS configuration: the account's profiles, each of which asks `jit` for its credentials.
//!
//! It holds no secret, so it may rest. A program that reads it asks again whenever a credential is about to
//! end, so it works for as long as the grant lives.

use std::{collections::BTreeSet, ffi::OsStr, path::PathBuf};

use super::{
    hook::{command, header},
    shadow::BRINGS_CREDENTIALS,
};
use crate::{
    domain::{
        catalogue::AwsResource,
        entitlement::Entitlement,
        environment::{Environment, Places},
        failure::{Failure, Result},
    },
    platform::{
        files, ini, keys,
        process::own_file,
        profiles::{Profiles, Which},
    },
};

/// Programs that take their credentials from a profile, as the SDKs do which they are made with.
const READERS: [&str; 19] = [
    "ansible",
    "ansible-playbook",
    "aws",
    "cdk",
    "copilot",
    "eb",
    "eksctl",
    "packer",
    "pulumi",
    "python",
    "python3",
    "rclone",
    "s5cmd",
    "sam",
    "steampipe",
    "terraform",
    "terraform-docs",
    "terragrunt",
    "tofu",
];

/// The profile that a program gets where the user has none for the account.
pub(super) const PROFILE: &str = "jit";

/// What the authority in this process, or the SDK in it, finds base credentials by and is no secret. The hook
/// is given it as it was, since the program that calls the hook is given something else.
const RESTORED: [&str; 9] = [
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// Base credentials that are a secret in the environment, which no program but `jit` is given: a hook would
/// not find them.
const SECRET: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// Whether a program asks `jit` for its credentials by a profile. All others are given a session in their
/// environment, which cannot be renewed.
pub(super) fn reads_profiles(program: &str, environment: &Environment) -> bool {
    let version = |c: char| c.is_ascii_digit() || c == '.';
    let plain = program.trim_end_matches(version);
    let is_known = READERS.contains(&program) || READERS.contains(&plain);
    is_known && SECRET.iter().all(|name| environment.value(name).is_none())
}

/// The private configuration's file, there and up to date. Its name says what is in it, so that two processes
/// with different needs never write over each other.
///
/// # Errors
/// The user's own files cannot be read, or the file cannot be written.
pub(super) fn write(
    entitlement: &Entitlement,
    account: &AwsResource,
    environment: &Environment,
    places: &Places,
) -> Result<PathBuf> {
    let profiles = Profiles::read(environment)?;
    let hook = command(&program(environment, places)?, entitlement)?;
    let text = text(account, &profiles, &hook)?;
    let hash = keys::hex(&keys::sha256(text.as_bytes()));
    let directory = places.cache.join("aws");
    let name = format!(
        "{}.{}.{}",
        entitlement.resource.name(),
        entitlement.role,
        hash.get(..16).unwrap_or_default()
    );
    let file = directory.join(name);
    if files::read_private(&file)?.is_none_or(|found| found != text.as_bytes()) {
        files::private_directory(&directory)?;
        files::write_passing(&file, text.as_bytes())?;
    }
    Ok(file)
}

/// How the hook is called: in the environment in which `jit exec` was.
fn program(environment: &Environment, places: &Places) -> Result<Vec<String>> {
    let mut words = vec!["/usr/bin/env".to_owned()];
    let (set, unset): (Vec<&str>, Vec<&str>) = RESTORED
        .iter()
        .partition(|name| environment.value(name).is_some());
    words.extend(
        unset
            .iter()
            .flat_map(|name| ["-u".to_owned(), (*name).to_owned()]),
    );
    for name in set {
        let value = environment.value(name).unwrap_or_default();
        words.push(format!("{name}={}", text_of(value)?));
    }
    words.push(text_of(own_file()?.as_os_str())?);
    let configuration = environment.directory.join(&places.configuration);
    words.extend([
        "--config-dir".to_owned(),
        text_of(configuration.as_os_str())?,
    ]);
    Ok(words)
}

fn text_of(word: &OsStr) -> Result<String> {
    let plain = word
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    plain.map(str::to_owned).ok_or_else(|| {
        Failure::failed(format!(
            "{} cannot be written into an AWS profile",
            word.display()
        ))
        .hint("use a path of plain UTF-8 text")
    })
}

/// The account's profiles with what the user's own file says of them beside credentials, the sections that are
/// no profiles, and one more profile.
fn text(account: &AwsResource, profiles: &Profiles, hook: &str) -> Result<String> {
    let ours: BTreeSet<&str> = account.profiles.iter().map(String::as_str).collect();
    let user = &profiles.config.text;
    let file = ini::parse(user);
    let mut written = BTreeSet::new();
    let mut text = String::new();
    for (index, section) in file.sections.iter().enumerate() {
        let profile = Which::Config.profile(&section.header);
        let is_ours = profile.as_deref().is_some_and(|name| ours.contains(name));
        let brings = section.header.starts_with("sso-session");
        if brings || (profile.is_some() && !is_ours) {
            continue;
        }
        let end = file.sections.get(index + 1).map(|next| next.line);
        let lines = user.lines().enumerate().skip(section.line);
        let lines = lines.take(end.map_or(usize::MAX, |end| end - section.line));
        let aside = |line: usize| {
            let mut settings = section.settings.iter();
            settings.any(|s| s.lines.contains(&line) && BRINGS_CREDENTIALS.contains(&&*s.key))
        };
        for (line, written) in lines.filter(|(line, _)| !(is_ours && aside(*line))) {
            text.push_str(written);
            text.push('\n');
            if line == section.line && is_ours {
                text.push_str(&line_of(section.indentation(user), hook));
            }
        }
        // Also where only the credentials file says it.
        let region = profile
            .as_deref()
            .filter(|_| is_ours && section.value("region").is_none());
        if let Some(region) = region.and_then(|name| profiles.value(name, "region")) {
            text.push_str(&region_line(section.indentation(user), region));
        }
        written.extend(profile.filter(|_| is_ours));
    }
    let others = ours.into_iter().chain([PROFILE]);
    for profile in others.filter(|name| !written.contains(*name)) {
        text.push_str(&header(profile)?);
        text.push('\n');
        text.push_str(&line_of("", hook));
        let region = profiles
            .value(profile, "region")
            .or(account.region.as_deref());
        if let Some(region) = region {
            text.push_str(&region_line("", region));
        }
    }
    Ok(text)
}

fn region_line(blanks: &str, region: &str) -> String {
    format!("{blanks}region = {region}\n")
}

fn line_of(blanks: &str, hook: &str) -> String {
    format!("{blanks}credential_process = {hook}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::profiles::ProfileFile;

    #[test]
    fn the_private_file_keeps_settings_and_no_other_credential() {
        let parse = |which, text: &str| ProfileFile::parse(which, PathBuf::new(), text.to_owned());
        let profiles = Profiles {
            config: parse(
                Which::Config,
                "[default]\naws_access_key_id = AKIA\n[profile prod] # mine\n  output = text\n  role_arn = x\n    y\n  s3 =\n    a = b\n[sso-session x]\nsso_region = y\n[services s]\nsts =\n  endpoint_url = z\n",
            ),
            credentials: parse(
                Which::Credentials,
                "[bare]\nregion = r\naws_secret_access_key = hunter2\n",
            ),
        };
        let account: AwsResource = toml::from_str(
            "account = \"123456789012\"\nprofiles = [\"prod\", \"bare\"]\nregion = \"eu-west-1\"\nissuer = \"assume-role\"\n[roles]\n",
        )
        .unwrap();
        insta::assert_snapshot!(text(&account, &profiles, "HOOK").unwrap(), @r"
        [profile prod] # mine
          credential_process = HOOK
          output = text
          s3 =
            a = b
        [services s]
        sts =
          endpoint_url = z
        [profile bare]
        credential_process = HOOK
        region = r
        [profile jit]
        credential_process = HOOK
        region = eu-west-1
        ");
    }

    #[test]
    fn a_program_is_known_by_its_name_whatever_its_version() {
        let plain = Environment::default();
        for (program, reads) in [
            ("aws", true),
            ("python3.11", true),
            ("env", false),
            ("", false),
        ] {
            assert_eq!(reads_profiles(program, &plain), reads, "{program}");
        }
        let mut keys = Environment::default();
        keys.variables
            .insert("AWS_ACCESS_KEY_ID".into(), "AKIA".into());
        assert!(!reads_profiles("aws", &keys));
    }
}
