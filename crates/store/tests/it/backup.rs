//! Backups, and the way back.

use std::{collections::HashSet, fs};

use veche_kernel::{ChannelName, Clock};
use veche_store::{Error, restore};

use crate::support::{append, assert_whole, copy, log, open};

/// Red where the file was copied as it stood: without the write-ahead log the last commits were missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment_while_others_write() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = open(&folder.path().join("a")).await.expect("opens");
    for n in 1..=50 {
        append(&store, &n.to_string()).await.expect("appends");
    }
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for n in 51..=150 {
            append(&writer, &n.to_string()).await.expect("appends");
        }
    });
    let file = folder.path().join("backup.db");
    store.backup(&file).await.expect("copies");
    writing.await.expect("no panic");
    let refused = store.backup(&file).await.expect_err("it is there").to_string();
    assert!(refused.contains("a backup does not overwrite"), "{refused}");
    store.close().await;

    let target = folder.path().join("b");
    restore(&file, &target, &Clock::real()).await.expect("restores");
    let restored = open(&target).await.expect("opens");
    assert_whole(&restored).await;
    let (found, _) = log(&restored).await;
    assert!(found.len() >= 50, "what was committed before is missing");
    assert_eq!(found, (1..=found.len()).map(|n| n.to_string()).collect::<Vec<_>>());
    restored.close().await;
}

/// Red where epochs were kept, and where all channels got the same one.
#[tokio::test]
async fn every_restored_channel_has_a_new_epoch() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let data = folder.path().join("data");
    let store = open(&data).await.expect("opens");
    append(&store, "1").await.expect("appends");
    let names: Vec<_> =
        (1..=1_200).map(|n| ChannelName::parse(&format!("room:{n}")).expect("it is a name")).collect();
    let mut epochs = HashSet::new();
    for name in &names {
        epochs.insert(store.head(name).await.expect("reads").epoch);
    }
    let backup = folder.path().join("backup.db");
    store.backup(&backup).await.expect("copies");
    append(&store, "2").await.expect("appends");
    store.close().await;

    restore(&backup, &data, &Clock::real()).await.expect("restores");
    let store = open(&data).await.expect("opens");
    for name in &names {
        assert!(epochs.insert(store.head(name).await.expect("reads").epoch), "{name} has an old epoch");
    }
    assert_eq!(log(&store).await.0, ["1"]);
    assert_eq!(append(&store, "3").await, Ok(2), "the numbering goes on in the new epoch");
    store.close().await;
}

#[tokio::test]
async fn a_folder_in_use_is_not_restored() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let data = folder.path().join("data");
    let store = open(&data).await.expect("opens");
    let backup = folder.path().join("backup.db");
    store.backup(&backup).await.expect("copies");
    append(&store, "1").await.expect("appends");
    let refused = restore(&backup, &data, &Clock::real()).await.expect_err("it is in use");
    assert!(matches!(refused, Error::InUse { .. }));
    assert_eq!(log(&store).await.0, ["1"]);
    store.close().await;
}

/// Red where the backup was copied before it was checked.
#[tokio::test]
async fn a_damaged_backup_leaves_the_folder_as_it_was() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let data = folder.path().join("data");
    let store = open(&data).await.expect("opens");
    for n in 1..=100 {
        append(&store, &format!("\"{n}{}\"", "x".repeat(2_000))).await.expect("appends");
    }
    let backup = folder.path().join("backup.db");
    store.backup(&backup).await.expect("copies");
    store.close().await;
    let mut bytes = fs::read(&backup).expect("reads");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 8192].fill(0xff);
    fs::write(&backup, bytes).expect("writes");
    let damaged = restore(&backup, &data, &Clock::real()).await.expect_err("it is damaged");
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged:?}");
    let other = folder.path().join("other.db");
    fs::write(&other, "no database").expect("writes");
    restore(&other, &data, &Clock::real()).await.expect_err("it is no database");
    restore(&folder.path().join("nowhere.db"), &data, &Clock::real()).await.expect_err("it is missing");
    assert_eq!(open(&data).await.map(|_| ()), Ok(()));
}

/// Red where the old write-ahead log stayed: SQLite replayed it into the restored file.
#[tokio::test]
async fn a_restore_mends_a_crashed_and_damaged_folder() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let data = folder.path().join("data");
    let store = open(&data).await.expect("opens");
    append(&store, "1").await.expect("appends");
    let backup = folder.path().join("backup.db");
    store.backup(&backup).await.expect("copies");
    for n in 2..=50 {
        append(&store, &n.to_string()).await.expect("appends");
    }
    let crashed = folder.path().join("crashed");
    copy(&data, &crashed);
    store.close().await;
    assert!(crashed.join("veche.db-wal").exists());
    fs::write(crashed.join("veche.db"), "").expect("writes");
    assert!(matches!(open(&crashed).await.expect_err("it is damaged"), Error::Damaged { .. }));

    restore(&backup, &crashed, &Clock::real()).await.expect("restores");
    assert!(crashed.join("veche.db.old").exists(), "the old file is kept");
    let store = open(&crashed).await.expect("opens");
    assert_whole(&store).await;
    assert_eq!(log(&store).await.0, ["1"]);
    store.close().await;
}
