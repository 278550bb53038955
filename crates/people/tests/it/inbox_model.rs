//! The inbox against a model of it: whatever is notified, seen, read and put away on three devices, and in
//! whatever order, all devices count the same as the model.

use std::{collections::BTreeSet, time::Duration};

use proptest::{prelude::*, sample::Index};
use serde_json::json;
use veche_kernel::testing::TestClient;
use veche_people::inbox::{Counters, Notification, counters, notify};

use crate::town::{Town, id};

#[derive(Debug, Clone)]
enum Op {
    Notify { group: Option<u8>, actor: u8 },
    SeenUpTo(Index),
    ReadUpTo(Index),
    Read(Vec<Index>),
    Archive(Vec<Index>),
    Wait { minutes: u64 },
    Reconnect,
}

fn op() -> impl Strategy<Value = Op> {
    let some = || prop::collection::vec(any::<Index>(), 0..4);
    prop_oneof![
        5 => (prop::option::of(0..2_u8), 0..3_u8).prop_map(|(group, actor)| Op::Notify { group, actor }),
        1 => any::<Index>().prop_map(Op::SeenUpTo),
        1 => any::<Index>().prop_map(Op::ReadUpTo),
        1 => some().prop_map(Op::Read),
        1 => some().prop_map(Op::Archive),
        1 => (0..40_u64).prop_map(|minutes| Op::Wait { minutes }),
        1 => Just(Op::Reconnect),
    ]
}

/// An inbox as its description has it.
#[derive(Default)]
struct Model {
    entries: Vec<Modelled>,
    now_min: u64,
    ids: u64,
}

struct Modelled {
    id: u64,
    group: Option<u8>,
    actors: BTreeSet<u8>,
    since_min: u64,
    /// 0 unseen, 1 seen, 2 read, 3 archived.
    state: u8,
}

impl Model {
    fn notify(&mut self, group: Option<u8>, actor: u8) {
        let takes_in =
            |entry: &Modelled| entry.group == group && entry.state < 2 && entry.since_min + 60 > self.now_min;
        let open = self.entries.iter().rposition(takes_in).filter(|_| group.is_some());
        let (mut actors, mut since_min) = (BTreeSet::new(), self.now_min);
        if let Some(open) = open {
            if self.entries[open].actors.contains(&actor) {
                return;
            }
            let open = self.entries.remove(open);
            (actors, since_min) = (open.actors, open.since_min);
        }
        actors.insert(actor);
        self.ids += 1;
        self.entries.push(Modelled { id: self.ids, group, actors, since_min, state: 0 });
    }

    fn advance(&mut self, which: impl Fn(u64) -> bool, state: u8) {
        for entry in self.entries.iter_mut().filter(|entry| which(entry.id)) {
            entry.state = entry.state.max(state);
        }
    }

    /// Unseen and unread.
    fn counts(&self) -> (u64, u64) {
        let count = |below: u8| self.entries.iter().filter(|entry| entry.state < below).count() as u64;
        (count(1), count(2))
    }

    /// One of the ids that were given, those that are gone too.
    fn pick(&self, index: Index) -> u64 {
        index.index(self.ids as usize + 1) as u64
    }
}

async fn play(town: &Town, device: &mut TestClient, model: &mut Model, op: Op) {
    let (event, data) = match op {
        Op::Notify { group, actor } => {
            model.notify(group, actor);
            town.write(async move |tx| {
                let reaction = Notification::new("reaction").actor(&id(&format!("u{actor}")));
                let reaction = match group {
                    Some(group) => reaction.group(group.to_string()),
                    None => reaction,
                };
                notify(tx, &id("ann"), reaction).await
            })
            .await;
            return;
        }
        Op::Reconnect => return,
        Op::Wait { minutes } => {
            model.now_min += minutes;
            return town.store.clock().advance(Duration::from_mins(minutes));
        }
        Op::SeenUpTo(index) => {
            let upto = model.pick(index);
            model.advance(|id| id <= upto, 1);
            ("inbox.seen_upto", json!({"id": upto}))
        }
        Op::ReadUpTo(index) => {
            let upto = model.pick(index);
            model.advance(|id| id <= upto, 2);
            ("inbox.read_upto", json!({"id": upto}))
        }
        Op::Read(indices) => {
            let ids: Vec<_> = indices.into_iter().map(|index| model.pick(index)).collect();
            model.advance(|id| ids.contains(&id), 2);
            ("inbox.read", json!({"ids": ids}))
        }
        Op::Archive(indices) => {
            let ids: Vec<_> = indices.into_iter().map(|index| model.pick(index)).collect();
            model.advance(|id| ids.contains(&id), 3);
            ("inbox.archive", json!({"ids": ids}))
        }
    };
    device.call(event, data).await.expect("it is done");
}

/// A device, with the counters that it shows.
struct Device {
    client: TestClient,
    shown: Counters,
}

impl Device {
    /// Connects, and asks once: what comes later is told.
    async fn new(town: &Town, name: &str) -> Self {
        let mut client = town.device("ann", name).await;
        let counters = client.call("inbox.counters", json!(null)).await.expect("it is told");
        Self { client, shown: serde_json::from_value(counters).expect("they are counters") }
    }

    /// A device that acknowledges nothing is sent all of it again. A clock that jumps while the database is read
    /// would end the read.
    async fn replayed(&mut self) {
        let version = std::mem::take(&mut self.shown.v);
        self.catch_up(version).await;
    }

    /// Reads what is on its way, up to this version.
    async fn catch_up(&mut self, version: u64) {
        while self.shown.v < version {
            let told: Counters = self.client.expect().await;
            // What was told while the device asked may come late.
            if told.v > self.shown.v {
                self.shown = told;
            }
        }
    }
}

async fn check(ops: Vec<(usize, Op)>) {
    let town = Town::new().await;
    let names = ["phone", "laptop", "desk"];
    let mut devices = Vec::new();
    for name in names {
        devices.push(Device::new(&town, name).await);
    }
    let mut model = Model::default();
    for (at, op) in ops {
        if matches!(op, Op::Reconnect) {
            devices[at].client.cut().await;
            devices[at] = Device::new(&town, names[at]).await;
            devices[at].replayed().await;
        }
        play(&town, &mut devices[at].client, &mut model, op.clone()).await;
        let kept = town.read(async |tx| counters(tx, &id("ann")).await).await;
        for device in &mut devices {
            device.catch_up(kept.v).await;
            assert_eq!(device.shown, kept, "after {op:?}");
        }
        assert_eq!((kept.unseen, kept.unread), model.counts(), "after {op:?}");
    }
    let page = devices[0].client.call("inbox.list", json!({"limit": 100})).await.expect("it is listed");
    let entries = page["items"].as_array().expect("it has items").iter();
    let listed: Vec<_> = entries.map(|entry| (entry["id"].as_u64(), entry["count"].as_u64())).collect();
    let in_list = model.entries.iter().rev().filter(|entry| entry.state < 3);
    let expected: Vec<_> = in_list.map(|entry| (Some(entry.id), Some(entry.actors.len() as u64))).collect();
    assert_eq!(listed, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Red where a state went back, where what was archived counted, where an entry that took in another kept
    /// its state, and where the hour began anew with each one.
    #[test]
    fn all_devices_count_what_the_model_counts(ops in prop::collection::vec((0..3_usize, op()), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("it starts").block_on(check(ops));
    }
}
