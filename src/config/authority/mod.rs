//! `authority.toml`, the catalogue of an authority.

use super::{
    account::SUBJECT,
    check,
    spot::{self, Table},
};
use crate::{
    domain::{catalogue::Catalogue, environment::Places, failure::Result, principal::Principal},
    platform::{files, keys},
};

/// The file's name below the configuration.
pub const FILE: &str = "authority.toml";

/// The catalogue; an empty one where there is no file.
///
/// # Errors
/// The file can be written by others, cannot be read, or is wrong.
pub fn load(places: &Places) -> Result<Catalogue> {
    let text = files::read_trusted(&places.configuration.join(FILE))?;
    text.map_or_else(|| Ok(Catalogue::default()), |text| parse(FILE, &text))
}

/// The catalogue, and SHA-256 of the file in hexadecimal: what identifies it.
///
/// # Errors
/// As those of [`load`].
pub fn load_with_digest(places: &Places) -> Result<(Catalogue, String)> {
    let text = files::read_trusted(&places.configuration.join(FILE))?.unwrap_or_default();
    let digest = keys::hex(&keys::sha256(text.as_bytes()));
    Ok((parse(FILE, &text)?, digest))
}

/// Reads the text of an `authority.toml` that is called `file` in messages.
///
/// # Errors
/// The message begins with `FILE:LINE`; the hint has the nearest right word.
pub fn parse(file: &str, text: &str) -> Result<Catalogue> {
    let table = Table { file, text };
    let mut catalogue: Catalogue = spot::read(table)?;
    check::catalogue(&catalogue).map_err(|fault| fault.at(table))?;
    for members in catalogue.groups.values_mut() {
        *members = members.iter().map(|member| canonical(member)).collect();
    }
    Ok(catalogue)
}

/// A member of a group as the authority knows people. An account's `sub` stays as it is.
fn canonical(member: &str) -> String {
    let person = Principal::person(member).ok();
    let person = person.filter(|_| !member.starts_with(SUBJECT));
    person.map_or_else(|| member.to_owned(), |person| person.name().to_owned())
}

#[cfg(test)]
mod tests;
