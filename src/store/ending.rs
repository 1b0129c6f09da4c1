//! The end of everything that hangs on a session or a principal, in one commit: what there is, is found
//! under the lock of the ledger, so that nothing slips through that is made meanwhile.

use super::{
    database::Transaction,
    invitations,
    statement::{Statement, Value},
    steps::{self, COLUMNS},
    vouched::Voucher,
};
use crate::domain::{
    count::counted,
    elevation::{Elevation, State},
    enrolment::Enrolment,
    event::{Event, EventKind},
    failure::Result,
    id::GrantId,
    principal::Principal,
    time::Timestamp,
};

/// What ends, with all sessions that were delegated from it, all grants and requests that were made in
/// those.
#[derive(Clone, Debug)]
pub enum Ending {
    /// One session.
    Session(GrantId),
    /// Several sessions; the first of them is the one that is recorded.
    Sessions(Vec<GrantId>),
    /// One session, in whose place another one of the same principal has come: the grants that were made
    /// in it go on in that one, and end with it.
    Replaced {
        /// The session that ends.
        session: GrantId,
        /// The one in its place.
        by: GrantId,
    },
    /// Everything that a principal has, in whichever session.
    Principal(Principal),
    /// The same of somebody who may not come any more, and the join codes that they made and nobody used.
    ShutOut(Principal),
}

/// An ending, and by whose word the rows are that it leaves.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) ending: Ending,
    pub(super) voucher: Voucher,
}

impl End {
    /// Ends it. The last of `events`, which says why, learns how much that was; behind it comes one event
    /// for each grant and each request. A row that this authority did not write gives nobody anything, and
    /// is not in the way.
    pub(super) async fn end(
        &self,
        transaction: &mut Transaction,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let Self { ending, voucher } = self;
        let Some(mut cause) = events.pop() else {
            return Ok(());
        };
        let now = cause.at;
        let sessions = transaction.run(&ending.sessions(now)).await?;
        let rows = transaction.rows(&ending.elevations(now)).await?;
        let (mut grants, mut requests) = (0_u64, 0_u64);
        let mut behind = Vec::with_capacity(rows.len());
        for mut elevation in steps::ours(&rows, voucher) {
            let kind = match elevation.state(now) {
                State::Granted => {
                    grants += 1;
                    elevation.revoke(now)?;
                    EventKind::Revoked
                }
                State::Pending => {
                    requests += 1;
                    elevation.deny(now)?;
                    EventKind::Denied
                }
                State::Denied | State::Abandoned | State::Expired | State::Revoked => continue,
            };
            transaction.run(&steps::write(&elevation, voucher)?).await?;
            behind.push(consequence(kind, &elevation, &cause));
        }
        if let Ending::Replaced { session, by } = ending {
            transaction.run(&goes_on_in(session, by)).await?;
        }
        let mut ended = format!(
            "ended {}, {}, {}",
            counted(sessions, "session"),
            counted(grants, "grant"),
            counted(requests, "request")
        );
        if let Ending::ShutOut(who) = ending {
            let withdrawn = withdraw(transaction, who, voucher).await?;
            if let Ok(count @ 1..) = u64::try_from(withdrawn.len()) {
                ended = format!("{ended}, {}", counted(count, "join code"));
            }
            behind.extend(withdrawn.iter().map(|one| withdrawal(one, &cause)));
        }
        cause.detail = Some(match cause.detail {
            Some(detail) => format!("{detail}; {ended}"),
            None => ended,
        });
        events.push(cause);
        events.append(&mut behind);
        Ok(())
    }
}

impl Ending {
    fn sessions(&self, now: Timestamp) -> Statement {
        let (below, mut values) = self.below();
        values.push(now.millis().into());
        let sql = format!(
            "{below} update sessions set ended_at = ${}
             where ended_at = 0 and id in (select id from below)",
            values.len()
        );
        Statement::assembled(sql, values)
    }

    fn elevations(&self, now: Timestamp) -> Statement {
        let (below, mut values) = self.below();
        let theirs = match self {
            Self::Session(_) | Self::Sessions(_) | Self::Replaced { .. } => "",
            Self::Principal(_) | Self::ShutOut(_) => "or (class = $1 and principal = $2)",
        };
        let kept = match self {
            Self::Session(_) | Self::Sessions(_) | Self::Principal(_) | Self::ShutOut(_) => "",
            Self::Replaced { .. } => "and not (session = $1 and state = 'granted')",
        };
        values.push(now.millis().into());
        let sql = format!(
            "{below} select {COLUMNS} from elevations
             where state in ('pending', 'granted') and expires_at > ${}
                 and (session in (select id from below) {theirs}) {kept}
             order by id",
            values.len()
        );
        Statement::assembled(sql, values)
    }

    /// The sessions that end, as `below`; those of them that are over too, since a grant can outlive the
    /// session that it was asked in.
    fn below(&self) -> (String, Vec<Value>) {
        let (first, values) = match self {
            Self::Session(id) | Self::Replaced { session: id, .. } => {
                ("id = $1".to_owned(), vec![id.as_str().into()])
            }
            Self::Sessions(ids) => {
                let places: Vec<String> = (1..=ids.len()).map(|at| format!("${at}")).collect();
                let ids = ids.iter().map(|id| id.as_str().into()).collect();
                (format!("id in ({})", places.join(", ")), ids)
            }
            Self::Principal(principal) | Self::ShutOut(principal) => (
                "class = $1 and name = $2".to_owned(),
                vec![principal.class().as_str().into(), principal.name().into()],
            ),
        };
        let below = format!(
            "with recursive below (id) as (
                 select id from sessions where {first}
                 union select sessions.id from sessions join below on sessions.parent = below.id
             )"
        );
        (below, values)
    }
}

/// Takes back the join codes that somebody made and nobody used.
async fn withdraw(
    transaction: &mut Transaction,
    who: &Principal,
    voucher: &Voucher,
) -> Result<Vec<Enrolment>> {
    let rows = transaction.rows(&invitations::open()).await?;
    let withdrawn = invitations::made_by(&rows, voucher, who);
    for one in &withdrawn {
        let delete = invitations::withdraw(&one.principal);
        transaction.run(&delete).await?;
    }
    Ok(withdrawn)
}

/// That a join code was taken back, and why.
fn withdrawal(enrolment: &Enrolment, cause: &Event) -> Event {
    let inviter = cause.principal.written();
    Event {
        by: cause.by.clone(),
        detail: Some(format!("its join code was withdrawn: {inviter} made it")),
        ..Event::new(
            EventKind::SignedOut,
            cause.at,
            cause.grant.clone(),
            enrolment.principal.clone(),
            cause.origin.clone(),
        )
    }
}

/// Gives the grants of a session to another one.
fn goes_on_in(session: &GrantId, by: &GrantId) -> Statement {
    let update = "update elevations set session = $2 where session = $1 and state = 'granted'";
    Statement::new(update, [session.as_str().into(), by.as_str().into()])
}

/// What became of one grant or request, and by whom.
fn consequence(kind: EventKind, elevation: &Elevation, cause: &Event) -> Event {
    let request = &elevation.request;
    let actor = cause.by.as_ref().unwrap_or(&cause.principal);
    Event {
        chain: request.chain.clone(),
        by: (*actor != request.principal).then(|| actor.clone()),
        entitlement: Some(request.entitlement.clone()),
        justification: request.justification.clone(),
        detail: Some(format!("{} {}", cause.principal.written(), cause.kind)),
        ..Event::new(
            kind,
            cause.at,
            request.id.clone(),
            request.principal.clone(),
            cause.origin.clone(),
        )
    }
}
