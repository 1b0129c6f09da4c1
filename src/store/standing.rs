//! How a principal stands. Whether it was disabled is read in the ledger, so that an attacker who writes the
//! database undoes that neither by changing a row nor by putting an old one back. The groups of the newest
//! attestation carry this authority's code: a row without it is believed by nobody.

use std::collections::BTreeSet;

use super::{
    conditions::groups_text, identity_rows::KINDS, row::Row, statement::Value, vouched::Voucher,
};
use crate::domain::{
    event::EventKind,
    failure::{Failure, Result},
    principal::{Class, Principal},
    time::Timestamp,
};

/// What the code of attested groups is for, beside whose they are.
const GROUPS: &str = "attested groups";

/// Which entries of the ledger say whether the principal of the row `WHO` may come. The database finds them by
/// an index of their own.
const DECIDES: &str =
    "lower(events.principal) = lower(WHO.name) and kind in ('disabled', 'enabled')
    and events.body like ('%\"principal\":{\"class\":\"' || WHO.class || '\",%')";

/// A column that says what the ledger said last about whether the principal of the row `who` may come: the kind
/// of the entry and its time in milliseconds; '' where it said nothing.
pub(super) fn newest_word(who: &str) -> String {
    let decides = DECIDES.replace("WHO", who);
    format!(
        "coalesce((select kind || ' ' || cast(events.at as text) from events
             where {decides} and events.principal = {who}.name order by seq desc limit 1), '')"
    )
}

/// A column with the time of the newest attestation of the principal of the row `who` that the ledger has, in
/// milliseconds; 0 where it has none.
pub(super) fn newest_sign_in(who: &str) -> String {
    format!(
        "coalesce((select events.at from events
             where events.principal = {who}.name and kind in {KINDS} and kind = 'signed-in'
                 and events.body like ('%\"principal\":{{\"class\":\"' || {who}.class || '\",%')
             order by seq desc limit 1), 0)"
    )
}

/// A `select` of all that the ledger said about a principal and those whose names differ in case alone, the
/// oldest first: name and word.
pub(super) fn words_about(who: &Principal) -> (String, Vec<Value>) {
    let decides = DECIDES.replace("WHO", "asked");
    let sql = format!(
        "with asked (class, name) as (values ($1, $2))
         select events.principal, kind || ' ' || cast(events.at as text) from asked join events on {decides}
         order by seq"
    );
    (sql, vec![who.class().as_str().into(), who.name().into()])
}

/// What the ledger said last about whether a principal may come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Whether it may not.
    pub(super) disables: bool,
    /// When that was said; absent where nothing was.
    pub(super) at: Option<Timestamp>,
}

impl Word {
    /// Reads what [`newest_word`] finds.
    pub(super) fn read(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let read = text.split_once(' ').and_then(|(kind, at)| {
            Some(Self {
                disables: kind == EventKind::Disabled.as_str(),
                at: Some(Timestamp::from_millis(at.parse().ok()?)),
            })
        });
        read.ok_or_else(|| Failure::failed("an entry of the ledger has no time"))
    }

    /// Since when the principal may not come, where a column of its row says so or the ledger does.
    pub(super) fn disabled_at(self, column: i64) -> Option<Timestamp> {
        let by_column = (column > 0).then(|| Timestamp::from_millis(column));
        self.at.filter(|_| self.disables).or(by_column)
    }
}

/// What each request is checked against.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The groups that the newest attestation names, where that is known.
    pub newest_groups: Option<BTreeSet<String>>,
    /// When they were last here.
    pub last_seen_at: Timestamp,
    /// Whether they may not come.
    pub is_disabled: bool,
    /// When they were last disabled or enabled: a session of before has ended.
    pub(super) decided_at: Option<Timestamp>,
}

