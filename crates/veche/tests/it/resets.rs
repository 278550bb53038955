//! A link that is reset again and again loses nothing and repeats nothing.

use std::net::SocketAddr;

use tokio::sync::watch;
use veche::{Kernel, Namespace, Retain, testing::Follower};

use crate::support::{
    PATH, Said, address,
    client::{Client, Got},
    guests,
    proxy::{self, Cut, Random, anywhere},
    raw::Raw,
    start, within,
};

const CHANNEL: &str = "log:1";
const MESSAGES: usize = 5_000;
const RESETS: usize = 50;
/// Publications from one reset to the next. More bytes than the longest of the links carries.
const BETWEEN: usize = 98;

/// Links live for up to so many bytes, from either side; the handshake is among them.
fn cuts(random: &mut Random) -> Vec<Cut> {
    let cut = |_| match random.up_to(4) {
        1 => Cut::FromClient(random.up_to(200)),
        _ => Cut::FromServer(random.up_to(7_500)),
    };
    (0..RESETS).map(cut).collect()
}

/// Publishes all the while: as much on each link as it takes to reach its end.
async fn publish(kernel: Kernel, mut begun: watch::Receiver<bool>, mut cuts: watch::Receiver<u64>) {
    begun.wait_for(|begun| *begun).await.expect("the client lives");
    for at in 0..MESSAGES {
        let allowed = |cuts: &u64| *cuts as usize >= RESETS || at < (*cuts as usize + 1) * BETWEEN;
        cuts.wait_for(allowed).await.expect("the proxy lives");
        kernel.channel(CHANNEL).publish(&Said(at)).await.expect("published");
    }
}

/// One connection, until it ends or everything has come.
async fn follow(follower: &mut Follower, proxy: SocketAddr, begun: &watch::Sender<bool>) -> Option<()> {
    let mut client = Client::upgrade(Raw::open(proxy).await, PATH, "").await?;
    let Got::Text { .. } = client.next().await else { return None };
    let mut send = follower.connect();
    while follower.received(CHANNEL).len() < MESSAGES {
        for text in send {
            if !client.send_frame(veche_protocol::ws::Opcode::Text, text.as_bytes()).await {
                return None;
            }
        }
        send = match client.next().await {
            Got::Text { text, .. } => follower.receive(&text).expect("no gap and no duplicate"),
            Got::Ping(_) => Vec::new(),
            Got::End => return None,
            other => panic!("{other:?}"),
        };
        if follower.position(CHANNEL).is_some() {
            begun.send_replace(true);
        }
    }
    Some(())
}

#[tokio::test]
async fn fifty_resets_lose_nothing_and_repeat_nothing() {
    // Red: a replay that begins one too late (a gap), and one too early (a duplicate).
    let mut random = Random(anywhere("RESETS_FROM"));
    let retain = Retain { count: 10_000, ..Retain::default() };
    let log = Namespace { retain, replay_limit: 10_000, name: "log".to_owned(), ..crate::support::room() };
    let server = start(guests().shards(2).namespace(log));
    let (proxy, cut) = proxy::start(address(&server), cuts(&mut random)).await;
    let (begin, begun) = watch::channel(false);
    let publisher = tokio::spawn(publish(server.kernel().clone(), begun, cut.clone()));

    let mut follower = Follower::new([CHANNEL]);
    let following = async { while follow(&mut follower, proxy, &begin).await.is_none() {} };
    within(following).await;
    publisher.await.expect("all were published");

    assert_eq!(*cut.borrow(), RESETS as u64);
    assert_eq!(follower.resets(CHANNEL), [""; 0]);
    let expected: Vec<_> = (0..MESSAGES).map(|at| at.to_string()).collect();
    assert_eq!(follower.received(CHANNEL), expected);
}
