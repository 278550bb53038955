//! What counts once, and what is acknowledged.

use std::{sync::Arc, time::Duration};

use veche_kernel::{Namespace, Publication, UserId, broker::Published};

use super::desk::{ALL, Desk, name, rules};
use crate::{Error, Once, Tx};

/// An `op_id` is remembered for 10 s.
fn brief() -> Namespace {
    Namespace { dedupe: Duration::from_secs(10), ..rules() }
}

/// Red where `remember` always answered that the operation is new.
pub(super) async fn an_operation_counts_once_within_its_window(desk: &Desk) {
    let first = desk.append(desk.operation(Some("ann"), "op"), &brief()).await;
    desk.append_many(2).await;
    for _ in 0..4 {
        let again = desk.append(desk.operation(Some("ann"), "op"), &brief()).await;
        assert_eq!(again, Published { duplicate: true, ..first });
    }
    desk.clock.advance(Duration::from_millis(9_999));
    assert!(desk.append(desk.operation(Some("ann"), "op"), &brief()).await.duplicate);
    desk.clock.advance(Duration::from_millis(1));
    let fresh = desk.append(desk.operation(Some("ann"), "op"), &brief()).await;
    assert!(!fresh.duplicate);
    assert_eq!(fresh.position.expect("it is positioned").offset, 4);
    let again = desk.append(desk.operation(Some("ann"), "op"), &brief()).await;
    assert_eq!(again, Published { duplicate: true, ..fresh });
}

pub(super) async fn an_operation_belongs_to_its_user_and_channel(desk: &Desk) {
    for user in [Some("ann"), Some("bob"), Some(""), None] {
        assert!(!desk.append(desk.operation(user, "op"), &brief()).await.duplicate, "{user:?}");
        assert!(desk.append(desk.operation(user, "op"), &brief()).await.duplicate, "{user:?}");
        assert!(!desk.append(desk.operation(user, "OP"), &brief()).await.duplicate, "{user:?}");
    }
    let elsewhere = Publication { channel: name("room:2"), ..desk.operation(Some("ann"), "op") };
    assert!(!desk.append(elsewhere, &brief()).await.duplicate);
}

pub(super) async fn a_window_of_zero_remembers_nothing(desk: &Desk) {
    let none = Namespace { dedupe: Duration::ZERO, ..rules() };
    for _ in 0..2 {
        assert!(!desk.append(desk.operation(Some("ann"), "op"), &none).await.duplicate);
    }
    assert_eq!(desk.offsets(ALL).await, [1, 2]);
}

/// Red where a duplicate did not give its place back.
pub(super) async fn a_duplicate_takes_no_position(desk: &Desk) {
    for _ in 0..3 {
        desk.append(desk.operation(Some("ann"), "op"), &brief()).await;
    }
    desk.append_many(1).await;
    assert_eq!(desk.offsets(ALL).await, [1, 2]);
    assert_eq!(desk.delivered().len(), 2);
}

/// Does something that can be counted, once.
async fn spend(desk: &Desk, user: &str, op_id: &str, fails: bool) -> Result<Once, Error> {
    let (user, op_id) = (UserId::from(user), op_id.to_owned());
    let write = async move |tx: &mut Tx| {
        tx.once(&user, &op_id, async |tx| -> Result<Arc<str>, Error> {
            let sql = "INSERT INTO note (id) SELECT COUNT(*) + 1 FROM note";
            tx.execute(sql, []).await?;
            let count: i64 = tx.one("SELECT COUNT(*) FROM note", []).await?.get(0)?;
            if fails { Err(Error::Other("on purpose".into())) } else { Ok(count.to_string().into()) }
        })
        .await
    };
    desk.store.write(write).await
}

/// Red where a kept reply was not looked at.
pub(super) async fn a_reply_is_kept_with_its_write(desk: &Desk) {
    let first = spend(desk, "ann", "op", false).await.expect("spends");
    assert_eq!(first, Once { reply: "1".into(), duplicate: false });
    for _ in 0..4 {
        let again = spend(desk, "ann", "op", false).await.expect("answers");
        assert_eq!(again, Once { duplicate: true, ..first.clone() });
    }
    assert_eq!(spend(desk, "bob", "op", false).await.expect("spends").reply, "2".into());
    assert_eq!(desk.notes().await, [1, 2]);
}

pub(super) async fn a_failed_call_is_not_remembered(desk: &Desk) {
    spend(desk, "ann", "op", true).await.expect_err("it fails on purpose");
    let once = spend(desk, "ann", "op", false).await.expect("spends");
    assert_eq!(once, Once { reply: "1".into(), duplicate: false });
}

pub(super) async fn a_reply_is_forgotten_after_a_week(desk: &Desk) {
    spend(desk, "ann", "op", false).await.expect("spends");
    desk.clock.advance(Duration::from_hours(7 * 24) - Duration::from_millis(1));
    assert!(spend(desk, "ann", "op", false).await.expect("answers").duplicate);
    desk.clock.advance(Duration::from_millis(1));
    let again = spend(desk, "ann", "op", false).await.expect("spends");
    assert_eq!(again, Once { reply: "2".into(), duplicate: false });
}
