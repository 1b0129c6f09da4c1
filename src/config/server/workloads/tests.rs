//! Entries that are read, and those that are refused where they stand.

use insta::assert_snapshot;

use super::*;
use crate::config::server::parse;

/// One entry, with these lines instead of those that begin alike.
fn entry(name: &str, kind: &str, rest: &str) -> String {
    format!("[[workloads]]\nname = \"{name}\"\nkind = \"{kind}\"\n{rest}\n")
}

fn github(name: &str, rest: &str) -> String {
    entry(name, "github", rest)
}

fn wrong(text: &str) -> String {
    match parse("server.toml", text) {
        Err(failure) => format!("{failure}\n  {}", failure.hint),
        Ok(_) => format!("taken: {text}"),
    }
}

const APP: &str = "principal = \"gh-{repository_id}\"\nmatch = { repository_id = \"74\" }";

#[test]
fn each_kind_is_read() {
    let text = [
        github("app", APP),
        entry(
            "gitlab",
            "gitlab",
            "issuer = \"https://gitlab.com\"\nprincipal = \"gl-{project_id}\"\n\
             groups = [\"deployers\"]\nmatch = { namespace_id = \"72\", ref_protected = \"true\" }",
        ),
        entry(
            "cluster",
            "kubernetes",
            "token_review = \"kubernetes/prod\"\nprincipal = \"k8s-{service_account_uid}\"\n\
             match = { namespace = \"ci\" }",
        ),
        entry(
            "eks",
            "kubernetes",
            "issuer = \"https://oidc.eks.eu-west-1.amazonaws.com/id/X\"\nprincipal = \"eks-build\"\n\
             match = { service_account_uid = \"u\" }",
        ),
        entry(
            "spire",
            "spiffe",
            "issuer = \"https://spire.example.org\"\nprincipal = \"build\"\n\
             match = { sub = \"spiffe://example.org/build\" }",
        ),
        entry(
            "other",
            "oidc",
            "issuer = \"https://agent.buildkite.com\"\naudience = \"jit\"\n\
             principal = \"bk-{pipeline_id}@{branch}\"\nattributes = [\"pipeline_id\", \"branch\"]\n\
             match = { organization_id = \"o\" }",
        ),
        entry(
            "aws",
            "aws",
            "principal = \"aws-{role}\"\nmatch = { account = \"123456789012\" }",
        ),
    ];
    let server = parse("server.toml", &text.concat()).unwrap();
    assert_eq!(server.workloads.len(), 7);
    let issuers: Vec<_> = server.workloads.iter().map(Workload::issuer).collect();
    assert_eq!(
        issuers[0],
        Some("https://token.actions.githubusercontent.com")
    );
    assert_eq!((issuers[2], issuers[6]), (None, None));
}

