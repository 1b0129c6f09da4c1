//! What an operation of the aws CLI does: reads, writes, or what cannot be had back.

use super::argv::Arguments;
use crate::tools::coverage::Coverage;

/// What a command does in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Nothing in any account: no credential is needed.
    Local,
    /// It needs a role.
    Needs(Need),
    /// An alias, or nothing that has a name.
    Unknown,
}

/// What a command needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// How much.
    pub(super) coverage: Coverage,
    /// What it does, in words: "s3 ls reads".
    pub(super) says: String,
}

/// How the names of operations begin that only look.
const READS: &[&str] = &[
    "batch-check-",
    "batch-describe-",
    "batch-get-",
    "check-",
    "count-",
    "describe-",
    "discover-",
    "estimate-",
    "filter-",
    "get-",
    "head-",
    "list-",
    "lookup-",
    "preview-",
    "query-",
    "resolve-",
    "search-",
    "select-",
    "simulate-",
    "transact-get-",
    "validate-",
    "verify-",
    "view-",
];

/// Whole names of operations that only look.
const READS_WHOLE: &[&str] = &[
    "decode-authorization-message",
    "help",
    "ls",
    "presign",
    "query",
    "scan",
    "search",
    "tail",
    "wait",
];

/// How the names of operations begin whose deed cannot be had back.
const DESTROYS: &[&str] = &[
    "batch-delete-",
    "delete-",
    "destroy-",
    "purge-",
    "schedule-key-deletion",
    "terminate-",
];

/// Services where every change is one of who may do what, or of the account itself.
const OF_RIGHTS: &[&str] = &[
    "account",
    "iam",
    "identitystore",
    "organizations",
    "sso-admin",
];

/// How the names of operations end that answer with a credential: `ecr get-login-password`,
/// `eks get-token`, `ec2 get-password-data`, `redshift get-cluster-credentials`, …
const CREDENTIALS: &[&str] = &[
    "-access-details",
    "-credentials",
    "-login-password",
    "-password-data",
    "-token",
    "-user-password",
    "-with-iam",
];

/// What the command does.
pub(super) fn of_cli(arguments: &Arguments) -> Deed {
    let (service, operation) = (arguments.word(0), arguments.word(1));
    let help = operation == "help" || arguments.word(2) == "help";
    if is_local(service, operation) || arguments.version || help {
        return Deed::Local;
    }
    if operation.is_empty() {
        return Deed::Unknown;
    }
    let (coverage, does) = coverage_of(service, operation, arguments);
    Deed::Needs(Need {
        coverage,
        says: format!("{service} {operation} {does}"),
    })
}

/// What any other program does, as far as anybody can tell from outside: the least.
pub(super) fn of_unknown(program: &str) -> Need {
    Need {
        coverage: Coverage::Reads,
        says: format!("what {program:?} does is not known, so it may read"),
    }
}

/// What only touches the user's own files, or signs a person in.
fn is_local(service: &str, operation: &str) -> bool {
    match service {
        "" | "help" | "history" | "login" | "logout" => true,
        // This one shows the credential that a tool would get, which is ours.
        "configure" => operation != "export-credentials",
        "sso" => matches!(operation, "login" | "logout"),
        _ => false,
    }
}

fn coverage_of(service: &str, operation: &str, arguments: &Arguments) -> (Coverage, &'static str) {
    let starts = |names: &[&str]| names.iter().any(|name| operation.starts_with(name));
    if service == "s3" {
        return of_s3(operation, arguments);
    }
    if service == "configure" {
        return (Coverage::Reads, "reads");
    }
    if reveals(service, operation, arguments) {
        return (Coverage::Writes, "reads a secret");
    }
    if starts(READS) || READS_WHOLE.contains(&operation) {
        return (Coverage::Reads, "reads");
    }
    // Looking through logs is called starting a query there.
    if service == "logs" && matches!(operation, "start-query" | "stop-query" | "start-live-tail") {
        return (Coverage::Reads, "reads");
    }
    if OF_RIGHTS.contains(&service) {
        return (Coverage::Everything, "changes who may do what");
    }
    if starts(DESTROYS) {
        return (Coverage::Everything, "cannot be undone");
    }
    (Coverage::Writes, "writes")
}

