//! `policies/*.cedar`: who may have what. Read only where a decision is made.

use std::{
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    domain::{
        environment::Places,
        failure::{Failure, Result},
    },
    platform::files,
};

/// The directory of policies, below the configuration.
pub const DIRECTORY: &str = "policies";

/// The policy files, sorted by name: what each is called in messages (`policies/NAME.cedar`), and its
/// text. None where there is no such directory. Hidden files (an editor's) are passed over.
///
/// # Errors
/// A file or the directory can be written by others, or cannot be read.
pub fn load(places: &Places) -> Result<Vec<(String, String)>> {
    let directory = places.configuration.join(DIRECTORY);
    let mut paths = list(&directory)?;
    paths.sort_unstable();
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(text) = files::read_trusted(&path)? {
            all.push((format!("{DIRECTORY}/{file}"), text));
        }
    }
    Ok(all)
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error| {
        Failure::failed(format!("{} cannot be read", directory.display()))
            .because(&error)
            .hint("check the directory and its permissions")
    };
    match fs::metadata(directory) {
        Ok(metadata) => files::refuse_foreign(directory, &metadata)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if path.extension() == Some(OsStr::new("cedar")) && !is_hidden {
            paths.push(path);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn places(directory: &Path) -> Places {
        let directory = directory.to_owned();
        Places {
            configuration: directory.clone(),
            state: directory.clone(),
            cache: directory.clone(),
            runtime: directory,
            job: None,
        }
    }

    #[test]
    fn files_come_in_order_and_others_writing_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let places = places(home.path());
        assert!(
            load(&places).unwrap().is_empty(),
            "no directory is no policy"
        );
        let directory = home.path().join(DIRECTORY);
        files::private_directory(&directory).unwrap();
        for name in ["b.cedar", "a.cedar", ".a.cedar.swp", ".#x.cedar", "README"] {
            files::write_private(&directory.join(name), name.as_bytes()).unwrap();
        }
        let names: Vec<String> = load(&places)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["policies/a.cedar", "policies/b.cedar"]);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let failure = load(&places).unwrap_err();
        assert_eq!(
            failure.hint,
            format!("run: chmod go-w '{}'", directory.display())
        );
    }
}
