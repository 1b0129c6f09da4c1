//! What stands in a kubeconfig.

use super::desk::{Desk, put};
use crate::tools::kubernetes::standing;

const TEXT: &str = "
contexts:
- {name: a, context: {cluster: prod, user: token}}
- {name: b, context: {cluster: prod, user: both}}
- {name: c, context: {cluster: prod, user: ours}}
- {name: d, context: {cluster: elsewhere, user: token}}
- {name: e, context: {cluster: prod, user: gone}}
- {name: f, context: {cluster: prod, user: plugin}}
- {name: g, context: {cluster: prod}}
- {name: h}
clusters:
- {name: prod, cluster: {server: 'https://PROD.example.com:6443/'}}
- {name: elsewhere, cluster: {server: 'https://x'}}
users:
- {name: token, user: {token: hunter2}}
- {name: both, user: {password: [hunter2], client-certificate-data: hunter2, client-key-data: hunter2}}
- {name: ours, user: {exec: {command: /opt/jit, args: [exec-credential, 'kubernetes/prod:view']}}}
- {name: plugin, user: {exec: {command: aws, args: null}}}
- {name: token, user: null}
";

#[test]
fn what_stands_there_is_named_and_never_shown() {
    let desk = Desk::new();
    let file = desk.directory.path().join(".kube/config");
    put(&file, TEXT);
    let found = standing(&desk.environment, &desk.catalogue).unwrap();
    let said: Vec<String> = found
        .iter()
        .map(|one| {
            format!(
                "{} {} {}: {}",
                one.context,
                one.resource,
                one.user,
                one.brings.join(", ")
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            "a kubernetes/prod token: a token",
            "b kubernetes/prod both: a client certificate, a password",
            "f kubernetes/prod plugin: the plugin aws",
        ]
    );
    assert!(!format!("{found:?}").contains("hunter2"));
}
