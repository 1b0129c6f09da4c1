//! The hash chain: each entry's hash covers the one before it, its place and its text.

use super::{
    statement::{Row, Statement},
    vouched::Voucher,
};
use crate::{
    domain::{
        event::{Entry, Event},
        failure::{Failure, Result},
    },
    platform::keys::{hex, sha256},
};

/// What a [`Stored`] is selected by.
pub(super) const COLUMNS: &str = "seq, at, kind, grant_id, principal, resource, role, body, hash";

/// What stands before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of the entry at place `seq` whose text is `body`: SHA-256 over the previous hash (64
/// hexadecimal digits), the place (8 bytes, big-endian) and the text; 64 hexadecimal digits.
pub fn link(previous: &str, seq: i64, body: &str) -> String {
    let bytes = [previous.as_bytes(), &seq.to_be_bytes(), body.as_bytes()].concat();
    hex(&sha256(&bytes))
}

/// What entries are selected by. Where an event is about no entitlement, resource and role are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// To which elevation or session.
    pub grant: String,
    /// The principal's name.
    pub principal: String,
    /// `kind/name`
    pub resource: String,
    /// The role.
    pub role: String,
}

/// An entry as it rests in the database.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place.
    pub seq: i64,
    /// The columns that entries are selected by.
    pub columns: Columns,
    /// The event, as it was hashed.
    pub body: String,
    /// Its hash.
    pub hash: String,
}

impl Stored {
    /// An event at its place behind `previous`.
    pub fn new(previous: &str, seq: i64, event: &Event) -> Result<Self> {
        let body = serde_json::to_string(event)
            .map_err(|error| Failure::failed("an event cannot be written").because(&error))?;
        Ok(Self {
            seq,
            columns: columns(event),
            hash: link(previous, seq, &body),
            body,
        })
    }

    /// An entry as it was selected ([`COLUMNS`]).
    pub(super) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.int(0)?,
            columns: Columns {
                at: row.int(1)?,
                kind: row.text(2)?.to_owned(),
                grant: row.text(3)?.to_owned(),
                principal: row.text(4)?.to_owned(),
                resource: row.text(5)?.to_owned(),
                role: row.text(6)?.to_owned(),
            },
            body: row.text(7)?.to_owned(),
            hash: row.text(8)?.to_owned(),
        })
    }

    /// Writes it, with the authority's code for it.
    pub(super) fn insert(self, voucher: &Voucher) -> Statement {
        let code = voucher.entry_code(self.seq, &self.hash);
        let columns = self.columns;
        Statement::insert(
            "insert into events (seq, at, kind, grant_id, principal, resource, role, body, hash, vouched)",
            [
                self.seq.into(),
                columns.at.into(),
                columns.kind.into(),
                columns.grant.into(),
                columns.principal.into(),
                columns.resource.into(),
                columns.role.into(),
                self.body.into(),
                self.hash.into(),
                code.into(),
            ],
            "",
        )
    }

    /// The entry, taken at its word.
    pub(super) fn entry(self) -> Result<Entry> {
        let event = serde_json::from_str(&self.body).map_err(|error| {
            Failure::failed(format!("entry {} of the ledger is not an event", self.seq))
                .because(&error)
                .hint("\"jit audit verify\" names the first broken entry")
        })?;
        Ok(Entry {
            seq: self.seq,
            event,
            hash: self.hash,
        })
    }

    /// The event, if the entry is what was written: in its place, behind `previous`, text and
    /// columns unchanged.
    pub fn verify(&self, previous: &str, place: i64) -> Result<Event, String> {
        if self.seq != place {
            return Err(format!("entry {place} is missing"));
        }
        if link(previous, self.seq, &self.body) != self.hash {
            return Err(format!("entry {place} was changed, or one before it"));
        }
        let event: Event = serde_json::from_str(&self.body)
            .map_err(|_| format!("entry {place} is not an event"))?;
        if columns(&event) != self.columns {
            return Err(format!(
                "entry {place} would be listed as something else than it is"
            ));
        }
        Ok(event)
    }
}

fn columns(event: &Event) -> Columns {
    let (resource, role) = event.entitlement.as_ref().map_or_else(
        || (String::new(), String::new()),
        |entitlement| {
            (
                entitlement.resource.to_string(),
                entitlement.role.to_string(),
            )
        },
    );
    Columns {
        at: event.at.millis(),
        kind: event.kind.to_string(),
        grant: event.grant.to_string(),
        principal: event.principal.to_string(),
        resource,
        role,
    }
}
