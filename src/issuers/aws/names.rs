//! Names as STS wants them.

use crate::{
    domain::failure::{Failure, Result},
    platform::keys,
};

/// What `SourceIdentity` may have in it is `[\w+=,.@-]{2,64}`.
const LONGEST: usize = 64;
/// How much of a long name is kept, before an `=` and twelve digits of its hash.
const KEPT: usize = 51;

/// A principal's name as the source identity: itself wherever it has 2 to 64 characters. Others get
/// an `=`, which no principal's name has, so that none can be taken for another.
pub(super) fn source_identity(name: &str) -> String {
    match name.len() {
        0..2 => format!("{name}="),
        2..=LONGEST => name.to_owned(),
        _ => {
            let kept: String = name.chars().take(KEPT).collect();
            let hash = keys::hex(&keys::sha256(name.as_bytes()));
            let digits: String = hash.chars().take(12).collect();
            format!("{kept}={digits}")
        }
    }
}

/// Refuses what is not the ARN of a role in the account.
pub(super) fn checked_arn<'a>(arn: &'a str, account: &str) -> Result<&'a str> {
    let plain = arn.chars().all(|c| c.is_ascii_graphic());
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", of, name] if plain && name.starts_with("role/") => {
            if *of == account {
                return Ok(arn);
            }
            Err(
                Failure::failed(format!("{arn} is not a role of account {account}"))
                    .hint("correct account or arn in authority.toml"),
            )
        }
        _ => Err(Failure::failed(format!("{arn:?} is not an IAM role"))
            .hint("write arn = \"arn:aws:iam::123456789012:role/NAME\" in authority.toml")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_source_identity_is_one_and_tells_principals_apart(
            one in "[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}",
            other in "[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}",
        ) {
            let identity = source_identity(&one);
            prop_assert!((2..=LONGEST).contains(&identity.len()), "{}", identity);
            prop_assert!(identity.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)));
            prop_assert_eq!(one == other, identity == source_identity(&other));
        }
    }

    #[test]
    fn only_roles_of_the_account_are_assumed() {
        let account = "123456789012";
        assert!(checked_arn("arn:aws:iam::123456789012:role/a/b", account).is_ok());
        assert!(checked_arn("arn:aws-cn:iam::123456789012:role/read", account).is_ok());
        for arn in [
            "",
            "read",
            "arn:aws:iam::999999999999:role/read",
            "arn:aws:iam::123456789012:user/read",
            "arn:aws:iam::123456789012:role/re\nad",
            "arn:aws:iam:eu-west-1:123456789012:role/read",
        ] {
            assert!(checked_arn(arn, account).is_err(), "{arn:?}");
        }
    }
}