/// The high-level commands of `aws s3`, which copy in a direction.
fn of_s3(operation: &str, arguments: &Arguments) -> (Coverage, &'static str) {
    let paths = arguments.words.get(2..).unwrap_or_default();
    let remote = |path: &String| path.starts_with("s3://");
    let downloads = paths.first().is_some_and(remote) && !paths.iter().skip(1).any(remote);
    match operation {
        "ls" | "presign" => (Coverage::Reads, "reads"),
        "cp" | "sync" if downloads => (Coverage::Reads, "reads"),
        "rb" | "rm" => (Coverage::Everything, "cannot be undone"),
        "sync" if arguments.has("delete") => (Coverage::Everything, "cannot be undone"),
        _ => (Coverage::Writes, "writes"),
    }
}

/// Whether the answer is a secret, or a credential that outlives this one or reaches elsewhere.
fn reveals(service: &str, operation: &str, arguments: &Arguments) -> bool {
    let is_get = operation.starts_with("get-") || operation.starts_with("batch-get-");
    match service {
        "secretsmanager" => operation.ends_with("get-secret-value"),
        "ssm" => operation.starts_with("get-parameter") && arguments.has("with-decryption"),
        "sts" => is_get && operation.ends_with("-token") || operation.starts_with("assume-"),
        // Its answer holds the function's environment, where secrets are kept, and its code.
        "lambda" => matches!(operation, "get-function" | "get-function-configuration"),
        _ => {
            let ends = |end: &&str| operation.ends_with(*end);
            is_get && (CREDENTIALS.iter().any(ends) || operation.contains("-credentials-for-"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn deed(line: &str) -> Deed {
        let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        of_cli(&Arguments::read(&arguments))
    }

    const READ: &str = "
        sts get-caller-identity
        ec2 describe-instances --filters x
        --region x s3 ls
        s3api head-object --bucket b --key k
        dynamodb query --table-name t
        dynamodb scan
        ec2 wait instance-running
        logs tail group
        logs start-query
        s3 cp s3://b/k .
        s3 sync s3://b . --delete
        iam list-users
        iam get-account-password-policy
        secretsmanager list-secrets
        ssm get-parameter --name x
        kms get-public-key
        lambda list-functions
        configure export-credentials";
    const WRITTEN: &str = "
        athena start-query-execution
        s3 cp . s3://b/k
        s3 cp s3://a/k s3://b/k
        s3 mv s3://a/k .
        s3 mb s3://b
        ec2 run-instances
        secretsmanager get-secret-value --secret-id x
        secretsmanager batch-get-secret-value
        kms decrypt
        ecr get-login-password
        eks get-token --cluster-name x
        ec2 get-password-data
        redshift get-cluster-credentials-with-iam
        cognito-identity get-credentials-for-identity
        rds generate-db-auth-token
        sts assume-role
        sts get-session-token
        lambda get-function --function-name f";
    const UNDONE_NEVER: &str = "
        s3 sync . s3://b --delete
        s3 rm s3://b/k
        ec2 terminate-instances
        dynamodb delete-table
        iam attach-role-policy
        iam create-access-key
        kms schedule-key-deletion";

    #[test]
    fn each_operation_needs_what_it_does() {
        for (lines, coverage) in [
            (READ, Coverage::Reads),
            (WRITTEN, Coverage::Writes),
            (UNDONE_NEVER, Coverage::Everything),
        ] {
            for line in lines.lines().filter(|line| !line.trim().is_empty()) {
                let Deed::Needs(need) = deed(line) else {
                    panic!("{line} needs a role");
                };
                assert_eq!(need.coverage, coverage, "{line}");
            }
        }
    }

    #[test]
    fn local_commands_need_nothing_and_aliases_are_not_guessed() {
        for line in [
            "",
            "help",
            "--version",
            "configure",
            "configure list",
            "sso login",
            "ec2 help",
            "ec2 describe-instances help",
        ] {
            assert_eq!(deed(line), Deed::Local, "{line}");
        }
        for line in ["whoami", "s3"] {
            assert_eq!(deed(line), Deed::Unknown, "{line}");
        }
    }
}
