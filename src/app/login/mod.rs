//! `jit login`: show who you are, once, and be known for a while.

mod answered;
mod browser;
pub mod current;
mod device;
mod enter;
mod former;
mod heir;
pub mod loopback;
mod machine;
mod own_key;
mod provider;
mod refusal;
mod renewal;
pub mod wish;

use enter::{Ticket, enter};
use former::leave_behind;
pub(super) use former::{give_back, give_back_unshared};
use machine::Manner;
use own_key::Rotate;
use provider::Reached;
use secrecy::{ExposeSecret as _, SecretString};
use wish::Wish;

use super::{
    embedded::block_on,
    grants,
    identity::{self, Kept},
    line,
    session::Session,
};
use crate::{
    authority::workloads::bootstrap,
    config::places::SESSION,
    domain::{
        failure::{Code, Failure, Result},
        key::PrivateKey,
        principal::{Class, Principal},
        way::Way,
    },
    platform::{
        keys, proof,
        terminal::{self, Person},
    },
    protocol::subject,
    remote::{link::Link, patience::Patience},
};

/// Sign in at the server, with a browser here or on any device
///
/// The session that comes of it is bound to a key that was made on this machine, and rests sealed here.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit login\n  jit login --device\n  jit login --as github\n  jit login --join                      asks for the code"
)]
pub struct Args {
    #[command(flatten)]
    person: AsPerson,
    /// Sign in as this machine, by this identity: github, gitlab, token-file, kubernetes, key, aws.
    #[arg(long = "as", value_name = "IDENTITY", conflicts_with_all = ["device", "fresh"])]
    way: Option<Way>,
    /// Enrol this machine by a join code, which is asked for, and sign in with its new key; - reads the
    /// code from stdin, and written here other users of this machine see it.
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["device", "fresh", "way"])]
    join: Option<String>,
    /// Become the first administrator of a server, by the code on its terminal, which is asked for; -
    /// reads it from stdin.
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", requires = "name", conflicts_with_all = ["device", "fresh", "way", "join"])]
    bootstrap: Option<String>,
    /// The name to have there.
    #[arg(long, value_name = "NAME", requires = "bootstrap", value_parser = person)]
    name: Option<String>,
    /// Replace the key of this machine by a new one, and sign in with it.
    #[arg(long, conflicts_with_all = ["device", "fresh", "way", "join", "bootstrap"])]
    rotate: bool,
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, clap::Args)]
struct AsPerson {
    /// Use a browser on another device; the default on a remote shell.
    #[arg(long)]
    device: bool,
    /// Prove again who you are, also where the provider still knows you.
    #[arg(long)]
    fresh: bool,
}

/// A person's name, which is refused before the code is shown to anybody.
fn person(text: &str) -> Result<String> {
    let principal = Principal::parse(text)?;
    if principal.class() == Class::Human {
        return Ok(principal.name().to_owned());
    }
    Err(
        Failure::usage("a machine or an agent does not administer a server")
            .hint("name a person: --name alice"),
    )
}

impl Args {
    /// How a machine is to sign in, where it is one that does.
    fn manner(&self) -> Result<Option<Manner>> {
        let named = self.join.as_deref().or(self.bootstrap.as_deref());
        if self.way.is_none() && named.is_none() && !self.rotate {
            return Ok(None);
        }
        let code = match named {
            Some("-") => Some(terminal::piped_line()?),
            Some("") => Some(asked()?),
            named => named.map(|code| code.trim().into()),
        };
        let code = match (&self.name, code) {
            (Some(name), Some(code)) => {
                Some(bootstrap::join_code(name, code.expose_secret()).into())
            }
            (_, code) => code,
        };
        Ok(Some(Manner {
            way: self.way,
            code,
            rotate: if self.rotate {
                Rotate::Now
            } else {
                Rotate::WhenOld
            },
            holder: None,
        }))
    }
}

/// The code that somebody is asked for, so that no list of processes shows it.
fn asked() -> Result<SecretString> {
    let Some(person) = Person::present() else {
        return terminal::piped_line();
    };
    person.ask_hidden("The code: ").ok_or_else(|| {
        Failure::usage("no code was typed in").hint("run it again, and paste the code")
    })
}

/// Signs in.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let wish = Wish {
        device: args.person.device,
        max_age: args.person.fresh.then_some(0),
    };
    let server = session.server()?.ok_or_else(|| {
        Failure::usage("there is no server to sign in at: the authority is on this machine").hint(
            "write server = \"https://…\" into config.toml, or run: jit init --server https://…",
        )
    })?;
    let manner = args.manner()?;
    let entering = async {
        match manner {
            Some(manner) => as_machine(session, server, manner).await,
            None => somebody(session, server, &wish, args.person).await,
        }
    };
    let kept = block_on(replacing(session, server, entering))??;
    let until = kept.expires_at.to_rfc3339_seconds();
    terminal::say(&format!(
        "jit: signed in at {server} as {} until {until}",
        terminal::plain_line(&kept.principal)
    ));
    for note in &kept.notes {
        terminal::say(&format!("jit: note: {}", terminal::plain_line(note)));
    }
    // What was held in a session that ended meanwhile is not used in this one.
    if let Err(failure) = grants::ask(session, Patience::LITTLE) {
        session.tell(&format!("what is held was not confirmed: {failure}"));
    }
    Ok(())
}

/// Opens the session anew that a machine's own identity opened, and that is good for nothing any more;
/// whether there was such a one.
pub fn by_itself(session: &Session) -> Result<bool> {
    let Some(server) = session.server()? else {
        return Ok(false);
    };
    let kept = identity::kept(session, server)?;
    let Some(by) = kept.and_then(|kept| kept.by) else {
        return Ok(false);
    };
    let manner = Manner {
        way: Some(by.way),
        ..Manner::default()
    };
    let link = line::to(session, server, Patience::PERSON)?;
    let entered = block_on(machine::sign_in(session, &link, manner))?;
    if !matches!(entered, Ok(Some(_))) {
        identity::forget(session, server)?;
    }
    entered.map(|kept| kept.is_some())
}

