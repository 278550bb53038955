//! From the tree of written values to typed ones. Each key is taken out as it is read: what is left is unknown.

use std::{path::PathBuf, time::Duration};

use tracing_subscriber::EnvFilter;
use veche::{Limits, Network};

use crate::apps::App;

use super::{
    error::Problem,
    model::{Auth, Config, Host, Log, LogFormat, Secret, Server},
    people::site,
    tree::{Entry, HIDDEN, Key, Tree, Value, dotted},
    units,
};

/// How alike a known key must be to be suggested, 0 to 1.
const ALIKE: f64 = 0.8;

/// The most shards that can be asked for; more threads than that help no machine of today.
const MAX_SHARDS: i128 = 1_024;

/// Reads the whole tree. What is wrong goes to `problems`, and the default stands in for it.
pub(super) fn read(tree: Tree, problems: &mut Vec<Problem>) -> Config {
    let mut reader = Reader { tree, problems, known: Vec::new() };
    let config = Config {
        apps: reader.apps(),
        server: reader.server(),
        auth: reader.auth(),
        limits: reader.limits(),
        api: reader.api(),
        socket_io: reader.socket_io(),
        log: reader.log(),
        accounts: reader.accounts(),
        people: reader.people(),
        mail: reader.mail(),
        namespaces: reader.namespaces(),
    };
    reader.refuse_the_rest();
    config
}

pub(super) struct Reader<'a> {
    pub(super) tree: Tree,
    pub(super) problems: &'a mut Vec<Problem>,
    /// The keys that were asked for, for suggestions.
    known: Vec<Key>,
}

