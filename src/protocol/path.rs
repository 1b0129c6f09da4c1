//! The paths of the API, as the client calls them and the server routes them.

/// Ask for an elevation (`POST`), list one's own (`GET`).
pub const ELEVATIONS: &str = "/v1/elevations";
/// One elevation; with `?wait=SECONDS` the answer comes when its state changes.
pub const ELEVATION: &str = "/v1/elevations/{id}";
/// The next credential under a live grant, or the first one after an approval.
pub const CREDENTIAL: &str = "/v1/elevations/{id}/credential";
/// End a grant early, or give up a pending elevation.
pub const REVOCATION: &str = "/v1/elevations/{id}/revocation";
/// Give a further reason for a grant or a pending elevation.
pub const JUSTIFICATION: &str = "/v1/elevations/{id}/justification";
/// What waits for the caller's approval.
pub const APPROVALS: &str = "/v1/approvals";
/// Say yes or no to a pending elevation of somebody else.
pub const APPROVAL: &str = "/v1/elevations/{id}/approval";
/// The ledger, by cursor.
pub const EVENTS: &str = "/v1/events";
/// Whether the ledger's chain is whole.
pub const VERIFICATION: &str = "/v1/events/verification";
/// Signed heads of the ledger.
pub const CHECKPOINTS: &str = "/v1/checkpoints";
/// The part of the catalogue that the caller may see.
pub const RESOURCES: &str = "/v1/resources";
/// What the caller could have, and what each entitlement takes.
pub const ENTITLEMENTS: &str = "/v1/entitlements";
/// What a target's administrator must apply.
pub const TRUST: &str = "/v1/resources/{kind}/{name}/trust";
/// Exchange what one has for a session (RFC 8693).
pub const TOKEN: &str = "/v1/token";
/// Where the OpenID provider says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0).
pub const BACKCHANNEL_LOGOUT: &str = "/v1/backchannel-logout";
/// The caller's session: read it (`GET`), end it (`DELETE`).
pub const SESSION: &str = "/v1/session";
/// Hand a narrower session to an agent.
pub const DELEGATIONS: &str = "/v1/delegations";
/// Everybody who was ever let in.
pub const PRINCIPALS: &str = "/v1/principals";
/// One of them: `PATCH` to disable or enable.
pub const PRINCIPAL: &str = "/v1/principals/{class}/{name}";
/// Hosts and bots with a key of their own: make a join code (`POST`).
pub const ENROLMENTS: &str = "/v1/enrolments";
/// One of them: `DELETE`.
pub const ENROLMENT: &str = "/v1/enrolments/{name}";
/// One of them by its class too, as the first administrator's key is a person's: `DELETE`.
pub const ENROLMENT_OF: &str = "/v1/enrolments/{class}/{name}";
/// How one signs in here; asked by a client that knows nothing yet.
pub const SIGN_IN: &str = "/v1/sign-in";
/// The OpenID provider's metadata (OpenID Connect Discovery 1.0).
pub const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The public keys of the issuer (RFC 7517).
pub const JWKS: &str = "/jwks";
/// Whether the process is there.
pub const HEALTHZ: &str = "/healthz";
/// Whether it can do its work.
pub const READYZ: &str = "/readyz";
/// What is counted, as OpenMetrics.
pub const METRICS: &str = "/metrics";
/// The description of all of these.
pub const OPENAPI: &str = "/openapi.json";

/// A path with its `{…}` filled in, in their order.
pub fn of(path: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let filled = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            parts.next().copied().unwrap_or_default()
        } else {
            segment
        }
    });
    filled.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_filled_in_order() {
        assert_eq!(
            of(PRINCIPAL, &["human", "alice"]),
            "/v1/principals/human/alice"
        );
        assert_eq!(of(ELEVATIONS, &[]), ELEVATIONS);
    }
}
