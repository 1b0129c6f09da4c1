//! From a command line to an entitlement.

use std::ffi::OsString;

use proptest::{collection::vec, prelude::*};

use super::desk::{CATALOGUE, Desk, KUBECONFIG, put, rows};
use crate::{
    domain::failure::Nature,
    tools::{
        kubernetes::{needs_nothing, recognise},
        task::Task,
    },
};

#[test]
fn the_context_and_the_verb_make_the_entitlement() {
    let desk = Desk::new();
    for (line, [wanted]) in rows(
        "kubectl get pods                              | kubernetes/stage:oncall
         kubectl get secrets                           | kubernetes/stage:all
         kubectl neat -f x                             | kubernetes/stage:oncall
         kubectl --context prod get pods               | kubernetes/prod:view
         kubectl get pods --context=prod-eu            | kubernetes/prod:view
         /usr/bin/kubectl get pods --context=renamed   | kubernetes/prod:view
         kubectl get pods --cluster prod               | kubernetes/prod:view
         kubectl get pods -s prod.example.com:6443     | kubernetes/prod:view
         kubectl get secret x --context prod           | kubernetes/prod:edit
         kubectl delete pod x --context prod           | kubernetes/prod:edit
         kubectl drain x --context prod --as=bob       | kubernetes/prod:admin",
    ) {
        assert_eq!(desk.entitlement(line), wanted, "{line}");
    }
}

#[test]
fn on_and_role_override() {
    let desk = Desk::new();
    let prod = Some("kubernetes/prod");
    for (line, [role, wanted]) in rows(
        "kubectl get pods                   |       | view
         kubectl get pods --context renamed | admin | admin
         kubectl gett pods                  | edit  | edit
         terraform apply                    |       | view
         helm list                          |       | edit
         helm --debug template x            |       | view
         k9s                                | edit  | edit
         curl --user me --token x -s https://evil --cluster stage | | view",
    ) {
        let role = Some(role).filter(|role| !role.is_empty());
        let recognised = desk.recognise(line, prod, role).unwrap();
        let wanted = format!("kubernetes/prod:{wanted}");
        assert_eq!(recognised.entitlement.to_string(), wanted, "{line}");
    }
    let recognised = desk.recognise("kubectl get pods", prod, None).unwrap();
    assert_eq!(
        recognised.because,
        "get reads: view is the smallest role that covers it"
    );
}

#[test]
fn what_is_unknown_is_an_error_with_a_way_out() {
    refused(
        None,
        r#"
        kubectl get pods --context prd        | the context "prd" is no resource | did you mean "prod"? name one with --context or --on: kubernetes/prod (context prod, prod-eu), kubernetes/stage (context stage)
        kubectl get pods --context foreign    | the context "foreign" reaches "https://elsewhere.example.com", which is no resource | name one with --context or --on:
        kubectl get pods --cluster prot       | the kubeconfig has no cluster "prot" | did you mean "prod"?
        kubectl get pods -s https://evil      | no resource has the server "https://evil" | name one
        kubectl --context prod get x -s evil  | no resource has the server | name one
        kubectl get x -s stage.example.com    | --server stage.example.com would send the credential in the clear | write --server https://stage.example.com, or
        kubectl get pods --token x            | --token brings a credential of its own | leave --token out
        kubectl get pods --user me            | --user brings a credential of its own | leave --user out
        kubectl get pods --client-key=k       | --client-key brings a credential of its own | leave
        kubectl get x --insecure-skip-tls-verify     | --insecure-skip-tls-verify would hand the credential to whoever answers for kubernetes/stage | leave
        kubectl get x --insecure-skip-tls-verify=1   | --insecure-skip-tls-verify would hand | leave
        kubectl get x --tls-server-name evil         | --tls-server-name evil is not the name of kubernetes/stage's server | leave
        kubectl config view                   | this command speaks to no cluster | run it without jit
        kubectl get pods --kubeconfig none    | the kubeconfig | correct --kubeconfig
        "#,
    );
}

