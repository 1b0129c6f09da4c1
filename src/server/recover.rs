//! `jit serve recover`: the way in again where the OpenID provider moved, or nobody is left who administers.

use std::{collections::BTreeSet, path::Path, time::Duration};

use clap::ArgGroup;

use super::{ground::Ground, open, operator};
use crate::{
    authority::{entrance::KEY, workloads::keys::code_hash},
    config::server::Server,
    domain::{
        count::counted,
        enrolment::Enrolment,
        event::{Event, EventKind},
        failure::{Failure, Result},
        principal::{ADMINISTRATORS, Class, Principal},
        time::Timestamp,
    },
    platform::{keys, terminal},
    store::{
        Store, enrolments,
        identities::{self, Identity, NO_ACCOUNT},
        ledger::{Actor, Append, Appended},
        principals,
    },
};

/// How long the join code of an administrator is taken.
const MOMENT: Duration = Duration::from_mins(10);

/// Let people in again whose OpenID provider moved, or make an administrator
///
/// A name belongs to the account that signed in by it first, which is known by the provider's URL (`issuer`)
/// and the account's `sub` there. Where that URL changes, everybody is refused, administrators too, until
/// this has been run on the server's machine. It may run or not. What is done is recorded in the ledger.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("what").required(true).multiple(true),
    after_help = "Example:\n  jit serve recover --from-issuer https://old.example.com -j 'the provider moved'\n  jit serve recover --administrator rescue -j 'nobody administers it'"
)]
pub(super) struct Args {
    /// The provider was at this URL until now, and is at the one that server.toml names: each name goes to
    /// the account of the same `sub` there.
    #[arg(long, value_name = "URL", group = "what")]
    from_issuer: Option<String>,
    /// Its accounts have another `sub` now: each name goes to whichever account signs in by it next.
    #[arg(long, requires = "from_issuer")]
    new_subjects: bool,
    /// Make this person an administrator, by a join code that is shown, on whichever machine it is typed in.
    #[arg(long, value_name = "NAME", group = "what", value_parser = person)]
    administrator: Option<Principal>,
    /// Say why; it is recorded.
    #[arg(long, short, value_name = "WHY", required = true)]
    justification: String,
}

fn person(name: &str) -> Result<Principal> {
    Principal::new(Class::Human, &name.to_ascii_lowercase())
}

/// Does what was asked for.
pub(super) async fn run(
    args: &Args,
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<()> {
    if args.justification.trim().is_empty() {
        return Err(
            Failure::usage("it is recorded why, in a few words").hint("say why with -j WHY")
        );
    }
    let issuer = config.people.as_ref().map(|people| people.issuer.as_str());
    let store = open::store(&open::places(directory, config), config, ground).await?;
    let recovery = Recovery {
        store: &store,
        issuer,
        why: &args.justification,
        ground,
    };
    let done = recovery.run(args).await;
    store.close().await;
    done
}

/// By what the accounts of a provider that moved are known at its new place.
#[derive(Clone, Copy)]
enum Subjects {
    /// By the same `sub` as before.
    Same,
    /// By another one.
    New,
}

struct Recovery<'a> {
    store: &'a Store,
    /// The provider that server.toml names.
    issuer: Option<&'a str>,
    why: &'a str,
    ground: &'a Ground<'a>,
}

