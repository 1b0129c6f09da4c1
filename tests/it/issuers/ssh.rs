//! Certificates at a real sshd.

use std::{fs, path::Path, process::Command, time::Duration};

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

#[tokio::test]
async fn a_host_that_took_its_trust_back_lets_nobody_in() {
    let Some((scene, _)) = start() else {
        return;
    };
    let etc = scene.home.path("etc");
    fs::create_dir_all(etc.join("sshd_config.d")).unwrap();
    // Both scripts, on a host whose /etc/ssh is that directory.
    scene.home.tool("sshd", "exit 0");
    scene.home.tool("systemctl", "exit 0");
    let apply = |script: &str| {
        let script = script.replace("/etc/ssh", etc.to_str().unwrap());
        let ran = run(scene
            .home
            .command(Path::new("/bin/sh"))
            .args(["-c", &script]));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stderr
    };
    apply(&scene.trust());
    let server = Sshd::start(&etc.join("jit-web.pub")).unwrap();
    let grant = scene.grant(server.user());
    let let_in = ssh(&scene, &server, &grant, &["true"]).await;
    assert_eq!(let_in.code, 0, "{let_in:?}");
    let elsewhere = etc.join("own-cas.pub");
    fs::copy(etc.join("jit-web.pub"), &elsewhere).unwrap();
    let said = apply(&scene.removal());
    assert!(said.contains("is still in"), "{said}");
    assert!(said.contains("own-cas.pub"), "{said}");
    let refused = ssh(&scene, &server, &grant, &["true"]).await;
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
    fs::remove_file(elsewhere).unwrap();
    assert_eq!(apply(&scene.removal()), "", "again, which changes nothing");
    assert_eq!(fs::read_dir(etc.join("sshd_config.d")).unwrap().count(), 0);
}
