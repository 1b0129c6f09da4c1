//! Tokens as GitHub, GitLab and SPIRE make them, of the right job and of the wrong ones.

use jit::{
    domain::{
        event::{EventFilter, Origin},
        failure::Code,
        time::Timestamp,
    },
    platform::{clock, keys},
};
use serde_json::{Value, json};

use super::{Place, SERVER, block_on, why};
use crate::support::{
    issuer::{Issuer, Mood},
    jwt::Algorithm,
};

fn now() -> i64 {
    let now: Timestamp = clock::now();
    now.secs()
}

/// The claims of a job of GitHub Actions, as its documentation shows them.
fn github() -> Value {
    json!({
        "jti": "example-id",
        "sub": "repo:acme/app:environment:production",
        "environment": "production",
        "aud": SERVER,
        "ref": "refs/heads/main",
        "sha": "example-sha",
        "repository": "acme/app",
        "repository_owner": "acme",
        "actor_id": "12",
        "repository_visibility": "private",
        "repository_id": "74",
        "repository_owner_id": "65",
        "run_id": "22259804324",
        "run_number": "42",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "workflow": "deploy",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "ref_protected": "true",
        "ref_type": "branch",
        "workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
        "workflow_sha": "example-sha",
        "job_workflow_ref": "acme/shared/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_sha": "example-sha",
        "iat": now(),
        "nbf": now(),
        "exp": now() + 300,
    })
}

/// The claims of a job of GitLab CI; some of its ids are texts, the runner's is a number.
fn gitlab() -> Value {
    json!({
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "job_project_id": "20",
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "groups_direct": ["mygroup/mysubgroup"],
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "public",
        "ci_config_ref_uri": "gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        "iat": now(),
        "nbf": now() - 5,
        "exp": now() + 3600,
        "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
        "aud": SERVER,
    })
}

fn with(mut claims: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims
}

async fn github_place(issuer: &Issuer) -> Place {
    let workloads = format!(
        "[[workloads]]\nname = 'app'\nkind = 'github'\nissuer = '{}'\nprincipal = 'gh-{{repository_id}}'\n\
         groups = ['deployers']\nmatch = {{ repository_id = '74', environment = 'production' }}\n",
        issuer.url()
    );
    Place::new("", &workloads).await
}

#[test]
fn a_job_of_github_is_its_repository() {
    let issuer = Issuer::http(Algorithm::Rs256);
    block_on(async {
        let place = github_place(&issuer).await;
        let admitted = place.by_token(&issuer.sign(&github())).await.unwrap();
        let caller = admitted.caller;
        assert_eq!(admitted.source, issuer.url());
        assert_eq!(caller.principal.written(), "workload/gh-74");
        assert!(caller.groups.contains("deployers"));
        for (name, value) in [
            ("repository_id", "74"),
            ("repository_owner_id", "65"),
            ("environment", "production"),
            ("ref_protected", "true"),
            (
                "job_workflow_ref",
                "acme/shared/.github/workflows/deploy.yml@refs/heads/main",
            ),
            ("run_id", "22259804324"),
        ] {
            assert_eq!(caller.attributes[name], value, "{name}");
        }
        assert!(!caller.attributes.contains_key("jti"));
    });
}

#[test]
fn whoever_is_not_that_job_is_told_what_they_are_and_nothing_more() {
    let issuer = Issuer::http(Algorithm::Rs256);
    block_on(async {
        let place = github_place(&issuer).await;
        let another = [
            ("repository_id", json!("666")),
            ("repository_owner_id", json!("66")),
        ];
        let fork = [
            ("repository_id", json!("667")),
            ("repository", json!("mallory/app")),
            ("event_name", json!("pull_request")),
        ];
        let branch = [("environment", json!("staging"))];
        for (changes, told) in [
            (&another[..], "repository_id \"666\""),
            (&fork[..], "repository_id \"667\""),
            (&branch[..], "environment \"staging\""),
        ] {
            let failure = why(place.by_token(&issuer.sign(&with(github(), changes))).await);
            assert_eq!(failure.code, Code::Denied, "{failure:?}");
            let said = format!("{failure}{}", failure.hint);
            assert!(said.contains(told), "{said}");
            assert!(
                !said.contains("production\"") || !told.contains("staging"),
                "{said}"
            );
            assert!(
                !said.contains("deployers") && !said.contains("gh-"),
                "{said}"
            );
        }
    });
}

