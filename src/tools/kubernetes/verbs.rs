//! What a command does in a cluster: kubectl's verbs, helm's, and those of nobody knows what.

use std::collections::BTreeSet;

use super::{
    argv::{Arguments, lists},
    objects,
};
use crate::tools::coverage::Coverage;

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Nothing in any cluster: no credential is needed.
    Local,
    /// What it says, which needs a role.
    Needs(Need),
    /// Something that only its author knows: a plugin's verb, an alias.
    Unknown,
}

/// What a command needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// How much.
    pub(super) coverage: Coverage,
    /// The verb, as a role's `verbs` may list it: `get`, `rollout restart`, `get secrets`.
    pub(super) verb: String,
    /// What it does, in words: "get reads".
    pub(super) says: String,
}

/// Verbs that read or write files of the user, and speak to no cluster.
const LOCAL: &str = "
    completion config help kuberc kustomize options plugin
";

/// Verbs that only look.
const READS: &str = "
    __complete __completeNoDesc api-resources api-versions cluster-info describe events
    explain get logs top version wait
";

/// Verbs that change something. `diff` is among them because it has the server try its patch, which
/// needs the right to patch.
const WRITES: &str = "
    annotate apply attach autoscale cp create debug delete diff edit exec expose label
    patch port-forward proxy replace rollout run scale set
";

/// Verbs that change the cluster itself, or who may do what in it.
const RULES: &str = "
    auth certificate cordon drain taint uncordon
";

/// Whether kubectl has a verb of that name itself; no alias and no plugin replaces it.
pub(super) fn is_builtin(verb: &str) -> bool {
    lists(LOCAL, verb) || coverage_of(verb, "").is_some()
}

/// How much a verb of kubectl does; `None` for one that kubectl does not have.
fn coverage_of(verb: &str, second: &str) -> Option<Coverage> {
    match (verb, second) {
        ("auth", "can-i" | "whoami")
        | ("rollout", "history" | "status")
        | ("apply", "view-last-applied") => Some(Coverage::Reads),
        _ if lists(READS, verb) => Some(Coverage::Reads),
        _ if lists(WRITES, verb) => Some(Coverage::Writes),
        _ if lists(RULES, verb) => Some(Coverage::Everything),
        _ => None,
    }
}

/// What kubectl does with these arguments.
pub(super) fn of_kubectl(arguments: &Arguments) -> Deed {
    let Some(verb) = arguments.verb() else {
        return Deed::Local;
    };
    let client_only = verb == "version" && arguments.is_set("client");
    if lists(LOCAL, verb) || client_only || arguments.asks_for_help() {
        return Deed::Local;
    }
    let second = arguments.word(1);
    let Some(coverage) = coverage_of(verb, second) else {
        return Deed::Unknown;
    };
    let named = match verb {
        "rollout" | "auth" | "set" | "certificate" if !second.is_empty() => {
            format!("{verb} {second}")
        }
        _ => verb.to_owned(),
    };
    let types = objects::named(arguments);
    let need = |coverage, verb: &str, does: &str| {
        Deed::Needs(Need {
            coverage,
            verb: verb.to_owned(),
            says: format!("{verb} {does}"),
        })
    };
    match coverage {
        Coverage::Reads if objects::are_secrets(arguments, &types) => need(
            Coverage::Writes,
            &format!("{verb} secrets"),
            "reads secrets",
        ),
        Coverage::Reads => need(coverage, &named, "reads"),
        Coverage::Writes if stays_here(arguments) => need(Coverage::Reads, &named, "only tries"),
        Coverage::Writes if objects::are_of_the_cluster(&types) => {
            need(Coverage::Everything, &named, "changes the cluster itself")
        }
        Coverage::Writes => need(coverage, &named, "writes"),
        Coverage::Everything => need(coverage, &named, "changes the cluster itself"),
    }
}

/// Whether a writing verb is told not to write: nothing is sent that needs more than looking.
fn stays_here(arguments: &Arguments) -> bool {
    arguments.value("dry-run") == Some("client") || arguments.is_set("local")
}

/// What helm does. It keeps its releases in Secrets, so that even its listings read secrets, unless
/// `HELM_DRIVER` says that they are kept elsewhere.
pub(super) fn of_helm(arguments: &Arguments, driver: Option<&str>) -> Deed {
    let in_secrets = matches!(driver, None | Some("secret" | "secrets"));
    let verb = arguments.verb().unwrap_or("help");
    let (coverage, does) = match verb {
        "list" | "ls" | "get" | "status" | "history" | "hist" if in_secrets => (
            Coverage::Writes,
            "reads releases, which are kept in secrets",
        ),
        "install" | "upgrade" | "uninstall" | "delete" | "del" | "un" | "rollback" | "test" => {
            (Coverage::Writes, "writes")
        }
        _ => (Coverage::Reads, "reads"),
    };
    Deed::Needs(Need {
        coverage,
        verb: match (coverage, does) {
            (Coverage::Reads, _) => "get".to_owned(),
            (_, "writes") => "apply".to_owned(),
            _ => "get secrets".to_owned(),
        },
        says: format!("helm {verb} {does}"),
    })
}

/// What any other program needs, as far as anybody can tell from outside: the least.
pub(super) fn of_unknown(program: &str) -> Need {
    Need {
        coverage: Coverage::Reads,
        verb: "get".to_owned(),
        says: format!("what {program:?} does is not known, so it may read"),
    }
}

