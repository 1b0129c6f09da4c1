//! Base credentials: what the authority itself assumes roles with.

#[expect(
    deprecated,
    reason = "the name that it moved to is in a crate that nothing else here needs"
)]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider, error::CredentialsError},
};

use crate::{
    domain::{
        catalogue::AwsResource,
        entitlement::ResourceName,
        environment::Environment,
        failure::{Code, Failure, Result},
    },
    issuers::{
        order::{PATIENCE, Site},
        target::{self, in_time},
    },
    platform::profiles::Profiles,
};

/// Where STS is asked when nobody names a region: it answers for all of a partition.
const ANYWHERE: &str = "us-east-1";

/// The SDK's configuration, with base credentials that are loaded.
pub(super) struct Base {
    /// For the client.
    pub(super) config: SdkConfig,
    /// The resource and the address of its STS, for messages.
    pub(super) target: String,
}

impl Base {
    /// Finds the base credentials as the AWS tools do: in the environment, in the profile, from a
    /// web identity, a container, an instance. With `base_profile` in that profile only.
    pub(super) async fn load(
        name: &ResourceName,
        resource: &AwsResource,
        site: &Site<'_>,
    ) -> Result<Self> {
        let region = region(resource, site.environment);
        let target = target(name, resource, &region);
        let mut plan = loader(&region);
        if let Some(endpoint) = &resource.endpoint {
            target::address(endpoint)?;
            plan = plan.endpoint_url(endpoint);
        }
        let found = Box::pin(async {
            let plan = source(name, resource, site.environment, plan)?;
            let config = plan.load().await;
            let found = credentials(name, &config).await?;
            Ok(config
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(found))
                .build())
        });
        let config = in_time(&target, found).await.map_err(|failure| {
            let failure = if failure.code == Code::TimedOut {
                slow(name)
            } else {
                failure
            };
            match passed_over(resource, site.environment) {
                Some(profile) => failure.hint(format!(
                    "profile {profile} gets its own from jit, so it was not asked: name base_profile \
                     in authority.toml, a profile with credentials of its own"
                )),
                None => failure,
            }
        })?;
        Ok(Self { config, target })
    }
}

/// A resource and the address of its STS, as messages name them.
pub(super) fn target(name: &ResourceName, resource: &AwsResource, region: &str) -> String {
    resource.endpoint.as_ref().map_or_else(
        || format!("{name} at STS in {region}"),
        |endpoint| format!("{name} at {endpoint}"),
    )
}

fn loader(region: &str) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(PATIENCE)
        .connect_timeout(PATIENCE / 3)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .timeout_config(timeouts)
}

/// Never asked of the instance's metadata service: that takes seconds where there is none.
pub(super) fn region(resource: &AwsResource, environment: &Environment) -> String {
    let chosen = resource.region.as_deref();
    chosen
        .or_else(|| environment.text("AWS_REGION"))
        .or_else(|| environment.text("AWS_DEFAULT_REGION"))
        .unwrap_or(ANYWHERE)
        .to_owned()
}

fn source(
    name: &ResourceName,
    resource: &AwsResource,
    environment: &Environment,
    loader: ConfigLoader,
) -> Result<ConfigLoader> {
    let profiles = Profiles::read(environment)?;
    if let Some(profile) = &resource.base_profile {
        if let Some(asking) = profiles.asking_jit(profile) {
            return Err(from_jit(name, &asking));
        }
        let region = region(resource, environment);
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&ProviderConfig::without_region().with_region(Some(Region::new(region))))
            .profile_name(profile)
            .profile_files(for_sdk(&profiles))
            .build();
        return Ok(loader
            .profile_files(for_sdk(&profiles))
            .profile_name(profile)
            .credentials_provider(provider));
    }
    if let Some(keys) = keys(environment) {
        return Ok(loader
            .profile_files(for_sdk(&profiles))
            .credentials_provider(keys));
    }
    // A profile that asks jit says what a tool wants to be, not what jit is: asking jit would wait
    // for itself.
    let named = environment.text("AWS_PROFILE");
    let mut candidates = named.into_iter().chain(["default"]);
    let own = candidates.find(|profile| profiles.asking_jit(profile).is_none());
    Ok(match own {
        Some(profile) => loader
            .profile_files(for_sdk(&profiles))
            .profile_name(profile),
        None => loader.profile_files(no_files()),
    })
}

/// The profile that the SDK would have asked, had it not led to jit.
fn passed_over(resource: &AwsResource, environment: &Environment) -> Option<String> {
    if resource.base_profile.is_some() || keys(environment).is_some() {
        return None;
    }
    let profile = environment.text("AWS_PROFILE").unwrap_or("default");
    Profiles::read(environment).ok()?.asking_jit(profile)
}

fn from_jit(name: &ResourceName, profile: &str) -> Failure {
    Failure::failed(format!(
        "profile {profile} gets its credentials from jit, so {name} cannot be reached with it"
    ))
    .hint("name another base_profile in authority.toml, one with credentials of its own")
}

/// The access key in the environment.
fn keys(environment: &Environment) -> Option<Credentials> {
    let id = environment.text("AWS_ACCESS_KEY_ID")?;
    let secret = environment.text("AWS_SECRET_ACCESS_KEY")?;
    let token = environment.text("AWS_SESSION_TOKEN").map(str::to_owned);
    Some(Credentials::new(id, secret, token, None, "environment"))
}

async fn credentials(name: &ResourceName, config: &SdkConfig) -> Result<Credentials> {
    let none = || {
        Failure::failed(format!("no base credentials were found for {name}")).hint(
            "sign in (\"aws sso login\", \"aws configure\"), or name base_profile in authority.toml",
        )
    };
    let provider = config.credentials_provider().ok_or_else(none)?;
    provider.provide_credentials().await.map_err(|error| {
        if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
            return none().because(&error);
        }
        if matches!(error, CredentialsError::ProviderTimedOut(_)) {
            return slow(name);
        }
        Failure::failed(format!("the base credentials of {name} cannot be loaded"))
            .because(&error)
            .hint("sign in again (\"aws sso login\"), or correct base_profile in authority.toml")
    })
}

fn slow(name: &ResourceName) -> Failure {
    let message = format!("the base credentials of {name} did not come in time");
    Failure::new(Code::TimedOut, message)
        .hint("name base_profile in authority.toml, a profile of ~/.aws/config that has them")
}

#[expect(deprecated, reason = "see above")]
fn for_sdk(profiles: &Profiles) -> ProfileFiles {
    ProfileFiles::builder()
        .with_contents(ProfileFileKind::Config, &profiles.config.text)
        .with_contents(ProfileFileKind::Credentials, &profiles.credentials.text)
        .build()
}

#[expect(deprecated, reason = "see above")]
fn no_files() -> ProfileFiles {
    ProfileFiles::builder()
        .with_contents(ProfileFileKind::Config, "")
        .build()
}
