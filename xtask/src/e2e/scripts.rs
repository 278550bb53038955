//! Scripts of Node that drive a server, one after the other.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    failure::Failure,
    process::{Output, Running},
    test::node,
    workspace::file,
};

/// How long one script may take.
const SCRIPT: Duration = Duration::from_mins(5);

/// The scripts of a folder but the one that they share, in the order of their names; a step without one would prove
/// nothing.
pub(super) fn scripts(folder: &Path, shared: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|source| file(folder, source))?;
    let mut scripts: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "mjs"))
        .filter(|path| path.file_name().is_some_and(|name| name != shared))
        .collect();
    scripts.sort();
    if scripts.is_empty() {
        return Err(Failure::Unmet(format!("{} has no script", folder.display())));
    }
    Ok(scripts)
}

/// Runs each script with what `prepare` gives it, and tells of all that failed: what one breaks, another may too.
pub(super) fn run_all(
    scripts: &[PathBuf],
    scratch: &Path,
    mut prepare: impl FnMut(&mut Command) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for script in scripts {
        let name = script.file_stem().unwrap_or_default().to_string_lossy();
        let mut command = node();
        command.arg(script);
        prepare(&mut command)?;
        let log = scratch.join(format!("{name}.log"));
        let outcome = Running::start(&mut command, log, Output::Logged)?.finish(SCRIPT);
        failures.extend(outcome.err().map(|failure| failure.to_string()));
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::Unmet(failures.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::scripts;

    #[test]
    fn every_script_but_the_shared_one_runs() {
        let folder = env::temp_dir().join(format!("xtask-scripts-{}", process::id()));
        fs::create_dir_all(&folder).expect("the system's temporary folder is writable");
        fs::write(folder.join("kit.mjs"), "").expect("the folder is ours");
        assert!(scripts(&folder, "kit.mjs").is_err());
        for name in ["b.mjs", "a.mjs", "notes.md"] {
            fs::write(folder.join(name), "").expect("the folder is ours");
        }
        let found = scripts(&folder, "kit.mjs").expect("there are two");
        assert_eq!(found, [folder.join("a.mjs"), folder.join("b.mjs")]);
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
