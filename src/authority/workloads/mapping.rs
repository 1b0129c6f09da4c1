//! From what was presented to who that is here: one entry, its name, its groups.

use std::collections::BTreeMap;

use crate::{
    authority::entrance::Vouched,
    domain::{
        failure::{Failure, Result},
        principal::Caller,
        time::Timestamp,
        workload::Workload,
    },
};

/// No more of a foreign word is told back, in characters.
const WORDS: usize = 100;

/// Whom the entries of a source make of what it said, which `read` tells as each of them sees it; and
/// the entry that does.
///
/// # Errors
/// Denied: none of them matches, more than one does, or what it says makes no name.
pub fn admit<'a>(
    (source, now): (&str, Timestamp),
    entries: &[&'a Workload],
    read: impl Fn(&Workload) -> BTreeMap<String, String>,
) -> Result<(Vouched, &'a Workload)> {
    let said: Vec<_> = entries.iter().map(|entry| (*entry, read(entry))).collect();
    let mut matching = said
        .iter()
        .filter(|(entry, attributes)| entry.is_matched_by(attributes));
    match (matching.next(), matching.next()) {
        (Some((entry, attributes)), None) => {
            let principal = entry.principal.fill(attributes)?;
            let caller = Caller {
                attributes: attributes.clone(),
                ..Caller::new(principal, entry.groups.clone())
            };
            Ok((vouched(caller, source, now), entry))
        }
        (Some((one, _)), Some((other, _))) => Err(Failure {
            cause: Some(format!("{} and {}", one.name, other.name)),
            ..Failure::denied("what was presented matches more than one workload of this server")
                .hint("its administrator sets [[workloads]] in server.toml apart")
        }),
        (None, _) => Err(unmatched(source, &said)),
    }
}

/// Says back what was presented, and nothing of what would have matched.
fn unmatched(source: &str, said: &[(&Workload, BTreeMap<String, String>)]) -> Failure {
    let told = said.first().map_or_else(Vec::new, |(entry, attributes)| {
        let telling = entry.kind.telling().iter();
        let known = telling.filter_map(|name| Some((*name, attributes.get(*name)?)));
        known
            .map(|(name, value)| format!("{name} {}", quoted(value)))
            .collect()
    });
    let told = if told.is_empty() {
        "nothing that is looked for".to_owned()
    } else {
        told.join(", ")
    };
    Failure::denied(format!(
        "no workload of this server matches what {source} says of this one: {told}"
    ))
    .hint("its administrator adds it to [[workloads]] in server.toml, if it may come")
}

/// Somebody by that word. It may be shown again, unless more is said: what shows it is bound to a key, or
/// good for minutes.
pub(super) fn vouched(caller: Caller, source: &str, now: Timestamp) -> Vouched {
    Vouched {
        caller,
        source: source.to_owned(),
        identity: None,
        provider_session: None,
        once: None,
        since: now,
        enrolled: None,
        notes: Vec::new(),
    }
}

/// A foreign word as it can stand in a message.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(WORDS).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn entries(text: &str) -> Vec<Workload> {
        #[derive(serde::Deserialize)]
        struct File {
            workloads: Vec<Workload>,
        }
        toml::from_str::<File>(text).unwrap().workloads
    }

    /// As GitHub's tokens are.
    fn github(repository: &str, id: &str) -> Map<String, Value> {
        let claims = json!({
            "iss": "https://token.actions.githubusercontent.com",
            "aud": "https://jit.example.com",
            "sub": format!("repo:{repository}:environment:production"),
            "repository": repository,
            "repository_id": id,
            "repository_owner": "acme",
            "repository_owner_id": "7",
            "workflow_ref": format!("{repository}/.github/workflows/deploy.yml@refs/heads/main"),
            "environment": "production",
            "ref": "refs/heads/main",
            "ref_protected": "true",
            "run_attempt": "1",
        });
        claims.as_object().unwrap().clone()
    }

    fn admitted(entries: &[Workload], claims: &Map<String, Value>) -> Result<Vouched> {
        let all: Vec<&Workload> = entries.iter().collect();
        let source = ("https://issuer", Timestamp::from_secs(0));
        let admitted = admit(source, &all, |entry| entry.attributes_of(claims));
        admitted.map(|(vouched, _)| vouched)
    }

    const GITHUB: &str = "[[workloads]]\nname = 'app'\nkind = 'github'\nprincipal = 'ci-{repository_id}'\n\
        groups = ['deployers']\nmatch = { repository_id = '123', ref = 'refs/heads/main' }\n";

    #[test]
    fn a_repository_is_known_by_its_id() {
        let known = entries(GITHUB);
        let admitted_one = admitted(&known, &github("acme/app", "123")).unwrap();
        let caller = admitted_one.caller;
        assert_eq!(caller.principal.written(), "workload/ci-123");
        assert!(caller.groups.contains("deployers"));
        assert_eq!(caller.attributes["environment"], "production");
        // Renamed, and still itself.
        assert!(admitted(&known, &github("acme/new-name", "123")).is_ok());
        // Somebody else took the name.
        let failure = admitted(&known, &github("acme/app", "666")).unwrap_err();
        assert!(
            failure.message.contains("repository_id \"666\""),
            "{failure}"
        );
        let told = format!("{failure} {}", failure.hint);
        assert!(
            !told.contains("123") && !told.contains("deployers"),
            "{told}"
        );
    }

    #[test]
    fn hostile_words_are_told_back_harmlessly() {
        let mut claims = github("acme/app", "1\n\u{1b}[31mhint: run this");
        claims.insert("ref".to_owned(), "x".repeat(5000).into());
        let failure = admitted(&entries(GITHUB), &claims).unwrap_err();
        assert!(!failure.message.contains(['\n', '\u{1b}']), "{failure}");
        assert!(failure.message.len() < 600, "{failure}");
    }

    #[test]
    fn nobody_is_two() {
        let both = format!("{GITHUB}{}", GITHUB.replace("'ci-", "'other-"));
        let failure = admitted(&entries(&both), &github("acme/app", "123")).unwrap_err();
        assert!(failure.message.contains("more than one"), "{failure}");
    }

    #[test]
    fn a_claim_of_another_shape_matches_nothing() {
        let known = entries(GITHUB);
        for value in [json!(["123"]), json!({"123": true}), json!(null), json!("")] {
            let mut claims = github("acme/app", "123");
            claims.insert("repository_id".to_owned(), value);
            assert!(admitted(&known, &claims).is_err());
        }
        // GitLab writes some ids as numbers.
        let mut claims = github("acme/app", "123");
        claims.insert("repository_id".to_owned(), json!(123));
        assert!(admitted(&known, &claims).is_ok());
    }

    #[test]
    fn a_spiffe_id_is_of_its_trust_domain() {
        let known = entries(
            "[[workloads]]\nname = 'build'\nkind = 'spiffe'\nissuer = 'https://spire.example.org'\n\
             principal = 'build'\nmatch = { sub = 'spiffe://example.org/ci/build' }\n",
        );
        let of = |sub: &str| json!({ "sub": sub }).as_object().unwrap().clone();
        let one = admitted(&known, &of("spiffe://example.org/ci/build")).unwrap();
        assert_eq!(one.caller.attributes["trust_domain"], "example.org");
        for sub in [
            "spiffe://evil.example/ci/build",
            "spiffe://example.org/ci/build/",
            "build",
        ] {
            assert!(admitted(&known, &of(sub)).is_err(), "{sub}");
        }
    }
}
