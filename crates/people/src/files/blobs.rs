//! The folder of contents: each under the name of its SHA-256, in 256 folders by the first two digits.
//!
//! A content comes to its place by a rename, whole or not at all. Whoever places or removes one holds its
//! lock, so that none goes between another's look at it and its row.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::sync::{Mutex, MutexGuard};

use super::{FilesError, incoming::Incoming};

/// How many locks the contents share.
const LOCKS: usize = 64;
/// Where contents are on their way.
const INCOMING: &str = "incoming";

/// A content's SHA-256, 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Digest(String);

impl Digest {
    pub(super) fn of(context: ring::digest::Context) -> Self {
        let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte is one digit");
        let digest = context.finish();
        Self(digest.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    /// Reads one that was written; `None` for what could be none.
    pub(super) fn parse(text: String) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then_some(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The folder.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
    locks: [Mutex<()>; LOCKS],
}

impl Blobs {
    /// Opens the folder, made where it is missing, and removes what was on its way when the last process
    /// ended.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        let incoming = folder.join(INCOMING);
        if incoming.exists() {
            fs::remove_dir_all(&incoming)?;
        }
        fs::create_dir_all(&incoming)?;
        for prefix in prefixes() {
            let path = folder.join(prefix);
            if !path.exists() {
                fs::create_dir(path)?;
            }
        }
        sync(&folder)?;
        Ok(Self { folder, locks: std::array::from_fn(|_| Mutex::new(())) })
    }

    /// Holds a content still.
    pub(super) async fn lock(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        let place = digest.0.bytes().take(4).fold(0, |sum, byte| sum * 31 + usize::from(byte)) % LOCKS;
        self.locks[place].lock().await
    }

    /// A place for a content that comes.
    pub(super) async fn incoming(&self, name: u128) -> Result<Incoming, FilesError> {
        Incoming::create(self.folder.join(INCOMING).join(format!("{name:032x}"))).await
    }

    /// Takes a content that came to its place. The caller holds its lock.
    pub(super) fn place(&self, incoming: &Path, digest: &Digest) -> io::Result<()> {
        let path = self.path(digest);
        fs::rename(incoming, &path)?;
        path.parent().map_or(Ok(()), sync)
    }

    /// Removes a content. The caller holds its lock.
    pub(super) fn remove(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(&digest.0[..2]).join(&digest.0)
    }

    /// The names of the contents whose digests begin so.
    pub(super) fn names(&self, prefix: &str) -> io::Result<Vec<Digest>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder.join(prefix))? {
            names.extend(entry?.file_name().into_string().ok().and_then(Digest::parse));
        }
        Ok(names)
    }
}

/// What digests begin with.
pub(super) fn prefixes() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|byte| format!("{byte:02x}"))
}

/// Makes the names in a folder durable. Only Unix has a word for it.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
