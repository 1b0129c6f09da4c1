//! What a superuser applies so that PostgreSQL trusts this authority no more.

use std::fmt::Write as _;

use super::{
    names::{hba, identifier, literal},
    trust::{databases, groups},
};
use crate::domain::{catalogue::PostgresResource, entitlement::ResourceName, failure::Result};

/// Takes client certificates back.
pub(super) fn certificate(name: &ResourceName, resource: &PostgresResource) -> Result<String> {
    let mut lines = String::new();
    for database in databases(resource)? {
        for role in groups(resource) {
            let _ = writeln!(lines, "#    hostssl {database} {} all cert", hba(role)?);
        }
    }
    let short = name.name();
    Ok(format!(
        "\
# {name}: has PostgreSQL accept the client certificates of this authority no more.
#
# 1. Take these lines out of the file that \"SHOW hba_file\" names:
{lines}\
# 2. Take the certificate that \"jit trust {name} --ca\" prints out of the file that \"SHOW ssl_ca_file\" names.
#    Where that is jit-{short}.crt and holds no other, run as a superuser instead:
#    ALTER SYSTEM RESET ssl_ca_file
# 3. Have the server read both: SELECT pg_reload_conf()
#
# Connections that are open stay open.
"
    ))
}

/// Takes the manager's rights back.
pub(super) fn dynamic_role(name: &ResourceName, resource: &PostgresResource) -> Result<String> {
    let mut lines = String::new();
    for group in groups(resource) {
        let revoke = format!("REVOKE {} FROM jit", identifier(group)?);
        let _ = writeln!(
            lines,
            "SELECT {} FROM pg_auth_members WHERE member = to_regrole('jit') AND roleid = to_regrole({}) \\gexec",
            literal(&revoke),
            literal(&identifier(group)?)
        );
    }
    Ok(format!(
        "\
-- {name}: lets this authority make roles no more.
-- Run it in psql as a superuser: jit trust {name} --remove | psql postgresql://postgres@HOST/postgres
--
-- First end what is held (jit revoke --all), so that no role of a grant is left. The manager goes once it manages
-- nothing for another resource either; the groups and what you granted to them are yours and stay.
{lines}\
SELECT 'DROP ROLE jit' FROM pg_roles WHERE rolname = 'jit'
    AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) \\gexec
"
    ))
}
