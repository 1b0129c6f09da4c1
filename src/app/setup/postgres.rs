//! `jit setup postgres`: a service file of our own, which `PGSERVICEFILE` names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    edit::Edit,
    ground::{Ground, Plan},
};
use crate::{
    app::kept,
    domain::failure::Result,
    platform::files,
    tools::postgres::services::{self, Origin},
};

/// The service file with an entry for each role, and the user's own services behind them.
pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan> {
    let file = services::file(&ground.session.places);
    let made = kept::compose(
        ground.session,
        &ground.catalogue,
        yours(ground, &file)?.as_deref(),
    )?;
    let mut notes = made.notes;
    if let Some(strange) = strange(&file, ground)? {
        notes.push(strange);
    }
    notes.push(format!(
        "psql and its kin find these services by \"jit exec\" and the wrappers of \"jit setup shell\"; for any other program of libpq set PGSERVICEFILE={}",
        file.display()
    ));
    notes.push("\"jit request postgres/NAME:ROLE\" makes psql service=NAME:ROLE work, and any program of libpq, while the grant lives".to_owned());
    let edit = Edit::whole(file, Some(made.text))?;
    // They are about what changes, and were read when it did.
    if edit.is_none() {
        notes.clear();
    }
    Ok(Plan {
        edits: edit.into_iter().collect(),
        notes,
    })
}

/// Without it.
pub(super) fn undo(ground: &Ground<'_>) -> Result<Plan> {
    let file = services::file(&ground.session.places);
    let edit = Edit::whole(file, None)?;
    let open = "where you set PGSERVICEFILE to it, unset that";
    Ok(Plan {
        notes: edit.iter().map(|_| open.to_owned()).collect(),
        edits: edit.into_iter().collect(),
    })
}

/// The user's own file, as libpq finds it: what `PGSERVICEFILE` names, unless that is ours already;
/// then the one that was there before, or `~/.pg_service.conf`.
fn yours(ground: &Ground<'_>, file: &Path) -> Result<Option<PathBuf>> {
    let environment = ground.environment();
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_ours = |path: &Path| real(path) == real(file);
    let named = environment.value("PGSERVICEFILE");
    let named = named.map(|path| environment.directory.join(path));
    let before = origin(file)?.and_then(|origin| origin.yours);
    let usual = environment.in_home(".pg_service.conf");
    let all = [named, before, usual];
    Ok(all.into_iter().flatten().find(|path| !is_ours(path)))
}

fn origin(file: &Path) -> Result<Option<Origin>> {
    let text = files::read_text(file)?;
    Ok(text.and_then(|text| services::origin(&text)))
}

/// That the file was made from another configuration, where it was.
fn strange(file: &Path, ground: &Ground<'_>) -> Result<Option<String>> {
    let configuration = &ground.session.places.configuration;
    let other = origin(file)?.filter(|origin| origin.configuration != *configuration);
    Ok(other.map(|origin| {
        format!(
            "the services of {} give way to those of {}",
            origin.configuration.display(),
            configuration.display()
        )
    }))
}
