//! What a catalogue must hold beyond its shape: names that are names, and nothing claimed twice.

use std::collections::BTreeMap;

use super::{
    names::{self, host_and_port},
    spot::Table,
};
use crate::domain::{
    catalogue::{
        AwsResource, Catalogue, KubernetesResource, PostgresIssuer, PostgresResource, Resource,
        SshResource,
    },
    entitlement::ResourceName,
    failure::Failure,
    principal::{Class, Principal},
};

/// A mistake, and the path of keys that leads to it.
#[derive(Debug)]
pub(super) struct Fault {
    path: Vec<String>,
    message: String,
    hint: String,
}

type Checked = Result<(), Fault>;

impl Fault {
    pub(super) fn new<'a>(
        path: impl IntoIterator<Item = &'a str>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into_iter().map(str::to_owned).collect(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// `text` is not what it should be.
    pub(super) fn not(path: &[&str], text: &str, what: &str, hint: &str) -> Self {
        // What stands before an @ may be a password, so it is not repeated.
        let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        Self::new(
            path.iter().copied(),
            format!("{text:?} is not {what}"),
            hint,
        )
    }

    /// The fault as a person sees it, with its line.
    pub(super) fn at(self, table: Table<'_>) -> Failure {
        let line = table.line(table.find(&self.path));
        Failure::failed(format!("{}:{line}: {}", table.file, self.message)).hint(self.hint)
    }

    fn below(mut self, name: &ResourceName) -> Self {
        let outer = ["resources".to_owned(), name.to_string()];
        self.path = outer.into_iter().chain(self.path).collect();
        self.message = format!("{} in {name}", self.message);
        self
    }
}

/// Refuses the first mistake.
pub(super) fn catalogue(catalogue: &Catalogue) -> Checked {
    for (group, members) in &catalogue.groups {
        for member in members {
            if Principal::new(Class::Human, member).is_err() {
                return Err(Fault::new(
                    ["groups", group],
                    format!("{member:?} in group {group:?} cannot be a principal's name"),
                    "a principal's name is letters, digits and . _ - @ +, 128 at most",
                ));
            }
        }
    }
    let mut claims = Claims::default();
    for (name, resource) in &catalogue.resources.0 {
        let checked = every(resource).and_then(|()| match resource {
            Resource::Ssh(resource) => ssh(name, resource, &mut claims),
            Resource::Kubernetes(resource) => kubernetes(name, resource, &mut claims),
            Resource::Postgres(resource) => postgres(name, resource, &mut claims),
            Resource::Aws(resource) => aws(name, resource, &mut claims),
        });
        checked.map_err(|fault| fault.below(name))?;
    }
    Ok(())
}

/// What was claimed, and by which resource.
#[derive(Default)]
struct Claims<'a>(BTreeMap<(&'static str, String), &'a ResourceName>);

impl<'a> Claims<'a> {
    fn claim(&mut self, key: &'static str, what: &str, by: &'a ResourceName) -> Checked {
        match self.0.insert((key, what.to_owned()), by) {
            Some(other) => Err(Fault::new(
                [key],
                format!("{what:?} belongs to {other} already, so it cannot be among the {key}"),
                "name it in one of the two",
            )),
            None => Ok(()),
        }
    }
}

fn every(resource: &Resource) -> Checked {
    if resource.roles().next().is_none() {
        let hint = "add at least one role; without one nobody can be given anything";
        return Err(Fault::new(["roles"], "there are no roles", hint));
    }
    let broken = resource
        .labels()
        .iter()
        .find(|label| !names::is_line(label));
    broken.map_or(Ok(()), |label| {
        Err(Fault::not(
            &["labels"],
            label,
            "a label",
            "use one line of text",
        ))
    })
}

fn some_hosts(hosts: &[String]) -> Checked {
    if hosts.is_empty() {
        let hint = "name at least one: hosts = [\"host.example.com\"]";
        return Err(Fault::new(["hosts"], "there are no hosts", hint));
    }
    Ok(())
}

fn ssh<'a>(name: &'a ResourceName, resource: &SshResource, claims: &mut Claims<'a>) -> Checked {
    some_hosts(&resource.hosts)?;
    for (number, host) in resource.hosts.iter().enumerate() {
        if !names::is_host_pattern(host) {
            let hint = "write a host name or an address; * stands for any run of characters";
            return Err(Fault::not(
                &["hosts", &number.to_string()],
                host,
                "a host",
                hint,
            ));
        }
        claims.claim("hosts", &host.to_ascii_lowercase(), name)?;
    }
    Ok(())
}

fn kubernetes<'a>(
    name: &'a ResourceName,
    resource: &KubernetesResource,
    claims: &mut Claims<'a>,
) -> Checked {
    if !(resource.server.starts_with("https://") && names::is_server(&resource.server)) {
        let hint = "write it as https://HOST:PORT";
        return Err(Fault::not(
            &["server"],
            &resource.server,
            "an API server's address",
            hint,
        ));
    }
    if !names::is_label(&resource.namespace) {
        let hint = "use lower-case letters, digits and -, 63 at most";
        return Err(Fault::not(
            &["namespace"],
            &resource.namespace,
            "a namespace",
            hint,
        ));
    }
    for context in &resource.contexts {
        if !names::is_line(context) {
            return Err(Fault::not(
                &["contexts"],
                context,
                "a context",
                "write it as in your kubeconfig",
            ));
        }
        claims.claim("contexts", context, name)?;
    }
    for (role, written) in &resource.roles {
        let account = &written.service_account;
        if !names::is_service_account(account) {
            let path = ["roles", role.as_str(), "service_account"];
            let hint = "write it as namespace/name, for example jit/view";
            return Err(Fault::not(&path, account, "a service account", hint));
        }
        let plain = |verb: &String| verb == "*" || names::is_label(verb);
        if let Some(verb) = written.verbs.iter().find(|verb| !plain(verb)) {
            let hint = "write kubectl's verbs: get, logs, delete";
            return Err(Fault::not(
                &["roles", role.as_str(), "verbs"],
                verb,
                "a verb",
                hint,
            ));
        }
    }
    Ok(())
}

