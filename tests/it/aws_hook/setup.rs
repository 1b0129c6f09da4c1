//! `jit setup aws` on files as people have them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use jit::platform::profiles::{ProfileFile, Which};

use super::home;
use crate::support::{
    Home,
    home::{Ran, run},
    whereabouts::jit,
};

const BASE: &str = "base_profile = \"base\"";

fn scene(more: &str) -> Home {
    home("http://127.0.0.1:9", more)
}

fn setup(home: &Home, args: &[&str]) -> Ran {
    let anyway = (!args.contains(&"--undo")).then_some("--anyway");
    run(home.jit(["setup", "aws"]).args(args).args(anyway))
}

fn works(home: &Home, args: &[&str]) -> String {
    let ran = setup(home, args);
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    ran.stdout
}

fn config(home: &Home) -> String {
    fs::read_to_string(home.path(".aws/config")).unwrap()
}

/// What a file is after setup, with jit's own path left out.
fn shown(home: &Home) -> String {
    config(home).replace(jit().to_str().unwrap(), "JIT")
}

#[test]
fn a_machine_without_profiles_gets_them_and_loses_them_again() {
    let home = scene(BASE);
    works(&home, &[]);
    insta::assert_snapshot!(shown(&home), @r"
    # >>> jit setup aws (new) >>>
    [profile prod]
    credential_process = JIT credential-process aws/prod:read
    region = eu-west-1

    [profile prod-root]
    credential_process = JIT credential-process aws/prod:root
    region = eu-west-1

    [profile prod-write]
    credential_process = JIT credential-process aws/prod:write
    region = eu-west-1
    # <<< jit setup aws <<<
    ");
    assert!(works(&home, &[]).contains("nothing to change"));
    works(&home, &["--undo"]);
    assert!(!home.path(".aws/config").exists());
}

/// A file from another system, without a last line end.
const OTHERS: &str = "\u{23} mine\r
[default]\r
region = us-east-1\r
[profile prod] ; the real one\r
output = json\r
sso_session = corp\r
sso_account_id = 123456789012\r
sso_role_name =\r
  Admin\r
s3 =\r
  max_concurrent_requests = 5\r
AWS_ACCESS_KEY_ID: AKIASTANDING\r
aws_secret_access_key: hunter2\r
[sso-session corp]\r
sso_start_url = https://corp.example.com\r
[profile prod-root]\r
credential_process = mine";

#[test]
fn what_would_win_over_the_hook_is_commented_out_and_comes_back_to_the_byte() {
    let home = scene(BASE);
    home.write(".aws/config", OTHERS);
    let dry = works(&home, &["--dry-run"]);
    assert!(!dry.contains("hunter2"), "{dry}");
    assert_eq!(config(&home), OTHERS);
    let said = works(&home, &[]);
    assert!(
        said.contains("the access key of profile prod is commented out"),
        "{said}"
    );
    insta::assert_snapshot!(shown(&home).replace("\r\n", "\n"), @r"
    # mine
    [default]
    region = us-east-1
    [profile prod] ; the real one
    # >>> jit setup aws >>>
    credential_process = JIT credential-process aws/prod:read
    region = eu-west-1
    # <<< jit setup aws <<<
    output = json
    #jit# sso_session = corp
    #jit# sso_account_id = 123456789012
    #jit# sso_role_name =
    #jit#   Admin
    s3 =
      max_concurrent_requests = 5
    #jit# AWS_ACCESS_KEY_ID: AKIASTANDING
    #jit# aws_secret_access_key: hunter2
    [sso-session corp]
    sso_start_url = https://corp.example.com
    [profile prod-root]
    credential_process = mine
    # >>> jit setup aws (joined) >>>
    [profile prod-write]
    credential_process = JIT credential-process aws/prod:write
    region = eu-west-1
    # <<< jit setup aws <<<
    ");
    let once = config(&home);
    assert!(
        !once.replace("\r\n", "").contains('\n'),
        "its line ends are kept"
    );
    assert!(works(&home, &[]).contains("nothing to change"));
    assert_eq!(config(&home), once);
    works(&home, &["--undo"]);
    assert_eq!(config(&home), OTHERS);
}

#[test]
fn what_was_written_around_the_blocks_stays() {
    let home = scene(BASE);
    home.write(
        ".aws/config",
        "[profile prod]\nrole_arn = arn:aws:iam::1:role/x\nregion = eu-north-1\n",
    );
    works(&home, &[]);
    let edited = format!(
        "[profile first]\n{}[profile last]\nregion = x\n",
        config(&home)
    );
    home.write(".aws/config", &edited);
    works(&home, &[]);
    works(&home, &["--undo"]);
    assert_eq!(
        config(&home),
        "[profile first]\n[profile prod]\nrole_arn = arn:aws:iam::1:role/x\nregion = eu-north-1\n[profile last]\nregion = x\n"
    );
}

#[test]
fn a_role_that_the_catalogue_drops_loses_its_profile() {
    let home = scene(BASE);
    works(&home, &[]);
    assert!(config(&home).contains("[profile prod-root]"));
    let catalogue = super::catalogue("http://127.0.0.1:9", BASE);
    let fewer: Vec<&str> = catalogue
        .lines()
        .filter(|l| !l.contains("roles.root"))
        .collect();
    home.configure("authority.toml", &fewer.join("\n"));
    works(&home, &[]);
    assert!(!config(&home).contains("prod-root"));
    assert!(config(&home).contains("[profile prod-write]"));
}

#[test]
fn malformed_files_are_refused_with_the_line_and_left_alone() {
    for (text, says) in [
        (
            "[profile prod]\nregion\n",
            "line 2, is no setting and no section",
        ),
        ("region = x\n", "line 1, is no setting and no section"),
        ("[profile prod\n", "line 1, is no setting and no section"),
        (
            "[profile prod]\n[profile x]\n[profile \"prod\"]\n",
            "profile prod is there twice, in lines 1 and 3",
        ),
        (
            "[profile prod]\n# >>> jit setup aws >>>\n",
            "line 2: a block of \"jit setup aws\" is not whole",
        ),
    ] {
        let home = scene(BASE);
        home.write(".aws/config", text);
        let ran = setup(&home, &[]);
        assert_eq!((ran.code, &*ran.stdout), (125, ""), "{ran:?}");
        assert!(ran.stderr.contains(says), "{ran:?} does not say {says}");
        assert!(ran.stderr.contains(".aws/config"), "{ran:?}");
        assert_eq!(config(&home), text);
    }
}

#[test]
fn indented_settings_and_words_behind_a_header_are_read_and_written_as_botocore_has_them() {
    let home = scene(BASE);
    let text = "[profile other] # see [wiki]: no\nx = 1\n[profile prod] ; mine\n  region = eu-north-1  # home\n  role_arn = arn:aws:iam::1:role/x\n";
    home.write(".aws/config", text);
    works(&home, &[]);
    insta::assert_snapshot!(shown(&home).lines().skip(2).take(7).collect::<Vec<_>>().join("\n"), @r"
    [profile prod] ; mine
      # >>> jit setup aws >>>
      credential_process = JIT credential-process aws/prod:read
      # <<< jit setup aws <<<
      region = eu-north-1  # home
    #jit#   role_arn = arn:aws:iam::1:role/x
    # >>> jit setup aws >>>
    ");
    let read = botocore(&home.path(".aws/config"));
    let prod = &read["prod"];
    let hook = prod["credential_process"].as_str().unwrap();
    assert!(
        hook.ends_with(" credential-process aws/prod:read"),
        "{prod}"
    );
    assert_eq!(prod["region"], "eu-north-1  # home");
    assert_eq!(prod["role_arn"], serde_json::Value::Null);
    works(&home, &["--undo"]);
    assert_eq!(config(&home), text);
}

#[test]
fn what_is_wrong_with_another_profile_stops_nothing_and_is_said() {
    let home = scene(BASE);
    home.write(
        ".aws/config",
        "[profile other]\nregion\n[profile twice]\n[profile twice]\n[profile prod]\noutput = json\n",
    );
    let said = works(&home, &[]);
    assert!(
        said.contains("line 2, is no setting and no section: the aws CLI refuses the whole file"),
        "{said}"
    );
    assert!(config(&home).contains("credential-process aws/prod:read"));
}

/// The profiles of a file, as botocore reads them.
fn botocore(file: &Path) -> serde_json::Value {
    const SCRIPT: &str = "
import json, sys
from botocore.configloader import load_config
print(json.dumps(load_config(sys.argv[1])['profiles']))";
    let ran = run(Command::new(super::python()).args(["-c", SCRIPT]).arg(file));
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn profiles_are_read_as_botocore_reads_them() {
    let home = Home::new();
    for text in [
        "[default]\nregion = x  # note\n[profile a]\n  region=y\n\toutput: json\n",
        "[profile \"two words\"] # words\nregion = x ; note\nREGION2=  y\n",
        "[profile a]\n# c\n\n  k = 1\n    2\n; c\n    3\n  l : 2 = 3\n",
        "  [profile a]\n k = 1\n  [profile b]\n[ profile c ]\nk = 1\n[profile d e]\nk = 1\n",
        "[profile 'it''s']\nk = 1\n[profile it's]\nk = 2\n[profilex y]\nk = 3\n[other]\nk = 4\n",
        "[profile a] [b]\nk = 1\n[profile\tc]\nk = [v]\n",
    ] {
        let file = home.write("profiles", text);
        let theirs = botocore(&file);
        let ours = ProfileFile::parse(Which::Config, file, text.to_owned());
        let ours: BTreeMap<&str, BTreeMap<&str, String>> = ours
            .profiles()
            .map(|(name, section)| {
                let settings = section.settings.iter();
                (name, settings.map(|s| (&*s.key, s.whole())).collect())
            })
            .collect();
        assert_eq!(serde_json::to_value(ours).unwrap(), theirs, "{text}");
    }
}

#[test]
fn nothing_that_a_terminal_obeys_and_no_secret_is_shown() {
    let home = scene(BASE);
    let text = "[profile prod]\n# \u{1b}[2J\u{9b}31m\u{202e}\ns3 = {a: 1, token: hunter2}\naws_session_token = one\n  hunter2\n";
    home.write(".aws/config", text);
    for args in [&["--dry-run"] as &[&str], &["--dry-run", "--json"]] {
        let shown = works(&home, args);
        assert!(shown.contains("credential_process"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!shown.contains(obeyed), "{shown:?}");
    }
}

#[test]
fn a_profile_that_base_credentials_come_from_is_not_touched() {
    for (more, config_text, credentials) in [
        // Named as such; behind one that is named; found by the SDK without being named.
        (
            "base_profile = \"prod\"",
            "[profile prod]\nsso_session = x\n",
            "",
        ),
        (
            BASE,
            "[profile base]\nrole_arn = x\nsource_profile = prod\n",
            "",
        ),
        (
            "",
            "[profile prod]\nregion = x\n[default]\nrole_arn = x\nsource_profile = prod\n",
            "",
        ),
        (
            "",
            "[default]\nrole_arn = x\nsource_profile = prod\n",
            "[prod]\naws_access_key_id = AKIA\naws_secret_access_key = hunter2\n",
        ),
    ] {
        let home = scene(more);
        home.write(".aws/config", config_text);
        home.write(".aws/credentials", credentials);
        let ran = setup(&home, &[]);
        assert_eq!(ran.code, 125, "{more}: {ran:?}");
        assert!(
            ran.stderr
                .contains("profile prod has the base credentials that jit reaches aws/prod with")
                && ran.stderr.contains("hint: ")
                && ran.stderr.contains("base_profile"),
            "{ran:?}"
        );
        assert_eq!(config(&home), config_text);
    }
}

#[test]
fn keys_in_the_credentials_file_are_reported_since_they_win() {
    let home = scene(BASE);
    home.write(
        ".aws/credentials",
        "[prod]\naws_access_key_id = AKIA\naws_secret_access_key = hunter2\n",
    );
    let said = works(&home, &[]);
    assert!(
        said.contains("aws_access_key_id of profile prod in") && said.contains("line 2, wins over"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn the_file_is_the_one_that_the_tools_read() {
    let home = scene(BASE);
    let real: PathBuf = home.write("dotfiles/aws", "[profile prod]\n");
    symlink(&real, home.path("mine")).unwrap();
    let ran = run(home
        .jit(["setup", "aws", "--anyway"])
        .env("AWS_CONFIG_FILE", "~/mine"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(home.path("mine").is_symlink());
    assert!(
        fs::read_to_string(&real)
            .unwrap()
            .contains("credential_process")
    );
    assert!(!home.path(".aws/config").exists());
}