/// Signs in for a command that could not go on without.
pub fn again(session: &Session, failure: &Failure) -> Result<()> {
    let Some(server) = session.server()? else {
        return Err(failure.clone());
    };
    terminal::say(&format!("jit: {failure}"));
    let wish = Wish {
        max_age: failure.nature.max_age().map(u64::from),
        ..Wish::default()
    };
    let entering = sign_in(session, server, &wish);
    block_on(replacing(session, server, entering))?.map(drop)
}

/// What a command says that failed although somebody has just signed in for it: signing in the same way
/// again would not help.
pub fn in_vain(failure: Failure) -> Failure {
    if failure.nature.max_age().is_none() {
        return failure;
    }
    failure.hint(
        "you have just signed in, and your provider did not give the sign-in that policy asks for; ask whoever runs the server which one that is",
    )
}

/// Has somebody enter, and gives back what that takes the place of.
async fn replacing(
    session: &Session,
    server: &str,
    entering: impl Future<Output = Result<Kept>>,
) -> Result<Kept> {
    let before = identity::kept(session, server)?;
    let kept = entering.await?;
    leave_behind(session, server, before, &kept).await;
    Ok(kept)
}

/// Signs in whoever is here: where there is no person who could, or no provider that knows people, the
/// identity that this machine has, if it has one.
async fn somebody(session: &Session, server: &str, wish: &Wish, asked: AsPerson) -> Result<Kept> {
    let is_handed_on = session.environment.value(SESSION).is_some();
    if !is_handed_on && !asked.device && !asked.fresh {
        let link = line::to(session, server, Patience::PERSON)?;
        let nobody = Person::present().is_none();
        if (nobody || enter::ways(&link).await?.provider.is_none())
            && let Some(kept) = machine::sign_in(session, &link, Manner::default()).await?
        {
            return Ok(kept);
        }
    }
    sign_in(session, server, wish).await
}

/// Signs this machine in, whoever was before.
async fn as_machine(session: &Session, server: &str, manner: Manner) -> Result<Kept> {
    let link = line::to(session, server, Patience::PERSON)?;
    let kept = machine::sign_in(session, &link, manner).await?;
    kept.ok_or_else(|| {
        Failure::usage("this machine has no identity to sign in by").hint(
            "an administrator runs: jit enrolments create NAME; then run here: jit login --join",
        )
    })
}

async fn sign_in(session: &Session, server: &str, wish: &Wish) -> Result<Kept> {
    if session.environment.value(SESSION).is_some() {
        // Whoever it acts for would sign in, and it would be them.
        return Err(
            Failure::denied("an agent does not sign in: its session is handed on to it")
                .hint("whoever it acts for runs it again: jit delegate"),
        );
    }
    let link = line::to(session, server, Patience::PERSON)?;
    let ways = enter::ways(&link).await?;
    let known = ways.provider.ok_or_else(|| {
        let hint = if ways.bootstrap {
            "its terminal shows a code: run: jit login --bootstrap --name NAME"
        } else {
            "ask its administrator for a join code, then run: jit login --join"
        };
        Failure::denied(format!("{server} has no OpenID provider to sign in with")).hint(hint)
    })?;
    let at = Entrance {
        session,
        link,
        provider: Reached::new(session, &known).await?,
    };
    let before = identity::kept(session, server)?;
    let living = before.filter(|kept| (session.clock)() < kept.expires_at);
    match living {
        Some(kept) if wish.max_age.is_some() => at.enter(wish, kept.holder).await,
        // With the same key it goes on, with all that is held in it and waited for, if it is the same
        // person's who comes now.
        Some(kept) if kept.refused.is_some() => match at.enter(wish, kept.holder).await {
            Err(failure) if failure.code == Code::SignIn => {
                session.tell(&format!("the session does not go on: {failure}"));
                at.enter(wish, keys::generate()?).await
            }
            entered => entered,
        },
        Some(_) | None => at.enter(wish, keys::generate()?).await,
    }
}

/// Where a person signs in.
struct Entrance<'a> {
    session: &'a Session,
    link: Link,
    provider: Reached,
}

impl Entrance<'_> {
    /// Signs a person in, for a session that is bound to that key.
    async fn enter(&self, wish: &Wish, holder: PrivateKey) -> Result<Kept> {
        let Self {
            session,
            link,
            provider,
        } = self;
        let wish = &Wish {
            device: wish.is_by_code(&session.environment, &provider.known)?,
            ..wish.clone()
        };
        let began_at = (session.clock)();
        let mut tokens = if wish.device {
            device::sign_in(provider, wish).await?
        } else {
            let nonce = proof::thumbprint(holder.public())?;
            browser::sign_in(session, provider, wish, &nonce).await?
        };
        let now = (session.clock)();
        let refresh = tokens.refresh.take();
        let id_token = provider.id_token(&tokens)?;
        let claims = provider::claims(id_token);
        answered::check_age(&provider.known, wish, &claims, now.left(began_at))?;
        answered::report_class(&provider.known, wish, &claims);
        let ticket = Ticket {
            kind: subject::ID_TOKEN,
            token: id_token,
            access_token: tokens.access_token.as_ref(),
            holder: &holder,
        };
        let refresh = refresh.map(|issued| issued.of(provider.known.clone(), now));
        let kept = enter(session, link, &ticket, refresh).await?;
        heir::keep(session, link.server(), &kept)?;
        Ok(kept)
    }
}
