//! Which identity this process has where it runs, in the order of [`Way::ALL`].

use std::path::PathBuf;

use secrecy::SecretString;

use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
        way::Way,
    },
    platform::keys,
};

/// Where a pod finds the token that was projected for us.
const PROJECTED: &str = "/var/run/secrets/tokens/jit";
/// What AWS sets where it gives credentials to a container, a pod or a function.
const AWS: [&str; 4] = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_LAMBDA_FUNCTION_NAME",
];

/// An identity that is there to be presented.
#[derive(Clone, Debug)]
pub struct Found {
    /// Of which kind.
    pub way: Way,
    /// Where.
    pub evidence: Evidence,
    /// What tells it from another of its kind, in hex: a session that another one opened is not its own.
    pub mark: String,
}

/// Where an identity is.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// GitHub gives the job a token for any audience.
    Github {
        /// Where to ask.
        url: String,
        /// With what.
        token: SecretString,
    },
    /// The token itself.
    Token(SecretString),
    /// A file with the token.
    File(PathBuf),
    /// The key that this machine was enrolled with.
    Key,
    /// Whatever the AWS SDK finds.
    Aws,
}

impl Found {
    /// The key that this machine is enrolled with.
    pub fn key() -> Self {
        Self::new(Way::Key, Evidence::Key, "")
    }

    fn new(way: Way, evidence: Evidence, by: &str) -> Self {
        let mark = keys::hex(&keys::sha256(format!("{way} {by}").as_bytes()));
        Self {
            way,
            evidence,
            mark,
        }
    }
}

/// What is known beside the environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The one that is to be used and no other: `--as`, then `JIT_IDENTITY`, then config.toml.
    pub chosen: Option<Way>,
    /// Whether this machine is enrolled at the server.
    pub is_enrolled: bool,
}

/// The identity of this process; none where a person runs it.
///
/// # Errors
/// The one that was chosen is not here. `JIT_IDENTITY` names none.
pub fn find(environment: &Environment, known: Known) -> Result<Option<Found>> {
    let chosen = match (known.chosen, environment.text("JIT_IDENTITY")) {
        (Some(way), _) => Some(way),
        (None, Some(name)) => Some(named(name)?),
        (None, None) => None,
    };
    let Some(way) = chosen else {
        let mut all = Way::ALL.into_iter();
        return Ok(all.find_map(|way| here(way, environment, known)));
    };
    let known = Known {
        chosen: Some(way),
        ..known
    };
    here(way, environment, known)
        .map(Some)
        .ok_or_else(|| absent(way))
}

fn named(name: &str) -> Result<Way> {
    name.parse().map_err(|why: String| {
        Failure::usage(format!("JIT_IDENTITY cannot be used: {why}"))
            .hint("correct or unset JIT_IDENTITY")
    })
}

