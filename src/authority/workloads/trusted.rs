//! The workloads of a served authority, and the issuers that vouch for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    domain::{
        claim_match::ClaimMatch,
        failure::{Failure, Result},
        workload::{Workload, WorkloadKind, spiffe_id},
    },
    issuers::{aws::Sts, kubernetes::TokenReviews},
    platform::files,
    verify::{
        issuer::Issuer,
        jwks::KeySet,
        trusted::{ALGORITHMS, KeySource, Purpose, Trusted},
    },
};

/// Who may come by the identity that they already have.
#[derive(Debug, Default)]
pub struct Workloads {
    /// `[[workloads]]`, as they are written.
    pub(super) entries: Vec<Workload>,
    /// Keys are fetched once, however many entries an issuer has.
    issuers: Vec<Issuer>,
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
        let mut trusted: BTreeMap<Source, Trusted> = BTreeMap::new();
        for entry in &entries {
            let Some(url) = entry.issuer() else {
                continue;
            };
            let source = Source {
                url: url.to_owned(),
                jwks: entry.jwks.clone(),
                authority: entry.certificate_authority.clone(),
            };
            let one = match trusted.remove(&source) {
                Some(known) => known,
                None => source.trusted(entry.kind, directory)?,
            };
            let mut audiences = one.audiences;
            audiences.insert(entry.audience.as_deref().unwrap_or(server).to_owned());
            trusted.insert(source, Trusted { audiences, ..one });
        }
        let issuers = trusted.into_values().map(Issuer::new);
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
    /// names none, the one of its trust domain. Where one URL has several sets of keys, the audience tells which.
    pub(super) fn issuer_of(
        &self,
        said: Option<&str>,
        subject: &str,
        meant: &BTreeSet<String>,
    ) -> Option<&Issuer> {
        let named = said.or_else(|| {
            let (domain, _) = spiffe_id(subject)?;
            let mut entries = self.entries.iter();
            let own = entries.find(|entry| trust_domains(entry).contains(domain))?;
            own.issuer()
        })?;
        let of_url = || self.issuers.iter().filter(|issuer| issuer.url() == named);
        let meant = of_url().find(|issuer| !issuer.audiences().is_disjoint(meant));
        meant.or_else(|| of_url().next())
    }

    /// The audience that tokens for an entry must name.
    pub(super) fn audience<'a>(&'a self, entry: &'a Workload) -> &'a str {
        entry.audience.as_deref().unwrap_or(&self.server)
    }
}

/// From where keys are had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    url: String,
    jwks: Option<PathBuf>,
    authority: Option<PathBuf>,
}

impl Source {
    /// The issuer of these keys, for nobody yet.
    fn trusted(&self, kind: WorkloadKind, directory: &Path) -> Result<Trusted> {
        let authority = self.authority.as_ref();
        let authority = authority.map(|file| read(&directory.join(file), "certificate_authority"));
        let jwks = self.jwks.as_ref();
        let jwks = jwks.map(|file| {
            let file = directory.join(file);
            let text = read(&file, "jwks")?;
            KeySet::parse(&text).map_err(|why| {
                Failure::failed(format!("{} is no key set: {why}", file.display()))
                    .hint("save what is at the issuer's jwks_uri; of a cluster: kubectl get --raw /openid/v1/jwks")
            })
        });
        Ok(Trusted {
            issuer: self.url.clone(),
            audiences: [].into(),
            algorithms: ALGORITHMS.to_vec(),
            keys: jwks
                .transpose()?
                .map_or(KeySource::Discovered, KeySource::Given),
            authority: authority.transpose()?.map(String::into_bytes),
            purpose: match kind {
                WorkloadKind::Spiffe => Purpose::Unnamed,
                WorkloadKind::Github
                | WorkloadKind::Gitlab
                | WorkloadKind::Kubernetes
                | WorkloadKind::Oidc
                | WorkloadKind::Aws => Purpose::Workload,
            },
        })
    }
}

/// The trust domains of an entry that is about one.
fn trust_domains(entry: &Workload) -> BTreeSet<&str> {
    let ids = entry
        .wanted
        .get("sub")
        .filter(|_| entry.kind == WorkloadKind::Spiffe);
    let ids = ids.into_iter().flat_map(ClaimMatch::values);
    ids.filter_map(|id| spiffe_id(id).map(|(domain, _)| domain))
        .collect()
}

fn read(file: &Path, key: &str) -> Result<String> {
    // Whoever could write it would say who is believed.
    files::read_trusted(file)?.ok_or_else(|| {
        Failure::failed(format!("the file {} is not there", file.display()))
            .hint(format!("correct {key} in [[workloads]] of server.toml"))
    })
}
