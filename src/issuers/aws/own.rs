//! The credentials that this machine itself has at AWS, for showing who it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use aws_credential_types::{Credentials, provider::ProvideCredentials as _};

use super::base::{self, Base};
use crate::{
    domain::{
        catalogue::{AwsIssuer, AwsResource},
        environment::Environment,
        failure::{Failure, Result},
        time::Timestamp,
    },
    issuers::order::Site,
};

/// Found as the AWS tools find theirs, and the region that they are for.
///
/// # Errors
/// There are none, or they do not come in time.
pub async fn own_credentials(environment: &Environment) -> Result<(Credentials, String)> {
    // No account is reached, so that nothing of a resource is needed but its form.
    let resource = AwsResource {
        account: String::new(),
        profiles: BTreeSet::new(),
        region: None,
        issuer: AwsIssuer::AssumeRole,
        base_profile: None,
        endpoint: None,
        labels: BTreeSet::new(),
        roles: BTreeMap::new(),
    };
    let site = Site {
        authority: None,
        also: &[],
        issuer: None,
        directory: Path::new(""),
        environment,
        now: Timestamp::from_secs(0),
    };
    let none = |failure: Failure| {
        Failure {
        code: failure.code,
        nature: failure.nature,
        cause: failure.cause,
        ..Failure::failed("this machine has no AWS credentials that could show who it is").hint(
            "give it a role (instance profile, container or pod identity), or choose another identity \
             with --as",
        )
    }
    };
    let name = "aws/identity".parse()?;
    let base = Box::pin(Base::load(&name, &resource, &site));
    let base = base.await.map_err(none)?;
    let provider = base.config.credentials_provider();
    let provider = provider.ok_or_else(|| none(Failure::failed("")))?;
    let credentials = provider.provide_credentials().await;
    let credentials = credentials.map_err(|error| none(Failure::failed("").because(&error)))?;
    Ok((credentials, base::region(&resource, environment)))
}
