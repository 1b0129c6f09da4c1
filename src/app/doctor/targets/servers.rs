//! Servers that are asked directly: a cluster, a database, an account.

use std::{ffi::OsString, time::Duration};

use crate::{
    app::{
        doctor::{clock, finding::Finding, ground::Ground},
        embedded::block_on,
        session::Session,
    },
    domain::{
        catalogue::{
            AwsResource, KubernetesIssuer, KubernetesResource, PostgresResource, Resource,
        },
        credential::Secret,
        entitlement::ResourceName,
        failure::Failure,
        lease::Lease,
    },
    issuers::{
        kubernetes::{self, Visit},
        order::Site,
        postgres::{self, Place},
    },
    tools::{
        self,
        postgres::{overlay, place::place},
        task::{Injection, Task},
    },
};

/// How long psql may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where issuers look for what the catalogue refers to.
pub(super) fn site(session: &Session) -> Site<'_> {
    Site {
        authority: None,
        also: &[],
        issuer: None,
        directory: &session.places.configuration,
        environment: &session.environment,
        now: (session.clock)(),
    }
}

/// Whom a cluster knows the token by, and what that one may.
pub(super) fn kubernetes(
    name: &ResourceName,
    cluster: &KubernetesResource,
    lease: &Lease,
    ground: &Ground,
) -> Finding {
    let Secret::KubernetesToken(token) = &lease.credential.secret else {
        return Finding::failed(name, &foreign(lease));
    };
    let site = site(&ground.session);
    let visited = block_on(kubernetes::visit(name, cluster, token, &site));
    let Visit { user, verbs } = match visited.and_then(|visited| visited) {
        Ok(visit) => visit,
        Err(failure) => return Finding::failed(name, &failure),
    };
    let role = &lease.grant.entitlement.role;
    let who = user.map_or_else(|| role.to_string(), |user| format!("{role} is {user}"));
    if verbs.is_empty() {
        return Finding::warning(
            name,
            format!("{who}, which may do nothing in the namespace default"),
        )
        .hint(match cluster.issuer {
            KubernetesIssuer::TokenRequest => {
                format!("bind its service account to a role: jit trust {name} | kubectl apply -f -")
            }
            KubernetesIssuer::Oidc => {
                format!("bind its groups to a role, as \"jit trust {name}\" says")
            }
        });
    }
    let verbs: Vec<&str> = verbs.iter().map(String::as_str).collect();
    Finding::good(name, format!("{who}, and may {}", verbs.join(", ")))
}

/// Whom each host of a database server knows the login by, and its clock.
pub(super) fn postgres(
    name: &ResourceName,
    (resource, server): (&Resource, &PostgresResource),
    lease: &Lease,
    ground: &Ground,
) -> Vec<Finding> {
    let has_password = matches!(lease.credential.secret, Secret::PostgresRole { .. });
    if has_password && overlay::unverified(server).is_some() {
        let hosts = server.hosts.iter();
        return hosts
            .map(|text| bound(name, text, (resource, lease), ground))
            .collect();
    }
    let site = site(&ground.session);
    let visits = server.hosts.iter().flat_map(|text| {
        let (host, port) = place(text);
        let place = Place { name, host, port };
        let credential = (&lease.credential, &lease.key);
        let visited = block_on(postgres::visit(place, server, credential, &site));
        match visited.and_then(|visited| visited) {
            Ok(visit) => {
                let here = (ground.session.clock)();
                let role = &lease.grant.entitlement.role;
                let says = format!("{text} knows {role} as {}", visit.user);
                vec![
                    Finding::good(name, says),
                    clock::compare(name, here, visit.at),
                ]
            }
            Err(failure) => vec![Finding::failed(name, &failure)],
        }
    });
    visits.collect()
}

/// Logs in to a server that nothing verifies by psql, which proves the password and does not tell it.
fn bound(
    name: &ResourceName,
    text: &str,
    (resource, lease): (&Resource, &Lease),
    ground: &Ground,
) -> Finding {
    let (host, port) = place(text);
    let port = port.to_string();
    let sql = "select current_user";
    let words = ["psql", "-XAtw", "-h", host, "-p", &port, "-c", sql];
    let command: Vec<OsString> = words.map(OsString::from).to_vec();
    let role = &lease.grant.entitlement.role;
    let task = Task {
        command: &command,
        on: Some(name),
        role: Some(role),
        catalogue: &ground.catalogue,
        environment: &ground.session.environment,
    };
    let heard = tools::launch(&Injection {
        task,
        resource,
        lease,
        via: &[],
        is_hooked: false,
        logins: &[],
        is_mixed: false,
        also: &[],
        places: &ground.session.places,
        now: (ground.session.clock)(),
    })
    .and_then(|launch| launch.attempt(PATIENCE));
    let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match heard {
        Ok(heard) if heard.succeeded => {
            let user = text_of(&heard.stdout);
            Finding::good(name, format!("{text} knows {role} as {user}"))
        }
        Ok(heard) => Finding::bad(name, text_of(&heard.stderr))
            .hint(format!("see what the server needs: jit trust {name}")),
        Err(failure) => Finding::failed(name, &failure),
    }
}

/// That STS gave a session.
pub(super) fn aws(name: &ResourceName, account: &AwsResource, lease: &Lease) -> Finding {
    let role = &lease.grant.entitlement.role;
    let arn = account.roles.get(role).map_or("", |role| &role.arn);
    Finding::good(name, format!("{role} is {arn}, and lets this authority in"))
}

fn foreign(lease: &Lease) -> Failure {
    let entitlement = &lease.grant.entitlement;
    Failure::failed(format!("the lease for {entitlement} is of another kind"))
        .hint(format!("drop it: jit forget {entitlement}"))
}
