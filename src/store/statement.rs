//! SQL with its values, and rows: the same text for SQLite and PostgreSQL.
//!
//! Both take `$1`, `returning` and `on conflict`. Columns are `bigint` or `text` and never null, so
//! that a row is a list of numbers and texts, whichever database it came from.

use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _};

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::domain::failure::{Failure, Result};

/// A value that is bound or read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `bigint`
    Int(i64),
    /// `text`
    Text(String),
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

/// SQL with the values of its `$1`, `$2`, …
#[derive(Clone, Debug)]
pub struct Statement {
    text: Text,
    values: Vec<Value>,
    by_key: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Whole(Cow<'static, str>),
    /// `INTO values (…) THEN`
    Insert {
        into: &'static str,
        then: &'static str,
    },
}

impl Statement {
    /// A statement that is written in these sources.
    pub fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self {
            text: Text::Whole(Cow::Borrowed(sql)),
            values: values.into(),
            by_key: false,
        }
    }

    /// Inserts one row: `INTO values (…) THEN`, where `into` names the columns, the key first, and
    /// `then` is empty or says what is done on a conflict, in terms of `excluded`. Of many that wait
    /// to be committed, those of one text become one statement.
    pub fn insert(into: &'static str, row: impl Into<Vec<Value>>, then: &'static str) -> Self {
        Self {
            text: Text::Insert { into, then },
            values: row.into(),
            by_key: false,
        }
    }

    /// A statement that was put together from texts of these sources; foreign text goes into `values`.
    pub(super) const fn assembled(sql: String, values: Vec<Value>) -> Self {
        Self {
            text: Text::Whole(Cow::Owned(sql)),
            values,
            by_key: false,
        }
    }

    /// Of a guard: it looks rows up by their key alone, which is among its values, so that what is
    /// written about other keys does not change its answer.
    #[must_use]
    pub const fn by_key(mut self) -> Self {
        self.by_key = true;
        self
    }

    /// Whether it inserts a row, and may be joined with others that do.
    pub(super) const fn is_insert(&self) -> bool {
        matches!(self.text, Text::Insert { .. })
    }

    /// How many bytes its values have, about.
    pub(super) fn size(&self) -> usize {
        let sizes = self.values.iter().map(|value| match value {
            Value::Int(_) => 8,
            Value::Text(text) => text.len(),
        });
        sizes.sum()
    }

    /// Whether both are of the same text.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.text == other.text && self.values.len() == other.values.len()
    }

    /// Rows of one text as one statement.
    pub(super) fn joined(rows: &[&Self]) -> Option<Self> {
        let first = *rows.first()?;
        let Text::Insert { into, then } = first.text else {
            return None;
        };
        let values: Vec<Value> = rows.iter().flat_map(|row| row.values.clone()).collect();
        let sql = inserting(into, then, first.values.len(), rows.len());
        Some(Self::assembled(sql, values))
    }

    /// The places (0, 1, …) of those guards that find a row.
    pub(super) fn which_hold(guards: &[Cow<'_, Self>]) -> Self {
        let exists = |(place, guard): (usize, &Cow<'_, Self>)| {
            let sql = format!("select {place} where exists ({})", guard.sql());
            Self::assembled(sql, guard.values.clone())
        };
        Self::chained(guards.iter().enumerate().map(exists), " union all ")
    }

    /// Statements one behind the other as one text, with all their values.
    pub(super) fn chained(all: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for one in all {
            if !sql.is_empty() {
                sql.push_str(between);
            }
            sql.push_str(&shifted(&one.sql(), values.len()));
            values.extend(one.values);
        }
        Self::assembled(sql, values)
    }

    /// The same about nothing.
    pub(super) fn blank(&self) -> Self {
        let blank = |value: &Value| match value {
            Value::Int(_) => Value::Int(0),
            Value::Text(_) => Value::Text(String::new()),
        };
        Self {
            values: self.values.iter().map(blank).collect(),
            ..self.clone()
        }
    }

    fn sql(&self) -> Cow<'static, str> {
        match &self.text {
            Text::Whole(sql) => sql.clone(),
            Text::Insert { into, then } => inserting(into, then, self.values.len(), 1).into(),
        }
    }

    pub(super) fn text(&self) -> SqlStr {
        match self.sql() {
            Cow::Borrowed(sql) => sql.into_sql_str(),
            Cow::Owned(sql) => AssertSqlSafe(sql).into_sql_str(),
        }
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

/// The rows that a wave inserts, as far as it matters to what may come into it.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    keys: BTreeSet<&'a Value>,
    values: BTreeSet<&'a Value>,
}

