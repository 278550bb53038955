//! Why a configuration is refused. Every problem names its key and where it was written.

use std::{fmt, io, path::PathBuf};

use super::tree::Origin;

/// The configuration cannot be used: all that is wrong with it, in one go.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// What is wrong, at least one thing.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file that `--config` names, or `./veche.toml`, cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file, or the value of `--set`, is not TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// Where it was written.
        origin: Origin,
        /// What the parser said.
        message: String,
    },
    /// No such key.
    #[error("{origin}: unknown key `{key}`{}", hint(.suggestion.as_deref()))]
    UnknownKey {
        /// The key, with dots.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// The key that was meant, perhaps.
        suggestion: Option<String>,
    },
    /// The key exists, but not with this value.
    #[error("{origin}: `{key}` cannot be {value}: expected {expected}")]
    Value {
        /// The key, with dots.
        key: String,
        /// The value as written; hidden when it is a secret.
        value: String,
        /// What it may be.
        expected: String,
        /// Where it was written.
        origin: Origin,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}
