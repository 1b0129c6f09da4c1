//! Errors over HTTP: problem documents (RFC 9457). They hold what the caller may know; the private
//! cause stays on the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::failure::{Code, Failure, Nature};

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document. `type` is a URN of the code, `detail` what happened, `hint` what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:jit:denied`, `urn:jit:pending`, …: what the client's exit code follows from.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// What to do next.
    #[serde(default)]
    pub hint: String,
    /// The oldest sign-in that would do, in seconds, where that is what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// Whether the session or the grant that the request rests on was ended early.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ended: bool,
    /// The same in the words of OAuth (RFC 6749, section 5.2), where that is spoken: `invalid_grant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `detail` again, by the name that OAuth has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// What each failure is on the wire.
const KINDS: [(Code, Nature, &str, u16); 13] = [
    (Code::Usage, Nature::Final, "usage", 400),
    (Code::Denied, Nature::Unexplained, "unexplained", 403),
    (Code::Denied, Nature::Conflict, "conflict", 409),
    (Code::Denied, Nature::Final, "denied", 403),
    (Code::Pending, Nature::Final, "pending", 202),
    (Code::SignIn, Nature::Final, "sign-in", 401),
    (Code::TimedOut, Nature::IssuerAway, "issuer-away", 504),
    (Code::TimedOut, Nature::Final, "timed-out", 504),
    (Code::Failed, Nature::Away, "away", 503),
    (Code::Failed, Nature::Final, "failed", 500),
    (Code::Usage, Nature::Absent, "not-found", 404),
    (Code::Usage, Nature::Conflict, "reused", 422),
    (Code::CannotRun, Nature::Final, "failed", 500),
];

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(is: &bool) -> bool {
    !*is
}

const URN: &str = "urn:jit:";

impl Problem {
    /// A failure without its private cause.
    pub fn of(failure: &Failure) -> Self {
        let exact = |(code, nature, _, _): &&(Code, Nature, &str, u16)| {
            *code == failure.code && *nature == failure.nature
        };
        let like = |(code, nature, _, _): &&(Code, Nature, &str, u16)| {
            *code == failure.code && *nature == Nature::Final
        };
        let found = KINDS.iter().find(exact).or_else(|| KINDS.iter().find(like));
        let (kind, status) = found.map_or(("failed", 500), |(_, _, kind, status)| (*kind, *status));
        Self {
            kind: format!("{URN}{kind}"),
            title: kind.replace('-', " "),
            status,
            detail: failure.message.clone(),
            hint: failure.hint.clone(),
            max_age: failure.nature.max_age(),
            ended: failure.nature == Nature::Ended,
            error: None,
            error_description: None,
        }
    }

    /// The failure that the client reports. What it does not know is a failure of the server.
    pub fn into_failure(self) -> Failure {
        let kind = self.kind.strip_prefix(URN).unwrap_or_default();
        let found = KINDS.iter().find(|(_, _, name, _)| *name == kind);
        let (code, nature) = found.map_or((Code::Failed, Nature::Final), |(code, nature, _, _)| {
            (*code, *nature)
        });
        let nature = if self.ended { Nature::Ended } else { nature };
        let stale = self.max_age.filter(|_| code == Code::SignIn);
        Failure::new(code, self.detail)
            .hint(self.hint)
            .of_nature(stale.map_or(nature, Nature::Stale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_wire_without_its_cause() {
        let failures = [
            Failure::usage("a").hint("b"),
            Failure::usage("a").of_nature(Nature::Absent),
            Failure::usage("a").of_nature(Nature::Conflict),
            Failure::denied("a").of_nature(Nature::Unexplained),
            Failure::denied("a").of_nature(Nature::Conflict),
            Failure::denied("a"),
            Failure::denied("a").of_nature(Nature::Ended),
            Failure::new(Code::SignIn, "a").of_nature(Nature::Ended),
            Failure::new(Code::SignIn, "a").hint("run: jit login"),
            Failure::new(Code::SignIn, "a").of_nature(Nature::Stale(3600)),
            Failure::new(Code::Pending, "a"),
            Failure::new(Code::TimedOut, "a").of_nature(Nature::IssuerAway),
            Failure::failed("a").of_nature(Nature::Away),
        ];
        for failure in failures {
            let with_cause = Failure {
                cause: Some("password=x".to_owned()),
                ..failure.clone()
            };
            let problem = Problem::of(&with_cause);
            assert!(
                !serde_json::to_string(&problem)
                    .unwrap()
                    .contains("password")
            );
            assert_eq!(problem.into_failure(), failure);
        }
    }
}
