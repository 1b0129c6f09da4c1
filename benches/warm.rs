//! The warm path, whole processes in turns: a cached `jit exec -- true` against plain `true` and
//! against the smallest Rust program that execs `true`; and other programs that give tools a
//! credential, where they are installed. Run: `cargo bench --bench warm`, with
//! `JIT_BENCH_BIN` for a `jit` that was linked as `install.sh` does it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark may fail, and prints"
)]

mod measure;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use all of it")]
mod support;

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[path = "measure/rivals.rs"]
mod rivals;

use measure::{Contender, in_turns, quantile, rounds};
use support::{
    Home,
    held::{home_with_leases, served_home_with_profile_among},
    whereabouts::jit,
};

/// What `jit` does at the end, and nothing else.
const SMALLEST: &str = r#"
use std::os::unix::process::CommandExt;
fn main() { panic!("{}", std::process::Command::new("true").exec()); }
"#;

/// What kubectl asks its plugin.
const REACHES: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://kubernetes.invalid:6443"},"interactive":false}}"#;

const SMALLEST_NAME: &str = "smallest Rust program → true";

fn main() {
    let home = home_with_leases();
    // link/warm.py looks at the same commands in another way.
    let mut words = env::args().skip(1).filter(|word| word != "--bench");
    if let Some(program) = words.next() {
        let program = fs::canonicalize(program).expect("a program");
        let mut command = home.command(&program);
        assert!(
            command
                .args(words)
                .arg(jit())
                .status()
                .expect("it runs")
                .success()
        );
        return;
    }
    let smallest = compile(&home);
    let alone = |program: &Path| quiet(home.command(program));
    let held = |args: &[&str]| quiet(home.jit(args));
    let mut contenders = vec![
        contender("true", alone(Path::new("true"))),
        contender(SMALLEST_NAME, alone(&smallest)),
        contender("jit --version", held(&["--version"])),
    ];
    for on in ["aws/held", "kubernetes/held", "postgres/held", "ssh/held"] {
        let name = format!("jit exec --on {on} → true");
        contenders.push(contender(&name, held(&["exec", "--on", on, "--", "true"])));
    }
    for (verb, entitlement) in [
        ("exec-credential", "kubernetes/held:view"),
        ("credential-process", "aws/held:read"),
    ] {
        let mut command = held(&[verb, entitlement]);
        command.env("KUBERNETES_EXEC_INFO", REACHES);
        contenders.push(contender(&format!("jit {verb}"), command));
    }
    let catalogues =
        [1, 1000, 2000].map(|resources| (resources, served_home_with_profile_among(resources - 1)));
    for (resources, home) in &catalogues {
        for (way, command) in ways(home) {
            let name = format!("{way}, {resources} of a server");
            contenders.push(contender(&name, command));
        }
    }
    for (name, mut command) in rivals::rivals(&home) {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        contenders.push(contender(&name, command));
    }
    let measured = in_turns(rounds(300), &mut contenders);
    let base = measured.iter().find(|(name, _)| name == SMALLEST_NAME);
    let base = quantile(&base.expect("measured").1, 0.5);
    println!("{:44} {:>9} {:>9} {:>7}", "", "median", "p95", "ratio");
    for (name, spans) in &measured {
        let (middle, slow) = (quantile(spans, 0.5), quantile(spans, 0.95));
        println!(
            "{name:44} {middle:>6.0} µs {slow:>6.0} µs {:>7.2}",
            middle / base
        );
    }
    about();
}

/// Each way on which a resource of a server is recognised and its credential given, to a tool that does
/// nothing.
fn ways(home: &Home) -> Vec<(String, Command)> {
    let mut ways = Vec::new();
    for on in ["aws/held", "kubernetes/held", "postgres/held", "ssh/held"] {
        let command = quiet(home.jit(["exec", "--on", on, "--", "true"]));
        ways.push((format!("jit exec --on {on}"), command));
    }
    for (tool, words) in [
        ("kubectl", &["--context", "held", "get", "pods"][..]),
        ("psql", &["-h", "postgres.invalid", "-d", "x"]),
        ("aws", &["--profile", "held", "s3", "ls"]),
    ] {
        let program = home.path(&format!("bin/{tool}"));
        drop(symlink("/usr/bin/true", &program));
        let mut command = home.jit(["exec", "--"]);
        command.arg(program).args(words);
        ways.push((format!("jit exec -- {tool}"), quiet(command)));
    }
    let script = "if [ \"$1\" = -G ]; then exec ssh \"$@\"; fi";
    let mut command = home.jit(["exec", "--"]);
    command
        .arg(home.tool("ssh", script))
        .arg("deploy@ssh.invalid");
    ways.push((
        "jit exec -- ssh, which asks ssh -G".to_owned(),
        quiet(command),
    ));
    let mut command = quiet(home.jit(["exec-credential", "--role", "view"]));
    command.env("KUBERNETES_EXEC_INFO", REACHES);
    ways.push(("jit exec-credential --role".to_owned(), command));
    let agent = home.own("cache/jit/run", "ssh").join("held/deploy/s");
    let mut command = home.jit(["known-hosts", "ssh/held", "--user=deploy"]);
    command
        .args(["--host=ssh.invalid", "--alias=held"])
        .arg(format!("--agent={}", agent.display()));
    ways.push(("jit known-hosts".to_owned(), quiet(command)));
    ways
}

fn contender(name: &str, mut command: Command) -> Contender<'static> {
    let run = move || {
        let status = command.status().expect("it starts");
        assert!(status.success(), "{command:?}: {status}");
    };
    (name.to_owned(), Box::new(run))
}

fn quiet(mut command: Command) -> Command {
    command
        .env("PATH", "/usr/bin:/bin")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn compile(home: &Home) -> PathBuf {
    let (source, program) = (home.write("smallest.rs", SMALLEST), home.path("smallest"));
    let made = Command::new("rustc")
        .args(["--edition=2024", "-O", "-C", "strip=symbols", "-o"])
        .args([&program, &source])
        .status()
        .expect("rustc");
    assert!(made.success());
    program
}

/// The binary's size, and how many crates are in it.
fn about() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let text = String::from_utf8_lossy(&tree.stdout);
    let mut crates: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    let file = jit();
    println!(
        "\n{}: {:.1} MB, {} crates",
        file.display(),
        fs::metadata(&file).expect("jit").len() as f64 / 1e6,
        crates.len()
    );
}
