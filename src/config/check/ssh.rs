//! `ssh/NAME`: hosts.

use super::fault::{Checked, Claims, Fault, some_hosts};
use crate::{
    config::names,
    domain::{catalogue::SshResource, entitlement::ResourceName},
};

pub(super) fn check<'a>(
    name: &'a ResourceName,
    resource: &SshResource,
    claims: &mut Claims<'a>,
) -> Checked {
    some_hosts(&resource.hosts)?;
    for (number, host) in resource.hosts.iter().enumerate() {
        if !names::is_host_pattern(host) {
            let hint = "write a host name or an address; * stands for any run of characters";
            return Err(Fault::not(
                &["hosts", &number.to_string()],
                host,
                "a host",
                hint,
            ));
        }
        claims.claim("hosts", &host.to_ascii_lowercase(), name)?;
    }
    Ok(())
}
