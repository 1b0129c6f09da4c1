//! A server that is not root, on files that root made for it: a pod of Kubernetes, a service of systemd. Both as
//! `examples/` has them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Home, Kube,
    daemon::Daemon,
    disk::Disk,
    home::run,
    http::Site,
    skip::skip,
    tls::Tls,
    until,
    wait::read_log,
    whereabouts::{copy_jit, is_root, program},
};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/kubernetes/jit.yaml");
const UNIT: &str = include_str!("../../../examples/systemd/jit.service");
const SERVICE: &str = include_str!("../../../examples/systemd/server.toml");

/// The user and group of the pod in the manifest.
const POD: u32 = 10001;

/// What only root can set up: owners, mounts, another user.
fn can_set_up() -> bool {
    let can = is_root() && program("setpriv", None).is_some();
    if !can {
        skip("only root can give files away and run a server as another user (setpriv)");
    }
    can
}

/// `jit` where every user can run it.
fn program_for_all(home: &Home) -> PathBuf {
    let copy = home.path("bin/jit");
    copy_jit(&copy);
    open(&home.path(""), 0o755);
    open(&home.path("bin"), 0o755);
    open(&copy, 0o755);
    copy
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A file of root's that the group of the pod may read.
fn given(file: &Path, text: &str, mode: u32) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    chown(file, Some(0), Some(POD)).unwrap();
    open(file, mode);
}

/// `jit serve` as the user of the pod, with that directory.
fn as_pod(home: &Home, directory: &Path) -> Command {
    let mut command = home.command(&program("setpriv", None).unwrap());
    command
        .args([format!("--reuid={POD}"), format!("--regid={POD}")])
        .args(["--clear-groups", "--bounding-set=-all", "--no-new-privs"])
        .arg(program_for_all(home))
        .args(["serve", "--config"])
        .arg(directory)
        .current_dir("/");
    command
}

/// The URL that a server says, once it serves.
fn served(daemon: &mut Daemon) -> String {
    let line = daemon.ready(|log| {
        let text = read_log(log);
        let line = text.lines().find(|line| line.contains("listening on "))?;
        Some(line.rsplit_once("listening on ").unwrap().1.to_owned())
    });
    format!("https://{}", line.unwrap())
}

/// The files of the manifest's `ConfigMap`, with that in the place of what is the machine's own.
fn config_map(kube: &Kube, replaced: &[(&str, String)]) -> Vec<(String, String)> {
    let json = kube.kubectl(&["-n", "jit", "get", "configmap", "jit", "-o", "json"]);
    let map: Value = serde_json::from_str(&json).unwrap();
    let data = map["data"].as_object().unwrap().iter();
    let files = data.map(|(name, text)| {
        let text = replaced
            .iter()
            .fold(text.as_str().unwrap().to_owned(), |text, (from, to)| {
                assert!(
                    name != "server.toml" || text.contains(from),
                    "{from}: {text}"
                );
                text.replace(from, to)
            });
        (name.clone(), text)
    });
    files.collect()
}

/// A volume of the `ConfigMap` as the kubelet makes one for a pod with `fsGroup`: links to a directory of
/// mode 2777, mounted read-only.
fn mounted(disk: &Disk, files: &[(String, String)]) {
    let data = disk.path().join("..2026_12_01");
    fs::create_dir_all(data.join("policies")).unwrap();
    for (name, text) in files {
        let path = if name == "routine.cedar" {
            format!("policies/{name}")
        } else {
            name.clone()
        };
        given(&data.join(path), text, 0o644);
    }
    for directory in [&data.join("policies"), &data, disk.path()] {
        chown(directory, Some(0), Some(POD)).unwrap();
        open(directory, 0o2777);
    }
    symlink("..2026_12_01", disk.path().join("..data")).unwrap();
    for name in ["server.toml", "authority.toml", "policies"] {
        symlink(format!("..data/{name}"), disk.path().join(name)).unwrap();
    }
    disk.seal();
}

