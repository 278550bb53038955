//! Histories that nobody has thought of: several clients move, make and throw away cards at once, and send what
//! was not answered again. Every copy of the board comes to be the board, and no card is lost or doubled.
//!
//! `VECHE_DESK_HISTORIES=10000` runs as many; each is named by its number, which is all it is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use veche_kernel::testing::TestClient;
use veche_store::params;

use crate::{
    replica::Replica,
    support::{Events, Office, follow_from},
};

const USERS: [&str; 3] = ["ann", "bob", "cid"];
const LISTS: [&str; 3] = ["l1", "l2", "l3"];
const CARDS: usize = 5;
const OPERATIONS: usize = 6;

/// Histories that run beside each other: most of their time is the disk's.
const BESIDE: u64 = 4;
/// Histories of one node: their owner may own 500 boards.
const BOARDS: usize = 400;

/// Numbers that a seed gives: splitmix64.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % sides as u64) as usize
    }

    fn card(&mut self) -> String {
        format!("c{}", self.throw(CARDS))
    }
}

/// What a client does next.
fn operation(dice: &mut Dice, name: &str) -> (&'static str, Value) {
    let list = LISTS[dice.throw(LISTS.len())];
    let mut data = json!({"card": dice.card()});
    for side in ["after", "before"] {
        if dice.throw(2) == 0 {
            let anchor = dice.card();
            if data["card"] != anchor.as_str() {
                data[side] = json!(anchor);
            }
        }
    }
    let card = data["card"].clone();
    match dice.throw(20) {
        0..=11 => {
            data["to_list"] = json!(list);
            ("card.move", data)
        }
        12 | 13 => {
            (data["card"], data["list"], data["title"]) = (json!(name), json!(list), json!(name));
            ("card.create", data)
        }
        14 => ("card.change", json!({"card": card, "title": name})),
        15 => ("card.change", json!({"card": card, "archived": dice.throw(2) == 0})),
        16 => ("card.delete", json!({"card": card})),
        17 => ("card.restore", json!({"card": card})),
        18 => ("list.change", json!({"list": list, "archived": dice.throw(2) == 0})),
        _ => ("list.move", json!({"list": list, "after": LISTS[dice.throw(LISTS.len())]})),
    }
}

/// One user's frames, some of them more than once, in the order of two connections.
struct Script {
    frames: [Vec<Value>; 2],
}

impl Script {
    fn new(dice: &mut Dice, board: &str, user: &str) -> Self {
        let mut frames = [Vec::new(), Vec::new()];
        for number in 0..OPERATIONS {
            let name = format!("{board}-{user}-{number}");
            let (event, data) = operation(dice, &name);
            let frame =
                json!({"type": event, "channel": format!("board:{board}"), "op_id": name, "data": data});
            frames[0].push(frame.clone());
            // A connection that came back sends what it does not know to be done; so may another one.
            match dice.throw(4) {
                0 => frames[0].push(frame),
                1 => frames[1].push(frame),
                _ => {}
            }
        }
        Self { frames }
    }
}

/// What operations were answered, by user and name.
type Answers = BTreeMap<(String, String), Result<Value, String>>;

struct World {
    office: Office,
    clients: Vec<[TestClient; 2]>,
    watcher: TestClient,
}

impl World {
    async fn new() -> Self {
        let office = Office::empty().await;
        let mut clients = Vec::new();
        for user in USERS {
            clients.push([office.node.client(user).await, office.node.client(user).await]);
        }
        let watcher = office.node.client("ann").await;
        Self { office, clients, watcher }
    }

