//! An AWS identity: a request that is signed here, with credentials that never leave.

use secrecy::SecretString;

use crate::{
    domain::{environment::Environment, failure::Result, time::Timestamp},
    issuers::aws::{self, Binding, Place},
    platform::assertion::Bound,
};

/// A `GetCallerIdentity`, signed for one server and one session's key.
///
/// # Errors
/// There are no credentials, or they do not come.
pub async fn signed(
    environment: &Environment,
    bound: &Bound<'_>,
    now: Timestamp,
) -> Result<SecretString> {
    let (credentials, region) = aws::own_credentials(environment).await?;
    let endpoint = environment.text("AWS_ENDPOINT_URL_STS");
    let place = Place {
        region: &region,
        endpoint: endpoint.or_else(|| environment.text("AWS_ENDPOINT_URL")),
    };
    let binding = Binding {
        server: bound.server,
        key: bound.key,
    };
    aws::sign(&credentials, &place, &binding, now)
}
