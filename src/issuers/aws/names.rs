//! Names as STS wants them.

use crate::{
    domain::{
        failure::{Failure, Result},
        principal::{Class, Principal},
    },
    issuers::order::shortened,
};

/// What `SourceIdentity` may have in it is `[\w+=,.@-]{2,64}`.
const LONGEST: usize = 64;
/// What a session tag's value may have.
const LONGEST_TAG: usize = 256;

/// A principal as the source identity: a person's name is itself wherever it has 2 to 64 characters.
/// Others get an `=`, which no principal's name has, so that none can be taken for another.
pub(super) fn source_identity(principal: &Principal) -> String {
    let name = principal.name();
    let written = match principal.class() {
        Class::Human if name.len() < 2 => format!("{name}="),
        Class::Human => name.to_owned(),
        Class::Workload => format!("workload={name}"),
        Class::Agent => format!("agent={name}"),
    };
    shortened(&written, LONGEST)
}

/// A principal as the subject of a token: always with its class, so that a trust policy can speak of
/// `human/*`, and since STS tells no subject back that has fewer than six characters.
pub(super) fn subject(principal: &Principal) -> String {
    let class = principal.class().as_str().to_ascii_lowercase();
    format!("{class}/{}", principal.name())
}

/// Text as the value of a session tag.
pub(super) fn tag_value(text: &str) -> String {
    shortened(text, LONGEST_TAG)
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
            class in 0_usize..3,
        ) {
            let class = [Class::Human, Class::Workload, Class::Agent][class];
            let one = Principal::new(class, &one).unwrap();
            let other = Principal::new(Class::Human, &other).unwrap();
            let identity = source_identity(&one);
            prop_assert!((2..=LONGEST).contains(&identity.len()), "{}", identity);
            prop_assert!(identity.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)));
            prop_assert_eq!(one == other, identity == source_identity(&other));
        }
    }

    #[test]
    fn an_agent_does_not_pass_for_the_person_that_it_is_named_after() {
        let name = "alice@example.com";
        let identity = |class| source_identity(&Principal::new(class, name).unwrap());
        assert_eq!(identity(Class::Human), name);
        assert_eq!(identity(Class::Agent), "agent=alice@example.com");
        let subject = |class| subject(&Principal::new(class, "al").unwrap());
        assert_eq!(subject(Class::Human), "human/al");
        assert_eq!(subject(Class::Workload), "workload/al");
        assert_eq!(tag_value(&"x".repeat(300)).len(), LONGEST_TAG);
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
