//! A session, whichever way it is asked for: its name, its tags, its length, and what comes back.

use aws_sdk_sts::{
    error::{ProvideErrorMetadata, SdkError},
    types,
};

use super::names;
use crate::{
    domain::{
        catalogue::AwsResource,
        credential::{Credential, Secret},
        principal::Principal,
        time::Timestamp,
    },
    issuers::order::Order,
};

/// What STS allows (`DurationSeconds`), in seconds.
const SHORTEST: u64 = 900;
const LONGEST: u64 = 43_200;

/// `RoleSessionName`: the grant.
pub(super) fn name(order: &Order<'_>) -> String {
    format!("jit-{}", order.grant.id)
}

/// `SourceIdentity`: the principal.
pub(super) fn source_identity(order: &Order<'_>) -> String {
    names::source_identity(&order.grant.principal)
}

/// `DurationSeconds`: what policy gives a credential, and no less than STS makes.
fn seconds(order: &Order<'_>) -> i32 {
    let seconds = order.expires_at().left(order.now).as_secs();
    i32::try_from(seconds.clamp(SHORTEST, LONGEST)).unwrap_or(900)
}

/// What every role allows, and a role that was itself assumed at most (role chaining).
const COMMON: i32 = 3_600;

/// What is asked for in turn where a role allows no session as long as wanted: nobody tells how long its
/// longest is (`MaxSessionDuration`, from one hour to twelve).
const SHORTER: [i32; 4] = [28_800, 14_400, 7_200, COMMON];

/// Asks by `send` for a session of as many seconds as the order wants, and for shorter ones where the role allows
/// none of that length.
pub(super) async fn longest<T, E, F>(
    order: &Order<'_>,
    send: impl Fn(i32) -> F,
) -> Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E>>>,
{
    let mut seconds = seconds(order);
    loop {
        let answer = send(seconds).await;
        let refused = answer.as_ref().err();
        match refused.and_then(|error| shorter(error, seconds)) {
            Some(shorter) => seconds = shorter,
            None => return answer,
        }
    }
}

/// How long a session to ask for next, where STS refuses one of `seconds` only because of its length.
fn shorter<E: ProvideErrorMetadata>(error: &SdkError<E>, seconds: i32) -> Option<i32> {
    let said = error.message().unwrap_or_default();
    let is_too_long =
        error.code() == Some("ValidationError") && said.contains("DurationSeconds exceeds");
    if !is_too_long {
        return None;
    }
    // A role that was itself assumed never gets more.
    let least = if said.contains("role chaining") {
        seconds.min(COMMON + 1)
    } else {
        seconds
    };
    SHORTER.into_iter().find(|shorter| *shorter < least)
}

/// The session's tags, all of them transitive.
pub(super) fn tags(order: &Order<'_>) -> Vec<(&'static str, String)> {
    let grant = order.grant;
    let mut tags = vec![
        ("jit:grant", grant.id.to_string()),
        ("jit:principal", grant.principal.written()),
        ("jit:resource", grant.entitlement.resource.to_string()),
        ("jit:role", grant.entitlement.role.to_string()),
    ];
    if !grant.chain.is_empty() {
        let chain: Vec<String> = grant.chain.iter().map(Principal::written).collect();
        tags.push(("jit:chain", names::tag_value(&chain.join(" "))));
    }
    tags
}

/// The credential; nothing where STS answered something else.
pub(super) fn credential(
    answer: Option<types::Credentials>,
    resource: &AwsResource,
    order: &Order<'_>,
) -> Option<Credential> {
    let types::Credentials {
        access_key_id,
        secret_access_key,
        session_token,
        expiration,
        ..
    } = answer?;
    let whole = [&access_key_id, &secret_access_key, &session_token]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic()));
    whole.then(|| Credential {
        serial: access_key_id.clone(),
        expires_at: Timestamp::from_secs(expiration.secs()).min(order.grant.expires_at),
        secret: Secret::AwsSession {
            access_key_id,
            secret_access_key: secret_access_key.into(),
            session_token: session_token.into(),
            account: Some(resource.account.clone()),
        },
    })
}
