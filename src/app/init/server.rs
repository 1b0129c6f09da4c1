//! `jit init --server`: from now on a server decides. Who it is, is proven before anything is written;
//! nobody is trusted for having come first.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{found::quote, place::own_directory, template};
use crate::{
    app::{embedded::block_on, line, login, served, session::Session},
    config::{
        authority,
        client::{self, Config},
        edit,
    },
    domain::{
        catalogue::Catalogue,
        failure::{Code, Failure, Result},
    },
    platform::{files, pem, terminal::Person},
    protocol::{path, session::SignInWays},
    remote::{
        link::{Call, Link, Shown, Way},
        patience::Patience,
        pin::{self, Fingerprint},
        trouble::is_unvouched,
    },
};

/// The file of a pinned authority, beside `config.toml`.
const PINNED: &str = "server-ca.crt";

/// Which server is to decide, and whom it is known by.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// Let this server decide from now on: `https://HOST`.
    #[arg(long = "server", value_name = "URL", conflicts_with = "discover")]
    url: Option<String>,
    /// The authority that vouches for the server, and nobody else: a PEM file.
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// The same, by the SHA-256 of a certificate that the server shows.
    #[arg(long, value_name = "SHA256", requires = "url", conflicts_with = "ca")]
    ca_fingerprint: Option<Fingerprint>,
}

impl Server {
    #[cfg(test)]
    pub(super) const NONE: Self = Self {
        url: None,
        ca: None,
        ca_fingerprint: None,
    };

    /// Whether one was named.
    pub(super) const fn is_named(&self) -> bool {
        self.url.is_some()
    }
}

/// What was done.
#[derive(Debug, Serialize)]
struct Report {
    server: String,
    certificate_authority: Option<String>,
    config: String,
    /// How many resources may be reached; absent where nobody is signed in yet.
    resources: Option<usize>,
    /// What is there and not used any more.
    unused: Vec<String>,
    next: Vec<String>,
}

/// Checks the server, writes `config.toml`, and fetches the catalogue.
pub(super) fn run(args: &Server, session: &Session) -> Result<()> {
    let server = args.url.as_deref().unwrap_or_default();
    let server = server.trim_end_matches('/');
    let asked = client::parse("--server", &format!("server = {}", quote(server)));
    asked.map_err(|failure| {
        Failure::usage(format!("{server:?} is not the address of a server")).hint(failure.hint)
    })?;
    let own = session.config()?.clone();
    let pinned = authority_of(server, args, session, &own)?;
    let ways = block_on(ask(server, pinned.as_ref(), session))??;
    let directory = &session.places.configuration;
    own_directory(directory)?;
    let named = match &pinned {
        Some(Pinned::New(text)) => {
            files::write_private(&directory.join(PINNED), text.as_bytes())?;
            Some(PINNED.to_owned())
        }
        Some(Pinned::Old(_)) => own
            .certificate_authority
            .map(|file| file.display().to_string()),
        None => None,
    };
    write(directory, server, named.as_deref())?;
    let session = session.again()?;
    report(&session, server, named, &ways)
}

/// The authority that vouches for the server, where it is not one of the system's.
enum Pinned {
    /// As config.toml names it already.
    Old(String),
    /// As it was named now.
    New(String),
}

impl Pinned {
    fn text(&self) -> &str {
        match self {
            Self::Old(text) | Self::New(text) => text,
        }
    }
}

fn authority_of(
    server: &str,
    args: &Server,
    session: &Session,
    own: &Config,
) -> Result<Option<Pinned>> {
    if let Some(file) = &args.ca {
        let path = session.environment.directory.join(file);
        let text = files::read_text(&path)?.ok_or_else(|| {
            Failure::usage(format!("{} is not there", file.display()))
                .hint("name the PEM file of the authority that vouches for the server")
        })?;
        let read = pem::certificates(text.as_bytes()).ok_or_else(|| {
            Failure::usage(format!("{} is not a certificate in PEM", file.display()))
                .hint("it begins with -----BEGIN CERTIFICATE-----")
        })?;
        let text = read.iter().map(|one| pem::written(one)).collect();
        return Ok(Some(Pinned::New(text)));
    }
    if let Some(wanted) = args.ca_fingerprint {
        let chain = block_on(pin::look(server))??;
        let shown = || chain.all().join(", ");
        let text = chain.pem(wanted).ok_or_else(|| {
            Failure::failed(format!(
                "the server {server} shows no certificate with that fingerprint; it shows {}",
                shown()
            ))
            .hint("ask its administrator: somebody may stand in between")
        })?;
        return Ok(Some(Pinned::New(text)));
    }
    let is_same = own.server.as_deref().map(|own| own.trim_end_matches('/')) == Some(server);
    if is_same {
        let text = line::authority(session)?;
        return Ok(text.map(Pinned::Old));
    }
    Ok(None)
}

