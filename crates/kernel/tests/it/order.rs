//! Everybody in a channel sees one order, without a gap and without a duplicate, whoever comes and goes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use veche_kernel::{
    Class, Data, Kernel, Module, Rejection, Session, State,
    testing::{Follower, TestNode},
};

use crate::kit::{Later, Tick, connect, message, no_limits, offsets, publish, quiet, types};

fn node() -> TestNode {
    let builder = Kernel::builder().limits(no_limits()).namespace(quiet("room", Class::Memory));
    TestNode::start(builder)
}

/// Red when the broker calls the sink after it has given its lock of the channel back.
#[tokio::test]
async fn all_subscribers_of_all_shards_see_one_order() {
    const EACH: u64 = 3_000;
    let node = node();
    let (mut subscribers, mut publishers) = (Vec::new(), Vec::new());
    for at in 0..8 {
        let mut subscriber = node.client_on(at % 2, "s").await;
        subscriber.join("room:1").await;
        subscribers.push(subscriber);
        publishers.push(node.client_on(at % 2, "p").await);
    }
    for n in 0..EACH {
        for (who, publisher) in publishers.iter().enumerate() {
            publisher.send(message("room:1", json!([who, n])));
        }
    }
    let mut first: Option<Vec<Value>> = None;
    for subscriber in &mut subscribers {
        let mut order = Vec::new();
        let mut last = HashMap::new();
        for offset in 1..=EACH * 8 {
            let frame = subscriber.next_frame().await;
            assert_eq!(frame["offset"], offset);
            let (who, n) = (frame["data"][0].as_u64(), frame["data"][1].as_u64());
            let before = last.insert(who, n);
            assert_eq!(n, Some(before.flatten().map_or(0, |n| n + 1)), "{who:?} in its own order");
            order.push(frame["data"].clone());
        }
        assert!(*first.get_or_insert_with(|| order.clone()) == order, "another order");
    }
}

/// Red when the cut is read before the subscription is put into the inbox, not under one lock.
#[tokio::test]
async fn whoever_joins_and_leaves_gets_exactly_what_comes_between() {
    let node = Arc::new(node());
    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..3)
        .map(|_| {
            let (kernel, stop) = (node.kernel().clone(), stop.clone());
            node.kernel().handlers().spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    kernel.channel("room:1").publish(&Tick::new(n)).await.expect("there is room");
                    n += 1;
                    if n % 20 == 0 {
                        // Not faster than the shards.
                        kernel.is_alive(Duration::from_secs(10)).await;
                    }
                }
            })
        })
        .collect();
    let visitors = (0..6_u64).map(|visitor| {
        let node = node.clone();
        async move {
            let mut client = node.client("v").await;
            for visit in 0..40 {
                client.send(json!({"type": "subscribe", "channel": "room:1"}));
                let subscribed = client.next_frame().await;
                assert_eq!(subscribed["type"], "subscribed", "nothing comes before it");
                let mut expected = subscribed["offset"].as_u64().expect("a memory channel has offsets");
                for _ in 0..(visitor * 7 + visit * 3) % 11 {
                    expected += 1;
                    assert_eq!(client.next_frame().await["offset"], expected);
                }
                client.send(json!({"type": "unsubscribe", "channel": "room:1"}));
                loop {
                    let frame = client.next_frame().await;
                    if frame["type"] == "unsubscribed" {
                        break;
                    }
                    expected += 1;
                    assert_eq!(frame["offset"], expected);
                }
            }
        }
    });
    futures_util::future::join_all(visitors).await;
    stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await.expect("the publisher did not panic");
    }
    node.settle().await;
    assert_eq!((node.kernel().channels(), node.shard_channels().await), (0, 0));
}

fn talking() -> (TestNode, Later) {
    let later = Later::default();
    let say = async |State(later): State<Later>, session: Session, Data(n): Data<u64>| {
        session.to("room:1").publish(&Tick::new(n)).await?;
        let kernel = later.get().expect("the node runs");
        kernel.channel("room:1").publish(&Tick::new(n + 1)).await?;
        Ok::<_, Rejection>("said")
    };
    let module = Module::new("talk").on("say", say).with_state(later.clone());
    let node = TestNode::start(
        Kernel::builder().limits(no_limits()).namespace(quiet("room", Class::Memory)).mount(module),
    );
    _ = later.set(node.kernel().clone());
    (node, later)
}

