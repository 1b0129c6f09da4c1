//! kubectl's command line, read as kubectl (cobra and pflag) reads it.

use std::{ffi::OsString, path::Path};

/// The words and the flags of a command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    /// What is not a flag: the verb first.
    pub(super) words: Vec<String>,
    flags: Vec<Flag>,
    /// Whether the last argument is a flag that wants a value and has none here, so that kubectl takes
    /// the next argument for it, whatever that is.
    is_open: bool,
}

/// A flag as it stands on the command line.
#[derive(Clone, Debug)]
struct Flag {
    /// Its long name; a short flag whose long name does not matter here keeps its letter.
    name: String,
    value: Option<String>,
    /// The index of its argument.
    at: usize,
    /// Whether the value is the argument behind it.
    apart: bool,
    /// Whether kubectl takes it for the value of the flag before it.
    is_value: bool,
}

/// kubectl 1.36's flags that take no value, or take one behind `=` only. All others take the next
/// argument.
const WITHOUT_VALUE: &str = "
    all all-containers all-namespaces all-pods allow-missing-template-keys append-hash
    append-server-path arguments-only as-current-user attach cached cascade client
    create-annotation current delete-emptydir-data disable-compression disable-eviction
    disable-filter dry-run edit embed-certs enable-alpha-plugins enable-helm
    exec-provide-cluster-info expose flatten follow force force-conflicts global-default
    helm-debug help ignore-daemonsets ignore-errors ignore-not-found
    insecure-skip-tls-verify insecure-skip-tls-verify-backend interactive keep-annotations
    keep-init-containers keep-labels keep-liveness keep-readiness keep-startup
    leave-stdin-open list local match-server-version merge minify name-only namespaced
    network no-headers no-preserve now openapi-patch output-patch output-watch-events
    overwrite previous privileged prune quiet recursive remove-extra-permissions
    remove-extra-subjects replace resolve rm same-node save-config server-print
    server-side set-raw-bytes share-processes show-capacity show-events show-kind
    show-labels show-managed-fields show-secrets show-swap stdin sum timestamps tty
    use-protocol-buffers validate wait warnings-as-errors watch watch-only
    windows-line-endings
";

/// The flags of every command that take no value; `debug` and `kube-…` are helm's.
const GLOBAL_WITHOUT_VALUE: &str = "
    debug disable-compression help insecure-skip-tls-verify kube-insecure-skip-tls-verify
    match-server-version warnings-as-errors
";

/// Whether a list, one word behind another, has this one.
pub(super) fn lists(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|listed| listed == word)
}

/// Whether a long flag without `=` takes the next argument. Before the verb, cobra knows the flags
/// of every command only, and lets any other take a value.
fn long_takes_value(name: &str, verb: Option<&str>) -> bool {
    match (verb, name) {
        (None, _) => !lists(GLOBAL_WITHOUT_VALUE, name),
        (Some("logs"), "prefix") | (Some("run"), "command") | (Some("top"), "containers") => false,
        (Some(_), _) => !lists(WITHOUT_VALUE, name),
    }
}

fn short_takes_value(letter: char, verb: Option<&str>) -> bool {
    match (verb, letter) {
        (None, _) => letter != 'h',
        (Some(verb), 'f') => verb != "logs",
        (Some(verb), 'p') => matches!(verb, "patch" | "proxy"),
        (Some(verb), 'w') => verb == "proxy",
        (Some(_), _) => "nsvolkceLPru".contains(letter),
    }
}

/// A boolean as Go's `strconv.ParseBool` reads it, and so pflag.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

