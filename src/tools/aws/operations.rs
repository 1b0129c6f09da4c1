//! What an operation of the aws CLI does: reads, writes, or what cannot be had back.

use super::{argv::Arguments, secrets::reveals};
use crate::tools::coverage::Coverage;

/// What a command does in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Nothing in any account: no credential is needed.
    Local,
    /// It needs a role.
    Needs(Need),
    /// Nothing that has a name.
    Unknown,
    /// An alias of that name, of which nobody can tell what it does.
    Unclear(String),
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
    "admin-get-",
    "admin-list-",
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
    "is-",
    "list-",
    "lookup-",
    "preview-",
    "query-",
    "search-",
    "select-",
    "simulate-",
    "transact-get-",
    "validate-",
    "view-",
];

/// Whole names of operations that only look.
const READS_WHOLE: &[&str] = &["help", "ls", "presign", "query", "scan", "search", "wait"];

/// Operations of one service that only look, or that look and write a file of the user's own.
const READS_OF: &[(&str, &[&str])] = &[
    ("cloudfront", &["sign"]),
    ("cloudsearchdomain", &["suggest"]),
    ("eks", &["update-kubeconfig"]),
    ("emr", &["get", "put", "socks", "ssh"]),
    ("gamelift", &["resolve-alias"]),
    ("greengrassv2", &["resolve-component-candidates"]),
    (
        "iam",
        &[
            "generate-credential-report",
            "generate-organizations-access-report",
            "generate-service-last-accessed-details",
        ],
    ),
    ("kms", &["verify", "verify-mac"]),
    // Looking through logs is called starting a query there.
    (
        "logs",
        &["start-live-tail", "start-query", "stop-query", "tail"],
    ),
    (
        "payment-cryptography-data",
        &[
            "verify-card-validation-data",
            "verify-mac",
            "verify-pin-data",
        ],
    ),
    ("route53", &["test-dns-answer"]),
    ("sts", &["decode-authorization-message"]),
];

/// Operations that are named like one that looks, and change something.
const WRITES_OF: &[(&str, &[&str])] = &[
    ("license-manager", &["check-in-license"]),
    ("ssm", &["validate-cloud-connector"]),
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

/// What the command does.
pub(super) fn of_cli(arguments: &Arguments) -> Deed {
    let (service, operation) = (arguments.word(0), arguments.word(1));
    if is_local(service, operation) || only_explains(arguments) {
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

/// Whether the CLI prints its version or its manual and ends. `help` is that only as the service, the
/// operation, or the one argument of an operation; anywhere else it may be the value of an option or the name
/// of a file (awscli's `ArgTableArgParser` and `ServiceOperation`).
fn only_explains(arguments: &Arguments) -> bool {
    if arguments.ends_options {
        return false;
    }
    let own: Vec<&str> = arguments.own.iter().map(String::as_str).collect();
    let help = match own.as_slice() {
        ["help", ..] | [_, "help", ..] => true,
        [first, second, "help"] | [first, second @ "wait", _, "help"] => {
            !first.starts_with('-') && !second.starts_with('-')
        }
        _ => false,
    };
    help || arguments.version
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
    let is_in = |table: &[(&str, &[&str])]| {
        let of_service = table.iter().find(|(name, _)| *name == service);
        of_service.is_some_and(|(_, operations)| operations.contains(&operation))
    };
    if service == "s3" {
        return of_s3(operation, arguments);
    }
    // What is printed then is what the operation would be given; nobody is called.
    if service == "configure" || arguments.has("generate-cli-skeleton") {
        return (Coverage::Reads, "reads");
    }
    if reveals(service, operation, arguments) {
        return (Coverage::Writes, "reads a secret");
    }
    let is_read = starts(READS) || READS_WHOLE.contains(&operation) || is_in(READS_OF);
    if is_read && !is_in(WRITES_OF) {
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
        "cp" | "mv" | "rm" | "sync" if arguments.has("dryrun") => (Coverage::Reads, "reads"),
        "cp" | "sync" if downloads => (Coverage::Reads, "reads"),
        "rb" | "rm" => (Coverage::Everything, "cannot be undone"),
        "sync" if arguments.may_have("delete") => (Coverage::Everything, "cannot be undone"),
        _ => (Coverage::Writes, "writes"),
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
        lambda list-aliases
        eks update-kubeconfig --name x
        emr ssh --cluster-id x
        iam generate-credential-report
        identitystore is-member-in-groups
        cognito-idp admin-get-user
        ec2 run-instances --generate-cli-skeleton
        s3 rm s3://b --recursive --dryrun
        glue get-connections --hide-password
        ec2 --filters help
        kms verify-mac
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
        ecr get-login
        codeartifact login
        ssm get-parameter --name x --with-dec
        ssm get-parameters --cli-input-json {}
        apigateway get-api-keys --include-v
        glue get-connections
        ec2 describe-vpn-connections
        storagegateway describe-chap-credentials
        lambda list-functions
        emr get-on-cluster-app-ui-presigned-url
        license-manager check-in-license
        ses verify-domain-identity
        support resolve-case
        s3 cp help s3://b/
        s3 cp s3://b/ help --acl s3://x
        s3 cp s3://a/k s3://b/k -- --dryrun
        sts get-session-token
        lambda get-function --function-name f";
    const UNDONE_NEVER: &str = "
        s3 sync . s3://b --delete
        s3 sync . s3://b --del
        ec2 terminate-instances --instance-ids help
        ec2 terminate-instances --instance-ids i-1 help
        ec2 terminate-instances --instance-ids i-1 -- --version
        s3 rm s3://b/k help
        s3 rm s3://b/k -- help
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
            "--region x ec2 --output text terminate-instances help",
            "ec2 wait instance-running help",
            "s3 cp help",
            "help topics",
        ] {
            assert_eq!(deed(line), Deed::Local, "{line}");
        }
        for line in ["whoami", "s3"] {
            assert_eq!(deed(line), Deed::Unknown, "{line}");
        }
    }
}
