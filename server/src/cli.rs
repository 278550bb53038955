//! The command line. What it says of the configuration becomes [`Overrides`].

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use veche::{
    Right,
    api::{KeyId, Scope},
};

use crate::{
    config::{self, Overrides},
    control::Whose,
    token::{Grant, Wanted},
};

/// Veche: one server where every client meets in the same channels.
#[derive(Debug, Parser)]
#[command(name = "veche", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:
  veche serve --demo                           try it at http://localhost:3000
  veche serve --host 0.0.0.0 --port 8080       for others; needs VECHE_AUTH__HS256_SECRET
  veche token --sub ann --ttl 8h               a token for the user `ann`
  veche key create --name web --scope publish  a key for a back end
  veche config > veche.toml                    a file to change

Read more with `veche serve --help`.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `veche` does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Serve),
    /// Print a token for a user
    Token(Token),
    /// End every session of a user, or of one token, and refuse what was issued so far
    Revoke(Revoke),
    /// Make, list and revoke the keys of back ends
    #[command(subcommand)]
    Key(KeyCommand),
    /// Copy the database of durable channels, or put a copy in its place
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print every key of the configuration with its default, as a TOML file
    Config,
}

/// `veche serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veche serve --demo
  veche serve --port 8080 --data /var/lib/veche
  veche serve --set limits.messages_per_minute=600 --set 'namespaces.room={class=\"memory\", subscribe=\"users\"}'
  HOST=0.0.0.0 VECHE_AUTH__HS256_SECRET=… veche serve --config /etc/veche.toml

A value is taken from the flag, then from --set, the environment, the file, the default.
`veche config` prints every key.")]
pub struct Serve {
    /// Listen here: `localhost` (127.0.0.1 and ::1) or an IP address; 0.0.0.0 is all [default: localhost]
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Listen on this TCP port; 0 lets the system choose [default: 3000]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Let anybody try it: guests without a token, channels without a namespace (`test`), the page /_try
    #[arg(long)]
    pub demo: bool,
    /// The rest of the configuration.
    #[command(flatten)]
    pub sources: Sources,
}

/// `veche token`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veche token --sub ann
  veche token --sub ann --ttl 30d --data /var/lib/veche
  veche token --sub ann --channels 'news:*=subscribe,history' --channels chat:42=publish
  veche token --sub ann --json                 with the token's id, by which it can be revoked
  wscat -c ws://localhost:3000/realtime/ws -H \"Authorization: Bearer $(veche token --sub ann)\"

The secret is the server's: --secret, auth.hs256_secret, or hs256.secret in the data folder
(made if it is missing, as the server does).")]
pub struct Token {
    /// The user's id
    #[arg(long, value_name = "USER", allow_hyphen_values = true)]
    pub sub: String,
    /// How long it holds, such as 90s, 15m, 1h, 30d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = ttl)]
    pub ttl: Duration,
    /// Rights beyond the rules, in one channel or in all that begin so; may be given often
    #[arg(long, value_name = "PATTERN=RIGHTS", value_parser = grant)]
    pub channels: Vec<Grant>,
    /// The token's own id, by which it can be revoked [default: a random one]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub id: Option<String>,
    /// Print the token, its id and its end as JSON
    #[arg(long)]
    pub json: bool,
    /// Sign with this secret (others of this machine can see it; prefer the environment)
    #[arg(long, value_name = "S")]
    pub secret: Option<String>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: Sources,
}

/// `veche revoke`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veche revoke --user ann
  veche revoke --token laptop-7 --data /var/lib/veche

The server that runs on the data folder is told, and acts at once; where none runs, the next one knows it.
What is issued to the user afterwards is good.")]
pub struct Revoke {
    /// All credentials of this user that were issued so far
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "token",
        conflicts_with = "token",
        allow_hyphen_values = true
    )]
    pub user: Option<String>,
    /// The token of this id (`jti`)
    // One of 64 random ids begins with a hyphen.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub token: Option<String>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: Sources,
}

