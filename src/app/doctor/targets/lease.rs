//! The lease that a target is tried with: one that is held already, or one that policy gives at once
//! and that is given back.

use crate::{
    app::{
        acquire,
        doctor::{finding::Finding, ground::Ground},
        embedded::block_on,
        engine::Engine,
    },
    cache,
    config::{account, binding},
    domain::{
        catalogue::Resource,
        decision::{Decision, Verdict},
        entitlement::{Entitlement, ResourceName, RoleName, Tier},
        failure::{Code, Result},
        id::GrantId,
        lease::{Freshness, Lease},
        principal::Caller,
    },
    policy::{
        question::{Circumstances, Question},
        set::Policies,
    },
    tools::{coverage::Coverage, task::Recognised},
};

/// As what it is recorded who asks.
const TOOL: &str = "doctor";

/// A lease to try a target with.
pub(super) struct Held {
    /// The lease.
    pub(super) lease: Lease,
    /// Whether it was asked for to this end, and ends with it.
    is_borrowed: bool,
}

/// A lease of the smallest role that is held, or that policy gives without a word. What policy would
/// not give is not asked for, so that no denial is recorded.
pub(super) fn take(
    name: &ResourceName,
    resource: &Resource,
    ground: &Ground,
) -> Result<Held, Finding> {
    let failed = |failure| Finding::failed(name, &failure);
    let roles = smallest_first(resource);
    let entitlements = || {
        roles.iter().map(|(role, tier)| {
            let (resource, role) = (name.clone(), (*role).clone());
            (Entitlement { resource, role }, *tier)
        })
    };
    for (entitlement, _) in entitlements() {
        if let Some(lease) = held(&entitlement, ground) {
            return Ok(Held {
                lease,
                is_borrowed: false,
            });
        }
    }
    if ground.server.is_some() {
        let routine = entitlements().find(|(_, tier)| *tier == Tier::Routine);
        return match routine {
            Some((entitlement, _)) => ask(name, entitlement, ground),
            None => Err(untried(name, "none of its roles is routine")),
        };
    }
    let Some(policies) = &ground.policies else {
        return Err(untried(name, "the policies cannot be read"));
    };
    let caller = account::caller(&ground.catalogue).map_err(failed)?;
    let mut refused = None;
    for (entitlement, tier) in entitlements() {
        let decision = decide(policies, &caller, (&entitlement, tier), resource, ground);
        if decision.verdict == Verdict::Allow && !decision.obligations.record_session {
            return borrow(entitlement, ground).map_err(failed);
        }
        refused.get_or_insert_with(|| refusal(&entitlement, &decision));
    }
    Err(untried(
        name,
        refused.as_deref().unwrap_or("it has no role"),
    ))
}

/// Asks a server, whose policies nobody knows here: what it would not give at once is no fault.
fn ask(name: &ResourceName, entitlement: Entitlement, ground: &Ground) -> Result<Held, Finding> {
    borrow(entitlement, ground).map_err(|failure| match failure.code {
        Code::Denied | Code::Pending => untried(name, &failure.message),
        Code::Usage
        | Code::SignIn
        | Code::TimedOut
        | Code::Failed
        | Code::CannotRun
        | Code::NotFound => Finding::failed(name, &failure),
    })
}

fn untried(name: &ResourceName, why: &str) -> Finding {
    Finding::note(name, format!("not tried: {why}"))
}

/// The roles, the least sensitive first, of these the one that does least.
fn smallest_first(resource: &Resource) -> Vec<(&RoleName, Tier)> {
    let mut roles: Vec<(&RoleName, Tier)> = resource.roles().collect();
    roles.sort_by_key(|(role, tier)| {
        let coverage = Coverage::of_name(role.as_str()).unwrap_or(Coverage::Writes);
        (*tier, coverage, *role)
    });
    roles
}

/// The lease that rests in the cache, if one does and is fresh; nothing is made or dropped to look.
fn held(entitlement: &Entitlement, ground: &Ground) -> Option<Lease> {
    let session = &ground.session;
    let now = (session.clock)();
    let binding = binding::of(&ground.catalogue, entitlement, &session.places).ok()?;
    let mut leases = cache::glance(&session.places).into_iter();
    leases.find(|lease| {
        let is_for = lease.grant.entitlement == *entitlement && lease.binding == binding;
        is_for && lease.freshness(now) == Freshness::Fresh
    })
}

fn decide(
    policies: &Policies,
    caller: &Caller,
    (entitlement, tier): (&Entitlement, Tier),
    resource: &Resource,
    ground: &Ground,
) -> Decision {
    policies.decide(&Question {
        caller,
        entitlement,
        tier,
        labels: resource.labels(),
        justification: None,
        ttl: None,
        break_glass: false,
        verb: None,
        circumstances: Circumstances::default(),
        now: (ground.session.clock)(),
    })
}

fn refusal(entitlement: &Entitlement, decision: &Decision) -> String {
    if decision.verdict == Verdict::RequireApproval {
        return format!("{entitlement} needs somebody's approval");
    }
    if decision.obligations.record_session {
        return format!("sessions of {entitlement} must be recorded");
    }
    if decision.obligations.justification {
        return format!("{entitlement} needs a reason");
    }
    format!("no policy lets you have {entitlement}; \"jit policy explain {entitlement}\" shows why")
}

/// Asks for a lease as any command does, except that it is not kept.
pub(super) fn borrow(entitlement: Entitlement, ground: &Ground) -> Result<Held> {
    let wanted = Recognised::new(entitlement, "jit doctor tries it");
    let lease = acquire::passing(&ground.session, &ground.catalogue, &wanted, TOOL)?;
    Ok(Held {
        lease,
        is_borrowed: true,
    })
}

/// The leases of what a login passes through: those that are held, and others to be given back.
pub(super) fn through(via: &[Entitlement], ground: &Ground) -> Result<Vec<Held>> {
    let mut passed = Vec::new();
    for entitlement in via {
        let next = match held(entitlement, ground) {
            Some(lease) => Ok(Held {
                lease,
                is_borrowed: false,
            }),
            None => borrow(entitlement.clone(), ground),
        };
        match next {
            Ok(next) => passed.push(next),
            Err(failure) => {
                for held in &passed {
                    drop(give_back(held, ground));
                }
                return Err(failure);
            }
        }
    }
    Ok(passed)
}

/// Ends the grant of a borrowed lease; what is to be said where that does not succeed.
pub(super) fn give_back(held: &Held, ground: &Ground) -> Option<Finding> {
    if !held.is_borrowed {
        return None;
    }
    let grant = &held.lease.grant;
    let ended = block_on(end(&grant.id, ground)).and_then(|ended| ended);
    let failure = ended.err()?;
    Some(
        Finding::warning(
            &grant.entitlement.resource,
            format!("what this check was given could not be given back: {failure}"),
        )
        .hint(failure.hint),
    )
}

async fn end(id: &GrantId, ground: &Ground) -> Result<()> {
    let session = &ground.session;
    let engine = Engine::without_policies(session).await?;
    engine.revoke(session, id, Some(TOOL)).await.map(drop)
}
