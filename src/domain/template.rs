//! How a workload's principal is named: text, and attributes in braces, never two workloads alike.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    failure::{Failure, Result},
    principal::{Class, Principal},
};

/// What stands between two attributes holds one of these, and no attribute's value does: so a name is
/// of one pair of values only.
const APART: [char; 2] = ['@', '+'];

/// A principal's name as configuration writes it: `ci-{repository_id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The text before the first attribute.
    head: String,
    /// Each attribute, and the text behind it.
    rest: Vec<(String, String)>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Says in words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('{');
        let head = parts.next().unwrap_or_default().to_owned();
        let rest = parts.map(|part| {
            let (name, behind) = part.split_once('}')?;
            Some((name.to_owned(), behind.to_owned()))
        });
        let rest: Option<Vec<_>> = rest.collect();
        let template = rest.map(|rest| Self { head, rest });
        let template = template.filter(Self::is_plain);
        let Some(template) = template.filter(|template| !template.is_empty()) else {
            return Err(format!(
                "{text:?} makes no name: write letters, digits and . _ - @ +, and attributes as {{ref}}"
            ));
        };
        let between = template.rest.iter().rev().skip(1);
        if between
            .map(|(_, behind)| behind)
            .any(|between| !between.contains(APART))
        {
            return Err(format!(
                "the attributes in {text:?} could run into each other: write @ or + between them"
            ));
        }
        Ok(template)
    }

    /// The attributes that it names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rest.iter().map(|(name, _)| name.as_str())
    }

    /// The same with a value in the place of an attribute; unchanged where no name can hold the value.
    #[must_use]
    pub fn with(&self, attribute: &str, value: &str) -> Self {
        let mut with = Self {
            head: self.head.clone(),
            rest: Vec::new(),
        };
        for (name, behind) in &self.rest {
            if name == attribute && is_value(value) {
                with.append(value);
                with.append(behind);
            } else {
                with.rest.push((name.clone(), behind.clone()));
            }
        }
        with
    }

    fn append(&mut self, text: &str) {
        let end = self.rest.last_mut();
        end.map_or(&mut self.head, |(_, behind)| behind)
            .push_str(text);
    }

    /// Whether both could make the same name.
    pub fn may_meet(&self, other: &Self) -> bool {
        match (self.rest.is_empty(), other.rest.is_empty()) {
            (true, true) => self.head == other.head,
            (true, false) => self.head.starts_with(&other.head),
            (false, true) => other.head.starts_with(&self.head),
            (false, false) => {
                self.head.starts_with(&other.head) || other.head.starts_with(&self.head)
            }
        }
    }

    /// Whether it could make that name.
    pub fn may_make(&self, name: &str) -> bool {
        self.may_meet(&Self {
            head: name.to_owned(),
            rest: Vec::new(),
        })
    }

    /// The workload of that name.
    ///
    /// # Errors
    /// Denied: an attribute is not there, or holds what no name may hold.
    pub fn fill(&self, attributes: &BTreeMap<String, String>) -> Result<Principal> {
        let mut name = self.head.clone();
        for (attribute, behind) in &self.rest {
            let value = attributes.get(attribute).ok_or_else(|| {
                Failure::denied(format!("what was presented says no {attribute:?}"))
                    .hint("the workload's name at this server is made of it")
            })?;
            if !is_value(value) {
                return Err(Failure::denied(format!(
                    "the {attribute:?} that was presented cannot be part of a principal's name"
                ))
                .hint("the server's administrator names the workload by an id instead"));
            }
            name.push_str(value);
            name.push_str(behind);
        }
        Principal::new(Class::Workload, &name).map_err(|failure| Failure::denied(failure.message))
    }

    fn is_empty(&self) -> bool {
        self.head.is_empty() && self.rest.is_empty()
    }

    fn is_plain(&self) -> bool {
        let plain = |text: &str| text.chars().all(|c| is_of_value(c) || APART.contains(&c));
        let starts = self.head.chars().next();
        let name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        starts.is_none_or(|c| c.is_ascii_alphanumeric() || c == '_')
            && plain(&self.head)
            && self.rest.iter().all(|(n, behind)| name(n) && plain(behind))
    }
}

fn is_value(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_value)
}

fn is_of_value(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head)?;
        self.rest
            .iter()
            .try_for_each(|(name, behind)| write!(f, "{{{name}}}{behind}"))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    fn said(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_name_is_made_of_text_and_attributes() {
        let template = of("ci-{repository_id}@{environment}");
        assert_eq!(template.to_string(), "ci-{repository_id}@{environment}");
        let attributes = said(&[("repository_id", "42"), ("environment", "prod")]);
        assert_eq!(template.fill(&attributes).unwrap().name(), "ci-42@prod");
        assert_eq!(of("deployer").fill(&said(&[])).unwrap().name(), "deployer");
    }

    #[test]
    fn what_is_no_template_says_so() {
        for text in [
            "", "{", "}", "a{b", "{}", "a b", "ci/{id}", "{a}{b}", "{a}-{b}", "-{a}", "a{b c}",
            "a}b",
        ] {
            assert!(Template::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_hostile_value_makes_no_name() {
        let template = of("ci-{ref}");
        for value in [
            "",
            "refs/heads/main",
            "a@b",
            "a+b",
            "a b",
            "a\nb",
            "ä",
            "{ref}",
        ] {
            let failure = template.fill(&said(&[("ref", value)])).unwrap_err();
            assert!(!failure.message.contains('\n'), "{failure}");
        }
        assert!(template.fill(&said(&[])).is_err());
        assert!(template.fill(&said(&[("ref", &"x".repeat(200))])).is_err());
    }

    #[test]
    fn two_templates_that_could_make_one_name_are_told() {
        for (one, other) in [
            ("ci-{a}", "ci-{b}"),
            ("ci-{a}", "ci-prod"),
            ("{a}", "x"),
            ("ci-{a}", "ci-x-{b}"),
            ("x", "x"),
        ] {
            assert!(of(one).may_meet(&of(other)), "{one} {other}");
            assert!(of(other).may_meet(&of(one)), "{other} {one}");
        }
        assert!(!of("gh-{a}").may_meet(&of("gl-{a}")));
        assert!(!of("x").may_meet(&of("xy")));
        assert!(of("gh-{a}").may_make("gh-1") && of("gh").may_make("gh"));
        assert!(!of("gh-{a}").may_make("gh") && !of("gh").may_make("gh-1"));
    }

    proptest! {
        #[test]
        fn no_two_pairs_of_values_make_one_name(
            one in ("[a-z._-]{1,4}", "[a-z._-]{1,4}"),
            other in ("[a-z._-]{1,4}", "[a-z._-]{1,4}"),
        ) {
            let template = of("k-{a}@{b}");
            let name = |(a, b): &(String, String)| template.fill(&said(&[("a", a), ("b", b)])).unwrap();
            prop_assert_eq!(name(&one) == name(&other), one == other);
        }

        #[test]
        fn nothing_panics(text in ".*", value in ".*") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template.clone()));
                let names = template.names().map(str::to_owned);
                drop(template.fill(&names.map(|name| (name, value.clone())).collect()));
            }
        }
    }
}
