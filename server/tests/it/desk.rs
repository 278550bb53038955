//! A board through SIGKILL: each operation that was sent is applied once, whatever the client heard of it.

use std::{env, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    http,
    process::Veche,
    proxy::{Random, anywhere},
};

const BOARD: &str = "off2";
const CHANNEL: &str = "board:off2";

/// How often the server is killed: a few times in each run, 100 by `VECHE_DESK_KILLS=100`.
fn kills() -> u64 {
    env::var("VECHE_DESK_KILLS").map_or(8, |kills| kills.parse().expect("a number"))
}

/// A board with two empty lists.
fn prepare(server: &Veche, token: &str) {
    let mut client = Client::insist(server.address(), token);
    for (event, data) in [
        ("board.create", json!({"board": BOARD, "title": "Killed again and again"})),
        ("list.create", json!({"list": "left", "title": "Left"})),
        ("list.create", json!({"list": "right", "title": "Right"})),
        ("card.create", json!({"card": "wanderer", "list": "left", "title": "Goes to and fro"})),
    ] {
        let answer = client.request(operation(event, &format!("{event} {data}"), &data)).expect("it lives");
        assert_eq!(answer["type"], "reply", "{answer}");
    }
}

fn operation(event: &str, op_id: &str, data: &Value) -> Value {
    // A name of an operation is short; what it is made of here is not.
    let op_id: String = op_id.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    let mut frame = json!({"type": event, "op_id": op_id, "data": data});
    if event != "board.create" {
        frame["channel"] = json!(CHANNEL);
    }
    frame
}

/// The round's operations: a card is made, and the wanderer changes its list.
fn operations(round: u64) -> [Value; 2] {
    let card = format!("card{round}");
    let to = if round.is_multiple_of(2) { "right" } else { "left" };
    let made = json!({"card": card, "list": "left", "title": card});
    [
        operation("card.create", &format!("make{round}"), &made),
        operation("card.move", &format!("move{round}"), &json!({"card": "wanderer", "to_list": to})),
    ]
}

#[test]
fn an_operation_whose_answer_was_lost_is_applied_once() {
    // Red where a handler leaves out `tx.once`: what was applied before the kill is applied again, and its
    // reply does not say `duplicate`.
    let mut server = Veche::start_with(&[r#"apps=["desk"]"#]);
    let token = server.token("ann");
    prepare(&server, &token);
    let mut random = Random(anywhere("VECHE_DESK_SEED"));
    for round in 1..=kills() {
        let operations = operations(round);
        let is_seen = round.is_multiple_of(2);
        let seen = die_of(&mut server, &token, &operations, is_seen.then_some(round), &mut random);
        server.restart();
        let mut client = Client::insist(server.address(), &token);
        for (number, operation) in operations.iter().enumerate() {
            let first = client.request(operation.clone()).expect("it lives");
            assert_eq!(first["type"], "reply", "{first}");
            if let Some(offset) = seen.get(number) {
                assert_eq!(first["duplicate"], true, "it was applied before the kill: {first}");
                assert_eq!(first["data"]["position"]["offset"], *offset, "{first}");
            }
            let again = client.request(operation.clone()).expect("it lives");
            assert_eq!((&again["duplicate"], &again["data"]), (&json!(true), &first["data"]), "{again}");
        }
    }
    judge(&server, &token);
}

/// Sends the operations and kills the server: once they were seen by a watcher, whose offsets are returned,
/// or at some moment soon.
fn die_of(
    server: &mut Veche,
    token: &str,
    operations: &[Value],
    seen_in: Option<u64>,
    random: &mut Random,
) -> Vec<u64> {
    let mut watcher = Client::insist(server.address(), token);
    watcher.send(&json!({"type": "subscribe", "channel": CHANNEL}).to_string()).expect("it lives");
    watcher.expect(&["subscribed"]).expect("it lives");
    let mut writer = Client::insist(server.address(), token);
    for operation in operations {
        let mut frame = operation.clone();
        frame["id"] = json!("never read");
        writer.send(&frame.to_string()).expect("it lives");
    }
    let mut seen = Vec::new();
    if seen_in.is_some() {
        for operation in operations {
            let event = watcher.expect(&["card.created", "card.moved"]).expect("it lives");
            assert_eq!(event["op_id"], operation["op_id"], "{event}");
            seen.push(event["offset"].as_u64().expect("it has a position"));
        }
    } else {
        // Any moment is right, also one in the middle of a commit.
        thread::sleep(Duration::from_micros(random.up_to(3_000)));
    }
    server.kill();
    seen
}

/// The board holds each card once, and its channel tells of each operation once.
fn judge(server: &Veche, token: &str) {
    let (status, board) = http::get(server.address(), &format!("/api/desk/boards/{BOARD}"), token);
    assert_eq!(status, 200, "{board}");
    let mut cards: Vec<_> =
        board["cards"].as_array().expect("a list").iter().map(|card| card["id"].to_string()).collect();
    cards.sort();
    let mut expected: Vec<_> = (1..=kills()).map(|round| format!("\"card{round}\"")).collect();
    expected.push("\"wanderer\"".to_owned());
    expected.sort();
    assert_eq!(cards, expected);
    let history = Client::insist(server.address(), token).history(CHANNEL);
    let mut told: Vec<_> = history.iter().map(|event| event["op_id"].to_string()).collect();
    let all = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), all, "no operation is told twice");
    assert_eq!(all as u64, 4 + 2 * kills(), "and each is told");
}
