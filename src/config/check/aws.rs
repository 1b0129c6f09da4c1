//! `aws/NAME`: an account, its profiles, roles of that account.

use super::fault::{Checked, Claims, Fault};
use crate::{
    config::names,
    domain::{
        catalogue::{AwsIssuer, AwsResource, AwsRole},
        entitlement::{ResourceName, RoleName},
    },
};

pub(super) fn check<'a>(
    name: &'a ResourceName,
    resource: &AwsResource,
    claims: &mut Claims<'a>,
) -> Checked {
    let AwsResource {
        account,
        region,
        endpoint,
        base_profile,
        profiles,
        issuer,
        ..
    } = resource;
    if *issuer == AwsIssuer::WebIdentity && base_profile.is_some() {
        return Err(Fault::new(
            ["base_profile"],
            "the issuer web-identity needs no base_profile",
            "remove it, or choose issuer = \"assume-role\"",
        ));
    }
    if !names::is_account(account) {
        let hint = "write the 12 digits: aws sts get-caller-identity --query Account";
        return Err(Fault::not(&["account"], account, "an account", hint));
    }
    if let Some(region) = region.as_ref().filter(|region| !names::is_region(region)) {
        return Err(Fault::not(
            &["region"],
            region,
            "a region",
            "write it as eu-west-1",
        ));
    }
    if let Some(url) = endpoint.as_ref().filter(|url| !names::is_server(url)) {
        let hint = "write it as https://HOST:PORT; http only for this machine itself";
        return Err(Fault::not(&["endpoint"], url, "an endpoint", hint));
    }
    let base = base_profile.iter().map(|profile| ("base_profile", profile));
    let all = profiles
        .iter()
        .map(|profile| ("profiles", profile))
        .chain(base);
    for (key, profile) in all {
        if !names::is_line(profile) {
            let hint = "write it as in ~/.aws/config";
            return Err(Fault::not(&[key], profile, "a profile", hint));
        }
        if key == "profiles" {
            claims.claim(key, profile, name)?;
        }
    }
    let mut roles = resource.roles.iter();
    roles.try_for_each(|(role, written)| is_of(account, role, written))
}

fn is_of(account: &str, role: &RoleName, written: &AwsRole) -> Checked {
    let path = ["roles", role.as_str(), "arn"];
    let arn = &written.arn;
    match names::account_of_role(arn) {
        Some(other) if other == account => session_policy(role, written.session_policy.as_deref()),
        Some(other) => Err(Fault::new(
            path,
            format!("the role {arn:?} belongs to account {other}"),
            format!("this resource is account {account}; give the other its own"),
        )),
        None => {
            let hint = "write it as arn:aws:iam::123456789012:role/NAME";
            Err(Fault::not(&path, arn, "a role's ARN", hint))
        }
    }
}

/// STS takes 2,048 characters of JSON at most.
fn session_policy(role: &RoleName, text: Option<&str>) -> Checked {
    let Some(text) = text else {
        return Ok(());
    };
    let path = ["roles", role.as_str(), "session_policy"];
    let parsed = serde_json::from_str::<serde_json::Value>(text);
    if !parsed.is_ok_and(|value| value.is_object()) || text.len() > 2048 {
        let hint = "write an IAM policy as JSON, 2,048 characters at most";
        return Err(Fault::new(path, "the session policy cannot be one", hint));
    }
    Ok(())
}
