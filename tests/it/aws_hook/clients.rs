//! The real aws CLI, boto3 and a program of the SDK for Go, through a profile that setup wrote.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use jit::platform::clock;

use super::{Account, python};
use crate::support::{
    held::change,
    home::{Ran, run},
    moto::ACCOUNT,
    whereabouts::client,
};

/// Asks as often as it is told, and prints the access key of each time.
const BOTO: &str = "
import sys, boto3
session = boto3.Session()
sts = session.client('sts')
for _ in range(int(sys.argv[1])):
    arn = sts.get_caller_identity()['Arn']
    print(arn, session.get_credentials().access_key)
";

fn boto(account: &Account, profile: &str, times: &str) -> Command {
    let mut command = account.client(&python(), profile);
    command.args(["-c", BOTO, times]);
    command
}

#[track_caller]
fn is_the_session(ran: &Ran, role: &str) {
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    let session = format!(":assumed-role/{role}/jit-");
    assert!(ran.stdout.contains(&session), "{ran:?}");
}

#[test]
fn each_client_works_and_nobody_types_jit() {
    let Some(account) = Account::usual() else {
        return;
    };
    is_the_session(&account.aws("prod"), "read");
    is_the_session(&run(&mut boto(&account, "prod", "3")), "read");
    let buckets = run(account.client(&super::aws_program(), "default").args([
        "--profile",
        "prod",
        "s3",
        "ls",
    ]));
    assert_eq!((buckets.code, &*buckets.stderr), (0, ""), "{buckets:?}");
    if let Some(go) = client("aws-sdk-go") {
        let ran = run(&mut account.client(&go, "prod"));
        is_the_session(&ran, "read");
        assert_eq!(ran.stdout.split(' ').nth(2), Some(ACCOUNT), "{ran:?}");
    }
    assert_eq!(account.events("issued"), 1, "all used the one credential");
}

#[test]
fn twenty_programs_at_once_on_a_cold_cache_make_one_request() {
    let Some(account) = Account::usual() else {
        return;
    };
    let go = client("aws-sdk-go");
    let start = |number: usize| {
        let mut command = match (number % 3, &go) {
            (0, Some(go)) => account.client(go, "prod"),
            (1, _) => {
                let mut aws = account.client(&super::aws_program(), "prod");
                aws.args(["sts", "get-caller-identity"]);
                aws
            }
            _ => boto(&account, "prod", "2"),
        };
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..20).map(start).collect();
    for child in children {
        let ran: Ran = child.wait_with_output().unwrap().into();
        is_the_session(&ran, "read");
    }
    assert_eq!(
        (account.events("granted"), account.events("issued")),
        (1, 1)
    );
}

/// One program, whose credential comes near to its end between two requests.
#[test]
fn a_credential_is_renewed_silently_while_its_grant_lives() {
    let Some(account) = Account::usual() else {
        return;
    };
    let script = BOTO
        .replace("range(int(sys.argv[1]))", "sys.stdin")
        .replace("access_key)", "access_key, flush=True)");
    let mut command = account.client(&python(), "prod");
    command.args(["-c", &script]).stdin(Stdio::piped());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut ask, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = BufReader::new(answers).lines();
    let mut next = || {
        writeln!(ask, "again").unwrap();
        answers.next().unwrap().unwrap()
    };
    let first = next();
    assert_eq!(next(), first);
    change(&account.home, "aws/prod:read", |lease| {
        let now = clock::now();
        lease.issued_at = now.before(Duration::from_mins(10));
        lease.credential.expires_at = now.after(Duration::from_secs(20));
    });
    let renewed = next();
    assert_ne!(renewed, first);
    assert_eq!(next(), renewed);
    drop(ask);
    assert!(child.wait().unwrap().success());
    assert_eq!(
        (account.events("granted"), account.events("issued")),
        (1, 2)
    );
}

/// The lease's credential comes near to its end.
fn age(account: &Account, left: Duration) {
    change(&account.home, "aws/prod:read", |lease| {
        let now = clock::now();
        lease.issued_at = now.before(Duration::from_mins(15).saturating_sub(left));
        lease.credential.expires_at = now.after(left);
    });
}

