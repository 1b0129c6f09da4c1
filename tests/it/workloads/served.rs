//! Machines at a real server: jobs, hosts and AWS roles run `jit` and are never asked to sign in.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    Home, Moto,
    home::{Ran, run},
    issuer::{Issuer, Mood},
    jwt::Algorithm,
    moto::{ACCOUNT, REGION},
    serve::Serve,
    web::CATALOGUE,
};

/// What is routine is given to any workload.
pub(super) const POLICIES: &str = r#"
@id("routine")
permit (principal is Workload, action == Action::"elevate", resource in Tier::"routine");
@id("administrators")
permit (principal in Group::"administrators", action == Action::"administer", resource);
"#;

/// The branch that jobs run on where a test says nothing else.
pub(super) const MAIN: &str = "refs/heads/main";

/// A server that knows jobs of one repository, a bot that administers, and an AWS role.
pub(super) struct Team {
    pub(super) server: Serve,
    pub(super) issuer: Issuer,
}

/// Jobs of the repository 74, each of them `workload/gh-74`.
pub(super) fn app(issuer: &str) -> String {
    format!(
        "[[workloads]]\nname = \"app\"\nkind = \"github\"\nissuer = \"{issuer}\"\n\
         principal = \"gh-{{repository_id}}\"\nmatch = {{ repository_id = \"74\" }}\n"
    )
}

impl Team {
    fn new(more: &str) -> Self {
        Self::of(CATALOGUE, POLICIES, |issuer| app(issuer) + more)
    }

    /// One of that catalogue and these policies, with the workloads of the issuer whose URL they are told, and
    /// the bot.
    pub(super) fn of(
        catalogue: &str,
        policies: &str,
        workloads: impl FnOnce(&str) -> String,
    ) -> Self {
        let issuer = Issuer::http(Algorithm::Rs256);
        let url = issuer.url();
        let workloads = format!(
            "{}[[workloads]]\nname = \"admin\"\nkind = \"gitlab\"\nissuer = \"{url}\"\n\
             principal = \"admin-bot\"\ngroups = [\"administrators\"]\n\
             match = {{ project_id = \"20\" }}\n",
            workloads(url)
        );
        Self {
            server: Serve::start_with(catalogue, policies, &workloads),
            issuer,
        }
    }

    /// A machine that knows the server.
    pub(super) fn machine(&self) -> Home {
        let home = Home::new();
        home.configure("ca.crt", &fs::read_to_string(self.server.ca()).unwrap());
        home.configure(
            "config.toml",
            &format!(
                "server = \"{}\"\ncertificate_authority = \"ca.crt\"\n",
                self.server.url
            ),
        );
        home
    }

    fn token(&self, claims: Value) -> String {
        let mut claims = claims;
        let now = jit::platform::clock::now().secs();
        claims["aud"] = json!(self.server.url);
        claims["exp"] = json!(now + 300);
        claims["iat"] = json!(now);
        self.issuer.sign(&claims)
    }

    /// `jit` in a job of GitHub Actions of that repository, on its main branch.
    pub(super) fn job(&self, home: &Home, repository: &str, args: &[&str]) -> Command {
        let mut command = home.jit(args);
        self.on_github(&mut command, repository, MAIN);
        command
    }

    /// Gives a command the surroundings of a job of GitHub Actions of that repository and that ref.
    pub(super) fn on_github(&self, command: &mut Command, repository: &str, git_ref: &str) {
        let path = format!("/token-{repository}-{}", git_ref.replace('/', "-"));
        // Names are whoever's who likes them.
        let token = self.token(json!({
            "sub": format!("repo:acme/app:ref:{git_ref}"), "repository": "acme/app",
            "repository_id": repository, "repository_owner_id": "65", "ref": git_ref,
        }));
        self.issuer
            .put(&path, &json!({ "count": 1, "value": token }).to_string());
        let url = format!("{}{path}?api-version=2.0", self.issuer.url());
        command
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret");
    }

    /// The token that a job of GitLab CI of that project has in `JIT_ID_TOKEN`.
    pub(super) fn on_gitlab(&self, project: &str) -> String {
        self.token(json!({ "sub": "project_path:x", "project_id": project }))
    }

    /// `jit` as the bot that administers, a job of GitLab CI.
    pub(super) fn admin(&self, home: &Home, args: &[&str]) -> Ran {
        run(home.jit(args).env("JIT_ID_TOKEN", self.on_gitlab("20")))
    }
}

