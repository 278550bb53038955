//! What the end-to-end steps need, installed where it is missing: nothing outside of the repository, but for
//! Debian packages where the user is root.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{failure::Failure, process, workspace::Workspace, workspace::file};

/// The oldest Node that the pinned tools run on.
const NODE_MAJOR: u32 = 20;

/// The npm tools of `tools/package.json`; returns the folder of their programs.
pub(crate) fn npm_tools(workspace: &Workspace) -> Result<PathBuf, Failure> {
    node()?;
    let tools = workspace.path("tools");
    once(&tools.join("node_modules/.installed"), &tools.join("package-lock.json"), || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&tools);
        process::capture(&mut npm).map(drop)
    })?;
    Ok(tools.join("node_modules/.bin"))
}

/// The Python tools of `tools/<name>.txt` in a virtual environment of their own; returns the folder of their
/// programs.
pub(crate) fn python_tools(workspace: &Workspace, name: &str) -> Result<PathBuf, Failure> {
    let environment = workspace.target(&format!("tools/{name}"));
    let programs = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let requirements = workspace.path(&format!("tools/{name}.txt"));
    once(&environment.join("installed"), &requirements, || {
        virtual_environment(&environment)?;
        let mut pip = Command::new(programs.join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"])
            .arg("--requirement")
            .arg(&requirements);
        process::capture(&mut pip).map(drop)
    })?;
    Ok(programs)
}

/// Headless Chromium: `CHROMIUM` if it is set, else what the system has, else Debian's package.
pub(crate) fn chromium() -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    if let Some(path) = chromium_of_the_system() {
        return Ok(path);
    }
    apt_install("chromium", &["chromium"])?;
    chromium_of_the_system().ok_or_else(|| missing("chromium", "its package brought no program"))
}

/// The program `openssl`, which makes the certificate of a test.
pub(crate) fn openssl() -> Result<(), Failure> {
    if on_path("openssl").is_some() { Ok(()) } else { apt_install("openssl", &["openssl"]) }
}

fn chromium_of_the_system() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(on_path)
}

fn virtual_environment(environment: &Path) -> Result<(), Failure> {
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(environment);
    if process::succeeds(&mut create) {
        return Ok(());
    }
    // Debian ships the module in a package of its own.
    apt_install("python3 with its venv module", &["python3", "python3-venv"])?;
    process::capture(&mut create).map(drop)
}

/// Node.js with npm, recent enough.
pub(crate) fn node() -> Result<(), Failure> {
    if on_path("node").is_none() || on_path("npm").is_none() {
        apt_install("Node.js with npm", &["nodejs", "npm"])?;
    }
    let version = process::capture(Command::new("node").arg("--version"))?;
    if major(&version).is_some_and(|major| major >= NODE_MAJOR) {
        return Ok(());
    }
    Err(missing("Node.js", &format!("version {NODE_MAJOR} or later; `node` is {}", version.trim())))
}

/// The first number of `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Installs Debian packages, or says how a person does it.
fn apt_install(what: &'static str, packages: &[&str]) -> Result<(), Failure> {
    let remedy = format!("install it, on Debian by `apt-get install {}`", packages.join(" "));
    if on_path("apt-get").is_none() || !is_root() {
        return Err(missing(what, &remedy));
    }
    eprintln!("xtask: installing {} by apt-get", packages.join(" "));
    process::capture(Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages);
    process::capture(install.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}

fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// A program's path by the `PATH` variable.
fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Runs `install` unless it ran before with the same `list`; `stamp` remembers that.
pub(crate) fn once(
    stamp: &Path,
    list: &Path,
    install: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let wanted = fs::read(list).map_err(|source| file(list, source))?;
    if fs::read(stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(stamp, wanted).map_err(|source| file(stamp, source))
}

fn missing(what: &'static str, remedy: &str) -> Failure {
    Failure::Missing { what, remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, env, fs, process};

    use super::{major, once};

    #[test]
    fn a_list_is_installed_again_only_when_it_changed() {
        let folder = env::temp_dir().join(format!("xtask-once-{}", process::id()));
        fs::create_dir_all(&folder).expect("the system's temporary folder is writable");
        let (stamp, list) = (folder.join("stamp"), folder.join("list"));
        let runs = Cell::new(0);
        let run = || {
            runs.set(runs.get() + 1);
            Ok(())
        };
        let install = || once(&stamp, &list, run).expect("the files are ours");
        fs::write(&list, "one").expect("the folder is ours");
        install();
        install();
        assert_eq!(runs.get(), 1);
        fs::write(&list, "two").expect("the folder is ours");
        install();
        assert_eq!(runs.get(), 2);
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn nodes_version_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("none"), None);
    }
}
