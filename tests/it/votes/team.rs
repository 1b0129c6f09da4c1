//! A team's authority as two replicas that share one store, and those who come there.

use std::{
    env::temp_dir,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jit::{
    authority::{
        Answer, Authority, Client,
        request::{Ask, Outcome},
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
    platform::keys,
    policy::set::Policies,
};
use tempfile::TempDir;

use crate::store::Place;

const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web"]
roles.deploy = {}
roles.root = { tier = "sensitive" }
roles.two = { tier = "sensitive" }
"#;

pub(crate) const POLICIES: &str = r#"
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
pub(crate) struct Team {
    pub(crate) here: Authority,
    pub(crate) there: Authority,
    pub(crate) place: Place,
}

pub(crate) fn policies(text: &str) -> Policies {
    Policies::parse(&[("all.cedar".to_owned(), text.to_owned())]).unwrap()
}

pub(crate) fn still() -> Timestamp {
    Timestamp::from_secs(NOW.load(Ordering::Relaxed))
}

async fn replica(place: &Place, clock: fn() -> Timestamp) -> Authority {
    Authority {
        catalogue: authority::parse("authority.toml", CATALOGUE).unwrap(),
        policies: policies(POLICIES),
        store: place.open().await,
        directory: temp_dir(),
        environment: Environment::default(),
        clock,
        approvers: true,
        lifecycles: Lifecycles::default(),
        issuer_url: None,
        issuer_ca: None,
    }
}

impl Team {
    pub(crate) async fn at(clock: fn() -> Timestamp) -> Self {
        Self::on(Place::Sqlite(TempDir::new().unwrap()), clock).await
    }

    pub(crate) async fn on(place: Place, clock: fn() -> Timestamp) -> Self {
        Self {
            here: replica(&place, clock).await,
            there: replica(&place, clock).await,
            place,
        }
    }

    pub(crate) async fn new() -> Self {
        Self::at(still).await
    }

    /// Somebody who has just signed in.
    pub(crate) async fn client(&self, who: &str, groups: &[&str]) -> Client {
        self.try_client(who, groups).await.unwrap()
    }

    pub(crate) async fn try_client(&self, who: &str, groups: &[&str]) -> Result<Client, Failure> {
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
            provider_session: None,
            attested_at: None,
        }
    }

    /// An agent of somebody.
    pub(crate) async fn agent(&self, who: &str, groups: &[&str], of: &Client) -> Client {
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

    pub(crate) async fn pending(&self, client: &Client, role: &str) -> GrantId {
        match self.here.elevate(client, &ask(role)).await.unwrap() {
            Outcome::Pending(elevation) => elevation.request.id.clone(),
            Outcome::Granted(answer) => panic!("granted: {answer:?}"),
        }
    }

    pub(crate) async fn granted(&self, client: &Client, role: &str) -> Answer {
        self.here
            .elevate(client, &ask(role))
            .await
            .unwrap()
            .answer()
            .unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<Entry> {
        self.here
            .store
            .ledger()
            .list(&EventFilter::default())
            .await
            .unwrap()
    }

    pub(crate) async fn kinds(&self, id: &GrantId) -> Vec<&'static str> {
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

pub(crate) fn client(sessions: Vec<Session>) -> Client {
    Client {
        caller: sessions[0].caller.clone(),
        origin: Origin::default(),
        holder: keys::generate().unwrap().public(),
        key: keys::generate().unwrap().public(),
        sessions,
        proof: None,
        once: None,
        keeps_credential: false,
    }
}

pub(crate) fn ask(role: &str) -> Ask {
    Ask {
        entitlement: format!("ssh/web:{role}").parse().unwrap(),
        justification: Some("a fire".to_owned()),
        ttl: None,
        break_glass: false,
        verb: None,
        answerable: false,
    }
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