impl Recovery<'_> {
    async fn run(&self, args: &Args) -> Result<()> {
        if let Some(from) = &args.from_issuer {
            let subjects = if args.new_subjects {
                Subjects::New
            } else {
                Subjects::Same
            };
            self.move_names(from, subjects).await?;
        }
        if let Some(who) = &args.administrator {
            self.administrator(who).await?;
        }
        Ok(())
    }

    async fn move_names(&self, from: &str, subjects: Subjects) -> Result<()> {
        let to = self.issuer.ok_or_else(|| {
            Failure::usage("server.toml names no provider that the names could go to")
                .hint("write [people] into it, with the issuer's new URL, then run this again")
        })?;
        if from == to {
            return Err(Failure::usage(format!("server.toml still names {to}"))
                .hint("write the new URL into it as issuer of [people], then run this again"));
        }
        let now = (self.ground.clock)();
        let people = self.store.people_of(from, now).await?;
        if people.is_empty() {
            return Err(Failure::usage(format!("no name here belongs to {from}"))
                .hint("write the URL exactly as issuer of [people] had it, to the last slash"));
        }
        let names = counted(u64::try_from(people.len()).unwrap_or_default(), "name");
        let what = match subjects {
            Subjects::Same => {
                format!("{names} of {from} belong to the accounts of the same subject at {to}")
            }
            Subjects::New => format!(
                "{names} of {from} will belong to whichever account of {to} signs in by it next"
            ),
        };
        let event = self.event(EventKind::Recovered, what.clone())?;
        let mut append = Append::new(event, Actor::Authority);
        for (who, account) in people {
            let account = match subjects {
                Subjects::New => None,
                Subjects::Same => Some(Identity {
                    source: to.to_owned(),
                    ..account
                }),
            };
            append = self.moving(append, &who, account).await?;
        }
        self.store.ledger().append(append).await?.or_conflict()?;
        terminal::say(&format!("jit: {what}"));
        let left = self.store.count_identities(from).await?;
        if left > 0 {
            let left = counted(u64::try_from(left).unwrap_or_default(), "name");
            terminal::say(&format!(
                "jit: {left} stayed: its subject has another name at {to} already"
            ));
        }
        Ok(())
    }

    /// Gives the name of a person to another account, or to nobody. It stays where that account has another name.
    async fn moving(
        &self,
        append: Append,
        who: &Principal,
        account: Option<Identity>,
    ) -> Result<Append> {
        let now = (self.ground.clock)();
        if let Some(account) = &account
            && self.store.person_of(account, now).await?.is_some()
        {
            return Ok(append);
        }
        let event = self.event(
            EventKind::Recovered,
            "its name has another account".to_owned(),
        )?;
        let recorded = account.as_ref().map(Identity::digest);
        let append = append.with(identities::release(who)).and(Event {
            by: Some(event.principal),
            principal: who.clone(),
            account: recorded.or_else(|| Some(NO_ACCOUNT.into())),
            ..event
        });
        let Some(account) = account else {
            return Ok(append);
        };
        let voucher = self.store.voucher(now).await?;
        Ok(append.with(identities::pin(who, &account, &voucher)))
    }

    async fn administrator(&self, who: &Principal) -> Result<()> {
        let name = who.name();
        let now = (self.ground.clock)();
        let source = self.store.identity_source(who, now).await?;
        if source.is_some() && source.as_deref() == self.issuer {
            let issuer = self.issuer.unwrap_or_default();
            return Err(Failure::usage(format!("{name} is an account of {issuer}")).hint(
                "choose a name that nobody has, or put that person into the group administrators: in [groups] of authority.toml, or at the provider",
            ));
        }
        let code = keys::hex(&keys::random::<16>()?);
        let hash = code_hash(&code);
        let enrolment = Enrolment {
            principal: who.clone(),
            groups: BTreeSet::from([ADMINISTRATORS.to_owned()]),
            made_by: None,
            made_at: now,
            inviter: None,
            invited_from: None,
        };
        let own = Identity {
            source: KEY.to_owned(),
            subject: name.to_owned(),
        };
        let event = Event {
            account: Some(own.digest()),
            ..self.administrator_event(who, now)?
        };
        let voucher = self.store.voucher(now).await?;
        let invitation = enrolments::invite(&enrolment, (&hash, now.after(MOMENT)), &voucher)?;
        let append = self
            .enabling(event, who)
            .await?
            .only_if(enrolments::is_new(who, &hash))
            .with(identities::release(who))
            .with(identities::pin(who, &own, &voucher))
            .with(principals::enable(who, now))
            .with(invitation);
        if self.store.ledger().append(append).await? == Appended::Overtaken {
            return Err(Failure::usage(format!(
                "{name} has an enrolled key, or a join code, already"
            ))
            .hint("choose another name: --administrator NAME"));
        }
        let minutes = MOMENT.as_secs() / 60;
        terminal::say(&format!(
            "jit: {name} administers this server once the code is typed in, within {minutes} minutes, at: jit login --join\n{code}"
        ));
        Ok(())
    }

    /// The record of that event, and that a person who was disabled may come again.
    async fn enabling(&self, event: Event, who: &Principal) -> Result<Append> {
        let enabled = Event {
            kind: EventKind::Enabled,
            detail: None,
            expires_at: None,
            ..event.clone()
        };
        let append = Append::new(event, Actor::Authority);
        if self.store.is_disabled(who).await? {
            return Ok(append.and(enabled));
        }
        Ok(append)
    }

    fn administrator_event(&self, who: &Principal, now: Timestamp) -> Result<Event> {
        let what = "was made an administrator on the server's machine, by a join code".to_owned();
        let event = self.event(EventKind::Recovered, what)?;
        Ok(Event {
            by: Some(event.principal),
            principal: who.clone(),
            expires_at: Some(now.after(MOMENT)),
            ..event
        })
    }

    fn event(&self, kind: EventKind, detail: String) -> Result<Event> {
        Ok(Event {
            justification: Some(self.why.to_owned()),
            ..operator::event(kind, detail, self.ground)?
        })
    }
}
