//! Enrolments as rows, and the end of the join codes of somebody who was shut out.

use super::{
    statement::{Row, Statement},
    vouched::Voucher,
};
use crate::domain::{enrolment::Enrolment, failure::Result, principal::Principal, time::Timestamp};

/// The enrolments whose join codes nobody has used yet.
pub(super) fn open() -> Statement {
    Statement::new(
        "select body, code, expires_at from enrolments where not exists (
             select 1 from enrolled_keys where enrolment = enrolments.name)
         order by name",
        [],
    )
}

/// Those of them that somebody made. A row that this authority did not write invites nobody.
pub(super) fn made_by(rows: &[Row], voucher: &Voucher, who: &Principal) -> Vec<Enrolment> {
    let ours = rows.iter().filter_map(|row| enrolment(voucher, row).ok());
    ours.filter(|one| one.made_by.as_ref() == Some(who))
        .collect()
}

/// Takes a join code back that nobody has used.
pub(super) fn withdraw(who: &Principal) -> Statement {
    Statement::new("delete from enrolments where name = $1", [name(who).into()])
}

/// Reads `body`, `code` and `expires_at`, the first columns.
pub(super) fn enrolment(voucher: &Voucher, row: &Row) -> Result<Enrolment> {
    let until = Timestamp::from_millis(row.int(2)?);
    voucher.read(&beside(row.text(1)?, until), row.text(0)?)
}

/// What an enrolment is worth nothing without: the code that it waits for, and until when.
pub(super) fn beside(code: &str, until: Timestamp) -> [String; 3] {
    let until = until.millis().to_string();
    ["enrolment".to_owned(), code.to_owned(), until]
}

/// By its class too, so that no two are called alike.
pub(super) fn name(who: &Principal) -> String {
    who.written()
}