/// Red when replies are sent as they come, without waiting for the batches before them.
#[tokio::test]
async fn a_reply_comes_after_what_its_handler_published() {
    let (node, _later) = talking();
    let (mut ann, mut bob) = (node.client_on(0, "ann").await, node.client_on(1, "bob").await);
    ann.join("room:1").await;
    bob.join("room:1").await;
    for round in 0..50 {
        ann.send(json!({"type": "say", "id": round, "data": round}));
        let frames = [ann.next_frame().await, ann.next_frame().await, ann.next_frame().await];
        assert_eq!(types(&frames), ["skipped", "tick", "reply"]);
        assert_eq!(frames[1]["data"]["n"], round + 1);
        assert_eq!(bob.next_frame().await["data"]["n"], round);
        assert_eq!(bob.next_frame().await["data"]["n"], round + 1);
    }
}

/// Red when a reply's fence counts finished batches only.
#[tokio::test]
async fn a_reply_waits_for_a_fan_out_that_pauses() {
    let (node, _later) = talking();
    let mut crowd = Vec::new();
    for _ in 0..5_000 {
        let mut member = node.client_on(0, "crowd").await;
        member.join("room:1").await;
        crowd.push(member);
    }
    // The last in the list: the pause is before its turn.
    let mut ann = node.client_on(0, "ann").await;
    ann.join("room:1").await;
    ann.send(json!({"type": "say", "id": 1, "data": 5}));
    let own = json!({"type": "message", "id": 2, "channel": "room:1", "data": "own"});
    ann.send(own);
    let mut frames = Vec::new();
    for _ in 0..5 {
        frames.push(ann.next_frame().await);
    }
    // The message may travel with the batch that the first reply waits for.
    let at = |is_it: &dyn Fn(&Value) -> bool| frames.iter().position(is_it).expect("it came");
    let (said, sent) = (at(&|frame| frame["id"] == 1), at(&|frame| frame["id"] == 2));
    let (tick, own) = (at(&|frame| frame["type"] == "tick"), at(&|frame| frame["type"] == "message"));
    assert!(frames[0]["type"] == "skipped" && tick < said && own < sent && said < sent, "{frames:?}");
    assert_eq!(frames[sent]["position"]["offset"], frames[own]["offset"]);
    node.settle().await;
    for member in &mut crowd {
        assert_eq!(offsets(&member.arrived()), [1, 2, 3]);
    }
}

/// Has the shard stand still; what comes until it is let go is taken by it in one turn, after the former.
fn hold(node: &TestNode) -> (std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<()>) {
    let (reached, is_reached) = std::sync::mpsc::channel();
    let (go, may_go) = std::sync::mpsc::channel();
    node.kernel().on_shard(0, move |_| {
        _ = reached.send(());
        _ = may_go.recv();
    });
    (is_reached, go)
}

/// Red when holes in the list of subscribers are closed while a batch is half sent.
#[tokio::test]
async fn members_who_go_while_a_fan_out_pauses_make_nobody_miss_anything() {
    let node = node();
    let mut members = Vec::new();
    for _ in 0..3_000 {
        let mut member = node.client_on(0, "m").await;
        member.join("room:1").await;
        members.push(member);
    }
    let (_, go_before) = hold(&node);
    publish(node.kernel(), "room:1", 1..=1, 0).await;
    let (is_reached, go) = hold(&node);
    drop(go_before);
    is_reached.recv().expect("the shard gets there");
    // The publication is on its way, and the shard will look at its inbox after the first thousand.
    let mut at = 0;
    members.retain(|_| {
        at += 1;
        at % 3 == 0
    });
    drop(go);
    publish(node.kernel(), "room:1", 2..=2, 0).await;
    node.settle().await;
    for member in &mut members {
        assert_eq!(offsets(&member.arrived()), [1, 2]);
    }
}

