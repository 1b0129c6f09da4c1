//! Machines that come by the identity which they already have, and whoever would like to pass for one.

mod access_tokens;
mod aws;
mod clusters;
mod ends;
mod enrolled;
mod keys;
mod kubernetes;
mod served;
mod token_review;
mod tokens;

use jit::{
    authority::{Authority, entrance::Vouched, workloads::trusted::Workloads},
    config::authority,
    domain::{
        environment::Environment,
        failure::{Failure, Result},
        workload::Workload,
    },
    platform::{clock, seal::SealingKey},
    policy::set::Policies,
    store::Store,
};
use serde::Deserialize;
use tempfile::TempDir;

/// The server's own URL, for which tokens are made.
const SERVER: &str = "https://jit.example.com";

/// An authority with a catalogue, and the workloads that it knows.
struct Place {
    authority: Authority,
    workloads: Workloads,
    directory: TempDir,
}

#[derive(Deserialize)]
struct File {
    workloads: Vec<Workload>,
}

impl Place {
    async fn new(catalogue: &str, workloads: &str) -> Self {
        Self::within(TempDir::new().unwrap(), catalogue, workloads).await
    }

    /// The same, in a directory that holds what the catalogue names.
    async fn within(directory: TempDir, catalogue: &str, workloads: &str) -> Self {
        let file = directory.path().join("state/ledger.db");
        let File { workloads } = toml::from_str(workloads).unwrap();
        Self {
            authority: Authority {
                catalogue: authority::parse("authority.toml", catalogue).unwrap(),
                policies: Policies::parse(&[]).unwrap(),
                store: Store::open(&file, SealingKey::new([1; 32])).await.unwrap(),
                directory: directory.path().to_owned(),
                environment: Environment::default(),
                clock: clock::now,
                approvers: true,
                lifecycles: jit::domain::lifecycle::Lifecycles::default(),
                issuer_url: None,
                issuer_ca: None,
            },
            workloads: Workloads::new(workloads, SERVER, directory.path()).unwrap(),
            directory,
        }
    }

    async fn by_token(&self, token: &str) -> Result<Vouched> {
        self.authority
            .workload_by_token(&self.workloads, token)
            .await
    }
}

/// Why nobody was let in.
fn why(outcome: Result<Vouched>) -> Failure {
    match outcome {
        Ok(admitted) => panic!("let in: {admitted:?}"),
        Err(failure) => failure,
    }
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
