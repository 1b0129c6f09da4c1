//! Roles made for one grant: `jit_GRANT`, a member of the role that the entitlement means.
//!
//! PostgreSQL refuses new logins from `VALID UNTIL` on, but ends no session then; revocation does.
//! What such a role creates is its own until revocation gives it to the group.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    manager::{Found, Manager},
    names::{identifier, literal},
    scram::Password,
};
use crate::{
    domain::{
        catalogue::PostgresResource,
        credential::{Credential, Secret},
        elevation::Grant,
        failure::{Code, Failure, Result},
    },
    issuers::{
        order::{Order, PATIENCE, Revocation, Site, role_of},
        target::in_time,
    },
};

/// `GRANT … WITH INHERIT` came with this version, and with it the need for it.
const PER_GRANT_INHERITANCE: u32 = 160_000;
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the role, or gives it a new password and a later end.
pub(super) async fn issue(
    resource: &PostgresResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let group = &role_of(&resource.roles, order.grant)?.role;
    let role = role_name(order.grant);
    let password = Password::random()?;
    let mut manager = Manager::connect(&order.grant.entitlement.resource, resource, site).await?;
    let found = manager.find(&role).await?;
    let sql = statement(found, (&role, group), order, &password)?;
    manager.run(sql).await?;
    manager.close().await;
    Ok(Credential {
        serial: role.clone(),
        expires_at: order.expires_at(),
        secret: Secret::PostgresRole {
            role,
            password: password.into_secret(),
        },
    })
}

/// The role's name: a legal identifier that nobody has to quote.
fn role_name(grant: &Grant) -> String {
    format!("jit_{}", grant.id)
}

fn statement(
    found: Option<Found>,
    (role, group): (&str, &str),
    order: &Order<'_>,
    password: &Password,
) -> Result<String> {
    let login = format!(
        "PASSWORD {} VALID UNTIL {}",
        literal(&password.verifier()?),
        literal(&order.expires_at().to_rfc3339_seconds())
    );
    let (quoted, group_quoted) = (identifier(role)?, identifier(group)?);
    match found {
        None => Ok(format!(
            "CREATE ROLE {quoted} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION \
             {login} IN ROLE {group_quoted}"
        )),
        // Not LOGIN: a revocation that came half-way stays in force.
        Some(found) if found.groups == [group] => Ok(format!("ALTER ROLE {quoted} {login}")),
        Some(_) => Err(Failure::failed(format!(
            "role {role} is not the member of {group:?} any more that it was made as"
        ))
        .hint(format!(
            "\"jit revoke {}\" drops it; then ask for a new grant",
            order.grant.id
        ))),
    }
}

/// Disables the role, ends its sessions, hands on what it owns, and drops it. Whatever was done
/// before, by a revocation that did not come to its end, is done again or found done.
pub(super) async fn revoke(
    resource: &PostgresResource,
    grant: &Grant,
    site: &Site<'_>,
) -> Result<Revocation> {
    let role = role_name(grant);
    let mut manager = Manager::connect(&grant.entitlement.resource, resource, site).await?;
    if let Some(found) = manager.find(&role).await? {
        let heir = heir(resource, grant, &found);
        end(&mut manager, &role, &found, heir).await?;
    }
    manager.close().await;
    Ok(Revocation::Ended)
}

/// Who gets what the role owns: the group that it was made a member of. Nobody else: where the group
/// is gone, that is the manager.
fn heir(resource: &PostgresResource, grant: &Grant, found: &Found) -> Option<String> {
    let named = role_of(&resource.roles, grant).ok().map(|role| &role.role);
    let mut groups = found.groups.iter();
    let kept = groups.clone().find(|group| Some(*group) == named);
    kept.or_else(|| groups.next()).cloned()
}

async fn end(manager: &mut Manager, role: &str, found: &Found, heir: Option<String>) -> Result<()> {
    let quoted = identifier(role)?;
    let heir = heir.map_or_else(|| Ok("CURRENT_USER".to_owned()), |name| identifier(&name))?;
    let disable = format!("ALTER ROLE {quoted} NOLOGIN PASSWORD NULL VALID UNTIL '-infinity'");
    manager.run(disable).await?;
    // Who is to end a role's sessions and to dispose of what it owns must be a member of it.
    let inherit = if manager.version() >= PER_GRANT_INHERITANCE {
        " WITH INHERIT TRUE"
    } else {
        ""
    };
    manager
        .run(format!("GRANT {quoted} TO CURRENT_USER{inherit}"))
        .await?;
    end_sessions(manager, role, found.oid).await?;
    let hand_on = format!("REASSIGN OWNED BY {quoted} TO {heir}; DROP OWNED BY {quoted}");
    for database in manager.databases(found.oid).await? {
        let mut there = manager
            .enter(&database)
            .await
            .map_err(|failure| elsewhere(failure, role, &database))?;
        there.run(hand_on.clone()).await?;
        there.close().await;
    }
    manager.run(hand_on).await?;
    manager.run(format!("DROP ROLE IF EXISTS {quoted}")).await
}

async fn end_sessions(manager: &mut Manager, role: &str, oid: i64) -> Result<()> {
    let seconds = PATIENCE.as_secs();
    let all = async {
        while manager.terminate(oid).await? > 0 {
            sleep(PAUSE).await;
        }
        Ok(())
    };
    in_time("", all).await.map_err(|failure: Failure| {
        if failure.code != Code::TimedOut {
            return failure;
        }
        let message = format!("a session of role {role} did not end within {seconds} seconds");
        Failure::new(Code::TimedOut, message).hint("the role cannot log in any more; revoke again")
    })
}

/// The role owns something in a database that the manager cannot enter.
fn elsewhere(failure: Failure, role: &str, database: &str) -> Failure {
    let hint = format!(
        "role {role} cannot log in any more, but owns something in database {database:?}: let the \
         credential's role connect to it, then revoke again"
    );
    failure.hint(hint)
}
