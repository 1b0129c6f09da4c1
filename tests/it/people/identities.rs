//! Who an account of the provider is here: by a name that nobody gives themselves, in groups that an
//! administrator gave it.

use serde_json::{Value, json};

use super::{
    Team, machine, on,
    stolen::{claims, exchange, people},
};
use crate::support::{
    home::run,
    issuer::Issuer,
    jwt::Algorithm,
    serve::{Serve, with_authority},
    web,
};
use jit::{
    domain::principal::Caller,
    platform::{clock, keys},
};

/// A catalogue with these members of `administrators` and `on-call`.
fn catalogue(administrators: &str, on_call: &str) -> String {
    format!(
        "[groups]\nadministrators = [{administrators}]\non-call = [{on_call}]\n{}",
        web::CATALOGUE
    )
}

/// Who somebody with these claims is at a server, or what it says to them.
fn comes(serve: &Serve, issuer: &Issuer, changes: &[(&str, Value)]) -> Result<Caller, String> {
    let mut said = claims();
    for (name, value) in changes {
        said[*name] = value.clone();
    }
    let holder = keys::generate().unwrap();
    said["jti"] = json!(format!("{:?}", holder.public()));
    let answer = exchange(serve, &issuer.sign(&said), &holder);
    if answer.status != 200 {
        return Err(answer.text());
    }
    let session = with_authority(&serve.path(""), async |authority| {
        let found = authority.store.session_of(holder.public(), clock::now());
        found.await.unwrap()
    });
    Ok(session.unwrap().0.caller)
}

fn groups(caller: &Caller) -> Vec<&str> {
    caller.groups.iter().map(String::as_str).collect()
}

#[test]
fn an_address_that_nobody_verified_is_nobodys_name() {
    let issuer = Issuer::http(Algorithm::Es256);
    let people = people(&issuer, "name_claim = \"email\"\n");
    let all = catalogue("\"Root@Example.com\"", "");
    let serve = Serve::start_with(&all, web::POLICIES, &people);
    let root = ("email", json!("root@example.com"));
    for verified in [
        json!(false),
        json!(null),
        json!("false"),
        json!(1),
        json!(["true"]),
    ] {
        let mallory = [
            root.clone(),
            ("sub", json!("666")),
            ("email_verified", verified),
        ];
        let said = comes(&serve, &issuer, &mallory).unwrap_err();
        assert!(said.contains("has not verified the address"), "{said}");
    }
    let mut absent = claims();
    absent["email"] = json!("root@example.com");
    let answer = exchange(&serve, &issuer.sign(&absent), &keys::generate().unwrap());
    assert_eq!(answer.status, 400, "{answer:?}");
    // The name was not spent on them: its owner comes in, in whichever case the group has it.
    let own = [root, ("sub", json!("1")), ("email_verified", json!(true))];
    let caller = comes(&serve, &issuer, &own).unwrap();
    assert_eq!(caller.principal.name(), "root@example.com");
    assert!(caller.groups.contains("administrators"), "{caller:?}");
}

