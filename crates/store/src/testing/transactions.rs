//! Writes and reads as transactions.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::runtime::Handle;

use super::desk::{Desk, name, offsets, queued};
use crate::{Error, ErrorKind, LIMIT, ReadTx, Tx, params};

pub(super) async fn a_failed_write_leaves_nothing(desk: &Desk) {
    #[derive(Debug, PartialEq)]
    enum Refused {
        ByRule,
        ByStore(Error),
    }
    impl From<Error> for Refused {
        fn from(error: Error) -> Self {
            Self::ByStore(error)
        }
    }
    let channel = desk.channel.clone();
    let write = async move |tx: &mut Tx| -> Result<(), Refused> {
        tx.execute("INSERT INTO note (id) VALUES (1)", []).await?;
        tx.channel(&channel).await?.publish("noted", "1").await?;
        Err(Refused::ByRule)
    };
    assert_eq!(desk.store.write(write).await, Err(Refused::ByRule));
    assert!(desk.notes().await.is_empty());
    assert!(desk.delivered().is_empty());
}

/// Red where the savepoint was not rolled back: the failed write's note stayed.
pub(super) async fn writes_of_a_group_are_isolated(desk: &Desk) {
    let (release, held) = desk.hold();
    let store = desk.store.clone();
    let first = desk.note(1);
    let failing = queued(async move {
        store
            .write(async |tx: &mut Tx| -> Result<(), Error> {
                tx.execute("INSERT INTO note (id) VALUES (2)", []).await?;
                tx.execute("INSERT INTO note (id) VALUES (1)", []).await.map(|_| ())
            })
            .await
    });
    let last = desk.note(3);
    drop(release);
    held.await.expect("the held write ends");
    first.await.expect("it is not concerned");
    assert_eq!(failing.await.expect_err("the note is there").kind(), ErrorKind::Constraint);
    last.await.expect("it is not concerned");
    assert_eq!(desk.notes().await, [1, 3]);
}

pub(super) async fn a_panic_undoes_only_its_write(desk: &Desk) {
    let (release, held) = desk.hold();
    let store = desk.store.clone();
    let before = desk.note(1);
    let panicking = queued(async move {
        store
            .write(async |tx: &mut Tx| -> Result<(), Error> {
                tx.execute("INSERT INTO note (id) VALUES (2)", []).await?;
                panic!("on purpose");
            })
            .await
    });
    let after = desk.note(3);
    drop(release);
    held.await.expect("the held write ends");
    assert_eq!(panicking.await, Err(Error::Panicked));
    before.await.expect("it is not concerned");
    after.await.expect("it is not concerned");
    assert_eq!(desk.notes().await, [1, 3]);
}

/// Red without the `select!` in the writer: nobody writes any more.
pub(super) async fn a_slow_write_fails_alone(desk: &Desk) {
    let (_never, slow) = desk.hold();
    let after = desk.note(1);
    assert_eq!(while_time_passes(desk, slow).await, Err(Error::TooSlow { seconds: LIMIT.as_secs() }));
    after.await.expect("the writer goes on");
    assert_eq!(desk.notes().await, [1]);
}

pub(super) async fn a_slow_read_ends(desk: &Desk) {
    let slow = desk.store.read(async |tx| -> Result<(), Error> {
        tx.rows("SELECT id FROM note", []).await?;
        std::future::pending().await
    });
    assert_eq!(while_time_passes(desk, slow).await, Err(Error::TooSlow { seconds: LIMIT.as_secs() }));
}

/// Red without the deadline of running statements: it runs for minutes, and nobody writes meanwhile.
pub(super) async fn a_slow_statement_is_interrupted(desk: &Desk) {
    const COUNT: &str =
        "WITH RECURSIVE step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 1000000000)
                         SELECT COUNT(*) FROM step";
    let store = desk.store.clone();
    let slow =
        queued(async move { store.write(async |tx: &mut Tx| tx.one(COUNT, []).await.map(|_| ())).await });
    let after = desk.note(1);
    assert_eq!(while_time_passes(desk, slow).await, Err(Error::TooSlow { seconds: LIMIT.as_secs() }));
    after.await.expect("the writer goes on");
    let slow = desk.store.read(async |tx| tx.one(COUNT, []).await.map(|_| ()));
    assert_eq!(while_time_passes(desk, slow).await, Err(Error::TooSlow { seconds: LIMIT.as_secs() }));
    assert_eq!(desk.notes().await, [1]);
}

/// Moves the clock on until it is done: whoever waits for a time may begin to wait at any moment.
async fn while_time_passes<T>(desk: &Desk, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        if let Some(result) = work.as_mut().now_or_never() {
            return result;
        }
        desk.clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
    }
}

/// Red where a write was left out whose answer nobody waits for.
pub(super) async fn a_dropped_caller_loses_nothing(desk: &Desk) {
    let (release, held) = desk.hold();
    drop(desk.note(1));
    drop(release);
    held.await.expect("the held write ends");
    desk.note(2).await.expect("inserts");
    assert_eq!(desk.notes().await, [1, 2]);
}

