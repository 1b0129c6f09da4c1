//! The user's kubeconfig, read and merged as client-go does it; never written.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_saphyr::DuplicateKeyPolicy;

use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::files,
};

/// What matters here of all files together. Of several entries with one name, the first file's
/// counts; so does the first `current-context`.
#[derive(Clone, Debug, Default)]
pub struct Kubeconfig {
    /// The context where no other is named.
    pub current: Option<String>,
    /// The contexts by name.
    pub contexts: BTreeMap<String, Context>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
}

/// A context.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The name of its cluster.
    #[serde(deserialize_with = "absent_is_default")]
    pub cluster: String,
    /// Its namespace.
    pub namespace: Option<String>,
}

/// A cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Cluster {
    /// The URL of its API server.
    #[serde(deserialize_with = "absent_is_default")]
    pub server: String,
    /// The proxy on the way.
    pub proxy_url: Option<String>,
    /// Its certificate authority, PEM in base64; it beats the file.
    pub certificate_authority_data: Option<String>,
    /// The file of its certificate authority, PEM; [`merge`] makes it absolute.
    pub certificate_authority: Option<PathBuf>,
    /// The name that its certificate must have, where that is not the server's own.
    pub tls_server_name: Option<String>,
    /// Whether any certificate will do.
    pub insecure_skip_tls_verify: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Written {
    current_context: Option<String>,
    #[serde(deserialize_with = "absent_is_default")]
    contexts: Vec<NamedContext>,
    #[serde(deserialize_with = "absent_is_default")]
    clusters: Vec<NamedCluster>,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    #[serde(default, deserialize_with = "absent_is_default")]
    context: Context,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    name: String,
    #[serde(default, deserialize_with = "absent_is_default")]
    cluster: Cluster,
}

/// `kubectl config` itself writes `contexts: null` into an empty file.
fn absent_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The user's kubeconfig: the file that `--kubeconfig` names, or the list in `KUBECONFIG`, or
/// `~/.kube/config`. Files of the list that do not exist are passed over; without any file the
/// answer is empty.
///
/// # Errors
/// The named file is missing (usage), or one cannot be read or is not a kubeconfig; the message
/// names file and line.
pub fn load(environment: &Environment, explicit: Option<&str>) -> Result<Kubeconfig> {
    let mut merged = Kubeconfig::default();
    if let Some(named) = explicit {
        let path = environment.directory.join(named);
        if !read(&path, &mut merged)? {
            return Err(
                Failure::usage(format!("the kubeconfig {} is not there", path.display()))
                    .hint("correct --kubeconfig, or leave it out"),
            );
        }
        return Ok(merged);
    }
    for file in files_of(environment) {
        read(&file, &mut merged)?;
    }
    Ok(merged)
}

/// The files of the user's kubeconfig, there or not: the list in `KUBECONFIG`, or `~/.kube/config`.
pub fn files_of(environment: &Environment) -> Vec<PathBuf> {
    match environment.value("KUBECONFIG") {
        Some(list) => env::split_paths(list)
            .filter(|file| !file.as_os_str().is_empty())
            .map(|file| environment.directory.join(file))
            .collect(),
        None => environment.in_home(".kube/config").into_iter().collect(),
    }
}

/// Merges one file in; says whether there is one.
fn read(path: &Path, merged: &mut Kubeconfig) -> Result<bool> {
    let Some(text) = text(path)? else {
        return Ok(false);
    };
    merge(path, &text, merged).map(|()| true)
}

/// The text of a kubeconfig, in any of the encodings that YAML may have (UTF-16 is what `>` of
/// PowerShell writes); `None` where there is no file.
pub(super) fn text(path: &Path) -> Result<Option<String>> {
    let Some(bytes) = files::read(path)? else {
        return Ok(None);
    };
    let decoded = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    };
    decoded.map(Some).ok_or_else(|| unreadable(path, ""))
}

fn utf_16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks();
    let units: Vec<u16> = units.iter().map(|pair| unit(*pair)).collect();
    let text = String::from_utf16(&units).ok();
    text.filter(|_| rest.is_empty())
}

/// The first document of a YAML text, which is all that kubectl reads of it.
fn first_document(text: &str) -> &str {
    let mut at = 0;
    let mut begun = false;
    for line in text.split_inclusive('\n') {
        let plain = line.trim();
        let marks = |marker| plain == marker || line.starts_with(&format!("{marker} "));
        let is_marker = line.starts_with(['-', '.']) && (marks("---") || marks("..."));
        if begun && is_marker {
            return text.get(..at).unwrap_or(text);
        }
        let is_nothing = plain.is_empty() || plain.starts_with(['#', '%']) || plain == "---";
        begun |= !is_nothing;
        at += line.len();
    }
    text
}

/// Merges the text of the file `path` in.
///
/// # Errors
/// It is not a kubeconfig; the message names file and line.
pub fn merge(path: &Path, text: &str, merged: &mut Kubeconfig) -> Result<()> {
    let Written {
        current_context,
        contexts,
        clusters,
    } = parse(path, text)?;
    let current = current_context.filter(|name| !name.is_empty());
    merged.current = merged.current.take().or(current);
    for named in contexts {
        merged.contexts.entry(named.name).or_insert(named.context);
    }
    for NamedCluster { name, mut cluster } in clusters {
        if let (Some(file), Some(directory)) = (&cluster.certificate_authority, path.parent()) {
            cluster.certificate_authority = Some(directory.join(file));
        }
        merged.clusters.entry(name).or_insert(cluster);
    }
    Ok(())
}

