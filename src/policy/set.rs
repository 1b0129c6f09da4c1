//! The policies of an authority: parsed, validated against the schema, named and indexed.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr as _,
};

use cedar_policy::{Policy, PolicyId, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;

use super::{
    index::{Index, actions},
    named_sign_ins::NamedSignIns,
    names,
    obligation::{self, Fault},
    place::{self, Place},
    question::Asked,
    vocabulary::{Action, Vocabulary},
};
use crate::{
    domain::{
        decision::Obligations,
        failure::{Failure, Result},
        pattern,
        position::Position,
        principal::StrongSignIn,
    },
    platform::keys,
};

/// A policy file: its name in messages (`policies/10-routine.cedar`) and its Cedar text.
type File = (String, String);

/// As many brackets may be open at once: deeper than anybody writes, and far from where the parser, which
/// calls itself for each, would end the process.
const DEEPEST: usize = 50;

/// One policy with what its annotations say.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) policy: Policy,
    pub(super) obligations: Obligations,
    pub(super) place: Place,
}

/// The policies of an authority.
#[derive(Debug)]
pub struct Policies {
    /// The SHA-256 of the policies' files, in hex: the same where the same policies are in force.
    pub digest: String,
    pub(super) words: Vocabulary,
    pub(super) rules: Vec<Rule>,
    pub(super) by_id: BTreeMap<PolicyId, usize>,
    pub(super) index: Index,
    /// The people whom they name, by name or by a pattern of `like`.
    pub(super) named_people: BTreeSet<String>,
    /// The sign-ins that their conditions speak of.
    pub(super) sign_ins: NamedSignIns,
    /// Which sign-ins count as strong; none where nobody says.
    pub(super) strong: StrongSignIn,
}

impl Policies {
    /// Parses policies strictly: what the schema does not know, an unknown annotation, an obligation
    /// that makes no sense, an id that is there twice and a template are errors.
    ///
    /// # Errors
    /// The message begins with `FILE:LINE:COLUMN` (or `FILE:LINE`); the hint has the nearest right word.
    pub fn parse(files: &[File]) -> Result<Self> {
        let words = Vocabulary::new()?;
        let mut rules = Vec::new();
        for file in files {
            read(file, &mut rules)?;
        }
        let mut policies = Self {
            digest: digest(files),
            words,
            rules: Vec::with_capacity(rules.len()),
            by_id: BTreeMap::new(),
            index: Index::default(),
            named_people: BTreeSet::new(),
            sign_ins: NamedSignIns::default(),
            strong: StrongSignIn::default(),
        };
        for rule in rules {
            policies.add(rule)?;
        }
        policies.validate(files)?;
        for rule in &policies.rules {
            let named = names::check(&rule.policy).map_err(|wrong| {
                let place = rule.place.shown();
                Failure::failed(format!("{place}: {}", wrong.message)).hint(wrong.hint)
            })?;
            policies.named_people.extend(named);
            policies.sign_ins.add(&rule.policy);
        }
        Ok(policies)
    }

    /// Whether a policy names that person.
    pub fn name_person(&self, name: &str) -> bool {
        let mut named = self.named_people.iter();
        named.any(|pattern| pattern::matches(pattern, name))
    }

