//! A full disk: explicit errors, nothing lost, and no restart when space returns.
//!
//! SQLite's own limit of pages stands for the disk: it answers by the same code.

use futures_util::FutureExt;
use veche_store::{Error, ErrorKind, Store, params};

use crate::support::{append, assert_whole, log, open};

/// Lets the database grow by so many pages.
async fn room(store: &Store, pages: i64) {
    let limit = |pages: i64| -> &'static str { Box::leak(format!("PRAGMA max_page_count = {pages}").into()) };
    let write = async move |tx: &mut veche_store::Tx| -> Result<(), Error> {
        let used: i64 = tx.one("PRAGMA page_count", []).await?.get(0)?;
        tx.one(limit(used + pages), []).await.map(|_| ())
    };
    store.write(write).await.expect("sets a limit");
}

/// Red where SQLite's code for it was an error like any other.
#[tokio::test]
async fn a_full_disk_is_an_error_until_space_returns() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path()).await.expect("opens");
    let data = format!("\"{}\"", "x".repeat(5_000));
    append(&store, &data).await.expect("there is room");
    room(&store, 20).await;
    let mut kept = 1;
    let error = loop {
        match append(&store, &data).await {
            Ok(offset) => kept = offset,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
    assert!(kept > 2, "there was room for some");
    for _ in 0..3 {
        assert_eq!(append(&store, &data).await.expect_err("it is full").kind(), ErrorKind::Full);
    }
    assert_eq!(log(&store).await.0.len() as u64, kept, "what was refused is seen");

    room(&store, 1_000).await;
    assert_eq!(append(&store, &data).await, Ok(kept + 1), "the numbering has a hole");
    assert_whole(&store).await;
    store.close().await;
    let store = open(folder.path()).await.expect("opens");
    assert_eq!(log(&store).await.0.len() as u64, kept + 1);
    store.close().await;
}

/// SQLite undoes the whole transaction when the disk is full. Red where the others of the group were
/// answered without running again (their rows were gone), and where all of them were refused.
#[tokio::test]
async fn a_full_disk_fails_only_the_write_that_needs_room() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path()).await.expect("opens");
    append(&store, "1").await.expect("there is room");
    room(&store, 20).await;
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let released = tokio::sync::Mutex::new(Some(released));
    let mut held = Box::pin(store.write(async move |_| -> Result<(), Error> {
        if let Some(released) = released.lock().await.take() {
            _ = released.await;
        }
        Ok(())
    }));
    assert!((&mut held).now_or_never().is_none());
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    let texts = ["2", &large, "3", &large, "4"];
    let mut writes: Vec<_> = texts.iter().map(|data| Box::pin(append(&store, data))).collect();
    for write in &mut writes {
        assert!(write.now_or_never().is_none(), "a write waits for its commit");
    }
    drop(release);
    held.await.expect("it needs no room");
    let mut offsets = Vec::new();
    for write in writes {
        offsets.push(write.await.map_err(|error| error.kind()));
    }
    assert_eq!(offsets, [Ok(2), Err(ErrorKind::Full), Ok(3), Err(ErrorKind::Full), Ok(4)]);
    assert_eq!(log(&store).await.0, ["1", "2", "3", "4"]);
    let sql = "SELECT COUNT(*) FROM publication WHERE time_ms >= $1";
    let count = store.read(async |tx| tx.one(sql, params![0_i64]).await?.get::<i64>(0)).await;
    assert_eq!(count, Ok(4));
    store.close().await;
}
