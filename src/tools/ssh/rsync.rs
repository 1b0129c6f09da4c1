//! rsync's arguments and its remote shell.

use std::ffi::OsString;

use super::{
    call::{self, Call},
    destination::Destination,
};
use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    tools::getopt::{self, Grammar, Value},
};

/// The options of rsync 3 that take a value, so that no value is taken for a file.
const GRAMMAR: Grammar = Grammar {
    short: "e:B:f:M:T:@:",
    long: &[
        ("address", ' ', true),
        ("backup-dir", ' ', true),
        ("block-size", ' ', true),
        ("bwlimit", ' ', true),
        ("cc", ' ', true),
        ("checksum-choice", ' ', true),
        ("checksum-seed", ' ', true),
        ("chmod", ' ', true),
        ("chown", ' ', true),
        ("compare-dest", ' ', true),
        ("compress-choice", ' ', true),
        ("compress-level", ' ', true),
        ("compress-threads", ' ', true),
        ("config", ' ', true),
        ("contimeout", ' ', true),
        ("copy-as", ' ', true),
        ("copy-dest", ' ', true),
        ("debug", ' ', true),
        ("dparam", ' ', true),
        ("early-input", ' ', true),
        ("exclude", ' ', true),
        ("exclude-from", ' ', true),
        ("files-from", ' ', true),
        ("filter", ' ', true),
        ("groupmap", ' ', true),
        ("iconv", ' ', true),
        ("include", ' ', true),
        ("include-from", ' ', true),
        ("info", ' ', true),
        ("link-dest", ' ', true),
        ("log-file", ' ', true),
        ("log-file-format", ' ', true),
        ("log-format", ' ', true),
        ("max-alloc", ' ', true),
        ("max-delete", ' ', true),
        ("max-size", ' ', true),
        ("min-size", ' ', true),
        ("modify-window", ' ', true),
        ("only-write-batch", ' ', true),
        ("out-format", ' ', true),
        ("outbuf", ' ', true),
        ("partial-dir", ' ', true),
        ("password-file", ' ', true),
        ("port", ' ', true),
        ("protocol", ' ', true),
        ("read-batch", ' ', true),
        ("remote-option", ' ', true),
        ("rsh", 'e', true),
        ("rsync-path", ' ', true),
        ("skip-compress", ' ', true),
        ("sockopts", ' ', true),
        ("stderr", ' ', true),
        ("stop-after", ' ', true),
        ("stop-at", ' ', true),
        ("suffix", ' ', true),
        ("temp-dir", ' ', true),
        ("timeout", ' ', true),
        ("usermap", ' ', true),
        ("write-batch", ' ', true),
        ("zc", ' ', true),
        ("zl", ' ', true),
    ],
    permutes: true,
};

/// Where rsync logs in.
///
/// # Errors
/// Usage: a daemon's module, or a remote shell that is not ssh.
pub fn read(arguments: &[OsString], environment: &Environment) -> Result<Call> {
    let line = getopt::read(&GRAMMAR, arguments);
    let given = line.last('e');
    let mut destinations: Vec<Destination> = Vec::new();
    for (_, word) in &line.words {
        let word = word.to_string_lossy();
        let Some(found) = Destination::of_file(&word, "ssh://")? else {
            continue;
        };
        let daemon = word.starts_with("rsync://") || (word.contains("::") && given.is_none());
        if daemon {
            return Err(
                Failure::usage(format!("{word:?} is an rsync daemon, not ssh"))
                    .hint("write host:path to go over ssh")
                    .stranger(),
            );
        }
        if !destinations.contains(&found) {
            destinations.push(found);
        }
    }
    let shell = match given {
        Some(value) => value.text.to_string_lossy().into_owned(),
        None => environment.text("RSYNC_RSH").unwrap_or("ssh").to_owned(),
    };
    let (program, options) = words(&shell);
    if !destinations.is_empty() && program.rsplit('/').next() != Some("ssh") {
        return Err(
            Failure::usage(format!("rsync's remote shell {program:?} is not ssh"))
                .hint("leave -e out, or write -e \"ssh …\""),
        );
    }
    Ok(Call {
        before: call::options_of(&options),
        after: Vec::new(),
        destinations,
    })
}

/// Where `-e` or `--rsh` has its value.
pub fn remote_shell(arguments: &[OsString]) -> Option<Value<'_>> {
    getopt::read(&GRAMMAR, arguments).last('e')
}

/// The program and the arguments of a remote shell's command line: words between spaces, quoted
/// with either quote (rsync's `do_cmd`).
pub fn words(shell: &str) -> (String, Vec<OsString>) {
    let mut all: Vec<String> = Vec::new();
    let (mut quote, mut inside) = (None, false);
    for c in shell.chars() {
        match (c, quote) {
            (' ', None) => inside = false,
            ('\'' | '"', None) => {
                quote = Some(c);
                if !inside {
                    all.push(String::new());
                    inside = true;
                }
            }
            (c, Some(open)) if c == open => quote = None,
            (c, _) => {
                if !inside {
                    all.push(String::new());
                    inside = true;
                }
                if let Some(last) = all.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    let mut all = all.into_iter();
    let program = all.next().unwrap_or_default();
    (program, all.map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        match read(&arguments, &Environment::default()) {
            Ok(call) => {
                let options = call.before.iter().map(|o| o.to_string_lossy().into_owned());
                let words = call.destinations.iter().map(Destination::word);
                let all: Vec<String> = options.chain(words).collect();
                all.join(" ")
            }
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn rsync_s_arguments() {
        for (arguments, read) in [
            (&["-az", "a", "me@web:b"][..], "me@web"),
            (&["-aze", "ssh -p 22 -i 'a b'", "web:a", "."], "-p 22 web"),
            (&["--rsh=ssh -l me", "web:a", "web:b", "."], "-l me web"),
            (&["--exclude", "a:b", "--backup-dir=c:d", "x", "y"], ""),
            (
                &["web::module", "."],
                "\"web::module\" is an rsync daemon, not ssh",
            ),
            (
                &["-e", "rsh", "web:a", "."],
                "rsync's remote shell \"rsh\" is not ssh",
            ),
        ] {
            assert_eq!(shown(arguments), read, "{arguments:?}");
        }
    }
}
