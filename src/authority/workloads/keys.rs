//! An enrolled key → who holds it. It becomes known by a join code that is used once, and is replaced by
//! presenting the old one, in a way that a lost answer does not break.

use super::mapping::vouched;
use crate::{
    authority::{
        Authority, Client,
        entrance::{Enrolled, KEY, Vouched, not_enrolled},
    },
    domain::{
        decision::Verdict,
        enrolment::{Enrolment, Progress, Standing},
        event::{Event, EventKind, Origin},
        failure::{Code, Failure, Result},
        id::GrantId,
        key::PublicKey,
        once::Once,
        principal::{Caller, Principal},
        time::Timestamp,
    },
    platform::{
        assertion::{self, Bound, Said},
        keys, proof,
    },
    policy::vocabulary::Action,
    store::{
        enrolments,
        identities::Identity,
        ledger::{Actor, Append, Appended, overtaken},
        principals,
    },
};

/// Who made a join code, when it is used.
enum Inviter {
    /// Nobody: the authority did.
    Nobody,
    /// Somebody who still may, as policy was asked about them.
    Stands(Box<Caller>),
    /// Somebody who may not any more, and why.
    Lost(&'static str),
}

/// How often an alert is recorded, in seconds.
const HOUR: i64 = 3600;

/// The name by which a server knows a join code.
pub fn code_hash(code: &str) -> String {
    keys::hex(&keys::sha256(code.trim().as_bytes()))
}

impl Authority {
    /// Whoever holds an enrolled key, or enrols one with a join code. With a new key beside it, that one
    /// counts from now on; the old one is taken for saying the same again until the new one was used.
    ///
    /// # Errors
    /// Sign-in (123): what is presented is not said by a key, for this server and this session. Denied:
    /// the code is used, has expired or is none; the key is not enrolled, or was replaced, which is
    /// recorded.
    pub async fn enrolled(
        &self,
        presented: &str,
        bound: &Bound<'_>,
        origin: &Origin,
    ) -> Result<Vouched> {
        let now = (self.clock)();
        let (key, said) = assertion::hear(presented, bound, now).map_err(|why| {
            Failure::new(Code::SignIn, format!("what the key says is refused: {why}"))
                .hint("check this machine's clock and the server's URL, then sign in again")
        })?;
        let Said { code, next } = said;
        // What a code enrols is the key itself, whatever is said beside it.
        let mut replacing = next;
        let enrolment = match (self.store.enrolment_by_key(key, now).await?, code) {
            // A code that comes with a key of its own again: the answer was lost.
            (Some((enrolment, standing)), _) => {
                self.known_key(&enrolment, (key, standing), next, origin)
                    .await?;
                enrolment
            }
            (None, Some(code)) => {
                replacing = None;
                self.join(&code_hash(&code), key, origin).await?
            }
            (None, None) => return Err(not_enrolled()),
        };
        // A name has one owner: an enrolled key, or an account of a provider.
        let identity = Identity {
            source: KEY.to_owned(),
            subject: enrolment.principal.name().to_owned(),
        };
        let caller = Caller::new(enrolment.principal, enrolment.groups);
        Ok(Vouched {
            identity: Some(identity),
            enrolled: Some(Enrolled {
                key,
                next: replacing,
            }),
            ..vouched(caller, KEY, now)
        })
    }

    /// Who enrolled the host or bot that asks, or that an agent acts for; nobody for who came in another way.
    pub(in crate::authority) async fn enroller(
        &self,
        client: &Client,
    ) -> Result<Option<Principal>> {
        let root = client.sessions.last().filter(|root| root.source == KEY);
        match root {
            Some(root) => {
                self.store
                    .enroller(&root.caller.principal, (self.clock)())
                    .await
            }
            None => Ok(None),
        }
    }

    /// Makes a key known, by a code that nobody used yet.
    async fn join(&self, hash: &str, key: PublicKey, origin: &Origin) -> Result<Enrolment> {
        let now = (self.clock)();
        let refused = |what: &str| Failure::denied(format!("the join code {what}")).hint(AGAIN);
        let Some((enrolment, progress)) = self.store.enrolment_by_code(hash, now).await? else {
            return Err(refused("is none of this server's"));
        };
        match progress {
            Progress::Invited { until } if now < until => {}
            Progress::Invited { .. } => return Err(refused("has expired")),
            Progress::Joined { .. } => {
                return self.used_again((&enrolment, hash), key, origin).await;
            }
        }
        let inviter = match self.inviter(&enrolment, now).await? {
            Inviter::Nobody => None,
            Inviter::Stands(caller) => Some(*caller),
            Inviter::Lost(what) => return Err(refused(what)),
        };
        let what = format!("joined with the key {}", proof::thumbprint(key)?);
        let event = self.key_event(EventKind::Enrolled, &enrolment, what, origin)?;
        let voucher = self.store.voucher(now).await?;
        let standing = inviter.iter().map(principals::stands);
        let append = standing
            .fold(by_key(event, &enrolment), Append::only_if)
            .only_if(enrolments::waits(hash, now))
            .only_if(enrolments::is_unknown(key))
            .with(enrolments::add_key(
                &enrolment.principal,
                key,
                &voucher,
                now,
            )?);
        match self.store.ledger().append(append).await? {
            Appended::Written => Ok(enrolment),
            Appended::Overtaken => match self.store.enrolment_by_code(hash, now).await? {
                Some((_, Progress::Joined { .. })) => {
                    self.used_again((&enrolment, hash), key, origin).await
                }
                _ => Err(refused(
                    "was withdrawn, or whoever made it may not invite any more",
                )),
            },
        }
    }