#[test]
fn a_match_of_names_alone_is_refused() {
    let all = [
        github(
            "a",
            "principal = \"a\"\nmatch = { repository = \"acme/app\" }",
        ),
        github("a", "principal = \"gh-{repository_id}\""),
        entry(
            "a",
            "gitlab",
            "issuer = \"https://gitlab.com\"\nprincipal = \"a\"\nmatch = { project_path = \"a/b\" }",
        ),
        entry(
            "a",
            "kubernetes",
            "issuer = \"https://k8s\"\nprincipal = \"a\"\n\
             match = { namespace = \"ci\", service_account = \"build\" }",
        ),
        entry(
            "a",
            "spiffe",
            "issuer = \"https://spire\"\nprincipal = \"a\"\nmatch = { sub = \"build\" }",
        ),
        entry("a", "oidc", "issuer = \"https://x\"\nprincipal = \"a\""),
        entry(
            "a",
            "aws",
            "principal = \"a\"\nmatch = { role = \"deployer\" }",
        ),
    ];
    assert_snapshot!(all.map(|text| wrong(&text)).join("\n"), @r#"
    server.toml:5: a name alone can be somebody else's tomorrow, so an id must be equal too
      add repository_id = "…" or repository_owner_id = "…" to match
    server.toml:1: a name alone can be somebody else's tomorrow, so an id must be equal too
      add repository_id = "…" or repository_owner_id = "…" to match
    server.toml:6: a name alone can be somebody else's tomorrow, so an id must be equal too
      add project_id = "…" or namespace_id = "…" to match
    server.toml:6: a name alone can be somebody else's tomorrow, so an id must be equal too
      add service_account_uid = "…" to match; or match a namespace, and name the principal with {service_account_uid}
    server.toml:6: a SPIFFE ID is missing
      write match = { sub = "spiffe://DOMAIN/PATH" }
    server.toml:1: an entry that matches every token of its issuer lets anybody in
      add sub = "…", or another claim that only the job's tokens have, to match
    server.toml:5: a name alone can be somebody else's tomorrow, so an id must be equal too
      add account = "…" to match
    "#);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let all = [
        github("App", APP),
        github("app", APP) + &github("app", APP),
        github("app", &format!("isuer = \"https://x\"\n{APP}")),
        github("app", &format!("issuer = \"http://example.com\"\n{APP}")),
        github("app", &format!("endpoint = \"https://x\"\n{APP}")),
        github("app", &format!("attributes = [\"x\"]\n{APP}")),
    ];
    assert_snapshot!(all.map(|text| wrong(&text)).join("\n"), @r#"
    server.toml:2: "App" is no name
      use lower-case letters, digits and -, 63 at most
    server.toml:7: the workload "app" is there twice
      give each entry a name of its own
    server.toml:4: unknown key "isuer" in [[workloads]]
      did you mean "issuer"? its keys are name, kind, issuer, audience, certificate_authority, jwks, match, attributes, principal, groups, token_review, once, endpoint
    server.toml:4: "http://example.com" is no issuer's URL
      write it exactly as its tokens say it (iss), https://HOST/PATH
    server.toml:4: "endpoint" makes no sense for that kind
      take it out
    server.toml:4: "attributes" makes no sense for that kind
      take it out
    "#);
}

#[test]
fn what_no_token_says_is_named_with_its_line() {
    let all = [
        github(
            "app",
            "principal = \"gh-{repositry_id}\"\nmatch = { repository_id = \"74\" }",
        ),
        github(
            "app",
            "principal = \"gh/x\"\nmatch = { repository_id = \"74\" }",
        ),
        github(
            "app",
            "principal = \"{actor}-{ref}\"\nmatch = { repository_id = \"74\" }",
        ),
        github(
            "app",
            "principal = \"x\"\nmatch = { repositoryid = \"74\" }",
        ),
        github("app", "principal = \"x\"\nmatch = { repository_id = 74 }"),
        github("app", "principal = \"x\"\nmatch = { repository_id = \"\" }"),
        github("app", "match = { repository_id = \"74\" }"),
        entry(
            "app",
            "gitlab",
            "principal = \"x\"\nmatch = { project_id = \"1\" }",
        ),
        entry(
            "app",
            "jenkins",
            "principal = \"x\"\nmatch = { project_id = \"1\" }",
        ),
        entry(
            "app",
            "kubernetes",
            "token_review = \"ssh/web\"\nprincipal = \"x\"\nmatch = { service_account_uid = \"1\" }",
        ),
    ];
    assert_snapshot!(all.map(|text| wrong(&text)).join("\n"), @r#"
    server.toml:4: no token of that kind says "repositry_id"
      did you mean "repository_id"?
    server.toml:4: "gh/x" makes no name: write letters, digits and . _ - @ +, and attributes as {ref} in [[workloads]]
      correct it, then run: jit policy check
    server.toml:4: the attributes in "{actor}-{ref}" could run into each other: write @ or + between them in [[workloads]]
      correct it, then run: jit policy check
    server.toml:5: no token of that kind says "repositoryid"
      did you mean "repository_id"?
    server.toml:5: "match" has the wrong type in [[workloads]]
      write it as text in quotes, "…"
    server.toml:5: "" is nothing that a token says
      use one line of text
    server.toml:1: "principal" is missing in [[workloads]]
      add principal = …
    server.toml:3: an issuer is missing
      add issuer = "https://…", exactly as its tokens say it (iss)
    server.toml:3: "jenkins" makes no sense here in [[workloads]]
      it may be github, gitlab, kubernetes, spiffe, oidc, aws
    server.toml:4: ssh/web is no cluster
      write it as kubernetes/NAME
    "#);
}

#[test]
fn nobody_is_two_and_no_two_are_one() {
    let two = |rest: &str| github("app", APP) + &github("other", rest);
    let all = [
        two("principal = \"x\"\nmatch = { repository_owner_id = \"65\" }"),
        two("principal = \"gh-{actor_id}\"\nmatch = { repository_id = \"75\" }"),
        two("principal = \"gh-74\"\nmatch = { repository_id = \"75\" }"),
    ];
    assert_snapshot!(all.map(|text| wrong(&text)).join("\n"), @r#"
    server.toml:10: a token could match both "app" and "other"
      give both the same key in match, with different values
    server.toml:9: "app" and "other" could name two workloads alike
      begin each principal with a text of its own, such as gh- and k8s-
    server.toml:9: "app" and "other" could name two workloads alike
      begin each principal with a text of its own, such as gh- and k8s-
    "#);
}

#[test]
fn a_token_that_is_shown_again_by_design_is_not_to_serve_once() {
    let reviewed = "token_review = \"kubernetes/prod\"\nprincipal = \"k8s-{service_account_uid}\"\n\
        match = { namespace = \"ci\" }\nonce = true";
    let said = wrong(&entry("cluster", "kubernetes", reviewed));
    assert!(said.contains("is shown again and again"), "{said}");
    let role = "principal = \"aws\"\nmatch = { account = \"1\" }\nonce = true";
    let said = wrong(&entry("role", "aws", role));
    assert!(said.contains("makes no sense for that kind"), "{said}");
    let text = github("app", &format!("once = false\n{APP}"));
    let server = parse("server.toml", &text).unwrap();
    assert_eq!(server.workloads[0].once, Some(false));
}

#[test]
fn entries_that_make_different_names_of_different_ids_stand_beside_each_other() {
    let text = github("app", APP) + &github("other", &APP.replace("74", "75"));
    assert_eq!(wrong(&text), format!("taken: {text}"));
    let list = "principal = \"gh-{repository_id}\"\nmatch = { repository_id = [\"75\", \"76\"] }";
    let text = github("app", APP) + &github("others", list);
    assert_eq!(wrong(&text), format!("taken: {text}"));
    let said = wrong(&(github("others", list) + &github("app", &APP.replace("74", "76"))));
    assert!(said.contains("a token could match both"), "{said}");
}

#[test]
fn a_pattern_is_written_where_it_can_be_meant() {
    let with = |wanted: &str| {
        let rest = format!("principal = \"x\"\nmatch = {{ repository_id = \"74\", {wanted} }}");
        wrong(&github("app", &rest))
    };
    assert!(with("ref = \"refs/heads/release/*\"").starts_with("taken"));
    assert!(with("ref = [\"refs/heads/main\", \"refs/tags/**\"]").starts_with("taken"));
    let all = [
        with("ref = \"*\""),
        with("ref = \"refs/***\""),
        with("repository_owner_id = \"6*\""),
        with("ref = []"),
        with("ref = [\"\"]"),
        wrong(&github(
            "app",
            "principal = \"x\"\nmatch = { repository_id = \"7*\" }",
        )),
    ];
    assert_snapshot!(all.join("\n"), @r#"
    server.toml:5: "*" is no pattern
      * stands for any characters but /, ** for any, beside others: "refs/heads/release/*"
    server.toml:5: "refs/***" is no pattern
      * stands for any characters but /, ** for any, beside others: "refs/heads/release/*"
    server.toml:5: "6*" is no pattern: repository_owner_id is compared as it is
      write it in full; several are a list: repository_owner_id = ["…", "…"]
    server.toml:5: an empty list matches nothing in [[workloads]]
      correct it, then run: jit policy check
    server.toml:5: "" is nothing that a token says
      use one line of text
    server.toml:5: "7*" is no pattern: repository_id is compared as it is
      write it in full; several are a list: repository_id = ["…", "…"]
    "#);
}

#[test]
fn two_clusters_that_nothing_tells_apart_are_refused() {
    let cluster = |name: &str, more: &str| {
        let rest = format!(
            "token_review = \"kubernetes/{name}\"\nprincipal = \"{name}-{{service_account_uid}}\"\n\
             match = {{ namespace = \"ci\" }}\n{more}"
        );
        entry(name, "kubernetes", &rest)
    };
    let by_issuer = |name: &str, more: &str| {
        let rest = format!(
            "issuer = \"https://kubernetes.default.svc\"\nprincipal = \"{name}-{{service_account_uid}}\"\n\
             match = {{ namespace = \"{name}\" }}\njwks = \"{name}.json\"\n{more}"
        );
        entry(name, "kubernetes", &rest)
    };
    let all = [
        cluster("one", "") + &cluster("two", ""),
        by_issuer("one", "") + &by_issuer("two", ""),
        by_issuer("one", "certificate_authority = \"ca.crt\""),
        cluster("one", "jwks = \"one.json\""),
    ];
    assert_snapshot!(all.map(|text| wrong(&text)).join("\n"), @r#"
    server.toml:11: nothing tells tokens of "one" and "two" apart, so one cluster would be sent the other's
      give each an audience of its own, which its pods ask for: audience = "…"
    server.toml:12: "one" and "two" have one issuer, and differ in jwks or certificate_authority
      write the same in both; two clusters of one issuer's name need an audience each
    server.toml:8: an issuer whose keys are in a file is not asked, so it needs no certificate_authority
      take it out
    server.toml:4: a cluster that reviews its tokens itself needs no issuer here
      keep either of the two
    "#);
    for text in [
        cluster("one", "") + &cluster("two", "audience = \"jit-two\""),
        by_issuer("one", "") + &by_issuer("two", "audience = \"jit-two\""),
    ] {
        assert!(wrong(&text).starts_with("taken"), "{}", wrong(&text));
    }
}

#[test]
fn a_claim_that_people_of_the_same_client_have_too_makes_no_workload() {
    let of = |wanted: &str| {
        let rest = format!(
            "issuer = \"https://id.example.com\"\nprincipal = \"x\"\nmatch = {{ {wanted} }}"
        );
        wrong(&entry("job", "oidc", &rest))
    };
    for claim in ["azp", "client_id", "scope"] {
        let said = of(&format!("{claim} = \"runner\""));
        assert!(
            said.contains("people who use that client have such tokens too"),
            "{said}"
        );
        assert!(said.contains("add sub = "), "{said}");
    }
    assert!(of("azp = \"runner\", sub = \"runner\"").starts_with("taken"));
}
