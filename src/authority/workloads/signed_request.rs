//! A signed `GetCallerIdentity` → what STS says → which workload that is here.

use super::{mapping::admit, trusted::Workloads};
use crate::{
    authority::{Authority, entrance::Vouched},
    domain::{
        failure::{Failure, Result},
        workload::{Workload, WorkloadKind},
    },
    issuers::aws::Binding,
};

/// By whose word.
const SOURCE: &str = "aws";

impl Authority {
    /// The workload that presents a request which it signed with its AWS credentials, for this server
    /// and the key of that thumbprint.
    ///
    /// # Errors
    /// Denied: STS does not take it, or it is nobody's whom this server knows. STS is away or slow.
    pub async fn workload_by_signed_request(
        &self,
        workloads: &Workloads,
        presented: &str,
        thumbprint: &str,
    ) -> Result<Vouched> {
        let entries = workloads.entries.iter();
        let entries = entries.filter(|entry| entry.kind == WorkloadKind::Aws);
        let entries: Vec<&Workload> = entries.collect();
        if entries.is_empty() {
            return Err(Failure::denied("this server takes no AWS identities")
                .hint("its administrator adds kind = \"aws\" to [[workloads]] in server.toml"));
        }
        let binding = Binding {
            server: &workloads.server,
            key: thumbprint,
        };
        let now = (self.clock)();
        let identity = workloads.sts.identify(presented, &binding, now).await?;
        let attributes = identity.attributes();
        let admitted = admit((SOURCE, now), &entries, |_| attributes.clone());
        admitted.map(|(vouched, _)| vouched)
    }
}
