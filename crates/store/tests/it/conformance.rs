//! SQLite keeps every promise of the suite.

use veche_kernel::Clock;
use veche_store::{Options, Store, testing::store_suite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_is_a_store() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let next = std::cell::Cell::new(0);
    store_suite(async |clock: Clock| {
        next.set(next.get() + 1);
        let folder = folder.path().join(next.get().to_string());
        Store::open(&folder, Options::new(clock)).await.expect("opens")
    })
    .await;
}
