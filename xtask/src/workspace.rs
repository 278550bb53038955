//! Where things are: the repository, the build's output, the tools.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::failure::Failure;

/// The repository's folders.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The repository that this program was built from, and the target folder that it was built into.
    pub(crate) fn of_this_program() -> Result<Self, Failure> {
        let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().ok_or_else(|| misplaced("xtask's manifest"))?.to_path_buf();
        let program = env::current_exe()
            .map_err(|source| Failure::File { path: "the path of xtask".into(), source })?;
        // `<target>/debug/xtask`: true whatever environment or configuration names the target folder.
        let target = program.ancestors().nth(2).ok_or_else(|| misplaced("xtask's program"))?.to_path_buf();
        Ok(Self { root, target })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the repository's root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path below the target folder.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }

    /// Cargo, as this program was started by it, in the repository's root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// An empty folder for one step's logs and data, below the target folder.
    pub(crate) fn scratch(&self, step: &str) -> Result<PathBuf, Failure> {
        let path = self.target("xtask").join(step);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|source| file(&path, source))?;
        }
        fs::create_dir_all(&path).map_err(|source| file(&path, source))?;
        Ok(path)
    }
}

/// An I/O error with the path that it is about.
pub(crate) fn file(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { path: path.display().to_string(), source }
}

fn misplaced(what: &str) -> Failure {
    Failure::Unmet(format!("{what} lies outside of a workspace"))
}
