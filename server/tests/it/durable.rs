//! Durable channels through SIGKILL, resets and resends: what was acknowledged is there, once and in order.

use std::{net::SocketAddr, sync::mpsc, thread};

use serde_json::{Value, json};
use veche_kernel::testing::Follower;

use crate::support::{
    NEVER,
    client::{Client, Gone, message},
    process::Veche,
    proxy::{self, Cut, Random, anywhere},
};

const CHANNEL: &str = "log:1";

/// The most messages of a publisher that wait for their acknowledgements; what our clients allow themselves.
const WINDOW: usize = 16;

/// A user whose messages are sent again until they are acknowledged.
struct Publisher {
    user: String,
    token: String,
    address: SocketAddr,
    count: usize,
}

impl Publisher {
    fn new(server: &Veche, address: SocketAddr, user: &str, count: usize) -> Self {
        Self { user: user.to_owned(), token: server.token(user), address, count }
    }

    fn op_id(&self, number: usize) -> String {
        format!("{}-{number}", self.user)
    }

    /// Publishes everything, waiting in `before` ahead of each message and telling `acknowledged` of each
    /// acknowledgement. Returns the offsets that the messages were acknowledged with.
    fn run(&self, mut before: impl FnMut(usize), mut acknowledged: impl FnMut()) -> Vec<u64> {
        let mut offsets = Vec::new();
        while offsets.len() < self.count {
            let mut client = Client::insist(self.address, &self.token);
            // What was not acknowledged when a connection ends is sent again on the next.
            let _ = self.run_on(&mut client, &mut offsets, &mut before, &mut acknowledged);
        }
        offsets
    }

    fn run_on(
        &self,
        client: &mut Client,
        offsets: &mut Vec<u64>,
        before: &mut impl FnMut(usize),
        acknowledged: &mut impl FnMut(),
    ) -> Result<(), Gone> {
        let mut sent = offsets.len();
        while offsets.len() < self.count {
            if sent < self.count && sent - offsets.len() < WINDOW {
                before(sent);
                let mut frame = message(CHANNEL, &self.op_id(sent), json!([self.user, sent]));
                frame["id"] = json!(sent);
                client.send(&frame.to_string())?;
                sent += 1;
                continue;
            }
            let reply = client.expect(&["reply", "error"])?;
            assert_eq!(
                (&reply["id"], &reply["class"]),
                (&json!(offsets.len()), &json!("durable")),
                "{reply}"
            );
            offsets.push(reply["position"]["offset"].as_u64().expect("it has a position"));
            acknowledged();
        }
        Ok(())
    }
}

/// Follows the channel from connection to connection until so many publications came, and tells `begun`
/// when it is subscribed.
fn follow(address: SocketAddr, token: &str, count: usize, begun: &mpsc::Sender<()>) -> Follower {
    let mut follower = Follower::new([CHANNEL]);
    let mut follow_on = |client: &mut Client| -> Result<(), Gone> {
        let mut send = follower.connect();
        while follower.received(CHANNEL).len() < count {
            for text in send {
                client.send(&text)?;
            }
            send = follower.receive(&client.text()?).expect("no gap and no duplicate");
            if follower.position(CHANNEL).is_some() {
                // It is heard once; later nobody listens.
                let _ = begun.send(());
            }
        }
        Ok(())
    };
    while follow_on(&mut Client::insist(address, token)).is_err() {}
    follower
}

/// The payloads, after a look that nothing is missing, nothing is there twice, and each publisher's messages
/// are in its order and where they were acknowledged.
fn judge(history: &[Value], publishers: &[(Publisher, Vec<u64>)]) -> Vec<String> {
    let count: usize = publishers.iter().map(|(publisher, _)| publisher.count).sum();
    assert_eq!(history.len(), count, "as many as were acknowledged");
    for (place, publication) in history.iter().enumerate() {
        assert_eq!(publication["offset"], place + 1, "the log has no hole");
    }
    for (publisher, offsets) in publishers {
        assert_eq!(offsets.len(), publisher.count);
        assert!(offsets.is_sorted(), "{} was put out of order", publisher.user);
        for (number, offset) in offsets.iter().enumerate() {
            let kept = &history[*offset as usize - 1];
            assert_eq!(kept["op_id"], publisher.op_id(number), "acknowledged as {offset}");
        }
    }
    history.iter().map(|publication| publication["data"].to_string()).collect()
}

/// Red where messages were acknowledged before their commit (the follower waits in vain for what is lost),
/// where an `op_id` was looked up nowhere or forgotten at each start (doubled), and where a replay began one
/// late (a gap) or one early (a duplicate).
#[test]
fn five_kills_lose_nothing_and_repeat_nothing() {
    const PUBLISHERS: usize = 4;
    const MESSAGES: usize = 200;
    const KILLS: usize = 5;
    const BETWEEN: usize = 130;
    let mut server = Veche::start();
    let address = server.address();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| Publisher::new(&server, address, &format!("p{number}"), MESSAGES))
        .collect();
    let token = server.token("follower");
    let (begin, begun) = mpsc::channel();
    let (acknowledge, acknowledged) = mpsc::channel();
    let (follower, published) = thread::scope(|scope| {
        let follower = scope.spawn(|| follow(address, &token, PUBLISHERS * MESSAGES, &begin));
        begun.recv_timeout(NEVER).expect("it subscribes");
        let publish = |publisher: Publisher| {
            let acknowledge = acknowledge.clone();
            let tell = move || acknowledge.send(()).expect("the test lives");
            scope.spawn(move || {
                let offsets = publisher.run(|_| {}, tell);
                (publisher, offsets)
            })
        };
        let running: Vec<_> = publishers.into_iter().map(publish).collect();
        for _ in 0..KILLS {
            for _ in 0..BETWEEN {
                acknowledged.recv_timeout(NEVER).expect("the publishers go on");
            }
            server.kill();
            server.restart();
        }
        let published: Vec<_> = running.into_iter().map(|one| one.join().expect("it published")).collect();
        (follower.join().expect("it followed"), published)
    });
    let history = Client::insist(address, &token).history(CHANNEL);
    let expected = judge(&history, &published);
    assert_eq!(follower.resets(CHANNEL), [""; 0]);
    assert_eq!(follower.received(CHANNEL), expected);
}

