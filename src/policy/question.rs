//! The question that policy is asked, and the same in Cedar's terms.

use std::{collections::BTreeSet, error::Error, net::IpAddr, sync::Arc, time::Duration};

use cedar_policy::{
    Context, Entities, Entity, EntityUid, Policy, PrincipalConstraint, Request,
    RestrictedExpression,
};

use super::vocabulary::{Action, Noun, Vocabulary};
use crate::domain::{
    elevation::DEFAULT_TTL,
    entitlement::{Entitlement, Tier},
    principal::{Caller, SignIn},
    time::Timestamp,
};

/// Who asks for what, and under which circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who asks, with their groups.
    pub caller: &'a Caller,
    /// What for.
    pub entitlement: &'a Entitlement,
    /// How sensitive the catalogue says it is.
    pub tier: Tier,
    /// What else the catalogue says of it.
    pub labels: &'a BTreeSet<String>,
    /// The reason given; one of white space only is none.
    pub justification: Option<&'a str>,
    /// How long it is wanted for; absent: [`DEFAULT_TTL`].
    pub ttl: Option<Duration>,
    /// Whether approval is to be skipped in an emergency.
    pub break_glass: bool,
    /// What the command does, where that is known: `get`.
    pub verb: Option<&'a str>,
    /// Under which circumstances.
    pub circumstances: Circumstances<'a>,
    /// The instant.
    pub now: Timestamp,
}

/// An entitlement, with what the catalogue says of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What is asked for.
    pub entitlement: &'a Entitlement,
    /// How sensitive it is.
    pub tier: Tier,
    /// Its labels.
    pub labels: &'a BTreeSet<String>,
}

impl<'a> Question<'a> {
    /// What is asked for.
    pub const fn subject(&self) -> Subject<'a> {
        Subject {
            entitlement: self.entitlement,
            tier: self.tier,
            labels: self.labels,
        }
    }

    /// The reason given, without the space around it.
    pub fn reason_given(&self) -> Option<&str> {
        self.justification
            .map(str::trim)
            .filter(|reason| !reason.is_empty())
    }
}

/// What only a served authority knows about the caller; the embedded one knows none of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// How long ago the caller signed in.
    pub sign_in_age: Option<Duration>,
    /// The sign-in that stands behind the caller.
    pub sign_in: Option<&'a SignIn>,
    /// The principals that the caller acts for.
    pub chain: &'a [String],
    /// Whether the elevation that is spoken of is somebody else's (`approve`, `revoke`, `audit`).
    pub of_another: bool,
}

/// Who asks about the authority itself (`administer`, `audit`), and under which circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Duty<'a> {
    /// Who asks, with their groups.
    pub caller: &'a Caller,
    /// Under which circumstances.
    pub circumstances: Circumstances<'a>,
    /// The instant.
    pub now: Timestamp,
}

/// The authority, as policies name it.
const AUTHORITY: &str = "jit";

/// A question in Cedar's terms, ready for any number of actions.
#[derive(Debug)]
pub(super) struct Asked {
    /// The caller and those of its groups that a policy names.
    pub(super) principals: Arc<[EntityUid]>,
    /// The entitlement and all that it is in.
    pub(super) resources: Vec<EntityUid>,
    pub(super) entities: Arc<Entities>,
    principal: EntityUid,
    resource: EntityUid,
    context: Context,
}

impl Asked {
    /// Puts the question. The error is Cedar's own; a caller denies on it.
    pub(super) fn new(question: &Question<'_>, words: &Vocabulary) -> Result<Self, String> {
        let one = Self::about(question, &[question.subject()], words)?;
        let one = one.into_iter().next();
        one.ok_or_else(|| "nothing is asked for".to_owned())
    }

    /// Puts the same question about each of these entitlements instead of its own. The caller's entity, which
    /// grows with its groups, is built once for all of them.
    pub(super) fn about(
        question: &Question<'_>,
        subjects: &[Subject<'_>],
        words: &Vocabulary,
    ) -> Result<Vec<Self>, String> {
        let said = |error: &dyn Error| error.to_string();
        let (principal, groups) = principal(question.caller, words);
        let mut entities = vec![entity(question.caller, &principal, &groups)?];
        let mut resources = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let (uid, parents) = resource(subject, words);
            entities.push(entitlement(subject, &uid, &parents)?);
            resources.push((uid, parents));
        }
        let all = words.actions.iter().cloned().chain(entities);
        let entities = Entities::from_entities(all, None).map_err(|error| said(&error))?;
        let entities = Arc::new(entities);
        let principals: Arc<[EntityUid]> = with(&principal, groups).into();
        let context =
            Context::from_pairs(context(question, words)).map_err(|error| said(&error))?;
        let asked = resources.into_iter().map(|(resource, parents)| Self {
            principals: Arc::clone(&principals),
            resources: with(&resource, parents),
            entities: Arc::clone(&entities),
            principal: principal.clone(),
            resource,
            context: context.clone(),
        });
        Ok(asked.collect())
    }

    /// Puts a question about the authority itself.
    pub(super) fn of_authority(duty: &Duty<'_>, words: &Vocabulary) -> Result<Self, String> {
        let said = |error: &dyn Error| error.to_string();
        let (principal, groups) = principal(duty.caller, words);
        let resource = words.uid(Noun::Authority, AUTHORITY);
        let caller = entity(duty.caller, &principal, &groups)?;
        let entities = words.actions.iter().cloned().chain([caller]);
        let entities = Entities::from_entities(entities, None).map_err(|error| said(&error))?;
        let mut pairs = around(duty.caller, &duty.circumstances, duty.now, words);
        pairs.push(number("ttl", 0));
        Ok(Self {
            principals: with(&principal, groups).into(),
            resources: vec![resource.clone()],
            entities: Arc::new(entities),
            principal,
            resource,
            context: Context::from_pairs(pairs).map_err(|error| said(&error))?,
        })
    }

