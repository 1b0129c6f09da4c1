//! What targets answer to the authority, and what is presented to it for AWS.

use std::{path::Path, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jit::{
    config::authority,
    domain::{
        catalogue::Resource,
        credential::{Credential, Secret},
        elevation::Grant,
        entitlement::{Entitlement, ResourceName},
        environment::Environment,
    },
    issuers::{
        aws::{self, Binding},
        kubernetes,
        order::{Order, Site},
        revoke,
    },
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    commands::CATALOGUE,
    ground::{NOW, choice, grant, key, run, text},
    hostile::{self, Answer, URL},
};

/// What a request of AWS's is bound to.
pub(crate) const BINDING: Binding<'static> = Binding {
    server: "https://jit.example.com",
    key: "thumbprint",
};

fn xml(status: u16, body: &[u8]) -> Answer {
    Answer {
        status,
        kind: "text/xml",
        body: body.to_vec(),
    }
}

/// What somebody presents as a signed request, and what STS says to it.
pub(crate) fn aws_identity(data: &[u8]) {
    let Some(([how, status], rest)) = choice::<2>(data) else {
        return;
    };
    let Some(input) = text(rest) else { return };
    let (presented, body) = input.split_once('\n').unwrap_or((input, ""));
    let presented = match how % 2 {
        0 => presented.to_owned(),
        _ => URL_SAFE_NO_PAD.encode(presented),
    };
    hostile::answers(vec![xml([200, 400, 403, 500][status % 4], body.as_bytes())]);
    let sts = aws::Sts::new(Some(URL.clone()));
    let Ok(identity) = run(sts.identify(&presented, &BINDING, NOW)) else {
        return;
    };
    assert!(identity.account.len() == 12 && identity.account.bytes().all(|c| c.is_ascii_digit()));
    let arn = format!(":iam::{}:", identity.account);
    assert!(identity.arn.contains(&arn), "{}", identity.arn);
    for (name, value) in identity.attributes() {
        assert!(
            value.bytes().all(|c| c.is_ascii_graphic()),
            "{name} {value:?}"
        );
    }
}

/// A cluster here, which no catalogue may name in the clear.
static CLUSTER: LazyLock<Resource> = LazyLock::new(|| {
    let mut catalogue = authority::parse("authority.toml", CATALOGUE).expect("a catalogue");
    let name = "kubernetes/prod".parse().expect("a name");
    let found = catalogue.resources.0.remove(&name);
    let Some(Resource::Kubernetes(mut cluster)) = found else {
        panic!("there is no cluster");
    };
    cluster.server.clone_from(&URL);
    Resource::Kubernetes(cluster)
});

/// A token that could go into a header, for no longer than the grant.
fn is_sane(made: &Credential, grant: &Grant) {
    let Secret::KubernetesToken(token) = &made.secret else {
        panic!("it is no token");
    };
    assert!(token.expose_secret().bytes().all(|c| c.is_ascii_graphic()));
    assert!(made.expires_at <= grant.expires_at);
    let is_plain = made.serial.bytes().all(|c| c.is_ascii_graphic());
    assert!(is_plain, "{}", made.serial);
}

/// What an API server answers, to every question that it is asked.
pub(crate) fn kubernetes(data: &[u8]) {
    let Some(([which, first, second], body)) = choice::<3>(data) else {
        return;
    };
    let answer = |status: usize| Answer {
        status: [200, 201, 401, 403, 404, 409, 500][status % 7],
        kind: "application/json",
        body: body.to_vec(),
    };
    hostile::answers(vec![answer(first), answer(second)]);
    let name: ResourceName = "kubernetes/prod".parse().expect("a name");
    let Resource::Kubernetes(resource) = &*CLUSTER else {
        return;
    };
    let environment = Environment {
        variables: [("TOKEN".into(), "token".into())].into(),
        ..Environment::default()
    };
    let site = Site {
        authority: None,
        also: &[],
        issuer: None,
        directory: Path::new("/nonexistent"),
        environment: &environment,
        now: NOW,
    };
    let entitlement: Entitlement = "kubernetes/prod:view".parse().expect("an entitlement");
    let grant = grant(&entitlement);
    let order = Order {
        grant: &grant,
        public_key: key(2).public(),
        serial: 7,
        now: NOW,
    };
    match which % 4 {
        0 => {
            if let Ok(made) = run(kubernetes::issue(resource, &order, &site)) {
                is_sane(&made, &grant);
            }
        }
        1 => {
            let audiences = ["https://jit.example.com"];
            let reviews = kubernetes::TokenReviews::default();
            let review = reviews.review((&name, resource), "token", &audiences, &site);
            drop(run(review).map(|reviewed| assert!(!reviewed.audiences.is_empty())));
        }
        2 => {
            let token = SecretString::from("token");
            drop(run(kubernetes::visit(&name, resource, &token, &site)));
            drop(run(kubernetes::clock(&name, resource, &site)));
        }
        _ => drop(run(revoke(&CLUSTER, &grant, &site))),
    }
}
