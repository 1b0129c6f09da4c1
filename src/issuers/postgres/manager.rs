//! The connection over which roles are made and ended, as the manager that the catalogue names.

use sqlx::{
    AssertSqlSafe, Connection as _, FromRow, PgConnection, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
    query_as, raw_sql,
};

use super::url::{self, Access};
use crate::{
    domain::{
        catalogue::PostgresResource,
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    issuers::{
        order::Site,
        target::{self, in_time},
    },
    platform::postgres_tls::{self, Connected, Relay},
};

/// What a target should be, in messages.
pub(super) const TARGET_KIND: &str = "a PostgreSQL server";

/// A role made for a grant, as the server has it.
pub(super) struct Found {
    /// Its number, under which its sessions and its objects are found.
    pub(super) oid: i64,
    /// The roles that it is a member of.
    pub(super) groups: Vec<String>,
}

/// An open connection.
pub(super) struct Manager {
    connection: PgConnection,
    access: Access,
    name: String,
    target: String,
    _relay: Option<Relay>,
}

impl Manager {
    /// Connects with the resource's base credential.
    pub(super) async fn connect(
        name: &ResourceName,
        resource: &PostgresResource,
        site: &Site<'_>,
    ) -> Result<Self> {
        let access = url::access(name, resource, site)?;
        Self::open(name.to_string(), access).await
    }

    /// A second connection, to another database of the same server.
    pub(super) async fn enter(&self, database: &str) -> Result<Self> {
        let access = Access {
            options: self.access.options.clone().database(database),
            material: self.access.material.clone(),
        };
        Self::open(self.name.clone(), access).await
    }

    async fn open(name: String, access: Access) -> Result<Self> {
        let options = &access.options;
        let place = options.get_socket().map_or_else(
            || format!("{}:{}", options.get_host(), options.get_port()),
            |socket| socket.display().to_string(),
        );
        let target = format!("{name} at {place}");
        let opened = async {
            postgres_tls::connect(options, &access.material)
                .await
                .map_err(|e| failure(&target, &name, &e))
        };
        let Connected {
            connection, relay, ..
        } = in_time(&target, opened).await?;
        Ok(Self {
            connection,
            access,
            name,
            target,
            _relay: relay,
        })
    }

    /// The server's version as a number: 15.4 is 150004.
    pub(super) fn version(&self) -> u32 {
        self.connection.server_version_num().unwrap_or(0)
    }

    /// The role of that name, if there is one.
    pub(super) async fn find(&mut self, role: &str) -> Result<Option<Found>> {
        let sql = "select r.oid::pg_catalog.int8, array(
                select g.rolname::pg_catalog.text from pg_catalog.pg_auth_members m
                join pg_catalog.pg_roles g on g.oid = m.roleid where m.member = r.oid
            )
            from pg_catalog.pg_roles r where r.rolname = $1::pg_catalog.name";
        let row = self.ask(query_as(sql).bind(role.to_owned())).await?;
        Ok(row.map(|(oid, groups)| Found { oid, groups }))
    }

    /// Asks a role's sessions to end; how many there were.
    pub(super) async fn terminate(&mut self, oid: i64) -> Result<i64> {
        let sql = "select pg_catalog.count(pg_catalog.pg_terminate_backend(pid))
            from pg_catalog.pg_stat_activity where usesysid::pg_catalog.int8 = $1";
        let row: Option<(i64,)> = self.ask(query_as(sql).bind(oid)).await?;
        Ok(row.map_or(0, |(sessions,)| sessions))
    }

    /// The other databases in which a role owns something or was granted something.
    pub(super) async fn databases(&mut self, oid: i64) -> Result<Vec<String>> {
        let sql = "select array(select distinct d.datname::pg_catalog.text
            from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
            where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
            and s.refobjid::pg_catalog.int8 = $1 and d.datname <> pg_catalog.current_database())";
        let row: Option<(Vec<String>,)> = self.ask(query_as(sql).bind(oid)).await?;
        Ok(row.map_or_else(Vec::new, |(names,)| names))
    }

    async fn ask<T>(
        &mut self,
        query: QueryAs<'static, Postgres, T, PgArguments>,
    ) -> Result<Option<T>>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let row = query.fetch_optional(&mut self.connection);
        let row = async { row.await.map_err(|e| failure(&self.target, &self.name, &e)) };
        in_time(&self.target, row).await
    }

    /// Runs one or more statements in one transaction. Every name and constant in them must have
    /// come out of `names`.
    pub(super) async fn run(&mut self, sql: String) -> Result<()> {
        let ran = raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
        let ran = async {
            let ran = ran.await.map(drop);
            ran.map_err(|e| failure(&self.target, &self.name, &e))
        };
        in_time(&self.target, ran).await
    }

    /// Takes leave of the server, which otherwise logs a broken connection.
    pub(super) async fn close(self) {
        // What was to be done is done; a server that does not hear the farewell is no failure.
        drop(in_time(&self.target, async { Ok(self.connection.close().await) }).await);
    }
}

fn failure(target: &str, name: &str, error: &sqlx::Error) -> Failure {
    match target::tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => return target::untrusted(target, error),
        Some(_) => return target::foreign(target, TARGET_KIND),
        None => {}
    }
    if let sqlx::Error::Database(refusal) = error {
        let code = refusal.code().unwrap_or_default();
        return refused(target, &code, error).hint(advice(name, &code));
    }
    if let sqlx::Error::Io(cause) = error {
        return target::unreachable(target, cause);
    }
    if let sqlx::Error::Tls(_) = error {
        return Failure::failed(format!("{target} cannot be spoken to over TLS"))
            .because(error)
            .hint("turn on ssl in postgresql.conf, or correct sslmode in the credential's URL");
    }
    target::foreign(target, TARGET_KIND)
}

fn refused(target: &str, code: &str, error: &sqlx::Error) -> Failure {
    let what = match code {
        "28000" | "28P01" => "refuses the login of the credential that may create roles",
        "42501" => "does not let the credential's role do this",
        "25006" => "cannot be written to",
        "53300" | "57P03" => "takes no more connections",
        _ => "refuses",
    };
    Failure::failed(format!("{target} {what}")).because(error)
}

/// What to do about an SQLSTATE (PostgreSQL documentation, appendix A).
fn advice(name: &str, code: &str) -> String {
    match code {
        "28000" | "28P01" => "check the URL behind `credential` and pg_hba.conf".to_owned(),
        "3D000" => "correct the database in the URL behind `credential`".to_owned(),
        "25006" => "name the primary, not a standby, in the URL behind `credential`".to_owned(),
        "53300" | "57P03" => "wait for the server, then try again".to_owned(),
        "2BP01" => "something in another database still needs the role: drop or reassign it there, then revoke again".to_owned(),
        _ => format!("apply what \"jit trust {name}\" prints, as a superuser"),
    }
}