    async fn run(&mut self, seed: u64) {
        let mut dice = Dice(seed);
        let board = format!("h{seed}");
        let channel = format!("board:{board}");
        self.furnish(&board, &channel).await;
        let start = self.snapshot(&board).await;
        let mut live = Replica::of(start.clone());
        let since = json!({"channel": channel, "since": live.position()});
        assert_ne!(self.watcher.subscribe(since).await["recovery"], "reset");
        let scripts: Vec<_> = USERS.iter().map(|user| Script::new(&mut dice, &board, user)).collect();
        let answers = self.play(&scripts).await;
        let end = Replica::of(self.snapshot(&board).await);
        let mut seen = BTreeSet::new();
        while live.offset() < end.offset() {
            let frame = self.watcher.find_event().await;
            check_event(&frame, &answers, &mut seen, seed);
            live.apply(&frame);
        }
        for (operation, answer) in &answers {
            let changed = answer.as_ref().is_ok_and(|data| data["position"].is_object());
            assert_eq!(seen.contains(operation), changed, "history {seed}: {operation:?} {answer:?}");
        }
        assert_eq!(live.board(), end.clone().board(), "history {seed}: who was there");
        self.watcher.request(json!({"type": "unsubscribe", "channel": channel})).await.expect("it ends");
        let mut late = Replica::of(start);
        follow_from(&mut self.watcher, &mut late, end.offset()).await;
        assert_eq!(late.board(), end.board(), "history {seed}: who came back");
        self.watcher.request(json!({"type": "unsubscribe", "channel": channel})).await.expect("it ends");
        self.check_cards(&board, &answers, seed).await;
    }

    async fn furnish(&mut self, board: &str, channel: &str) {
        let ann = &mut self.clients[0][0];
        ann.call("board.create", json!({"board": board, "title": board})).await.expect("it is made");
        let id = board.to_owned();
        let members = async move |tx: &mut veche_store::Tx| {
            for user in &USERS[1..] {
                let sql = "INSERT INTO desk_member (board, user_id, role) VALUES ($1, $2, 2)";
                tx.execute(sql, params![&id, *user]).await?;
            }
            Ok::<_, veche_store::Error>(())
        };
        self.office.store.write(members).await.expect("they are in");
        let list = |list| json!({"type": "list.create", "data": {"list": list, "title": list}});
        let card = |card: usize| {
            let data = json!({"card": format!("c{card}"), "list": LISTS[card % 2], "title": "x"});
            json!({"type": "card.create", "data": data})
        };
        let frames = LISTS.iter().map(list).chain((0..CARDS).map(card));
        let frames: Vec<Value> = frames
            .enumerate()
            .map(|(number, mut frame)| {
                (frame["channel"], frame["op_id"]) = (json!(channel), json!(format!("{board}-{number}")));
                frame
            })
            .collect();
        for answer in answers(ann, &frames).await {
            answer.expect("it is made");
        }
    }

    /// All clients at once.
    async fn play(&mut self, scripts: &[Script]) -> Answers {
        let mut sending = Vec::new();
        for (user, (clients, script)) in self.clients.iter_mut().zip(scripts).enumerate() {
            for (client, frames) in clients.iter_mut().zip(&script.frames) {
                sending.push(async move { (user, frames, answers(client, frames).await) });
            }
        }
        let mut all = Answers::new();
        for (user, frames, answered) in futures_util::future::join_all(sending).await {
            for (frame, answer) in frames.iter().zip(answered) {
                let name = frame["op_id"].as_str().unwrap_or_default();
                let kept =
                    all.entry((USERS[user].to_owned(), name.to_owned())).or_insert_with(|| answer.clone());
                // A refusal may be followed by a success; after one, all answers are the same.
                match (&kept, &answer) {
                    (Err(_), _) => *kept = answer,
                    (Ok(_), Err(_)) => {}
                    (Ok(first), Ok(again)) => assert_eq!(first, again, "{frame}"),
                }
            }
        }
        all
    }

    async fn snapshot(&self, board: &str) -> Value {
        let request = http::Request::get(format!("/api/desk/boards/{board}"));
        let request = request.body(veche_kernel::web::Body::default()).expect("it is a request");
        let response = self.office.node.ask_http(request, Some("ann")).await;
        serde_json::from_slice(response.body()).expect("it is JSON")
    }

