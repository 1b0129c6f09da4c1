//! The HTTP clients of API servers: whom each one trusts, and by which name it asks for the server.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use tokio::net::lookup_host;

use crate::{
    domain::{
        catalogue::KubernetesResource,
        failure::{Failure, Result},
    },
    issuers::{
        order::{PATIENCE, Site},
        target,
    },
    platform::{http, pem, tls},
};

/// One client for each address, made anew where the certificate authority or the server's name changed.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<BTreeMap<String, MadeClient>>);

#[derive(Debug)]
struct MadeClient {
    authority: Option<Vec<u8>>,
    tls_server_name: Option<String>,
    client: Client,
}

impl Clients {
    /// The client for a resource's API server at `url`.
    pub(super) fn of(
        &self,
        url: &Url,
        target: &str,
        resource: &KubernetesResource,
        site: &Site<'_>,
    ) -> Result<Client> {
        let file = resource.certificate_authority.as_ref();
        let file = file.map(|file| site.directory.join(file));
        let authority = file.as_deref().map(target::authority).transpose()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = kept.get(url.as_str())
            && made.authority == authority
            && made.tls_server_name == resource.tls_server_name
        {
            return Ok(made.client.clone());
        }
        let trusted = file.as_deref().zip(authority.as_deref());
        let client = client(url, target, resource, trusted)?;
        let made = MadeClient {
            client: client.clone(),
            authority,
            tls_server_name: resource.tls_server_name.clone(),
        };
        kept.insert(url.to_string(), made);
        Ok(client)
    }
}

/// The URL that is asked: with the name of the server's certificate as its host where that is another one,
/// so that TLS asks for that name and verifies it.
pub(super) fn asked_url(url: &Url, target: &str, resource: &KubernetesResource) -> Result<Url> {
    let mut asked = url.clone();
    if let Some(name) = &resource.tls_server_name {
        asked.set_host(Some(name)).map_err(|error| {
            Failure::failed(format!("{target} cannot be asked for by {name:?}"))
                .because(&error)
                .hint("correct tls_server_name in authority.toml")
        })?;
    }
    Ok(asked)
}

/// Finds the server's address, whatever name TLS asks for.
struct Located(String);

impl Resolve for Located {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found = lookup_host((host, 0)).await?;
            let found: Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
            Ok(found)
        })
    }
}

/// A client that trusts the certificates of that file and its text, or the system's.
fn client(
    url: &Url,
    target: &str,
    resource: &KubernetesResource,
    trusted: Option<(&Path, &[u8])>,
) -> Result<Client> {
    let mut builder = http::client(url, PATIENCE);
    if resource.tls_server_name.is_some() {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // A proxy would be asked for the name of the certificate.
        builder = builder
            .no_proxy()
            .dns_resolver(Arc::new(Located(host.to_owned())));
    }
    if let Some((file, authority)) = trusted {
        let broken = || {
            Failure::failed(format!("{} is not a PEM certificate", file.display()))
                .hint("correct certificate_authority in authority.toml")
        };
        let named = pem::certificates(authority).ok_or_else(broken)?;
        let trust = tls::trusting(&named).map_err(|_| broken())?;
        builder = builder.tls_backend_preconfigured(trust);
    }
    builder.build().map_err(|error| {
        Failure::failed(format!("{target} cannot be spoken to"))
            .because(&error)
            .hint("check certificate_authority in authority.toml and the system's certificates")
    })
}
