//! kubectl asked by a shell what a command line could go on with (cobra's `__complete`).

use std::ffi::OsString;

use super::{
    argv::Arguments,
    verbs::{self, Deed},
};

/// The flags whose values stand in the user's own kubeconfig, which a private one would hide.
const OF_THE_KUBECONFIG: [&str; 3] = ["--cluster", "--context", "--user"];

/// A command line that is being completed.
pub(super) struct Completion<'a> {
    /// What stands there already.
    before: &'a [OsString],
    /// What is being typed.
    last: &'a OsString,
}

/// The completion that these arguments of kubectl ask for, if they do.
pub(super) fn of(arguments: &[OsString]) -> Option<Completion<'_>> {
    let (verb, rest) = arguments.split_first()?;
    let (last, before) = rest.split_last()?;
    let asks = verb == "__complete" || verb == "__completeNoDesc";
    asks.then_some(Completion { before, last })
}

impl Completion<'_> {
    /// Whether no cluster is asked for the answer: that is a verb, or in a file of the user's.
    pub(super) fn stays_here(&self) -> bool {
        let last = self.last.to_string_lossy();
        let typed = last.split_once('=').map(|(flag, _)| flag);
        let flag = match typed {
            Some(flag) => Some(flag.to_owned()),
            None => self
                .before
                .last()
                .map(|flag| flag.to_string_lossy().into_owned()),
        };
        flag.is_some_and(|flag| OF_THE_KUBECONFIG.contains(&flag.as_str()))
            || verbs::of_kubectl(&Arguments::read(self.before)) == Deed::Local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_completed_from_files_asks_no_cluster() {
        let stays = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            of(&arguments).map(|completion| completion.stays_here())
        };
        for line in [
            "__complete ",
            "__complete g",
            "__complete config use-context ",
            "__complete get pods --context ",
            "__complete get pods --context=pr",
            "__completeNoDesc --user ",
        ] {
            assert_eq!(stays(line), Some(true), "{line}");
        }
        for line in [
            "__complete get ",
            "__complete get pods ",
            "__complete --context prod logs w",
            "__completeNoDesc get pods -l app=x ",
        ] {
            assert_eq!(stays(line), Some(false), "{line}");
        }
        for line in ["get pods", "__complete", "--context x __complete get "] {
            assert_eq!(stays(line), None, "{line}");
        }
    }
}