fn whoami(command: &mut Command) -> Value {
    let ran = run(command);
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn sessions(home: &Home) -> Vec<std::path::PathBuf> {
    let state = home.path("state/jit");
    let files = fs::read_dir(state)
        .unwrap()
        .map(|file| file.unwrap().path());
    let is_session = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("session.") && !name.ends_with("lock")
    };
    files.filter(is_session).collect()
}

#[test]
fn a_job_is_let_in_by_what_it_is() {
    let team = Team::new("");
    let home = team.machine();
    let who = whoami(&mut team.job(&home, "74", &["whoami", "--json"]));
    assert_eq!(who["principal"], "workload/gh-74");
    assert_eq!(who["source"], team.issuer.url());
    assert_eq!(who["attributes"]["repository_id"], "74");
    // The runner was asked for a token for this server, with its own bearer.
    let heard = team.issuer.heard().join("\n").to_lowercase();
    assert!(
        heard.contains("audience=https%3a%2f%2flocalhost"),
        "{heard}"
    );
    assert!(
        heard.contains("authorization: bearer runner-secret"),
        "{heard}"
    );
    // The session rests sealed, and serves the next command without another question.
    let before = team.issuer.heard().len();
    whoami(&mut team.job(&home, "74", &["whoami", "--json"]));
    assert_eq!(team.issuer.heard().len(), before);
    let [file] = &sessions(&home)[..] else {
        panic!("one session")
    };
    let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
    assert!(!text.contains("gh-74") && !text.contains("eyJ"), "sealed");
    // Gone, it is opened anew, and nobody is told to sign in.
    fs::remove_file(file).unwrap();
    whoami(&mut team.job(&home, "74", &["whoami", "--json"]));
}

#[test]
fn an_issuer_that_is_away_costs_a_job_seconds_and_is_named() {
    let team = Team::new("");
    let home = team.machine();
    let token = team.token(json!({ "sub": "x", "repository_id": "74" }));
    for mood in [Mood::Gone, Mood::Slow(Duration::from_secs(30))] {
        team.issuer.behave(mood);
        let begun = Instant::now();
        let ran = run(home.jit(["whoami"]).env("JIT_ID_TOKEN", &token));
        assert_eq!(ran.code, 124, "{ran:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(12),
            "{:?}",
            begun.elapsed()
        );
        let named = format!("the server cannot reach {}", team.issuer.url());
        assert!(ran.stderr.contains(&named), "{ran:?}");
        // The next question is another one.
        thread::sleep(Duration::from_secs(11));
    }
    team.issuer.behave(Mood::Well);
    let who = whoami(home.jit(["whoami", "--json"]).env("JIT_ID_TOKEN", &token));
    assert_eq!(who["principal"], "workload/gh-74");
}

