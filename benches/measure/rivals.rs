//! Other programs that give tools a credential: where they are on the PATH, and made to answer without
//! a network, as `jit` does from its cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{
    Home, run,
    whereabouts::{aws_bin, program},
};

/// Standing keys that nobody knows.
const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIABENCHBENCHBENCHB"),
    ("AWS_SECRET_ACCESS_KEY", "bench"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
];

/// Those that are there and answer, each with how it is called; the others are named on stderr.
pub(crate) fn rivals(home: &Home) -> Vec<(String, Command)> {
    let mut found = Vec::new();
    let mut add =
        |name: &str, command: Result<Command, &'static str>| match command.and_then(answers) {
            Ok(command) => found.push((name.to_owned(), command)),
            Err(why) => eprintln!("left out: {name}: {why}"),
        };
    let vault = vault(home);
    let with_vault = |args: &[&str]| {
        let mut command = vault.clone().map(|program| home.command(&program))?;
        command.args(args).envs(VAULT);
        Ok(command)
    };
    add(
        "aws-vault exec → true",
        with_vault(&["exec", "--no-session", "bench", "--", "true"]),
    );
    add(
        "aws-vault export (credential_process)",
        with_vault(&["export", "--no-session", "--format=json", "bench"]),
    );
    add(
        "aws-iam-authenticator token",
        with_keys(home, "aws-iam-authenticator", &["token", "-i", "bench"]),
    );
    add(
        "aws eks get-token",
        with_keys(
            home,
            "aws",
            &["eks", "get-token", "--cluster-name", "bench"],
        ),
    );
    add("kubelogin get-token, cached", kubelogin(home));
    found
}

const MISSING: &str = "not on the PATH";

/// Whether it does what it is to do, and not only fast.
fn answers(mut command: Command) -> Result<Command, &'static str> {
    let ran = run(&mut command);
    if ran.code == 0 {
        return Ok(command);
    }
    eprintln!("{}", ran.stderr.trim_end());
    Err("it does not answer")
}

fn with_keys(home: &Home, name: &str, args: &[&str]) -> Result<Command, &'static str> {
    let mut command = home.command(&program(name, Some(&aws_bin())).ok_or(MISSING)?);
    command
        .args(args)
        .envs(KEYS)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    Ok(command)
}

/// Its keys in a file, since a machine without a desktop has nothing else.
const VAULT: [(&str, &str); 2] = [
    ("AWS_VAULT_BACKEND", "file"),
    ("AWS_VAULT_FILE_PASSPHRASE", "bench"),
];

/// aws-vault, with keys in its vault.
fn vault(home: &Home) -> Result<PathBuf, &'static str> {
    let vault = program("aws-vault", None).ok_or(MISSING)?;
    home.write(".aws/config", "[profile bench]\nregion = eu-west-1\n");
    let mut add = home.command(&vault);
    add.args(["add", "--env", "bench"]).envs(VAULT).envs(KEYS);
    answers(add).map(|_| vault)
}

/// kubelogin, with a token in its cache. What it calls the token's file is told by the lock that it
/// leaves beside it when no issuer answers.
fn kubelogin(home: &Home) -> Result<Command, &'static str> {
    let kubelogin = program("kubelogin", None).ok_or(MISSING)?;
    let directory = home.path("kubelogin");
    fs::create_dir_all(&directory).expect("a directory");
    let get = || {
        let mut command = home.command(&kubelogin);
        command.args([
            "get-token",
            "--oidc-issuer-url=https://127.0.0.1:9",
            "--oidc-client-id=bench",
            "--grant-type=client-credentials",
            "--oidc-client-secret=bench",
            "--token-cache-storage=disk",
        ]);
        command.arg(format!("--token-cache-dir={}", directory.display()));
        command
    };
    drop(get().stdout(Stdio::null()).stderr(Stdio::null()).status());
    let lock = fs::read_dir(&directory)
        .expect("a directory")
        .find_map(|entry| {
            let path = entry.ok()?.path();
            (path.extension()? == "lock").then_some(path)
        });
    let token = lock.ok_or("it names its cache in a way that is not known here")?;
    put_token(&token.with_extension(""));
    Ok(get())
}

fn put_token(file: &Path) {
    // {"alg":"none"}.{"iss":"bench","sub":"bench","exp":4102444800}
    let token =
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJiZW5jaCIsInN1YiI6ImJlbmNoIiwiZXhwIjo0MTAyNDQ0ODAwfQ.x";
    fs::write(file, format!("{{\"id_token\":\"{token}\"}}")).expect("a token");
}
