//! `server.toml`, how an authority is served; without it on this machine alone, with keys of its own.

pub mod lifecycle;
pub mod limits;
pub mod people;
pub mod proxy;
pub mod tls;
pub mod workloads;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::Error as _};

use self::{lifecycle::Lifecycle, limits::Limits, people::People, proxy::Proxy, tls::Tls};
use super::{
    check::fault::Fault,
    names,
    spot::{self, Table},
};
use crate::{
    domain::{
        failure::Result, principal::StrongSignIn, secret_reference::SecretReference,
        workload::Workload,
    },
    platform::files,
};

/// The file's name below the server's directory.
pub const FILE: &str = "server.toml";

/// `server.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// How clients and targets reach it, `https://HOST[:PORT]`; absent: `https://localhost:PORT`.
    pub url: Option<String>,
    /// Where it listens; absent: 127.0.0.1:8443.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    /// Where health checks and metrics are answered too, in plain HTTP, whatever clients do to the other address.
    #[serde(deserialize_with = "address")]
    pub health_listen: Option<SocketAddr>,
    /// Where it keeps what it makes itself, relative to its own directory; absent: `state`.
    pub state: Option<PathBuf>,
    /// A `postgres://` URL; absent: SQLite in the server's own directory.
    pub database: Option<SecretReference>,
    /// The key that seals the signing keys, 32 bytes in base64; absent: a file of its own.
    pub sealing_key: Option<SecretReference>,
    /// Its certificate.
    pub tls: Tls,
    /// How long sessions and grants may be, and who was away for too long.
    pub lifecycle: Lifecycle,
    /// The OpenID provider whose word counts for people.
    pub people: Option<People>,
    /// Whose tokens are exchanged for the session of a machine.
    pub workloads: Vec<Workload>,
    /// How much it takes from whom.
    pub limits: Limits,
    /// The load balancers and proxies that say for whom they connect.
    pub proxy: Option<Proxy>,
}

impl Server {
    /// Which sign-ins of people are strong; none where no provider is trusted.
    pub fn strong_sign_in(&self) -> StrongSignIn {
        let people = self.people.as_ref();
        people.map_or_else(StrongSignIn::default, People::strong_sign_in)
    }
}

/// Whether that directory describes how an authority is served.
pub fn is_described(directory: &Path) -> bool {
    directory.join(FILE).is_file()
}

/// How the authority in `directory` is served; the defaults where there is no file.
///
/// # Errors
/// The file can be written by others, cannot be read, or is wrong.
pub fn load(directory: &Path) -> Result<Server> {
    let text = files::read_trusted(&directory.join(FILE))?;
    text.map_or_else(|| Ok(Server::default()), |text| parse(FILE, &text))
}

/// Reads the text of a `server.toml` that is called `file` in messages.
///
/// # Errors
/// The message begins with `FILE:LINE`; the hint has the nearest right word.
pub fn parse(file: &str, text: &str) -> Result<Server> {
    let table = Table { file, text };
    let mut server: Server = spot::read(table)?;
    if let Some(url) = &mut server.url {
        while url.ends_with('/') {
            url.pop();
        }
        let host = url.strip_prefix("https://");
        if host.is_none_or(|host| host.contains('/')) || !names::is_server(url) {
            let hint = "write it as https://HOST or https://HOST:PORT, without a path";
            return Err(Fault::not(&["url"], url, "the address of a server", hint).at(table));
        }
    }
    tls::check(&server.tls)
        .and_then(|()| server.people.as_ref().map_or(Ok(()), people::check))
        .and_then(|()| workloads::check(&server.workloads))
        .and_then(|()| limits::check(&server.limits))
        .and_then(|()| server.proxy.as_ref().map_or(Ok(()), proxy::check))
        .and_then(|()| lifecycle::check(&server.lifecycle))
        .map_err(|fault| fault.at(table))?;
    Ok(server)
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| {
        let form = "write it as \"127.0.0.1:8443\" or \"[::]:8443\"";
        D::Error::custom(format!("{text:?} is no address to listen on; {form}"))
    })
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
        let text = "url = \"https://jit.example.com/\"\nlisten = \"[::]:443\"\n\
                    database = \"credential:database\"\n[tls]\ncertificate = \"a\"\nkey = \"b\"\n\
                    [limits]\nconnections = 5";
        let server = parse(FILE, text).unwrap();
        assert_eq!(server.url.unwrap(), "https://jit.example.com");
        assert_eq!(server.limits.connections, 5);
        assert!(parse(FILE, "").unwrap().database.is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let all = [
            "ulr = \"https://x\"",
            "url = \"http://localhost\"",
            "url = \"https://a/b\"",
            "listen = \"8443\"",
            "database = \"postgres://user:secret@host/jit\"",
            "[tls]\ncertificate = \"a\"",
            "[tls]\nkeys = \"a\"",
            "\n[limits]\nconnections = 0",
            "[proxy]\nnetworks = []\nclient = \"forwarded\"",
            "[proxy]\nnetworks = [\"10.0.0.1/8\"]\nclient = \"forwarded\"",
            "[proxy]\nclient = \"proxy-protocol\"\nnetworks = [\"0.0.0.0/0\"]",
            "[proxy]\nnetworks = [\"10.0.0.0/8\"]\nclient = \"x-real-ip\"",
            "[lifecycle.agent]\nattest_grace = \"1h\"",
            "[people]\nissuer = \"http://id.example.com\"\nclient_id = \"jit\"",
            "[people]\nissuer = \"https://id.example.com\"",
            "[people]\nissuer = \"https://id.example.com\"\nclient_id = \"jit\"\nscopes = [\"profile\"]",
        ];
        assert_snapshot!(all.map(wrong).join("\n"), @r#"
        server.toml:1: unknown key "ulr"
          its keys are url, listen, health_listen, state, database, sealing_key, tls, lifecycle, people, workloads, limits, proxy
        server.toml:1: "http://localhost" is not the address of a server
          write it as https://HOST or https://HOST:PORT, without a path
        server.toml:1: "https://a/b" is not the address of a server
          write it as https://HOST or https://HOST:PORT, without a path
        server.toml:1: "8443" is no address to listen on; write it as "127.0.0.1:8443" or "[::]:8443"
          correct it, then run: jit policy check
        server.toml:1: a credential is named, never written here: "file:PATH", "env:NAME", "keyring:NAME" or "credential:NAME"
          correct it, then run: jit policy check
        server.toml:2: [tls] has a certificate and no key
          add key = "FILE", or leave both out for a certificate of its own
        server.toml:2: unknown key "keys" in [tls]
          did you mean "key"? its keys are certificate, key
        server.toml:3: with connections = 0 nobody could come in
          make it at least 1
        server.toml:2: no proxy is trusted by an empty list
          name the networks that they connect from, or leave [proxy] out
        server.toml:2: "10.0.0.1/8" has bits set behind its prefix; write the network's own address in [proxy]
          correct it, then run: jit policy check
        server.toml:3: with 0.0.0.0/0 every client could say that it is another one
          name the networks that only proxies connect from
        server.toml:3: "x-real-ip" makes no sense here in [proxy]
          it may be proxy-protocol, forwarded, x-forwarded-for
        server.toml:2: attest_grace is for people alone, whose OpenID provider may be away
          write it under [lifecycle.human]
        server.toml:2: "http://id.example.com" is not an issuer's URL
          write it exactly as it says it itself, https://HOST/PATH; http only for this machine itself
        server.toml:1: "client_id" is missing in [people]
          add client_id = …
        server.toml:4: the scope "openid" is missing
          add it: without "openid" a provider gives no ID token
        "#);
    }
}