/// Red where a failed commit was answered to the whole group.
pub(super) async fn a_deferred_conflict_fails_alone(desk: &Desk) {
    let table = "CREATE TABLE child (id BIGINT NOT NULL REFERENCES note (id) DEFERRABLE INITIALLY DEFERRED)";
    desk.store.write(async move |tx| tx.script(table).await).await.expect("makes a table");
    let (release, held) = desk.hold();
    let (first, store) = (desk.note(1), desk.store.clone());
    let orphan = queued(async move {
        let sql = "INSERT INTO child (id) VALUES (9)";
        store.write(async move |tx| tx.execute(sql, []).await).await
    });
    let last = desk.note(3);
    drop(release);
    held.await.expect("the held write ends");
    first.await.expect("it is not concerned");
    assert_eq!(orphan.await.expect_err("it has no note").kind(), ErrorKind::Constraint);
    last.await.expect("it is not concerned");
    assert_eq!(desk.notes().await, [1, 3]);
}

/// Red where a group was delivered before its commit: the listener, which the writer waits for, sees nothing.
pub(super) async fn nothing_is_delivered_before_its_commit(desk: &Desk) {
    let (tell, told) = std::sync::mpsc::channel();
    let (store, runtime, channel) = (desk.store.clone(), Handle::current(), desk.channel.clone());
    desk.store.on_commit(Arc::new(move |publication| {
        let (store, runtime, channel, tell) = (store.clone(), runtime.clone(), channel.clone(), tell.clone());
        // From outside of the transaction, by a thread that may wait.
        let look = move || {
            let read = async |tx: &mut ReadTx| tx.history(&channel, super::desk::ALL).await;
            let seen = runtime.block_on(store.read(read)).expect("reads");
            tell.send(seen.publications.contains(&publication)).expect("the case waits");
        };
        std::thread::spawn(look).join().expect("no panic");
    }));
    let channel = desk.channel.clone();
    let write = async move |tx: &mut Tx| -> Result<(), Error> {
        tx.channel(&channel).await?.publish("noted", "1").await?;
        tx.channel(&channel).await?.publish("noted", "2").await.map(|_| ())
    };
    desk.store.write(write).await.expect("publishes");
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [true, true], "each before the answer");
}

/// Red where a group was delivered backwards.
pub(super) async fn deliveries_follow_the_order_of_commits(desk: &Desk) {
    let (release, held) = desk.hold();
    let writes: Vec<_> = (0..200)
        .map(|n| {
            let (store, publication) = (desk.store.clone(), desk.publication(&n.to_string()));
            queued(async move { store.append(publication, &super::desk::rules()).await })
        })
        .collect();
    drop(release);
    held.await.expect("the held write ends");
    for (place, write) in writes.into_iter().enumerate() {
        let offset = write.await.expect("appends").position.expect("it is positioned").offset;
        assert_eq!(offset, place as u64 + 1);
        assert!(desk.delivered().len() as u64 >= offset, "an answer came before the delivery");
    }
    assert_eq!(offsets(&desk.delivered()), (1..=200).collect::<Vec<_>>());
}

/// Red without the `catch_unwind` around listeners: the writer's thread ends.
pub(super) async fn a_listener_that_panics_stops_nobody(desk: &Desk) {
    desk.store.on_commit(Arc::new(|_| panic!("on purpose")));
    let late = Arc::new(std::sync::Mutex::new(0));
    let count = Arc::clone(&late);
    desk.store.on_commit(Arc::new(move |_| *count.lock().expect("no panic under it") += 1));
    desk.append_many(2).await;
    assert_eq!(*late.lock().expect("no panic under it"), 2);
}

/// Red where a read began no transaction.
pub(super) async fn a_read_is_one_snapshot(desk: &Desk) {
    desk.note(1).await.expect("inserts");
    let both = async |tx: &mut ReadTx| -> Result<[i64; 2], Error> {
        let sql = "SELECT COUNT(*) FROM note";
        let before = tx.one(sql, []).await?.get(0)?;
        desk.note(2).await?;
        Ok([before, tx.one(sql, []).await?.get(0)?])
    };
    assert_eq!(desk.store.read(both).await, Ok([1, 1]));
    assert_eq!(desk.notes().await, [1, 2]);
}

/// Red where an abandoned transaction was not rolled back: the next one on that connection cannot begin.
pub(super) async fn an_abandoned_read_frees_its_connection(desk: &Desk) {
    for id in 1..=20 {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let read = desk.store.read(async move |tx| -> Result<(), Error> {
            tx.rows("SELECT id FROM note", []).await?;
            _ = begun.send(());
            std::future::pending().await
        });
        tokio::select! {
            _ = read => panic!("it never ends"),
            begun = has_begun => begun.expect("it has begun"),
        }
        desk.note(id).await.expect("inserts");
        assert_eq!(desk.notes().await.last(), Some(&id), "an old snapshot was read");
    }
}

/// Tasks of a multi-thread runtime use a store: what it returns is `Send`.
pub(super) async fn a_closed_store_refuses(desk: &Desk) {
    let (store, channel) = (desk.store.clone(), name("room:2"));
    let work = async move {
        store.snapshot(&channel, async |tx| tx.rows("SELECT $1", params![1_i64]).await.map(|_| ())).await?;
        store.write(async |tx| tx.execute("INSERT INTO note (id) VALUES (1)", []).await).await?;
        store.close().await;
        Ok::<_, Error>(store)
    };
    let store = tokio::spawn(work).await.expect("no panic").expect("it is open");
    let error = store.write(async |tx| tx.execute("SELECT 1", []).await).await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = store.read(async |tx| tx.rows("SELECT 1", []).await).await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
