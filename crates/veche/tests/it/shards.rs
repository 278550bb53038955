//! Two shards are one node.

use veche::Server;

use crate::support::{Said, address, client::Client, guests, start, within};

/// How many sessions each shard has.
async fn sessions(server: &Server) -> Vec<usize> {
    let mut counts = Vec::new();
    for shard in 0..server.kernel().shards() {
        let (told, count) = tokio::sync::oneshot::channel();
        server.kernel().on_shard(shard, move |shard| told.send(shard.len()).expect("somebody waits"));
        counts.push(within(count).await.expect("the shard runs"));
    }
    counts
}

#[tokio::test]
async fn connections_are_spread_and_publications_cross() {
    // Red: `choose_shard` that returns 0.
    let server = start(guests().shards(2));
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(address(&server)).await;
        client.join("room:1").await;
        clients.push(client);
    }
    assert_eq!(sessions(&server).await, [2, 2]);
    for sender in 0..4_usize {
        clients[sender]
            .send(serde_json::json!({"type": "message", "channel": "room:1", "data": sender}))
            .await;
        for client in &mut clients {
            let frame = client.expect("message").await;
            assert_eq!((&frame["data"], &frame["offset"]), (&sender.into(), &(sender + 1).into()));
        }
    }
    server.kernel().channel("room:1").publish(&Said("all")).await.expect("published");
    for client in &mut clients {
        assert_eq!(client.expect("message").await["data"], "all");
    }
}
