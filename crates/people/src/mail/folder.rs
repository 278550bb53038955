//! The post office of development: a folder with a file for each letter.

use std::{
    io,
    path::{Path, PathBuf},
};

use lettre::message::Mailbox;
use tokio::fs;

use super::message::{Mail, MailError, Mailer, Sending, compose};

/// Writes each letter as `<id>.eml`, which mail programs open. Ids sort by age.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    from: Mailbox,
}

impl Folder {
    /// A folder, made when the first letter comes, and the sender, such as `Veche <no-reply@example.com>`;
    /// `None` where that is none.
    pub fn new(path: impl Into<PathBuf>, from: &str) -> Option<Self> {
        Some(Self { path: path.into(), from: from.parse().ok()? })
    }

    /// The same in another folder.
    #[must_use]
    pub fn at(self, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn write(&self, id: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.path).await?;
        let unfinished = self.path.join(format!(".{id}"));
        fs::write(&unfinished, bytes).await?;
        // Whoever lists the folder sees whole letters.
        fs::rename(unfinished, self.path.join(format!("{id}.eml"))).await
    }
}

impl Mailer for Folder {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(async move {
            let bytes = compose(mail, &self.from)?.formatted();
            self.write(&mail.id, &bytes).await.map_err(|error| MailError::Refused(error.to_string()))
        })
    }
}
