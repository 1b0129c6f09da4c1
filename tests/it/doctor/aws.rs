//! Accounts that let this authority in, and that do not.

use super::{Home, doctor, gave_back, hints, home, says};
use crate::support::{
    Moto,
    moto::{ACCOUNT, REGION},
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
const BASE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
/// An account whose base user has these permissions.
fn account(moto: &Moto, permissions: &str) -> Home {
    let arn = moto.create_role("read", TRUST, BASE);
    let (key, secret) = moto.create_user("authority", permissions);
    let home = home(&format!(
        "[resources.\"aws/prod\"]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nissuer = \"assume-role\"\n\
         base_profile = \"base\"\nendpoint = \"{}\"\nroles.read.arn = \"{arn}\"\n",
        moto.url()
    ));
    home.write(
        "aws-config",
        &format!("[profile base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"),
    );
    home
}

#[test]
fn an_account_lets_this_authority_in_or_says_that_it_does_not() {
    for (permissions, level, code) in [
        (BASE, "ok: read is ", 0),
        (NOTHING, "fail: aws/prod at ", 125),
    ] {
        let Some(moto) = Moto::start() else { return };
        let home = account(&moto, permissions);
        moto.begin_checks();
        let ran = doctor(&home, &["aws/prod"]);
        let said = says(&ran, "targets", "aws/prod");
        assert!(said.starts_with(level), "{ran:?}");
        assert_eq!(ran.code, code, "{ran:?}");
        if code == 0 {
            assert_eq!(says(&ran, "clock", "clock"), "ok: it agrees with aws/prod");
            gave_back(&home);
        } else {
            assert!(hints(&ran).contains("jit trust aws/prod"), "{ran:?}");
        }
    }
}
