//! An empty answer to a misspelt name would read like "nothing happened": a name that neither the ledger nor
//! the catalogue knows is an error that names the nearest one.

use std::collections::BTreeSet;

use super::{database::Statement, open::Store};
use crate::domain::{
    catalogue::Catalogue,
    event::EventFilter,
    failure::{Failure, Result, did_you_mean},
    principal::{Class, Principal},
};

impl Store {
    /// Checks the principal, the approver, the resource and the role of a filter that selected nothing.
    ///
    /// # Errors
    /// One of them occurs nowhere (usage).
    pub async fn refuse_unknown_names(
        &self,
        filter: &EventFilter,
        catalogue: &Catalogue,
    ) -> Result<()> {
        for who in [&filter.principal, &filter.by].into_iter().flatten() {
            self.refuse_unknown_principal(who).await?;
        }
        if let Some(name) = &filter.resource {
            let known = catalogue.resources.0.keys().map(ToString::to_string);
            self.refuse_unknown("resource", name, known.collect())
                .await?;
        }
        if let Some(name) = &filter.role {
            let resources = catalogue.resources.0.values();
            let known =
                resources.flat_map(|resource| resource.roles().map(|(role, _)| role.to_string()));
            self.refuse_unknown("role", name, known.collect()).await?;
        }
        Ok(())
    }

    async fn refuse_unknown_principal(&self, who: &Principal) -> Result<()> {
        let known = "select class, name from principals order by class, name";
        let rows = self.database.rows(&Statement::new(known, [])).await?;
        let mut known = BTreeSet::new();
        for row in rows {
            let class = [Class::Workload, Class::Agent];
            let class = class
                .iter()
                .find(|class| row.text(0).ok() == Some(class.as_str()));
            let name = row.text(1)?;
            known.insert(match class {
                Some(class) => format!("{}/{name}", class.as_str().to_lowercase()),
                None => name.to_owned(),
            });
        }
        if known.contains(&who.written()) || self.is_recorded(who).await? {
            return Ok(());
        }
        known.extend(self.recorded("principal").await?);
        Err(unknown("principal", &who.written(), &known))
    }

    /// `column` is a column of the ledger; the catalogue's names are known too.
    async fn refuse_unknown(
        &self,
        column: &'static str,
        name: &str,
        mut known: BTreeSet<String>,
    ) -> Result<()> {
        if known.contains(name) {
            return Ok(());
        }
        known.extend(self.recorded(column).await?);
        if known.contains(name) {
            return Ok(());
        }
        Err(unknown(column, name, &known))
    }

    /// Whether an event is about that principal, or was caused by it.
    async fn is_recorded(&self, who: &Principal) -> Result<bool> {
        let one = |filter| EventFilter {
            limit: Some(1),
            ..filter
        };
        let about = one(EventFilter {
            principal: Some(who.clone()),
            ..EventFilter::default()
        });
        let by = one(EventFilter {
            by: Some(who.clone()),
            ..EventFilter::default()
        });
        let (about, by) = (self.ledger().list(&about), self.ledger().list(&by));
        Ok(!about.await?.is_empty() || !by.await?.is_empty())
    }

    /// Every value of a column of the ledger.
    async fn recorded(&self, column: &'static str) -> Result<Vec<String>> {
        let select = match column {
            "principal" => "select distinct principal from events",
            "resource" => "select distinct resource from events where resource <> ''",
            _ => "select distinct role from events where role <> ''",
        };
        let rows = self.database.rows(&Statement::new(select, [])).await?;
        rows.iter()
            .map(|row| row.text(0).map(str::to_owned))
            .collect()
    }
}

fn unknown(what: &str, name: &str, known: &BTreeSet<String>) -> Failure {
    let near = did_you_mean(name, known.iter().map(String::as_str));
    Failure::usage(format!("the ledger has no {what} `{name}`")).hint(format!(
        "{near}\"jit audit\" without --{what} lists everything"
    ))
}
