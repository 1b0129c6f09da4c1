//! Statements on SQLite.

use sqlx::{
    Executor, Row as _, Sqlite,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    broken::broken,
    statement::{Row, Statement, Value},
};
use crate::domain::failure::Result;

pub(super) async fn rows<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    statement: &Statement,
) -> Result<Vec<Row>> {
    let rows = query(statement).fetch_all(on).await;
    let rows = rows.map_err(|error| broken("read", &error))?;
    rows.iter().map(row).collect()
}

pub(super) async fn run<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    statement: &Statement,
) -> Result<u64> {
    let ran = query(statement).execute(on).await;
    ran.map(|done| done.rows_affected())
        .map_err(|error| broken("written", &error))
}

fn query(statement: &Statement) -> Query<'static, Sqlite, SqliteArguments> {
    let query = sqlx::query(statement.text());
    let values = statement.values().iter();
    values.fold(query, |query, value| match value {
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
    })
}

fn row(row: &SqliteRow) -> Result<Row> {
    let values = (0..row.len()).map(|at| {
        let number = row.try_get::<i64, _>(at).map(Value::Int);
        number.or_else(|_| row.try_get::<String, _>(at).map(Value::Text))
    });
    let values: sqlx::Result<Vec<Value>> = values.collect();
    values.map(Row).map_err(|error| broken("read", &error))
}