    /// Whether whoever made a join code may still make one: asked of policy with the groups that they were in then
    /// and did not lose since, the address and the sign-in of then.
    async fn inviter(&self, enrolment: &Enrolment, now: Timestamp) -> Result<Inviter> {
        let Some(who) = &enrolment.made_by else {
            return Ok(Inviter::Nobody);
        };
        // By the word of the ledger too: a row that is gone enables nobody.
        if self.store.is_disabled(who).await? {
            return Ok(Inviter::Lost("was made by somebody who is disabled by now"));
        }
        let known = self.store.principal(who, now).await?;
        let latest = known.map(|known| known.caller);
        let newest = latest
            .as_ref()
            .and_then(|caller| caller.newest_groups.clone());
        let Some(then) = enrolment.inviter.clone().or(latest) else {
            return Ok(Inviter::Lost("was made by somebody who was never here"));
        };
        let caller = then.narrowed(newest);
        let address = enrolment.invited_from;
        if self.might(Action::Administer, &caller, (address, enrolment.made_at)) {
            return Ok(Inviter::Stands(Box::new(caller)));
        }
        Ok(Inviter::Lost(
            "was made by somebody who may not administer this server any more",
        ))
    }

    /// Somebody came with a code after somebody else did: one of the two is not who was meant.
    async fn used_again<T>(
        &self,
        (enrolment, hash): (&Enrolment, &str),
        key: PublicKey,
        origin: &Origin,
    ) -> Result<T> {
        let what = format!(
            "a join code that had been used was presented with the key {}",
            proof::thumbprint(key)?
        );
        self.record_misuse(enrolment, (what, hash), origin).await?;
        Err(Failure::denied("the join code was used already")
            .hint("if that was not this machine, tell the server's administrator now"))
    }

    /// Lets a known key in, and lets it be replaced.
    async fn known_key(
        &self,
        enrolment: &Enrolment,
        (key, standing): (PublicKey, Standing),
        next: Option<PublicKey>,
        origin: &Origin,
    ) -> Result<()> {
        let now = (self.clock)();
        match (standing, next) {
            (Standing::Current, None) => self.store.confirm_key(key, now).await,
            (Standing::Current, Some(next)) => {
                self.store.confirm_key(key, now).await?;
                self.replace(enrolment, key, next, origin).await
            }
            (Standing::Replaced { by }, Some(next)) if by == next => Ok(()),
            (Standing::Replaced { .. } | Standing::Retired, _) => {
                let print = proof::thumbprint(key)?;
                let what = format!("the key {print} was presented after it had been replaced");
                self.record_misuse(enrolment, (what, &print), origin)
                    .await?;
                Err(Failure::denied("this key was replaced by another one")
                    .hint("if that was not this machine, tell the server's administrator now"))
            }
        }
    }

    async fn replace(
        &self,
        enrolment: &Enrolment,
        old: PublicKey,
        new: PublicKey,
        origin: &Origin,
    ) -> Result<()> {
        let now = (self.clock)();
        let (was, is) = (proof::thumbprint(old)?, proof::thumbprint(new)?);
        let what = format!("replaced the key {was} by {is}");
        let event = self.key_event(EventKind::Enrolled, enrolment, what, origin)?;
        let voucher = self.store.voucher(now).await?;
        let append = by_key(event, enrolment)
            .only_if(enrolments::is_current(old))
            .only_if(enrolments::is_unknown(new))
            .with(enrolments::replace_key(old, new))
            .with(enrolments::add_key(
                &enrolment.principal,
                new,
                &voucher,
                now,
            )?);
        if self.store.ledger().append(append).await? == Appended::Written {
            return Ok(());
        }
        // The same request came twice at once.
        match self.store.enrolment_by_key(old, now).await? {
            Some((_, Standing::Replaced { by })) if by == new => Ok(()),
            _ => Err(overtaken()),
        }
    }

    /// Records that somebody presented what does not count any more: once an hour for each such thing, since
    /// nobody needs to be let in to present it again and again.
    async fn record_misuse(
        &self,
        enrolment: &Enrolment,
        (what, presented): (String, &str),
        origin: &Origin,
    ) -> Result<()> {
        let hour = (self.clock)().secs().div_euclid(HOUR);
        let once = Once {
            id: format!("alert {presented} {hour}"),
            until: Timestamp::from_secs((hour + 1) * HOUR),
        };
        let event = Event {
            verdict: Some(Verdict::Deny),
            ..self.key_event(EventKind::Denied, enrolment, what, origin)?
        };
        self.record_once(&once, event).await
    }

    /// An event about an enrolment, now.
    pub(super) fn key_event(
        &self,
        kind: EventKind,
        enrolment: &Enrolment,
        detail: String,
        origin: &Origin,
    ) -> Result<Event> {
        let at: Timestamp = (self.clock)();
        let id = GrantId::new(at, keys::random()?);
        Ok(Event {
            detail: Some(detail),
            ..Event::new(kind, at, id, enrolment.principal.clone(), origin.clone())
        })
    }
}

/// What an enrolled key does by itself, while its principal may come.
fn by_key(event: Event, enrolment: &Enrolment) -> Append {
    Append::new(event, Actor::SignIn(&enrolment.principal))
}

const AGAIN: &str = "an administrator makes another one: jit enrolments remove NAME, then jit enrolments create NAME";
