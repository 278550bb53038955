//! Values by key, each with where it was written. A later source replaces an earlier one's value, key by key.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::error::Problem;

/// Keys whose values are never shown.
pub(super) const HIDDEN: [&str; 4] =
    ["auth.hs256_secret", "auth.hs256_previous", "mail.smtp_url", "mail.webhook_secret"];

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In a file, at a line counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// In the environment variable of this name.
    Environment(String),
    /// In a `--set` with this text.
    Set(String),
    /// In this flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            // Only the key: the value may be a secret, and errors are logged.
            Self::Set(key) => write!(f, "--set {key}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text in quotes, or a bare word of `--set`.
    Text(String),
    Integer(i128),
    Bool(bool),
    List(Vec<Value>),
    /// A table without keys: it declares a namespace.
    Empty,
    /// What no key takes: a float, a time, a table in a list.
    Other(String),
}

/// Text, integers and the like are told apart by the key when they come from where there are no quotes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) value: Value,
    /// The text itself, where the source has no types (the environment, `--set`).
    pub(super) raw: Option<String>,
    pub(super) origin: Origin,
}

/// A key as its segments.
pub(super) type Key = Vec<String>;

/// Entries by key.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: BTreeMap<Key, Entry>,
}

impl Tree {
    /// Sets a key, over what an earlier source said of it.
    pub(super) fn set(&mut self, key: Key, entry: Entry) {
        // `retain = "x"` after `retain.count = 1`, or the reverse, is one key written two ways: the later wins.
        self.entries.retain(|old, _| !nested(old, &key) || old == &key);
        self.entries.insert(key, entry);
    }

    /// Reads a TOML document.
    pub(super) fn read_document(&mut self, text: &str, path: &Path) -> Result<(), Problem> {
        let at = |span: Range<usize>| Origin::File { path: path.to_owned(), line: line_of(text, span.start) };
        let document = DeTable::parse(text).map_err(|error| Problem::Syntax {
            origin: at(error.span().unwrap_or(0..0)),
            message: one_line(error.message()),
        })?;
        self.add_table(document.get_ref(), &Vec::new(), &at);
        Ok(())
    }

    /// Sets a key to a text that is a TOML value, or else a bare word.
    pub(super) fn set_text(&mut self, key: Key, text: &str, origin: Origin) {
        let at = |_: Range<usize>| origin.clone();
        if let Ok(value) = DeValue::parse(text) {
            self.add_value(value.get_ref(), key, Some(text), origin.clone(), &at);
        } else {
            self.set_raw(key, text, origin);
        }
    }

    /// Sets a key to a text that is taken as it is.
    pub(super) fn set_raw(&mut self, key: Key, text: &str, origin: Origin) {
        let (value, raw) = (Value::Text(text.to_owned()), Some(text.to_owned()));
        self.set(key, Entry { value, raw, origin });
    }

    pub(super) fn take(&mut self, key: &[String]) -> Option<Entry> {
        self.entries.remove(key)
    }

    /// The second segments of the keys that begin with this one, once each.
    pub(super) fn names_under(&self, first: &str) -> Vec<String> {
        let mut names: Vec<String> = (self.entries.keys())
            .filter(|key| key.first().is_some_and(|segment| segment == first))
            .filter_map(|key| key.get(1).cloned())
            .collect();
        names.dedup();
        names
    }

    /// Where the first of the keys inside this one was written.
    pub(super) fn origin_under(&self, key: &[String]) -> Option<Origin> {
        let mut inside = self.entries.iter().filter(|(other, _)| other.starts_with(key));
        inside.next().map(|(_, entry)| entry.origin.clone())
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = (Key, Entry)> {
        self.entries.into_iter()
    }

    fn add_table(&mut self, table: &DeTable<'_>, under: &Key, at: &dyn Fn(Range<usize>) -> Origin) {
        for (name, value) in table {
            let mut key = under.clone();
            key.push(name.get_ref().to_string());
            self.add_value(value.get_ref(), key, None, at(name.span()), at);
        }
    }

    fn add_value(
        &mut self,
        value: &DeValue<'_>,
        key: Key,
        raw: Option<&str>,
        origin: Origin,
        at: &dyn Fn(Range<usize>) -> Origin,
    ) {
        match value {
            DeValue::Table(table) if !table.is_empty() => self.add_table(table, &key, at),
            other => self.set(key, Entry { value: Value::of(other), raw: raw.map(str::to_owned), origin }),
        }
    }
}

impl Value {
    fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Self::Integer(number),
                Err(_) => Self::Other(number.to_string()),
            },
            DeValue::Boolean(flag) => Self::Bool(*flag),
            DeValue::Array(list) => Self::List(list.iter().map(|item| Self::of(item.get_ref())).collect()),
            DeValue::Table(table) if table.is_empty() => Self::Empty,
            DeValue::Table(_) => Self::Other("a table".to_owned()),
            DeValue::Float(number) => Self::Other(number.to_string()),
            DeValue::Datetime(time) => Self::Other(time.to_string()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::List(items) => {
                f.write_char('[')?;
                for (place, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if place > 0 { ", " } else { "" })?;
                }
                f.write_char(']')
            }
            Self::Empty => f.write_str("an empty table"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// A key with dots; a segment that is no bare TOML key stands in quotes.
pub(super) fn dotted(key: &[String]) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let segment = |segment: &String| {
        if !segment.is_empty() && segment.chars().all(bare) {
            segment.clone()
        } else {
            format!("{segment:?}")
        }
    };
    key.iter().map(segment).collect::<Vec<_>>().join(".")
}

/// Is one of the keys inside the other (or the same)?
fn nested(one: &[String], other: &[String]) -> bool {
    let shorter = one.len().min(other.len());
    one.iter().take(shorter).eq(other.iter().take(shorter))
}

fn line_of(text: &str, place: usize) -> usize {
    1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count()
}

/// The parser's messages have several lines, for a terminal; the first says it.
fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}