#[test]
fn a_token_for_another_audience_or_of_another_issuer_is_refused() {
    let issuer = Issuer::http(Algorithm::Rs256);
    let mallory = Issuer::http(Algorithm::Rs256);
    block_on(async {
        let place = github_place(&issuer).await;
        for aud in [
            json!("https://other.example.com"),
            json!([]),
            json!(format!("{SERVER}/")),
        ] {
            let token = issuer.sign(&with(github(), &[("aud", aud.clone())]));
            let failure = why(place.by_token(&token).await);
            assert!(failure.message.contains("audience"), "{aud}: {failure}");
        }
        let failure = why(place.by_token(&mallory.sign(&github())).await);
        assert_eq!(failure.code, Code::Denied, "{failure:?}");
        // Its own key, under the name of the one that is trusted.
        let forged = mallory.sign(&with(github(), &[("iss", json!(issuer.url()))]));
        let failure = why(place.by_token(&forged).await);
        assert_eq!(failure.code, Code::SignIn, "{failure:?}");
        let claims = issuer.with_issuer(&github());
        for none in ["none", "None", "NONE"] {
            why(place.by_token(&issuer.key().unsigned(none, &claims)).await);
        }
        for confused in issuer.key().confused(&claims) {
            why(place.by_token(&confused).await);
        }
        let over = with(github(), &[("exp", json!(now() - 120))]);
        let failure = why(place.by_token(&issuer.sign(&over)).await);
        assert!(failure.message.contains("expired"), "{failure}");
        for nonsense in ["", "a.b.c", "x", &"x".repeat(40_000)] {
            why(place.by_token(nonsense).await);
        }
    });
}

#[test]
fn an_issuer_that_is_away_is_not_a_denial() {
    let issuer = Issuer::http(Algorithm::Es256);
    block_on(async {
        let place = github_place(&issuer).await;
        issuer.behave(Mood::Gone);
        let failure = why(place.by_token(&issuer.sign(&github())).await);
        assert_eq!(
            failure.nature,
            jit::domain::failure::Nature::IssuerAway,
            "{failure:?}"
        );
        assert_eq!(failure.code, Code::TimedOut);
        assert!(failure.message.contains(issuer.url()), "{failure}");
    });
}

#[test]
fn a_job_of_gitlab_is_its_project() {
    let issuer = Issuer::https(Algorithm::Rs256);
    let file = issuer.ca().unwrap().display().to_string();
    block_on(async {
        let workloads = format!(
            "[[workloads]]\nname = 'app'\nkind = 'gitlab'\nissuer = '{}'\ncertificate_authority = '{file}'\n\
             principal = 'gl-{{project_id}}'\nmatch = {{ project_id = '20', ref_protected = 'true' }}\n",
            issuer.url()
        );
        let place = Place::new("", &workloads).await;
        let caller = place
            .by_token(&issuer.sign(&gitlab()))
            .await
            .unwrap()
            .caller;
        assert_eq!(caller.principal.written(), "workload/gl-20");
        assert_eq!(caller.attributes["runner_id"], "1");
        assert_eq!(caller.attributes["namespace_id"], "72");
        // The pipeline of a merge request from a fork: the project is the fork's.
        let fork = [("project_id", json!("21")), ("job_project_id", json!("20"))];
        let failure = why(place.by_token(&issuer.sign(&with(gitlab(), &fork))).await);
        assert!(failure.message.contains("project_id \"21\""), "{failure}");
        let branch = with(gitlab(), &[("ref_protected", json!("false"))]);
        why(place.by_token(&issuer.sign(&branch)).await);
    });
}

#[test]
fn a_spiffe_id_needs_no_issuer_and_stays_in_its_trust_domain() {
    let issuer = Issuer::http(Algorithm::Es256);
    block_on(async {
        let workloads = format!(
            "[[workloads]]\nname = 'build'\nkind = 'spiffe'\nissuer = '{}'\nprincipal = 'build'\n\
             match = {{ sub = 'spiffe://example.org/ci/build' }}\n",
            issuer.url()
        );
        let place = Place::new("", &workloads).await;
        let svid = |sub: &str| json!({ "sub": sub, "aud": [SERVER], "exp": now() + 300 });
        let good = svid("spiffe://example.org/ci/build");
        let caller = place
            .by_token(&issuer.key().sign(&good))
            .await
            .unwrap()
            .caller;
        assert_eq!(caller.principal.written(), "workload/build");
        assert_eq!(caller.attributes["trust_domain"], "example.org");
        assert!(place.by_token(&issuer.sign(&good)).await.is_ok());
        for sub in [
            "spiffe://evil.example/ci/build",
            "spiffe://example.org/ci/other",
            "ci/build",
        ] {
            why(place.by_token(&issuer.key().sign(&svid(sub))).await);
        }
    });
}

