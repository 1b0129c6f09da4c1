//! The aws CLI's command line, read as the CLI (argparse) reads it.

use std::ffi::OsString;

/// The global options that take a value, of the CLI's versions 1 and 2.
const WITH_VALUE: &[&str] = &[
    "ca-bundle",
    "cli-binary-format",
    "cli-connect-timeout",
    "cli-error-format",
    "cli-read-timeout",
    "color",
    "endpoint-url",
    "output",
    "profile",
    "query",
    "region",
];

/// Those that take none.
const WITHOUT_VALUE: &[&str] = &[
    "cli-auto-prompt",
    "debug",
    "no-cli-auto-prompt",
    "no-cli-pager",
    "no-paginate",
    "no-sign-request",
    "no-verify-ssl",
    "v2-debug",
    "version",
];

/// What matters of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The service and the operation, where there are any, and what stands behind them; the values
    /// of options that are not global are among the latter.
    pub(super) words: Vec<String>,
    /// The options that are not global, without their dashes and without values behind `=`.
    pub(super) options: Vec<String>,
    /// `--profile`
    pub(super) profile: Option<String>,
    /// `--region`
    pub(super) region: Option<String>,
    /// Whether `--version` is asked for.
    pub(super) version: bool,
    /// What is not of a global option, as it stands there, in its order.
    pub(super) own: Vec<String>,
    /// Whether a bare `--` stands there, behind which nothing is an option.
    pub(super) ends_options: bool,
    /// Where each word stands among the arguments.
    words_at: Vec<usize>,
    /// The arguments that `--profile` takes up.
    profile_at: Vec<usize>,
}

/// The global option that `name` means: argparse lets it be shortened to where it is unambiguous.
fn global(name: &str) -> Option<&'static str> {
    let mut all = WITH_VALUE.iter().chain(WITHOUT_VALUE).copied();
    if let Some(exact) = all.clone().find(|option| *option == name) {
        return Some(exact);
    }
    let first = all.find(|option| option.starts_with(name))?;
    // Only `--profile` and `--region` matter here; what else a prefix may mean does not.
    all.all(|option| !option.starts_with(name)).then_some(first)
}

impl Arguments {
    /// Reads the arguments behind the program.
    pub(super) fn read(arguments: &[OsString]) -> Self {
        let mut read = Self::default();
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            let text = argument.to_string_lossy();
            let Some(option) = text.strip_prefix("--").filter(|name| !name.is_empty()) else {
                read.ends_options |= text == "--";
                read.own.push(text.to_string());
                if !text.starts_with('-') || text == "-" {
                    read.words.push(text.into_owned());
                    read.words_at.push(at);
                }
                at += 1;
                continue;
            };
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            let next = arguments.get(at + 1).map(|next| next.to_string_lossy());
            at += read.option(name, value, next.as_deref(), at);
        }
        read
    }

    /// Takes one option in; says how many arguments it takes up.
    fn option(
        &mut self,
        name: &str,
        value: Option<String>,
        next: Option<&str>,
        at: usize,
    ) -> usize {
        let Some(global) = global(name) else {
            self.options.push(name.to_owned());
            self.own.push(format!("--{name}"));
            return 1;
        };
        self.version |= global == "version";
        if !WITH_VALUE.contains(&global) {
            return 1;
        }
        let apart = value.is_none() && next.is_some();
        let value = value.or_else(|| next.map(ToOwned::to_owned));
        let spread = if apart { 2 } else { 1 };
        match global {
            "profile" => {
                self.profile = value.filter(|value| !value.is_empty());
                self.profile_at.extend(at..at + spread);
            }
            "region" => self.region = value.filter(|value| !value.is_empty()),
            _ => {}
        }
        spread
    }

    /// A word: 0 is the service, 1 the operation.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// Where a word stands among the arguments.
    pub(super) fn word_at(&self, index: usize) -> Option<usize> {
        self.words_at.get(index).copied()
    }

    /// Whether an option certainly stands there: in full, and not behind a bare `--`.
    pub(super) fn has(&self, option: &str) -> bool {
        !self.ends_options && self.options.iter().any(|found| found == option)
    }

    /// Whether an option may stand there: argparse lets it be shortened.
    pub(super) fn may_have(&self, option: &str) -> bool {
        let mut named = self.options.iter();
        named.any(|found| !found.is_empty() && option.starts_with(found.as_str()))
    }

    /// The arguments without `--profile`.
    pub(super) fn without_profile(&self, arguments: &[OsString]) -> Vec<OsString> {
        arguments
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.profile_at.contains(at))
            .map(|(_, argument)| argument.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn split(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn service_and_operation_are_found_between_options() {
        for line in [
            "s3 ls",
            "--region eu-west-1 s3 --output json ls",
            "--query Buckets[].Name --debug s3 ls --no-paginate",
            "--endpoint-url=http://x s3 ls --profile prod",
            "s3 ls --cli-read-timeout 0 --color off",
        ] {
            let read = Arguments::read(&split(line));
            assert_eq!((read.word(0), read.word(1)), ("s3", "ls"), "{line}");
        }
    }

    #[test]
    fn the_profile_is_found_and_taken_out_in_every_form() {
        for (line, without) in [
            ("--profile prod s3 ls", "s3 ls"),
            ("s3 ls --profile=prod", "s3 ls"),
            ("s3 --prof prod ls", "s3 ls"),
            ("s3 ls --p=prod x", "s3 ls x"),
            ("--profile stage s3 ls --profile prod", "s3 ls"),
        ] {
            let arguments = split(line);
            let read = Arguments::read(&arguments);
            assert_eq!(read.profile.as_deref(), Some("prod"), "{line}");
            assert_eq!(read.without_profile(&arguments), split(without), "{line}");
        }
        for line in [
            "s3 ls --profiles prod",
            "s3 ls --page-size 5",
            "s3 ls -profile prod",
        ] {
            assert_eq!(Arguments::read(&split(line)).profile, None, "{line}");
        }
        assert_eq!(Arguments::read(&split("s3 ls --profile")).profile, None);
        assert_eq!(Arguments::read(&split("--profile= s3 ls")).word(0), "s3");
    }

    proptest! {
        #[test]
        fn no_command_line_panics(line in vec("(-{0,3}[a-z=é]{0,8}|--profile|.{0,6})", 0..8)) {
            let arguments: Vec<OsString> = line.iter().map(Into::into).collect();
            let read = Arguments::read(&arguments);
            prop_assert!(read.without_profile(&arguments).len() <= arguments.len());
        }
    }
}
