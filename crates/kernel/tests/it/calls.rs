//! Calls take effect in the order of a session's frames, and whatever a handler does, the session goes on.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::sync::Semaphore;
use veche_kernel::{Data, Kernel, Module, Rejection, State, testing::TestNode};

use crate::kit::{no_limits, types};

#[derive(Clone)]
struct Desk {
    notes: Arc<Mutex<Vec<u64>>>,
    gate: Arc<Semaphore>,
}

impl Desk {
    fn notes(&self) -> Vec<u64> {
        self.notes.lock().expect("no test panics with it").clone()
    }
}

fn start() -> (TestNode, Desk) {
    let desk = Desk { notes: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
    let note = async |State(desk): State<Desk>, Data(n): Data<u64>| {
        desk.notes.lock().expect("no test panics with it").push(n);
        Ok::<_, Rejection>(n)
    };
    let gated = async |State(desk): State<Desk>| {
        desk.gate.acquire().await.expect("it is not closed").forget();
        Ok::<_, Rejection>("through")
    };
    let module = Module::new("desk")
        .on("note", note)
        .on("gated", gated)
        .deadline(Duration::from_mins(1))
        .on("aside", gated)
        .concurrent()
        .on("hang", async || std::future::pending::<()>().await)
        .deadline(Duration::from_secs(3))
        .on("panic", async || -> Result<(), Rejection> { panic!("on purpose") })
        .on("slow", async || std::future::pending::<()>().await)
        .with_state(desk.clone());
    (TestNode::start(Kernel::builder().limits(no_limits()).mount(module)), desk)
}

fn note(n: u64) -> serde_json::Value {
    json!({"type": "note", "id": n, "data": n})
}

/// Red when a late call's answer waits until something else wakes the shard.
#[tokio::test]
async fn a_late_answer_needs_no_other_traffic() {
    let hang = Module::new("hang").on("hang", async || std::future::pending::<()>().await);
    let module = hang.deadline(Duration::from_millis(1));
    let node = TestNode::start_in_real_time(Kernel::builder().mount(module));
    let mut ann = node.client("ann").await;
    assert_eq!(ann.call("hang", json!(null)).await.expect_err("it hangs").code, "timeout");
}

#[tokio::test]
async fn a_handler_past_its_deadline_answers_timeout_and_the_session_goes_on() {
    let (node, desk) = start();
    let mut ann = node.client("ann").await;
    ann.send(json!({"type": "hang", "id": 1}));
    (2..=4).for_each(|n| ann.send(note(n)));
    node.advance(Duration::from_millis(2_900)).await;
    assert_eq!((ann.arrived(), desk.notes()), (vec![], vec![]), "later frames wait");
    node.advance(Duration::from_millis(150)).await;
    let frames = ann.arrived();
    assert_eq!(types(&frames), ["error", "reply", "reply", "reply"]);
    assert_eq!(frames[0]["error"]["code"], "timeout");
    assert_eq!((frames[0]["id"].as_u64(), desk.notes()), (Some(1), vec![2, 3, 4]));

    ann.send(json!({"type": "slow", "id": 9}));
    node.advance(Duration::from_millis(9_900)).await;
    assert_eq!(ann.arrived().len(), 0, "the deadline is 10 s unless said otherwise");
    node.advance(Duration::from_millis(150)).await;
    assert_eq!(ann.arrived()[0]["error"]["code"], "timeout");
}

#[tokio::test]
async fn frames_overtake_a_concurrent_handler_only() {
    let (node, desk) = start();
    let mut ann = node.client("ann").await;
    ann.send(json!({"type": "aside", "id": 1}));
    ann.send(note(2));
    node.settle().await;
    assert_eq!((ann.next_frame().await["id"].as_u64(), desk.notes()), (Some(2), vec![2]));
    desk.gate.add_permits(1);
    assert_eq!(ann.next_frame().await["data"], "through");

    ann.send(json!({"type": "gated", "id": 3}));
    ann.send(note(4));
    node.settle().await;
    assert_eq!(desk.notes(), [2], "what is not concurrent is not overtaken");
    desk.gate.add_permits(1);
    node.settle().await;
    let answers: Vec<_> = ann.arrived().iter().map(|frame| frame["id"].as_u64()).collect();
    assert_eq!(answers, [Some(3), Some(4)]);
}

#[tokio::test]
async fn a_batch_waits_in_its_middle() {
    let (node, desk) = start();
    let mut ann = node.client("ann").await;
    ann.send(json!([note(1), {"type": "gated", "id": 2}, note(3), {"type": "hang"}, note(5)]));
    ann.send(note(6));
    node.settle().await;
    assert_eq!(desk.notes(), [1]);
    desk.gate.add_permits(1);
    node.settle().await;
    assert_eq!(desk.notes(), [1, 3]);
    node.advance(Duration::from_secs(4)).await;
    assert_eq!(desk.notes(), [1, 3, 5, 6]);
    let answers: Vec<_> = ann.arrived().iter().map(|frame| frame["id"].as_u64()).collect();
    assert_eq!(answers, [Some(1), Some(2), Some(3), None, Some(5), Some(6)]);
}

#[tokio::test]
async fn a_panic_in_a_handler_answers_internal_and_ends_nothing_else() {
    let (node, _) = start();
    let (mut ann, mut bob) = (node.client_on(0, "ann").await, node.client_on(0, "bob").await);
    assert_eq!(ann.call("panic", json!(null)).await.expect_err("it panics").code, "internal");
    assert_eq!(ann.call("note", json!(1)).await.expect("it goes on"), 1);
    assert_eq!(bob.call("note", json!(2)).await.expect("others too"), 2);
}

/// Red when handlers run on the shards.
#[tokio::test]
async fn a_handler_that_blocks_its_thread_does_not_stall_the_shard() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (start, started) = std::sync::mpsc::channel::<()>();
    let ends = Arc::new(Mutex::new((start, held)));
    let block = move || {
        let ends = ends.clone();
        async move {
            let (start, held) = &*ends.lock().expect("one waits");
            _ = start.send(());
            _ = held.recv();
        }
    };
    let module = Module::new("blocking").on("block", move |_: veche_kernel::Call| block());
    let node = TestNode::start(Kernel::builder().shards(1).mount(module));
    let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
    ann.send(json!({"type": "block", "id": 1}));
    started.recv().expect("the handler runs");
    bob.send(json!({"type": "ping"}));
    assert_eq!(bob.next_frame().await["type"], "pong");
    assert_eq!(ann.arrived().len(), 0);
    hold.send(()).expect("the handler waits");
    assert_eq!(ann.next_frame().await["type"], "reply");
}

