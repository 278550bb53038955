//! A stream whose link is reset again and again loses nothing and repeats nothing.

use std::{collections::HashMap, net::SocketAddr};

use tokio::sync::watch;
use veche::{Kernel, Namespace, Retain};

use crate::{
    sse_client::{EVENTS, Stream},
    support::{
        Said, address, guests,
        proxy::{self, Cut, Random, anywhere},
        raw::Raw,
        start_with, within,
    },
};

const RESETS: usize = 30;
/// Publications from one reset to the next. More bytes than the longest of the links carries.
const BETWEEN: usize = 60;
const MESSAGES: usize = (RESETS + 1) * BETWEEN;

/// Publishes all the while, to one channel after the other: as much on each link as it takes to reach its end.
async fn publish(
    kernel: Kernel,
    channels: &'static [&'static str],
    mut begun: watch::Receiver<bool>,
    mut cuts: watch::Receiver<u64>,
) {
    begun.wait_for(|begun| *begun).await.expect("the client lives");
    for at in 0..MESSAGES {
        let allowed = |cuts: &u64| *cuts as usize >= RESETS || at < (*cuts as usize + 1) * BETWEEN;
        cuts.wait_for(allowed).await.expect("the proxy lives");
        kernel.channel(channels[at % channels.len()]).publish(&Said(at)).await.expect("published");
    }
}

/// What a client has: the last id, and what it read of each channel.
#[derive(Default)]
struct Reader {
    id: String,
    read: HashMap<String, Vec<u64>>,
    count: usize,
}

impl Reader {
    /// One connection, until it ends or everything has come.
    async fn follow(&mut self, proxy: SocketAddr, query: &str, begun: &watch::Sender<bool>) -> Option<()> {
        let back = if self.id.is_empty() { String::new() } else { format!("Last-Event-ID: {}\r\n", self.id) };
        let mut stream = Stream::over(Raw::open(proxy).await, query, &back).await?;
        assert_eq!(stream.head.status, 200);
        while self.count < MESSAGES {
            let block = stream.block().await?;
            self.id.clone_from(&stream.id);
            begun.send_replace(true);
            let Some(event) = block else { continue };
            assert_eq!(event.name, "message", "{event:?}");
            let channel = event.data["channel"].as_str().expect("a channel").to_owned();
            self.read.entry(channel).or_default().push(event.data["data"].as_u64().expect("a number"));
            self.count += 1;
        }
        Some(())
    }
}

async fn survives(channels: &'static [&'static str]) {
    let mut random = Random(anywhere("SSE_RESETS_FROM"));
    let retain = Retain { count: 10_000, ..Retain::default() };
    let log = Namespace { retain, replay_limit: 10_000, name: "log".to_owned(), ..crate::support::room() };
    let server = start_with(guests().shards(2).namespace(log), |listen| listen.events(EVENTS));
    let cuts = (0..RESETS).map(|_| Cut::FromServer(random.up_to(7_000))).collect();
    let (proxy, cut) = proxy::start(address(&server), cuts).await;
    let (begin, begun) = watch::channel(false);
    let publisher = tokio::spawn(publish(server.kernel().clone(), channels, begun, cut.clone()));

    let query: Vec<_> = channels.iter().map(|channel| format!("channel={channel}")).collect();
    let query = format!("?{}", query.join("&"));
    let mut reader = Reader::default();
    within(async { while reader.follow(proxy, &query, &begin).await.is_none() {} }).await;
    publisher.await.expect("all were published");

    assert_eq!(*cut.borrow(), RESETS as u64);
    for (index, channel) in channels.iter().enumerate() {
        let expected: Vec<_> = (0..MESSAGES as u64).skip(index).step_by(channels.len()).collect();
        assert_eq!(reader.read[*channel], expected, "{channel}");
    }
}

#[tokio::test]
async fn thirty_resets_lose_nothing_and_repeat_nothing() {
    // Red: an id that is one behind (a duplicate), and one that is ahead (a loss).
    survives(&["log:1"]).await;
}

#[tokio::test]
async fn thirty_resets_lose_nothing_of_three_channels() {
    // Red: an id that is one behind: what came last came twice.
    survives(&["log:1", "log:2", "log:3"]).await;
}
