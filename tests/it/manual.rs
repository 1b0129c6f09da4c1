//! The manual: a page for each verb that the help lists, which the renderers take without a complaint.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;

use crate::support::{Home, home::Ran, run, skip::skip, whereabouts::program};

fn man(home: &Home, args: &[&str]) -> Ran {
    run(&mut home.jit([&["man"], args].concat()))
}

/// Every page of the manual, written into a directory.
fn pages(home: &Home) -> Vec<PathBuf> {
    let directory = home.path("man pages");
    fs::create_dir(&directory).unwrap();
    let ran = man(home, &["--dir", directory.to_str().unwrap()]);
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (0, "", ""),
        "{ran:?}"
    );
    let mut pages: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    pages
}

#[test]
fn there_is_a_page_for_each_visible_verb_and_for_no_other() {
    let home = Home::new();
    let listed = run(&mut home.jit(["complete", "--", "jit", "man", ""])).stdout;
    let verbs = listed.lines().filter_map(|line| line.split('\t').next());
    let mut expected: BTreeSet<String> = verbs.map(|verb| format!("jit-{verb}.1")).collect();
    assert!(expected.contains("jit-exec.1"), "{expected:?}");
    expected.insert("jit.1".to_owned());
    let pages = pages(&home);
    let found: BTreeSet<String> = pages
        .iter()
        .map(|page| page.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(found.is_superset(&expected), "{found:?}");
    // The others are of verbs of verbs.
    assert!(found.contains("jit-policy-explain.1"), "{found:?}");
    for other in found.difference(&expected) {
        let of = |page: &String| other.starts_with(&page.replace(".1", "-"));
        assert!(
            expected.iter().filter(|page| *page != "jit.1").any(of),
            "{other}"
        );
    }
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        assert!(
            text.contains("\n.SH EXAMPLES\n.nf\njit "),
            "{}",
            page.display()
        );
        assert!(text.is_ascii(), "{}", page.display());
    }
}

#[test]
fn the_renderers_do_not_complain() {
    let home = Home::new();
    let pages = pages(&home);
    if program("mandoc", None).is_none() {
        return skip("mandoc is missing (Debian: mandoc)");
    }
    let mut lint = home.command(Path::new("mandoc"));
    let said = run(lint.args(["-Tlint", "-Wwarning"]).args(&pages)).stdout;
    // A page has no date, so that it is the same wherever it was made.
    let faults: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains("missing date"))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let printed = man(&home, &[]).stdout;
    let file = home.write("printed.1", &printed);
    let shown = run(home
        .command(Path::new("mandoc"))
        .args(["-Tascii"])
        .arg(file))
    .stdout;
    assert!(shown.contains("jit exec -- kubectl get pods"), "{shown}");
}

