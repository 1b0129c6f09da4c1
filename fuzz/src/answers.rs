//! What a server answers: problems, grants, credentials, listings, the catalogue. The client believes of it
//! what it asked for and nothing else, and shows none of it to a terminal as it is.

use std::{fs, sync::LazyLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jit::{
    app::login::loopback,
    config::served,
    domain::{
        credential::Token,
        elevation::Grant,
        entitlement::{Entitlement, ResourceName},
        event::EventFilter,
        failure::Result,
        key::PrivateKey,
        principal::Principal,
    },
    platform::{pem, terminal},
    protocol::{
        approval::{Answer as Said, ApprovalRequest},
        catalogue::CatalogueView,
        elevation::{CredentialRequest, ElevationRequest, From},
        principal::PrincipalChange,
        session::{SessionView, SignInWays, TokenResponse},
        trust::HostRequest,
    },
    remote::{
        elevations::{Given, Outcome},
        link::{Body, Call, Link, Shown, Way},
        patience::Patience,
        session::{Identity, Remote},
        workload::github,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    ground::{NOW, choice, grant, key, now, places, run, text},
    hostile::{self, Answer, URL},
};

const STATUSES: [u16; 14] = [
    200, 200, 200, 200, 201, 202, 302, 400, 401, 403, 404, 409, 429, 503,
];
const KINDS: [&str; 3] = [
    "application/json",
    "application/problem+json",
    "text/plain; charset=utf-8",
];

static REMOTE: LazyLock<Remote> = LazyLock::new(|| {
    let way = Way {
        server: &URL,
        authority: None,
        patience: Patience {
            answer: Duration::from_secs(5),
            trouble: Duration::ZERO,
        },
        watched: false,
        clock: now,
    };
    let identity = Identity {
        token: Token(SecretString::from("token")),
        holder: key(1),
    };
    Remote::new(Link::to(&way).expect("a link"), identity)
});

/// One call, and any answer to it: what is called, the status, the media type, the body.
pub(crate) fn answer(data: &[u8]) {
    let Some(([which, status, kind], body)) = choice::<3>(data) else {
        return;
    };
    hostile::answers(vec![Answer {
        status: STATUSES[status % STATUSES.len()],
        kind: KINDS[kind % KINDS.len()],
        body: body.to_vec(),
    }]);
    if let Err(failure) = run(call(which)) {
        for said in [&failure.message, &failure.hint] {
            assert_eq!(terminal::plain_line(said), **said);
            assert!(said.chars().count() < 3000, "{said}");
        }
    }
}

/// The entitlements that are asked for, by the first byte of an input.
pub(crate) const ASKED: [&str; 4] = [
    "ssh/web:deploy",
    "kubernetes/prod:view",
    "postgres/orders:read",
    "aws/prod:read",
];

async fn call(which: usize) -> Result<()> {
    let remote = &*REMOTE;
    let name = "ssh/web".parse()?;
    match which % 24 {
        at @ 0..=3 => elevate(&ASKED[at].parse()?).await,
        at @ 4..=7 => {
            let entitlement = ASKED[at - 4].parse()?;
            let id = grant(&entitlement).id;
            let given = remote
                .claim(&id, &entitlement, &credential_request())
                .await?;
            believed(&given, &entitlement);
            Ok(())
        }
        at @ 8..=11 => {
            let grant = grant(&ASKED[at - 8].parse()?);
            let credential = remote.renew(&grant, &credential_request()).await?;
            assert_eq!(credential.secret.kind(), grant.entitlement.resource.kind());
            assert!(credential.expires_at > NOW);
            Ok(())
        }
        12 => remote.trust(&name).await.map(|text| shown(&text)),
        13 => certify(&name).await,
        14 => remote.to_approve().await.map(drop),
        15 => {
            let said = ApprovalRequest {
                answer: Said::Approve,
                comment: None,
            };
            let id = grant(&ASKED[0].parse()?).id;
            remote.answer(&id, &said).await.map(drop)
        }
        16 => remote.events(&EventFilter::default(), |_| Ok(())).await,
        17 => remote.newest_checkpoint().await.map(drop),
        18 => remote.verify().await.map(drop),
        19 => people(remote).await,
        20 => remote.current().await.map(drop),
        21 => sign_in().await,
        22 => {
            let token = SecretString::from("token");
            github::token(&URL, &token, "https://jit.example.com")
                .await
                .map(drop)
        }
        _ => {
            let id = grant(&ASKED[0].parse()?).id;
            remote.revoke(&id).await.map(drop)
        }
    }
}

async fn elevate(entitlement: &Entitlement) -> Result<()> {
    let request = ElevationRequest {
        entitlement: entitlement.clone(),
        justification: None,
        ttl: None,
        break_glass: false,
        verb: None,
        answerable: false,
        from: from(),
    };
    match REMOTE.elevate(&request).await? {
        Outcome::Granted(given) => believed(&given, entitlement),
        Outcome::Pending(view) => assert_eq!(view.entitlement, *entitlement),
    }
    Ok(())
}

/// What was believed is what was asked for.
fn believed(given: &Given, entitlement: &Entitlement) {
    let Grant { expires_at, .. } = given.grant;
    assert_eq!(given.grant.entitlement, *entitlement);
    assert!(expires_at > NOW && given.credential.expires_at > NOW);
    assert_eq!(given.credential.secret.kind(), entitlement.resource.kind());
}

async fn people(remote: &Remote) -> Result<()> {
    let change = PrincipalChange {
        disabled: true,
        why: "left".to_owned(),
        force: false,
    };
    let who = Principal::parse("bob")?;
    remote.change_principal(&who, &change).await?;
    remote.principals().await.map(drop)
}

/// What is read before anybody is let in, and of oneself.
async fn sign_in() -> Result<()> {
    let remote = &*REMOTE;
    let holder: PrivateKey = key(1);
    let form = Body::Form("grant_type=x".to_owned().into());
    let call = Call::post("/v1/token", form, Shown::Key(&holder));
    let reply = remote.call(&call).await?;
    drop(reply.json::<TokenResponse>().map(|given| given.expires_in));
    drop(reply.json::<SignInWays>());
    let view: SessionView = reply.json()?;
    drop(Principal::parse(&view.principal));
    Ok(())
}

async fn certify(name: &ResourceName) -> Result<()> {
    let host = HostRequest {
        key: "ssh-ed25519 AAAA".to_owned(),
        hosts: vec!["web".to_owned()],
        ttl: 60,
        host: String::new(),
        terminal: None,
    };
    let view = REMOTE.certify_host(name, &host).await?;
    shown(&view.line);
    shown(&view.script);
    Ok(())
}

fn credential_request() -> CredentialRequest {
    CredentialRequest {
        token: None,
        proof: None,
        from: from(),
    }
}

fn from() -> From {
    From {
        holder: key(1).public(),
        key: key(2).public(),
        host: "here".to_owned(),
        terminal: None,
        tool: None,
        keeps_credential: false,
    }
}

fn shown(text: &str) {
    let text = text.replace('\t', " ");
    assert_eq!(terminal::plain(&text), text);
}

/// A granted elevation with that secret, as a server gives it; `key(2)` is the client's.
pub(crate) fn granted(entitlement: &str, secret: &Value) -> Value {
    let entitlement: Entitlement = entitlement.parse().expect("an entitlement");
    let grant = grant(&entitlement);
    json!({
        "id": grant.id,
        "state": "granted",
        "principal": "alice",
        "entitlement": entitlement,
        "asked_at": NOW,
        "grant": grant,
        "token": "token",
        "credential": {
            "serial": "7",
            "expires_at": NOW.after(Duration::from_mins(10)),
            "secret": secret,
        },
    })
}

/// Whether a server's credential with that secret is taken.
pub(crate) fn is_taken(entitlement: &str, secret: &Value) -> bool {
    hostile::answers(vec![Answer {
        status: 200,
        kind: KINDS[0],
        body: granted(entitlement, secret).to_string().into_bytes(),
    }]);
    let entitlement = entitlement.parse().expect("an entitlement");
    run(elevate(&entitlement)).is_ok()
}

/// A certificate of PostgreSQL's, DER.
pub(crate) fn database_certificate(der: &[u8]) {
    let secret = json!({"postgres_certificate": {
        "role": "orders_ro", "certificate": pem::written(der),
    }});
    if is_taken(ASKED[2], &secret) {
        assert!(contains(der, &key(2).public().0));
    }
}

/// A certificate of ssh's, as OpenSSH's one line has it behind its base64.
pub(crate) fn ssh_certificate(blob: &[u8]) {
    let line = format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(blob));
    if is_taken(ASKED[0], &json!({ "ssh_certificate": line })) {
        assert!(contains(blob, &key(2).public().0) && contains(blob, b"deploy"));
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The catalogue as a server gives it, and as it rests on this machine.
pub(crate) fn view(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(view) = serde_json::from_str::<CatalogueView>(text) else {
        return;
    };
    let places = places();
    fs::create_dir_all(&places.cache).expect("a directory");
    let Ok(kept) = served::keep(&places, view, NOW) else {
        return;
    };
    let loaded = served::load(&places).expect("readable").expect("there");
    assert_eq!(loaded.view, kept.view);
    for name in kept.catalogue.resources.0.keys() {
        let resource = kept.catalogue.resource(name).expect("there");
        assert!(resource.roles().next().is_some());
    }
}

/// What a browser brings back from the provider.
pub(crate) fn callback(data: &[u8]) {
    let Some(answer) = text(data).and_then(loopback::told) else {
        return;
    };
    let pairs = answer.keys().filter(|name| !name.is_empty()).count();
    assert!(pairs <= data.len());
}
