//! A team's authority as two replicas that share one store, and those who come there.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jit::{
    authority::{
        Answer, Authority, Client,
        elevate::{Ask, Outcome},
    },
    config::authority,
    domain::{
        environment::Environment,
        event::{Entry, EventFilter, Origin},
        failure::Failure,
        id::GrantId,
        lifecycle::Lifecycles,
        principal::{Caller, Principal},
        session::Session,
        time::Timestamp,
    },
    platform::{keys, seal::SealingKey},
    policy::set::Policies,
    store::Store,
};
use tempfile::TempDir;

const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web"]
roles.deploy = {}
roles.root = { tier = "sensitive" }
roles.two = { tier = "sensitive" }
"#;

pub(super) const POLICIES: &str = r#"
@id("routine") @ttl("8h")
permit (principal, action == Action::"elevate", resource in Tier::"routine");
@id("sensitive") @ttl("1h") @justification("required")
permit (principal, action == Action::"request", resource in Tier::"sensitive");
@id("two") @approvals("2")
permit (principal, action == Action::"request", resource == Entitlement::"ssh/web:two");
@id("approvers")
permit (principal in Group::"approvers", action == Action::"approve", resource);
@id("robots")
permit (principal == Workload::"named", action == Action::"approve", resource);
@id("administrators")
permit (principal in Group::"administrators", action == Action::"administer", resource);
@id("on-call")
permit (principal in Group::"on-call", action == Action::"revoke", resource);
"#;

static NOW: AtomicI64 = AtomicI64::new(1_800_000_000);

/// A team's authority, as two replicas, with a clock that is its own.
pub(super) struct Team {
    pub(super) here: Authority,
    pub(super) there: Authority,
    _directory: TempDir,
}

pub(super) fn policies(text: &str) -> Policies {
    Policies::parse(&[("all.cedar".to_owned(), text.to_owned())]).unwrap()
}

pub(super) fn still() -> Timestamp {
    Timestamp::from_secs(NOW.load(Ordering::Relaxed))
}

pub(super) async fn replica(directory: &TempDir, clock: fn() -> Timestamp) -> Authority {
    let file = directory.path().join("state/ledger.db");
    Authority {
        catalogue: authority::parse("authority.toml", CATALOGUE).unwrap(),
        policies: policies(POLICIES),
        store: Store::open_shared(&file, SealingKey::new([1; 32]))
            .await
            .unwrap(),
        directory: directory.path().to_owned(),
        environment: Environment::default(),
        clock,
        approvers: true,
        lifecycles: Lifecycles::default(),
        issuer_url: None,
        issuer_ca: None,
    }
}

impl Team {
    pub(super) async fn at(clock: fn() -> Timestamp) -> Self {
        let directory = TempDir::new().unwrap();
        Self {
            here: replica(&directory, clock).await,
            there: replica(&directory, clock).await,
            _directory: directory,
        }
    }

    pub(super) async fn new() -> Self {
        Self::at(still).await
    }

    /// Somebody who has just signed in.
    pub(super) async fn client(&self, who: &str, groups: &[&str]) -> Client {
        self.try_client(who, groups).await.unwrap()
    }

    pub(super) async fn try_client(&self, who: &str, groups: &[&str]) -> Result<Client, Failure> {
        let session = self.session(who, groups, None);
        self.here.open_session(&session, &Origin::default()).await?;
        let line = self
            .here
            .store
            .line(&session.id, (self.here.clock)())
            .await?;
        Ok(client(line))
    }

    fn session(&self, who: &str, groups: &[&str], parent: Option<&Client>) -> Session {
        let now = (self.here.clock)();
        Session {
            id: GrantId::new(now, keys::random().unwrap()),
            caller: Caller::new(
                Principal::parse(who).unwrap(),
                groups.iter().map(|group| (*group).to_owned()).collect(),
            ),
            holder: keys::generate().unwrap().public(),
            source: "test".to_owned(),
            parent: parent.map(|parent| parent.sessions[0].id.clone()),
            only: None,
            created_at: now,
            expires_at: now.after(Duration::from_hours(12)),
        }
    }

    /// An agent of somebody.
    pub(super) async fn agent(&self, who: &str, groups: &[&str], of: &Client) -> Client {
        let session = self.session(who, groups, Some(of));
        self.here
            .open_session(&session, &Origin::default())
            .await
            .unwrap();
        let line = self
            .here
            .store
            .line(&session.id, (self.here.clock)())
            .await
            .unwrap();
        client(line)
    }

    pub(super) async fn pending(&self, client: &Client, role: &str) -> GrantId {
        match self.here.elevate(client, &ask(role)).await.unwrap() {
            Outcome::Pending(elevation) => elevation.request.id.clone(),
            Outcome::Granted(answer) => panic!("granted: {answer:?}"),
        }
    }

    pub(super) async fn granted(&self, client: &Client, role: &str) -> Answer {
        self.here
            .elevate(client, &ask(role))
            .await
            .unwrap()
            .answer()
            .unwrap()
    }

    pub(super) async fn events(&self) -> Vec<Entry> {
        self.here
            .store
            .ledger()
            .list(&EventFilter::default())
            .await
            .unwrap()
    }

    pub(super) async fn kinds(&self, id: &GrantId) -> Vec<&'static str> {
        let filter = EventFilter {
            grant: Some(id.clone()),
            ..EventFilter::default()
        };
        let entries = self.here.store.ledger().list(&filter).await.unwrap();
        entries
            .iter()
            .map(|entry| entry.event.kind.as_str())
            .collect()
    }
}

pub(super) fn client(sessions: Vec<Session>) -> Client {
    Client {
        caller: sessions[0].caller.clone(),
        origin: Origin::default(),
        holder: keys::generate().unwrap().public(),
        key: keys::generate().unwrap().public(),
        sessions,
        proof: None,
        once: None,
    }
}

pub(super) fn ask(role: &str) -> Ask {
    Ask {
        entitlement: format!("ssh/web:{role}").parse().unwrap(),
        justification: Some("a fire".to_owned()),
        ttl: None,
        break_glass: false,
        verb: None,
        answerable: false,
    }
}

pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
