//! SQL with its values: the same text for SQLite and PostgreSQL, which both take `$1`, `returning` and
//! `on conflict`.

use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _, iter};

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

pub use super::row::{Row, Value};

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
        self.values.iter().map(Value::size).sum()
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

    /// The numbers of those guards that find a row. Those of a kind are of one text, which is asked of each
    /// row of their values; rows of nothing fill them up to a power of two, so that the database prepares
    /// few statements, and are numbered -1.
    pub(super) fn which_hold(kinds: &[&[(i64, &Self)]]) -> Self {
        let mut values = Vec::new();
        let kinds = kinds.iter().enumerate();
        let kinds =
            kinds.filter_map(|(place, kind)| asking(&format!("asked{place}"), kind, &mut values));
        let (asked, found): (Vec<String>, Vec<String>) = kinds.unzip();
        let (asked, found) = (asked.join(", "), found.join(" union all "));
        Self::assembled(format!("with {asked} {found}"), values)
    }

    /// Statements one behind the other as one text, with all their values.
    pub(super) fn chained(all: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for one in all {
            if !sql.is_empty() {
                sql.push_str(between);
            }
            let before = values.len();
            sql.push_str(&renamed(&one.sql(), |at| format!("${}", before + at)));
            values.extend(one.values);
        }
        Self::assembled(sql, values)
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

/// The rows of a kind's values under that name, and the `select` that asks the guard of each; nothing where
/// there is no guard.
fn asking(
    name: &str,
    kind: &[(i64, &Statement)],
    values: &mut Vec<Value>,
) -> Option<(String, String)> {
    let (_, first) = kind.first()?;
    let nothing: Vec<Value> = first.values.iter().map(Value::blank).collect();
    let (before, rows, columns) = (
        values.len(),
        kind.len().next_power_of_two(),
        1 + nothing.len(),
    );
    let numbered = kind.iter().map(|(number, guard)| (*number, &guard.values));
    for (number, own) in numbered.chain(iter::repeat((-1, &nothing))).take(rows) {
        values.push(number.into());
        values.extend(own.iter().cloned());
    }
    let mut names = "number".to_owned();
    for column in 1..columns {
        let _ = write!(names, ", a{column}");
    }
    let rows = tuples(before, columns, rows);
    let guard = renamed(&first.sql(), |at| format!("{name}.a{at}"));
    Some((
        format!("{name} ({names}) as (values {rows})"),
        format!("select number from {name} where exists ({guard})"),
    ))
}

fn inserting(into: &str, then: &str, columns: usize, rows: usize) -> String {
    format!("{into} values {} {then}", tuples(0, columns, rows))
}

/// `($1, $2), ($3, $4)`: so many rows, whose values stand behind so many others.
fn tuples(before: usize, columns: usize, rows: usize) -> String {
    let mut tuples = String::new();
    for row in 0..rows {
        tuples.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let between = if column == 0 { "" } else { ", " };
            let at = before + row * columns + column + 1;
            let _ = write!(tuples, "{between}${at}");
        }
        tuples.push(')');
    }
    tuples
}

/// The text with another name for each `$N`.
fn renamed(sql: &str, name: impl Fn(usize) -> String) -> String {
    let mut parts = sql.split('$');
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = part.split_at(end.unwrap_or(part.len()));
        renamed.push_str(&name(number.parse().unwrap_or(0)));
        renamed.push_str(rest);
    }
    renamed
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
        let other = Statement::new("select 1 from b where id = $1", ["y".into()]);
        let kind = [(0, &guard), (1, &guard), (2, &guard)];
        let asked = Statement::which_hold(&[&kind, &[(3, &other)]]);
        assert_eq!(
            asked.sql(),
            "with asked0 (number, a1, a2) as (values ($1, $2, $3), ($4, $5, $6), ($7, $8, $9), ($10, $11, $12)), \
             asked1 (number, a1) as (values ($13, $14)) \
             select number from asked0 where exists (select 1 from a where id = asked0.a1 and n = asked0.a2) \
             union all select number from asked1 where exists (select 1 from b where id = asked1.a1)"
        );
        let end = [(-1).into(), "".into(), 0.into(), 3.into(), "y".into()];
        assert_eq!(asked.values()[9..], end);
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
