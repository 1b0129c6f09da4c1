//! Sessions: whom the authority has let in, the token that shows it (a JWT bound to the client's key,
//! RFC 9449), and what is asked with it.

use jsonwebtoken::{Algorithm, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Authority, Client, token::Confirmation};
use crate::{
    domain::{
        credential::Token,
        event::{Event, EventKind, Origin},
        failure::{Code, Failure, Nature, Result},
        id::GrantId,
        key::PublicKey,
        once::Once,
        principal::{Class, Principal},
        session::Session,
        time::Timestamp,
    },
    platform::proof::{self, Aim},
    store::{
        ending::Ending,
        ledger::{Actor, Append},
        principals::{self, Attests, Standing},
        sessions,
    },
};

/// What the tokens of sessions are signed for, and nothing else.
const TYPE: &str = "jit-session+jwt";
const PURPOSE: &str = "session";

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sid: GrantId,
    sub: String,
    iat: i64,
    exp: i64,
    cnf: Confirmation,
    /// Who acts for the subject (RFC 8693, section 4.1): the nearest outermost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Act {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<Self>>,
}

/// The subject that stands behind a line of sessions, and the agents that act for it.
fn acting(session: &Session, above: &[Session]) -> (String, Option<Act>) {
    let line = [session].into_iter().chain(above);
    let mut hops = line.rev().map(|hop| hop.caller.principal.written());
    let subject = hops.next().unwrap_or_default();
    let act = hops.fold(None, |inner: Option<Act>, sub| {
        let act = inner.map(Box::new);
        Some(Act { sub, act })
    });
    (subject, act)
}

/// What a caller shows with each request: its token, and a proof for just that request.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The session's token.
    pub token: &'a str,
    /// The proof of possession.
    pub proof: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The request's URL without its query.
    pub url: &'a str,
}

/// Whether the OpenID provider of people can be asked to vouch for them, as far as the server itself knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// It answers, or nobody tried.
    Answers,
    /// It is away.
    Away,
}

/// How a caller leaves.
#[derive(Clone, Debug)]
pub struct Leave {
    /// What ends.
    pub ending: Ending,
    /// Whether the client reports that the provider does not know the account any more. It is recorded
    /// as the client's claim.
    pub account_ended: bool,
}

impl Leave {
    /// By the caller's own wish.
    pub const fn by(ending: Ending) -> Self {
        Self {
            ending,
            account_ended: false,
        }
    }
}

impl Authority {
    /// Begins a session, no longer than its class of principals may have: recorded first, then its token.
    ///
    /// # Errors
    /// Denied (121): whoever it is for was disabled, or was away for too long.
    pub async fn open_session(&self, session: &Session, origin: &Origin) -> Result<Token> {
        let now = (self.clock)();
        let who = &session.caller.principal;
        self.admit(who, now).await?;
        let lifecycle = self.lifecycles.of(who.class());
        let session = Session {
            expires_at: lifecycle.session_end(session.expires_at, now),
            ..session.clone()
        };
        let event = Event {
            at: now,
            ..self.session_event(EventKind::SignedIn, &session, origin)
        };
        let voucher = self.store.voucher(now).await?;
        let append = Append::new(event, Actor::SignIn(who))
            .with(sessions::begin(&session, &voucher)?)
            .with(principals::seen(
                &session.caller,
                attests(who),
                &voucher,
                now,
            )?);
        self.store.ledger().append(append).await?.or_conflict()?;
        self.session_token(&session).await
    }

    /// The session that a request shows, and those that delegated to it, the nearest first; and the
    /// proof, which serves once.
    ///
    /// # Errors
    /// Sign-in needed (123): the token is not ours, has ended, is bound to another key, or the proof is
    /// none for this request.
    pub async fn authenticate(
        &self,
        shown: &Shown<'_>,
        provider: Provider,
    ) -> Result<(Vec<Session>, Once)> {
        let (line, proof) = self.recognise(shown).await?;
        self.attested(&line, provider, (self.clock)()).await?;
        Ok((sessions_of(line), proof))
    }