/// Reads a text as kubectl does: its first document, in which the last of several equal keys counts.
///
/// serde-saphyr's own limits (depth 64, a million events, 64 MiB of text, few aliases for an anchor)
/// keep a hostile file from costing more than milliseconds.
pub(super) fn parse<T: DeserializeOwned + Default>(path: &Path, text: &str) -> Result<T> {
    let text = first_document(text);
    if text.trim().is_empty() {
        return Ok(T::default());
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // The parser's own words could quote the file, and a kubeconfig holds secrets.
        let line = error
            .location()
            .map_or_else(String::new, |at| format!(" (line {})", at.line()));
        unreadable(path, &line)
    })
}

/// kubectl may read the file all the same: what is reached then, nobody can tell.
fn unreadable(path: &Path, line: &str) -> Failure {
    Failure::failed(format!(
        "{} is not a kubeconfig that jit can read{line}",
        path.display()
    ))
    .hint("\"kubectl config view --raw --flatten\" prints it as jit can read it, or says what is wrong with it")
    .stranger()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::domain::failure::Nature;

    fn put(path: &Path, text: &str) {
        files::write_public(path, text.as_bytes()).unwrap();
    }

    fn environment(directory: &Path, list: &str) -> Environment {
        Environment {
            variables: [("KUBECONFIG".into(), list.into())].into(),
            directory: directory.to_owned(),
            home: None,
        }
    }

    #[test]
    fn the_first_file_that_defines_a_name_wins() {
        let directory = tempfile::tempdir().unwrap();
        put(
            &directory.path().join("a"),
            "contexts:\n- {name: x, context: {cluster: one, user: u}}\nclusters: null\n",
        );
        put(
            &directory.path().join("b"),
            "apiVersion: v1\nkind: Config\ncurrent-context: y\npreferences: {}\nusers: []\n\
             contexts:\n- name: x\n  context: {cluster: two, namespace: shop}\n\
             - name: 2024\n  context: {cluster: two}\n\
             clusters:\n- name: one\n  cluster: {server: 'https://one', certificate-authority: ca.pem, \
             insecure-skip-tls-verify: true, extensions: [{name: e}]}\n",
        );
        let read = load(&environment(directory.path(), ":a::missing:b:"), None).unwrap();
        assert_eq!(read.current.as_deref(), Some("y"));
        assert_eq!(read.contexts["x"].cluster, "one");
        assert_eq!(read.contexts["x"].namespace, None);
        assert_eq!(read.contexts["2024"].cluster, "two");
        assert_eq!(
            read.clusters["one"].certificate_authority,
            Some(directory.path().join("ca.pem"))
        );
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_none_of_its_text() {
        let directory = tempfile::tempdir().unwrap();
        for (text, line) in [
            ("contexts:\n- name: x\n  context: [\n", ""),
            ("contexts:\n- context: {cluster: hunter2}\n", " (line 2)"),
            ("contexts: hunter2\n", " (line 1)"),
            ("[]", " (line 1)"),
            ("\t\u{0}", ""),
        ] {
            put(&directory.path().join("a"), text);
            let failure = load(&environment(directory.path(), "a"), None).unwrap_err();
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
            let shown = directory.path().display();
            let named = format!("{shown}/a is not a kubeconfig that jit can read{line}");
            assert!(failure.message.starts_with(&named), "{failure:?}");
        }
    }

    #[test]
    fn what_kubectl_reads_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        let current = |bytes: &[u8]| {
            files::write_public(&file, bytes).unwrap();
            let read = load(&environment(directory.path(), "a"), None);
            read.unwrap().current
        };
        let text = "current-context: prod\r\ncontexts: []\r\n";
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes(),
            &[b"\xef\xbb\xbf", text.as_bytes()].concat(),
            &[b"\xff\xfe", &*little].concat(),
            &[b"\xfe\xff", &*big].concat(),
            b"# mine\n---\ncurrent-context: prod\n---\ncurrent-context: other\n",
            b"current-context: prod\n...\n]\n",
            b"current-context: prod\n--- {not: [a\n",
            b"current-context: other\ncurrent-context: prod\n",
        ] {
            assert_eq!(current(bytes).as_deref(), Some("prod"), "{bytes:?}");
        }
        files::write_public(&file, b"\xff\xfea").unwrap();
        let failure = load(&environment(directory.path(), "a"), None).unwrap_err();
        assert_eq!(failure.nature, Nature::Stranger);
    }

    #[test]
    fn a_bomb_is_an_error_at_once() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (letter, before) in "bcdefghijk".chars().zip("abcdefghij".chars()) {
            let nine = vec![format!("*{before}"); 9].join(",");
            writeln!(bomb, "{letter}: &{letter} [{nine}]").unwrap();
        }
        assert!(parse::<Written>(Path::new("bomb"), &bomb).is_err());
        assert!(parse::<Written>(Path::new("deep"), &"[".repeat(100_000)).is_err());
    }

    #[test]
    fn a_missing_file_is_an_error_only_if_it_was_named() {
        let directory = tempfile::tempdir().unwrap();
        let environment = environment(directory.path(), "");
        assert!(load(&environment, None).unwrap().contexts.is_empty());
        let failure = load(&environment, Some("none")).unwrap_err();
        assert!(
            failure.message.ends_with("/none is not there"),
            "{failure:?}"
        );
    }

    #[test]
    fn an_empty_file_is_an_empty_kubeconfig() {
        assert!(
            parse::<Written>(Path::new("empty"), " \n")
                .unwrap()
                .contexts
                .is_empty()
        );
        let only_a_comment = parse::<Written>(Path::new("comment"), "# nothing\n");
        assert!(only_a_comment.unwrap().contexts.is_empty());
    }
}