/// Asks the server how one signs in: the answer proves that it is one of ours, and who it is.
async fn ask(server: &str, pinned: Option<&Pinned>, session: &Session) -> Result<SignInWays> {
    let link = Link::to(&Way {
        server,
        authority: pinned.map(|pinned| pinned.text().as_bytes()),
        patience: Patience::LITTLE,
        watched: false,
        clock: session.clock,
    })?;
    let answer = link.call(&Call::get(path::SIGN_IN, Shown::Nothing)).await;
    match answer {
        Ok(reply) => reply.json(),
        Err(failure) if is_unvouched(&failure) => Err(unknown(server, pinned, failure).await),
        Err(failure) => Err(failure),
    }
}

/// A server for which nobody vouches that is known here.
async fn unknown(server: &str, pinned: Option<&Pinned>, failure: Failure) -> Failure {
    let Ok(chain) = pin::look(server).await else {
        return failure;
    };
    let Some(top) = chain.top() else {
        return failure;
    };
    if pinned.is_some() {
        return Failure::failed(format!(
            "the server {server} is not trusted: another authority vouches for it than was named"
        ))
        .hint(format!(
            "it shows the certificate with SHA-256 {top}; ask its administrator whether that is right"
        ));
    }
    let hint = if chain.is_bare() {
        format!(
            "it shows its own certificate alone; get that of its authority, and run: jit init --server {server} --ca FILE; where it is self-signed, compare its fingerprint with what its administrator says, then run: jit init --server {server} --ca-fingerprint {top}"
        )
    } else {
        format!(
            "compare its fingerprint with what its administrator says (\"jit serve\" prints it), then run: jit init --server {server} --ca-fingerprint {top}"
        )
    };
    Failure::failed(format!(
        "the server {server} is not trusted: this machine does not know who vouches for it, the certificate with SHA-256 {top}"
    ))
    .hint(hint)
}

fn write(directory: &Path, server: &str, authority: Option<&str>) -> Result<()> {
    let file = directory.join(client::FILE);
    let text = files::read_trusted(&file)?;
    let text = text.as_deref().unwrap_or(template::CONFIG);
    let text = edit::with_server(text, server, authority)?;
    files::write_private(&file, text.as_bytes())
}

fn report(
    session: &Session,
    server: &str,
    certificate_authority: Option<String>,
    ways: &SignInWays,
) -> Result<()> {
    let directory = &session.places.configuration;
    let (resources, mut next) = match fetch(session, ways) {
        Ok(catalogue) => (Some(catalogue.resources.0.len()), Vec::new()),
        Err(failure) if failure.code == Code::SignIn => (None, vec![sign_in(ways)]),
        Err(failure) => return Err(failure),
    };
    next.push("run a command with just-in-time access: jit exec -- COMMAND".to_owned());
    next.push("leave the prefix out: jit setup, and see what is missing: jit doctor".to_owned());
    let unused = [authority::FILE, "policies"].map(|name| directory.join(name));
    let unused = unused.iter().filter(|path| path.exists());
    let report = Report {
        server: server.to_owned(),
        certificate_authority: certificate_authority
            .map(|file| directory.join(file).display().to_string()),
        config: directory.join(client::FILE).display().to_string(),
        resources,
        unused: unused.map(|path| path.display().to_string()).collect(),
        next,
    };
    if session.json {
        return session.print_json(&report);
    }
    session.print(&report.text())
}

/// Fetches the catalogue; where a person is there who can sign in first, they do.
fn fetch(session: &Session, ways: &SignInWays) -> Result<Catalogue> {
    match served::fetch(session) {
        Err(failure)
            if failure.code == Code::SignIn
                && ways.provider.is_some()
                && !session.json
                && Person::present().is_some() =>
        {
            login::again(session, &failure)?;
            served::fetch(session)
        }
        outcome => outcome,
    }
}

fn sign_in(ways: &SignInWays) -> String {
    if ways.provider.is_none() && ways.bootstrap {
        return "sign in with the code that the server printed: jit login --bootstrap --name NAME"
            .to_owned();
    }
    if ways.provider.is_none() {
        return "sign in with a join code of its administrator: jit login --join".to_owned();
    }
    "sign in: jit login".to_owned()
}

impl Report {
    fn text(&self) -> String {
        let mut lines = vec![format!("wrote   {}: {} decides", self.config, self.server)];
        if let Some(file) = &self.certificate_authority {
            lines.push(format!("trusts  what {file} vouches for, and nobody else"));
        }
        lines.extend(self.unused.iter().map(|path| format!("unused  {path}")));
        if let Some(many) = self.resources {
            let word = if many == 1 { "resource" } else { "resources" };
            lines.push(format!("found   {many} {word} that you may see"));
        }
        lines.push(String::new());
        lines.push("Next:".to_owned());
        lines.extend(self.next.iter().map(|step| format!("  {step}")));
        lines.join("\n")
    }
}
