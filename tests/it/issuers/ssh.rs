//! Certificates at a real sshd.

use std::{path::Path, process::Command, time::Duration};

use jit::{
    domain::{credential::Secret, elevation::Grant},
    issuers,
    platform::clock,
};
use ssh_key::{
    LineEnding, PrivateKey,
    private::{Ed25519Keypair, Ed25519PrivateKey},
};

use super::Scene;
use crate::support::{Sshd, client_config, home::Ran, run};

fn start() -> Option<(Scene, Sshd)> {
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let scene = Scene::new(
        "ssh/web",
        &format!(
            "hosts = [\"web\"]\nroles.{} = {{}}\nroles.nobody = {{}}",
            user.trim()
        ),
    );
    let line = issuers::trust_ca(&scene.name, &scene.resource, &scene.site()).unwrap();
    assert!(scene.trust().contains(&line));
    let server = Sshd::start(&scene.home.write("ca.pub", &line))?;
    Some((scene, server))
}

/// Runs a command at the server with what was issued.
async fn ssh(scene: &Scene, server: &Sshd, grant: &Grant, more: &[&str]) -> Ran {
    let Secret::SshCertificate(certificate) = scene.issue(grant).await.unwrap().secret else {
        panic!("another secret");
    };
    present(scene, server, &certificate, more)
}

fn present(scene: &Scene, server: &Sshd, certificate: &str, more: &[&str]) -> Ran {
    let private = Ed25519PrivateKey::try_from(scene.client.expose_seed()).unwrap();
    let key = PrivateKey::from(Ed25519Keypair::from(private));
    let key = scene
        .home
        .write("id", &key.to_openssh(LineEnding::LF).unwrap());
    let certificate = scene.home.write("id-cert.pub", certificate);
    let config = client_config(&scene.home.path("."), &[("web", server, None)]);
    run(scene
        .home
        .command(Path::new("ssh"))
        .arg("-F")
        .arg(config)
        .arg("-i")
        .arg(key)
        .arg("-o")
        .arg(format!("CertificateFile={}", certificate.display()))
        .args([
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
            "web",
        ])
        .args(more))
}

#[tokio::test]
async fn a_certificate_opens_its_login_and_is_named_in_the_log() {
    let Some((scene, server)) = start() else {
        return;
    };
    let grant = scene.grant(server.user());
    let ran = ssh(&scene, &server, &grant, &["echo", "here"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "here\n"), "{ran:?}");
    let logged = server.logged("Accepted publickey");
    let label = format!("ID jit:{}:alice@example.com (serial ", grant.id);
    assert!(logged.contains(&label), "{logged}");
}

#[tokio::test]
async fn another_login_a_past_certificate_and_another_authority_are_refused() {
    let Some((scene, server)) = start() else {
        return;
    };
    let refused = ssh(&scene, &server, &scene.grant("nobody"), &["true"]).await;
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");

    let grant = scene.grant(server.user());
    let earlier = clock::now().before(Duration::from_mins(20));
    let over = scene.issue_at(&grant, earlier).await.unwrap();
    let Secret::SshCertificate(certificate) = over.secret else {
        panic!("another secret");
    };
    let refused = present(&scene, &server, &certificate, &["true"]);
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
    server.logged("Certificate invalid: expired");

    let mut stranger = scene.grant(server.user());
    stranger.id = grant.id.clone();
    let other = Scene {
        authority: jit::platform::keys::generate().unwrap(),
        ..scene
    };
    let refused = ssh(&other, &server, &stranger, &["true"]).await;
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
}
