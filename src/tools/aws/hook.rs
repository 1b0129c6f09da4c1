//! What `jit` writes into a file like `~/.aws/config`, as botocore and the SDKs read it.

use crate::domain::{
    entitlement::Entitlement,
    failure::{Failure, Result},
};

/// A profile's header in `~/.aws/config`.
///
/// # Errors
/// There is no way to write it that every tool reads.
pub fn header(profile: &str) -> Result<String> {
    let plain = |c: char| c.is_alphanumeric() || "_-.@+/:=,%".contains(c);
    if profile == "default" {
        Ok("[default]".to_owned())
    } else if profile.chars().all(plain) {
        Ok(format!("[profile {profile}]"))
    } else if profile.chars().all(|c| plain(c) || c == ' ') {
        Ok(format!("[profile \"{profile}\"]"))
    } else {
        Err(unwritable(
            profile,
            "write its section yourself, or name the profile otherwise in authority.toml",
        ))
    }
}

/// The hook's command line as botocore (Python's `shlex`) and the SDKs (`sh -c`) both read it.
///
/// # Errors
/// A word cannot be written so.
pub fn command(program: &[String], entitlement: &Entitlement) -> Result<String> {
    let mut words = Vec::new();
    for word in program {
        words.push(quoted(word)?);
    }
    words.push("credential-process".to_owned());
    words.push(entitlement.to_string());
    Ok(words.join(" "))
}

fn quoted(word: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if word.chars().all(plain) {
        return Ok(word.to_owned());
    }
    // Some SDKs end a value there, whatever the quotes.
    if word.contains(" #") || word.contains(" ;") {
        return Err(unwritable(
            word,
            "move it to a path without \" #\" and \" ;\"",
        ));
    }
    Ok(format!("'{}'", word.replace('\'', r"'\''")))
}

fn unwritable(what: &str, hint: &str) -> Failure {
    Failure::failed(format!("{what:?} cannot be written into ~/.aws/config")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_quoted_where_it_must_be() {
        let entitlement: Entitlement = "aws/prod:read".parse().unwrap();
        let made = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            command(&words, &entitlement)
        };
        for (words, wanted) in [
            (&["/usr/bin/jit"] as &[&str], "/usr/bin/jit"),
            (&["/my tools/jit"], "'/my tools/jit'"),
            (&["/it's/$HOME/jit"], r"'/it'\''s/$HOME/jit'"),
            (
                &["/usr/bin/jit", "--config-dir", "/a b"],
                "/usr/bin/jit --config-dir '/a b'",
            ),
        ] {
            assert_eq!(
                made(words).unwrap(),
                format!("{wanted} credential-process aws/prod:read")
            );
        }
        assert!(made(&["/a #b/jit"]).is_err());
    }

    #[test]
    fn a_section_is_written_as_every_tool_reads_it() {
        for (profile, wanted) in [
            ("default", Some("[default]")),
            ("prod", Some("[profile prod]")),
            ("two words", Some("[profile \"two words\"]")),
            ("a]b", None),
            ("a #b", None),
            ("a\"b", None),
        ] {
            assert_eq!(header(profile).ok().as_deref(), wanted, "{profile}");
        }
    }
}
