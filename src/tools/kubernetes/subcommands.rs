//! kubectl's commands that have commands of their own.

use super::argv::lists;

/// The commands below each, of kubectl 1.36.
const BELOW: [(&str, &str); 14] = [
    ("alpha", "kuberc"),
    ("apply", "edit-last-applied set-last-applied view-last-applied"),
    ("auth", "can-i reconcile whoami"),
    ("certificate", "approve deny"),
    ("cluster-info", "dump"),
    (
        "config",
        "current-context delete-cluster delete-context delete-user get-clusters get-contexts get-users
         rename-context set set-cluster set-context set-credentials unset use-context view",
    ),
    (
        "create",
        "clusterrole clusterrolebinding configmap cronjob deployment ingress job namespace
         poddisruptionbudget priorityclass quota role rolebinding secret service serviceaccount token",
    ),
    ("create secret", "docker-registry generic tls"),
    ("create service", "clusterip externalname loadbalancer nodeport"),
    ("kuberc", "set view"),
    ("plugin", "list"),
    ("rollout", "history pause restart resume status undo"),
    ("set", "env image resources selector serviceaccount subject"),
    ("top", "node pod"),
];

/// Other names of some of them.
const SAME: [(&str, &str); 14] = [
    ("cj", "cronjob"),
    ("cm", "configmap"),
    ("deploy", "deployment"),
    ("ing", "ingress"),
    ("no", "node"),
    ("nodes", "node"),
    ("ns", "namespace"),
    ("pc", "priorityclass"),
    ("pdb", "poddisruptionbudget"),
    ("po", "pod"),
    ("pods", "pod"),
    ("resourcequota", "quota"),
    ("sa", "serviceaccount"),
    ("svc", "service"),
];

/// The name of the command that these words run, the innermost: `image` of `set image deployment/web`.
pub(super) fn innermost<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut words = words.into_iter();
    let mut path = words.next()?.to_owned();
    let mut name = path.clone();
    for word in words {
        let same = SAME.iter().find(|(other, _)| *other == word);
        let word = same.map_or(word, |(_, own)| own);
        let below = BELOW.iter().find(|(of, _)| *of == path);
        if !below.is_some_and(|(_, commands)| lists(commands, word)) {
            break;
        }
        path = format!("{path} {word}");
        word.clone_into(&mut name);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_by_its_innermost_name() {
        for (line, name) in [
            ("get pods", "get"),
            ("set image deployment/web web=x", "image"),
            ("create -", "create"),
            ("create cm x", "configmap"),
            ("create secret generic x", "generic"),
            ("create secrets", "create"),
            ("rollout restart deploy/x", "restart"),
            ("top", "top"),
        ] {
            assert_eq!(innermost(line.split(' ')).as_deref(), Some(name), "{line}");
        }
        assert_eq!(innermost([]), None);
    }
}
