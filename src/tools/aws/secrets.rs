//! The operations of AWS whose answer holds a secret: a credential, a password, or a place where both are
//! commonly kept. Taken from the service models of botocore, by the names and marks of what they answer.

use super::argv::Arguments;

/// How the names of reading operations end that answer with a credential: `ecr get-login-password`,
/// `eks get-token`, `ec2 get-password-data`, `redshift get-cluster-credentials`, …
const CREDENTIALS: &[&str] = &[
    "-access-details",
    "-credentials",
    "-login",
    "-login-password",
    "-password-data",
    "-presigned-url",
    "-token",
    "-user-password",
    "-with-iam",
];

/// Reading operations whose names do not say that they answer with a secret. What holds the environment of a
/// program counts, since secrets are kept there.
const SECRET: &[(&str, &[&str])] = &[
    (
        "amplify",
        &["get-app", "get-branch", "list-apps", "list-branches"],
    ),
    ("amplifybackend", &["get-backend-auth"]),
    ("appstream", &["describe-directory-configs"]),
    ("appsync", &["list-api-keys"]),
    ("athena", &["get-session-endpoint"]),
    (
        "bedrock-agentcore",
        &[
            "get-resource-api-key",
            "get-workload-access-token-for-jwt",
            "get-workload-access-token-for-user-id",
        ],
    ),
    ("chime-sdk-meetings", &["get-attendee", "list-attendees"]),
    ("cloudhsmv2", &["describe-clusters"]),
    ("cloudwatchomni", &["get-space-data-access"]),
    (
        "codepipeline",
        &[
            "get-job-details",
            "get-third-party-job-details",
            "list-webhooks",
        ],
    ),
    (
        "cognito-idp",
        &["describe-user-pool-client", "list-user-pool-client-secrets"],
    ),
    ("datazone", &["get-connection", "list-connections"]),
    ("directconnect", &["describe-virtual-interfaces"]),
    ("ec2", &["describe-vpn-connections"]),
    ("ecs", &["describe-task-definition"]),
    ("elasticbeanstalk", &["describe-configuration-settings"]),
    ("emr", &["get-session-endpoint"]),
    (
        "emr-serverless",
        &["get-dashboard-for-job-run", "get-session-endpoint"],
    ),
    ("gamelift", &["get-compute-access", "get-instance-access"]),
    ("glue", &["get-session-endpoint"]),
    ("ivs", &["batch-get-stream-key", "get-stream-key"]),
    ("ivs-realtime", &["get-ingest-configuration"]),
    ("kinesis-video-signaling", &["get-ice-server-config"]),
    (
        "lambda",
        &[
            "get-function",
            "get-function-configuration",
            "list-functions",
            "list-versions-by-function",
        ],
    ),
    ("lightsail", &["get-bucket-access-keys"]),
    ("location", &["describe-key"]),
    ("mediapackage", &["describe-channel", "list-channels"]),
    ("pca-connector-scep", &["get-challenge-password"]),
    (
        "quicksight",
        &["get-dashboard-embed-url", "get-session-embed-url"],
    ),
    ("s3control", &["get-data-access"]),
    ("stepfunctions", &["get-activity-task"]),
    ("storagegateway", &["describe-chap-credentials"]),
    ("wafv2", &["list-api-keys"]),
    ("wickr", &["get-oidc-info", "get-opentdf-config"]),
];

/// Operations that answer with a secret where an option asks for it, which may be shortened.
const ON_REQUEST: &[(&str, &str, &str)] = &[
    ("apigateway", "get-api-key", "include-value"),
    ("apigateway", "get-api-keys", "include-values"),
    ("ssm", "get-parameter", "with-decryption"),
    ("ssm", "get-parameter-history", "with-decryption"),
    ("ssm", "get-parameters", "with-decryption"),
    ("ssm", "get-parameters-by-path", "with-decryption"),
];

/// Whether the answer is a secret, or a credential that outlives this one or reaches elsewhere.
pub(super) fn reveals(service: &str, operation: &str, arguments: &Arguments) -> bool {
    let is_get = operation.starts_with("get-") || operation.starts_with("batch-get-");
    let ends = |end: &&str| operation.ends_with(*end);
    let listed = SECRET.iter().find(|(name, _)| *name == service);
    listed.is_some_and(|(_, operations)| operations.contains(&operation))
        || is_get && CREDENTIALS.iter().any(ends)
        || is_get && operation.contains("-credentials-for-")
        || is_get && operation.contains("-token-for-")
        || on_request(service, operation, arguments)
        || match service {
            "glue" => {
                matches!(operation, "get-connection" | "get-connections")
                    && !arguments.has("hide-password")
            }
            "secretsmanager" => operation.ends_with("get-secret-value"),
            "sts" => operation.starts_with("assume-"),
            _ => false,
        }
}

fn on_request(service: &str, operation: &str, arguments: &Arguments) -> bool {
    let mut all = ON_REQUEST.iter();
    let option = all.find(|(name, of, _)| (*name, *of) == (service, operation));
    // What comes as JSON or YAML may say the same.
    option.is_some_and(|(_, _, option)| {
        arguments.may_have(option)
            || arguments.may_have("cli-input-json")
            || arguments.may_have("cli-input-yaml")
    })
}
