//! Annotations: the name of a policy, and what it obliges to.

use cedar_policy::{Effect, Policy};

use super::vocabulary::Action;
use crate::domain::{
    decision::Obligations,
    failure::{did_you_mean, nearest},
    time::Ttl,
};

const KNOWN: [&str; 8] = [
    "id",
    "ttl",
    "credential_ttl",
    "approvals",
    "mfa_within",
    "signed_in_within",
    "justification",
    "record",
];

/// The most people that a policy may want; more is a slip of the finger.
const MOST_APPROVALS: u32 = 20;

/// Something that is wrong with one annotation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The annotation's name.
    pub(super) annotation: String,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: String,
}

/// The name that a policy gives itself, if it does.
pub(super) fn id(policy: &Policy) -> Result<Option<&str>, Fault> {
    let Some(id) = policy.annotation("id") else {
        return Ok(None);
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/ ".contains(c);
    if id.trim().is_empty() || id.len() > 64 || !id.chars().all(plain) {
        return Err(Fault {
            annotation: "id".to_owned(),
            message: format!("{id:?} cannot name a policy"),
            hint: "use letters, digits, spaces and . _ - /, 64 at most".to_owned(),
        });
    }
    Ok(Some(id))
}

/// What the policy obliges to. `actions` are those that it speaks of.
pub(super) fn obligations(policy: &Policy, actions: &[Action]) -> Result<Obligations, Fault> {
    let mut all = Obligations::default();
    let mut annotations: Vec<(&str, &str)> = policy.annotations().collect();
    annotations.sort_unstable();
    for (name, value) in annotations {
        let fault = |message: String, hint: String| Fault {
            annotation: name.to_owned(),
            message,
            hint,
        };
        if name == "id" {
            continue;
        }
        if !KNOWN.contains(&name) {
            let near = did_you_mean(name, KNOWN);
            let message = format!("unknown annotation @{name}");
            let hint = format!("{near}the annotations are @{}", KNOWN.join(", @"));
            return Err(fault(message, hint));
        }
        out_of_place(name, policy.effect(), actions)
            .map_err(|(message, hint)| fault(message, hint))?;
        set(&mut all, name, value)
            .map_err(|hint| fault(format!("@{name}({value:?}) makes no sense"), hint))?;
    }
    Ok(all)
}

/// An obligation that could never be met is a mistake, not a wish.
fn out_of_place(name: &str, effect: Effect, actions: &[Action]) -> Result<(), (String, String)> {
    if effect == Effect::Forbid {
        return Err((
            format!("@{name} on a forbid obliges nobody"),
            "put it on the permit, or remove it".to_owned(),
        ));
    }
    let wanted = |action: &Action| match name {
        "approvals" => *action == Action::Request,
        _ => action.obtains(),
    };
    if actions.iter().any(wanted) {
        return Ok(());
    }
    let where_to = match name {
        "approvals" => "Action::\"request\"",
        _ => "Action::\"elevate\", \"request\" or \"break_glass\"",
    };
    Err((
        format!("@{name} does nothing here"),
        format!("it belongs on a permit of {where_to}"),
    ))
}

fn set(all: &mut Obligations, name: &str, value: &str) -> Result<(), String> {
    let span = || value.parse::<Ttl>().map(|ttl| Some(ttl.0));
    match name {
        "ttl" => all.ttl = span()?,
        "credential_ttl" => all.credential_ttl = span()?,
        "mfa_within" => all.mfa_within = span()?,
        "signed_in_within" => all.signed_in_within = span()?,
        "approvals" => {
            let number = value
                .parse()
                .ok()
                .filter(|n| (1..=MOST_APPROVALS).contains(n));
            all.approvals = Some(number.ok_or_else(|| {
                format!("write a number of people, 1 to {MOST_APPROVALS}, as \"2\"")
            })?);
        }
        "justification" => {
            only(value, "required")?;
            all.justification = true;
        }
        "record" => {
            only(value, "session")?;
            all.record_session = true;
        }
        _ => {}
    }
    Ok(())
}

fn only(value: &str, right: &str) -> Result<(), String> {
    if value == right {
        return Ok(());
    }
    let near = nearest(&value.to_lowercase(), [right]);
    Err(near.map_or_else(
        || format!("its only value is \"{right}\""),
        |near| format!("did you mean \"{near}\"?"),
    ))
}
