//! What a command says about where it logs in, in the terms of ssh itself.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use super::destination::Destination;
use crate::{
    domain::failure::Result,
    tools::getopt::{self, Grammar, Line, Value},
};

/// `ssh.c`, OpenSSH 8.0 to 10.0. (`-P` takes a value since 9.4; before, it said nothing.)
const SSH: Grammar =
    strict("1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy");
/// `scp.c`
const SCP: Grammar = strict("12346ABCTdfpqrtvD:F:J:M:OP:S:c:i:l:o:RsX:");
/// `sftp.c`
const SFTP: Grammar = strict("1246AafhNpqrvCc:D:i:l:o:s:S:b:B:F:J:P:R:X:");

const fn strict(short: &'static str) -> Grammar {
    Grammar {
        short,
        long: &[],
        permutes: false,
    }
}

/// Where a command logs in. The options are ssh's own and only those that its resolution looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Options before the destination.
    pub before: Vec<OsString>,
    /// Options behind it, which ssh reads too.
    pub after: Vec<OsString>,
    /// The destinations; empty where the command names none.
    pub destinations: Vec<Destination>,
}

impl Call {
    /// Of ssh's arguments.
    pub fn of_ssh(arguments: &[OsString]) -> Result<Self> {
        let line = getopt::read(&SSH, arguments);
        let before = resolving(&line, &ssh_option);
        let Some((place, word)) = line.words.first() else {
            return Ok(Self::default());
        };
        // Options may stand behind the host, too, unless "--" ended them; then comes the command.
        let ended = place.checked_sub(1).and_then(|at| arguments.get(at));
        let behind = match ended {
            Some(word) if word == "--" => &[],
            _ => arguments.get(place + 1..).unwrap_or_default(),
        };
        Ok(Self {
            before,
            after: resolving(&getopt::read(&SSH, behind), &ssh_option),
            destinations: vec![Destination::of_ssh(&word.to_string_lossy())?],
        })
    }

    /// Of scp's arguments; each of its files may be on another host.
    pub fn of_scp(arguments: &[OsString]) -> Result<Self> {
        let line = getopt::read(&SCP, arguments);
        let mut destinations = Vec::new();
        for (_, word) in &line.words {
            let found = Destination::of_file(&word.to_string_lossy(), "scp://")?;
            destinations.extend(found.filter(|found| !destinations.contains(found)));
        }
        Ok(Self {
            before: resolving(&line, &copy_option),
            after: Vec::new(),
            destinations,
        })
    }

    /// Of sftp's arguments.
    pub fn of_sftp(arguments: &[OsString]) -> Result<Self> {
        let line = getopt::read(&SFTP, arguments);
        let mut destinations = Vec::new();
        if let Some((_, word)) = line.words.first() {
            let word = word.to_string_lossy();
            let found = Destination::of_file(&word, "sftp://")?;
            destinations.push(found.map_or_else(|| Destination::of_ssh(&word), Ok)?);
        }
        Ok(Self {
            before: resolving(&line, &copy_option),
            after: Vec::new(),
            destinations,
        })
    }

    /// Whether the command itself names the login: `user@`, `-l`, `-o User=`.
    pub fn names_login(&self, destination: &Destination) -> bool {
        let options = self.before.iter().chain(&self.after);
        let texts: Vec<String> = options.map(|o| o.to_string_lossy().into_owned()).collect();
        let mut pairs = texts.iter().zip(texts.iter().skip(1));
        destination.user.is_some()
            || pairs
                .any(|(letter, value)| letter == "-l" || (letter == "-o" && key(value) == "user"))
    }
}

/// The configuration file that a command line names: the last counts.
pub fn configuration(program: &str, arguments: &[OsString]) -> Option<OsString> {
    let values = configurations(program, arguments);
    let (place, start) = values.last()?;
    let bytes = arguments.get(*place)?.as_bytes().get(*start..)?;
    Some(OsString::from_vec(bytes.to_vec()))
}

/// The arguments of ssh, scp or sftp with another configuration file.
pub fn with_configuration(program: &str, arguments: &[OsString], file: &OsStr) -> Vec<OsString> {
    let mut written = arguments.to_vec();
    let values = configurations(program, arguments);
    for (place, start) in &values {
        if let Some(argument) = written.get_mut(*place) {
            let mut bytes = argument.as_bytes().to_vec();
            bytes.truncate(*start);
            bytes.extend_from_slice(file.as_bytes());
            *argument = OsString::from_vec(bytes);
        }
    }
    if values.is_empty() {
        written.splice(..0, ["-F".into(), file.to_owned()]);
    }
    written
}

