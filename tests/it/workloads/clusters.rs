//! Two real clusters whose tokens name the same issuer, as those do that nobody configured otherwise.

use std::{fs, os::unix::fs::PermissionsExt as _};

use jit::domain::failure::Code;
use tempfile::TempDir;

use super::{
    Place, SERVER, block_on,
    kubernetes::{account, token},
    why,
};
use crate::support::{Kube, kubernetes::ADMIN_TOKEN};

/// For whom the second cluster's tokens are.
const OTHER: &str = "jit-of-the-other-cluster";

/// A catalogue with both clusters.
fn catalogue(clusters: [(&str, &Kube); 2], directory: &TempDir) -> String {
    let token = directory.path().join("cluster.token");
    fs::write(&token, ADMIN_TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let clusters = clusters.map(|(name, kube)| {
        format!(
            "[resources.\"kubernetes/{name}\"]\nserver = \"{}\"\ncertificate_authority = \"{}\"\n\
             issuer = \"token-request\"\ncredential = \"file:cluster.token\"\n\
             roles.view = {{ service_account = \"jit/view\" }}\n",
            kube.url(),
            kube.ca().display()
        )
    });
    clusters.concat()
}

/// An entry of jobs in the namespace `twins`.
fn entry(name: &str, source: &str, audience: &str) -> String {
    format!(
        "[[workloads]]\nname = '{name}'\nkind = 'kubernetes'\n{source}\naudience = '{audience}'\n\
         principal = '{name}-{{service_account_uid}}'\nmatch = {{ namespace = 'twins' }}\n"
    )
}

#[test]
fn tokens_of_two_clusters_with_one_issuer_are_told_apart_by_their_audience() {
    let (Some(one), Some(two)) = (Kube::shared(), Kube::start(&[])) else {
        return;
    };
    let uids = [
        account(one, "twins", "build"),
        account(&two, "twins", "build"),
    ];
    let directory = TempDir::new().unwrap();
    let catalogue = catalogue([("one", one), ("two", &two)], &directory);
    let path = |name: &str| directory.path().join(name);
    for (name, kube) in [("one.json", one), ("two.json", &two)] {
        fs::write(
            path(name),
            kube.kubectl(&["get", "--raw", "/openid/v1/jwks"]),
        )
        .unwrap();
    }
    let issuer = "issuer = 'https://kubernetes.default.svc'";
    let reviewed = [
        entry("one", "token_review = 'kubernetes/one'", SERVER),
        entry("two", "token_review = 'kubernetes/two'", OTHER),
    ];
    let by_key_sets = [
        entry("one", &format!("{issuer}\njwks = 'one.json'"), SERVER),
        entry("two", &format!("{issuer}\njwks = 'two.json'"), OTHER),
    ];
    block_on(async {
        let mut place = Place::within(directory, &catalogue, &reviewed.concat()).await;
        for workloads in [reviewed.concat(), by_key_sets.concat()] {
            place = Place::within(place.directory, &catalogue, &workloads).await;
            for (kube, audience, name) in [
                (one, SERVER, format!("one-{}", uids[0])),
                (&two, OTHER, format!("two-{}", uids[1])),
            ] {
                let own = token(kube, "twins", "build", audience);
                let admitted = place.by_token(&own).await.unwrap();
                assert_eq!(admitted.caller.principal.name(), name);
            }
            // A token for the audience of the other cluster is none of its tokens.
            let failure = why(place.by_token(&token(one, "twins", "build", OTHER)).await);
            assert_eq!(failure.code, Code::SignIn, "{failure:?}");
        }
    });
}