#[test]
fn another_job_on_the_same_runner_is_not_the_first() {
    let team = Team::new("");
    let home = team.machine();
    whoami(&mut team.job(&home, "74", &["whoami", "--json"]));
    let ran = run(&mut team.job(&home, "666", &["whoami"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("repository_id \"666\""), "{ran:?}");
    // Without an identity there is nobody.
    let fresh = team.machine();
    let ran = run(&mut fresh.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
    // Chosen, and not there.
    let ran = run(&mut fresh.jit(["login", "--as", "github"]));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("id-token: write"), "{ran:?}");
    let ran = run(&mut fresh.jit(["login", "--as", "gitub"]));
    assert!(ran.stderr.contains("github"), "{ran:?}");
}

#[test]
fn a_session_that_ended_at_the_server_is_opened_anew_without_anybody() {
    let team = Team::new("");
    let home = team.machine();
    whoami(&mut team.job(&home, "74", &["whoami", "--json"]));
    let copied = sessions(&home).remove(0);
    let text = fs::read(&copied).unwrap();
    let ran = run(&mut team.job(&home, "74", &["logout"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    // As if this machine had not heard of it.
    home.write("state/jit/x", "");
    fs::write(&copied, text).unwrap();
    fs::set_permissions(&copied, fs::Permissions::from_mode(0o600)).unwrap();
    whoami(&mut team.job(&home, "74", &["whoami", "--json"]));
}

#[test]
fn a_host_joins_by_a_code_and_its_key_is_replaced() {
    let team = Team::new("");
    let (bot, host) = (team.machine(), team.machine());
    let made = team.admin(
        &bot,
        &[
            "enrolments",
            "create",
            "build-7",
            "--group",
            "builders",
            "--json",
        ],
    );
    assert_eq!(made.code, 0, "{made:?}");
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let code = made["code"].as_str().unwrap();
    let ran = run(&mut host.jit(["login", "--join", code]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let who = whoami(&mut host.jit(["whoami", "--json"]));
    assert_eq!(who["principal"], "workload/build-7");
    assert_eq!(who["groups"], json!(["builders"]));
    // Once: somebody else who saw it comes too late.
    let thief = team.machine();
    let ran = run(&mut thief.jit(["login", "--join", code]));
    assert_eq!(ran.code, 121, "{ran:?}");
    // A copy of the key from before it was replaced.
    let ran = run(Command::new("cp")
        .arg("-a")
        .args([host.path("state"), thief.path("stolen")]));
    assert_eq!(ran.code, 0);
    let stolen = |args: &[&str]| {
        let mut jit = thief.jit(args);
        run(jit.env("XDG_STATE_HOME", thief.path("stolen")))
    };
    assert_eq!(
        stolen(&["whoami"]).code,
        0,
        "the session was copied with it"
    );
    let held = run(&mut host.jit(["request", "ssh/web:deploy"]));
    assert_eq!(held.code, 0, "{held:?}");
    let ran = run(&mut host.jit(["login", "--rotate"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let held = run(&mut host.jit(["status"]));
    assert!(held.stdout.starts_with("ssh/web:deploy"), "{held:?}");
    // The copied session ended with the key, and the copied key is no way back.
    assert_eq!(stolen(&["whoami"]).code, 121);
    for session in sessions(&host) {
        fs::remove_file(session).unwrap();
    }
    // Without a session it comes by the new key, without anybody's doing.
    whoami(&mut host.jit(["whoami", "--json"]));
    let ran = stolen(&["login", "--as", "key"]);
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("was replaced"), "{ran:?}");
    let listed = team.admin(&bot, &["enrolments", "list"]);
    assert!(
        listed.stdout.contains("workload/build-7  joined"),
        "{listed:?}"
    );
    is_removed(&team, &bot, &host);
}

/// Removes build-7. sshd cannot be told, so until when its certificate works is said.
fn is_removed(team: &Team, bot: &Home, host: &Home) {
    let held = run(&mut host.jit(["request", "ssh/web:deploy"]));
    assert_eq!(held.code, 0, "{held:?}");
    let ran = team.admin(bot, &["enrolments", "remove", "build-7"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let left = "  ssh/web:deploy: the newest credential works until ";
    assert!(ran.stdout.contains(left), "{ran:?}");
    let ran = run(&mut host.jit(["whoami"]));
    assert_eq!(ran.code, 121, "{ran:?}");
}

#[test]
fn nobody_but_an_administrator_enrols_anybody() {
    let team = Team::new("");
    let job = team.machine();
    let ran = run(&mut team.job(&job, "74", &["enrolments", "create", "mine"]));
    assert_eq!(ran.code, 121, "{ran:?}");
}

#[test]
fn a_token_in_a_file_and_an_aws_role_are_identities_too() {
    let Some(moto) = Moto::start() else { return };
    let more = format!(
        "[[workloads]]\nname = \"aws\"\nkind = \"aws\"\nendpoint = \"{}\"\nprincipal = \"aws-root\"\n\
         match = {{ account = \"{ACCOUNT}\" }}\n",
        moto.url()
    );
    let team = Team::new(&more);
    let home = team.machine();
    let token = team.token(json!({ "sub": "x", "repository_id": "74" }));
    let file = home.write("token", &format!("{token}\n"));
    let mut by_file = home.jit(["whoami", "--json"]);
    let who = whoami(by_file.env("JIT_ID_TOKEN_FILE", &file));
    assert_eq!(who["principal"], "workload/gh-74");
    let (id, secret) = moto.create_user(
        "ci",
        &json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*" }
        ]})
        .to_string(),
    );
    moto.begin_checks();
    let home = team.machine();
    let config = home.config().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    home.configure("config.toml", &format!("{text}identity = \"aws\"\n"));
    let mut by_role = home.jit(["whoami", "--json"]);
    by_role
        .env("AWS_ACCESS_KEY_ID", &id)
        .env("AWS_SECRET_ACCESS_KEY", &secret)
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", moto.url());
    let who = whoami(&mut by_role);
    assert_eq!(who["principal"], "workload/aws-root");
    assert_eq!(who["source"], "aws");
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ci");
    assert_eq!(who["attributes"]["arn"], arn);
    let log = fs::read_to_string(team.server.home.path("run/serve-1.log")).unwrap_or_default();
    assert!(!log.contains(&secret) && Path::new(&config).exists());
}