/// Where the names of configuration files stand: which argument, and behind how many of its bytes.
fn configurations(program: &str, arguments: &[OsString]) -> Vec<(usize, usize)> {
    let of = |line: &Line<'_>, before: usize| -> Vec<(usize, usize)> {
        let values = line.values('F');
        values
            .map(|value| (value.place + before, value.start))
            .collect()
    };
    let line = getopt::read(grammar(program), arguments);
    let mut found = of(&line, 0);
    if let Some((place, behind)) = behind_host(program, &line, arguments) {
        found.extend(of(&getopt::read(&SSH, behind), place));
    }
    found
}

const fn grammar(program: &str) -> &'static Grammar {
    match program.as_bytes() {
        b"ssh" => &SSH,
        b"scp" => &SCP,
        _ => &SFTP,
    }
}

/// What stands behind the host, where ssh reads options, too, unless "--" ended them; and its place.
fn behind_host<'a>(
    program: &str,
    line: &Line<'_>,
    arguments: &'a [OsString],
) -> Option<(usize, &'a [OsString])> {
    let (place, _) = line.words.first().filter(|_| program == "ssh")?;
    let ended = place.checked_sub(1).and_then(|at| arguments.get(at));
    if ended.is_some_and(|word| word == "--") {
        return None;
    }
    Some((place + 1, arguments.get(place + 1..)?))
}

/// The arguments of ssh, scp or sftp without the option that forwards the agent (`-A`), which would win
/// over `ForwardAgent=no`: clients before OpenSSH 8.9 cannot tell the agent for which host it signs.
pub fn without_forwarding(program: &str, arguments: &[OsString]) -> Vec<OsString> {
    let line = getopt::read(grammar(program), arguments);
    let mut forwarding = letters(&line, 0);
    if let Some((place, behind)) = behind_host(program, &line, arguments) {
        forwarding.extend(letters(&getopt::read(&SSH, behind), place));
    }
    let kept = |(place, argument): (usize, &OsString)| {
        let bytes = argument.as_bytes().iter().enumerate();
        let bytes: Vec<u8> = bytes
            .filter(|(at, _)| !forwarding.contains(&(place, *at)))
            .map(|(_, byte)| *byte)
            .collect();
        let is_emptied = bytes == b"-" && argument.len() > 1;
        (!is_emptied).then(|| OsString::from_vec(bytes))
    };
    arguments.iter().enumerate().filter_map(kept).collect()
}

/// Where the option that forwards the agent stands, behind so many arguments.
fn letters(line: &Line<'_>, behind: usize) -> Vec<(usize, usize)> {
    let given = line.options.iter().filter(|given| given.letter == 'A');
    given
        .map(|given| (given.at.0 + behind, given.at.1))
        .collect()
}

/// Whether ssh logs in nowhere, which it is told before its destination.
pub fn only_says(arguments: &[OsString]) -> bool {
    let line = getopt::read(&SSH, arguments);
    ['G', 'Q', 'V'].into_iter().any(|letter| line.has(letter))
}

/// The lower-case keyword of an `-o`: `User=x`, `user x`.
fn key(option: &str) -> String {
    let keyword = option.trim_start().split(['=', ' ', '\t']).next();
    keyword.unwrap_or_default().to_ascii_lowercase()
}

/// What an option of ssh's means to the resolution of a host.
pub fn ssh_option(letter: char) -> Option<&'static str> {
    match letter {
        'F' => Some("-F"),
        'J' => Some("-J"),
        'P' => Some("-P"),
        'l' => Some("-l"),
        'o' => Some("-o"),
        'p' => Some("-p"),
        _ => None,
    }
}

/// The same for scp and sftp, whose `-P` is ssh's `-p` and whose `-l` limits the bandwidth.
fn copy_option(letter: char) -> Option<&'static str> {
    match letter {
        'P' => Some("-p"),
        'l' | 'p' => None,
        other => ssh_option(other),
    }
}

fn resolving(line: &Line<'_>, meaning: &dyn Fn(char) -> Option<&'static str>) -> Vec<OsString> {
    let options = line.options.iter().filter_map(|given| {
        let Value { text, .. } = given.value?;
        let words: [&OsStr; 2] = [meaning(given.letter)?.as_ref(), text];
        Some(words.map(OsStr::to_owned))
    });
    options.flatten().collect()
}

