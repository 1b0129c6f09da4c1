-- Version 4: each entry of the ledger carries this authority's code for its place and its hash ('' for
-- entries of before). Nothing is appended behind an entry that somebody else wrote.
alter table events add column vouched text not null default '';
-- The last entry of before, until the authority that opens it vouches for it.
create table upgraded (
    seq bigint not null primary key,
    at bigint not null,
    hash text not null
);
insert into upgraded (seq, at, hash) select seq, at, hash from events order by seq desc limit 1;

-- The replicas that run: which policies and which catalogue each has in force, and when it last said so.
create table replicas (
    name text not null primary key,
    seen_at bigint not null,
    policies text not null,
    catalogue text not null
);

-- The groups that the newest attestation of a principal names, as a JSON array, so that a person
-- who loses a group loses it in every session. '' where that is not known, or where each session has groups
-- of its own (jobs that share a principal).
alter table principals add column attested_groups text not null default '';
