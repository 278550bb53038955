//! The configuration: typed keys with documented defaults, merged from flags, `--set`, the environment and a file.
//!
//! `assets/default.toml` is the document of every key; a test holds it against the types.

mod api;
mod error;
mod layers;
mod model;
mod namespaces;
mod people;
mod reader;
mod socket_io;
mod tree;
mod units;

pub use api::Api;
pub use error::{ConfigError, Problem};
pub use layers::{DEFAULT_FILE, Environment, Overrides, load, load_from};
pub use model::{Auth, Config, Host, Log, LogFormat, Secret, Server};
pub use people::{Accounts, Mail, People};
pub use socket_io::SocketIo;
pub use tree::Origin;
pub use units::duration;

/// The documented default, as `veche config` prints it.
pub const DOCUMENT: &str = include_str!("../../assets/default.toml");
