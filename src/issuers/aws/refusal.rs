//! Why STS gave no session, and what to do about it.

use std::{error::Error, fmt::Debug};

use aws_sdk_sts::{
    error::{ProvideErrorMetadata as _, SdkError},
    operation::assume_role::AssumeRoleError,
};

use crate::{
    domain::{entitlement::ResourceName, failure::Failure},
    issuers::target,
};

/// What a target should be, in messages.
pub(super) const TARGET_KIND: &str = "AWS STS";

/// The failure behind an SDK's error.
pub(super) fn failure<R: Debug + 'static>(
    name: &ResourceName,
    target: &str,
    error: &SdkError<AssumeRoleError, R>,
) -> Failure {
    match error {
        SdkError::ServiceError(answer) => match answer.err().code() {
            Some(code) => explained(name, target, code, answer.err()),
            None => target::foreign(target, TARGET_KIND),
        },
        SdkError::TimeoutError(_) => target::timed_out(target),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => target::timed_out(target),
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error();
            cause.map_or_else(
                || target::foreign(target, TARGET_KIND),
                |cause| unsent(target, cause),
            )
        }
        _ => target::foreign(target, TARGET_KIND),
    }
}

fn unsent(target: &str, error: &(dyn Error + 'static)) -> Failure {
    match target::tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => target::untrusted(target, error),
        Some(_) => target::foreign(target, TARGET_KIND),
        None => target::unreachable(target, error),
    }
}

/// A refusal that STS explains by one of its codes (API reference, common errors and `AssumeRole`).
fn explained(name: &ResourceName, target: &str, code: &str, error: &AssumeRoleError) -> Failure {
    let (what, hint) = match code {
        "AccessDenied" | "AccessDeniedException" => (
            "does not let the base credentials assume the role",
            format!("apply what \"jit trust {name}\" prints, or name another base_profile"),
        ),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch" => (
            "does not accept the base credentials",
            "sign in again (\"aws sso login\", \"aws configure\"), or name another base_profile \
             in authority.toml"
                .to_owned(),
        ),
        "RegionDisabledException" => (
            "is not enabled for this account",
            format!("name another region for {name} in authority.toml"),
        ),
        "MalformedPolicyDocument" | "PackedPolicyTooLarge" => (
            "does not take the session policy",
            "correct or shorten session_policy in authority.toml".to_owned(),
        ),
        _ => (
            "refuses",
            format!("compare authority.toml with what \"jit trust {name}\" prints"),
        ),
    };
    let words = error.message().unwrap_or(code);
    Failure {
        cause: Some(words.to_owned()),
        ..Failure::failed(format!("{target} {what}")).hint(hint)
    }
}