impl Standing {
    /// Reads `attested_groups`, `last_seen_at`, `disabled_at`, `vouched`, [`newest_word`], `attested_at` and
    /// [`newest_sign_in`] from that column on. Where the row is missing (`disabled_at` is -1) or of before codes,
    /// nothing is known but what the ledger says.
    ///
    /// # Errors
    /// This authority did not write the row, or has replaced it.
    pub(super) fn read(
        row: &Row,
        from: usize,
        who: &Principal,
        voucher: &Voucher,
    ) -> Result<Option<Self>> {
        let word = Word::read(row.text(from + 4)?)?;
        let disabled_at = row.int(from + 2)?;
        let is_disabled = word.disabled_at(disabled_at).is_some();
        let written = Written {
            groups: row.text(from)?,
            at: row.int(from + 5)?,
            code: row.text(from + 3)?,
        };
        let newest_groups = match written.read(who, voucher)? {
            Attested::Said(groups) if disabled_at >= 0 => {
                if !is_disabled {
                    written.is_newest(row.int(from + 6)?, who, voucher)?;
                }
                groups
            }
            _ if is_disabled => Some(BTreeSet::new()),
            Attested::BeforeCodes | Attested::Said(_) => return Ok(None),
        };
        Ok(Some(Self {
            newest_groups,
            last_seen_at: Timestamp::from_millis(row.int(from + 1).unwrap_or_default()),
            is_disabled,
            decided_at: word.at,
        }))
    }
}

/// The code for the groups of a principal's newest attestation, as a column has them, and for its time.
pub(super) fn code(
    who: &Principal,
    groups: Option<&BTreeSet<String>>,
    at: Timestamp,
    voucher: &Voucher,
) -> String {
    voucher.code(&beside(who, at.millis()), &groups_text(groups))
}

/// What a row says of the newest attestation.
pub(super) enum Attested {
    /// It was written before rows had such codes: nothing is believed of it.
    BeforeCodes,
    /// Its groups, where they are those of the principal and not of one session.
    Said(Option<BTreeSet<String>>),
}

/// The columns of a row about the newest attestation.
pub(super) struct Written<'a> {
    /// The groups ([`groups_text`]).
    pub(super) groups: &'a str,
    /// When, in milliseconds.
    pub(super) at: i64,
    /// The code for both.
    pub(super) code: &'a str,
}

impl Written<'_> {
    /// What they say.
    ///
    /// # Errors
    /// This authority did not write them.
    pub(super) fn read(&self, who: &Principal, voucher: &Voucher) -> Result<Attested> {
        if self.code.is_empty() {
            return Ok(Attested::BeforeCodes);
        }
        if !voucher.is_code(&beside(who, self.at), self.groups, self.code) {
            return Err(not_believed(who, voucher.forged()));
        }
        if self.groups.is_empty() {
            return Ok(Attested::Said(None));
        }
        serde_json::from_str(self.groups)
            .map(|groups| Attested::Said(Some(groups)))
            .map_err(|error| Failure::failed("groups in the store cannot be read").because(&error))
    }

    /// Refuses an older row that was put back: one of another attestation than the newest in the ledger
    /// ([`newest_sign_in`]). An agent is attested by the delegation that its session began with.
    pub(super) fn is_newest(&self, newest: i64, who: &Principal, voucher: &Voucher) -> Result<()> {
        if newest == 0 || newest == self.at || who.class() == Class::Agent {
            return Ok(());
        }
        Err(not_believed(who, voucher.replaced()))
    }
}

/// What is said of a principal's row that is refused.
pub(super) fn not_believed(who: &Principal, refused: Failure) -> Failure {
    Failure {
        message: format!("the principal {} is not believed: {}", who.written(), refused.message),
        ..refused
    }
    .hint("somebody else changes its database: see who may; whoever it is about signs in again (jit login)")
}

fn beside(who: &Principal, at: i64) -> [String; 4] {
    let at = at.to_string();
    [GROUPS, who.class().as_str(), who.name(), &at].map(str::to_owned)
}