    /// The people whom the policies name in full.
    pub fn named_people(&self) -> impl Iterator<Item = &str> {
        let named = self.named_people.iter().map(String::as_str);
        named.filter(|text| !pattern::is_pattern(text))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none, so that everything is denied.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn add(&mut self, rule: Rule) -> Result<()> {
        let number = self.rules.len();
        let id = rule.policy.id().clone();
        if let Some(first) = self.by_id.get(&id).and_then(|other| self.rules.get(*other)) {
            let (here, there) = (rule.place.shown(), first.place.shown());
            return Err(
                Failure::failed(format!("{here}: @id(\"{id}\") is there twice"))
                    .hint(format!("{there} has it already; give each policy its own")),
            );
        }
        self.index.add(number, &rule.policy);
        let named = rule.policy.entity_literals().into_iter();
        let groups = named.filter(|uid| self.words.is_group(uid));
        let groups: Vec<String> = groups.map(|uid| uid.id().unescaped().to_owned()).collect();
        self.words.named_groups.extend(groups);
        self.by_id.insert(id, number);
        self.rules.push(rule);
        Ok(())
    }

    fn validate(&self, files: &[File]) -> Result<()> {
        let all = self.subset(0..self.rules.len());
        let validator = Validator::new(self.words.schema.clone());
        let result = validator.validate(&all, ValidationMode::Strict);
        let failure = |id: &PolicyId, diagnostic: &dyn Diagnostic| {
            let number = self.by_id.get(id).copied()?;
            let place = &self.rules.get(number)?.place;
            let (name, text) = files.iter().find(|(name, _)| *name == place.file)?;
            let complaint = place::complaint(name, text, place.offset, diagnostic);
            Some((number, complaint))
        };
        let errors = result
            .validation_errors()
            .map(|error| failure(error.policy_id(), error));
        let warnings = result
            .validation_warnings()
            .map(|warning| failure(warning.policy_id(), warning));
        // Cedar reports in no order, and once for each action. A warning (a policy that can never match, letters that look like others) is an error too:
        // whoever wrote it meant something else. The first in the order of the files is reported.
        let all = errors.chain(warnings);
        let unplaced = || (0, Failure::failed("the policies do not fit the schema"));
        let first =
            all.map(|failure| failure.unwrap_or_else(unplaced))
                .min_by(|(a, first), (b, other)| {
                    let (one, two) = (&first.message, &other.message);
                    (a, is_consequence(one), one).cmp(&(b, is_consequence(two), two))
                });
        first.map_or(Ok(()), |(_, failure)| Err(failure))
    }

    /// Cedar's set of the policies of these numbers.
    pub(super) fn subset(&self, numbers: impl IntoIterator<Item = usize>) -> PolicySet {
        let mut set = PolicySet::new();
        for number in numbers {
            if let Some(rule) = self.rules.get(number) {
                // It fails only for an id that is there twice, which `add` has refused.
                drop(set.add(rule.policy.clone()));
            }
        }
        set
    }

    /// The policies that may matter to a question.
    pub(super) fn slice(&self, action: Action, asked: &Asked) -> Vec<usize> {
        self.index.find(action, &asked.principals, &asked.resources)
    }

    /// A policy's name with its place: `routine (policies/10-routine.cedar:9)`.
    pub(super) fn shown(&self, number: usize) -> String {
        self.rules.get(number).map_or_else(String::new, |rule| {
            format!("{} ({})", rule.policy.id(), rule.place.shown())
        })
    }
}

/// The hash of files, by their names and texts.
fn digest(files: &[File]) -> String {
    let parts = files.iter().flat_map(|(name, text)| [name, text]);
    // With its length before each part, so that no two sets of files read alike.
    let bytes = parts.flat_map(|part| {
        let length = part.len().to_be_bytes();
        length.into_iter().chain(part.bytes())
    });
    keys::hex(&keys::sha256(&bytes.collect::<Vec<u8>>()))
}

/// Whether a complaint only follows from another one: a policy with an unknown word never matches.
fn is_consequence(message: &str) -> bool {
    let consequences = [
        "policy is impossible",
        "unable to find an applicable action",
    ];
    consequences.iter().any(|words| message.contains(words))
}

/// Reads the policies of one file, in their order.
fn read((name, text): &File, rules: &mut Vec<Rule>) -> Result<()> {
    if let Some(at) = too_deep(text) {
        let line = Position::of(text, at).line;
        return Err(Failure::failed(format!(
            "{name}:{line}: more than {DEEPEST} brackets are open"
        ))
        .hint("write it flatter: nobody could follow it"));
    }
    let set = PolicySet::from_str(text).map_err(|error| place::complaint(name, text, 0, &error))?;
    if let Some(template) = set.templates().next() {
        let line = Position::of(text, find(text, 0, &template.to_cedar())).line;
        return Err(
            Failure::failed(format!("{name}:{line}: a template is not a policy"))
                .hint("replace ?principal and ?resource by what is meant"),
        );
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    // Cedar numbers them as they stand in the text: policy0, policy1, policy10, …
    policies.sort_by_key(|policy| (policy.id().to_string().len(), policy.id().to_string()));
    let mut place = Place {
        file: name.clone(),
        line: 1,
        offset: 0,
    };
    for (number, policy) in policies.into_iter().enumerate() {
        let source = policy.to_cedar().unwrap_or_default();
        let start = find(text, place.offset, &source);
        let passed = text.get(place.offset..start).unwrap_or_default();
        place.line += passed.matches('\n').count();
        place.offset = start;
        rules.push(rule(policy, &source, place.clone(), number + 1)?);
        place.line += source.matches('\n').count();
        place.offset = start + source.len();
    }
    Ok(())
}

/// Where more brackets are open than [`DEEPEST`]. Those in texts and comments count too: it need not be
/// exact.
fn too_deep(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut brackets = text.match_indices(['(', '[', '{', ')', ']', '}']);
    let found = brackets.find(|(_, bracket)| {
        open = if matches!(*bracket, "(" | "[" | "{") {
            open + 1
        } else {
            open.saturating_sub(1)
        };
        open > DEEPEST
    });
    found.map(|(at, _)| at)
}

fn rule(policy: &Policy, source: &str, place: Place, number: usize) -> Result<Rule> {
    let fail = |fault: Fault| {
        let at = find(source, 0, &format!("@{}", fault.annotation));
        let line = place.line + source.get(..at).unwrap_or_default().matches('\n').count();
        Failure::failed(format!("{}:{line}: {}", place.file, fault.message)).hint(fault.hint)
    };
    let id = match obligation::id(policy).map_err(fail)? {
        Some(id) => id.to_owned(),
        None => format!(
            "{}#{number}",
            place.file.rsplit('/').next().unwrap_or_default()
        ),
    };
    Ok(Rule {
        obligations: obligation::obligations(policy, &actions(policy)).map_err(fail)?,
        policy: policy.new_id(PolicyId::new(id)),
        place,
    })
}

fn find(text: &str, from: usize, part: &str) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find(part).map_or(from, |at| from + at)
}