    /// The same for a caller who only ends their own session. It does not matter when somebody last
    /// vouched for them: whoever is not vouched for any more must still be able to leave.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub async fn authenticate_to_leave(&self, shown: &Shown<'_>) -> Result<(Vec<Session>, Once)> {
        let (line, proof) = self.recognise(shown).await?;
        Ok((sessions_of(line), proof))
    }

    /// The live sessions behind a token that is shown by whoever holds its key, each with how its
    /// principal stands.
    async fn recognise(
        &self,
        shown: &Shown<'_>,
    ) -> Result<(Vec<(Session, Option<Standing>)>, Once)> {
        let now = (self.clock)();
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.validate_exp = false;
        let claims: Option<Claims> = self.open(PURPOSE, shown.token, &rules).await?;
        let claims = claims
            .ok_or_else(|| signed_out("the session's token was not signed by this authority"))?;
        let aim = Aim {
            method: shown.method,
            url: shown.url,
            token: Some(shown.token),
        };
        let proven = proof::verify(shown.proof, &aim, now)
            .map_err(|why| signed_out(&format!("the session's token is refused: {why}")))?;
        let bound = proof::thumbprint(proven.key)? == claims.cnf.jkt;
        let line = self.store.standing_line(&claims.sid, now).await?;
        match line.first() {
            Some((session, _)) if bound && session.holder == proven.key => {
                Ok((line, proven.once(now)))
            }
            Some(_) => Err(signed_out("the session's token is bound to another key")),
            None => Err(signed_out("the session has ended").of_nature(Nature::Ended)),
        }
    }

    /// Ends the client's session, all that were delegated from it, and all grants and requests that were made
    /// in them; or whatever else `leave` says. The targets are told by tidying ([`Authority::tidy`]). Returns
    /// how many other sessions the principal still has.
    ///
    /// # Errors
    /// Sign-in needed (123): the client has no session. A conflict: it has ended, or the one that was to
    /// take its place has.
    pub async fn close_session(&self, client: &Client, leave: &Leave) -> Result<u64> {
        let now = (self.clock)();
        let session = client.sessions.first();
        let session = session.ok_or_else(|| signed_out("there is no session to end"))?;
        let source = &session.source;
        let event = self.session_event(EventKind::SignedOut, session, &client.origin);
        let reported = leave.account_ended.then(|| {
            format!("by {source}, which, its client says, does not know the account any more")
        });
        let event = Event {
            detail: reported.or(event.detail),
            ..event
        };
        let voucher = self.store.voucher(now).await?;
        let mut append = client.append(event);
        if let Ending::Replaced { by, .. } = &leave.ending {
            append = append.only_if(sessions::goes_on(by));
        }
        let append = append.ending(leave.ending.clone(), voucher);
        self.store.ledger().append(append).await?.or_conflict()?;
        let known = self.store.principal(&session.caller.principal, now).await?;
        let others = known.map_or(0, |known| known.sessions);
        Ok(u64::try_from(others).unwrap_or_default())
    }

    /// The session that is bound to that key and may take the place of this one.
    ///
    /// # Errors
    /// Usage: there is no other one of the same principal that lives.
    pub async fn successor(&self, session: &Session, holder: PublicKey) -> Result<GrantId> {
        let now = (self.clock)();
        let found = self.store.session_of(holder, now).await?;
        let next = found.filter(|(next, is_ended)| {
            let is_another = next.id != session.id && next.parent.is_none();
            let lives = !is_ended && next.is_live(now);
            lives && is_another && next.caller.principal == session.caller.principal
        });
        next.map(|(next, _)| next.id).ok_or_else(|| {
            Failure::usage("no other session of yours is bound to that key")
                .hint("end this one without a successor")
        })
    }

    pub(super) async fn session_token(&self, session: &Session) -> Result<Token> {
        self.line_token(session, &[]).await
    }

    /// The token of a session and those that delegated to it, the nearest first.
    pub(super) async fn line_token(&self, session: &Session, above: &[Session]) -> Result<Token> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        let (sub, act) = acting(session, above);
        let claims = Claims {
            sid: session.id.clone(),
            sub,
            act,
            iat: session.created_at.secs(),
            exp: session.expires_at.secs(),
            cnf: Confirmation {
                jkt: proof::thumbprint(session.holder)?,
            },
        };
        let text = self.sign(PURPOSE, header, &claims).await?;
        Ok(Token(SecretString::from(text)))
    }

    /// An event about a session, now.
    pub(super) fn session_event(
        &self,
        kind: EventKind,
        session: &Session,
        origin: &Origin,
    ) -> Event {
        let at: Timestamp = (self.clock)();
        Event {
            expires_at: Some(session.expires_at),
            detail: Some(format!("by {}", session.source)),
            ..Event::new(
                kind,
                at,
                session.id.clone(),
                session.caller.principal.clone(),
                origin.clone(),
            )
        }
    }
}

fn sessions_of(line: Vec<(Session, Option<Standing>)>) -> Vec<Session> {
    line.into_iter().map(|(session, _)| session).collect()
}

pub(super) fn signed_out(why: &str) -> Failure {
    Failure::new(Code::SignIn, why).hint("run: jit login")
}

/// Whose groups a session tells that nobody's attestation began.
const fn attests(who: &Principal) -> Attests {
    match who.class() {
        Class::Human => Attests::Principal,
        Class::Workload | Class::Agent => Attests::Session,
    }
}
