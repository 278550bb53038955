//! Personal channels while the log takes its time. The store's tests have the rest.

use std::{sync::atomic::Ordering, time::Duration};

use veche_kernel::{Event, Identity, Opening, UserId};

use crate::{kit::types, paper::node};

#[derive(serde::Serialize)]
struct Notification;

impl Event for Notification {
    const NAME: &str = "notification";
}

fn ann() -> Opening {
    Opening { identity: Some(Identity::of(UserId::from("ann"))), ..Opening::default() }
}

/// Red when a knock is forgotten while the log is asked: nothing came after `subscribed`.
#[tokio::test]
async fn what_is_told_while_the_log_is_asked_for_a_device_is_not_missed() {
    let (node, paper) = node();
    let pass = paper.gate.clone().acquire_owned().await.expect("it is open");
    let mut ann = node.open(0, ann()).await;
    node.settle().await;
    assert_eq!(types(&ann.arrived()), ["welcome"]);
    node.kernel().user("ann").publish(&Notification).await.expect("it is kept");
    node.settle().await;
    drop(pass);
    assert_eq!(ann.expect_frame("subscribed").await["recovery"], "replay");
    assert_eq!(ann.expect_frame("notification").await["offset"], 1);
}

/// Red when the first failure is the last word.
#[tokio::test]
async fn a_log_that_is_down_when_somebody_signs_in_is_asked_again() {
    let (node, paper) = node();
    paper.is_down.store(true, Ordering::Relaxed);
    let mut ann = node.open(0, ann()).await;
    ann.join("room:1").await;
    node.advance(Duration::from_secs(3)).await;
    assert_eq!(types(&ann.arrived()), ["welcome"], "what lives in memory goes on without it");
    paper.is_down.store(false, Ordering::Relaxed);
    node.advance(Duration::from_secs(4)).await;
    assert_eq!(types(&ann.arrived()), ["subscribed"]);
}
