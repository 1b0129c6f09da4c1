//! Token exchange (RFC 8693): whoever shows who they are by somebody else's word, and holds the key that
//! the proof names (RFC 9449, section 5), is given a session.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU32};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use reqwest::Url;
use secrecy::ExposeSecret as _;

use super::{
    client_address::Peer,
    first,
    problem::{Problems, Refusal},
    shared::Served,
    turned_away,
};
use crate::{
    authority::entrance::Vouched,
    domain::{
        credential::Token,
        event::Origin,
        failure::{Code, Failure, Nature, Result},
        key::PublicKey,
        session::Session,
    },
    platform::{
        assertion::Bound,
        proof::{self, Aim},
    },
    protocol::{
        path,
        session::TokenResponse,
        subject,
        token::{self, TokenRequest},
    },
};

/// The longest that a client's name for its own host may be, in bytes.
const HOST: usize = 256;

/// Exchanges what is shown for a session.
#[utoipa::path(
    post,
    path = path::TOKEN,
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    params(("DPoP" = String, Header, description = "the proof of the key that the session is bound to")),
    responses((status = 200, description = "a session's token", body = TokenResponse), Problems),
)]
pub(super) async fn exchange(
    State(served): State<Served>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TokenResponse>, Refusal> {
    let Ok(form) = form(&headers, &body) else {
        return Err(oauth(unreadable(), "invalid_request"));
    };
    if form.get("grant_type").map(String::as_str) != Some(token::GRANT_TYPE) {
        let failure = Failure::usage("this is no token exchange")
            .hint("grant_type is urn:ietf:params:oauth:grant-type:token-exchange (RFC 8693)");
        return Err(oauth(failure, "unsupported_grant_type"));
    }
    let holder =
        holder(&served, &headers).map_err(|failure| oauth(failure, "invalid_dpop_proof"))?;
    let origin = origin(&form, peer.0);
    let attempt = served.gate.sign_ins.begin(peer.0)?;
    let turned_away = |failure: Failure| {
        let by = turned_away::by(form.get("subject_token_type").map(String::as_str));
        served.metrics.refused(by, turned_away::reason(&failure));
        served.turned_away.tell(by, &failure, peer.0);
        refused(failure)
    };
    let vouched = Box::pin(vouched(&served, &form, holder, &origin)).await;
    // Once it is known whose sign-in it is: nobody uses up the budget of somebody else.
    let budget = vouched.as_ref().map_or(Ok(()), |vouched| {
        let who = &vouched.caller.principal;
        served.gate.records(who, NonZeroU32::MIN)
    });
    let entered = match vouched {
        Ok(vouched) if budget.is_ok() => let_in(&served, vouched, holder, &origin).await.map(Some),
        Ok(_) => Ok(None),
        Err(failure) => Err(failure),
    };
    let is_failed = entered.as_ref().is_err_and(turned_away::is_callers_fault);
    if !is_failed {
        attempt.forgive();
    }
    budget?;
    let entered = entered.map_err(turned_away)?;
    let (session, access, notes) =
        entered.ok_or_else(|| Refusal::from(Failure::failed("nobody was let in")))?;
    let now = (served.authority.clock)();
    let class = session.caller.principal.class();
    let lifecycle = served.authority.lifecycles.of(class);
    Ok(Json(TokenResponse {
        access_token: access.0.expose_secret().to_owned(),
        issued_token_type: token::ACCESS_TOKEN.to_owned(),
        token_type: token::DPOP.to_owned(),
        expires_in: session.expires_at.left(now).as_secs(),
        attest_in: lifecycle.attest.map(|span| span.as_secs()),
        notes,
    }))
}

/// A session for somebody who showed who they are.
async fn let_in(
    served: &Served,
    vouched: Vouched,
    holder: PublicKey,
    origin: &Origin,
) -> Result<(Session, Token, Vec<String>)> {
    let (session, token) = served.authority.let_in(&vouched, holder, origin).await?;
    Ok((session, token, vouched.notes))
}

/// By whose word, and whose.
async fn vouched(
    served: &Served,
    form: &BTreeMap<String, String>,
    holder: PublicKey,
    origin: &Origin,
) -> Result<Vouched> {
    let lacking = |name: &str| {
        Failure::usage(format!("{name} is missing"))
            .hint("RFC 8693, section 2.1, says what is sent")
    };
    let shown = form
        .get("subject_token")
        .ok_or_else(|| lacking("subject_token"))?;
    let kind = form
        .get("subject_token_type")
        .ok_or_else(|| lacking("subject_token_type"))?;
    let authority = &served.authority;
    match kind.as_str() {
        subject::ID_TOKEN => match &served.people {
            Some(people) => {
                let access_token = form.get("access_token").map(String::as_str);
                let person = authority.person(people, shown, access_token, holder);
                person.await
            }
            None => Err(no_provider()),
        },
        subject::ACCESS_TOKEN => match &served.people {
            Some(people) => authority.person_renewed(people, shown, holder).await,
            None => Err(no_provider()),
        },
        subject::JWT => authority.workload_by_token(&served.workloads, shown).await,
        subject::AWS => {
            let bound = proof::thumbprint(holder)?;
            let by_request = authority.workload_by_signed_request(&served.workloads, shown, &bound);
            by_request.await
        }
        subject::KEY => {
            let key = proof::thumbprint(holder)?;
            let bound = Bound {
                server: &served.url,
                key: &key,
            };
            first::admit(served, shown, &bound, origin).await?;
            authority.enrolled(shown, &bound, origin).await
        }
        _ => Err(Failure::usage("that type of token is not exchanged here")
            .hint("GET /v1/sign-in says how one signs in")),
    }
}

fn no_provider() -> Failure {
    Failure::denied("this server has no OpenID provider")
        .hint("its administrator names one as [people] in server.toml")
}

/// The key that the caller proves to hold, for just this request.
fn holder(served: &Served, headers: &HeaderMap) -> Result<PublicKey> {
    let mut proofs = headers.get_all("dpop").iter();
    let refused =
        |why: &str| Failure::new(Code::SignIn, why).hint("send one DPoP proof (RFC 9449)");
    let (Some(proof), None) = (proofs.next(), proofs.next()) else {
        return Err(refused(
            "the proof of possession is missing, or there are two",
        ));
    };
    let url = format!("{}{}", served.url, path::TOKEN);
    let aim = Aim {
        method: "POST",
        url: &url,
        token: None,
    };
    let now = (served.authority.clock)();
    let proven = proof::verify(proof.to_str().unwrap_or_default(), &aim, now).map_err(refused)?;
    if !served.seen.is_new(&proven.once(now).id, now) {
        return Err(refused("the proof of possession was shown before"));
    }
    Ok(proven.key)
}

fn origin(form: &BTreeMap<String, String>, address: IpAddr) -> Origin {
    let host = form.get("client_host").map_or("", String::as_str);
    let plain = host.len() <= HOST && !host.chars().any(char::is_control);
    Origin {
        host: if plain {
            host.to_owned()
        } else {
            String::new()
        },
        address: Some(address),
        ..Origin::default()
    }
}

/// The parameters of a form, each at most once (RFC 6749, section 3.2).
pub(super) fn form(headers: &HeaderMap, body: &[u8]) -> Result<BTreeMap<String, String>, ()> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    if !kind
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        return Err(());
    }
    let text = str::from_utf8(body).map_err(drop)?;
    let mut url = Url::parse("form:").map_err(drop)?;
    url.set_query(Some(text));
    let mut form = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(());
        }
    }
    Ok(form)
}

