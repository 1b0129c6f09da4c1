//! `jit logout`: end the session, and all that is held in it.

use super::{
    embedded::block_on,
    forget, identity, line,
    login::{
        self,
        current::{self, Extent},
    },
    session::Session,
};
use crate::{
    domain::failure::{Code, Failure, Result},
    platform::terminal,
    remote::patience::Patience,
};

/// End your session at the server, with every grant in it, and forget it here
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit logout")]
pub struct Args {
    /// End your sessions on other machines too.
    #[arg(long)]
    everywhere: bool,
}

/// Ends the session at the server first. Where that cannot be told, it is forgotten here all the same,
/// and the failure says so.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let server = session.server()?.ok_or_else(|| {
        Failure::usage("there is no server to sign out of: the authority is on this machine")
            .hint("to end what you hold, run: jit revoke --all")
    })?;
    let Some(kept) = identity::kept(session, server)? else {
        return session.print(&format!("You are not signed in at {server}."));
    };
    let extent = if args.everywhere {
        Extent::Everywhere
    } else {
        Extent::Session
    };
    let told = block_on(async {
        let link = line::to(session, server, Patience::PERSON)?;
        let told = current::leave(&link, &kept, extent).await;
        match &told {
            // What shares the provider's session is to end too.
            _ if args.everywhere => login::give_back(session, &kept).await,
            Ok(ended) => login::give_back_unshared(session, &kept, ended).await,
            // Whether something shares it is not known.
            Err(_) => {}
        }
        told
    })?;
    identity::forget(session, server)?;
    forget::drop_all(session)?;
    match told {
        Ok(_) => {}
        // It had ended already.
        Err(failure) if failure.code == Code::SignIn => {}
        Err(failure) => {
            return Err(failure.hint(
                "it is forgotten here; at the server it ends by itself, or sign in again and run: jit logout",
            ));
        }
    }
    terminal::say(&format!("jit: signed out of {server}"));
    if kept.by.is_some() {
        terminal::say(
            "jit: this machine has an identity of its own: the next command signs in by it again",
        );
    }
    Ok(())
}