/// Red when reads pause at half of the bound, or do not go on.
#[tokio::test]
async fn a_busy_sessions_queue_is_bounded_in_texts() {
    let (node, desk) = start();
    let mut ann = node.client("ann").await;
    ann.send(json!({"type": "gated", "id": 0}));
    (1..64).for_each(|n| ann.send(note(n)));
    assert!(ann.may_send().await, "63 texts wait");
    ann.send(json!({"type": "ping", "ts": 1}));
    assert_eq!(ann.next_frame().await["type"], "pong", "a ping overtakes");
    ann.send(note(64));
    assert!(!ann.may_send().await, "64 texts wait");
    ann.send(note(65));
    ann.send(json!({"type": "ping", "ts": 2}));
    node.settle().await;
    assert_eq!(ann.arrived().len(), 0, "nothing more is read");
    desk.gate.add_permits(1);
    node.settle().await;
    assert!(ann.may_send().await);
    assert_eq!(desk.notes(), (1..=65).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_busy_sessions_queue_is_bounded_in_bytes() {
    let (node, desk) = start();
    let ann = node.client("ann").await;
    ann.send(json!({"type": "gated"}));
    let text = format!(r#"{{"type":"note","data":7,"pad":"{}"}}"#, "x".repeat(60_000));
    for waiting in 1..=5 {
        ann.send_text(&text);
        assert_eq!(ann.may_send().await, waiting * text.len() < 256 << 10, "{waiting} texts");
    }
    desk.gate.add_permits(1);
    node.settle().await;
    assert!(ann.may_send().await);
    assert_eq!(desk.notes(), [7; 5]);
}
