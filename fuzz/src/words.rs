//! The words of jit: names, ids, instants, spans, references. What is read is written as it was, and a
//! name is made of letters that mean nothing anywhere.

use std::{fmt::Display, str::FromStr};

use jit::{
    domain::{
        entitlement::{Entitlement, ResourceName, RoleName},
        id::GrantId,
        principal::Principal,
        secret_reference::SecretReference,
        template::Template,
        time::{Timestamp, Ttl},
        way::Way,
        workload::spiffe_id,
    },
    platform::terminal,
    remote::pin::Fingerprint,
};

use crate::ground::text;

pub(crate) fn words(data: &[u8]) {
    let Some(text) = text(data) else { return };
    names(text);
    instants(text);
    same::<Way>(text);
    drop(text.parse::<Fingerprint>().map(|read| {
        let written = read.to_string();
        assert!(
            written.len() == 64
                && written
                    .parse::<Fingerprint>()
                    .is_ok_and(|again| again == read)
        );
    }));
    drop(SecretReference::try_from(text.to_owned()));
    if let Ok(template) = Template::parse(text) {
        assert_eq!(
            Template::parse(&template.to_string()).as_ref(),
            Ok(&template)
        );
        let names = template
            .names()
            .map(|name| (name.to_owned(), "x1".to_owned()))
            .collect();
        if let Ok(principal) = template.fill(&names) {
            assert!(is_plain(principal.name()));
        }
    }
    if let Some((domain, path)) = spiffe_id(text) {
        assert_eq!(format!("spiffe://{domain}/{path}"), text);
    }
    let shown = terminal::plain_line(text);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// What is read as a `T` is that text and no other.
fn same<T: FromStr + Display>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    assert_eq!(read.to_string(), text);
    Some(read)
}

fn names(text: &str) {
    same::<Entitlement>(text);
    same::<GrantId>(text);
    if let Some(name) = same::<ResourceName>(text) {
        assert!(is_plain(name.name()));
    }
    if let Some(name) = same::<RoleName>(text) {
        assert!(is_plain(name.as_str()));
    }
    if let Ok(principal) = Principal::parse(text) {
        assert!(is_plain(principal.name()));
        assert_eq!(Principal::parse(&principal.written()).ok(), Some(principal));
    }
}

/// Whether a name can go into a certificate, a file's name, a command line as it is.
fn is_plain(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    !name.starts_with(['-', '.']) && (1..=128).contains(&name.len()) && name.chars().all(inside)
}

fn instants(text: &str) {
    if let Some(at) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at), "{text}");
    }
    if let Ok(ttl) = text.parse::<Ttl>() {
        assert!(!ttl.0.is_zero());
        assert_eq!(ttl.to_string().parse(), Ok(ttl), "{text}");
        let _ends = Timestamp::from_secs(0).after(ttl.0);
    }
}
