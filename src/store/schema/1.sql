-- Version 1. SQLite and PostgreSQL both read these texts.

-- The ledger: append-only. `body` is the event as it was hashed; the columns beside it are for
-- selecting, and verification compares them with the body.
create table if not exists events (
    seq bigint not null primary key,
    at bigint not null,
    kind text not null,
    grant_id text not null,
    principal text not null,
    resource text not null,
    role text not null,
    body text not null,
    hash text not null
);
create index if not exists events_by_grant on events (grant_id);
create index if not exists events_by_principal on events (principal, seq);

-- Where each elevation is in its life.
create table if not exists elevations (
    id text not null primary key,
    principal text not null,
    expires_at bigint not null,
    settled bigint not null,
    body text not null
);
create index if not exists elevations_by_end on elevations (settled, expires_at);
create index if not exists elevations_by_principal on elevations (principal, expires_at);

-- Signing keys by purpose, sealed.
create table if not exists signing_keys (
    purpose text not null primary key,
    sealed text not null
);
