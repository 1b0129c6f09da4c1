//! The user's AWS profiles, read for what else they say than credentials; never written.

use std::path::PathBuf;

use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::files,
};

/// What matters of one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    /// Its `region`.
    pub(super) region: Option<String>,
}

/// The profile of that name, from `~/.aws/config` and `~/.aws/credentials` or where
/// `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` say; `None` where neither has it. Like
/// botocore, a region in the credentials file counts more.
///
/// # Errors
/// A file cannot be read, or has a line that every SDK refuses; the message names both.
pub(super) fn load(environment: &Environment, name: &str) -> Result<Option<Profile>> {
    let config = section(environment, "AWS_CONFIG_FILE", ".aws/config", |header| {
        is_profile(header, name)
    })?;
    let credentials = section(
        environment,
        "AWS_SHARED_CREDENTIALS_FILE",
        ".aws/credentials",
        |header| header == name,
    )?;
    Ok(match (config, credentials) {
        (Some(config), Some(credentials)) => Some(Profile {
            region: credentials.region.or(config.region),
        }),
        (config, credentials) => config.or(credentials),
    })
}

/// Whether `[header]` of the config file is the profile: `[profile x]`, `[profile "x y"]`,
/// `[default]`.
fn is_profile(header: &str, name: &str) -> bool {
    if header == "default" && name == "default" {
        return true;
    }
    let Some(rest) = header.strip_prefix("profile") else {
        return false;
    };
    let quoted = rest.trim();
    let bare = ['"', '\'']
        .into_iter()
        .find_map(|quote| quoted.strip_prefix(quote)?.strip_suffix(quote));
    rest.starts_with([' ', '\t']) && bare.unwrap_or(quoted) == name
}

fn section(
    environment: &Environment,
    variable: &str,
    usual: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<Profile>> {
    let Some(path) = file(environment, variable, usual) else {
        return Ok(None);
    };
    let Some(text) = files::read_text(&path)? else {
        return Ok(None);
    };
    parse(&text, wanted).map_err(|line| {
        Failure::failed(format!(
            "{}, line {line}, is no setting and no section",
            path.display()
        ))
        .hint("write it as key = value, or put a # before it")
    })
}

fn file(environment: &Environment, variable: &str, usual: &str) -> Option<PathBuf> {
    match environment.text(variable) {
        Some(named) => match named.strip_prefix("~/") {
            Some(below) => environment.in_home(below),
            None => Some(environment.directory.join(named)),
        },
        None => environment.in_home(usual),
    }
}

/// The wanted sections of an INI file, together. The error is the number of the guilty line: one
/// before any section, or one that is neither a setting nor a section nor the next part of a setting.
fn parse(text: &str, wanted: impl Fn(&str) -> bool) -> Result<Option<Profile>, usize> {
    let mut found: Option<Profile> = None;
    let mut section: Option<bool> = None;
    for (index, line) in text.lines().enumerate() {
        let plain = line.trim();
        let goes_on = line.starts_with([' ', '\t']) && section.is_some();
        if plain.is_empty() || plain.starts_with(['#', ';']) || goes_on {
            continue;
        }
        if let Some(header) = plain.strip_prefix('[') {
            let header = header.split_once(']').ok_or(index + 1)?.0.trim();
            let is_wanted = wanted(header);
            if is_wanted {
                found.get_or_insert_default();
            }
            section = Some(is_wanted);
            continue;
        }
        let (Some(is_wanted), Some((key, value))) = (section, plain.split_once(['=', ':'])) else {
            return Err(index + 1);
        };
        let value = value.trim();
        if is_wanted && key.trim().eq_ignore_ascii_case("region") && !value.is_empty() {
            found.get_or_insert_default().region = Some(value.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use proptest::prelude::*;

    use super::*;

    fn put(path: &Path, text: &str) {
        files::write_public(path, text.as_bytes()).unwrap();
    }

    const CONFIG: &str = "\u{23} comment
[default]
region = us-east-1
[profile prod]
output=json
Region : eu-west-1
s3 =
  region = nested
; comment
[profile \"two words\"]
[profile bare]
role_arn = arn:aws:iam::1:role/x
[prod-like]
region = no
";

    #[test]
    fn profiles_are_found_with_their_region() {
        let region = |name: &str| {
            let found = parse(CONFIG, |header| is_profile(header, name)).unwrap();
            found.map(|profile| profile.region.unwrap_or_default())
        };
        assert_eq!(region("default").as_deref(), Some("us-east-1"));
        assert_eq!(region("prod").as_deref(), Some("eu-west-1"));
        assert_eq!(region("two words").as_deref(), Some(""));
        assert_eq!(region("bare").as_deref(), Some(""));
        for name in ["prod-like", "nested", "", "profile prod"] {
            assert_eq!(region(name), None, "{name}");
        }
    }

    #[test]
    fn the_environment_says_where_and_a_broken_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let mut environment = Environment {
            home: Some(directory.path().to_owned()),
            directory: directory.path().to_owned(),
            ..Environment::default()
        };
        assert_eq!(load(&environment, "prod").unwrap(), None);
        fs::create_dir(directory.path().join(".aws")).unwrap();
        put(&directory.path().join(".aws/config"), CONFIG);
        put(
            &directory.path().join(".aws/credentials"),
            "[only]\nregion=x\n[bare]\nregion=y\n",
        );
        for (name, region) in [("prod", "eu-west-1"), ("only", "x"), ("bare", "y")] {
            let found = load(&environment, name).unwrap().unwrap();
            assert_eq!(found.region.as_deref(), Some(region), "{name}");
        }
        put(&directory.path().join("mine"), "[profile prod]\nregion\n");
        environment
            .variables
            .insert("AWS_CONFIG_FILE".into(), "~/mine".into());
        let failure = load(&environment, "prod").unwrap_err();
        assert!(
            failure
                .message
                .ends_with("/mine, line 2, is no setting and no section"),
            "{failure:?}"
        );
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "([\\[\\]=:# \nprofile]|.){0,60}") {
            let _found = parse(&text, |header| is_profile(header, "x"));
        }
    }
}
