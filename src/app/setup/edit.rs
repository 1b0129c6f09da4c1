//! One file as setup would leave it.

use std::path::PathBuf;

use similar::TextDiff;

use super::{block, veil::veiled};
use crate::{
    domain::failure::{Failure, Result},
    platform::{files, terminal},
};

/// A file, what it holds and what it is to hold; `None` where it is not there. The path is the one
/// that the tool uses; links are followed when the edit is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// The file.
    pub(super) file: PathBuf,
    /// Its text now.
    pub(super) before: Option<String>,
    /// Its text to be.
    pub(super) after: Option<String>,
}

impl Edit {
    /// What `change` makes of a file's text; nothing where it leaves it as it is.
    ///
    /// # Errors
    /// The file cannot be read or is not text; or what `change` says, behind the file's name.
    pub(super) fn of(
        file: PathBuf,
        change: impl FnOnce(Option<&str>) -> Result<Option<String>>,
    ) -> Result<Option<Self>> {
        let before = files::read_text(&file)?;
        let after = change(before.as_deref()).map_err(|failure| Failure {
            message: format!("{}: {}", file.display(), failure.message),
            ..failure
        })?;
        Ok((before != after).then_some(Self {
            file,
            before,
            after,
        }))
    }

    /// A file that is ours as a whole; `None` removes it.
    pub(super) fn whole(file: PathBuf, text: Option<String>) -> Result<Option<Self>> {
        Self::of(file, |_| Ok(text))
    }

    /// The file without the blocks of `kind`.
    pub(super) fn without_blocks(file: PathBuf, kind: &str) -> Result<Option<Self>> {
        Self::of(file, |text| {
            text.map_or(Ok(None), |text| block::take(text, kind))
        })
    }

    /// The unified diff, as `diff -u` writes it. Values that are secrets are not shown.
    pub(super) fn diff(&self) -> String {
        let shown = |text: &Option<String>| veiled(text.as_deref().unwrap_or_default());
        let (before, after) = (shown(&self.before), shown(&self.after));
        let name = self.file.display().to_string();
        let absent = "/dev/null";
        let old = if self.before.is_some() { &name } else { absent };
        let new = if self.after.is_some() { &name } else { absent };
        let text = TextDiff::from_lines(&before, &after)
            .unified_diff()
            .context_radius(2)
            .header(old, new)
            .to_string();
        let lines = text.lines().map(terminal::plain_line);
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diff_shows_what_changes_and_no_secret() {
        let edit = Edit {
            file: "/h/.kube/config".into(),
            before: Some("users:\n- name: a\n  user:\n    token: hunter2\n".to_owned()),
            after: Some("users:\n- name: b\n  user:\n    token: hunter2\n".to_owned()),
        };
        insta::assert_snapshot!(edit.diff(), @r"
        --- /h/.kube/config
        +++ /h/.kube/config
        @@ -1,4 +1,4 @@
         users:
        -- name: a
        +- name: b
           user:
             token: …
        ");
    }
}
