-- Version 6: whose name is whose counts only with this authority's code for it. Rows of before get theirs when the
-- authority opens the store, unless its ledger shows that it has written rows with codes already.
alter table identities add column vouched text not null default '';
-- The code for the groups of the newest attestation covers the time of that attestation, so that the ledger tells
-- whether the row is the newest one. Codes of before do not: their principals sign in again.
update principals set vouched = '';
-- To which account a name belongs, and when the newest attestation was, is the word of the ledger.
create index events_by_name on events (principal, seq)
    where kind in ('signed-in', 'signed-out', 'enabled', 'enrolled', 'recovered');
