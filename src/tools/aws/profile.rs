//! The user's AWS profiles, read for what else they say than credentials; never written.

use crate::{
    domain::{environment::Environment, failure::Result},
    platform::profiles::Profiles,
};

/// What matters of one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    /// Its `region`.
    pub(super) region: Option<String>,
}

/// The profile of that name; `None` where neither file has it.
///
/// # Errors
/// A file cannot be read, or has a line of this profile that the AWS tools refuse; the message names both.
pub(super) fn load(environment: &Environment, name: &str) -> Result<Option<Profile>> {
    let profiles = Profiles::read(environment)?;
    profiles.check(name)?;
    Ok(profiles.has(name).then(|| Profile {
        region: profiles.value(name, "region").map(str::to_owned),
    }))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::platform::files;

    fn put(path: &Path, text: &str) {
        files::write_public(path, text.as_bytes()).unwrap();
    }

    #[test]
    fn both_files_count_and_a_broken_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let mut environment = Environment {
            home: Some(directory.path().to_owned()),
            directory: directory.path().to_owned(),
            ..Environment::default()
        };
        assert_eq!(load(&environment, "prod").unwrap(), None);
        fs::create_dir(directory.path().join(".aws")).unwrap();
        put(
            &directory.path().join(".aws/config"),
            "[profile prod]\nRegion : eu-west-1\ns3 =\n  region = nested\n[profile bare]\n",
        );
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
}
