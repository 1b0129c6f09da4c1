//! What a database's administrator must apply.

use std::{collections::BTreeSet, fmt::Write as _};

use super::names::{checked, hba, identifier, literal};
use crate::domain::{catalogue::PostgresResource, entitlement::ResourceName, failure::Result};

/// For client certificates: the authority, and who may come in with what it signs.
pub(super) fn certificate(
    name: &ResourceName,
    resource: &PostgresResource,
    authority: &str,
) -> Result<String> {
    let mut lines = String::new();
    for database in databases(resource)? {
        for role in groups(resource) {
            let role = hba(role)?;
            let _ = writeln!(lines, "hostssl {database} {role} all cert");
        }
    }
    let short = name.name();
    Ok(format!(
        "\
# {name}: makes PostgreSQL accept the client certificates of this authority.
#
# 1. Append this certificate to the file that \"SHOW ssl_ca_file\" names. Where it names none, write a
#    new file, for example jit-{short}.crt in the data directory, and run as a superuser:
#    ALTER SYSTEM SET ssl_ca_file = 'jit-{short}.crt'
#    (\"jit trust {name} --ca\" prints the certificate alone.) The server needs \"ssl = on\".
{authority}
# 2. Put these lines into the file that \"SHOW hba_file\" names, above all other lines that match the
#    same databases and roles. A certificate names one role, which must exist and have LOGIN.
{lines}
# 3. Have the server read both: SELECT pg_reload_conf()
"
    ))
}

/// For dynamic roles: the groups, and the manager that makes members of them.
pub(super) fn dynamic_role(name: &ResourceName, resource: &PostgresResource) -> Result<String> {
    let mut lines = String::new();
    for group in groups(resource) {
        lines.push_str(&ensured(group, "NOLOGIN")?);
        let group = identifier(group)?;
        let _ = writeln!(lines, "GRANT {group} TO jit WITH ADMIN OPTION;");
    }
    let host = resource.hosts.first().map_or("HOST", String::as_str);
    let host = host.replace(char::is_control, "");
    let database = resource.databases.first().map_or("postgres", |name| name);
    let (manager, database) = (ensured("jit", "LOGIN")?, checked(database)?);
    Ok(format!(
        "\
-- {name}: lets this authority make roles that end by themselves.
-- Run it in psql as a superuser: jit trust {name} | psql postgresql://postgres@{host}/postgres
--
-- The manager. Up to PostgreSQL 15, CREATEROLE can take every role but a superuser's, also those that
-- read files and run programs on the server: guard this credential like a superuser's. From 16 on it
-- reaches only the roles below and those that it made.
{manager}ALTER ROLE jit CREATEROLE INHERIT NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS;
--
-- What each role of {name} may do is yours to grant to these.
{lines}\
-- Then give the manager a password (in psql: \\password jit), write this URL into a file that only the
-- authority can read, and name it in authority.toml as credential = \"file:PATH\":
-- postgresql://jit:PASSWORD@{host}/{database}?sslmode=verify-full
"
    ))
}

/// `CREATE ROLE IF NOT EXISTS`, which PostgreSQL does not have, for psql.
fn ensured(role: &str, attribute: &str) -> Result<String> {
    let create = format!("CREATE ROLE {} {attribute}", identifier(role)?);
    Ok(format!(
        "SELECT {} WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) \\gexec\n",
        literal(&create),
        literal(role)
    ))
}

pub(super) fn groups(resource: &PostgresResource) -> BTreeSet<&str> {
    resource.roles.values().map(|role| &*role.role).collect()
}

pub(super) fn databases(resource: &PostgresResource) -> Result<Vec<String>> {
    if resource.databases.is_empty() {
        return Ok(vec!["all".to_owned()]);
    }
    resource.databases.iter().map(|name| hba(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(issuer: &str) -> PostgresResource {
        let text = format!(
            "hosts = [\"db.internal:5432\"]
            databases = [\"orders\"]
            issuer = {issuer:?}
            roles.read.role = \"orders_ro\"
            roles.write.role = \"it's \\\"w\\\"\"
            "
        );
        toml::from_str(&text).unwrap()
    }

    fn name() -> ResourceName {
        "postgres/orders".parse().unwrap()
    }

    #[test]
    fn for_certificates() {
        let text = certificate(&name(), &resource("certificate"), "PEM\n").unwrap();
        insta::assert_snapshot!(text, @r#"
            # postgres/orders: makes PostgreSQL accept the client certificates of this authority.
            #
            # 1. Append this certificate to the file that "SHOW ssl_ca_file" names. Where it names none, write a
            #    new file, for example jit-orders.crt in the data directory, and run as a superuser:
            #    ALTER SYSTEM SET ssl_ca_file = 'jit-orders.crt'
            #    ("jit trust postgres/orders --ca" prints the certificate alone.) The server needs "ssl = on".
            PEM

            # 2. Put these lines into the file that "SHOW hba_file" names, above all other lines that match the
            #    same databases and roles. A certificate names one role, which must exist and have LOGIN.
            hostssl "orders" "it's ""w""" all cert
            hostssl "orders" "orders_ro" all cert

            # 3. Have the server read both: SELECT pg_reload_conf()
            "#);
    }

    #[test]
    fn for_dynamic_roles() {
        let text = dynamic_role(&name(), &resource("dynamic-role")).unwrap();
        insta::assert_snapshot!(text, @r#"
            -- postgres/orders: lets this authority make roles that end by themselves.
            -- Run it in psql as a superuser: jit trust postgres/orders | psql postgresql://postgres@db.internal:5432/postgres
            --
            -- The manager. Up to PostgreSQL 15, CREATEROLE can take every role but a superuser's, also those that
            -- read files and run programs on the server: guard this credential like a superuser's. From 16 on it
            -- reaches only the roles below and those that it made.
            SELECT 'CREATE ROLE "jit" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit') \gexec
            ALTER ROLE jit CREATEROLE INHERIT NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS;
            --
            -- What each role of postgres/orders may do is yours to grant to these.
            SELECT 'CREATE ROLE "it''s ""w""" NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'it''s "w"') \gexec
            GRANT "it's ""w""" TO jit WITH ADMIN OPTION;
            SELECT 'CREATE ROLE "orders_ro" NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_ro') \gexec
            GRANT "orders_ro" TO jit WITH ADMIN OPTION;
            -- Then give the manager a password (in psql: \password jit), write this URL into a file that only the
            -- authority can read, and name it in authority.toml as credential = "file:PATH":
            -- postgresql://jit:PASSWORD@db.internal:5432/orders?sslmode=verify-full
            "#);
    }
}
