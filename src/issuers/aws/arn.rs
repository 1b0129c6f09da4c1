//! What STS says of whoever signed `GetCallerIdentity`: the account, and the role or user in it.

use std::collections::BTreeMap;

use super::refusal::element;

/// A role or a user of an account; whatever a session of it was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The 12-digit account id.
    pub account: String,
    /// `arn:aws:iam::ACCOUNT:role/NAME` or `…:user/NAME`. STS does not tell a role's path.
    pub arn: String,
    /// The role's name, where it is one.
    pub role: Option<String>,
    /// Its unique id (`AROA…`, `AIDA…`), which no later role of the same name has.
    pub unique_id: String,
}

impl CallerIdentity {
    /// Reads the answer's body; nothing where it speaks of somebody else than a role or a user: a
    /// federated user is called as whoever made it pleased.
    pub(super) fn read(body: &str) -> Option<Self> {
        let account = element(body, "Account")?;
        let (unique_id, _) = split(element(body, "UserId")?, ':');
        let arn = element(body, "Arn")?;
        let mut parts = arn.splitn(6, ':');
        let partition = (parts.next()? == "arn").then(|| parts.next())??;
        let (service, region) = (parts.next()?, parts.next()?);
        let of_account = parts.next()? == account && region.is_empty();
        let (kind, name) = parts.next()?.split_once('/')?;
        let of_partition = |c: char| c.is_ascii_lowercase() || c == '-';
        let plain = account.len() == 12
            && account.bytes().all(|c| c.is_ascii_digit())
            && partition.starts_with("aws")
            && partition.chars().all(of_partition)
            && (4..=128).contains(&unique_id.len())
            && unique_id.bytes().all(|c| c.is_ascii_alphanumeric());
        let (role, path) = match (service, kind) {
            ("sts", "assumed-role") => {
                let role = split(name, '/').0;
                (Some(role.to_owned()), format!("role/{role}"))
            }
            ("iam", "user") => (None, format!("user/{name}")),
            _ => return None,
        };
        let of_path = |c: char| c.is_ascii_alphanumeric() || "/+=,.@_-".contains(c);
        let sane = (6..=600).contains(&path.len()) && path.chars().all(of_path);
        (of_account && plain && sane).then(|| Self {
            account: account.to_owned(),
            arn: format!("arn:{partition}:iam::{account}:{path}"),
            role,
            unique_id: unique_id.to_owned(),
        })
    }

    /// As policies see it.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let known = [
            of("account", &self.account),
            of("arn", &self.arn),
            of("unique_id", &self.unique_id),
        ];
        let role = self.role.as_deref().map(|role| of("role", role));
        known.into_iter().chain(role).collect()
    }
}

fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(arn: &str, id: &str) -> String {
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{id}</UserId>\
             <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
    }

    #[test]
    fn a_session_is_its_role() {
        let one = "arn:aws:sts::123456789012:assumed-role/deployer/i-0abc";
        let other = "arn:aws:sts::123456789012:assumed-role/deployer/root";
        let [one, other] = [one, other].map(|arn| {
            let id = "AROA3XFRBF535PLBIFPI4:i-0abc";
            CallerIdentity::read(&body(arn, id)).unwrap()
        });
        assert_eq!(one, other);
        assert_eq!(one.arn, "arn:aws:iam::123456789012:role/deployer");
        assert_eq!(one.attributes()["unique_id"], "AROA3XFRBF535PLBIFPI4");
        let user = "arn:aws:iam::123456789012:user/path/ci";
        let user = CallerIdentity::read(&body(user, "AIDA3XFRBF535PLBIFPI4")).unwrap();
        assert_eq!(
            (user.arn.as_str(), user.role),
            ("arn:aws:iam::123456789012:user/path/ci", None)
        );
    }

    #[test]
    fn whoever_may_call_themselves_as_they_please_is_nobody() {
        for arn in [
            "arn:aws:sts::123456789012:federated-user/admin",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::210987654321:assumed-role/deployer/x",
            "arn:aws:iam::123456789012:role/deployer",
            "arn:evil:sts::123456789012:assumed-role/deployer/x",
            "arn:aws:sts::123456789012:assumed-role//x",
            "arn:aws:sts::123456789012:assumed-role/a b/x",
            "",
        ] {
            assert_eq!(
                CallerIdentity::read(&body(arn, "AROA3XFRBF535PLBIFPI4:x")),
                None,
                "{arn}"
            );
        }
        assert_eq!(CallerIdentity::read("nonsense"), None);
    }
}