#[test]
fn an_unverified_address_at_a_real_provider_is_refused_and_its_owner_is_not_locked_out() {
    let configured = Team::configured(
        web::POLICIES,
        "name_claim = \"email\"\nscopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n",
        &catalogue("\"alice@example.com\"", ""),
    );
    let Some(team) = configured else { return };
    team.provider.account("mallory", &["dev"]);
    team.provider
        .claim("mallory", "email", json!("alice@example.com"));
    team.provider
        .claim("mallory", "email_verified", json!(false));
    let thief = machine(&team.serve);
    let ran = run(&mut on(&thief, &team.provider, "mallory", &["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("(email_verified)"), "{ran:?}");
    team.login("alice");
    let who = team.who();
    assert_eq!(who["principal"], "alice@example.com");
    assert!(
        who["groups"].to_string().contains("administrators"),
        "{who}"
    );
}

#[test]
fn an_account_that_an_administrator_named_has_that_name_and_nobody_else_has() {
    let issuer = Issuer::http(Algorithm::Es256);
    let more = "name_claim = \"nickname\"\n[people.subjects]\nalice = \"1\"\n";
    let serve = Serve::start_with(web::CATALOGUE, web::POLICIES, &people(&issuer, more));
    let named = |sub: &str, name: &str| [("sub", json!(sub)), ("nickname", json!(name))];
    let said = comes(&serve, &issuer, &named("2", "alice")).unwrap_err();
    assert!(
        said.contains("only accounts that are named in [people.subjects]"),
        "{said}"
    );
    let caller = comes(&serve, &issuer, &named("1", "whatever")).unwrap();
    assert_eq!(caller.principal.name(), "alice");
    // With a claim that people do not set, a name that was given away is taken all the same.
    let more = "[people.subjects]\nalice = \"1\"\n";
    let serve = Serve::start_with(web::CATALOGUE, web::POLICIES, &people(&issuer, more));
    let said = comes(&serve, &issuer, &[("sub", json!("2"))]).unwrap_err();
    assert!(said.contains("belongs to another account"), "{said}");
    let bob = [("sub", json!("2")), ("preferred_username", json!("bob"))];
    assert_eq!(
        comes(&serve, &issuer, &bob).unwrap().principal.name(),
        "bob"
    );
}

#[test]
fn a_group_of_the_provider_is_no_group_of_the_catalogue_unless_a_mapping_says_so() {
    let issuer = Issuer::http(Algorithm::Es256);
    let said = json!(["administrators", "on-call", "dev", "jit-admins"]);
    let claimed = [("groups", said), ("sub", json!("auth0|7"))];
    let plain = Serve::start_with(&catalogue("", ""), web::POLICIES, &people(&issuer, ""));
    let caller = comes(&plain, &issuer, &claimed).unwrap();
    assert_eq!(groups(&caller), ["dev", "jit-admins"]);
    // Also where the catalogue does not name it, since it may change the authority.
    let bare = Serve::start_with(web::CATALOGUE, web::POLICIES, &people(&issuer, ""));
    let caller = comes(&bare, &issuer, &claimed).unwrap();
    assert_eq!(groups(&caller), ["dev", "jit-admins", "on-call"]);
    let mapping = "[people.groups]\njit-admins = [\"administrators\"]\non-call = [\"on-call\"]\n";
    let mapped = Serve::start_with(&catalogue("", ""), web::POLICIES, &people(&issuer, mapping));
    let caller = comes(&mapped, &issuer, &claimed).unwrap();
    assert_eq!(
        groups(&caller),
        ["administrators", "dev", "jit-admins", "on-call"]
    );
}

#[test]
fn a_group_of_the_catalogue_may_name_an_account() {
    let issuer = Issuer::http(Algorithm::Es256);
    let all = catalogue("\"sub:auth0|7\"", "\"ALICE\"");
    let fixed = "names_set_by = \"administrators\"\n";
    let serve = Serve::start_with(&all, web::POLICIES, &people(&issuer, fixed));
    let bob = [
        ("sub", json!("auth0|7")),
        ("preferred_username", json!("bob")),
    ];
    assert_eq!(
        groups(&comes(&serve, &issuer, &bob).unwrap()),
        ["administrators", "dev"]
    );
    let alice = [("sub", json!("AUTH0|7"))];
    assert_eq!(
        groups(&comes(&serve, &issuer, &alice).unwrap()),
        ["dev", "on-call"]
    );
}

#[test]
fn groups_are_read_as_providers_write_them() {
    let issuer = Issuer::http(Algorithm::Es256);
    let more = "groups_claim = \"realm_access.roles\"\n";
    let serve = Serve::start_with(web::CATALOGUE, web::POLICIES, &people(&issuer, more));
    let nested = [("realm_access", json!({ "roles": ["ops"] }))];
    assert_eq!(groups(&comes(&serve, &issuer, &nested).unwrap()), ["ops"]);
    let text = [("realm_access", json!({ "roles": "ops" }))];
    assert_eq!(groups(&comes(&serve, &issuer, &text).unwrap()), ["ops"]);
    let flat = [("realm_access.roles", json!(["ops"]))];
    assert_eq!(groups(&comes(&serve, &issuer, &flat).unwrap()), ["ops"]);
    let broken = [("realm_access", json!({ "roles": { "ops": true } }))];
    comes(&serve, &issuer, &broken).unwrap_err();
    let overage = [("_claim_names", json!({ "realm_access.roles": "src1" }))];
    let said = comes(&serve, &issuer, &overage).unwrap_err();
    assert!(said.contains("too many groups for one token"), "{said}");
}

#[test]
fn a_person_is_told_which_groups_do_not_count_and_which_claim_is_missing() {
    let configured = Team::configured(
        web::POLICIES,
        "groups_claim = \"groups\"\n",
        &catalogue("", ""),
    );
    let Some(team) = configured else { return };
    team.provider
        .claim("alice", "groups", json!(["dev", "administrators"]));
    let ran = team.login("alice");
    assert!(
        ran.stderr.contains("jit: note: ") && ran.stderr.contains("[people.groups]"),
        "{ran:?}"
    );
    assert_eq!(team.who()["groups"], json!(["dev"]));
    team.provider.claim("alice", "groups", json!(null));
    let ran = team.login("alice");
    assert!(
        ran.stderr.contains("says nothing under \"groups\""),
        "{ran:?}"
    );
    assert_eq!(team.who()["groups"], json!([]));
}

#[test]
fn a_name_of_a_provider_with_signs_of_its_own_is_one_name_here() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = Serve::start_with(web::CATALOGUE, web::POLICIES, &people(&issuer, ""));
    for (number, (theirs, ours)) in [
        ("O'Brien@example.com", "o_x0027_brien@example.com"),
        ("müller", "m_x00fc_ller"),
        (
            "bob_gmail.com#EXT#@acme.example",
            "bob_gmail.com_x0023_ext_x0023_@acme.example",
        ),
        ("auth0|5f7c", "auth0_x007c_5f7c"),
    ]
    .into_iter()
    .enumerate()
    {
        let changes = [
            ("preferred_username", json!(theirs)),
            ("sub", json!(number.to_string())),
        ];
        let caller = comes(&serve, &issuer, &changes).unwrap();
        assert_eq!(caller.principal.name(), ours);
    }
}