impl<'a> Written<'a> {
    /// Adds what a statement writes, where that is a row.
    pub(super) fn add(&mut self, write: &'a Statement) {
        if write.is_insert() {
            self.keys.extend(write.values.first());
            self.values.extend(&write.values);
        }
    }

    /// Whether a row of that key is among them.
    pub(super) fn has_key_of(&self, write: &Statement) -> bool {
        let key = write.values.first().filter(|_| write.is_insert());
        key.is_some_and(|key| self.keys.contains(key))
    }

    /// Whether they may change what a guard finds.
    pub(super) fn may_decide(&self, guard: &Statement) -> bool {
        let written = if guard.by_key {
            &self.keys
        } else {
            &self.values
        };
        let mut values = guard.values.iter();
        !written.is_empty()
            && (guard.values.is_empty() || values.any(|value| written.contains(value)))
    }
}

fn inserting(into: &str, then: &str, columns: usize, rows: usize) -> String {
    let mut sql = format!("{into} values ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let between = if column == 0 { "" } else { ", " };
            let _ = write!(sql, "{between}${}", row * columns + column + 1);
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(then);
    sql
}

/// The text with each `$N` counted on from `by`.
fn shifted(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut shifted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = part.split_at(end.unwrap_or(part.len()));
        let number: usize = number.parse().unwrap_or(0);
        let _ = write!(shifted, "${}{rest}", number + by);
    }
    shifted
}

/// A row of an answer, by the place of its columns in the `select`.
#[derive(Clone, Debug)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
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
}

fn strange(column: usize) -> Failure {
    Failure::failed(format!(
        "column {column} of the database is not what this program wrote"
    ))
    .hint("restore the ledger from a backup, or move it away to begin a new one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_text_become_one_statement_and_guards_one_question() {
        let row = |id: &str| {
            Statement::insert(
                "insert into a (id, n)",
                [id.into(), 1.into()],
                "on conflict do nothing",
            )
        };
        let (one, two) = (row("x"), row("y"));
        assert!(one.is_like(&two));
        let joined = Statement::joined(&[&one, &two]).unwrap();
        assert_eq!(
            joined.sql(),
            "insert into a (id, n) values ($1, $2), ($3, $4) on conflict do nothing"
        );
        assert_eq!(joined.values().len(), 4);

        let guard = Statement::new("select 1 from a where id = $1 and n = $2", row("x").values);
        let both = [Cow::Borrowed(&guard), Cow::Owned(guard.blank())];
        let asked = Statement::which_hold(&both);
        assert_eq!(
            asked.sql(),
            "select 0 where exists (select 1 from a where id = $1 and n = $2) union all \
             select 1 where exists (select 1 from a where id = $3 and n = $4)"
        );
        assert_eq!(asked.values(), ["x".into(), 1.into(), "".into(), 0.into()]);
    }

    #[test]
    fn a_guard_by_key_depends_on_rows_of_its_key_alone() {
        let row = |id: &str| Statement::insert("insert into a (id, n)", [id.into(), 1.into()], "");
        let guard = Statement::new("select 1 from a where id = $1 and n = $2", row("x").values);
        let (one, two) = (row("x"), row("y"));
        let mut written = Written::default();
        assert!(!written.may_decide(&guard));
        written.add(&two);
        assert!(written.may_decide(&guard) && !written.may_decide(&guard.clone().by_key()));
        assert!(written.has_key_of(&two) && !written.has_key_of(&one));
        written.add(&one);
        assert!(written.may_decide(&guard.by_key()));
        let anything = Statement::new("select 1 where not exists (select 1 from a)", []);
        assert!(written.may_decide(&anything));
    }
}
