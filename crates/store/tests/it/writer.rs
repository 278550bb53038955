//! The connection that writes: its settings.

use veche_store::{Error, Tx};

use crate::support::open;

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
