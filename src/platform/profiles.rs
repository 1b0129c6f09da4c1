//! AWS profiles: the files of the AWS tools, where they are and what they say.

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    files,
    ini::{self, Section},
    shell_words,
};
use crate::domain::{
    entitlement::{Entitlement, Kind},
    environment::Environment,
    failure::{Failure, Result},
};

/// The two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// `~/.aws/config`, or `AWS_CONFIG_FILE`.
    Config,
    /// `~/.aws/credentials`, or `AWS_SHARED_CREDENTIALS_FILE`.
    Credentials,
}

impl Which {
    /// Where it is; `None` where there is no home directory. `~/` is the home directory, as botocore
    /// has it.
    pub fn path(self, environment: &Environment) -> Option<PathBuf> {
        let (variable, usual) = match self {
            Self::Config => ("AWS_CONFIG_FILE", ".aws/config"),
            Self::Credentials => ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
        };
        let Some(named) = environment.value(variable) else {
            return environment.in_home(usual);
        };
        match named.to_str().and_then(|named| named.strip_prefix("~/")) {
            Some(below) => environment.in_home(below),
            None => Some(environment.directory.join(named)),
        }
    }

    /// The profile that a section is: `[profile x]`, `[profile "x y"]` and `[default]` of the one
    /// file, any section of the other; as botocore has it (`build_profile_map`).
    pub fn profile(self, header: &str) -> Option<String> {
        if self == Self::Credentials || header == "default" {
            return Some(header.to_owned());
        }
        let words = header
            .starts_with("profile")
            .then(|| shell_words::split(header));
        match words.flatten().as_deref() {
            Some([_, name]) => Some(name.clone()),
            _ => None,
        }
    }
}

/// One of the files as it was read.
#[derive(Clone, Debug)]
pub struct ProfileFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text; empty where it is not there.
    pub text: String,
    /// Each profile's section.
    sections: Vec<(String, Section)>,
    /// The lines before any section that are no section, from 1.
    outside: Vec<usize>,
    /// Every line that the AWS tools refuse, from 1.
    pub faults: Vec<usize>,
}

impl ProfileFile {
    /// A text, read as far as it can be.
    pub fn parse(which: Which, path: PathBuf, text: String) -> Self {
        let file = ini::parse(&text);
        let faults = file.faults().collect();
        let sections = file.sections.into_iter();
        let profiles =
            sections.filter_map(|section| Some((which.profile(&section.header)?, section)));
        Self {
            sections: profiles.collect(),
            outside: file.outside,
            faults,
            path,
            text,
        }
    }

    /// Makes sure that what is read of a profile is all of it.
    ///
    /// # Errors
    /// Its section, or what stands before every section, has a line that the AWS tools refuse; the message
    /// names file and line.
    pub fn check(&self, profile: &str) -> Result<()> {
        let inside = self.sections(profile).flat_map(|section| &section.faults);
        self.refuse(self.outside.iter().chain(inside).min())
    }

    /// Makes sure that every line belongs to a section.
    ///
    /// # Errors
    /// One does not; the message names file and line.
    pub fn check_outside(&self) -> Result<()> {
        self.refuse(self.outside.first())
    }

    fn refuse(&self, line: Option<&usize>) -> Result<()> {
        match line {
            Some(line) => Err(Failure::failed(format!(
                "{}, line {line}, is no setting and no section",
                self.path.display()
            ))
            .hint("write it as key = value, or put a # before it")),
            None => Ok(()),
        }
    }

    /// Each profile with its section, in the order of the file.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.sections
            .iter()
            .map(|(name, section)| (&**name, section))
    }

    /// The sections of a profile. More than one is a mistake that each tool takes in another way.
    pub fn sections<'a>(&'a self, profile: &str) -> impl Iterator<Item = &'a Section> + use<'a> {
        let profile = profile.to_owned();
        let named = self.sections.iter();
        named.filter_map(move |(name, section)| (*name == profile).then_some(section))
    }

    /// The profiles that have a setting, in the order of the file.
    pub fn having<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let having = self.sections.iter();
        having.filter_map(move |(name, section)| section.value(key).map(|_| &**name))
    }

    fn value(&self, profile: &str, key: &str) -> Option<&str> {
        let values = self.sections(profile).filter_map(|s| s.value(key)).last();
        values.filter(|value| !value.is_empty())
    }
}

/// Both files.
#[derive(Clone, Debug)]
pub struct Profiles {
    /// `~/.aws/config`
    pub config: ProfileFile,
    /// `~/.aws/credentials`
    pub credentials: ProfileFile,
}

impl Profiles {
    /// Reads both; one that is not there is empty.
    ///
    /// # Errors
    /// A file cannot be read, or is not text.
    pub fn read(environment: &Environment) -> Result<Self> {
        let read = |which: Which| -> Result<ProfileFile> {
            let path = which.path(environment).unwrap_or_default();
            let text = files::read_text(&path)?.unwrap_or_default();
            Ok(ProfileFile::parse(which, path, text))
        };
        Ok(Self {
            config: read(Which::Config)?,
            credentials: read(Which::Credentials)?,
        })
    }

    /// Makes sure that what is read of a profile is all of it.
    ///
    /// # Errors
    /// As [`ProfileFile::check`].
    pub fn check(&self, profile: &str) -> Result<()> {
        self.config.check(profile)?;
        self.credentials.check(profile)
    }

    /// Whether there is a profile of that name.
    pub fn has(&self, profile: &str) -> bool {
        self.config.sections(profile).next().is_some()
            || self.credentials.sections(profile).next().is_some()
    }

