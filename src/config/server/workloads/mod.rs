//! `[[workloads]]` of `server.toml`: whose tokens are exchanged for a session, and what they must say.

use std::collections::BTreeSet;

use crate::{
    config::{
        check::fault::{Checked, Fault},
        names,
    },
    domain::{
        catalogue::{Catalogue, Resource},
        claim_match::ClaimMatch,
        entitlement::Kind,
        failure::{Failure, Result, did_you_mean},
        pattern::is_pattern,
        template::Template,
        workload::{Workload, WorkloadKind, spiffe_id},
    },
};

/// The claims that tell a client and not who uses it: a person's token of the same client has them too.
const OF_A_CLIENT: [&str; 11] = [
    "azp",
    "client_id",
    "clientId",
    "appid",
    "aud",
    "iss",
    "typ",
    "scope",
    "scp",
    "acr",
    "ver",
];

/// Refuses the first mistake: a key that its kind has not, a match of names alone, and whatever two
/// entries could both claim.
pub(super) fn check(workloads: &[Workload]) -> Checked {
    for (number, workload) in workloads.iter().enumerate() {
        let at = At {
            number: number.to_string(),
            workload,
        };
        at.name(workloads.get(..number).unwrap_or_default())?;
        at.keys()?;
        at.source()?;
        at.wanted()?;
        at.principal()?;
        let mut groups = workload.groups.iter();
        if let Some(group) = groups.find(|group| !names::is_line(group)) {
            return Err(at.fault(
                "groups",
                format!("{group:?} is no group"),
                "use one line of text",
            ));
        }
        at.apart(workloads.get(..number).unwrap_or_default())?;
    }
    Ok(())
}

/// Refuses a cluster that is to review tokens and is not in the catalogue.
///
/// # Errors
/// Names the entry and the nearest right name.
pub fn check_references(workloads: &[Workload], catalogue: &Catalogue) -> Result<()> {
    for workload in workloads {
        let Some(cluster) = &workload.token_review else {
            continue;
        };
        if let Resource::Kubernetes(_) = catalogue.resource(cluster)? {
            continue;
        }
        return Err(Failure::usage(format!(
            "token_review of workload {} in server.toml names {cluster}, which is no cluster",
            workload.name
        ))
        .hint("write it as kubernetes/NAME"));
    }
    Ok(())
}

/// An entry, and its place in the list.
struct At<'a> {
    number: String,
    workload: &'a Workload,
}

