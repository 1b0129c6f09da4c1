-- Version 2: what an authority for a team remembers.

-- The state that the row was written in, so that a step can be refused where somebody else was first;
-- the class of the principal (until now there were people only), and the session that an elevation was
-- asked in ('' for the embedded authority).
alter table elevations add column class text not null default 'Human';
alter table elevations add column state text not null default '';
alter table elevations add column session text not null default '';
update elevations set state = case
    when body like '%"state":"granted"%' then 'granted'
    when body like '%"state":"revoked"%' then 'revoked'
    when body like '%"state":"denied"%' then 'denied'
    else 'pending'
end;
create index elevations_by_session on elevations (session, expires_at);
create index elevations_by_state on elevations (state, expires_at);

-- Signed-in people, workloads and agents. `parent` is the session that delegated to this one.
-- `ended_at` is 0 while the session lives; `holder` is the key that its tokens are bound to.
create table sessions (
    id text not null primary key,
    class text not null,
    name text not null,
    parent text not null,
    expires_at bigint not null,
    ended_at bigint not null,
    last_used_at bigint not null,
    holder text not null,
    body text not null
);
create index sessions_by_holder on sessions (holder);
create index sessions_by_principal on sessions (class, name, ended_at);
create index sessions_by_parent on sessions (parent);

-- Everybody who was ever let in. `disabled_at` is 0 for those who may come.
create table principals (
    class text not null,
    name text not null,
    first_seen_at bigint not null,
    last_seen_at bigint not null,
    attested_at bigint not null,
    disabled_at bigint not null,
    body text not null,
    primary key (class, name)
);

-- Whose name is whose: nobody comes by the name of somebody else, nor by two names.
create table identities (
    class text not null,
    name text not null,
    source text not null,
    subject text not null,
    primary key (class, name)
);
create unique index identities_by_subject on identities (class, source, subject);

-- Answers by idempotency key: whoever lost one and asks again gets the same. `answer` is sealed.
create table answers (
    caller text not null,
    idempotency_key text not null,
    request text not null,
    elevation text not null,
    answer text not null,
    expires_at bigint not null,
    primary key (caller, idempotency_key)
);
create index answers_by_end on answers (expires_at);

-- What may be used once: tokens of others that were exchanged, proofs of possession, the bootstrap code.
create table spent (
    id text not null primary key,
    expires_at bigint not null
);
create index spent_by_end on spent (expires_at);

-- Hosts and bots that are known by a key of their own. `code` is the hash of the join code that waits
-- to be used, and of the one that was.
create table enrolments (
    name text not null primary key,
    code text not null,
    expires_at bigint not null,
    body text not null
);
create unique index enrolments_by_code on enrolments (code);

-- Their keys. `next` is the key that replaced this one ('' for the one that counts), `retired_at` is 0
-- until that one was used; `vouched` is this authority's word for whose the key is.
create table enrolled_keys (
    key text not null primary key,
    enrolment text not null,
    made_at bigint not null,
    next text not null,
    retired_at bigint not null,
    vouched text not null
);
create index enrolled_keys_by_enrolment on enrolled_keys (enrolment);

-- The head of the ledger, signed, from time to time: `note` is what was signed, with its signature.
create table checkpoints (
    seq bigint not null primary key,
    at bigint not null,
    hash text not null,
    note text not null
);

-- Signing keys by purpose, the newest generation last. One signs from `starts_at` on until the next
-- one does. `sealed` is the private half ('' once it only verifies), `verifier` the public half, sealed
-- too, so that nobody slips in one of theirs ('' for keys of version 1).
create table keys (
    purpose text not null,
    generation bigint not null,
    starts_at bigint not null,
    sealed text not null,
    verifier text not null,
    primary key (purpose, generation)
);
insert into keys (purpose, generation, starts_at, sealed, verifier)
    select purpose, 1, 0, sealed, '' from signing_keys;
drop table signing_keys;

-- Which sealing key all of it is sealed with, where that is checked.
create table sealing (
    fingerprint text not null primary key
);
