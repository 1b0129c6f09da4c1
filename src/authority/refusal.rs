//! What whoever asked reads where the answer is not yes.

use crate::domain::{
    decision::{Decision, SignInNeeded, Verdict},
    elevation::{Elevation, Request},
    entitlement::Entitlement,
    failure::{Code, Failure, Nature},
    id::GrantId,
};

/// What whoever asked reads while people think.
pub fn pending(id: &GrantId, entitlement: &Entitlement) -> Failure {
    Failure::new(
        Code::Pending,
        format!("{entitlement} waits for somebody's approval"),
    )
    .hint(format!(
        "somebody who may approve it runs: jit approve {id}; then run the command again"
    ))
}

/// A refusal, as the one who asked reads it.
pub(super) fn refusal(elevation: &Elevation, decision: &Decision) -> Failure {
    let Request {
        principal,
        entitlement,
        ..
    } = &elevation.request;
    if decision.verdict == Verdict::RequireApproval {
        return Failure::denied(format!(
            "{entitlement} needs somebody else's approval, and here is nobody else"
        ))
        .hint(format!(
            "with `server` in config.toml a colleague could approve it; in an emergency, if you are \
             on call, run: jit request {entitlement} --break-glass -j WHY; \"jit policy explain {entitlement}\" shows the rules"
        ));
    }
    if let (Some(needed), Some(_)) = (&decision.sign_in, &elevation.request.session) {
        return sign_in_needed(entitlement, needed);
    }
    // Behind a server the policies are where it runs.
    let explain = match &elevation.request.session {
        None => format!("\"jit policy explain {entitlement}\" shows what would allow it"),
        Some(_) => "\"jit list\" shows what you may have, and what it takes; whoever runs the server can ask its policies".to_owned(),
    };
    if lacks_reason(elevation, decision) {
        let glass = if elevation.request.break_glass {
            " --break-glass"
        } else {
            ""
        };
        return Failure::denied(format!("{entitlement} needs a justification"))
            .hint(format!(
                "say why with -j WHY; where a tool called jit, first run: jit request {entitlement}{glass} -j WHY"
            ))
            .of_nature(Nature::Unexplained);
    }
    let message = match &decision.reason {
        Some(reason) => format!("{principal} may not have {entitlement}: {reason}"),
        None => format!("no policy lets {principal} have {entitlement}"),
    };
    Failure::denied(message).hint(explain)
}

/// What the caller reads whose sign-in is too old, or not strong enough.
fn sign_in_needed(entitlement: &Entitlement, needed: &SignInNeeded) -> Failure {
    let seconds = u32::try_from(needed.within.as_secs()).unwrap_or(u32::MAX);
    Failure::new(
        Code::SignIn,
        format!("{entitlement} needs {}", needed.words),
    )
    .hint(needed.hint)
    .of_nature(Nature::Stale(seconds))
}

/// Whether policy would say yes to somebody who says why.
pub(super) fn lacks_reason(elevation: &Elevation, decision: &Decision) -> bool {
    decision.verdict == Verdict::Deny
        && decision.obligations.justification
        && elevation.request.justification.is_none()
}