#[test]
fn a_page() {
    let home = Home::new();
    let printed = man(&home, &["forget"]);
    assert_eq!((printed.code, &*printed.stderr), (0, ""), "{printed:?}");
    let version = env!("CARGO_PKG_VERSION");
    let text = printed.stdout.replace(version, "VERSION");
    let (begins, _) = text.split_once(".SH \"EXIT STATUS\"").unwrap();
    assert_snapshot!(begins, @r#"
    .ie \n(.g .ds Aq \(aq
    .el .ds Aq '
    .TH jit-forget 1 "" "jit VERSION" "just-in-time access"
    .SH NAME
    jit\-forget \- Drop a cached lease on this machine; its grant goes on (see revoke)
    .SH SYNOPSIS
    \fBjit forget\fR [OPTIONS] [ENTITLEMENT]
    .SH DESCRIPTION
    Drop a cached lease on this machine; its grant goes on (see revoke)
    .SH OPTIONS
    .TP
    \fB\-\-all\fR
    Drop every lease
    .TP
    \fB\-\-config\-dir\fR \fI<DIR>\fR
    Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)
    .TP
    \fB\-\-json\fR
    Print JSON; errors too, as one object on stderr
    .TP
    \fB\-v\fR, \fB\-\-verbose\fR
    Say what was inferred, asked for and used
    .TP
    \fB\-h\fR, \fB\-\-help\fR
    Print help
    .TP
    \fB\-V\fR, \fB\-\-version\fR
    Print version
    .TP
    [\fIENTITLEMENT\fR]
    kind/name:role
    .SH EXAMPLES
    .nf
    jit forget kubernetes/prod:view
    .fi
    "#);
    let nested = man(&home, &["policy", "check"]).stdout;
    assert!(nested.contains(".TH jit-policy-check 1 "), "{nested}");
    assert!(nested.contains("\\fBjit\\-policy\\fR(1)"), "{nested}");
}

#[test]
fn what_every_page_ends_with() {
    let text = man(&Home::new(), &["status"]).stdout;
    let at = text.find(".SH ENVIRONMENT").unwrap();
    assert_snapshot!(&text[at..], @r#"
    .SH ENVIRONMENT
    .TP
    \fBJIT_CONFIG_DIR\fR
    The directory of the configuration, where \-\-config\-dir names none.
    .TP
    \fBXDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME\fR
    Where ~/.config, ~/.local/state and ~/.cache are.
    .TP
    \fBXDG_RUNTIME_DIR\fR
    Where sockets are, in jit/; without it, ~/.cache/jit/run.
    .TP
    \fBKUBECONFIG, AWS_PROFILE, PGSERVICE and the like\fR
    Read as the tool itself reads them, to know what a command reaches.
    .SH FILES
    .TP
    \fB~/.config/jit/authority.toml\fR
    The catalogue: what can be reached, and in which roles.
    .TP
    \fB~/.config/jit/config.toml\fR
    The client\*(Aqs own choices.
    .TP
    \fB~/.config/jit/policies/*.cedar\fR
    Who may have what.
    .TP
    \fB~/.local/state/jit/ledger.db\fR
    The ledger: who had what, when and why; and the signing keys, sealed.
    .TP
    \fB~/.local/state/jit/sealing.key\fR
    The key that seals them and the leases.
    .TP
    \fB~/.cache/jit/leases/\fR
    The leases, sealed, a file each.
    .SH "SEE ALSO"
    \fBjit\fR(1)
    "#);
}

#[test]
fn a_verb_that_is_not_there_is_named() {
    let home = Home::new();
    for (words, says) in [
        (
            &["exce"][..],
            "jit: jit has no verb \"exce\"\nhint: did you mean \"exec\"? ",
        ),
        (&["agent"], "jit: jit has no verb \"agent\"\nhint: "),
        (
            &["exec", "x"],
            "jit: jit exec has no verb \"x\"\nhint: run: jit man exec\n",
        ),
    ] {
        let ran = man(&home, words);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
        assert!(ran.stderr.starts_with(says), "{ran:?}");
    }
    let ran = man(&home, &["--dir", "absent"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains("absent/jit.1 cannot be written"),
        "{ran:?}"
    );
}

/// Both tell what an exit code means; neither is generated from the other.
#[test]
fn the_readme_has_the_same_exit_codes() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, table) = readme
        .split_once("| exit code | means |\n|---|---|\n")
        .unwrap();
    let rows = table.lines().map_while(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|row| row.trim_end_matches(" |").split_once(" | "));
    let theirs: Vec<String> = rows
        .map(|(code, means)| format!("{code}: {}", means.replace('`', "")))
        .collect();
    let page = man(&Home::new(), &[]).stdout;
    let (_, section) = page.split_once(".SH \"EXIT STATUS\"\n.TP\n").unwrap();
    let (section, _) = section.split_once("\n.SH").unwrap();
    let ours: Vec<String> = section
        .split("\n.TP\n")
        .map(|row| {
            let row = row.replace("\\fB", "").replace("\\fR\n", ": ");
            row.replace("\\*(Aq", "'")
        })
        .collect();
    assert_eq!(ours, theirs);
}