impl Revoke {
    /// Whose credentials they are.
    pub fn whose(&self) -> Option<Whose> {
        let user = self.user.clone().map(Whose::User);
        user.or_else(|| self.token.clone().map(Whose::Token))
    }
}

/// `veche store`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy the database into a new file, while the server runs or not
    Backup(StoreFile),
    /// Put a backup in the database's place; the server must be stopped, and clients load everything anew
    Restore(StoreFile),
}

/// `veche key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, this once
    Create(KeyCreate),
    /// Show the keys, without their secrets
    List(KeyList),
    /// Revoke a key; a running server heeds it within a second
    Revoke(KeyRevoke),
}

/// `veche key create`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veche key create --name web --scope publish:news:* --scope publish:user:*
  veche key create --name monitor --scope info --scope channels --ttl 90d

The rights are publish, presence, history, subscribe and channels, each in every channel or, as
`publish:news:*`, in those of one namespace; and disconnect, revoke, info and keys.")]
pub struct KeyCreate {
    /// What people call it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What it may do; may be given often
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub scopes: Vec<Scope>,
    /// How long it holds, such as 8h, 90d [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    pub ttl: Option<Duration>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: Sources,
}

/// `veche key list`
#[derive(Debug, Args)]
pub struct KeyList {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: Sources,
}

/// `veche key revoke`
#[derive(Debug, Args)]
pub struct KeyRevoke {
    /// The key's id, as `veche key list` shows it
    #[arg(value_name = "ID")]
    pub id: KeyId,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: Sources,
}

/// A file, and whose database it is about.
#[derive(Debug, Args)]
pub struct StoreFile {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: Sources,
}

/// The flags that the commands share.
#[derive(Debug, Args)]
pub struct Sources {
    /// The folder of what the server keeps [default: ./veche-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Read this configuration file [default: ./veche.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key of the configuration; may be given often
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Serve {
    /// What the flags say of the configuration.
    pub fn overrides(&self) -> Overrides {
        let mut overrides = self.sources.overrides();
        overrides.flags.extend(self.host.as_ref().map(|host| ("--host", "server.host", host.clone())));
        overrides.flags.extend(self.port.map(|port| ("--port", "server.port", port.to_string())));
        overrides
    }
}

impl Token {
    /// What the flags say of the configuration.
    pub fn overrides(&self) -> Overrides {
        let mut overrides = self.sources.overrides();
        let secret = self.secret.as_ref();
        overrides.flags.extend(secret.map(|secret| ("--secret", "auth.hs256_secret", secret.clone())));
        overrides
    }

    /// What the token is to say.
    pub fn wanted(&self) -> Wanted {
        let (sub, id, grants) = (self.sub.clone(), self.id.clone(), self.channels.clone());
        Wanted { sub, ttl: self.ttl, id, grants }
    }
}

impl Sources {
    /// What the flags say of the configuration.
    pub fn overrides(&self) -> Overrides {
        let data = self.data.as_ref().map(|data| ("--data", "server.data", data.display().to_string()));
        Overrides { file: self.config.clone(), set: self.set.clone(), flags: data.into_iter().collect() }
    }
}

fn ttl(text: &str) -> Result<Duration, String> {
    match config::duration(text) {
        Ok(ttl) if ttl >= Duration::from_secs(1) => Ok(ttl),
        Ok(_) => Err("expected at least one second".to_owned()),
        Err(expected) => Err(format!("expected {expected}")),
    }
}

fn grant(text: &str) -> Result<Grant, String> {
    let expected = "expected a pattern and rights, such as 'news:*=subscribe,history', of subscribe, publish, \
                    presence and history";
    // A channel's name may have a `=`.
    let (pattern, words) = text.rsplit_once('=').ok_or(expected)?;
    let rights: Option<Vec<Right>> = words.split(',').map(|word| Right::parse(word.trim())).collect();
    Ok(Grant { pattern: pattern.to_owned(), rights: rights.ok_or(expected)? })
}
