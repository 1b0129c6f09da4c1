//! Where STS is.

use reqwest::Url;

use crate::{
    domain::failure::{Failure, Result},
    issuers::target,
};

/// Where STS is: in a region, or at an endpoint of one's own.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `eu-west-1`
    pub region: &'a str,
    /// Another address.
    pub endpoint: Option<&'a str>,
}

impl Place<'_> {
    /// The one address that requests are sent to. A region is no more than letters, digits and dashes,
    /// so that it leads nowhere else.
    pub(super) fn url(&self) -> Result<Url> {
        if let Some(endpoint) = self.endpoint {
            return target::address(endpoint);
        }
        let region = self.region;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(3..=32).contains(&region.len()) || !region.chars().all(plain) {
            return Err(Failure::denied(format!("{region:?} is no region of AWS"))
                .hint("correct AWS_REGION, and sign in again"));
        }
        let partition = if region.starts_with("cn-") { ".cn" } else { "" };
        target::address(&format!("https://sts.{region}.amazonaws.com{partition}/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_region_leads_away_from_aws() {
        for region in [
            "",
            "a",
            "eu-west-1.evil.example",
            "evil.example#",
            "eu/../x",
            "EU-WEST-1",
            "a@evil",
            "a:1",
            "a?b",
            "eu\n1",
            &"a".repeat(40),
        ] {
            let place = Place {
                region,
                endpoint: None,
            };
            assert!(place.url().is_err(), "{region:?}");
        }
        let url = |region| {
            Place {
                region,
                endpoint: None,
            }
            .url()
            .unwrap()
            .to_string()
        };
        assert_eq!(
            url("us-gov-west-1"),
            "https://sts.us-gov-west-1.amazonaws.com/"
        );
        assert_eq!(
            url("cn-north-1"),
            "https://sts.cn-north-1.amazonaws.com.cn/"
        );
    }
}
