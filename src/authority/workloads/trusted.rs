//! The workloads of a served authority, and the issuers that vouch for them.

use std::{collections::BTreeMap, path::Path};

use crate::{
    domain::{
        failure::{Failure, Result},
        workload::{Workload, WorkloadKind, spiffe_id},
    },
    issuers::{aws::Sts, kubernetes::TokenReviews},
    platform::files,
    verify::{
        issuer::Issuer,
        trusted::{ALGORITHMS, Purpose, Trusted},
    },
};

/// Who may come by the identity that they already have.
#[derive(Debug, Default)]
pub struct Workloads {
    /// `[[workloads]]`, as they are written.
    pub(super) entries: Vec<Workload>,
    /// By URL; keys are fetched once, however many entries an issuer has.
    issuers: BTreeMap<String, Issuer>,
    /// Who is asked about AWS identities; at the endpoint of the first entry of that kind.
    pub(super) sts: Sts,
    /// The clusters that are asked about tokens.
    pub(super) reviews: TokenReviews,
    /// The server's URL, for which tokens are made unless an entry says otherwise.
    pub(super) server: String,
}

impl Workloads {
    /// Those of `server.toml`, which lies in `directory`; no issuer is asked yet.
    ///
    /// # Errors
    /// A certificate authority is not there, or is none.
    pub fn new(entries: Vec<Workload>, server: &str, directory: &Path) -> Result<Self> {
        let mut trusted: BTreeMap<String, Trusted> = BTreeMap::new();
        for entry in &entries {
            let Some(url) = entry.issuer() else {
                continue;
            };
            let audience = entry.audience.as_deref().unwrap_or(server).to_owned();
            let authority = entry.certificate_authority.as_deref();
            let one = match trusted.remove(url) {
                Some(known) => known,
                None => Trusted {
                    issuer: url.to_owned(),
                    audiences: [].into(),
                    algorithms: ALGORITHMS.to_vec(),
                    keys_at: None,
                    authority: authority
                        .map(|file| read(&directory.join(file)).map(String::into_bytes))
                        .transpose()?,
                    purpose: match entry.kind {
                        WorkloadKind::Spiffe => Purpose::Unnamed,
                        WorkloadKind::Github
                        | WorkloadKind::Gitlab
                        | WorkloadKind::Kubernetes
                        | WorkloadKind::Oidc
                        | WorkloadKind::Aws => Purpose::Workload,
                    },
                },
            };
            let mut audiences = one.audiences;
            audiences.insert(audience);
            trusted.insert(url.to_owned(), Trusted { audiences, ..one });
        }
        let issuers = trusted
            .into_iter()
            .map(|(url, trusted)| Ok((url, Issuer::new(trusted)?)));
        let mut aws = entries.iter().filter(|one| one.kind == WorkloadKind::Aws);
        let endpoint = aws.next().and_then(|first| first.endpoint.clone());
        Ok(Self {
            sts: Sts::new(endpoint),
            reviews: TokenReviews::default(),
            issuers: issuers.collect::<Result<_>>()?,
            entries,
            server: server.to_owned(),
        })
    }

    /// Whether an entry could make a principal of that name, which nobody else may have then.
    pub fn may_make(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.principal.may_make(name))
    }

    /// The issuer that a token says it is of, before anything of it is believed; of a JWT-SVID that
    /// names none, the one of its trust domain.
    pub(super) fn issuer_of(&self, said: Option<&str>, subject: &str) -> Option<&Issuer> {
        let named = said.or_else(|| {
            let (domain, _) = spiffe_id(subject)?;
            let mut entries = self.entries.iter();
            let own = entries.find(|entry| trust_domain(entry) == Some(domain))?;
            own.issuer()
        });
        self.issuers.get(named?)
    }

    /// The audience that tokens for an entry must name.
    pub(super) fn audience<'a>(&'a self, entry: &'a Workload) -> &'a str {
        entry.audience.as_deref().unwrap_or(&self.server)
    }
}

/// The trust domain of an entry that is about one.
fn trust_domain(entry: &Workload) -> Option<&str> {
    let id = entry
        .wanted
        .get("sub")
        .filter(|_| entry.kind == WorkloadKind::Spiffe)?;
    spiffe_id(id).map(|(domain, _)| domain)
}

fn read(file: &Path) -> Result<String> {
    // Whoever could write it would say who is believed.
    files::read_trusted(file)?.ok_or_else(|| {
        Failure::failed(format!(
            "the certificate file {} is not there",
            file.display()
        ))
        .hint("correct certificate_authority in [[workloads]] of server.toml")
    })
}
