//! Targets that are down, silent, or something else: each is told apart, and names itself.

use std::time::Instant;

use jit::domain::{
    elevation::Grant,
    failure::{Code, Failure},
};

use super::Scene;
use crate::support::{
    Access, Kube, Postgres,
    stranger::{DOWN, saying, silent},
};

/// One resource of each kind that is spoken to, at this port.
fn scenes(port: u16) -> [(Scene, Grant); 3] {
    let mut kubernetes = Scene::new(
        "kubernetes/prod",
        &format!(
            "server = \"https://127.0.0.1:{port}\"
            issuer = \"token-request\"
            credential = \"env:BASE\"
            roles.view.service_account = \"jit/view\""
        ),
    );
    kubernetes.set("BASE", "hunter2");
    let mut postgres = Scene::new(
        "postgres/orders",
        "hosts = [\"db\"]
        issuer = \"dynamic-role\"
        credential = \"env:BASE\"
        roles.view.role = \"ro\"",
    );
    let url = format!("postgresql://jit:hunter2@127.0.0.1:{port}/orders?sslmode=require");
    postgres.set("BASE", &url);
    let mut aws = Scene::new(
        "aws/prod",
        &format!(
            "account = \"123456789012\"
            issuer = \"assume-role\"
            endpoint = \"http://127.0.0.1:{port}\"
            roles.view.arn = \"arn:aws:iam::123456789012:role/view\""
        ),
    );
    aws.set("AWS_ACCESS_KEY_ID", "AKIA");
    aws.set("AWS_SECRET_ACCESS_KEY", "hunter2");
    [kubernetes, postgres, aws].map(|scene| {
        let grant = scene.grant("view");
        (scene, grant)
    })
}

async fn failures(port: u16) -> [Failure; 3] {
    let scenes = scenes(port);
    let [one, two, three] = [0, 1, 2].map(|index| failure(&scenes[index], port));
    let (one, two, three) = tokio::join!(one, two, three);
    [one, two, three]
}

async fn failure((scene, grant): &(Scene, Grant), port: u16) -> Failure {
    let failure = scene.issue(grant).await.unwrap_err();
    let shown = format!("{failure:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let name = scene.name.to_string();
    assert!(failure.message.starts_with(&name), "{shown}");
    assert!(failure.message.contains(&port.to_string()), "{shown}");
    assert!(!failure.hint.is_empty(), "{shown}");
    failure
}

#[tokio::test]
async fn a_target_that_is_down_refuses_connections() {
    for failure in failures(DOWN).await {
        assert!(
            failure.message.ends_with("refuses connections"),
            "{failure:?}"
        );
        assert_eq!(failure.code, Code::Failed);
    }
}

#[tokio::test]
async fn a_target_that_says_nothing_is_not_waited_for_for_ever() {
    let (_silent, port) = silent();
    let began = Instant::now();
    for failure in failures(port).await {
        assert_eq!(failure.code, Code::TimedOut, "{failure:?}");
        assert!(
            failure
                .message
                .ends_with("did not answer within 10 seconds"),
            "{failure:?}"
        );
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_target_that_is_something_else_is_told_so() {
    for words in [
        b"SSH-2.0-OpenSSH_9.2p1\r\n".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello",
        b"\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff",
    ] {
        for failure in failures(saying(words)).await {
            assert!(failure.message.contains("does not speak as"), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_not_trusted() {
    if let Some(kube) = Kube::shared() {
        let port = kube.url().rsplit(':').next().unwrap().parse().unwrap();
        let [(scene, grant), ..] = scenes(port);
        let failure = scene.issue(&grant).await.unwrap_err();
        assert!(failure.message.ends_with("is not trusted"), "{failure:?}");
        assert!(failure.hint.contains("certificate_authority"));
    }
    if let Some(server) = Postgres::start(Access::default()) {
        let [_, (mut scene, grant), _] = scenes(server.port());
        for mode in ["verify-full", "verify-ca"] {
            let port = server.port();
            let url = format!("postgresql://jit:x@127.0.0.1:{port}/orders?sslmode={mode}");
            scene.set("BASE", &url);
            let failure = scene.issue(&grant).await.unwrap_err();
            assert!(failure.message.ends_with("is not trusted"), "{failure:?}");
        }
    }
}