    /// Every card that was made is there once.
    async fn check_cards(&self, board: &str, answers: &Answers, seed: u64) {
        let is_made =
            |answer: &Result<Value, String>| answer.as_ref().is_ok_and(|data| data["made"].is_string());
        let made = answers.iter().filter(|(_, answer)| is_made(answer));
        let mut expected: BTreeSet<String> = (0..CARDS).map(|card| format!("c{card}")).collect();
        expected.extend(made.map(|((_, name), _)| name.clone()));
        let rows = self.office.store.read(async |tx| {
            let rows =
                tx.rows("SELECT id, list, ord FROM desk_card WHERE board = $1", params![board]).await?;
            let row = |row: &veche_store::Row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
            rows.iter().map(row).collect::<Result<Vec<(String, (String, String))>, veche_store::Error>>()
        });
        let rows = rows.await.expect("it reads");
        let ids: BTreeSet<String> = rows.iter().map(|(id, _)| id.clone()).collect();
        let places: BTreeSet<_> = rows.iter().map(|(_, place)| place).collect();
        assert_eq!(
            (&ids, rows.len(), places.len()),
            (&expected, expected.len(), expected.len()),
            "history {seed}"
        );
    }
}

/// Sends all frames without waiting, and reads their answers; what is under way elsewhere is sent again.
async fn answers(client: &mut TestClient, frames: &[Value]) -> Vec<Result<Value, String>> {
    let mut answers: Vec<Option<Result<Value, String>>> = vec![None; frames.len()];
    while answers.iter().any(Option::is_none) {
        for (number, frame) in frames.iter().enumerate().filter(|(number, _)| answers[*number].is_none()) {
            let mut frame = frame.clone();
            frame["id"] = json!(format!("n{number}"));
            client.send(frame);
        }
        for (number, frame) in frames.iter().enumerate() {
            if answers[number].is_some() {
                continue;
            }
            let answer = client.answer_to(&format!("n{number}")).await;
            answers[number] = match answer["error"]["code"].as_str() {
                Some("unavailable") => None,
                Some(code) => Some(Err(code.to_owned())),
                None => Some(Ok(made(frame, answer["data"].clone()))),
            };
        }
    }
    answers.into_iter().flatten().collect()
}

/// The answer, with the card that was made by it.
fn made(frame: &Value, mut data: Value) -> Value {
    if frame["type"] == "card.create" {
        data["made"] = frame["data"]["card"].clone();
    }
    data
}

/// An event of an operation is the one that its caller was told of, and comes once.
fn check_event(frame: &Value, answers: &Answers, seen: &mut BTreeSet<(String, String)>, seed: u64) {
    let (Some(user), Some(op_id)) = (frame["from"]["user"].as_str(), frame["op_id"].as_str()) else { return };
    let operation = (user.to_owned(), op_id.to_owned());
    let told = answers.get(&operation).and_then(|answer| answer.as_ref().ok());
    let offset = told.map(|data| &data["position"]["offset"]);
    assert_eq!(offset, Some(&frame["offset"]), "history {seed}: {frame}");
    assert!(seen.insert(operation), "history {seed}: twice: {frame}");
}

/// Red where the moved card's own key was taken for its neighbour's, where `once` stood around the transaction,
/// and where a replica kept a moved card in its old list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_of_a_board_comes_to_be_the_board() {
    let histories = std::env::var("VECHE_DESK_HISTORIES").ok().and_then(|count| count.parse().ok());
    let histories: u64 = histories.unwrap_or(200);
    let one_after_the_other = async |first: u64| {
        let mut world = World::new().await;
        for (number, seed) in (first..histories).step_by(BESIDE as usize).enumerate() {
            if number % BOARDS == BOARDS - 1 {
                world = World::new().await;
            }
            world.run(seed).await;
        }
    };
    futures_util::future::join_all((0..BESIDE).map(one_after_the_other)).await;
}
