//! Rows and the values in them. Columns are `bigint` or `text` and never null, so that a row is a list of
//! numbers and texts, whichever database it came from.

use crate::domain::{
    failure::{Failure, Result},
    principal::Class,
};

/// A value that is bound or read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `bigint`
    Int(i64),
    /// `text`
    Text(String),
}

impl Value {
    /// How many bytes it has, about.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Int(_) => 8,
            Self::Text(text) => text.len(),
        }
    }

    /// Nothing, of the same type.
    pub(super) const fn blank(&self) -> Self {
        match self {
            Self::Int(_) => Self::Int(0),
            Self::Text(_) => Self::Text(String::new()),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A row of an answer, by the place of its columns in the `select`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
    /// All values, in the order of the columns.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// How many bytes its values have, about.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(Value::size).sum()
    }

    /// The number in that column.
    ///
    /// # Errors
    /// There is none: the database is not ours.
    pub fn int(&self, column: usize) -> Result<i64> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(*number),
            Some(Value::Text(_)) | None => Err(strange(column)),
        }
    }

    /// The text in that column.
    ///
    /// # Errors
    /// There is none: the database is not ours.
    pub fn text(&self, column: usize) -> Result<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Int(_)) | None => Err(strange(column)),
        }
    }

    /// The class of a principal in that column.
    ///
    /// # Errors
    /// There is no text.
    pub(super) fn class(&self, column: usize) -> Result<Class> {
        Ok(match self.text(column)? {
            "Human" => Class::Human,
            "Workload" => Class::Workload,
            _ => Class::Agent,
        })
    }
}

fn strange(column: usize) -> Failure {
    Failure::failed(format!(
        "column {column} of the database is not what this program wrote"
    ))
    .hint("restore the ledger from a backup, or move it away to begin a new one")
}
