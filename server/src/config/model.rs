//! The configuration as types. Defaults are here; what they mean is in `assets/default.toml`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use veche::{Audience, Class, Limits, Namespace, Network};
use veche_people::accounts::Site;

use crate::apps::App;

use super::{
    api::Api,
    people::{Accounts, Mail, People},
    socket_io::SocketIo,
};

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `apps`: the applications to mount.
    pub apps: Vec<App>,
    /// `server.*`
    pub server: Server,
    /// `auth.*`
    pub auth: Auth,
    /// `limits.*`
    pub limits: Limits,
    /// `api.*`
    pub api: Api,
    /// `socket_io.*`
    pub socket_io: SocketIo,
    /// `log.*`
    pub log: Log,
    /// `accounts.*`
    pub accounts: Accounts,
    /// `people.*`
    pub people: People,
    /// `mail.*`
    pub mail: Mail,
    /// `namespaces.*`, by name.
    pub namespaces: Vec<Namespace>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            apps: App::ALL.to_vec(),
            server: Server::default(),
            auth: Auth::default(),
            limits: Limits::default(),
            api: Api::default(),
            socket_io: SocketIo::default(),
            log: Log::default(),
            accounts: Accounts::default(),
            people: People::default(),
            mail: Mail::default(),
            namespaces: Vec::new(),
        }
    }
}

impl Config {
    /// What `--demo` adds: accounts; and channels without a namespace are open to every client, unless they
    /// are declared.
    #[must_use]
    pub fn with_demo(mut self) -> Self {
        self.accounts.enabled = true;
        self.people.enabled = true;
        if self.namespaces.iter().all(|namespace| !namespace.name.is_empty()) {
            let mut open = Namespace::new("");
            open.class = Class::Memory;
            open.subscribe = Audience::Anyone;
            open.publish = Audience::Anyone;
            open.presence = Audience::Anyone;
            open.history = Audience::Anyone;
            self.namespaces.insert(0, open);
        }
        self
    }
}

impl Config {
    /// What the recovery of Socket.IO needs: what is emitted to all clients is retained, unless that is declared.
    #[must_use]
    pub fn with_recovery(mut self) -> Self {
        const ROOT: &str = "/";
        let is_declared = self.namespaces.iter().any(|namespace| namespace.name == ROOT);
        if !self.socket_io.recovery.is_zero() && !is_declared {
            self.namespaces.push(Namespace { class: Class::Memory, ..Namespace::new(ROOT) });
        }
        self
    }
}

/// Where the server listens, and what it is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// The address to listen on.
    pub host: Host,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// The folder of everything the server keeps.
    pub data: PathBuf,
    /// Threads that hold connections; 0 = by the number of cores.
    pub shards: usize,
    /// Exact origins that browsers may come from; empty = the server's own.
    pub allowed_origins: Vec<String>,
    /// Further origins of the same service, which pages may connect to.
    pub public_origins: Vec<String>,
    /// Peers that are believed about the address of the client behind them.
    pub trusted_proxies: Vec<Network>,
    /// Where people find the server, for the links of letters.
    pub public_url: Option<Site>,
    /// How long a page may take to be rendered before it is left to the browser.
    pub render_deadline: Duration,
    /// How long clients are given to leave when the server stops.
    pub drain: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: Host::Localhost,
            port: 3000,
            data: PathBuf::from("./veche-data"),
            shards: 0,
            allowed_origins: Vec::new(),
            public_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            public_url: None,
            render_deadline: Duration::from_millis(250),
            drain: Duration::from_secs(25),
        }
    }
}

impl Server {
    /// The addresses to listen on, in the order of trying.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses: &[IpAddr] = match &self.host {
            Host::Localhost => &[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
            Host::Address(address) => std::slice::from_ref(address),
        };
        addresses.iter().map(|address| SocketAddr::new(*address, self.port)).collect()
    }
}

/// What `server.host` may be. Names other than `localhost` are not resolved: a server listens on addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// 127.0.0.1 and `::1`.
    Localhost,
    /// One address, or 0.0.0.0 or `::` for all.
    Address(IpAddr),
}

impl Host {
    /// Does only this machine reach it?
    pub fn is_loopback(self) -> bool {
        match self {
            Self::Localhost => true,
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Localhost);
        }
        let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let expected = |_| r#""localhost" or an IP address such as "0.0.0.0" (all) or "::1""#.to_owned();
        address.parse().map(Self::Address).map_err(expected)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => f.write_str("localhost"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The secret of HS256 tokens.
    pub hs256_secret: Option<Secret>,
    /// The secret before it, by which tokens are still accepted.
    pub hs256_previous: Option<Secret>,
    /// A file of public keys: PEM, a JWK, or a set of them.
    pub keys: Option<PathBuf>,
    /// The URL of a JWK set.
    pub jwks: Option<String>,
    /// A file with the certificates of the authorities that are trusted there; Mozilla's without it.
    pub jwks_authorities: Option<PathBuf>,
    /// How often the URL is read.
    pub jwks_refresh: Duration,
    /// The `iss` that tokens must have.
    pub issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub audience: Option<String>,
    /// How many wrong credentials an address may show in a minute; 0 = no bound.
    pub failures_per_minute: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            hs256_secret: None,
            hs256_previous: None,
            keys: None,
            jwks: None,
            jwks_authorities: None,
            jwks_refresh: Duration::from_mins(10),
            issuer: None,
            audience: None,
            failures_per_minute: 20,
        }
    }
}

/// A secret text, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The bytes, for the key.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level, or levels by target: `info`, `warn,veche=debug`.
    pub level: String,
    /// The shape of a line.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// The shape of a log's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object, for machines.
    Json,
}
