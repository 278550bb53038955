//! The servers' programs: built by cargo, or installed by npm.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bound,
    error::{BenchError, Context},
    target::Target,
};

/// The sources of the reference server of Socket.IO.
const NODE_SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/socketio-node");
/// What it needs of them, its program first.
const NODE_FILES: [&str; 3] = [NODE_PROGRAM, "package.json", "package-lock.json"];
/// Its program, in the folder that is called like the target.
pub(crate) const NODE_PROGRAM: &str = "server.mjs";
/// A copy of the lock file that npm has installed.
const INSTALLED: &str = "installed.json";

/// Builds the servers in release, in the target folder that this program came from, and says where
/// the programs are. `with_bound` is for durable channels.
pub(crate) fn servers(targets: &[Target], with_bound: bool, skip: bool) -> Result<PathBuf, BenchError> {
    let this = std::env::current_exe().context("find this program")?;
    let programs = this.parent().unwrap_or(Path::new(".")).to_owned();
    if skip {
        return Ok(programs);
    }
    let packages: Vec<_> = targets
        .iter()
        .filter_map(|target| package(*target))
        .chain(with_bound.then_some(bound::PACKAGE))
        .collect();
    if !packages.is_empty() {
        build(&packages, programs.parent().unwrap_or(&programs))?;
    }
    if targets.contains(&Target::SocketioNode) {
        install(&programs.join(Target::SocketioNode.name()))?;
    }
    Ok(programs)
}

/// The package of a server that is ours to compile.
const fn package(target: Target) -> Option<&'static str> {
    match target {
        Target::Veche => Some("veche-server"),
        Target::Lean => Some("veche-bench-lean"),
        Target::Bare => Some("veche-bench-bare"),
        Target::Socketioxide => Some("veche-bench-socketioxide"),
        Target::SocketioNode => None,
    }
}

fn build(packages: &[&str], folder: &Path) -> Result<(), BenchError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    cargo.arg("--target-dir").arg(folder);
    cargo.args(packages.iter().flat_map(|package| ["-p", package]));
    succeed(&mut cargo, "run cargo")
}

/// Copies the server into `folder` and has npm bring what its lock file names, unless it is there.
fn install(folder: &Path) -> Result<(), BenchError> {
    fs::create_dir_all(folder).context("make a folder for the server on Node")?;
    for file in NODE_FILES {
        fs::copy(Path::new(NODE_SOURCES).join(file), folder.join(file)).context(&format!("copy {file}"))?;
    }
    let read = |file| fs::read(folder.join(file));
    let lock = read("package-lock.json").context("read package-lock.json")?;
    if read(INSTALLED).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    succeed(&mut npm, "run npm")?;
    fs::write(folder.join(INSTALLED), lock).context("note what npm has installed")
}

fn succeed(command: &mut Command, what: &str) -> Result<(), BenchError> {
    if command.status().context(what)?.success() { Ok(()) } else { Err(BenchError::Build) }
}
