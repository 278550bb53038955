//! A damaged file is refused, and the way out is named.

use std::{fs, path::Path};

use veche_store::{Error, ErrorKind};

use crate::support::{append, open};

/// A closed folder with some hundred pages; `left` is what its lock file says.
async fn folder(left: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path()).await.expect("opens");
    let data = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..100 {
        append(&store, &data).await.expect("appends");
    }
    store.close().await;
    fs::write(folder.path().join("veche.lock"), left).expect("writes");
    folder
}

async fn refused(folder: &Path) {
    let file = folder.join("veche.db");
    let before = fs::read(&file).ok();
    let error = open(folder).await.expect_err("it is damaged");
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let message = error.to_string();
    assert!(message.contains("`veche store restore FILE`"), "{message}");
    assert!(message.contains("veche.db"), "{message}");
    assert_eq!(fs::read(&file).ok(), before, "a refused file was changed");
}

/// Red without the check at start: the store opens, and fails at some later read.
#[tokio::test]
async fn overwritten_pages_are_found_after_a_crash() {
    let folder = folder("open\n").await;
    let file = folder.path().join("veche.db");
    let mut bytes = fs::read(&file).expect("reads");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 8192].fill(0xff);
    fs::write(&file, bytes).expect("writes");
    refused(folder.path()).await;
}

#[tokio::test]
async fn a_broken_header_is_found_always() {
    for left in ["clean\n", "open\n"] {
        let folder = folder(left).await;
        let file = folder.path().join("veche.db");
        let mut bytes = fs::read(&file).expect("reads");
        bytes[..100].fill(b'x');
        fs::write(&file, bytes).expect("writes");
        refused(folder.path()).await;
    }
}

#[tokio::test]
async fn a_truncated_file_is_found_always() {
    for left in ["clean\n", "open\n"] {
        let folder = folder(left).await;
        let file = fs::File::options().write(true).open(folder.path().join("veche.db")).expect("opens");
        file.set_len(file.metadata().expect("it is there").len() / 2).expect("truncates");
        drop(file);
        refused(folder.path()).await;
    }
}

/// Red without the look at the sizes: SQLite makes a new database, and everything is gone in silence.
#[tokio::test]
async fn an_emptied_or_missing_file_is_no_new_database() {
    for left in ["clean\n", "open\n"] {
        let folder = folder(left).await;
        fs::write(folder.path().join("veche.db"), "").expect("writes");
        refused(folder.path()).await;
        fs::remove_file(folder.path().join("veche.db")).expect("removes");
        refused(folder.path()).await;
    }
}

/// Red where every SQLite file was adopted.
#[tokio::test]
async fn another_programs_file_is_refused() {
    let folder = folder("clean\n").await;
    let file = folder.path().join("veche.db");
    let mut bytes = fs::read(&file).expect("reads");
    // The application's id stands at offset 68: https://sqlite.org/fileformat.html
    bytes[68..72].fill(7);
    fs::write(&file, bytes).expect("writes");
    let message = open(folder.path()).await.expect_err("it is not ours").to_string();
    assert_eq!(message, "the file is no database of Veche");
}