impl Reader<'_> {
    fn server(&mut self) -> Server {
        let default = Server::default();
        Server {
            host: self.parsed("server.host", default.host, str::parse::<Host>),
            port: self.integer("server.port", default.port, "a port from 0 to 65535"),
            data: self.parsed("server.data", default.data, folder),
            shards: self.shards(default.shards),
            allowed_origins: self.origins("server.allowed_origins"),
            public_origins: self.origins("server.public_origins"),
            trusted_proxies: self.networks("server.trusted_proxies"),
            public_url: self.parsed("server.public_url", None, site),
            render_deadline: self.parsed("server.render_deadline", default.render_deadline, some_time),
            drain: self.parsed("server.drain", default.drain, units::duration),
        }
    }

    fn auth(&mut self) -> Auth {
        let default = Auth::default();
        let secret = |text: &str| Ok(Some(Secret::new(text)));
        Auth {
            hs256_secret: self.parsed("auth.hs256_secret", None, secret),
            hs256_previous: self.parsed("auth.hs256_previous", None, secret),
            keys: self.parsed("auth.keys", None, |text| folder(text).map(Some)),
            jwks: self.parsed("auth.jwks", None, some_text),
            jwks_authorities: self.parsed("auth.jwks_authorities", None, |text| folder(text).map(Some)),
            jwks_refresh: self.parsed("auth.jwks_refresh", default.jwks_refresh, some_time),
            issuer: self.parsed("auth.issuer", None, some_text),
            audience: self.parsed("auth.audience", None, some_text),
            failures_per_minute: self.count("auth.failures_per_minute", default.failures_per_minute),
        }
    }

    fn limits(&mut self) -> Limits {
        let default = Limits::default();
        Limits {
            frame_bytes: self.size("limits.frame_bytes", default.frame_bytes),
            frames_per_second: self.count("limits.frames_per_second", default.frames_per_second),
            channels_per_session: self.count("limits.channels_per_session", default.channels_per_session),
            messages_per_minute: self.count("limits.messages_per_minute", default.messages_per_minute),
            messages_burst: self.count("limits.messages_burst", default.messages_burst),
            calls_per_second: self.count("limits.calls_per_second", default.calls_per_second),
            calls_burst: self.count("limits.calls_burst", default.calls_burst),
            ephemeral_per_second: self.count("limits.ephemeral_per_second", default.ephemeral_per_second),
            subscribes_per_minute: self.count("limits.subscribes_per_minute", default.subscribes_per_minute),
            subscribes_burst: self.count("limits.subscribes_burst", default.subscribes_burst),
            connections_per_user: self.count("limits.connections_per_user", default.connections_per_user),
            connections_per_address: self
                .count("limits.connections_per_address", default.connections_per_address),
            backlog_bytes: self.size("limits.backlog_bytes", default.backlog_bytes),
            retained_bytes: self.size("limits.retained_bytes", default.retained_bytes),
            inbox_bytes: self.size("limits.inbox_bytes", default.inbox_bytes),
        }
    }

    fn log(&mut self) -> Log {
        let default = Log::default();
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Log {
            level: self.parsed("log.level", default.level, filter),
            format: self.one_of("log.format", default.format, &formats),
        }
    }

    fn shards(&mut self, default: usize) -> usize {
        self.value("server.shards", default, |entry| match number(entry) {
            Some(shards @ 0..=MAX_SHARDS) => Ok(shards.unsigned_abs() as usize),
            _ => Err(format!("a whole number from 0 (automatic) to {MAX_SHARDS}")),
        })
    }

    fn origins(&mut self, key: &'static str) -> Vec<String> {
        let expected = r#"a list of origins such as ["https://app.example.com"], with no path and no `*`"#;
        self.list(key, expected, origin)
    }

    fn networks(&mut self, key: &'static str) -> Vec<Network> {
        let expected = r#"a list of addresses and networks such as ["10.0.0.0/8", "fd00::1"]"#;
        self.list(key, expected, |text| text.parse().ok())
    }

    fn apps(&mut self) -> Vec<App> {
        let known: Vec<String> = App::ALL.iter().map(|app| format!("{:?}", app.name())).collect();
        let expected = format!("a list of applications: {}", known.join(", "));
        let mut apps = self.list_or("apps", App::ALL.to_vec(), &expected, App::parse);
        // One that is named twice is mounted once.
        apps.sort_unstable();
        apps.dedup();
        apps
    }

    fn list<T>(&mut self, key: &'static str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.list_or(key, Vec::new(), expected, read)
    }

    fn list_or<T>(
        &mut self,
        key: &'static str,
        default: Vec<T>,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.value(key, default, |entry| {
            let texts = match &entry.value {
                Value::List(items) => items.iter().map(text_of).collect::<Option<Vec<_>>>(),
                // The environment has no lists: one may stand alone.
                Value::Text(text) if entry.raw.is_some() => Some(vec![text.clone()]),
                _ => None,
            };
            texts
                .and_then(|texts| texts.iter().map(|text| read(text)).collect())
                .ok_or_else(|| expected.to_owned())
        })
    }

    pub(super) fn count(&mut self, key: impl IntoKey, default: u32) -> u32 {
        self.integer(key, default, "a whole number from 0 (off) to 4294967295")
    }

    pub(super) fn integer<T: TryFrom<i128>>(&mut self, key: impl IntoKey, default: T, expected: &str) -> T {
        self.value(key, default, |entry| {
            number(entry).and_then(|number| T::try_from(number).ok()).ok_or_else(|| expected.to_owned())
        })
    }

    pub(super) fn size(&mut self, key: impl IntoKey, default: usize) -> usize {
        self.value(key, default, |entry| {
            let bytes = match (number(entry), &entry.value) {
                (Some(bytes), _) => bytes,
                (None, Value::Text(text)) => units::size(text)?.into(),
                (None, _) => return Err(units::SIZE.to_owned()),
            };
            usize::try_from(bytes).map_err(|_| units::SIZE.to_owned())
        })
    }

    pub(super) fn one_of<T: Copy>(&mut self, key: impl IntoKey, default: T, choices: &[(&str, T)]) -> T {
        self.parsed(key, default, |text| {
            let found = choices.iter().find(|(word, _)| *word == text);
            found.map(|(_, choice)| *choice).ok_or_else(|| {
                let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
                format!("one of {}", words.join(", "))
            })
        })
    }

    /// A value that is written as text.
    pub(super) fn parsed<T>(
        &mut self,
        key: impl IntoKey,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.value(key, default, |entry| match (&entry.value, &entry.raw) {
            (Value::Text(text), _) => parse(text),
            // `--set auth.audience=5` looks like a number and is text.
            (_, Some(raw)) => parse(raw),
            _ => Err("text in quotes".to_owned()),
        })
    }

    pub(super) fn value<T>(
        &mut self,
        key: impl IntoKey,
        default: T,
        read: impl FnOnce(&Entry) -> Result<T, String>,
    ) -> T {
        let key = key.into_key();
        let entry = self.tree.take(&key);
        self.known.push(key.clone());
        let Some(entry) = entry else { return default };
        read(&entry).unwrap_or_else(|expected| {
            self.refuse(&key, &entry, &expected);
            default
        })
    }

    pub(super) fn refuse(&mut self, key: &Key, entry: &Entry, expected: &str) {
        let key = dotted(key);
        let hidden = HIDDEN.contains(&key.as_str());
        let value = if hidden { "the hidden value".to_owned() } else { entry.value.to_string() };
        let expected = expected.to_owned();
        self.problems.push(Problem::Value { key, value, expected, origin: entry.origin.clone() });
    }

    fn refuse_the_rest(&mut self) {
        let known: Vec<String> = self.known.iter().map(|key| dotted(key)).collect();
        for (key, entry) in std::mem::take(&mut self.tree).into_entries() {
            if self.known.iter().any(|known| known.starts_with(&key)) {
                // A section, not a key; an empty one says nothing.
                if entry.value != Value::Empty {
                    self.refuse(&key, &entry, "a table");
                }
                continue;
            }
            let key = dotted(&key);
            let suggestion = suggestion(&key, &known);
            self.problems.push(Problem::UnknownKey { key, origin: entry.origin, suggestion });
        }
    }
}