    /// A setting of a profile. As botocore has it, the credentials file counts more.
    pub fn value(&self, profile: &str, key: &str) -> Option<&str> {
        let [config, credentials] =
            [&self.config, &self.credentials].map(|file| file.value(profile, key));
        credentials.or(config)
    }

    /// The profile and those that its credentials come from, by `source_profile`.
    pub fn chain(&self, profile: &str) -> BTreeSet<String> {
        let mut chain = BTreeSet::new();
        let mut next = Some(profile.to_owned());
        while let Some(profile) = next {
            next = self
                .value(&profile, "source_profile")
                .filter(|source| !chain.contains(*source) && *source != profile)
                .map(str::to_owned);
            chain.insert(profile);
        }
        chain
    }

    /// The profile whose credentials come from `jit`, if this one's do, through whatever other.
    pub fn asking_jit(&self, profile: &str) -> Option<String> {
        let mut chain = self.chain(profile).into_iter();
        chain.find(|profile| {
            [&self.config, &self.credentials].iter().any(|file| {
                let commands = file
                    .sections(profile)
                    .filter_map(|section| section.value("credential_process"));
                commands.into_iter().any(calls_jit)
            })
        })
    }
}

/// Whether a command is `jit`, by its name or by how it is called.
fn calls_jit(command: &str) -> bool {
    let plain = command.replace(['"', '\''], "");
    let mut words = plain.split_whitespace();
    let is_entitlement = |word: &str| {
        let entitlement = word.parse::<Entitlement>();
        entitlement.is_ok_and(|entitlement| entitlement.resource.kind() == Kind::Aws)
    };
    let named = words.next().and_then(|first| first.rsplit('/').next()) == Some("jit");
    named
        || (plain
            .split_whitespace()
            .any(|word| word == "credential-process")
            && plain.split_whitespace().any(is_entitlement))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(config: &str, credentials: &str) -> Profiles {
        let parse =
            |which, text: &str| ProfileFile::parse(which, PathBuf::from("/f"), text.to_owned());
        Profiles {
            config: parse(Which::Config, config),
            credentials: parse(Which::Credentials, credentials),
        }
    }

    #[test]
    fn a_profile_is_what_the_tools_call_one() {
        let found = profiles(
            "[default]\nregion=a\n[profile prod]\nregion=b\n[profile \"two words\"]\nregion=c\n[prod-like]\nregion=d\n",
            "[prod-like]\nregion=e\n[prod]\nregion=f\noutput=\n",
        );
        for (profile, region) in [
            ("default", Some("a")),
            ("prod", Some("f")),
            ("two words", Some("c")),
            ("prod-like", Some("e")),
            ("profile prod", None),
            ("", None),
        ] {
            assert_eq!(found.value(profile, "region"), region, "{profile}");
            assert_eq!(found.has(profile), region.is_some(), "{profile}");
        }
        assert_eq!(found.value("prod", "output"), None);
    }

    #[test]
    fn a_profile_is_checked_apart_from_the_others() {
        let found = profiles("[profile a]\nx\n[profile b]\n  y = 1\n", "[c]\nz = 1\n");
        let failure = found.check("a").unwrap_err();
        assert_eq!(failure.message, "/f, line 2, is no setting and no section");
        assert!(found.check("b").is_ok() && found.check("c").is_ok());
        assert_eq!(found.value("b", "y"), Some("1"));
        let outside = profiles("x = 1\n[profile b]\n", "");
        assert!(outside.check("b").is_err());
    }

    #[test]
    fn whatever_leads_to_jit_is_seen() {
        let found = profiles(
            "[profile direct]\ncredential_process = /usr/bin/jit credential-process aws/prod:read
[profile spaces]\ncredential_process = \"/opt/my tools/jit\" --config-dir /c credential-process aws/prod:read
[profile renamed]\ncredential_process = /opt/jit-1.2 credential-process aws/prod:read
[profile behind]\nrole_arn = x\nsource_profile = through
[profile through]\nrole_arn = x\nsource_profile = direct
[profile itself]\nsource_profile = itself
[profile round]\nsource_profile = and-round
[profile and-round]\nsource_profile = round
[profile other]\ncredential_process = /home/jitesh/granted credential-process --profile x
[profile vault]\ncredential_process = aws-vault export --format=json jit
",
            "[hidden]\ncredential_process = jit credential-process aws/x:y\n",
        );
        for (profile, at) in [
            ("direct", Some("direct")),
            ("spaces", Some("spaces")),
            ("renamed", Some("renamed")),
            ("behind", Some("direct")),
            ("hidden", Some("hidden")),
            ("itself", None),
            ("round", None),
            ("other", None),
            ("vault", None),
            ("absent", None),
        ] {
            assert_eq!(found.asking_jit(profile).as_deref(), at, "{profile}");
        }
    }

    #[test]
    fn the_environment_says_where_the_files_are() {
        let mut environment = Environment {
            home: Some("/home/alice".into()),
            directory: "/work".into(),
            ..Environment::default()
        };
        let path = |environment: &Environment| Which::Config.path(environment).unwrap();
        assert_eq!(path(&environment), PathBuf::from("/home/alice/.aws/config"));
        for (named, wanted) in [
            ("~/mine", "/home/alice/mine"),
            ("mine", "/work/mine"),
            ("/etc/aws", "/etc/aws"),
        ] {
            let variable = ("AWS_CONFIG_FILE".into(), named.into());
            environment.variables.extend([variable]);
            assert_eq!(path(&environment), PathBuf::from(wanted));
        }
    }
}
