//! Aliases of the aws CLI (`~/.aws/cli/alias`), resolved as the CLI resolves them.
//!
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-alias.html>

use std::ffi::OsString;

use super::argv::Arguments;
use crate::{
    domain::environment::Environment,
    platform::{
        files,
        ini::{self, Section},
        shell_words,
    },
};

/// No chain of aliases is longer.
const LONGEST: usize = 8;

/// What a command line means once its aliases are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// This command line of the CLI.
    Command(Arguments),
    /// Nobody can tell: the alias of that name is a shell command, or the CLI itself refuses it.
    Unclear(String),
}

/// Replaces the aliases of a command line.
pub(super) fn resolve(arguments: &[OsString], environment: &Environment) -> Resolved {
    let read = Arguments::read(arguments);
    let file = environment.in_home(".aws/cli/alias");
    let Some(file) = file.filter(|file| file.is_file()) else {
        return Resolved::Command(read);
    };
    let text = files::read_text(&file).ok().flatten();
    match text.as_deref().and_then(aliases) {
        Some(sections) => replaced(arguments.to_vec(), &sections),
        None => Resolved::Unclear(read.word(0).to_owned()),
    }
}

/// The sections of the file; `None` where the CLI refuses it.
fn aliases(text: &str) -> Option<Vec<Section>> {
    let file = ini::parse(text);
    let is_whole = file.faults().next().is_none();
    is_whole.then_some(file.sections)
}

fn replaced(mut arguments: Vec<OsString>, sections: &[Section]) -> Resolved {
    for _ in 0..LONGEST {
        let read = Arguments::read(&arguments);
        let Some((at, name, value)) = next(&read, sections) else {
            return Resolved::Command(read);
        };
        let value = value.trim();
        let words = shell_words::split(value).filter(|_| !value.starts_with('!'));
        let words: Option<Vec<OsString>> =
            words.map(|words| words.into_iter().map(Into::into).collect());
        let Some(words) = words.filter(|words| !names_profile(words)) else {
            return Resolved::Unclear(name);
        };
        // An alias of a command's own name stands for that command.
        let is_itself = Arguments::read(&words).word(0) == name;
        arguments.splice(at..=at, words);
        if is_itself {
            return Resolved::Command(Arguments::read(&arguments));
        }
    }
    Resolved::Unclear(Arguments::read(&arguments).word(0).to_owned())
}

/// The next alias in a command line: where it stands, its name and its value. Those of a service's own
/// operations (`[command ec2]`) are of version 2 of the CLI.
fn next(read: &Arguments, sections: &[Section]) -> Option<(usize, String, String)> {
    let of_service = format!("command {}", read.word(0));
    let places = [("toplevel", 0), (of_service.as_str(), 1)];
    places.into_iter().find_map(|(header, index)| {
        let section = sections.iter().find(|section| section.header == header)?;
        let name = read.word(index);
        let setting = section.setting(name)?;
        let at = read.word_at(index)?;
        Some((at, name.to_owned(), setting.whole()))
    })
}

/// The CLI refuses an alias that names a profile.
fn names_profile(words: &[OsString]) -> bool {
    Arguments::read(words).profile.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIASES: &str = "
[toplevel]
whoami = sts get-caller-identity
mine = whoami --output text
drop = s3 rm --recursive
ec2 = ec2 --region eu-west-1
shell =
  !f() {
    aws s3 rm s3://b/k
  }; f
round = about
about = round
other = s3 ls --profile prod
open = s3 'ls
[command ec2]
gone = terminate-instances
run = !aws ec2 run-instances
";

    #[test]
    fn an_alias_is_what_the_cli_makes_of_it() {
        let sections = aliases(ALIASES).unwrap();
        let resolved = |line: &str| {
            let arguments = line.split_whitespace().map(Into::into).collect();
            match replaced(arguments, &sections) {
                Resolved::Command(read) => read.words.join(" "),
                Resolved::Unclear(name) => format!("? {name}"),
            }
        };
        for (line, wanted) in [
            ("whoami", "sts get-caller-identity"),
            ("--output json mine", "sts get-caller-identity"),
            ("drop s3://b/k", "s3 rm s3://b/k"),
            ("ec2 describe-instances", "ec2 describe-instances"),
            ("ec2 gone --instance-ids i", "ec2 gone i"),
            ("s3 whoami", "s3 whoami"),
            ("shell", "? shell"),
            ("round", "? round"),
            ("other", "? other"),
            ("open", "? open"),
            ("unknown", "unknown"),
            ("", ""),
        ] {
            assert_eq!(resolved(line), wanted, "{line}");
        }
        let of_service = aliases("[command ec2]\ngone = terminate-instances\nrun = !x\n").unwrap();
        let arguments: Vec<OsString> = vec!["ec2".into(), "gone".into()];
        let Resolved::Command(read) = replaced(arguments, &of_service) else {
            panic!("it is no shell command");
        };
        assert_eq!(read.word(1), "terminate-instances");
        assert_eq!(aliases("[toplevel]\nx\n"), None);
    }
}
