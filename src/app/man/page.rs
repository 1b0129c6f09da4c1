//! A page in roff: what clap knows of a command, then its examples and what is true of every command.

use clap::{Command, builder::Resettable};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::tables::{ENVIRONMENT, EXIT_STATUS, FILES, Row};
use crate::domain::failure::{Failure, Result};

/// How an empty line within an option's help comes out, which roff wants as a space.
const GAP: &str = "\n.br\n\n.br\n";

/// `jit-exec.1`
pub(super) fn file_name(command: &Command) -> String {
    manual(command.clone()).get_filename()
}

/// The whole page.
pub(super) fn of(command: &Command) -> Result<String> {
    let usage = command.clone().render_usage().to_string();
    let described = command
        .clone()
        // Its own has "--" and the verbs in their places.
        .override_usage(usage.trim_start_matches("Usage: ").to_owned())
        // The examples have a section of their own, and the version stands at the foot of each page.
        .after_help(Resettable::Reset)
        .version(Resettable::Reset);
    let mut text = Vec::new();
    manual(described)
        .render(&mut text)
        .map_err(|error| Failure::failed("the page cannot be made").because(&error))?;
    let text = String::from_utf8(text)
        .map_err(|error| Failure::failed("the page is not text").because(&error))?;
    Ok(in_ascii(&format!(
        "{}{}",
        text.replace(GAP, "\n.sp\n"),
        ours(command)
    )))
}

/// Roff has names for what is not ASCII, which reach every terminal and printer.
fn in_ascii(text: &str) -> String {
    let named = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            format!("\\[u{:04X}]", u32::from(c))
        }
    };
    text.chars().map(named).collect()
}

fn manual(command: Command) -> Man {
    let version = env!("CARGO_PKG_VERSION");
    Man::new(command)
        // Nothing of a build is in the page, so that it is the same everywhere.
        .date("\"\"")
        .source(format!("jit {version}"))
        .manual("just-in-time access")
}

/// The sections that clap knows nothing of.
fn ours(command: &Command) -> String {
    let mut roff = Roff::new();
    if let Some(help) = command.get_after_help() {
        roff.control("SH", ["EXAMPLES"]);
        examples(&mut roff, &help.to_string());
    }
    table(&mut roff, "EXIT STATUS", &EXIT_STATUS);
    table(&mut roff, "ENVIRONMENT", &ENVIRONMENT);
    table(&mut roff, "FILES", &FILES);
    if let Some(above) = above(command) {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold(above), roman("(1)")]);
    }
    // The page has begun: what roff sets up for apostrophes is done.
    let set_up = Roff::new().render();
    let text = roff.render();
    text.strip_prefix(&set_up).unwrap_or(&text).to_owned()
}

/// What is indented is typed as it stands; its heading is the section's.
fn examples(roff: &mut Roff, help: &str) {
    let mut typed = false;
    for line in help.lines() {
        let indented = line.strip_prefix("  ");
        if indented.is_some() != typed {
            typed = !typed;
            roff.control(if typed { "nf" } else { "fi" }, []);
        }
        match indented {
            Some(line) => roff.text([roman(line)]),
            None if line.is_empty() => roff.control("PP", []),
            None if line.ends_with(':') => continue,
            None => roff.text([roman(line)]),
        };
    }
    if typed {
        roff.control("fi", []);
    }
}

fn table(roff: &mut Roff, heading: &str, rows: &[Row]) {
    roff.control("SH", [heading]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}

/// The page above: `jit-policy` of `jit-policy-check`.
fn above(command: &Command) -> Option<String> {
    let words = command.get_bin_name()?.rsplit_once(' ')?.0;
    Some(words.replace(' ', "-"))
}