#[test]
fn what_does_not_fit_together_is_an_error_with_a_way_out() {
    let prod = Some("kubernetes/prod");
    refused(
        prod,
        r#"
        kubectl get pods --server https://evil | --server names "https://evil", and the credential would be for kubernetes/prod | leave one
        kubectl get pods --cluster stage       | --cluster names "stage", and | leave one
        kubectl get pods --context stage       | the context "stage" is kubernetes/stage's, and | leave one
        kubectl get pods --context foreign     | the context "foreign" reaches "https://elsewhere.example.com", and | leave one
        kubectl get x --insecure-skip-tls-verify=T | --insecure-skip-tls-verify would hand the credential | leave
        helm list --kube-insecure-skip-tls-verify  | --kube-insecure-skip-tls-verify would hand the credential | leave
        helm list --kube-tls-server-name evil      | --kube-tls-server-name evil is not the name | leave
        kubectl gett pods                      | "gett" is not a verb that jit knows, and no role of kubernetes/prod is known to cover it | name one with --role; its roles are admin, edit, view
        helm list --kube-token x               | --kube-token brings a credential of its own | leave
        "#,
    );
    refused(
        Some("kubernetes/prot"),
        "terraform apply | kubernetes/prot is not in the catalogue | did you mean",
    );
    let failure = Desk::new().recognise("kubectl get x", prod, Some("vew"));
    let hint = failure.unwrap_err().hint;
    assert!(hint.starts_with("did you mean \"view\"?"), "{hint}");
}

/// Each row: a command line, and how the message and the hint begin.
fn refused(on: Option<&str>, table: &str) {
    let desk = Desk::new();
    for (line, [message, hint]) in rows(table) {
        let failure = desk.recognise(line, on, None).unwrap_err();
        assert!(failure.message.starts_with(message), "{line}: {failure:?}");
        assert!(failure.hint.starts_with(hint), "{line}: {failure:?}");
    }
}

#[test]
fn without_a_kubeconfig_nothing_is_the_default() {
    let desk = Desk::without_kubeconfig();
    let failure = desk.recognise("kubectl get pods", None, None).unwrap_err();
    assert_eq!(failure.message, "no context is named or current");
    assert_eq!(
        desk.entitlement("kubectl get pods --context prod"),
        "kubernetes/prod:view"
    );
}

/// The kubeconfig has the context or not, and the catalogue its server or not.
#[test]
fn the_server_of_a_context_decides_and_a_name_only_where_no_kubeconfig_has_it() {
    let desk = Desk::new();
    let known = KUBECONFIG.replace(
        "{name: stage, context: {cluster: stage",
        "{name: stage, context: {cluster: prod",
    );
    let foreign = known.replace("{cluster: prod", "{cluster: foreign");
    let absent = "current-context: stage\n";
    for (kubeconfig, line, wanted) in [
        (&*known, "kubectl get pods", Ok("kubernetes/prod:view")),
        (
            &foreign,
            "kubectl get pods",
            Err(
                "the context \"stage\" reaches \"https://elsewhere.example.com\", which is no resource",
            ),
        ),
        (absent, "kubectl get pods", Ok("kubernetes/stage:oncall")),
        (
            absent,
            "kubectl get pods --context other",
            Err("the context \"other\" is no resource"),
        ),
    ] {
        put(&desk.directory.path().join(".kube/config"), kubeconfig);
        let found = desk.recognise(line, None, None);
        let found = found
            .map(|found| found.entitlement.to_string())
            .map_err(|failure| (failure.message.clone(), failure));
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
            (Err((message, failure)), Err(wanted)) => {
                assert_eq!(message, wanted);
                assert_eq!(failure.nature, Nature::Stranger, "the wrapper lets it pass");
            }
            (found, wanted) => panic!("{line}: {found:?}, not {wanted:?}"),
        }
    }
}

/// Two resources may be one API server, with other service accounts, say.
#[test]
fn of_two_resources_with_one_server_the_one_that_lists_the_context_is_meant() {
    let mut desk = Desk::new();
    let twice = CATALOGUE.replace("https://stage.example.com", "https://prod.example.com:6443");
    desk.catalogue = toml::from_str(&twice).unwrap();
    for (line, wanted) in [
        ("kubectl get x --context prod", "kubernetes/prod:view"),
        ("kubectl get x --context renamed", ""),
    ] {
        let found = desk.recognise(line, None, None);
        let found = found.map(|found| found.entitlement.to_string());
        assert_eq!(found.unwrap_or_default(), wanted, "{line}");
    }
}

proptest! {
    #[test]
    fn no_command_line_panics(line in vec("(-{0,2}[a-z=]{0,9}|get|secrets?/?|--context|--on|.{0,6})", 0..7)) {
        let desk = Desk::without_kubeconfig();
        let mut command = vec![OsString::from("kubectl")];
        command.extend(line.iter().map(Into::into));
        let task = Task { command: &command, on: None, role: None, catalogue: &desk.catalogue, environment: &desk.environment };
        let _needs = needs_nothing(&task);
        if let Err(failure) = recognise(&task) {
            prop_assert!(!failure.hint.is_empty());
        }
    }
}