/// The same of the words of a command such as `ssh -p 22`, without the program.
pub fn options_of(arguments: &[OsString]) -> Vec<OsString> {
    resolving(&getopt::read(&SSH, arguments), &ssh_option)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn shown(call: Result<Call>) -> String {
        let Ok(call) = call else {
            return "refused".to_owned();
        };
        let words = call.destinations.iter().map(Destination::word);
        let all: Vec<String> = call
            .before
            .iter()
            .map(|o| o.to_string_lossy().into_owned())
            .chain(words)
            .chain(call.after.iter().map(|o| o.to_string_lossy().into_owned()))
            .collect();
        all.join(" ")
    }

    #[test]
    fn each_tool_reads_its_own_arguments() {
        for (line, read) in [
            ("web uptime -l root", "web"),
            (
                "-vp22 -i key -F cfg web -l root uptime -p 3",
                "-p 22 -F cfg web -l root",
            ),
            (
                "-o User=x -J b1,b2 ssh://me@web:22 ls",
                "-o User=x -J b1,b2 me@web",
            ),
            ("-N -L 1:h:2 -- web", "web"),
            ("-- web -l root", "web"),
            ("-- -oProxyCommand=id", "refused"),
            ("-V", ""),
        ] {
            assert_eq!(shown(Call::of_ssh(&arguments(line))), read, "{line}");
        }
        for (line, read) in [
            ("-P 22 -l 100 -rp a web:b", "-p 22 web"),
            ("me@one:a two:b", "me@one two"),
            ("one:a one:b .", "one"),
            ("a b", ""),
            ("-- -x:a b", "refused"),
        ] {
            assert_eq!(shown(Call::of_scp(&arguments(line))), read, "{line}");
        }
        for (line, read) in [
            ("-b batch -P 22 me@web:dir", "-p 22 me@web"),
            ("web", "web"),
            ("sftp://me@web:22/x", "me@web"),
        ] {
            assert_eq!(shown(Call::of_sftp(&arguments(line))), read, "{line}");
        }
    }

    #[test]
    fn a_login_named_in_any_way_is_seen() {
        for (line, named) in [
            ("web", false),
            ("me@web", true),
            ("-l me web", true),
            ("web -ome -ouser=me", true),
            ("-o UserKnownHostsFile=x web", false),
            ("-o -l web", false),
        ] {
            let call = Call::of_ssh(&arguments(line)).unwrap();
            assert_eq!(call.names_login(&call.destinations[0]), named, "{line}");
        }
    }

    #[test]
    fn only_the_option_that_forwards_the_agent_is_left_out() {
        for (program, line, kept) in [
            ("ssh", "-A web uptime", "web uptime"),
            (
                "ssh",
                "-vAq -p 22 web -A uptime -A",
                "-vq -p 22 web uptime -A",
            ),
            ("ssh", "-l A web -o A=b", "-l A web -o A=b"),
            ("ssh", "-- web -A", "-- web -A"),
            ("ssh", "-pA web", "-pA web"),
            ("scp", "-A -P 22 a web:A", "-P 22 a web:A"),
            ("sftp", "-aA web", "-a web"),
        ] {
            let without = without_forwarding(program, &arguments(line));
            assert_eq!(without.join(OsStr::new(" ")), kept, "{program} {line}");
        }
    }

    #[test]
    fn a_configuration_file_is_found_and_replaced_wherever_it_is_named() {
        for (program, line, named, written) in [
            ("ssh", "web uptime", "", "-F new web uptime"),
            ("ssh", "-F a web", "a", "-F new web"),
            (
                "ssh",
                "-vFa web -Fb uptime -F c",
                "b",
                "-vFnew web -Fnew uptime -F c",
            ),
            ("scp", "-F a x web:F", "a", "-F new x web:F"),
            ("sftp", "-b F web", "", "-F new -b F web"),
        ] {
            let arguments = arguments(line);
            let found = configuration(program, &arguments).unwrap_or_default();
            assert_eq!(found, named, "{line}");
            let changed = with_configuration(program, &arguments, OsStr::new("new"));
            assert_eq!(changed.join(OsStr::new(" ")), written, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_command_line_makes_it_panic(line in vec("[-lopPF:@/= a\u{e9}]{0,8}", 0..6)) {
            let arguments: Vec<OsString> = line.into_iter().map(OsString::from).collect();
            for call in [
                Call::of_ssh(&arguments),
                Call::of_scp(&arguments),
                Call::of_sftp(&arguments),
            ].into_iter().flatten() {
                prop_assert!(call.destinations.iter().all(|d| !d.host.starts_with('-')));
            }
        }
    }
}
