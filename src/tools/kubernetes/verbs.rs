//! What a command does in a cluster: kubectl's verbs, helm's, and those of nobody knows what.

use std::collections::BTreeSet;

use super::argv::Arguments;
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
const LOCAL: &[&str] = &[
    "completion",
    "config",
    "help",
    "kuberc",
    "kustomize",
    "options",
    "plugin",
];

/// Verbs whose first word is a type of object, or several: `pods`, `deploy/web`, `svc,secrets`.
const TYPED: &[&str] = &[
    "annotate", "create", "delete", "describe", "edit", "get", "label", "patch",
];

/// Types that belong to the cluster itself, or say who may do what in it: Kubernetes' own `edit`
/// role cannot touch them. A service account's token is among them because it outlives the grant.
const OF_THE_CLUSTER: &[&str] = &[
    "apiservice",
    "certificatesigningrequest",
    "clusterrole",
    "clusterrolebinding",
    "crd",
    "csr",
    "customresourcedefinition",
    "mutatingwebhookconfiguration",
    "namespace",
    "no",
    "node",
    "ns",
    "persistentvolume",
    "priorityclass",
    "pv",
    "quota",
    "resourcequota",
    "role",
    "rolebinding",
    "sc",
    "storageclass",
    "token",
    "validatingadmissionpolicies",
    "validatingadmissionpolicy",
    "validatingadmissionpolicybinding",
    "validatingwebhookconfiguration",
];

/// How much a verb of kubectl does; `None` for one that kubectl does not have.
fn coverage_of(verb: &str, second: &str) -> Option<Coverage> {
    Some(match (verb, second) {
        ("auth", "can-i" | "whoami")
        | ("rollout", "history" | "status")
        | ("apply", "view-last-applied")
        | (
            "get" | "describe" | "logs" | "top" | "explain" | "api-resources" | "api-versions"
            | "version" | "cluster-info" | "events" | "wait" | "__complete" | "__completeNoDesc",
            _,
        ) => Coverage::Reads,
        // diff asks the server for a dry run of its patch, which needs the right to patch.
        ("diff", _)
        | (
            "apply" | "create" | "patch" | "edit" | "replace" | "scale" | "autoscale" | "label"
            | "annotate" | "set" | "expose" | "run" | "rollout" | "exec" | "attach"
            | "port-forward" | "cp" | "debug" | "proxy" | "delete",
            _,
        ) => Coverage::Writes,
        ("auth" | "certificate" | "cordon" | "uncordon" | "drain" | "taint", _) => {
            Coverage::Everything
        }
        _ => return None,
    })
}

