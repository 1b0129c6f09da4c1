//! What a tool would use instead of the credential that a profile gets from `jit`.

use crate::{
    domain::{environment::Environment, failure::Result},
    platform::profiles::{ProfileFile, Profiles},
};

/// The settings of a profile that bring a credential, or say how to get one. botocore and the SDKs
/// take most of them before `credential_process`, in orders of their own.
pub const BRINGS_CREDENTIALS: [&str; 15] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_security_token",
    "aws_session_token",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// Something that wins over a profile's `credential_process`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// What and where, one sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// What wins over the `credential_process` of a profile in `~/.aws/config`: keys in the environment,
/// and what the profile's section in the credentials file says.
///
/// # Errors
/// A file cannot be read, or has a line that every SDK refuses; the message names both.
pub fn shadows(environment: &Environment, profile: &str) -> Result<Vec<Shadow>> {
    let profiles = Profiles::read(environment)?;
    let in_environment = environment
        .value("AWS_ACCESS_KEY_ID")
        .map(|_| of_environment(profile));
    let in_file = of_file(&profiles.credentials, profile);
    Ok(in_environment.into_iter().chain(in_file).collect())
}

/// Static keys that a profile has in one of the two files: a program that names the profile by itself
/// (`boto3.Session(profile_name=…)`) takes them, whatever its environment holds.
///
/// # Errors
/// A file cannot be read.
pub fn own_keys(environment: &Environment, profile: &str) -> Result<Vec<Shadow>> {
    let profiles = Profiles::read(environment)?;
    let files = [&profiles.credentials, &profiles.config];
    let found = files.into_iter().filter_map(|file| {
        let mut sections = file.sections(profile);
        let setting = sections.find_map(|section| section.setting("aws_access_key_id"))?;
        let (line, shown) = (setting.lines.start + 1, file.path.display());
        Some(Shadow {
            what: format!(
                "profile {profile} holds keys of its own in {shown}, line {line}: a program that names the \
                 profile by itself uses them"
            ),
            remedy: "run \"jit setup aws\", then delete the key at AWS once nothing needs it".to_owned(),
        })
    });
    Ok(found.collect())
}

fn of_environment(profile: &str) -> Shadow {
    Shadow {
        what: format!("AWS_ACCESS_KEY_ID is set, and most tools take it before profile {profile}"),
        remedy: format!(
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN, or name the profile \
             with --profile {profile}"
        ),
    }
}

fn of_file(file: &ProfileFile, profile: &str) -> Option<Shadow> {
    let settings = file.sections(profile).flat_map(|section| &section.settings);
    let found: Vec<(&str, usize)> = settings
        .filter(|setting| BRINGS_CREDENTIALS.contains(&&*setting.key))
        .map(|setting| (&*setting.key, setting.lines.start + 1))
        .collect();
    let (first, line) = found.first()?;
    let shown = file.path.display();
    Some(Shadow {
        what: format!(
            "{first} of profile {profile} in {shown}, line {line}, wins over what jit gives"
        ),
        remedy: format!(
            "take [{profile}] out of {shown}; where jit needs it as base credentials, rename it and \
             name it as base_profile in authority.toml"
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::platform::files;

    fn environment(home: &Path, variables: &[&str]) -> Environment {
        Environment {
            home: Some(home.to_owned()),
            variables: variables
                .iter()
                .map(|name| (name.into(), "AKIASTANDING".into()))
                .collect(),
            ..Environment::default()
        }
    }

    #[test]
    fn static_keys_of_the_same_profile_are_found_where_they_are() {
        let home = tempfile::tempdir().unwrap();
        let none = environment(home.path(), &[]);
        assert_eq!(shadows(&none, "prod").unwrap(), []);
        fs::create_dir(home.path().join(".aws")).unwrap();
        let file = home.path().join(".aws/credentials");
        let text = "[prod]\nregion = x\naws_access_key_id = AKIASTANDING\naws_secret_access_key = hunter2\n[base]\naws_access_key_id = AKIABASE\n";
        files::write_public(&file, text.as_bytes()).unwrap();
        let found = shadows(&none, "prod").unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].what,
            format!(
                "aws_access_key_id of profile prod in {}, line 3, wins over what jit gives",
                file.display()
            )
        );
        assert!(!format!("{found:?}").contains("hunter2"));
        assert_eq!(shadows(&none, "staging").unwrap(), []);
    }

    #[test]
    fn keys_in_the_environment_are_found_and_not_repeated() {
        let home = tempfile::tempdir().unwrap();
        let set = environment(home.path(), &["AWS_ACCESS_KEY_ID"]);
        let found = shadows(&set, "prod").unwrap();
        assert_eq!(found.len(), 1);
        let shown = format!("{found:?}");
        assert!(shown.contains("--profile prod") && !shown.contains("AKIASTANDING"));
    }
}
