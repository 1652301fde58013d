//! What has already passed for a commit, so that a long run can be taken up again.

use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::{Shell, cmd};

/// The folder of the steps that passed for the present commit.
pub(crate) struct Stamps {
    folder: Option<PathBuf>,
}

impl Stamps {
    /// Remembers steps of the commit that is checked out, if nothing differs from it: only then
    /// does a step that passed say something about the next run.
    pub(crate) fn of_commit(sh: &Shell, target: &Path) -> Result<Self> {
        let changes = cmd!(sh, "git status --porcelain").quiet().read()?;
        let commit = cmd!(sh, "git rev-parse HEAD").quiet().read()?;
        let folder = target.join("xtask").join(commit);
        Ok(Self {
            folder: changes.is_empty().then_some(folder),
        })
    }

    /// Whether `step` has passed before.
    pub(crate) fn contains(&self, step: &str) -> bool {
        self.folder
            .as_ref()
            .is_some_and(|folder| folder.join(step).exists())
    }

    /// Remembers that `step` passed.
    pub(crate) fn add(&self, sh: &Shell, step: &str) -> Result<()> {
        if let Some(folder) = &self.folder {
            sh.write_file(folder.join(step), "")?;
        }
        Ok(())
    }
}