#[tokio::test]
async fn members_who_come_and_go_at_any_time_make_nobody_miss_anything() {
    const ROUNDS: u64 = 40;
    let node = node();
    let mut members = Vec::new();
    for _ in 0..3_000 {
        let mut member = node.client_on(0, "m").await;
        member.join("room:1").await;
        members.push(member);
    }
    for round in 1..=ROUNDS {
        publish(node.kernel(), "room:1", round..=round, 0).await;
        // Two thirds go in the end, from everywhere in the list; every other one is cut.
        for at in (0..members.len()).filter(|at| at % 3 != 0 && *at as u64 % ROUNDS == round % ROUNDS) {
            if at % 2 == 0 {
                members[at].cut().await;
            } else {
                members[at].send(json!({"type": "unsubscribe", "channel": "room:1"}));
            }
        }
    }
    node.settle().await;
    let all: Vec<u64> = (1..=ROUNDS).collect();
    for (at, member) in members.iter_mut().enumerate() {
        let seen = offsets(&member.arrived());
        if at % 3 == 0 {
            assert_eq!(seen, all, "member {at} stayed");
        } else {
            assert_eq!(seen, all[..seen.len()], "member {at} went");
        }
    }
}

/// Red when the end of a window comes by way of an inbox that nobody empties.
#[tokio::test]
async fn a_window_that_gathers_more_than_a_turn_may_hold_still_ends() {
    let gathered = veche_kernel::Namespace { coalesce_ms: 5, ..quiet("gathered", Class::Ephemeral) };
    let node = TestNode::start_in_real_time(Kernel::builder().limits(no_limits()).namespace(gathered));
    let mut ann = node.client_on(0, "ann").await;
    ann.join("gathered:1").await;
    let (hold, held) = std::sync::mpsc::channel::<()>();
    node.kernel().on_shard(0, move |_| _ = held.recv());
    publish(node.kernel(), "gathered:1", 1..=100, 60_000).await;
    drop(hold);
    for n in 1..=100 {
        assert_eq!(ann.expect::<Tick>().await.n, n);
    }
}

/// Red when a panic takes what stood behind it in the inbox with it.
#[tokio::test]
async fn a_panic_on_a_shard_loses_nothing_that_others_sent() {
    let node = node();
    let mut ann = node.client_on(0, "ann").await;
    ann.join("room:1").await;
    let (hold, held) = std::sync::mpsc::channel::<()>();
    node.kernel().on_shard(0, move |_| _ = held.recv());
    // All of these are taken out of the inbox at once.
    publish(node.kernel(), "room:1", 1..=2, 0).await;
    node.kernel().on_shard(0, |_| panic!("on purpose"));
    publish(node.kernel(), "room:1", 3..=4, 0).await;
    drop(hold);
    for offset in 1..=4 {
        assert_eq!(ann.next_frame().await["offset"], offset);
    }
}

/// Red when a client that returns is sent live what its replay will bring, or neither.
#[tokio::test]
async fn followers_that_are_cut_at_random_miss_nothing() {
    const LAST: u64 = 3_000;
    let retain = veche_kernel::Retain { count: 5_000, bytes: 0, ..Default::default() };
    let room = veche_kernel::Namespace { retain, replay_limit: 5_000, ..quiet("room", Class::Memory) };
    let node = TestNode::start(Kernel::builder().limits(no_limits()).namespace(room));
    let kernel = node.kernel().clone();
    let publishing = node.kernel().handlers().spawn(async move {
        for n in 1..=LAST {
            kernel.channel("room:1").publish(&Tick::of_size(n, 200)).await.expect("there is room");
            if n % 10 == 0 {
                // Not faster than the shards.
                kernel.is_alive(Duration::from_secs(10)).await;
            }
        }
    });
    let followers = (0..6_usize).map(|who| {
        let node = &node;
        async move {
            let mut follower = Follower::new(["room:1"]);
            let mut connections = 0;
            while follower.position("room:1").is_none_or(|(_, offset)| offset < LAST) {
                let mut client = node.client_on((who + connections) % 2, "f").await;
                connect(&mut follower, &client);
                connections += 1;
                for _ in 0..(who * 31 + connections * 17) % 90 {
                    let frame = client.next_frame().await;
                    let answers = follower.receive(&frame.to_string()).expect("no gap and no duplicate");
                    answers.iter().for_each(|text| client.send_text(text));
                    if follower.position("room:1").is_some_and(|(_, offset)| offset == LAST) {
                        break;
                    }
                }
                client.cut().await;
            }
            (follower.received("room:1").len() as u64, follower.resets("room:1").len())
        }
    });
    for (received, resets) in futures_util::future::join_all(followers).await {
        // The first subscription is fresh: what came before it is nobody's loss.
        assert!(received > LAST / 2 && resets == 0, "{received} received, {resets} resets");
    }
    publishing.await.expect("the publisher did not panic");
}
