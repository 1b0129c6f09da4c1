//! The answer to an AWS SDK that asks for a credential (`credential_process`, version 1).

use secrecy::ExposeSecret as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::domain::{
    credential::Secret,
    entitlement::Entitlement,
    failure::{Failure, Result},
    lease::Lease,
};

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    /// RFC 3339; the SDKs ask again some minutes before.
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// A lease's credential as the SDKs read it, JSON on one line.
///
/// # Errors
/// The lease is for another kind.
pub fn process_credentials(lease: &Lease) -> Result<Zeroizing<String>> {
    let Secret::AwsSession {
        access_key_id,
        secret_access_key,
        session_token,
        account,
    } = &lease.credential.secret
    else {
        return Err(not_an_account(&lease.grant.entitlement));
    };
    let answer = Answer {
        version: 1,
        access_key_id,
        secret_access_key: secret_access_key.expose_secret(),
        session_token: session_token.expose_secret(),
        expiration: lease.credential.expires_at.to_rfc3339_seconds(),
        account_id: account.as_deref(),
    };
    serde_json::to_string(&answer)
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed("the credential cannot be written").because(&error))
}

/// What is said of an entitlement of another kind, best before it is asked for.
pub fn not_an_account(entitlement: &Entitlement) -> Failure {
    Failure::usage(format!("{entitlement} is not an account's role"))
        .hint("an AWS profile calls it as: jit credential-process aws/NAME:ROLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_of_a_version_that_kept_no_account_is_read() {
        let kept =
            r#"{"aws_session":{"access_key_id":"a","secret_access_key":"b","session_token":"c"}}"#;
        let secret: Secret = serde_json::from_str(kept).unwrap();
        assert!(matches!(secret, Secret::AwsSession { account: None, .. }));
    }
}
