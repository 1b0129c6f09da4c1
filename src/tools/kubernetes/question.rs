//! What kubectl and its kin ask their plugin: the `ExecCredential` in `KUBERNETES_EXEC_INFO`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::domain::{
    environment::Environment,
    failure::{Failure, Result},
};

const VARIABLE: &str = "KUBERNETES_EXEC_INFO";
/// No system passes on a variable that is larger than this, in bytes.
const LARGEST: usize = 1 << 20;
/// No more of a strange word is repeated, in characters.
const WORD: usize = 60;

/// The version of the question and of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) enum ApiVersion {
    /// What every kubectl since 1.22 speaks.
    #[default]
    #[serde(rename = "client.authentication.k8s.io/v1")]
    V1,
    /// What older ones speak.
    #[serde(rename = "client.authentication.k8s.io/v1beta1")]
    V1Beta1,
}

/// What a program asks its plugin for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The version that the answer must have.
    pub(super) version: ApiVersion,
    /// Where the credential will be sent; only a kubeconfig that says `provideClusterInfo` tells it.
    pub cluster: Option<Asker>,
}

/// The cluster that a program is about to speak to: `spec.cluster`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asker {
    /// The URL of its API server.
    pub(super) server: String,
    /// The name that its certificate must have, where that is not the server's own.
    pub(super) tls_server_name: Option<String>,
    /// Whether any certificate will do.
    pub(super) insecure_skip_tls_verify: Option<bool>,
    /// The certificate authorities that are trusted, PEM in base64.
    pub(super) certificate_authority_data: Option<String>,
    /// The file that they are in, which client-go never names.
    pub(super) certificate_authority: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "apiVersion")]
    version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Body {
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    cluster: Option<Asker>,
}

impl Question {
    /// The question of this process's caller; where the variable is absent, one in version 1 that
    /// says nothing of a cluster.
    ///
    /// # Errors
    /// Usage, where the variable holds no question or one that jit cannot answer.
    pub fn asked(environment: &Environment) -> Result<Self> {
        let Some(value) = environment.value(VARIABLE) else {
            return Ok(Self::default());
        };
        let text = value.to_str().ok_or_else(|| strange("is not text"))?;
        if text.len() > LARGEST {
            return Err(strange("is larger than any question"));
        }
        let header: Header = read(text)?;
        if header.kind != "ExecCredential" {
            return Err(strange(&format!(
                "holds a {}, not an ExecCredential",
                short(&header.kind)
            )));
        }
        let body: Body = read(text)?;
        Ok(Self {
            version: version(&header.version)?,
            cluster: body.spec.and_then(|spec| spec.cluster),
        })
    }
}

fn version(text: &str) -> Result<ApiVersion> {
    match text {
        "client.authentication.k8s.io/v1" => Ok(ApiVersion::V1),
        "client.authentication.k8s.io/v1beta1" => Ok(ApiVersion::V1Beta1),
        _ => Err(strange(&format!("asks in {}", short(text)))),
    }
}

/// The parser's own words would repeat what they are about.
fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        strange(match error.classify() {
            Category::Data => "is not an ExecCredential",
            Category::Io | Category::Syntax | Category::Eof => "is not JSON",
        })
    })
}

fn short(word: &str) -> String {
    format!("{:?}", word.chars().take(WORD).collect::<String>())
}

fn strange(what: &str) -> Failure {
    Failure::usage(format!("{VARIABLE} {what}")).hint(
        "the kubeconfig's user must have apiVersion: client.authentication.k8s.io/v1 below exec",
    )
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn asked(value: impl Into<OsString>) -> Result<Question> {
        Question::asked(&Environment {
            variables: [(VARIABLE.into(), value.into())].into(),
            ..Environment::default()
        })
    }

    const CLUSTER: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://a","certificate-authority-data":"QQ==","config":null,"disable-compression":true,"new":[1]},"interactive":false}}"#;

    #[test]
    fn the_cluster_is_read_where_it_is_told() {
        let cluster = asked(CLUSTER).unwrap().cluster.unwrap();
        assert_eq!(cluster.server, "https://a");
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("QQ=="));
        assert_eq!(cluster.insecure_skip_tls_verify, None);
        assert_eq!(asked("").unwrap().version, ApiVersion::V1);
        for spec in [
            r#","spec":null"#,
            "",
            r#","spec":{"cluster":null,"interactive":true}"#,
        ] {
            let text = format!(
                r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"{spec}}}"#
            );
            let question = asked(text).unwrap();
            assert_eq!(question.version, ApiVersion::V1Beta1);
            assert!(question.cluster.is_none());
        }
    }

    #[test]
    fn what_is_no_question_is_named_on_one_line() {
        let v1 = r#""apiVersion":"client.authentication.k8s.io/v1""#;
        let long = format!("{{\"kind\":\"{}\\n\",{v1}}}", "x".repeat(500));
        let cases: [(OsString, &str); 11] = [
            ("{".into(), "is not JSON"),
            ("hunter2".into(), "is not JSON"),
            ("[".repeat(100_000).into(), "is not an ExecCredential"),
            ("null".into(), "is not an ExecCredential"),
            ("{}".into(), "is not an ExecCredential"),
            (
                format!("{{\"kind\":\"Pod\",{v1}}}").into(),
                "holds a \"Pod\", not an ExecCredential",
            ),
            (long.into(), "holds a \"xxx"),
            (
                CLUSTER.replace("/v1\"", "/v9\"").into(),
                "asks in \"client.authentication.k8s.io/v9\"",
            ),
            (
                CLUSTER.replace("\"https://a\"", "7").into(),
                "is not an ExecCredential",
            ),
            (OsString::from_vec(vec![b'{', 0xff]), "is not text"),
            (
                " ".repeat(LARGEST + 1).into(),
                "is larger than any question",
            ),
        ];
        for (value, wanted) in cases {
            let failure = asked(value).unwrap_err();
            let said = failure
                .message
                .strip_prefix("KUBERNETES_EXEC_INFO ")
                .unwrap();
            assert!(said.starts_with(wanted), "{said}");
            assert!(!said.contains('\n') && said.len() < 200, "{said}");
            assert!(failure.cause.is_none() && !failure.hint.is_empty());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300)) {
            drop(asked(OsString::from_vec(bytes)));
        }

        /// Cut short, or with any one part replaced by something else.
        #[test]
        fn nothing_near_a_question_panics(at in 0..CLUSTER.len(), length in 0_usize..40, other in "[\\[\\]{}\":,a-z0-9/ ]{0,8}") {
            let end = (at + length).min(CLUSTER.len());
            drop(asked(&CLUSTER[..at]));
            drop(asked(format!("{}{other}{}", &CLUSTER[..at], &CLUSTER[end..])));
        }
    }
}