    /// Whether the policy speaks of callers of this one's class, as far as it names a class.
    pub(super) fn is_of_its_class(&self, policy: &Policy) -> bool {
        match policy.principal_constraint() {
            PrincipalConstraint::Is(class) | PrincipalConstraint::IsIn(class, _) => {
                *self.principal.type_name() == class
            }
            PrincipalConstraint::Any | PrincipalConstraint::In(_) | PrincipalConstraint::Eq(_) => {
                true
            }
        }
    }

    /// The request for one action.
    pub(super) fn request(&self, action: Action, words: &Vocabulary) -> Result<Request, String> {
        Request::new(
            self.principal.clone(),
            words.action(action),
            self.resource.clone(),
            self.context.clone(),
            None,
        )
        .map_err(|error| error.to_string())
    }

    /// Whether entities and context are what the schema says; the schema is not asked in a decision.
    #[cfg(test)]
    pub(super) fn fits(&self, words: &Vocabulary) -> bool {
        let ours = self.entities.iter().cloned();
        let action = words.action(Action::Elevate);
        Entities::from_entities(ours, Some(&words.schema)).is_ok()
            && self.context.validate(&words.schema, &action).is_ok()
    }
}

fn with(entity: &EntityUid, mut parents: Vec<EntityUid>) -> Vec<EntityUid> {
    parents.push(entity.clone());
    parents
}

fn entity(caller: &Caller, uid: &EntityUid, groups: &[EntityUid]) -> Result<Entity, String> {
    let name = text("name", caller.principal.name());
    let attributes = caller.attributes.iter();
    let tags = attributes.map(|(name, value)| text(name, value));
    Entity::new_with_tags(uid.clone(), [name], groups.iter().cloned(), tags)
        .map_err(|error| error.to_string())
}

/// The caller, and those of its groups that a policy names: no other can change an answer, and a provider may
/// say thousands.
pub(super) fn principal(caller: &Caller, words: &Vocabulary) -> (EntityUid, Vec<EntityUid>) {
    let principal = &caller.principal;
    let groups = caller.groups.intersection(&words.named_groups);
    (
        words.uid(Noun::Principal(principal.class()), principal.name()),
        groups.map(|group| words.uid(Noun::Group, group)).collect(),
    )
}

fn resource(subject: &Subject<'_>, words: &Vocabulary) -> (EntityUid, Vec<EntityUid>) {
    let resource = &subject.entitlement.resource;
    let mut parents = vec![
        words.uid(Noun::Resource, &resource.to_string()),
        words.uid(Noun::Kind, resource.kind().as_str()),
        words.uid(Noun::Tier, subject.tier.as_str()),
    ];
    let labels = subject.labels.iter();
    parents.extend(labels.map(|label| words.uid(Noun::Label, label)));
    let uid = words.uid(Noun::Entitlement, &subject.entitlement.to_string());
    (uid, parents)
}

fn entitlement(
    subject: &Subject<'_>,
    uid: &EntityUid,
    parents: &[EntityUid],
) -> Result<Entity, String> {
    let role = text("role", subject.entitlement.role.as_str());
    let kind = text("kind", subject.entitlement.resource.kind().as_str());
    Entity::new_with_tags(uid.clone(), [kind, role], parents.iter().cloned(), [])
        .map_err(|error| error.to_string())
}

fn context(question: &Question<'_>, words: &Vocabulary) -> Vec<(String, RestrictedExpression)> {
    let mut pairs = around(
        question.caller,
        &question.circumstances,
        question.now,
        words,
    );
    pairs.push(number("ttl", seconds(question.ttl.unwrap_or(DEFAULT_TTL))));
    pairs.extend(
        question
            .reason_given()
            .map(|why| text("justification", why)),
    );
    pairs.extend(question.verb.map(|verb| text("verb", verb)));
    pairs
}

fn around(
    caller: &Caller,
    around: &Circumstances<'_>,
    now: Timestamp,
    words: &Vocabulary,
) -> Vec<(String, RestrictedExpression)> {
    let sign_in = caller.sign_in.as_ref();
    let methods = sign_in.into_iter().flat_map(|sign_in| &sign_in.methods);
    let methods = methods.cloned().map(RestrictedExpression::new_string);
    let date = now.to_offset();
    let chain = around.chain.iter().cloned();
    let mut pairs = vec![
        number("hour", i64::from(date.hour())),
        number("weekday", i64::from(date.weekday().number_from_monday())),
        pair("now", words.instant(now)),
        pair("own", RestrictedExpression::new_bool(!around.of_another)),
        pair("amr", RestrictedExpression::new_set(methods)),
        pair(
            "chain",
            RestrictedExpression::new_set(chain.map(RestrictedExpression::new_string)),
        ),
    ];
    let class = sign_in.and_then(|sign_in| sign_in.context.as_deref());
    pairs.extend(class.map(|class| text("acr", class)));
    let age = around.sign_in_age;
    pairs.extend(age.map(|age| number("sign_in_age", seconds(age))));
    let address = around.address;
    pairs.extend(address.map(|address| pair("address", words.address(address))));
    pairs
}

fn pair(name: &str, value: RestrictedExpression) -> (String, RestrictedExpression) {
    (name.to_owned(), value)
}

fn text(name: &str, value: &str) -> (String, RestrictedExpression) {
    pair(name, RestrictedExpression::new_string(value.to_owned()))
}

fn number(name: &str, value: i64) -> (String, RestrictedExpression) {
    pair(name, RestrictedExpression::new_long(value))
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}
