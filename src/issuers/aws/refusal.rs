//! Why STS gave no session, and what to do about it.

use std::error::Error;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use crate::{
    domain::{entitlement::ResourceName, failure::Failure},
    issuers::target,
};

/// What a target should be, in messages.
pub(super) const TARGET_KIND: &str = "AWS STS";

/// What is wrong, as it follows the target's name in a message, and what to do about it.
pub(super) type Explained = (&'static str, String);

/// The failure behind an SDK's error. `explain` knows what a code of STS means for the call.
pub(super) fn failure<E: ProvideErrorMetadata>(
    target: &str,
    error: &SdkError<E>,
    explain: impl FnOnce(&str) -> Explained,
) -> Failure {
    if let SdkError::ServiceError(answer) = error {
        let body = String::from_utf8_lossy(answer.raw().body().bytes().unwrap_or_default());
        let (code, words) = (answer.err().code(), answer.err().message());
        if let Some(code) = code.or_else(|| element(&body, "Code")) {
            let words = words.or_else(|| element(&body, "Message")).unwrap_or(code);
            let (what, hint) = explain(code);
            return Failure {
                cause: Some(words.to_owned()),
                ..Failure::failed(format!("{target} {what}")).hint(hint)
            };
        }
    }
    if let SdkError::DispatchFailure(failure) = error
        && !failure.is_timeout()
        && let Some(cause) = failure.as_connector_error()
    {
        return unsent(target, cause);
    }
    if matches!(
        error,
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)
    ) {
        return target::timed_out(target);
    }
    target::foreign(target, TARGET_KIND)
}

/// The text of an XML element. Endpoints other than AWS's own wrap their errors once more, where the
/// SDK does not look.
pub(super) fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

fn unsent(target: &str, error: &(dyn Error + 'static)) -> Failure {
    match target::tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => target::untrusted(target, error),
        Some(_) => target::foreign(target, TARGET_KIND),
        None if target::io_kind(error).is_some() => target::unreachable(target, error),
        None => target::foreign(target, TARGET_KIND).because(error),
    }
}

/// A code that STS answers to `AssumeRole` (API reference, common errors and that call's own).
pub(super) fn of_assume_role(name: &ResourceName, code: &str) -> Explained {
    match code {
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
        _ => of_any(name, code),
    }
}

/// A code that STS answers to `AssumeRoleWithWebIdentity` (API reference).
pub(super) fn of_web_identity(name: &ResourceName, code: &str) -> Explained {
    match code {
        "AccessDenied" | "AccessDeniedException" => (
            "does not let this authority's tokens assume the role",
            format!("apply the role's trust policy that \"jit trust {name}\" prints"),
        ),
        "InvalidIdentityToken" | "IDPRejectedClaim" => (
            "does not accept this authority's tokens",
            format!(
                "make the OIDC provider that \"jit trust {name}\" prints; STS must reach its URL"
            ),
        ),
        "IDPCommunicationError" => (
            "cannot reach this authority to fetch its keys",
            "the public URL of the server must be reachable from the Internet".to_owned(),
        ),
        "ExpiredToken" | "ExpiredTokenException" => (
            "says that this authority's token has ended",
            "set the clock of the machine that the authority runs on".to_owned(),
        ),
        _ => of_any(name, code),
    }
}

fn of_any(name: &ResourceName, code: &str) -> Explained {
    match code {
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
    }
}