impl Arguments {
    /// Reads the arguments behind the program. Text that is not UTF-8 is read as near as it can be:
    /// no name of a context or a verb is like that.
    pub(super) fn read(arguments: &[OsString]) -> Self {
        let mut read = Self::default();
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            let text = argument.to_string_lossy();
            // A long flag is no value: a flag that is unknown here must not hide the one behind it.
            let next = arguments.get(at + 1).map(|next| next.to_string_lossy());
            let next = next.filter(|next| !next.starts_with("--"));
            let before = read.flags.len();
            if text == "--" {
                let rest = arguments.get(at + 1..).unwrap_or_default();
                read.words
                    .extend(rest.iter().map(|word| word.to_string_lossy().into_owned()));
                break;
            } else if let Some(long) = text.strip_prefix("--") {
                read.long(long, at, next.as_deref());
            } else if let Some(short) = text.strip_prefix('-').filter(|short| !short.is_empty()) {
                read.short(short, at, next.as_deref());
            } else {
                read.words.push(text.into_owned());
                read.is_open = false;
            }
            let apart = read
                .flags
                .get(before..)
                .is_some_and(|new| new.iter().any(|flag| flag.apart));
            at += if apart { 2 } else { 1 };
        }
        read
    }

    fn long(&mut self, text: &str, at: usize, next: Option<&str>) {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let takes = value.is_none() && long_takes_value(name, self.verb());
        let next = next.filter(|_| takes);
        self.add(name, value, at, next);
        self.is_open = takes && next.is_none();
    }

    /// One argument of short flags: `-it`, `-n x`, `-nx`, `-n=x`.
    fn short(&mut self, text: &str, at: usize, next: Option<&str>) {
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            let name = match letter {
                'n' => "namespace".to_owned(),
                's' => "server".to_owned(),
                'h' => "help".to_owned(),
                _ => letter.to_string(),
            };
            if let Some(value) = rest.strip_prefix('=') {
                return self.add(&name, Some(value), at, None);
            }
            if short_takes_value(letter, self.verb()) {
                let value = Some(rest).filter(|rest| !rest.is_empty());
                let next = next.filter(|_| value.is_none());
                self.add(&name, value, at, next);
                self.is_open = value.is_none() && next.is_none();
                return;
            }
            self.add(&name, None, at, None);
        }
    }

    fn add(&mut self, name: &str, value: Option<&str>, at: usize, next: Option<&str>) {
        self.flags.push(Flag {
            name: name.to_owned(),
            value: value.or(next).map(ToOwned::to_owned),
            at,
            apart: next.is_some(),
            is_value: self.is_open,
        });
        self.is_open = false;
    }

    /// The first word.
    pub(super) fn verb(&self) -> Option<&str> {
        self.words.first().map(String::as_str)
    }

    /// A word behind the verb.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The value of a flag; the last one counts, and an empty one is none.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let flag = self.flags.iter().rev().find(|flag| flag.name == name)?;
        flag.value.as_deref().filter(|value| !value.is_empty())
    }

    /// Whether a flag stands there, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name == name)
    }

    /// Whether a boolean flag is on; the last one counts. kubectl runs nothing where its value is no
    /// boolean, so that it is not on then.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let last = self.flags.iter().rev().find(|flag| flag.name == name);
        last.is_some_and(|flag| {
            let value = flag.value.as_deref();
            value.is_none_or(|value| parse_bool(value) == Some(true))
        })
    }

    /// Whether kubectl explains the command instead of running it. A `--help` that it takes for the value
    /// of another flag is none.
    pub(super) fn asks_for_help(&self) -> bool {
        let mut help = self.flags.iter().filter(|flag| flag.name == "help");
        self.is_set("help") && help.all(|flag| !flag.is_value)
    }

    /// The arguments with another value for a flag, wherever it stands.
    pub(super) fn with_value(
        &self,
        arguments: &[OsString],
        name: &str,
        value: &Path,
    ) -> Vec<OsString> {
        let mut changed = arguments.to_vec();
        for flag in self.flags.iter().filter(|flag| flag.name == name) {
            if flag.apart {
                if let Some(argument) = changed.get_mut(flag.at + 1) {
                    *argument = value.into();
                }
            } else if let Some(argument) = changed.get_mut(flag.at) {
                *argument = format!("--{name}=").into();
                argument.push(value);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn read(line: &str) -> Arguments {
        let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        Arguments::read(&arguments)
    }

    #[test]
    fn flags_are_found_wherever_they_stand() {
        let table = "
            get pods --context prod                          | prod | get pods
            --context=prod get pods                          | prod | get pods
            --context prod -n kube-system get pods           | prod | get pods
            get --context stage pods --context prod          | prod | get pods
            get pods -nx -oyaml -A --context prod            | prod | get pods
            exec -it web -- kubectl --context other          |      | exec web kubectl --context other
            logs -f --prefix web --context prod              | prod | logs web
            apply -f context.yaml                            |      | apply
            get -l app=x -o jsonpath={.x} pods               |      | get pods
            --insecure-skip-tls-verify get pods              |      | get pods
            create deployment x --dry-run -o yaml            |      | create deployment x
            get pods --context=                              |      | get pods
            get pods --context                               |      | get pods
            delete pod x --cascade --wait=false              |      | delete pod x
            - get                                            |      | - get";
        for row in table.lines().skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [line, context, words] = cells[..] else {
                panic!("{row}");
            };
            let context = Some(context).filter(|context| !context.is_empty());
            let arguments = read(line);
            assert_eq!(arguments.value("context"), context, "{line}");
            assert_eq!(arguments.words.join(" "), words, "{line}");
        }
    }

    #[test]
    fn short_flags_are_read_in_every_form() {
        for line in [
            "-n x",
            "-nx",
            "-n=x",
            "--namespace x",
            "get -An x",
            "get -itn=x",
        ] {
            assert_eq!(read(line).value("namespace"), Some("x"), "{line}");
        }
        assert!(read("get -hA").asks_for_help());
    }

    #[test]
    fn help_counts_as_kubectl_counts_it() {
        for line in [
            "delete pod web --help",
            "delete pod web -h",
            "delete pod web --help=1",
            "delete pod web --help=T",
            "delete pod web --force --help",
            "delete pod web -n x --help",
            "delete pod web --help=false --help",
            "--help delete pod web",
        ] {
            assert!(read(line).asks_for_help(), "{line}");
        }
        for line in [
            "delete pod web --help=0",
            "delete pod web --help=f",
            "delete pod web --help=F",
            "delete pod web --help=FALSE",
            "delete pod web -h=0",
            "delete pod web --help --help=false",
            "delete pod web --help=yes",
            "annotate pod web a=b --field-manager --help",
            "delete pod web -n --help",
            "exec web -- rm --help",
        ] {
            assert!(!read(line).asks_for_help(), "{line}");
        }
    }

    #[test]
    fn an_unknown_flag_hides_no_other() {
        let read = read("--new --kubeconfig x get --newer --context prod --newest -- --context y");
        assert_eq!(read.value("kubeconfig"), Some("x"));
        assert_eq!(read.value("context"), Some("prod"));
    }

    #[test]
    fn another_value_is_put_in_both_forms() {
        let line = [
            "--kubeconfig",
            "a",
            "get",
            "--kubeconfig=b",
            "--",
            "--kubeconfig=c",
        ];
        let arguments: Vec<OsString> = line.map(Into::into).to_vec();
        let changed =
            Arguments::read(&arguments).with_value(&arguments, "kubeconfig", "/p q".as_ref());
        let wanted = [
            "--kubeconfig",
            "/p q",
            "get",
            "--kubeconfig=/p q",
            "--",
            "--kubeconfig=c",
        ];
        assert_eq!(changed, wanted);
    }

    proptest! {
        #[test]
        fn no_command_line_panics(line in vec("(-{0,2}[a-z=é]{0,4}|get|--context|.{0,6})", 0..8)) {
            let arguments: Vec<OsString> = line.iter().map(Into::into).collect();
            let read = Arguments::read(&arguments);
            let changed = read.with_value(&arguments, "kubeconfig", "x".as_ref());
            prop_assert_eq!(changed.len(), arguments.len());
        }
    }
}