#[test]
fn the_manifest_is_taken_and_its_pod_serves_on_the_volumes_that_kubernetes_makes() {
    if !can_set_up() {
        return;
    }
    let Some(kube) = Kube::shared() else { return };
    kube.kubectl(&["apply", "-f", MANIFEST]);
    let json = kube.kubectl(&["-n", "jit", "get", "deployment", "jit", "-o", "json"]);
    let deployment: Value = serde_json::from_str(&json).unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsUser"], POD);
    assert_eq!(pod["securityContext"]["fsGroup"], POD);
    let secrets = pod["volumes"].as_array().unwrap().iter();
    let modes = secrets.filter_map(|volume| volume["secret"]["defaultMode"].as_u64());
    assert_eq!(modes.collect::<Vec<u64>>(), [0o440, 0o440]);

    let (home, Some(disk)) = (Home::new(), Disk::in_memory(2)) else {
        return;
    };
    let tls = Tls::for_loopback(&home.path("config"));
    let text = |file: &Path| fs::read_to_string(file).unwrap();
    let secrets = home.path("secrets");
    given(
        &secrets.join("sealing-key"),
        &STANDARD.encode([7; 32]),
        0o440,
    );
    given(&secrets.join("tls.key"), &text(&tls.key), 0o440);
    given(&secrets.join("tls.crt"), &text(&tls.certificate), 0o440);
    let volume = home.path("volume");
    fs::create_dir(&volume).unwrap();
    chown(&volume, Some(0), Some(POD)).unwrap();
    open(&volume, 0o2777);
    let shown = secrets.display();
    let files = config_map(
        kube,
        &[
            ("file:/etc/jit-secrets", format!("file:{shown}")),
            ("/etc/jit-tls", shown.to_string()),
            ("/var/lib/jit", volume.display().to_string()),
            ("0.0.0.0:8443", "127.0.0.1:0".to_owned()),
        ],
    );
    mounted(&disk, &files);
    let mut command = as_pod(&home, disk.path());
    let mut server = Daemon::spawn("pod", &mut command, &home.path("run"));
    let url = served(&mut server);
    let site = Site::new(&url, Some(&tls.authority));
    assert_eq!(site.get("/readyz").status, 200);
    let made = fs::metadata(volume.join("state")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    server.stop(Signal::TERM);
}

#[test]
fn a_pod_hears_what_whoever_makes_its_volumes_is_to_change() {
    if !can_set_up() {
        return;
    }
    let home = Home::new();
    let (directory, secrets) = (home.path("server"), home.path("secrets"));
    let refused = |server: &str| {
        given(&directory.join("server.toml"), server, 0o644);
        let ran = run(&mut as_pod(&home, &directory));
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(
            !ran.stderr.contains("chmod") && !ran.stderr.contains("chown"),
            "{ran:?}"
        );
        ran.stderr
    };
    let key = secrets.join("sealing-key");
    given(&key, &STANDARD.encode([7; 32]), 0o444);
    let named = format!("sealing_key = \"file:{}\"", key.display());
    let said = refused(&named);
    assert!(said.contains("defaultMode: 0440 and fsGroup"), "{said}");
    open(&key, 0o440);
    let volume = home.path("volume");
    fs::create_dir(&volume).unwrap();
    open(&volume, 0o2777);
    let said = refused(&format!("state = \"{}\"\n{named}", volume.display()));
    let below = format!(
        "name a directory below it, which is made then: {}/jit",
        volume.display()
    );
    assert!(said.contains(&below), "{said}");
}

/// The values of a key of the unit.
fn values(key: &str) -> Vec<&'static str> {
    let lines = UNIT.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let Some(analyze) = program("systemd-analyze", None) else {
        return skip("systemd-analyze is missing (Debian: systemd)");
    };
    let ran = run(Command::new(analyze)
        .args(["verify", "--man=no"])
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/examples/systemd/jit.service"
        )));
    // The program is not installed where the tests run.
    let complaints = ran
        .stderr
        .lines()
        .filter(|line| line.contains("jit.service") && !line.contains("/usr/local/bin/jit"));
    assert_eq!(complaints.count(), 0, "{ran:?}");
}

#[test]
fn the_unit_hands_over_every_credential_that_its_server_names_and_the_server_runs_on_them() {
    let handed = values("LoadCredential");
    let handed = handed.iter().map(|value| value.split(':').next().unwrap());
    let handed: Vec<&str> = handed.collect();
    let named = SERVICE.lines().filter_map(|line| {
        let (_, rest) = line.split_once("\"credential:")?;
        rest.strip_suffix('"')
    });
    assert_eq!(named.collect::<Vec<&str>>(), handed);
    assert_eq!(
        values("ExecStart"),
        ["/usr/local/bin/jit serve --config /etc/jit"]
    );
    assert_eq!(values("StateDirectory"), ["jit"]);
    assert_eq!(values("StateDirectoryMode"), ["0700"]);
    if !can_set_up() {
        return;
    }
    let home = Home::new();
    let tls = Tls::for_loopback(&home.path("config"));
    let text = |file: &Path| fs::read_to_string(file).unwrap();
    let credentials = home.path("credentials");
    given(
        &credentials.join("sealing-key"),
        &STANDARD.encode([7; 32]),
        0o440,
    );
    given(&credentials.join("tls-key"), &text(&tls.key), 0o440);
    given(
        &credentials.join("tls-certificate"),
        &text(&tls.certificate),
        0o440,
    );
    let state = home.path("lib");
    fs::create_dir(&state).unwrap();
    chown(&state, Some(POD), Some(POD)).unwrap();
    open(&state, 0o700);
    let server = SERVICE
        .replace("/var/lib/jit", &state.display().to_string())
        .replace("0.0.0.0:8443", "127.0.0.1:0");
    given(&home.path("server/server.toml"), &server, 0o644);
    let mut command = as_pod(&home, &home.path("server"));
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let mut daemon = Daemon::spawn("service", &mut command, &home.path("run"));
    let url = served(&mut daemon);
    let site = Site::new(&url, Some(&tls.authority));
    assert_eq!(site.get("/readyz").status, 200);
    // As `systemctl reload` does.
    assert_eq!(values("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    daemon.signal(Signal::HUP);
    until("a reload", || {
        read_log(daemon.log())
            .contains("jit: reloaded")
            .then_some(())
    });
}
