//! A content on its way: written, weighed and looked at piece by piece; gone unless it is placed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::{
    fs::File,
    io::{AsyncWrite, AsyncWriteExt},
};

use super::{
    FilesError,
    blobs::Digest,
    kind::{Kind, Sniffer},
    shelf::blocking,
};

/// A file under a name of its own, which goes with this value.
#[derive(Debug)]
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing is there any more where it was placed.
        _ = fs::remove_file(&self.0);
    }
}

/// A content that comes. `W` is a file but in tests.
pub(super) struct Incoming<W = File> {
    draft: Draft,
    file: W,
    digest: ring::digest::Context,
    sniffer: Sniffer,
    size: u64,
}

/// A content that has come and is on the disk, under the name that it came by.
#[derive(Debug)]
pub(super) struct Arrived {
    draft: Draft,
    pub(super) digest: Digest,
    pub(super) kind: Kind,
    pub(super) size: u64,
}

impl Incoming {
    /// Begins one at this path, where nothing is yet.
    pub(super) async fn create(path: PathBuf) -> Result<Self, FilesError> {
        // The draft is made where the file is: it removes what comes after nobody waits any more.
        let create = move || {
            let draft = Draft(path);
            let file = fs::File::create_new(&draft.0)?;
            Ok((draft, file))
        };
        let (draft, file) = blocking(create).await?;
        Ok(Self::new(draft, File::from_std(file)))
    }

    /// The end: what was written is on the disk.
    pub(super) async fn finish(mut self) -> io::Result<Arrived> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let Self { draft, digest, sniffer, size, .. } = self;
        Ok(Arrived { draft, digest: Digest::of(digest), kind: sniffer.kind(), size })
    }
}

impl<W: AsyncWrite + Unpin> Incoming<W> {
    fn new(draft: Draft, file: W) -> Self {
        let digest = ring::digest::Context::new(&ring::digest::SHA256);
        Self { draft, file, digest, sniffer: Sniffer::default(), size: 0 }
    }

    /// Writes the next piece.
    pub(super) async fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece).await?;
        self.digest.update(piece);
        self.sniffer.push(piece);
        self.size += piece.len() as u64;
        Ok(())
    }
}

impl Arrived {
    pub(super) fn path(&self) -> &Path {
        &self.draft.0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use super::*;

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl AsyncWrite for Disk {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let written = bytes.len().min(self.0);
            self.0 -= written;
            Poll::Ready(if written == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(written) })
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Red without the removal, and where a full disk was an error like any other.
    #[tokio::test]
    async fn a_full_disk_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("draft");
        fs::write(&path, "what fitted").expect("writes");
        let mut incoming = Incoming::new(Draft(path.clone()), Disk(11));
        incoming.push(b"what fitted").await.expect("there is room");
        let error = FilesError::from(incoming.push(b"more").await.expect_err("the disk is full"));
        assert!(matches!(error, FilesError::Full), "{error:?}");
        assert!(path.exists());
        drop(incoming);
        assert!(!path.exists());
    }
}
