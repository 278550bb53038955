//! The connection that writes: its settings, and how few statements it needs.

use futures_util::FutureExt;
use veche_kernel::{ChannelName, Namespace, Publication};
use veche_store::{Error, Tx};

use crate::support::{open, publication};

/// Red where `Direct::open` set no pragmas: SQLite's own defaults keep no foreign key and no limit.
#[tokio::test]
async fn the_writer_is_durable_and_keeps_foreign_keys() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path()).await.expect("opens");
    let settings = async |tx: &mut Tx| -> Result<_, Error> {
        let mode: String = tx.one("PRAGMA journal_mode", []).await?.get(0)?;
        let mut numbers = [0_i64; 3];
        let pragmas = ["PRAGMA synchronous", "PRAGMA foreign_keys", "PRAGMA journal_size_limit"];
        for (number, pragma) in numbers.iter_mut().zip(pragmas) {
            *number = tx.one(pragma, []).await?.get(0)?;
        }
        Ok((mode, numbers))
    };
    let full = 2;
    assert_eq!(store.write(settings).await, Ok(("wal".to_owned(), [full, 1, 64 << 20])));
    store.close().await;
}

/// Red where the positions of neighbours stood in the order of the channels' names and not in that of asking:
/// they collided, and each ran by itself.
#[tokio::test]
async fn neighbours_move_each_head_once() {
    const COUNT: &str = "CREATE TRIGGER moved AFTER UPDATE OF head ON channel
                         BEGIN INSERT INTO moves (name) VALUES (new.name); END";
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(folder.path()).await.expect("opens");
    let count = async |tx: &mut Tx| {
        tx.execute("CREATE TABLE moves (name TEXT NOT NULL)", []).await?;
        tx.execute(COUNT, []).await.map(|_| ())
    };
    store.write(count).await.expect("counts from now on");
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let released = tokio::sync::Mutex::new(Some(released));
    let mut held = Box::pin(store.write(async move |_| -> Result<(), Error> {
        if let Some(released) = released.lock().await.take() {
            _ = released.await;
        }
        Ok(())
    }));
    assert!((&mut held).now_or_never().is_none());
    let rules = Namespace::new("room");
    let appends = (0..50).map(|n| {
        let channel = ["room:2", "room:1", "room:1"][n % 3];
        let channel = ChannelName::parse(channel).expect("it is a name");
        store.append(Publication { channel, ..publication("1") }, &rules)
    });
    let mut appends: Vec<_> = appends.map(Box::pin).collect();
    for append in &mut appends {
        // Not counted as the test's own turn, which would make it wait before it queues.
        assert!(tokio::task::unconstrained(append).now_or_never().is_none(), "it waits for its commit");
    }
    drop(release);
    held.await.expect("it does nothing");
    for append in appends {
        append.await.expect("appends");
    }
    let moves = async |tx: &mut Tx| tx.one("SELECT COUNT(*) FROM moves", []).await?.get::<i64>(0);
    assert_eq!(store.write(moves).await, Ok(2));
    store.close().await;
}