#[test]
fn a_program_under_exec_that_reads_profiles_outlives_its_credential() {
    let Some(account) = Account::usual() else {
        return;
    };
    let script = BOTO
        .replace("range(int(sys.argv[1]))", "sys.stdin")
        .replace("access_key)", "access_key, flush=True)");
    let mut command = account.home.jit(["exec", "--on", "aws/prod", "--"]);
    command
        .env("AWS_ENDPOINT_URL", account.moto.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .arg(python())
        .args(["-c", &script])
        .stdin(Stdio::piped());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap();
    let (mut ask, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = BufReader::new(answers).lines();
    let mut next = || {
        writeln!(ask, "again").unwrap();
        answers.next().unwrap().unwrap()
    };
    let first = next();
    assert!(first.contains(":assumed-role/read/jit-"), "{first}");
    assert_eq!(next(), first);
    age(&account, Duration::from_secs(20));
    assert_ne!(next(), first);
    drop(ask);
    assert!(child.wait().unwrap().success());
    assert_eq!(
        (account.events("granted"), account.events("issued")),
        (1, 2)
    );
}

#[test]
fn a_program_under_exec_finds_no_standing_key_by_another_profile() {
    let Some(account) = Account::usual() else {
        return;
    };
    let script = "import boto3; print(boto3.Session(profile_name='base').client('sts').get_caller_identity()['Arn'])";
    let python = python();
    let ran = account.jit(&[
        "exec",
        "--on",
        "aws/prod",
        "--",
        python.to_str().unwrap(),
        "-c",
        script,
    ]);
    assert_eq!((ran.code, &*ran.stdout), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("ProfileNotFound"), "{ran:?}");
}

#[test]
fn a_program_that_keeps_its_session_gets_half_of_one_at_least() {
    let Some(account) = Account::usual() else {
        return;
    };
    let expiry = || {
        let ran = account.jit(&[
            "exec",
            "--on",
            "aws/prod",
            "--",
            "sh",
            "-c",
            "echo $AWS_CREDENTIAL_EXPIRATION",
        ]);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
        ran.stdout
    };
    let first = expiry();
    assert_eq!(expiry(), first);
    age(&account, Duration::from_mins(6));
    let next = expiry();
    assert!(next >= first, "{next} is before {first}");
    assert_eq!(account.events("issued"), 2);
    let said = account.jit(&["exec", "--verbose", "--on", "aws/prod", "--", "true"]);
    assert!(
        said.stderr.contains("true keeps this session until"),
        "{said:?}"
    );
    let said = account.jit(&[
        "exec",
        "--verbose",
        "--",
        "aws",
        "--profile",
        "prod",
        "--version",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn keys_of_a_profile_that_a_program_could_name_are_said_once() {
    let Some(account) = Account::usual() else {
        return;
    };
    let keys =
        "[profile prod]\naws_access_key_id = AKIASTANDING\naws_secret_access_key = hunter2\n";
    account.home.write(".aws/config", keys);
    let ran = || account.jit(&["exec", "--on", "aws/prod", "--", "true"]);
    let (first, second) = (ran(), ran());
    assert_eq!(
        (first.code, second.code, &*second.stderr),
        (0, 0, ""),
        "{second:?}"
    );
    assert!(
        first
            .stderr
            .contains("profile prod holds keys of its own in")
            && first.stderr.contains(".aws/config, line 2"),
        "{first:?}"
    );
    assert!(!first.stderr.contains("hunter2"), "{first:?}");
    let doctor = account.jit(&["doctor"]);
    assert!(
        doctor
            .stdout
            .contains("static AWS keys in ~/.aws/config: prod"),
        "{doctor:?}"
    );
}

#[test]
fn a_reason_that_is_given_once_serves_the_calls_that_follow_until_the_grant_is_ended() {
    let Some(account) = Account::usual() else {
        return;
    };
    let refused = account.aws("prod-write");
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("jit: aws/prod:write needs a justification; ")
            && refused
                .stderr
                .contains("run: jit request aws/prod:write -j WHY"),
        "{refused:?}"
    );
    let asked = account.jit(&["request", "aws/prod:write", "-j", "order 4711"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    is_the_session(&account.aws("prod-write"), "write");
    is_the_session(&run(&mut boto(&account, "prod-write", "1")), "write");
    assert_eq!(account.events("issued"), 1);
    let ended = account.jit(&["revoke", "--all"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let over = account.aws("prod-write");
    assert!(over.code != 0 && over.stdout.is_empty(), "{over:?}");
    assert!(over.stderr.contains("needs a justification"), "{over:?}");
}

#[test]
fn a_path_with_blanks_and_quotes_is_read_by_every_sdk() {
    let Some(account) = Account::usual() else {
        return;
    };
    let odd = account.home.path("it's my $HOME \"config\"");
    fs::rename(account.home.config(), &odd).unwrap();
    let written = account.jit(&[
        "setup",
        "aws",
        "--anyway",
        "--config-dir",
        odd.to_str().unwrap(),
    ]);
    assert_eq!(written.code, 0, "{written:?}");
    is_the_session(&account.aws("prod"), "read");
    if let Some(go) = client("aws-sdk-go") {
        is_the_session(&run(&mut account.client(&go, "prod")), "read");
    }
}

#[test]
fn a_caller_whose_own_profile_asks_jit_is_no_circle() {
    // No base_profile: what the SDK finds is the default profile, since AWS_PROFILE leads to jit.
    let Some(account) = Account::new("default", "") else {
        return;
    };
    is_the_session(&account.aws("prod"), "read");
}

#[test]
fn a_silent_endpoint_does_not_keep_the_caller_for_long() {
    let Some(account) = Account::usual() else {
        return;
    };
    let (_silent, port) = crate::support::stranger::silent();
    let endpoint = format!("http://127.0.0.1:{port}");
    let catalogue = super::catalogue(&endpoint, "base_profile = \"base\"");
    account.home.configure("authority.toml", &catalogue);
    let Some(go) = client("aws-sdk-go") else {
        return;
    };
    let began = std::time::Instant::now();
    // Two at once: the second waits for the first, then asks by itself.
    let both = [0, 1].map(|_| {
        let mut command = account.client(&go, "prod");
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    for child in both {
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert!(
            ran.code == 1 && ran.stderr.contains("did not answer within 10 seconds"),
            "{ran:?}"
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(50),
        "{:?}",
        began.elapsed()
    );
}