/// A key as it is written in this file.
pub(super) trait IntoKey {
    fn into_key(self) -> Key;
}

impl IntoKey for &str {
    fn into_key(self) -> Key {
        self.split('.').map(str::to_owned).collect()
    }
}

impl IntoKey for Key {
    fn into_key(self) -> Key {
        self
    }
}

pub(super) fn number(entry: &Entry) -> Option<i128> {
    match &entry.value {
        Value::Integer(number) => Some(*number),
        // The environment and flags have text only.
        Value::Text(_) => entry.raw.as_ref()?.parse().ok(),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn some_text(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Err("a text that is not empty".to_owned()) } else { Ok(Some(text.to_owned())) }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("the path of a folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match units::duration(text) {
        Ok(Duration::ZERO) => Err(format!("{} above zero", units::DURATION)),
        other => other,
    }
}

fn filter(text: &str) -> Result<String, String> {
    let expected = r#""error", "warn", "info", "debug", "trace" or "off", or by target: "warn,veche=debug""#;
    let word = |directive: &str| !directive.trim().is_empty();
    if !text.split(',').all(word) || EnvFilter::builder().parse(text).is_err() || is_unknown_level(text) {
        return Err(expected.to_owned());
    }
    Ok(text.to_owned())
}

/// A lone word that is no level would be taken for a target, and silence everything else.
fn is_unknown_level(text: &str) -> bool {
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    !text.contains(['=', ',', ':', '[']) && !levels.contains(&text.to_lowercase().as_str())
}

/// An origin as browsers send it: scheme, host, perhaps a port, all in lower case.
fn origin(text: &str) -> Option<String> {
    let (scheme, host) = text.split_once("://")?;
    let scheme_ok =
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let host_ok = !host.is_empty()
        && host.is_ascii()
        && !host.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control() || "/?#@*\\".contains(c));
    (scheme_ok && host_ok).then(|| text.to_ascii_lowercase())
}

/// The known key that is most like this one, or that ends in the same word.
fn suggestion(key: &str, known: &[String]) -> Option<String> {
    let likeness = |candidate: &&String| strsim::jaro_winkler(key, candidate);
    let last = key.rsplit('.').next().unwrap_or(key);
    let same_word = || known.iter().find(|candidate| candidate.rsplit('.').next() == Some(last));
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    same_word().or(nearest.filter(|candidate| likeness(candidate) >= ALIKE)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_key_is_documented_with_its_default() {
        let mut tree = Tree::default();
        let namespace = "[namespaces.room]\n";
        tree.read_document(namespace, std::path::Path::new("t")).expect("it is TOML");
        let mut problems = Vec::new();
        let mut reader = Reader { tree, problems: &mut problems, known: Vec::new() };
        let _ = (reader.server(), reader.auth(), reader.limits(), reader.log(), reader.namespaces());
        let _ = (reader.accounts(), reader.people(), reader.mail(), reader.apps());
        assert!(reader.known.len() > 30, "the reader knows its keys");
        for key in &reader.known {
            let last = key.last().expect("a key has a segment");
            let documented = super::super::DOCUMENT.lines().any(|line| line.contains(&format!("{last} = ")));
            assert!(documented, "`{}` is not in assets/default.toml", dotted(key));
        }
    }
}