/// The identity of that kind, if it is here; AWS's only where it was chosen or AWS says that it is.
fn here(way: Way, environment: &Environment, known: Known) -> Option<Found> {
    let is_chosen = known.chosen == Some(way);
    let text = |name: &str| environment.text(name);
    match way {
        Way::Github => {
            let url = text("ACTIONS_ID_TOKEN_REQUEST_URL")?;
            let token = text("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?;
            let evidence = Evidence::Github {
                url: url.to_owned(),
                token: token.into(),
            };
            Some(Found::new(way, evidence, &format!("{url} {token}")))
        }
        Way::Gitlab => {
            let token = text("JIT_ID_TOKEN")?;
            Some(Found::new(way, Evidence::Token(token.into()), token))
        }
        Way::TokenFile => text("JIT_ID_TOKEN_FILE").map(|path| file(way, path.into())),
        Way::Kubernetes => {
            let projected = PathBuf::from(PROJECTED);
            let named = text("JIT_ID_TOKEN_FILE").filter(|_| is_chosen);
            let named = named.map(PathBuf::from);
            let path = named.or_else(|| projected.exists().then_some(projected));
            path.map(|path| file(way, path))
        }
        Way::Key => known.is_enrolled.then(Found::key),
        Way::Aws => {
            let given = AWS
                .into_iter()
                .any(|name| environment.value(name).is_some());
            (given || is_chosen).then(|| Found::new(way, Evidence::Aws, ""))
        }
    }
}

/// A file's token changes as it grows old, and stays the same identity.
fn file(way: Way, path: PathBuf) -> Found {
    let by = path.display().to_string();
    Found::new(way, Evidence::File(path), &by)
}

fn absent(way: Way) -> Failure {
    let (what, hint) = match way {
        Way::Github => (
            "this job may not ask GitHub for its token",
            "add to the job: permissions: { id-token: write }",
        ),
        Way::Gitlab => (
            "JIT_ID_TOKEN is not set",
            "add to the job: id_tokens: { JIT_ID_TOKEN: { aud: \"the server's URL\" } }",
        ),
        Way::TokenFile => (
            "JIT_ID_TOKEN_FILE is not set",
            "set it to the file with the token",
        ),
        Way::Kubernetes => (
            "there is no projected token in /var/run/secrets/tokens/jit",
            "add a projected volume with a serviceAccountToken for the server's URL to the pod",
        ),
        Way::Key => (
            "this machine is not enrolled at the server",
            "an administrator runs: jit enrolments create NAME; then run here: jit login --join",
        ),
        Way::Aws => ("there is no AWS identity here", "sign in to AWS"),
    };
    Failure::usage(what).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        Environment {
            variables: variables.map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            ..Environment::default()
        }
    }

    fn found(variables: &[(&str, &str)], known: Known) -> Option<Way> {
        let found = find(&environment(variables), known).unwrap();
        found.map(|found| found.way)
    }

    const GITHUB: [(&str, &str); 2] = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com?x=1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t"),
    ];

    #[test]
    fn a_jobs_own_comes_before_its_hosts() {
        let host = Known {
            is_enrolled: true,
            ..Known::default()
        };
        assert_eq!(found(&[], Known::default()), None);
        assert_eq!(found(&[], host), Some(Way::Key));
        assert_eq!(found(&GITHUB, host), Some(Way::Github));
        assert_eq!(found(&GITHUB[..1], Known::default()), None);
        assert_eq!(found(&[("JIT_ID_TOKEN", "t")], host), Some(Way::Gitlab));
        assert_eq!(
            found(&[("JIT_ID_TOKEN_FILE", "/t")], host),
            Some(Way::TokenFile)
        );
        // Credentials of AWS alone are what a tool wants to be, not who this is.
        assert_eq!(found(&[("AWS_ACCESS_KEY_ID", "A")], Known::default()), None);
        let container = [(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.170.23/v1",
        )];
        assert_eq!(found(&container, Known::default()), Some(Way::Aws));
    }

    #[test]
    fn what_is_chosen_is_used_or_missed() {
        let chosen = |way| Known {
            chosen: Some(way),
            is_enrolled: false,
        };
        assert_eq!(found(&GITHUB, chosen(Way::Aws)), Some(Way::Aws));
        assert_eq!(
            found(&[("JIT_IDENTITY", "aws")], Known::default()),
            Some(Way::Aws)
        );
        let file = [("JIT_ID_TOKEN_FILE", "/t")];
        assert_eq!(found(&file, chosen(Way::Kubernetes)), Some(Way::Kubernetes));
        for way in [Way::Github, Way::Gitlab, Way::TokenFile, Way::Key] {
            assert!(find(&environment(&[]), chosen(way)).is_err(), "{way}");
        }
        let wrong = find(&environment(&[("JIT_IDENTITY", "gitub")]), Known::default());
        assert!(
            wrong
                .unwrap_err()
                .message
                .contains("did you mean \"github\"")
        );
    }

    #[test]
    fn one_job_is_not_another() {
        let mark = |token| {
            let environment = environment(&[("JIT_ID_TOKEN", token)]);
            find(&environment, Known::default()).unwrap().unwrap().mark
        };
        assert_eq!(mark("one"), mark("one"));
        assert_ne!(mark("one"), mark("other"));
        assert!(!mark("one").contains("one"));
    }
}
