//! `config.toml`, the client's own choices; without it everything is embedded.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    check::fault::Fault,
    names,
    spot::{self, Table},
};
use crate::{
    domain::{
        environment::Places, failure::Result, secret_reference::SecretReference, time::Ttl,
        way::Way,
    },
    platform::{files, keys},
};

/// The file's name below the configuration.
pub const FILE: &str = "config.toml";

/// `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's URL; absent: the embedded authority.
    pub server: Option<String>,
    /// The only authorities that may vouch for the server, PEM, relative to this file; absent: the
    /// system's.
    pub certificate_authority: Option<PathBuf>,
    /// By which identity this machine signs in, where nobody does; absent: the one that is found.
    pub identity: Option<Way>,
    /// The secret of the client at the OpenID provider, where it has one.
    pub client_secret: Option<SecretReference>,
    /// How `jit exec` behaves.
    #[serde(default)]
    pub exec: Exec,
}

/// `[exec]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exec {
    /// How long a terminal waits for an approval.
    pub wait: Ttl,
}

impl Default for Exec {
    fn default() -> Self {
        Self {
            wait: Ttl(Duration::from_mins(10)),
        }
    }
}

/// The client's choices; the defaults where there is no file.
pub fn load(places: &Places) -> Result<Config> {
    let text = files::read_trusted(&places.configuration.join(FILE))?;
    text.map_or_else(|| Ok(Config::default()), |text| parse(FILE, &text))
}

/// Where things are kept with these choices: what a server gave rests apart from what another authority
/// gave, since the same name may mean another target there.
pub fn placed(places: Places, config: &Config) -> Places {
    let Some(server) = &config.server else {
        return places;
    };
    Places {
        cache: places.cache.join("servers").join(short_name(server)),
        ..places
    }
}

/// A server's name in the names of files: 16 hexadecimal digits that follow from its URL.
pub fn short_name(server: &str) -> String {
    let name = keys::hex(&keys::sha256(server.trim_end_matches('/').as_bytes()));
    name.get(..16).unwrap_or_default().to_owned()
}

/// Reads the text of a `config.toml` that is called `file` in messages.
pub fn parse(file: &str, text: &str) -> Result<Config> {
    let table = Table { file, text };
    let config: Config = spot::read(table)?;
    if let Some(server) = &config.server
        && !names::is_server(server)
    {
        let hint =
            "write it as https://HOST or https://HOST:PORT; http only for this machine itself";
        let fault = Fault::not(&["server"], server, "the address of a server", hint);
        return Err(fault.at(table));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn wrong(text: &str) -> String {
        let failure = parse(FILE, text).unwrap_err();
        format!("{failure}\n  {}", failure.hint)
    }

    #[test]
    fn what_is_right_is_read() {
        let config = parse(
            FILE,
            "server = \"https://jit.example.com\"\n[exec]\nwait = \"90s\"",
        )
        .unwrap();
        assert_eq!(config.exec.wait, Ttl(Duration::from_secs(90)));
        assert_eq!(parse(FILE, "").unwrap(), Config::default());
    }

    #[test]
    fn what_a_server_gives_rests_apart() {
        let places = |text: &str| {
            let places = Places {
                configuration: "/c".into(),
                state: "/s".into(),
                cache: "/h".into(),
                runtime: "/r".into(),
                job: None,
            };
            placed(places, &parse(FILE, text).unwrap()).cache
        };
        let server = places("server = \"https://jit.example.com\"");
        assert_eq!(server, places("server = \"https://jit.example.com/\""));
        assert_ne!(server, places("server = \"https://other.example.com\""));
        assert_eq!(places(""), PathBuf::from("/h"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let all = [
            "sever = \"https://x\"",
            "[exec]\nwait = \"soon\"",
            "\n[exec]\nwiat = \"1m\"",
            "[exec]\nwait = 5",
            "server = \"http://jit.example.com\"",
            "server = \"https://jit example\"",
            "[exec\n",
            "server = 'a'\nserver = 'b'",
        ];
        assert_snapshot!(all.map(wrong).join("\n"), @r#"
        config.toml:1: unknown key "sever"
          did you mean "server"? its keys are server, certificate_authority, identity, client_secret, exec
        config.toml:2: "soon" is not a span; write it as "30m" or "1h" in [exec]
          correct it, then run: jit policy check
        config.toml:3: unknown key "wiat" in [exec]
          did you mean "wait"? its keys are wait
        config.toml:2: "wait" has the wrong type in [exec]
          write it as text in quotes, "…"
        config.toml:1: "http://jit.example.com" is not the address of a server
          write it as https://HOST or https://HOST:PORT; http only for this machine itself
        config.toml:1: "https://jit example" is not the address of a server
          write it as https://HOST or https://HOST:PORT; http only for this machine itself
        config.toml:1: unclosed table, expected `]` in [exec
          correct it, then run: jit policy check
        config.toml:2: duplicate key
          correct it, then run: jit policy check
        "#);
    }
}
