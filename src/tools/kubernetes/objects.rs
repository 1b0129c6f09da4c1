//! The types of objects that a command of kubectl names.

use super::argv::{Arguments, lists};

/// Verbs whose first word is a type of object, or several: `pods`, `deploy/web`, `svc,secrets`.
const TYPED: &str = "
    annotate create delete describe edit get label patch
";

/// Types that belong to the cluster itself, or say who may do what in it: Kubernetes' own `edit`
/// role cannot touch them. A service account's token is among them because it outlives the grant.
const OF_THE_CLUSTER: &str = "
    apiservice certificatesigningrequest clusterrole clusterrolebinding crd csr
    customresourcedefinition mutatingwebhookconfiguration namespace no node ns
    persistentvolume priorityclass pv quota resourcequota role rolebinding sc storageclass
    token validatingadmissionpolicies validatingadmissionpolicy
    validatingadmissionpolicybinding validatingwebhookconfiguration
";

/// The types of object that the command names, in lower case and without their API group.
pub(super) fn named(arguments: &Arguments) -> Vec<String> {
    if !arguments.verb().is_some_and(|verb| lists(TYPED, verb)) {
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
fn is_one_of(kind: &str, names: &str) -> bool {
    let forms = [Some(kind), kind.strip_suffix('s'), kind.strip_suffix("es")];
    forms.into_iter().flatten().any(|kind| lists(names, kind))
}

/// Kubernetes' own `view` role leaves secrets out, so reading them is more than reading.
pub(super) fn are_secrets(arguments: &Arguments, types: &[String]) -> bool {
    let raw = arguments.value("raw").unwrap_or_default();
    let path = raw.split('?').next().unwrap_or_default();
    types.iter().any(|kind| is_one_of(kind, "secret"))
        || path.split('/').any(|segment| segment == "secrets")
}

/// Whether any of the types belongs to the cluster itself.
pub(super) fn are_of_the_cluster(types: &[String]) -> bool {
    types.iter().any(|kind| is_one_of(kind, OF_THE_CLUSTER))
}
