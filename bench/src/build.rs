//! The servers' programs: built by cargo or by go, or installed by npm. A peer that cannot be had here is left
//! out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bound,
    error::{BenchError, Context},
    target::{Contender, Target},
};

/// The sources of the peers.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
/// The package of Veche's program.
const SERVER: &str = "veche-server";
/// A copy of the lock file that npm has installed.
const INSTALLED: &str = "installed.json";
/// The program of `nats-server`, which is not called like the target.
pub(crate) const NATS_PROGRAM: &str = "nats-server";
/// The program that npm's `bun` brings for this machine. Its package would put it into its own folder by a
/// script, and scripts are not run.
pub(crate) const BUN_PROGRAM: &str = if cfg!(target_arch = "aarch64") {
    "bun/node_modules/@oven/bun-linux-aarch64/bin/bun"
} else {
    "bun/node_modules/@oven/bun-linux-x64/bin/bun"
};

/// A server that is a script and what npm brings for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// Its folder in the peers' sources, and in that of the programs.
    pub(crate) folder: &'static str,
    /// The file in it that is run.
    pub(crate) file: &'static str,
}

/// On npm `socket.io`.
pub(crate) const SOCKETIO_NODE: Script = Script { folder: "socketio-node", file: "server.mjs" };
/// On npm `ws`.
pub(crate) const WS: Script = Script { folder: "ws-node", file: "server.mjs" };
/// On npm `bun`.
pub(crate) const BUN: Script = Script { folder: "bun", file: "server.js" };

/// A program that cargo builds from its registry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    name: &'static str,
    version: &'static str,
    features: &'static str,
    /// Its folder among the programs, in which cargo notes what is there.
    folder: &'static str,
    /// The program, below the folder of all programs.
    pub(crate) program: &'static str,
}

/// On one node, without the transports to others.
pub(crate) const SOCKUDO: Package = Package {
    name: "sockudo",
    version: "5.2.0",
    features: "local",
    folder: "sockudo",
    program: "sockudo/bin/sockudo",
};

/// Where a server's program comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A package of this workspace.
    Cargo(&'static str),
    /// A package of cargo's registry.
    Registry(Package),
    /// A package of npm.
    Npm(Script),
    /// A module of Go at an exact version.
    Go(&'static str),
}

impl Source {
    /// The package that is built with this workspace's others.
    const fn package(self) -> Option<&'static str> {
        match self {
            Self::Cargo(package) => Some(package),
            Self::Registry(_) | Self::Npm(_) | Self::Go(_) => None,
        }
    }

    const fn of(target: Target) -> Self {
        match target {
            Target::Veche | Target::Retained => Self::Cargo(SERVER),
            Target::Lean => Self::Cargo("veche-bench-lean"),
            Target::Bare => Self::Cargo("veche-bench-bare"),
            Target::Axum => Self::Cargo("veche-bench-axum"),
            Target::Socketioxide => Self::Cargo("veche-bench-socketioxide"),
            Target::SocketioNode => Self::Npm(SOCKETIO_NODE),
            Target::Ws => Self::Npm(WS),
            Target::Bun => Self::Npm(BUN),
            Target::Sockudo => Self::Registry(SOCKUDO),
            Target::Nats => Self::Go("github.com/nats-io/nats-server/v2@v2.15.3"),
            Target::Centrifugo => Self::Go("github.com/centrifugal/centrifugo/v6@v6.9.1"),
        }
    }
}

/// Builds the contenders in release, in the target folder that this program came from, and says where
/// the programs are. `with_bound` is for durable channels. Peers that cannot be built are contenders no longer.
pub(crate) fn servers(
    contenders: &mut Vec<Contender>,
    with_bound: bool,
    skip: bool,
) -> Result<PathBuf, BenchError> {
    let this = std::env::current_exe().context("find this program")?;
    let programs = this.parent().unwrap_or(Path::new(".")).to_owned();
    if skip {
        return Ok(programs);
    }
    contenders.retain(|Contender { target, .. }| {
        let brought = bring(Source::of(*target), &programs);
        if let Err(error) = &brought {
            eprintln!("bench: {} is left out: {error}", target.name());
        }
        brought.is_ok()
    });
    if contenders.is_empty() {
        return Err(BenchError::Unfit("no server is left".to_owned()));
    }
    let mut packages: Vec<_> = contenders.iter().filter_map(|it| Source::of(it.target).package()).collect();
    packages.extend(with_bound.then_some(bound::PACKAGE));
    // The server by itself, as it is shipped: what is built together shares the features of what it depends on.
    let (server, peers): (Vec<_>, Vec<_>) = packages.into_iter().partition(|package| *package == SERVER);
    for packages in [server, peers] {
        if !packages.is_empty() {
            build(&packages, programs.parent().unwrap_or(&programs))?;
        }
    }
    Ok(programs)
}

/// Has what is not of this workspace built or installed, unless it is there.
fn bring(source: Source, programs: &Path) -> Result<(), BenchError> {
    match source {
        Source::Cargo(_) => Ok(()),
        Source::Registry(package) => take(package, programs),
        Source::Npm(script) => install(script, programs),
        Source::Go(module) => fetch(module, programs),
    }
}

fn build(packages: &[&str], folder: &Path) -> Result<(), BenchError> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    cargo.arg("--target-dir").arg(folder);
    cargo.args(packages.iter().flat_map(|package| ["-p", package]));
    succeed(&mut cargo, "run cargo")
}

/// Has cargo build a package's program, optimized as a whole, for which a package brings no profile of its own; it
/// does so only once for each version.
fn take(package: Package, programs: &Path) -> Result<(), BenchError> {
    let Package { name, version, features, folder, .. } = package;
    let mut cargo = cargo();
    cargo.args(["install", "--locked", name, "--version", version]);
    cargo.args(["--no-default-features", "--features", features]);
    cargo.args(["--config", "profile.release.lto=true", "--config", "profile.release.codegen-units=1"]);
    cargo.arg("--root").arg(programs.join(folder));
    succeed(&mut cargo, "run cargo")
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Copies the server to the programs and has npm bring what its lock file names, unless it is there.
fn install(Script { folder, file }: Script, programs: &Path) -> Result<(), BenchError> {
    let (sources, folder) = (Path::new(PEERS).join(folder), programs.join(folder));
    fs::create_dir_all(&folder).context("make a folder for a script")?;
    for file in [file, "package.json", "package-lock.json"] {
        fs::copy(sources.join(file), folder.join(file)).context(&format!("copy {file}"))?;
    }
    let read = |file| fs::read(folder.join(file));
    let lock = read("package-lock.json").context("read package-lock.json")?;
    if read(INSTALLED).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
    succeed(&mut npm, "run npm")?;
    fs::write(folder.join(INSTALLED), lock).context("note what npm has installed")
}

/// Has go build a module's program; it does so only once for each version.
fn fetch(module: &str, programs: &Path) -> Result<(), BenchError> {
    succeed(Command::new("go").args(["install", module]).env("GOBIN", programs), "run go")
}

fn succeed(command: &mut Command, what: &str) -> Result<(), BenchError> {
    let status = command.status().context(what)?;
    if status.success() { Ok(()) } else { Err(BenchError::Build(status)) }
}
