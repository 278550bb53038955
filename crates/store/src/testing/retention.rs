//! Sweeps.

use std::{sync::Arc, time::Duration};

use veche_kernel::{Namespace, Publication, Retain, UserId, log::Device};

use super::desk::{ALL, Desk, name, rules};
use crate::{Trimmed, Tx, params};

const LONG: Duration = Duration::from_hours(24 * 365);

async fn trim(desk: &Desk, retain: Retain) -> Trimmed {
    let rules = Arc::new(Namespace { retain, ..rules() });
    let declared = |channel: &str| channel.starts_with("room:").then(|| Arc::clone(&rules));
    desk.store.trim(declared, desk.clock.wall_ms()).await.expect("trims")
}

async fn floor(desk: &Desk) -> u64 {
    desk.store.head(&desk.channel).await.expect("reads").floor
}

/// Red where the floor was raised without removing, and where it was removed without raising.
pub(super) async fn count_raises_the_floor(desk: &Desk) {
    desk.append_many(10).await;
    let retain = Retain { count: 4, ttl: LONG, bytes: 0 };
    assert_eq!(trim(desk, retain.clone()).await.publications, 6);
    assert_eq!(floor(desk).await, 6);
    assert_eq!(desk.offsets(ALL).await, [7, 8, 9, 10]);
    assert_eq!(trim(desk, retain.clone()).await.publications, 0);
    let sql = "SELECT COUNT(*) FROM publication";
    let rows = desk.store.read(async |tx| tx.one(sql, []).await?.get::<i64>(0)).await;
    assert_eq!(rows, Ok(4), "what is under the floor takes room");
    assert_eq!(trim(desk, Retain { count: 0, ..retain }).await.publications, 4);
    assert_eq!(floor(desk).await, 10);
    desk.append_many(1).await;
    assert_eq!(desk.offsets(ALL).await, [11]);
}

pub(super) async fn age_raises_the_floor(desk: &Desk) {
    let retain = Retain { count: 100, ttl: Duration::from_mins(1), bytes: 0 };
    desk.append_many(2).await;
    desk.clock.advance(Duration::from_secs(30));
    desk.append_many(1).await;
    // Its clock was wrong; the younger one before it keeps it.
    desk.append(Publication { time_ms: 1, ..desk.publication("4") }, &rules()).await;
    desk.clock.advance(Duration::from_millis(29_999));
    assert_eq!(trim(desk, retain.clone()).await.publications, 0);
    desk.clock.advance(Duration::from_millis(1));
    assert_eq!(trim(desk, retain.clone()).await.publications, 2);
    assert_eq!(desk.offsets(ALL).await, [3, 4]);
    desk.clock.advance(Duration::from_mins(1));
    assert_eq!(trim(desk, retain).await.publications, 2);
    assert_eq!(floor(desk).await, 4);
}

pub(super) async fn bytes_raise_the_floor(desk: &Desk) {
    for data in ["\"12345678\"", "\"12345678\"", "\"ÄÖÜ\"", "1"] {
        desk.append(desk.publication(data), &rules()).await;
    }
    // Bytes, not characters: the third has 8.
    assert_eq!(trim(desk, Retain { count: 100, ttl: LONG, bytes: 19 }).await.publications, 1);
    assert_eq!(trim(desk, Retain { count: 100, ttl: LONG, bytes: 18 }).await.publications, 1);
    assert_eq!(desk.offsets(ALL).await, [3, 4]);
}

pub(super) async fn a_sweep_goes_in_steps(desk: &Desk) {
    let channel = desk.channel.clone();
    let many = async move |tx: &mut Tx| -> Result<(), crate::Error> {
        let mut lock = tx.channel(&channel).await?;
        for _ in 0..1_203 {
            lock.publish("noted", "1").await?;
        }
        Ok(())
    };
    desk.store.write(many).await.expect("publishes");
    for n in 0..600 {
        desk.store.head(&name(&format!("room:x{n}"))).await.expect("makes a head");
    }
    assert_eq!(trim(desk, Retain { count: 1, ttl: LONG, bytes: 0 }).await.publications, 1_202);
    assert_eq!(desk.offsets(ALL).await, [1_203]);
}

pub(super) async fn what_is_not_declared_is_kept(desk: &Desk) {
    let elsewhere = name("elsewhere:1");
    let publication = Publication { channel: elsewhere.clone(), ..desk.publication("1") };
    desk.append(publication, &rules()).await;
    assert_eq!(trim(desk, Retain { count: 0, ttl: LONG, bytes: 0 }).await.publications, 0);
    assert_eq!(desk.store.history(&elsewhere, ALL).await.expect("reads").publications.len(), 1);
}

/// Red where the sweep left one of the three tables out.
pub(super) async fn what_is_remembered_expires(desk: &Desk) {
    let ann = UserId::from("ann");
    desk.append(desk.operation(Some("ann"), "op"), &rules()).await;
    let phone = Device::of(&ann, Some("phone"));
    desk.store.place(&phone).await.expect("keeps it");
    let user = ann.clone();
    let call =
        async move |tx: &mut Tx| tx.once(&user, "op", async |_| Ok::<_, crate::Error>("1".into())).await;
    desk.store.write(call).await.expect("calls");
    let retain = Retain { count: 100, ttl: LONG, bytes: 0 };
    assert_eq!(trim(desk, retain.clone()).await.expired, 0);
    desk.clock.advance(rules().dedupe);
    assert_eq!(trim(desk, retain.clone()).await.expired, 1);
    desk.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(trim(desk, retain.clone()).await.expired, 1);
    desk.clock.advance(Duration::from_hours(23 * 24));
    assert_eq!(trim(desk, retain).await.expired, 1);
    for sql in ["SELECT COUNT(*) FROM operation", "SELECT COUNT(*) FROM reply", "SELECT COUNT(*) FROM ack"] {
        let count = desk.store.read(async |tx| tx.one(sql, params![]).await?.get::<i64>(0)).await;
        assert_eq!(count, Ok(0), "{sql}");
    }
}
