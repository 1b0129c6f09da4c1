//! Flags that would take a credential elsewhere, show it to somebody else, or leave it unused.

use super::{argv::Arguments, authorities, clusters::same_server};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        entitlement::ResourceName,
        environment::{Environment, Places},
        failure::{Failure, Result},
    },
    platform::files,
};

/// What a program calls its flags, each a list of words.
#[derive(Clone, Copy)]
pub(super) struct Flags {
    /// Those that bring a credential.
    credentials: &'static str,
    /// The one that names an API server.
    pub(super) server: &'static str,
    /// The one that switches verification off.
    insecure: &'static str,
    /// The one that names a file of certificate authorities.
    authority: &'static str,
    /// The one that names whom the server's certificate is of.
    name: &'static str,
}

/// The flags of a program. What other programs call so may be anything else; what they do with theirs,
/// the plugin sees.
pub(super) fn of_program(program: &str) -> Flags {
    match program {
        "kubectl" => Flags {
            credentials: "token username password client-certificate client-key user",
            server: "server",
            insecure: "insecure-skip-tls-verify",
            authority: "certificate-authority",
            name: "tls-server-name",
        },
        "helm" => Flags {
            credentials: "kube-token",
            server: "kube-apiserver",
            insecure: "kube-insecure-skip-tls-verify",
            authority: "kube-ca-file",
            name: "kube-tls-server-name",
        },
        _ => Flags {
            credentials: "",
            server: "",
            insecure: "",
            authority: "",
            name: "",
        },
    }
}

impl Flags {
    /// Whether any of them is there, or one that names a cluster.
    pub(super) fn are_in(self, arguments: &Arguments) -> bool {
        let own = [
            "context kube-context cluster",
            self.credentials,
            self.server,
            self.insecure,
            self.authority,
            self.name,
        ];
        let mut all = own.into_iter().flat_map(str::split_whitespace);
        all.any(|flag| arguments.has(flag))
    }

    /// Refuses those that bring a credential of their own. `--user` is another thing in `create` and
    /// `set`: the subject of a role binding.
    pub(super) fn refuse_credentials(self, arguments: &Arguments) -> Result<()> {
        let binds = matches!(arguments.verb(), Some("create" | "set"));
        let mut credentials = self.credentials.split_whitespace();
        let found =
            credentials.find(|flag| arguments.value(flag).is_some() && !(binds && *flag == "user"));
        found.map_or(Ok(()), |flag| {
            Err(
                Failure::usage(format!("--{flag} brings a credential of its own")).hint(format!(
                    "leave --{flag} out, and jit brings one; or run the command without jit"
                )),
            )
        })
    }

    /// Refuses another server, and whatever would hand the credential to whoever answers there.
    pub(super) fn refuse_elsewhere(
        self,
        arguments: &Arguments,
        resource: &ResourceName,
        cluster: &KubernetesResource,
    ) -> Result<()> {
        let flag = self.server;
        match arguments.value(flag) {
            Some(server) if !same_server(server, &cluster.server) => {
                return Err(elsewhere(&format!("--{flag} names {server:?}"), resource));
            }
            // client-go takes what has neither a scheme nor an authority for plain HTTP.
            Some(server) if !server.contains("://") && cluster.certificate_authority.is_none() => {
                return Err(Failure::usage(format!(
                    "--{flag} {server} would send the credential in the clear"
                ))
                .hint(format!(
                    "write --{flag} {}, or leave it out",
                    cluster.server
                )));
            }
            _ => {}
        }
        if arguments.is_set(self.insecure) {
            let flag = self.insecure;
            return Err(Failure::usage(format!(
                "--{flag} would hand the credential to whoever answers for {resource}"
            ))
            .hint(format!(
                "leave --{flag} out; certificate_authority in authority.toml says whom to trust"
            )));
        }
        let known = cluster.tls_server_name.as_deref();
        match arguments.value(self.name) {
            Some(name) if Some(name) != known => {
                let flag = self.name;
                Err(Failure::usage(format!(
                    "--{flag} {name} is not the name of {resource}'s server"
                ))
                .hint("leave it out, or set tls_server_name in authority.toml"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses certificate authorities that the catalogue does not name.
    pub(super) fn refuse_other_authority(
        self,
        arguments: &Arguments,
        cluster: &KubernetesResource,
        environment: &Environment,
        places: &Places,
    ) -> Result<()> {
        let Some(file) = arguments.value(self.authority) else {
            return Ok(());
        };
        let trusted = files::read(&environment.directory.join(file))?.unwrap_or_default();
        if authorities::are_known(&trusted, cluster, places)? {
            return Ok(());
        }
        let flag = self.authority;
        Err(Failure::usage(format!(
            "--{flag} {file} is not the certificate authority that the catalogue names"
        ))
        .hint(format!(
            "leave --{flag} out; certificate_authority in authority.toml says whom to trust"
        )))
    }
}

/// The error of a command that names another cluster than the credential would be for.
pub(super) fn elsewhere(what: &str, resource: &ResourceName) -> Failure {
    Failure::usage(format!(
        "{what}, and the credential would be for {resource}"
    ))
    .hint("leave one of them out")
}
