//! An authority as `jit serve` runs it: with a URL that targets know its tokens by.

use std::path::Path;

use jit::{
    authority::{
        Answer, Authority, Client,
        request::{Ask, Outcome},
    },
    config::authority,
    domain::{
        environment::Environment,
        event::Origin,
        failure::Result,
        lifecycle::Lifecycles,
        principal::{Caller, Class, Principal},
    },
    platform::{clock, keys, seal::SealingKey},
    policy::set::Policies,
    store::Store,
};

use crate::support::{
    Home,
    home::{Ran, run},
    web::POLICIES,
};

/// Opens the authority whose state is in `directory`.
pub(super) async fn served(directory: &Path, catalogue: &str, url: &str) -> Authority {
    let file = directory.join("state/ledger.db");
    Authority {
        catalogue: authority::parse("authority.toml", catalogue).unwrap(),
        policies: Policies::parse(&[("all.cedar".to_owned(), POLICIES.to_owned())]).unwrap(),
        store: Store::open(&file, SealingKey::new([1; 32])).await.unwrap(),
        directory: directory.to_owned(),
        environment: Environment::default(),
        clock: clock::now,
        approvers: false,
        lifecycles: Lifecycles::default(),
        issuer_url: Some(url.to_owned()),
        issuer_ca: None,
    }
}

/// What alice gets for an entitlement.
pub(super) async fn elevate(authority: &Authority, entitlement: &str) -> Result<Answer> {
    let holder = keys::generate().unwrap();
    let client = Client {
        caller: Caller::new(
            Principal::new(Class::Human, "alice@example.com").unwrap(),
            [].into(),
        ),
        origin: Origin::default(),
        holder: holder.public(),
        key: keys::generate().unwrap().public(),
        sessions: Vec::new(),
        proof: None,
        once: None,
        keeps_credential: false,
    };
    let ask = Ask {
        entitlement: entitlement.parse().unwrap(),
        justification: None,
        ttl: None,
        break_glass: false,
        verb: None,
        answerable: false,
    };
    authority
        .elevate(&client, &ask)
        .await
        .and_then(Outcome::answer)
}

/// The commands in the comments of what `jit trust` prints, as a person would run them: `jit` prints
/// that text there, and the directory is the home.
pub(super) struct Commands {
    home: Home,
    lines: Vec<String>,
}

impl Commands {
    pub(super) fn of(text: &str) -> Self {
        let home = Home::new();
        let file = home.write("trust.txt", text);
        home.tool("jit", &format!("cat {}", file.display()));
        let lines = text.lines().filter_map(|line| line.strip_prefix("#   "));
        Self {
            lines: lines
                .filter(|line| !line.starts_with(' '))
                .map(str::to_owned)
                .collect(),
            home,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Runs one, which must work.
    #[track_caller]
    pub(super) fn run(&self, number: usize, environment: &[(&str, &str)]) -> Ran {
        let mut command = self.home.command(Path::new("sh"));
        command.args(["-c", &self.lines[number]]);
        command.envs(environment.iter().copied());
        let ran = run(&mut command);
        assert_eq!(ran.code, 0, "{}: {ran:?}", self.lines[number]);
        ran
    }

    /// A file that one of them wrote.
    pub(super) fn wrote(&self, name: &str) -> std::path::PathBuf {
        self.home.path(name)
    }
}
