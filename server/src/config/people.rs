//! `accounts.*`, `people.*` and `mail.*`: what people have here, and how they are written to.

use std::path::PathBuf;

use veche_people::{accounts::Site, files::FileLimits};

use super::{
    model::Secret,
    reader::{IntoKey, Reader},
    tree::Value,
};

const BOOLEAN: &str = "true or false";

/// Whether people have accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    /// Registration, sign-in and the pages of mailed links. `--demo` turns it on.
    pub enabled: bool,
}

/// What people have beside an account, of this server or of another service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    /// Friends, notifications and files. `--demo` turns it on.
    pub enabled: bool,
    /// How much is kept of files.
    pub files: FileLimits,
}

/// How letters leave. At most one of the three ways is given; none is the folder `mail` of the data folder, for
/// a server that only this machine reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender, such as `Veche <no-reply@example.com>`.
    pub from: String,
    /// An SMTP server, with its password.
    pub smtp_url: Option<Secret>,
    /// A service that takes letters by `POST`.
    pub webhook_url: Option<String>,
    /// What letters to it are signed with.
    pub webhook_secret: Option<Secret>,
    /// A folder with a file for each letter.
    pub folder: Option<PathBuf>,
}

impl Default for Mail {
    fn default() -> Self {
        let from = "Veche <no-reply@localhost>".to_owned();
        Self { from, smtp_url: None, webhook_url: None, webhook_secret: None, folder: None }
    }
}

impl Reader<'_> {
    pub(super) fn accounts(&mut self) -> Accounts {
        let default = Accounts::default();
        Accounts { enabled: self.boolean("accounts.enabled", default.enabled) }
    }

    pub(super) fn people(&mut self) -> People {
        let default = People::default();
        let FileLimits { file_bytes, user_bytes, .. } = default.files;
        let files = FileLimits {
            file_bytes: self.size("people.file_bytes", file_bytes as usize) as u64,
            user_bytes: self.size("people.files_bytes_per_user", user_bytes as usize) as u64,
            ..default.files
        };
        People { enabled: self.boolean("people.enabled", default.enabled), files }
    }

    pub(super) fn mail(&mut self) -> Mail {
        let default = Mail::default();
        let secret = |text: &str| Ok(Some(Secret::new(text)));
        let some = |text: &str| Ok(Some(text.to_owned()));
        Mail {
            from: self.parsed("mail.from", default.from, |text| Ok(text.to_owned())),
            smtp_url: self.parsed("mail.smtp_url", None, secret),
            webhook_url: self.parsed("mail.webhook_url", None, some),
            webhook_secret: self.parsed("mail.webhook_secret", None, secret),
            folder: self.parsed("mail.folder", None, |text| Ok(Some(PathBuf::from(text)))),
        }
    }

    pub(super) fn boolean(&mut self, key: impl IntoKey, default: bool) -> bool {
        self.value(key, default, |entry| match &entry.value {
            Value::Bool(it) => Ok(*it),
            // The environment has no types.
            Value::Text(text) if entry.raw.is_some() => text.parse().map_err(|_| BOOLEAN.to_owned()),
            _ => Err(BOOLEAN.to_owned()),
        })
    }
}

pub(super) fn site(text: &str) -> Result<Option<Site>, String> {
    let expected = r#"an origin such as "https://veche.example.com", with no path"#;
    Site::parse(text).map(Some).ok_or_else(|| expected.to_owned())
}
