//! What several behaviours' tests are set up from.

use std::{borrow::Cow, fs, path::Path};

use veche_kernel::{
    ChannelName, Clock, Namespace, Publication,
    broker::{Head, HistoryQuery},
};
use veche_protocol::client::Range;
use veche_store::{Error, Options, Store};

pub(crate) async fn open(folder: &Path) -> Result<Store, Error> {
    Store::open(folder, Options::new(Clock::real())).await
}

pub(crate) fn channel() -> ChannelName {
    ChannelName::parse("room:1").expect("it is a name")
}

pub(crate) fn publication(data: &str) -> Publication {
    Publication::new(channel(), Cow::Borrowed("message"), data.into(), 1_000_000_000_000)
}

/// Appends a publication and says where it stands.
pub(crate) async fn append(store: &Store, data: &str) -> Result<u64, Error> {
    let published = store.append(publication(data), &Namespace::new("room")).await?;
    Ok(published.position.expect("it is positioned").offset)
}

/// All that is in the log, which has no hole; and its head.
pub(crate) async fn log(store: &Store) -> (Vec<String>, Head) {
    let all = HistoryQuery { range: Range::After(0), until: u64::MAX, limit: usize::MAX, bytes: usize::MAX };
    let history = store.history(&channel(), all).await.expect("reads");
    let head = history.head.expect("it has a head");
    for (place, publication) in history.publications.iter().enumerate() {
        let offset = publication.position.expect("it is positioned").offset;
        assert_eq!(offset, head.floor + place as u64 + 1, "the log has a hole");
    }
    assert_eq!(head.offset, head.floor + history.publications.len() as u64, "the head is not the last");
    (history.publications.iter().map(|publication| publication.data.to_string()).collect(), head)
}

/// SQLite's own whole check.
pub(crate) async fn assert_whole(store: &Store) {
    let check = store.read(async |tx| tx.one("PRAGMA integrity_check", []).await?.get::<String>(0)).await;
    assert_eq!(check.as_deref(), Ok("ok"));
}

/// The folder as a power cut would leave it, while the store is open and nobody writes.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes a folder");
    for file in ["veche.db", "veche.db-wal", "veche.lock"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).expect("copies");
        }
    }
}