/// Links live for up to so many bytes, from either side; the handshake is among them.
fn cuts(random: &mut Random, count: usize, from_client: u64) -> Vec<Cut> {
    let cut = |_| match random.up_to(4) {
        1 => Cut::FromClient(random.up_to(from_client)),
        _ => Cut::FromServer(random.up_to(7_500)),
    };
    (0..count).map(cut).collect()
}

/// Red where an `op_id` was looked up nowhere (doubled), and where a replay began one late (a gap).
#[test]
fn resets_at_any_byte_lose_nothing_and_repeat_nothing() {
    const RESETS: usize = 20;
    /// Publications from one reset of the follower to the next: more bytes than the longest link carries.
    const BETWEEN: usize = 98;
    const MESSAGES: usize = (RESETS + 1) * BETWEEN;
    let server = Veche::start();
    let mut random = Random(anywhere("DURABLE_RESETS_FROM"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    // What the follower sends is a handshake and a line; the publisher sends all the time.
    let links = proxy::start(server.address(), cuts(&mut random, RESETS, 200));
    let (follower_address, mut follower_cuts) = runtime.block_on(links);
    let links = proxy::start(server.address(), cuts(&mut random, RESETS, 7_500));
    let (publisher_address, publisher_cuts) = runtime.block_on(links);
    let publisher = Publisher::new(&server, publisher_address, "ann", MESSAGES);
    let token = server.token("follower");
    let (begin, begun) = mpsc::channel();
    let (follower, offsets) = thread::scope(|scope| {
        let follower = scope.spawn(|| follow(follower_address, &token, MESSAGES, &begin));
        begun.recv_timeout(NEVER).expect("it subscribes");
        let pace = |number: usize| {
            let allowed = |cuts: &u64| number < (*cuts as usize + 1) * BETWEEN;
            let cut = async { tokio::time::timeout(NEVER, follower_cuts.wait_for(allowed)).await.map(drop) };
            runtime.block_on(cut).expect("the follower goes on");
        };
        let offsets = publisher.run(pace, || {});
        (follower.join().expect("it followed"), offsets)
    });
    assert_eq!((*follower_cuts.borrow(), *publisher_cuts.borrow()), (RESETS as u64, RESETS as u64));
    let history = Client::insist(server.address(), &token).history(CHANNEL);
    let expected = judge(&history, &[(publisher, offsets)]);
    assert_eq!(follower.resets(CHANNEL), [""; 0]);
    assert_eq!(follower.received(CHANNEL), expected);
}

/// Sends an operation so often. Every answer but the very first says `duplicate` and the same position.
fn repeat(client: &mut Client, op_id: &str, times: usize, first: Option<Value>) -> Option<Value> {
    (0..times).fold(first, |first, _| {
        let reply = client.request(message(CHANNEL, op_id, json!(op_id))).expect("it is served");
        let position = reply["position"].clone();
        assert!(position.is_object(), "{reply}");
        let Some(first) = first else {
            assert!(reply.get("duplicate").is_none(), "{reply}");
            return Some(position);
        };
        assert_eq!((&reply["duplicate"], &position), (&json!(true), &first), "{reply}");
        Some(first)
    })
}

/// Red where an `op_id` was looked up nowhere, where they were forgotten at each start, and where
/// an answer came before its commit.
#[test]
fn an_operation_is_applied_once_however_often_it_is_sent() {
    let mut server = Veche::start();
    let token = server.token("ann");
    let mut client = Client::insist(server.address(), &token);
    let operations = ["one", "two", "three", "four", "five"];
    let mut firsts = Vec::new();
    for (sent, op_id) in operations.iter().enumerate() {
        firsts.push(repeat(&mut client, op_id, sent + 1, None));
    }
    // Whether this one is written before the kill nobody knows; the client, too, can only send it again.
    let torn = message(CHANNEL, "torn", json!("torn")).to_string();
    client.send(&torn).expect("the server lives");
    server.kill();
    server.restart();

    let mut client = Client::insist(server.address(), &token);
    for (sent, op_id) in operations.iter().enumerate() {
        let again = repeat(&mut client, op_id, sent + 1, firsts[sent].clone());
        assert_eq!(again, firsts[sent]);
    }
    client.request(message(CHANNEL, "torn", json!("torn"))).expect("it is served");
    let history = client.history(CHANNEL);
    let kept: Vec<_> = history.iter().map(|publication| publication["op_id"].as_str()).collect();
    let all: Vec<_> = operations.iter().copied().chain(["torn"]).map(Some).collect();
    assert_eq!(kept, all);
    // Another user's operation of the same name is another one.
    let mut bob = Client::insist(server.address(), &server.token("bob"));
    repeat(&mut bob, "one", 2, None);
}
