//! Lists the namespaces of a cluster as any program of kube-rs does, several times at once.

use std::{env, error::Error};

use http::Request;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = KubeConfigOptions {
        context: env::args().nth(1),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(Kubeconfig::read()?, &options).await?;
    let client = Client::try_from(config)?;
    let list = || {
        client.request::<Value>(
            Request::get("/api/v1/namespaces")
                .body(Vec::new())
                .expect("a request"),
        )
    };
    let (first, second, third) = tokio::join!(list(), list(), list());
    (first?, second?);
    let third = third?;
    for namespace in third["items"].as_array().into_iter().flatten() {
        println!(
            "{}",
            namespace["metadata"]["name"].as_str().unwrap_or_default()
        );
    }
    Ok(())
}
