-- Version 5: what the newest attestation of a principal said counts only with this authority's code for it: the
-- body begins with its own, and `vouched` is the one for attested_groups. Rows of before have none and get none
-- here, since whoever can write here could make them, and say that it is version 4 again: their principals sign
-- in again.
alter table principals add column vouched text not null default '';
-- Whether somebody was disabled is the word of the ledger.
create index events_by_standing on events (lower(principal), seq) where kind in ('disabled', 'enabled');
