//! The sources in their order: file, environment, `--set`, flags; a later one wins, key by key.

use std::{
    io,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::{
    error::{ConfigError, Problem},
    model::Config,
    reader,
    tree::{HIDDEN, Key, Origin, Tree, dotted},
};

/// The file that is read, if it is there, when `--config` names none.
pub const DEFAULT_FILE: &str = "veche.toml";

/// Begins the variables that set a key.
const PREFIX: &str = "VECHE_";

/// The environment's variables, as text.
pub type Environment = Vec<(String, String)>;

/// What the command line says of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`: must exist.
    pub file: Option<PathBuf>,
    /// `--set key=value`, in order.
    pub set: Vec<String>,
    /// Flags with a key of their own: the flag, the key, the value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

/// The configuration of this process: its environment, and `./veche.toml` unless a file is named.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    // A variable that is no UTF-8 cannot be one of ours unless its value is broken: then it is refused below.
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    load_from(overrides, environment, Path::new(DEFAULT_FILE))
}

/// The configuration from sources that are all given.
pub fn load_from(
    overrides: &Overrides,
    environment: Environment,
    default_file: &Path,
) -> Result<Config, ConfigError> {
    let mut tree = Tree::default();
    let mut problems = Vec::new();
    read_file(&mut tree, overrides.file.as_deref(), default_file)?;
    read_environment(&mut tree, environment);
    for text in &overrides.set {
        problems.extend(read_set(&mut tree, text).err());
    }
    for (flag, key, value) in &overrides.flags {
        let key: Key = key.split('.').map(str::to_owned).collect();
        tree.set_raw(key, value, Origin::Flag(flag));
    }
    let config = reader::read(tree, &mut problems);
    ConfigError::check(problems)?;
    Ok(config)
}

fn read_file(tree: &mut Tree, named: Option<&Path>, default: &Path) -> Result<(), Problem> {
    let path = named.unwrap_or(default);
    match std::fs::read_to_string(path) {
        Ok(text) => tree.read_document(&text, path),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Problem::File { path: path.to_owned(), source }),
    }
}

/// `PORT` and `HOST` (as platforms set them; empty is unset), then `VECHE_SECTION__KEY`, which is more precise.
fn read_environment(tree: &mut Tree, mut environment: Environment) {
    environment.sort();
    for (name, value) in &environment {
        let key = match name.as_str() {
            "PORT" => "port",
            "HOST" => "host",
            _ => continue,
        };
        if !value.is_empty() {
            tree.set_raw(vec!["server".into(), key.into()], value, Origin::Environment(name.clone()));
        }
    }
    for (name, value) in environment {
        if let Some(key) = name.strip_prefix(PREFIX) {
            let key: Key = key.to_lowercase().split("__").map(str::to_owned).collect();
            // Lists and tables are written as in TOML; all else is the text itself, quotes and all.
            if value.starts_with(['[', '{']) && !HIDDEN.contains(&dotted(&key).as_str()) {
                tree.set_text(key, &value, Origin::Environment(name));
            } else {
                tree.set_raw(key, &value, Origin::Environment(name));
            }
        }
    }
}

fn read_set(tree: &mut Tree, text: &str) -> Result<(), Problem> {
    let wrong = |message: &str| Problem::Syntax {
        origin: Origin::Set(text.split('=').next().unwrap_or_default().trim().to_owned()),
        message: message.to_owned(),
    };
    let (key, value) = split_assignment(text)
        .ok_or_else(|| wrong("expected key=value, such as limits.messages_per_minute=5"))?;
    let segments = key_segments(key).ok_or_else(|| wrong("the key is not a dotted TOML key"))?;
    tree.set_text(segments, value.trim(), Origin::Set(key.to_owned()));
    Ok(())
}

/// At the first `=` outside quotes: a namespace's name may have one.
fn split_assignment(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let place = text.find(|c| {
        quoted ^= c == '"';
        c == '=' && !quoted
    })?;
    Some((text[..place].trim(), &text[place + 1..]))
}

fn key_segments(key: &str) -> Option<Key> {
    if key.is_empty() || key.contains(['\n', '\r']) {
        return None;
    }
    let document = format!("{key} = 0");
    let document = DeTable::parse(&document).ok()?;
    let mut segments = Vec::new();
    let mut table = document.get_ref();
    loop {
        let (name, value) = table.iter().next()?;
        segments.push(name.get_ref().to_string());
        match value.get_ref().as_table() {
            Some(inner) => table = inner,
            None => return Some(segments),
        }
    }
}
