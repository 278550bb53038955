//! A channel's state at a position: whoever loads it and subscribes from there misses nothing.

use std::sync::Arc;

use serde_json::{Value, json};
use veche_kernel::{
    Audience, ChannelName, Data, ErrorCode, Kernel, Limits, Module, Namespace, Rejection, State,
    testing::{TestClient, TestNode},
};
use veche_store::{Error, Migration, Store, params};

use crate::support::open;

const TABLES: &[Migration] = &[Migration {
    name: "cards",
    sql: r#"CREATE TABLE card (id TEXT COLLATE "C" NOT NULL PRIMARY KEY, title TEXT NOT NULL)"#,
}];

const CARDS: usize = 200;

fn failed(error: Error) -> Rejection {
    Rejection::new(ErrorCode::Internal, error.to_string())
}

fn board() -> ChannelName {
    ChannelName::parse("board:1").expect("it is a name")
}

/// Saves a card and tells of it in one transaction.
async fn add(State(store): State<Store>, Data(id): Data<String>) -> Result<(), Rejection> {
    let write = async move |tx: &mut veche_store::Tx| -> Result<(), Error> {
        tx.execute("INSERT INTO card (id, title) VALUES ($1, $2)", params![id.as_str(), "a card"]).await?;
        let event = json!(id).to_string();
        tx.channel(&board()).await?.publish("card.added", event).await?;
        Ok(())
    };
    store.write(write).await.map_err(failed)
}

/// The board as it is, and the position that it is of.
async fn load(State(store): State<Store>) -> Result<Value, Rejection> {
    let cards = async |tx: &mut veche_store::ReadTx| -> Result<Vec<String>, Error> {
        tx.rows("SELECT id FROM card ORDER BY id", []).await?.iter().map(|row| row.get("id")).collect()
    };
    let (cards, head) = store.snapshot(&board(), cards).await.map_err(failed)?;
    Ok(json!({"cards": cards, "position": {"epoch": head.epoch.to_string(), "offset": head.offset}}))
}

async fn node(store: &Store) -> TestNode {
    store.migrate("desk", TABLES).await.expect("the tables are made");
    let rules = Namespace { subscribe: Audience::Users, ..Namespace::durable("board") };
    let desk = Module::new("desk").channel(rules).on("card.add", add).on("board.load", load);
    let limits = Limits { frames_per_second: 0, calls_per_second: 0, ..Limits::default() };
    let builder = Kernel::builder().limits(limits).mount(desk.with_state(store.clone()));
    TestNode::start(builder.log(Arc::new(store.clone())))
}

/// Loads the board, subscribes from its position, and follows until it has every card.
async fn follow(mut client: TestClient) -> (usize, Vec<String>) {
    let loaded = client.call("board.load", json!(null)).await.expect("it loads");
    let mut cards: Vec<String> = serde_json::from_value(loaded["cards"].clone()).expect("they are ids");
    let first = cards.len();
    let since = loaded["position"].clone();
    let subscribed = client.subscribe(json!({"channel": "board:1", "since": since})).await;
    assert_ne!(subscribed["recovery"], "reset");
    while cards.len() < CARDS {
        let added = client.expect_frame("card.added").await;
        cards.push(added["data"].as_str().expect("an id").to_owned());
    }
    (first, cards)
}

/// The whole way through a node; that state and head are of one moment is proved in the store's suite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_subscribes_from_a_snapshot_misses_nothing_and_sees_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path()).await.expect("it opens");
    let node = node(&store).await;
    let mut writer = node.client("ann").await;
    let adding = tokio::spawn(async move {
        for number in 0..CARDS {
            let id = json!(format!("card-{number:03}"));
            writer.call("card.add", id).await.expect("it is saved");
        }
    });
    let mut readers = Vec::new();
    for reader in 0..8 {
        readers.push(tokio::spawn(follow(node.client(&format!("reader-{reader}")).await)));
        tokio::task::yield_now().await;
    }
    let expected: Vec<String> = (0..CARDS).map(|number| format!("card-{number:03}")).collect();
    for reader in readers {
        let (_, cards) = reader.await.expect("no reader panics");
        assert_eq!(cards, expected);
    }
    adding.await.expect("the writer does not panic");
    let (first, cards) = follow(node.client("late").await).await;
    assert_eq!((first, cards), (CARDS, expected));
    store.close().await;
}
