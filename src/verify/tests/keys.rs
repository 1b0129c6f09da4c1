//! How keys are fetched, kept and done without.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{spawn, task::JoinSet, time::sleep};

use super::{NOW, Provider, at, header, jwk, refused, run, verify};
use crate::{
    domain::failure::{Code, Nature},
    platform::{keys, proof},
    verify::{
        issuer::Issuer,
        trusted::{Purpose, Trusted},
    },
};

#[test]
fn keys_change_and_are_not_asked_for_again_and_again() {
    let provider = Provider::new();
    let issuer = provider.issuer();
    let claims = provider.with("exp", json!(NOW + 1_000_000));
    verify(&issuer, &provider.token(&claims), 0).unwrap();
    let next = keys::generate().unwrap();
    let token = proof::sign(&header("next"), &claims, &next).unwrap();
    refused(&issuer, &token, "not its issuer's");
    provider.change(|answers| answers.keys.push(jwk(&next, "next")));
    for second in 0..9 {
        verify(&issuer, &token, second).unwrap_err();
    }
    assert_eq!(provider.asked(), 1, "just now was asked");
    verify(&issuer, &token, 10).unwrap();
    assert_eq!(provider.asked(), 2);
    verify(&issuer, &token, 600).unwrap();
    assert_eq!(provider.asked(), 2);
    // Taken out of the set, a key is good for the minutes for which the set is believed.
    provider.change(|answers| answers.keys = vec![jwk(&next, "next")]);
    verify(&issuer, &provider.token(&claims), 609).unwrap();
    verify(&issuer, &provider.token(&claims), 611).unwrap_err();
}

#[test]
fn many_who_come_at_once_ask_once() {
    let provider = Provider::new();
    let issuer = Arc::new(provider.issuer());
    let token = provider.token(&provider.claims());
    run(async {
        let mut many = JoinSet::new();
        for _ in 0..32 {
            let (issuer, token) = (Arc::clone(&issuer), token.clone());
            many.spawn(async move { issuer.verify(&token, at(0)).await.map(drop) });
        }
        for one in many.join_all().await {
            one.unwrap();
        }
    });
    assert_eq!(provider.asked(), 1);
}

#[test]
fn what_is_known_serves_a_day_while_the_issuer_is_gone_and_at_once_while_it_is_slow() {
    let provider = Provider::new();
    let issuer = Arc::new(provider.issuer());
    let claims = provider.with("exp", json!(NOW + 1_000_000));
    let token = provider.token(&claims);
    verify(&issuer, &token, 0).unwrap();
    provider.change(|answers| answers.silent = true);
    run(async {
        let slow = {
            let (issuer, token) = (Arc::clone(&issuer), token.clone());
            spawn(async move { issuer.verify(&token, at(1000)).await })
        };
        // It asks, and whoever comes meanwhile does not wait for it.
        while provider.asked_for_anything() < 3 {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(!slow.is_finished());
        issuer.verify(&token, at(1000)).await.unwrap();
        assert!(!slow.is_finished());
        slow.await.unwrap().expect("stale is better than nothing");
    });
    let failure = verify(&issuer, &token, 24 * 3600 + 1).unwrap_err();
    assert_eq!(
        (failure.code, failure.nature),
        (Code::TimedOut, Nature::IssuerAway),
        "{failure:?}"
    );
}

#[test]
fn an_issuer_that_is_gone_lies_or_talks_without_end_is_no_issuer() {
    let provider = Provider::new();
    let token = provider.token(&provider.claims());
    provider.change(|answers| answers.says_it_is = Some("https://id.example.com".to_owned()));
    let failure = verify(&provider.issuer(), &token, 0).unwrap_err();
    assert!(
        failure.message.contains("says that its issuer is"),
        "{failure:?}"
    );
    provider.change(|answers| answers.broken = true);
    let failure = verify(&provider.issuer(), &token, 0).unwrap_err();
    assert!(failure.message.contains("longer than"), "{failure:?}");
    let gone = Trusted {
        issuer: "http://127.0.0.1:1".to_owned(),
        ..provider.trusted(Purpose::IdToken)
    };
    let failure = verify(&Issuer::new(gone.clone()).unwrap(), &token, 0).unwrap_err();
    assert_eq!(failure.nature, Nature::Away, "{failure:?}");
    for address in ["http://id.example.com", "ftp://x", "id.example.com", ""] {
        let plain = Trusted {
            issuer: address.to_owned(),
            ..gone.clone()
        };
        assert!(Issuer::new(plain).is_err(), "{address}");
    }
}
