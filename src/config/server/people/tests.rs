//! Which names may count, and what a mistake is told as.

use insta::assert_snapshot;

use crate::config::server::{FILE, parse};

const PEOPLE: &str = "[people]\nissuer = \"https://id.example.com\"\nclient_id = \"jit\"\n";

fn wrong(more: &str) -> String {
    match parse(FILE, &format!("{PEOPLE}{more}")) {
        Err(failure) => format!("{failure}\n  {}", failure.hint),
        Ok(_) => format!("accepted: {more}"),
    }
}

#[test]
fn a_name_that_people_set_themselves_counts_only_for_accounts_that_are_named() {
    for claim in super::EDITABLE {
        let said = wrong(&format!("name_claim = {claim:?}\n"));
        assert!(
            said.contains("people set") && said.contains("[people.subjects]"),
            "{said}"
        );
        let named = format!("name_claim = {claim:?}\n[people.subjects]\nalice = \"1\"\n");
        assert!(parse(FILE, &format!("{PEOPLE}{named}")).is_ok());
    }
    assert!(parse(FILE, &format!("{PEOPLE}name_claim = \"email\"\n")).is_ok());
}

#[test]
fn a_mistake_in_people_is_named_with_its_line() {
    let all = [
        "amr_values = [\"one time\"]",
        "[people.groups]\nadmins = []",
        "[people.subjects]\nAlice = \"1\"",
        "[people.subjects]\nalice = \"\"",
        "[people.subjects]\nalice = \"1\"\nbob = \"1\"",
    ];
    assert_snapshot!(all.map(wrong).join("\n"), @r#"
    server.toml:4: "one time" is not a method of sign-ins
      use one word each, as the provider names them in amr: "otp", "hwk", "mfa"
    server.toml:5: "admins" leads to no group
      name the groups here, or take it out
    server.toml:5: "Alice" is no name
      use lower-case letters, digits and . _ - @ +, 128 at most
    server.toml:5: "" is no sub
      copy it from the provider: the account's sub, 255 characters at most
    server.toml:6: the account "1" has two names
      give it one name
    "#);
}