/// What kubectl does with these arguments.
pub(super) fn of_kubectl(arguments: &Arguments) -> Deed {
    let Some(verb) = arguments.verb() else {
        return Deed::Local;
    };
    let client_only = verb == "version" && arguments.is_set("client");
    if LOCAL.contains(&verb) || client_only || arguments.is_set("help") {
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
    let types = types(arguments);
    let need = |coverage, verb: &str, does: &str| {
        Deed::Needs(Need {
            coverage,
            verb: verb.to_owned(),
            says: format!("{verb} {does}"),
        })
    };
    match coverage {
        Coverage::Reads if reads_secrets(arguments, &types) => need(
            Coverage::Writes,
            &format!("{verb} secrets"),
            "reads secrets",
        ),
        Coverage::Reads => need(coverage, &named, "reads"),
        Coverage::Writes if stays_here(arguments) => need(Coverage::Reads, &named, "only tries"),
        Coverage::Writes if types.iter().any(|kind| is_one_of(kind, OF_THE_CLUSTER)) => {
            need(Coverage::Everything, &named, "changes the cluster itself")
        }
        Coverage::Writes => need(coverage, &named, "writes"),
        Coverage::Everything => need(coverage, &named, "changes the cluster itself"),
    }
}

/// The types of object that the command names, in lower case and without their API group.
fn types(arguments: &Arguments) -> Vec<String> {
    if !arguments.verb().is_some_and(|verb| TYPED.contains(&verb)) {
        return Vec::new();
    }
    let behind = arguments.words.get(1..).unwrap_or_default();
    let slashed = behind.iter().any(|word| word.contains('/'));
    let named: Vec<&str> = if slashed {
        let types = behind.iter().filter_map(|word| word.split_once('/'));
        types.map(|(kind, _)| kind).collect()
    } else {
        behind
            .first()
            .map_or("", String::as_str)
            .split(',')
            .collect()
    };
    let plain = |kind: &str| kind.split('.').next().unwrap_or_default().to_lowercase();
    named.into_iter().map(plain).collect()
}

/// Whether a type is one of these, in singular or plural.
fn is_one_of(kind: &str, names: &[&str]) -> bool {
    let forms = [Some(kind), kind.strip_suffix('s'), kind.strip_suffix("es")];
    forms
        .into_iter()
        .flatten()
        .any(|kind| names.contains(&kind))
}

/// Kubernetes' own `view` role leaves secrets out, so reading them is more than reading.
fn reads_secrets(arguments: &Arguments, types: &[String]) -> bool {
    let raw = arguments.value("raw").unwrap_or_default();
    let path = raw.split('?').next().unwrap_or_default();
    types.iter().any(|kind| is_one_of(kind, &["secret"]))
        || path.split('/').any(|segment| segment == "secrets")
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
    lists(verbs, &need.verb)
}

/// How much a role allows whose `verbs` list this one; a list that says `get` says nothing about
/// `get secrets`.
pub(super) fn lists(verbs: &BTreeSet<String>, verb: &str) -> Option<Coverage> {
    let first = match verb.split_once(' ') {
        Some((_, "secrets")) => "*",
        Some((first, _)) => first,
        None => verb,
    };
    let listed = [verb, first, "*"].iter().any(|verb| verbs.contains(*verb));
    listed.then(|| breadth(verbs))
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

    #[test]
    fn each_verb_needs_what_it_does() {
        use Coverage::{Everything, Reads, Writes};
        for (line, coverage) in [
            ("get pods", Reads),
            ("-n x get pods -o yaml", Reads),
            ("describe deploy/web", Reads),
            ("logs -f web", Reads),
            ("rollout status deploy/web", Reads),
            ("rollout restart deploy/web", Writes),
            ("auth can-i delete pods", Reads),
            ("auth reconcile -f x", Everything),
            ("apply -f x.yaml", Writes),
            ("apply view-last-applied -f x.yaml", Reads),
            ("diff -f x.yaml", Writes),
            (
                "create deployment x --image=y --dry-run=client -o yaml",
                Reads,
            ),
            ("create deployment x --image=y --dry-run=server", Writes),
            ("exec -it web -- sh", Writes),
            ("delete pod web", Writes),
            ("delete namespaces shop", Everything),
            ("delete ns/shop", Everything),
            (
                "delete clusterrolebindings.rbac.authorization.k8s.io x",
                Everything,
            ),
            (
                "create rolebinding x --user=eve --clusterrole=admin",
                Everything,
            ),
            ("create token build", Everything),
            ("label nodes a b=c", Everything),
            ("drain node-1", Everything),
            ("taint nodes a b=c:NoSchedule", Everything),
            ("get secrets", Writes),
            ("get secret/db", Writes),
            ("get pod/x Secret/db", Writes),
            ("get svc,secrets -A", Writes),
            ("get secrets.v1.", Writes),
            ("describe secret db", Writes),
            ("get -n secrets pods", Reads),
            ("get pods secrets", Reads),
            ("get configmaps", Reads),
            ("get --raw /api/v1/namespaces/x/secrets?limit=1", Writes),
            ("get --raw=/healthz", Reads),
            ("version", Reads),
        ] {
            match deed(line) {
                Deed::Needs(need) => assert_eq!(need.coverage, coverage, "{line}: {need:?}"),
                other => panic!("{line}: {other:?}"),
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
        let need = |line: &str| match deed(line) {
            Deed::Needs(need) => need,
            other => panic!("{other:?}"),
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
            match of_helm(&Arguments::read(&arguments), driver) {
                Deed::Needs(need) => need.coverage,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(helm("list", None), Coverage::Writes);
        assert_eq!(helm("list", Some("configmap")), Coverage::Reads);
        assert_eq!(helm("template x", None), Coverage::Reads);
        assert_eq!(helm("upgrade --install x y", None), Coverage::Writes);
    }
}
