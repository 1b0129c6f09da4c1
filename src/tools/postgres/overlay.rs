//! What becomes of a connection's own parameters where a credential of ours is put over them.

use super::conninfo::Settings;
use crate::domain::{
    catalogue::{PostgresIssuer, PostgresResource},
    failure::{Failure, Result},
    id::GrantId,
};

/// Parameters that would keep our credential from being used.
const DROPPED: [&str; 10] = [
    "channel_binding",
    "gssencmode",
    "passfile",
    "password",
    "require_auth",
    "sslcert",
    "sslcertmode",
    "sslkey",
    "sslpassword",
    "user",
];

/// Weakest first (libpq, 34.1.2).
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// How our names of sessions begin.
const OURS: &str = "jit";

/// Takes away what would keep our credential from being used.
pub fn drop_foreign(settings: &mut Settings, resource: &PostgresResource) {
    let root = resource.certificate_authority.is_some();
    settings.retain(|key, _| {
        let ours = key == "sslmode" || (root && key == "sslrootcert");
        !ours && !DROPPED.contains(&key.as_str())
    });
}

/// The mode in which libpq verifies a server in full: its certificate and its name.
pub const VERIFIED: &str = "verify-full";

/// The strictest of what the resource needs and what the user wants anyway. `root` is the user's
/// `sslrootcert`: with `system` libpq takes no mode but `verify-full`.
pub fn ssl_mode<'a>(
    resource: &PostgresResource,
    wished: impl IntoIterator<Item = &'a str>,
    root: Option<&str>,
) -> &'static str {
    let needed = match (&resource.certificate_authority, root) {
        (Some(_), _) | (None, Some("system")) => VERIFIED,
        (None, _) => "require",
    };
    let strictness = |mode: &str| SSL_MODES.iter().position(|known| *known == mode);
    let all = wished.into_iter().chain([needed]);
    let strictest = all.filter_map(strictness).max();
    strictest
        .and_then(|at| SSL_MODES.get(at).copied())
        .unwrap_or(needed)
}

/// What nothing verifies at a server, in words; `None` where the catalogue names its authority.
pub fn unverified(resource: &PostgresResource) -> Option<&'static str> {
    let none = resource.certificate_authority.is_none();
    none.then_some("no certificate_authority is named, so connections are encrypted and nothing verifies the server")
}

/// What `channel_binding` is to be, where the user wants `wished` and connections have that `sslmode`.
///
/// A server that nothing verifies is not told the password: bound to the channel, SCRAM only proves it,
/// and not through somebody in between. Every libpq since 13 knows this, where `require_auth` would be
/// an error to one before 16. A certificate has nothing that could be bound.
///
/// # Errors
/// Usage, where the user requires a binding and neither that nor a verified server can be had.
pub fn channel_binding<'a>(
    resource: &PostgresResource,
    mode: &str,
    wished: Option<&'a str>,
) -> Result<&'a str> {
    let verified = mode == VERIFIED;
    match (resource.issuer, wished) {
        (PostgresIssuer::DynamicRole, _) if !verified => Ok("require"),
        (PostgresIssuer::DynamicRole, wished) => Ok(wished.unwrap_or(UNBOUND)),
        (PostgresIssuer::Certificate, Some("require")) if !verified => Err(Failure::usage(
            "channel_binding=require cannot be met: a client certificate binds nothing, and nothing verifies the server",
        )
        .hint("leave it out, or name the server's certificate_authority in authority.toml")),
        (PostgresIssuer::Certificate, _) => Ok(UNBOUND),
    }
}

/// What libpq does where nobody says anything.
pub const UNBOUND: &str = "prefer";

/// The server's options that make a session one of `role`, behind the user's own.
pub fn options_as(own: Option<&str>, role: &str) -> String {
    let name = role.replace('\\', "\\\\").replace(' ', "\\ ");
    let as_role = format!("{AS_ROLE}{name}");
    match own.filter(|own| !own.is_empty()) {
        Some(own) if own.ends_with(&as_role) => own.to_owned(),
        Some(own) => format!("{own} {as_role}"),
        None => as_role,
    }
}

const AS_ROLE: &str = "-c role=";

/// The role that a session's options make it one of, in a service of ours.
pub fn role_of_options(options: &str) -> Option<&str> {
    let (_, role) = options.rsplit_once(AS_ROLE)?;
    Some(role).filter(|role| !role.contains([' ', '\\']))
}

/// The session's name in the server's log: the grant, then what the user or the program calls it.
pub fn application(grant: &GrantId, own: Option<&str>, program: &str) -> String {
    // A service of ours names a grant already.
    let own = own.and_then(|own| match own.strip_prefix(OURS) {
        Some("") => None,
        Some(rest) if rest.starts_with(':') => rest.split_once(' ').map(|(_, own)| own),
        Some(_) | None => Some(own),
    });
    format!("{OURS}:{grant} {}", own.unwrap_or(program))
}

/// The same for a service, whose program nobody knows; without a grant, only who made it.
pub fn application_of_service(grant: Option<&GrantId>) -> String {
    grant.map_or_else(|| OURS.to_owned(), |grant| format!("{OURS}:{grant}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_is_ours_already_is_not_said_twice() {
        let grant = GrantId::new(Timestamp::from_secs(1), [0; 10]);
        let named = |own| application(&grant, own, "psql");
        let of_service = application_of_service(Some(&grant));
        for (own, shown) in [
            (None, "psql"),
            (Some("report"), "report"),
            (Some("jitter"), "jitter"),
            (Some("jit"), "psql"),
            (Some(of_service.as_str()), "psql"),
            (Some("jit:old report"), "report"),
        ] {
            assert_eq!(named(own), format!("jit:{grant} {shown}"), "{own:?}");
        }
        let options = options_as(Some("-c a=b"), "orders_ro");
        assert_eq!(options, "-c a=b -c role=orders_ro");
        assert_eq!(options_as(Some(&options), "orders_ro"), options);
        assert_eq!(role_of_options(&options), Some("orders_ro"));
        assert_eq!(role_of_options("-c search_path=x"), None);
    }
}
