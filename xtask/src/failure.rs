//! Why a command of xtask could not do its work.

use std::io;

/// The one error type of xtask. Each variant reads as a line for a person at a terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    #[error("unknown command\n{0}")]
    Usage(&'static str),
    /// A filter of `test` names neither a step nor a group.
    #[error("no step or group is called `{0}`; `cargo xtask test --list` names them")]
    UnknownStep(String),
    /// A program could not be started or waited for.
    #[error("failed to run `{command}`: {source}")]
    Start {
        /// The command line as a person would type it.
        command: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("`{command}` ended with {status}{output}")]
    Ended {
        /// The command line as a person would type it.
        command: String,
        /// The exit status in words.
        status: String,
        /// The end of what it wrote, on lines of its own; empty if that went to the terminal.
        output: String,
    },
    /// A program took longer than its step allows.
    #[error("`{command}` did not end within {seconds} s{output}")]
    TooSlow {
        /// The command line as a person would type it.
        command: String,
        /// The bound.
        seconds: u64,
        /// The end of what it wrote.
        output: String,
    },
    /// Something that xtask cannot install by itself is not there.
    #[error("{what} is needed: {remedy}")]
    Missing {
        /// The program or package.
        what: &'static str,
        /// How a person gets it.
        remedy: String,
    },
    /// What a tool reported is not what the step demands.
    #[error("{0}")]
    Unmet(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
}