impl At<'_> {
    fn name(&self, others: &[Workload]) -> Checked {
        let name = &self.workload.name;
        if !names::is_label(name) {
            let hint = "use lower-case letters, digits and -, 63 at most";
            return Err(self.fault("name", format!("{name:?} is no name"), hint));
        }
        if others.iter().any(|other| other.name == *name) {
            let what = format!("the workload {name:?} is there twice");
            return Err(self.fault("name", what, "give each entry a name of its own"));
        }
        Ok(())
    }

    /// The keys that its kind does not have.
    fn keys(&self) -> Checked {
        use WorkloadKind::{Aws, Github, Gitlab, Kubernetes, Oidc, Spiffe};
        let one = self.workload;
        let tokens: &[WorkloadKind] = &[Github, Gitlab, Kubernetes, Spiffe, Oidc];
        let all: [(&str, bool, &[WorkloadKind]); 8] = [
            ("issuer", one.issuer.is_some(), tokens),
            ("audience", one.audience.is_some(), tokens),
            (
                "certificate_authority",
                one.certificate_authority.is_some(),
                tokens,
            ),
            ("jwks", one.jwks.is_some(), tokens),
            ("attributes", !one.attributes.is_empty(), &[Oidc]),
            ("token_review", one.token_review.is_some(), &[Kubernetes]),
            ("once", one.once.is_some(), tokens),
            ("endpoint", one.endpoint.is_some(), &[Aws]),
        ];
        let strange = all
            .into_iter()
            .find(|(_, is_there, kinds)| *is_there && !kinds.contains(&one.kind));
        strange.map_or(Ok(()), |(key, _, _)| {
            let what = format!("{key:?} makes no sense for that kind");
            Err(self.fault(key, what, "take it out"))
        })
    }

    /// Whose word is taken.
    fn source(&self) -> Checked {
        let one = self.workload;
        if let Some(endpoint) = one.endpoint.as_ref().filter(|url| !names::is_server(url)) {
            let hint = "write it as https://HOST:PORT; http only for this machine itself";
            return Err(self.fault("endpoint", format!("{endpoint:?} is no endpoint"), hint));
        }
        if let Some(cluster) = &one.token_review {
            if cluster.kind() != Kind::Kubernetes {
                let hint = "write it as kubernetes/NAME";
                return Err(self.fault("token_review", format!("{cluster} is no cluster"), hint));
            }
            if one.issuer.is_some() || one.certificate_authority.is_some() || one.jwks.is_some() {
                let what = "a cluster that reviews its tokens itself needs no issuer here";
                return Err(self.fault("token_review", what, "keep either of the two"));
            }
            if one.once == Some(true) {
                let what = "a pod's token, which its cluster reviews, is shown again and again";
                return Err(self.fault("once", what, "take it out"));
            }
            return Ok(());
        }
        match one.issuer() {
            Some(issuer) if !names::is_server(issuer) => {
                let hint = "write it exactly as its tokens say it (iss), https://HOST/PATH";
                Err(self.fault("issuer", format!("{issuer:?} is no issuer's URL"), hint))
            }
            None if one.kind != WorkloadKind::Aws => {
                let hint = "add issuer = \"https://…\", exactly as its tokens say it (iss)";
                Err(self.fault("kind", "an issuer is missing", hint))
            }
            Some(_) if one.jwks.is_some() && one.certificate_authority.is_some() => {
                let what = "an issuer whose keys are in a file is not asked, so it needs no certificate_authority";
                Err(self.fault("certificate_authority", what, "take it out"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What a token must say: at least one thing that nobody else can come by.
    fn wanted(&self) -> Checked {
        let one = self.workload;
        let known = one.kind.attributes();
        let strange = one
            .wanted
            .keys()
            .find(|name| !known.contains(&name.as_str()));
        if let Some(name) = strange.filter(|_| one.kind != WorkloadKind::Oidc) {
            let hint = instead(name, &known);
            return Err(self.within_match(
                name,
                format!("no token of that kind says {name:?}"),
                hint,
            ));
        }
        for (name, wanted) in &one.wanted {
            let mut values = wanted.values();
            values.try_for_each(|value| self.value(name, value))?;
        }
        if self.is_pinned() {
            return Ok(());
        }
        Err(self.fault("match", self.lacking(), self.pinning()))
    }

    /// One value of `match`: a text, or a pattern where a pattern can be meant.
    fn value(&self, name: &str, value: &str) -> Checked {
        if !names::is_line(value) {
            let what = format!("{value:?} is nothing that a token says");
            return Err(self.within_match(name, what, "use one line of text"));
        }
        if !is_pattern(value) {
            return Ok(());
        }
        if value.contains("***") || value.chars().all(|c| c == '*') {
            let what = format!("{value:?} is no pattern");
            let hint = "* stands for any characters but /, ** for any, beside others: \"refs/heads/release/*\"";
            return Err(self.within_match(name, what, hint));
        }
        let is_id = self.workload.kind.exact().contains(&name) || name.ends_with("_id");
        if is_id {
            let what = format!("{value:?} is no pattern: {name} is compared as it is");
            let hint = format!("write it in full; several are a list: {name} = [\"…\", \"…\"]");
            return Err(self.within_match(name, what, hint));
        }
        Ok(())
    }

    /// Whether what must match is something that nobody else can come by.
    fn is_pinned(&self) -> bool {
        let one = self.workload;
        let immutable = one.kind.immutable();
        let pinned = |name: &&str| {
            let wanted = one.wanted.get(*name).and_then(ClaimMatch::exact);
            wanted.is_some()
        };
        let named = |name: &&str| one.principal.names().any(|named| named == *name);
        match one.kind {
            // What any token of a client says, a person's too, is not what one job has.
            WorkloadKind::Oidc => {
                let mut claims = one.wanted.keys();
                claims.any(|name| !OF_A_CLIENT.contains(&name.as_str()))
            }
            WorkloadKind::Kubernetes => {
                let by_name = one.wanted.contains_key("namespace") && immutable.iter().any(named);
                immutable.iter().any(pinned) || by_name
            }
            WorkloadKind::Spiffe => {
                let sub = one.wanted.get("sub").and_then(ClaimMatch::exact);
                sub.is_some_and(|ids| ids.iter().all(|id| spiffe_id(id).is_some()))
            }
            WorkloadKind::Github | WorkloadKind::Gitlab | WorkloadKind::Aws => {
                immutable.iter().any(pinned)
            }
        }
    }

    fn lacking(&self) -> &'static str {
        match self.workload.kind {
            WorkloadKind::Oidc if self.workload.wanted.is_empty() => {
                "an entry that matches every token of its issuer lets anybody in"
            }
            WorkloadKind::Oidc => {
                "this tells which client a token was issued to, and people who use that client have such tokens too"
            }
            WorkloadKind::Spiffe => "a SPIFFE ID is missing",
            WorkloadKind::Github
            | WorkloadKind::Gitlab
            | WorkloadKind::Kubernetes
            | WorkloadKind::Aws => {
                "a name alone can be somebody else's tomorrow, so an id must be equal too"
            }
        }
    }

    fn pinning(&self) -> &'static str {
        match self.workload.kind {
            WorkloadKind::Github => {
                "add repository_id = \"…\" or repository_owner_id = \"…\" to match"
            }
            WorkloadKind::Gitlab => "add project_id = \"…\" or namespace_id = \"…\" to match",
            WorkloadKind::Kubernetes => {
                "add service_account_uid = \"…\" to match; or match a namespace, and name the principal \
                 with {service_account_uid}"
            }
            WorkloadKind::Spiffe => "write match = { sub = \"spiffe://DOMAIN/PATH\" }",
            WorkloadKind::Oidc => {
                "add sub = \"…\", or another claim that only the job's tokens have, to match"
            }
            WorkloadKind::Aws => "add account = \"…\" to match",
        }
    }

    /// The principal's name is made of what there is.
    fn principal(&self) -> Checked {
        let one = self.workload;
        let open: BTreeSet<&str> = match one.kind {
            WorkloadKind::Oidc => {
                let own = one.wanted.keys().chain(&one.attributes);
                own.map(String::as_str).collect()
            }
            WorkloadKind::Github
            | WorkloadKind::Gitlab
            | WorkloadKind::Kubernetes
            | WorkloadKind::Spiffe
            | WorkloadKind::Aws => BTreeSet::new(),
        };
        let known = one.kind.attributes();
        let is_known = |name: &str| known.contains(&name) || open.contains(name);
        let strange = one.principal.names().find(|name| !is_known(name));
        strange.map_or(Ok(()), |name| {
            let all: Vec<&str> = known.iter().copied().chain(open.iter().copied()).collect();
            let what = format!("no token of that kind says {name:?}");
            Err(self.fault("principal", what, instead(name, &all)))
        })
    }

    /// Nobody is let in as two, and no two as one.
    fn apart(&self, others: &[Workload]) -> Checked {
        let one = self.workload;
        if let Some(other) = others.iter().find(|other| other.overlaps(one)) {
            let what = format!(
                "a token could match both {:?} and {:?}",
                other.name, one.name
            );
            let hint = "give both the same key in match, with different values";
            return Err(self.fault("match", what, hint));
        }
        if let Some(other) = others.iter().find(|other| other.is_mistaken_for(one)) {
            let what = format!(
                "nothing tells tokens of {:?} and {:?} apart, so one cluster would be sent the other's",
                other.name, one.name
            );
            let hint = "give each an audience of its own, which its pods ask for: audience = \"…\"";
            return Err(self.fault("token_review", what, hint));
        }
        self.same_issuer(others)?;
        self.same_name(others)
    }

    /// An issuer has one set of keys, unless the audience tells which of them counts.
    fn same_issuer(&self, others: &[Workload]) -> Checked {
        let one = self.workload;
        let keys = |one: &Workload| (one.jwks.clone(), one.certificate_authority.clone());
        let differs = |other: &&Workload| {
            let is_same = other.issuer() == one.issuer() && other.audience == one.audience;
            is_same && one.issuer().is_some() && keys(other) != keys(one)
        };
        others.iter().find(differs).map_or(Ok(()), |other| {
            let what = format!(
                "{:?} and {:?} have one issuer, and differ in jwks or certificate_authority",
                other.name, one.name
            );
            let hint =
                "write the same in both; two clusters of one issuer's name need an audience each";
            Err(self.fault("issuer", what, hint))
        })
    }

    fn same_name(&self, others: &[Workload]) -> Checked {
        let one = self.workload;
        let names = one.names();
        let meets = |other: &&Workload| {
            let others = other.names();
            let is_met = |name: &Template| others.iter().any(|other| name.may_meet(other));
            names.iter().any(is_met)
        };
        others.iter().find(meets).map_or(Ok(()), |other| {
            let what = format!(
                "{:?} and {:?} could name two workloads alike",
                other.name, one.name
            );
            let hint = "begin each principal with a text of its own, such as gh- and k8s-";
            Err(self.fault("principal", what, hint))
        })
    }

    fn within_match(&self, name: &str, what: String, hint: impl Into<String>) -> Fault {
        Fault::new(["workloads", &self.number, "match", name], what, hint)
    }

    fn fault(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault::new(["workloads", &self.number, key], what, hint)
    }
}

/// The nearest right word; all of them where none is near.
fn instead(name: &str, known: &[&str]) -> String {
    let near = did_you_mean(name, known.iter().copied());
    if near.is_empty() {
        return format!("it may be {}", known.join(", "));
    }
    near.trim_end().to_owned()
}

#[cfg(test)]
mod tests;
