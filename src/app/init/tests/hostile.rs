//! What a hostile home cannot do.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::home::Home;
use crate::config::authority;

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n";

#[test]
fn a_foreign_name_injects_nothing() {
    let evil = "x\"]\\n[evil\n[resources.\"ssh/evil\"]\nhosts = [\"evil\"]\nroles.root = {}\n";
    let quoted = serde_json::to_string(evil).unwrap();
    let home = Home::new(&[
        (
            ".ssh/config",
            "Host x\"]\n HostName a\nHost $(id)\n HostName b;c\nHost ok\n HostName -oProxyCommand=id\nHost fine\n HostName fine.example.com\n User a\"b\n",
        ),
        (
            ".kube/config",
            &format!(
                "contexts:\n- {{name: {quoted}, context: {{cluster: c}}}}\nclusters:\n- {{name: c, cluster: {{server: 'https://a\"b'}}}}\n- {{name: c2, cluster: {{server: {quoted}}}}}\n"
            ),
        ),
        (
            ".pg_service.conf",
            "[a\"]\nhost=x\"]\nuser=\"\n[../../etc]\nhost=db\nuser=a b\n",
        ),
        (
            ".aws/config",
            "[profile 'a\"']\nrole_arn=arn:aws:iam::123456789012:role/\"x\nsource_profile=\"\n[profile b]\nsso_account_id=1\"\n",
        ),
    ]);
    let proposal = home.proposal();
    let catalogue = authority::parse(authority::FILE, proposal.whole()).unwrap();
    let names: Vec<String> = catalogue
        .resources
        .0
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_snapshot!(names.join("\n"), @r#"
    ssh/x
    postgres/etc
    aws/a
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_files_hold_the_proposal_is_right(
        ssh in "((Host|HostName|User|Include|Match) [ -~]{0,12}\n){0,8}",
        services in "(\\[[ -~]{0,9}\\]\n((host|port|dbname|user)=[ -~]{0,9}\n){0,4}){0,4}",
        aws in "(\\[profile [ -~]{0,9}\\]\n((role_arn|source_profile|region)=(arn:aws:iam::123456789012:role/)?[ -~]{0,9}\n){0,3}){0,4}",
        context in "\\PC{0,20}",
        passwords in "(([ -~]{0,9}:){4}[ -~]{0,9}\n){0,4}",
        known in "([ -~]{0,12} ssh-ed25519 AAAA\n){0,4}",
    ) {
        let context = serde_json::to_string(&context).unwrap();
        let kube = format!("contexts:\n- {{name: {context}, context: {{cluster: c}}}}\nclusters:\n- {{name: c, cluster: {{server: 'https://a'}}}}\n");
        let home = Home::new(&[(".ssh/config", &ssh), (".kube/config", &kube), (".pg_service.conf", &services), (".aws/config", &aws), (".pgpass", &passwords), (".ssh/known_hosts", &known), (".ssh/id_rsa", KEY)]);
        let proposal = home.proposal();
        prop_assert!(authority::parse(authority::FILE, &proposal.text).is_ok());
        prop_assert!(authority::parse(authority::FILE, proposal.whole()).is_ok());
    }
}