#[test]
fn any_issuer_by_configuration() {
    let issuer = Issuer::http(Algorithm::EdDsa);
    block_on(async {
        let workloads = format!(
            "[[workloads]]\nname = 'build'\nkind = 'oidc'\nissuer = '{}'\naudience = 'builds'\n\
             principal = 'bk-{{pipeline}}'\nmatch = {{ organization_id = 'o-1' }}\n\
             attributes = ['pipeline', 'branch']\n",
            issuer.url()
        );
        let place = Place::new("", &workloads).await;
        let claims = json!({
            "sub": "organization:acme", "aud": "builds", "exp": now() + 60, "organization_id": "o-1",
            "pipeline": "p-7", "branch": "main", "secret": "x",
        });
        let caller = place.by_token(&issuer.sign(&claims)).await.unwrap().caller;
        assert_eq!(caller.principal.written(), "workload/bk-p-7");
        let known: Vec<&str> = caller.attributes.keys().map(String::as_str).collect();
        assert_eq!(known, ["branch", "organization_id", "pipeline", "sub"]);
        why(place
            .by_token(&issuer.sign(&with(claims, &[("aud", json!(SERVER))])))
            .await);
    });
}

/// Whether each of two keys is let in by the same token, the first one twice.
async fn let_in_by(place: &Place, token: &str) -> [bool; 3] {
    let (own, other) = (keys::generate().unwrap(), keys::generate().unwrap());
    let mut outcomes = [false; 3];
    for (outcome, key) in outcomes.iter_mut().zip([&own, &own, &other]) {
        let vouched = place.by_token(token).await.unwrap();
        let origin = Origin::default();
        let entered = place
            .authority
            .let_in(&vouched, key.public(), &origin)
            .await;
        if let Err(failure) = &entered {
            assert!(failure.message.contains("used already"), "{failure}");
            assert!(failure.hint.contains("once = false"), "{failure:?}");
        }
        *outcome = entered.is_ok();
    }
    outcomes
}

#[test]
fn a_jobs_token_opens_one_session_and_whoever_lost_the_answer_has_it_again() {
    let issuer = Issuer::http(Algorithm::Es256);
    block_on(async {
        let place = github_place(&issuer).await;
        let said = github();
        let token = issuer.sign(&said);
        assert_eq!(let_in_by(&place, &token).await, [true, true, false]);
        // Another signature that holds, as whoever has one of ECDSA can make it, is no other token.
        let twin = issuer.sign(&said);
        assert_ne!(twin, token);
        assert_eq!(let_in_by(&place, &twin).await, [false, false, false]);
        let next = issuer.sign(&with(github(), &[("jti", json!("another"))]));
        assert_eq!(let_in_by(&place, &next).await, [true, true, false]);
        // One session was opened by each of the two.
        let all = EventFilter::default();
        let entered = place.authority.store.ledger().list(&all).await;
        assert_eq!(entered.unwrap().len(), 2);
    });
}

#[test]
fn what_is_shown_again_by_design_opens_sessions_until_it_ends() {
    let issuer = Issuer::http(Algorithm::Es256);
    let url = issuer.url();
    block_on(async {
        let entry = |kind: &str, more: &str| {
            format!(
                "[[workloads]]\nname = 'one'\nkind = '{kind}'\nissuer = '{url}'\nprincipal = 'one'\n{more}\n"
            )
        };
        let pod = json!({
            "jti": "pod", "sub": "system:serviceaccount:ci:build", "aud": SERVER,
            "iat": now(), "exp": now() + 300,
            "kubernetes.io": { "namespace": "ci",
                "serviceaccount": { "name": "build", "uid": "u" } },
        });
        let pinned = "match = { service_account_uid = 'u' }";
        let repository = "match = { repository_id = '74' }";
        let mut unnamed = github();
        unnamed.as_object_mut().unwrap().remove("jti");
        for (kind, more, said, last) in [
            ("kubernetes", pinned.to_owned(), &pod, true),
            ("kubernetes", format!("once = true\n{pinned}"), &pod, false),
            (
                "github",
                format!("once = false\n{repository}"),
                &github(),
                true,
            ),
            ("github", repository.to_owned(), &unnamed, true),
            (
                "github",
                format!("once = true\n{repository}"),
                &unnamed,
                false,
            ),
        ] {
            let place = Place::new("", &entry(kind, &more)).await;
            let outcomes = let_in_by(&place, &issuer.sign(said)).await;
            assert_eq!(outcomes, [true, true, last], "{kind} {more}");
        }
    });
}