/// How much a role allows, if that covers the need: by the verbs that the catalogue lists for it,
/// where there are any, or by its name.
pub(super) fn covers(role: &str, verbs: &BTreeSet<String>, need: &Need) -> Option<Coverage> {
    if verbs.is_empty() {
        return Coverage::of_name(role).filter(|coverage| *coverage >= need.coverage);
    }
    listed(verbs, &need.verb)
}

/// How much a role allows whose `verbs` list this one; a list that says `get` says nothing about
/// `get secrets`.
pub(super) fn listed(verbs: &BTreeSet<String>, verb: &str) -> Option<Coverage> {
    let first = match verb.split_once(' ') {
        Some((_, "secrets")) => "*",
        Some((first, _)) => first,
        None => verb,
    };
    let found = [verb, first, "*"].iter().any(|verb| verbs.contains(*verb));
    found.then(|| breadth(verbs))
}

fn breadth(verbs: &BTreeSet<String>) -> Coverage {
    verbs
        .iter()
        .map(|verb| match verb.split_once(' ') {
            Some((_, "secrets")) => Coverage::Writes,
            Some((first, second)) => coverage_of(first, second).unwrap_or(Coverage::Everything),
            None => coverage_of(verb, "").unwrap_or(Coverage::Everything),
        })
        .max()
        .unwrap_or(Coverage::Reads)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn deed(line: &str) -> Deed {
        let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        of_kubectl(&Arguments::read(&arguments))
    }

    const LOOKS: &str = "
        get pods
        -n x get pods -o yaml
        describe deploy/web
        logs -f web
        rollout status deploy/web
        auth can-i delete pods
        apply view-last-applied -f x.yaml
        create deployment x --image=y --dry-run=client -o yaml
        get -n secrets pods
        get pods secrets
        get configmaps
        get --raw=/healthz
        version
    ";
    const CHANGES: &str = "
        rollout restart deploy/web
        apply -f x.yaml
        diff -f x.yaml
        create deployment x --image=y --dry-run=server
        exec -it web -- sh
        delete pod web
        get secrets
        get secret/db
        get pod/x Secret/db
        get svc,secrets -A
        get secrets.v1.
        describe secret db
        get --raw /api/v1/namespaces/x/secrets?limit=1
    ";
    const OF_RULES: &str = "
        auth reconcile -f x
        delete namespaces shop
        delete ns/shop
        delete clusterrolebindings.rbac.authorization.k8s.io x
        create rolebinding x --user=eve --clusterrole=admin
        create token build
        label nodes a b=c
        drain node-1
        taint nodes a b=c:NoSchedule
    ";

    #[test]
    fn each_verb_needs_what_it_does() {
        for (lines, coverage) in [
            (LOOKS, Coverage::Reads),
            (CHANGES, Coverage::Writes),
            (OF_RULES, Coverage::Everything),
        ] {
            for line in lines.lines().filter(|line| !line.trim().is_empty()) {
                let Deed::Needs(need) = deed(line) else {
                    panic!("{line} needs a role");
                };
                assert_eq!(need.coverage, coverage, "{line}: {need:?}");
            }
        }
    }

    #[test]
    fn local_verbs_need_nothing_and_strange_ones_are_not_guessed() {
        for line in [
            "",
            "config view",
            "version --client",
            "get pods --help",
            "help get",
            "-h",
        ] {
            assert_eq!(deed(line), Deed::Local, "{line}");
        }
        for line in ["neat pods", "gett pods", "--context"] {
            let deed = deed(line);
            assert!(deed == Deed::Unknown || deed == Deed::Local, "{line}");
        }
    }

    #[test]
    fn a_role_covers_by_its_verbs_or_else_by_its_name() {
        let verbs = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let need = |line: &str| {
            let Deed::Needs(need) = deed(line) else {
                panic!("{line} needs a role");
            };
            need
        };
        let cases: [(&str, &[&str], &str, Option<Coverage>); 9] = [
            ("view", &[], "get pods", Some(Coverage::Reads)),
            ("view", &[], "delete pod x", None),
            ("edit", &[], "delete pod x", Some(Coverage::Writes)),
            ("edit", &[], "drain x", None),
            ("oncall", &[], "get pods", None),
            (
                "oncall",
                &["get", "delete"],
                "delete pod x",
                Some(Coverage::Writes),
            ),
            ("view", &["get"], "get secrets", None),
            (
                "view",
                &["get", "get secrets"],
                "get secrets",
                Some(Coverage::Writes),
            ),
            (
                "edit",
                &["rollout"],
                "rollout restart x",
                Some(Coverage::Writes),
            ),
        ];
        for (role, list, line, wanted) in cases {
            assert_eq!(
                covers(role, &verbs(list), &need(line)),
                wanted,
                "{role} {line}"
            );
        }
    }

    #[test]
    fn helm_reads_secrets_even_to_list() {
        let helm = |line: &str, driver| {
            let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
            let Deed::Needs(need) = of_helm(&Arguments::read(&arguments), driver) else {
                panic!("{line} needs a role");
            };
            need.coverage
        };
        assert_eq!(helm("list", None), Coverage::Writes);
        assert_eq!(helm("list", Some("configmap")), Coverage::Reads);
        assert_eq!(helm("template x", None), Coverage::Reads);
        assert_eq!(helm("upgrade --install x y", None), Coverage::Writes);
    }
}