pub(super) fn unreadable() -> Failure {
    Failure::usage("the body is not a form with each parameter once")
        .hint("send application/x-www-form-urlencoded (RFC 6749, section 3.2)")
}

/// A failure by its name in OAuth (RFC 6749, section 5.2).
pub(super) fn refused(failure: Failure) -> Refusal {
    let error = match (failure.code, failure.nature) {
        (Code::Usage, _) => "invalid_request",
        (Code::Denied | Code::SignIn | Code::Pending, _) => "invalid_grant",
        (_, Nature::Away | Nature::IssuerAway) | (Code::TimedOut, _) => "temporarily_unavailable",
        (Code::Failed | Code::CannotRun | Code::NotFound, _) => "server_error",
    };
    oauth(failure, error)
}

fn oauth(failure: Failure, error: &'static str) -> Refusal {
    let ours = matches!(error, "temporarily_unavailable" | "server_error");
    let refusal = if failure.nature == Nature::IssuerAway {
        Refusal::from(failure)
    } else if ours {
        // Nobody is known yet: where targets and issuers are is for the log alone.
        Refusal::from(Failure {
            cause: Some(failure.to_string()),
            ..Failure::new(failure.code, "nobody could be asked who that is just now")
                .hint("try again in a moment")
                .of_nature(failure.nature)
        })
    } else {
        Refusal::with(StatusCode::BAD_REQUEST, failure)
    };
    refusal.in_oauth(error)
}
