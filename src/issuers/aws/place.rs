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
    /// The one address that requests are sent to. A region has the shape of AWS's own, so that it leads nowhere
    /// else.
    pub(super) fn url(&self) -> Result<Url> {
        if let Some(endpoint) = self.endpoint {
            return target::address(endpoint);
        }
        let region = self.region;
        if !is_region(region) {
            return Err(Failure::denied(format!("{region:?} is no region of AWS"))
                .hint("correct AWS_REGION, and sign in again"));
        }
        let partition = if region.starts_with("cn-") { ".cn" } else { "" };
        target::address(&format!("https://sts.{region}.amazonaws.com{partition}/"))
    }
}

/// Whether it has the shape of a region: `eu-west-1`, `us-gov-west-1`, `us-isob-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, places @ .., number] = parts.as_slice() else {
        return false;
    };
    let is_word = |word: &&str| {
        (2..=12).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_lowercase())
    };
    (2..=4).contains(&area.len())
        && area.bytes().all(|c| c.is_ascii_lowercase())
        && (1..=2).contains(&places.len())
        && places.iter().all(is_word)
        && matches!(
            number.as_bytes(),
            [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']
        )
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
            "made-up",
            "metadata",
            "127-0-0-1",
            "eu-west-",
            "eu-west-01",
            "eu-west-1-1",
            "-eu-west-1",
            "eu-west1",
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
        for region in [
            "ap-southeast-7",
            "mx-central-1",
            "us-isob-east-1",
            "eusc-de-east-1",
        ] {
            let place = Place {
                region,
                endpoint: None,
            };
            assert!(place.url().is_ok(), "{region}");
        }
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