fn postgres<'a>(
    name: &'a ResourceName,
    resource: &PostgresResource,
    claims: &mut Claims<'a>,
) -> Checked {
    some_hosts(&resource.hosts)?;
    let mut databases: Vec<&str> = resource.databases.iter().map(String::as_str).collect();
    if let Some(database) = databases.iter().find(|database| !names::is_line(database)) {
        return Err(Fault::not(
            &["databases"],
            database,
            "a database",
            "write its name",
        ));
    }
    if databases.is_empty() {
        databases.push("*");
    }
    for (number, text) in resource.hosts.iter().enumerate() {
        let Some((host, port)) = host_and_port(text, 5432) else {
            let hint = "write it as HOST or HOST:PORT";
            return Err(Fault::not(
                &["hosts", &number.to_string()],
                text,
                "a server's address",
                hint,
            ));
        };
        for database in &databases {
            let place = format!("{}:{port}/{database}", host.to_ascii_lowercase());
            claims.claim("hosts", &place, name)?;
        }
    }
    match (resource.issuer, &resource.credential) {
        (PostgresIssuer::DynamicRole, None) => Err(Fault::new(
            ["issuer"],
            "the issuer dynamic-role has no credential",
            "add credential = \"file:PATH\", a file with the URL of a user that may create roles",
        )),
        (PostgresIssuer::Certificate, Some(_)) => Err(Fault::new(
            ["credential"],
            "the issuer certificate needs no credential",
            "remove it, or choose issuer = \"dynamic-role\"",
        )),
        (PostgresIssuer::DynamicRole, Some(_)) | (PostgresIssuer::Certificate, None) => Ok(()),
    }?;
    for (role, written) in &resource.roles {
        if !names::is_database_role(&written.role) {
            let path = ["roles", role.as_str(), "role"];
            let hint = "use letters, digits and _ - . @ $, 63 at most";
            return Err(Fault::not(&path, &written.role, "a database role", hint));
        }
    }
    Ok(())
}

fn aws<'a>(name: &'a ResourceName, resource: &AwsResource, claims: &mut Claims<'a>) -> Checked {
    if !names::is_account(&resource.account) {
        let hint = "write the 12 digits: aws sts get-caller-identity --query Account";
        return Err(Fault::not(
            &["account"],
            &resource.account,
            "an account",
            hint,
        ));
    }
    if let Some(region) = resource
        .region
        .as_ref()
        .filter(|region| !names::is_region(region))
    {
        return Err(Fault::not(
            &["region"],
            region,
            "a region",
            "write it as eu-west-1",
        ));
    }
    if let Some(url) = resource
        .endpoint
        .as_ref()
        .filter(|url| !names::is_server(url))
    {
        let hint = "write it as https://HOST:PORT; http only for this machine itself";
        return Err(Fault::not(&["endpoint"], url, "an endpoint", hint));
    }
    let base = resource
        .base_profile
        .iter()
        .map(|profile| ("base_profile", profile));
    let profiles = resource
        .profiles
        .iter()
        .map(|profile| ("profiles", profile));
    if let Some((key, profile)) = base
        .chain(profiles)
        .find(|(_, profile)| !names::is_line(profile))
    {
        return Err(Fault::not(
            &[key],
            profile,
            "a profile",
            "write it as in ~/.aws/config",
        ));
    }
    for profile in &resource.profiles {
        claims.claim("profiles", profile, name)?;
    }
    for (role, written) in &resource.roles {
        let path = ["roles", role.as_str(), "arn"];
        match names::account_of_role(&written.arn) {
            Some(account) if account == resource.account => {}
            Some(account) => {
                return Err(Fault::new(
                    path,
                    format!("the role {:?} belongs to account {account}", written.arn),
                    format!(
                        "this resource is account {}; give the other its own",
                        resource.account
                    ),
                ));
            }
            None => {
                let hint = "write it as arn:aws:iam::123456789012:role/NAME";
                return Err(Fault::not(&path, &written.arn, "a role's ARN", hint));
            }
        }
        session_policy(role.as_str(), written.session_policy.as_deref())?;
    }
    Ok(())
}

/// STS takes 2,048 characters of JSON at most.
fn session_policy(role: &str, text: Option<&str>) -> Checked {
    let Some(text) = text else {
        return Ok(());
    };
    let path = ["roles", role, "session_policy"];
    let parsed = serde_json::from_str::<serde_json::Value>(text);
    if !parsed.is_ok_and(|value| value.is_object()) || text.len() > 2048 {
        let hint = "write an IAM policy as JSON, 2,048 characters at most";
        return Err(Fault::new(path, "the session policy cannot be one", hint));
    }
    Ok(())
}
