//! The inbox: what is written and told together, what counts, and what only ever goes on.

use std::time::Duration;

use serde_json::{Value, json};
use veche_kernel::testing::TestClient;
use veche_people::inbox::{Notification, Notified, counters, notify, notify_all, sweep};
use veche_store::Error;

use crate::town::{Town, about, channel, id};

impl Town {
    /// Notifies a user in a transaction of its own.
    async fn notify(&self, user: &str, notification: Notification) -> Notified {
        let user = id(user);
        self.write(async move |tx| notify(tx, &user, notification.clone()).await).await
    }

    /// The same, of something that somebody did to a post.
    async fn react(&self, user: &str, actor: &str) -> Notified {
        let reaction = Notification::new("reaction").actor(&id(actor)).target("post:7").group("post:7");
        self.notify(user, reaction).await
    }
}

/// The entries of a page.
async fn listed(client: &mut TestClient, ask: Value) -> Vec<Value> {
    let page = client.call("inbox.list", ask).await.expect("it is listed");
    page["items"].as_array().expect("it has items").clone()
}

fn ids(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["id"].as_u64().expect("it has an id")).collect()
}

/// Red where the event was published without its row, and where the counters were left out.
#[tokio::test]
async fn a_notification_is_a_row_and_two_events() {
    let town = Town::new().await;
    let film = Notification::new("invite").actor(&id("bob")).target("room:1").text("film", "Alien");
    let notified = town.notify("ann", film).await;
    let at_ms = town.store.clock().wall_ms();
    let entry = json!({
        "id": 1, "kind": "invite", "actors": ["bob"], "count": 1, "target": "room:1",
        "text": {"film": "Alien"}, "at_ms": at_ms, "state": "unseen",
    });
    assert_eq!(json!(notified.entry), entry);
    let mut ann = town.node.client("ann").await;
    assert_eq!(listed(&mut ann, json!({})).await, std::slice::from_ref(&entry));
    let counters = json!({"unseen": 1, "unread": 1, "v": 1});
    let told = [("notification".to_owned(), entry), ("counters".to_owned(), counters.clone())];
    assert_eq!(town.told("ann").await, told);
    assert_eq!(ann.call("inbox.counters", json!(null)).await, Ok(counters));
}

/// Red where the transaction ends well.
#[tokio::test]
async fn what_is_undone_was_never_notified() {
    let town = Town::new().await;
    let undone = town.store.write(async |tx| {
        notify(tx, &id("ann"), Notification::new("invite")).await?;
        Err::<(), _>(Error::Other("on purpose".into()))
    });
    assert!(undone.await.is_err());
    assert!(town.told("ann").await.is_empty());
    let of_ann = town.read(async |tx| counters(tx, &id("ann")).await).await;
    assert_eq!((of_ann.unseen, of_ann.v), (0, 0));
}

/// Red where a later one made a second entry, where an actor counted twice, and where the list of actors had no
/// bound.
#[tokio::test]
async fn reactions_to_one_thing_become_one_entry() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    for n in 1..=7 {
        town.react("ann", &format!("u{n}")).await;
    }
    let again = town.react("ann", "u1").await;
    assert_eq!(again, Notified::default(), "ann has heard of this one");
    let entries = listed(&mut ann, json!({})).await;
    assert_eq!(ids(&entries), [7]);
    assert_eq!(entries[0]["actors"], json!(["u7", "u6", "u5", "u4", "u3"]));
    assert_eq!(entries[0]["count"], 7);
    let last = town.told("ann").await.into_iter().rfind(|(event, _)| event == "notification");
    assert_eq!(last.expect("ann was told").1["replaces"], 6);
    let of_ann = town.read(async |tx| counters(tx, &id("ann")).await).await;
    assert_eq!((of_ann.unseen, of_ann.unread), (1, 1));
}

/// Red where the window moved with each one, where what was read took in others, and where what was seen did
/// not count again.
#[tokio::test]
async fn an_entry_takes_in_others_for_an_hour_until_it_is_read() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    let minutes = |minutes| town.store.clock().advance(Duration::from_mins(minutes));
    town.react("ann", "u1").await;
    // A clock that jumps while the database is read for her channel would end the read.
    ann.expect_frame("counters").await;
    minutes(40);
    ann.call("inbox.seen_upto", json!({"id": 1})).await.expect("it is seen");
    town.react("ann", "u2").await;
    let of_ann = town.read(async |tx| counters(tx, &id("ann")).await).await;
    assert_eq!((of_ann.unseen, of_ann.unread), (1, 1), "it is news");
    minutes(20);
    town.react("ann", "u3").await;
    assert_eq!(ids(&listed(&mut ann, json!({})).await), [3, 2], "an hour is over");
    ann.call("inbox.read_upto", json!({"id": 3})).await.expect("it is read");
    town.react("ann", "u3").await;
    let entries = listed(&mut ann, json!({})).await;
    assert_eq!((ids(&entries), &entries[0]["count"]), (vec![4, 3, 2], &json!(1)));
}

/// Red where each of them was asked of nobody.
#[tokio::test]
async fn nobody_hears_of_their_own_doing_nor_of_those_they_block() {
    let town = Town::new().await;
    assert_eq!(town.react("ann", "ann").await, Notified::default());
    let mut ann = town.node.client("ann").await;
    about(&mut ann, "friends.block", "bob").await.expect("one may block");
    assert_eq!(town.react("ann", "bob").await, Notified::default());
    assert_eq!(town.react("bob", "ann").await, Notified::default());
    assert_eq!(town.heard("bob").await, Vec::<String>::new());
    assert!(town.react("ann", "carl").await.entry.is_some());
}

/// Red where a state went back, and where a change of nothing was told.
#[tokio::test]
async fn states_only_go_on_and_every_device_is_told_once() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    for _ in 0..4 {
        town.notify("ann", Notification::new("system")).await;
    }
    let before = town.told("ann").await.len();
    for (event, data, expected) in [
        ("inbox.seen_upto", json!({"id": 3}), (1, 4)),
        ("inbox.read", json!({"ids": [2, 99]}), (1, 3)),
        ("inbox.read_upto", json!({"id": 1}), (1, 2)),
        ("inbox.archive", json!({"ids": [4, 1]}), (0, 1)),
        ("inbox.seen_upto", json!({"id": 4}), (0, 1)),
        ("inbox.read", json!({"ids": [4, 1, 2]}), (0, 1)),
    ] {
        let counters = ann.call(event, data).await.expect("it is done");
        assert_eq!(
            (counters["unseen"].as_u64(), counters["unread"].as_u64()),
            (Some(expected.0), Some(expected.1)),
            "{event}"
        );
    }
    let told = town.told("ann").await.split_off(before);
    let versions: Vec<_> = told.iter().map(|(event, data)| (event.as_str(), data["v"].as_u64())).collect();
    assert_eq!(versions, [5, 6, 7, 8].map(|v| ("counters", Some(v))));
    let state =
        |entries: Vec<Value>| entries.into_iter().map(|entry| entry["state"].clone()).collect::<Vec<_>>();
    assert_eq!(state(listed(&mut ann, json!({})).await), ["seen", "read"]);
    assert_eq!(ids(&listed(&mut ann, json!({"archived": true})).await), [4, 1]);
}

/// Red where a page began at its `before`, and where it came without the counters.
#[tokio::test]
async fn a_long_inbox_comes_in_pages() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    for _ in 0..5 {
        town.notify("ann", Notification::new("system")).await;
    }
    let first = ann.call("inbox.list", json!({"limit": 2})).await.expect("it is listed");
    assert_eq!((ids(first["items"].as_array().expect("items")), &first["next"]), (vec![5, 4], &json!(4)));
    assert_eq!(first["counters"], json!({"unseen": 5, "unread": 5, "v": 5}));
    let last = ann.call("inbox.list", json!({"limit": 3, "before": 4})).await.expect("it is listed");
    assert_eq!((ids(last["items"].as_array().expect("items")), last.get("next")), (vec![3, 2, 1], None));
    for (event, data, code, field) in [
        ("inbox.list", json!({"limit": 0}), "bad_request", "data.limit"),
        ("inbox.list", json!({"before": "x"}), "bad_request", "data.before"),
        ("inbox.seen_upto", json!({}), "bad_request", "data.id"),
        ("inbox.read", json!({"ids": [1, -1]}), "bad_request", "data.ids[1]"),
        ("inbox.archive", json!({"ids": vec![1; 101]}), "too_large", "data.ids"),
        ("inbox.set", json!({"kind": "a b", "in_app": true, "by_mail": true}), "bad_request", "data.kind"),
    ] {
        let refused = ann.call(event, data).await.expect_err("it is wrong");
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), (code, Some(field)), "{event}");
    }
    let mut guest = town.node.guest().await;
    assert_eq!(guest.call("inbox.list", json!({})).await.expect_err("a guest").code, "unauthorized");
}

/// Red where the setting was not asked, and where the application's default won.
#[tokio::test]
async fn a_user_says_how_to_hear_of_each_kind() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    let by_mail = |kind: &str| Notification::new(kind).by_mail();
    assert!(town.notify("ann", by_mail("invite")).await.by_mail);
    assert!(!town.notify("ann", Notification::new("reply")).await.by_mail);
    for (kind, in_app, by_mail) in [("invite", true, false), ("reply", false, true), ("invite", false, false)]
    {
        let set = json!({"kind": kind, "in_app": in_app, "by_mail": by_mail});
        ann.call("inbox.set", set).await.expect("it is set");
    }
    let silent = town.notify("ann", by_mail("invite")).await;
    assert_eq!(silent, Notified::default());
    let mailed = town.notify("ann", Notification::new("reply")).await;
    assert_eq!((mailed.entry, mailed.by_mail), (None, true));
    let settings = ann.call("inbox.settings", json!(null)).await.expect("it is told");
    let expected = json!([
        {"kind": "invite", "in_app": false, "by_mail": false},
        {"kind": "reply", "in_app": false, "by_mail": true},
    ]);
    assert_eq!(settings["kinds"], expected);
    assert_eq!(listed(&mut ann, json!({})).await.len(), 2);
}

/// Red where the oldest stayed.
#[tokio::test]
async fn a_thousand_are_kept() {
    let town = Town::new().await;
    town.write(async |tx| {
        for _ in 0..1_003 {
            notify(tx, &id("ann"), Notification::new("system")).await?;
        }
        Ok(())
    })
    .await;
    let of_ann = town.read(async |tx| counters(tx, &id("ann")).await).await;
    assert_eq!((of_ann.unseen, of_ann.v), (1_000, 1_003));
    let mut ann = town.node.client("ann").await;
    assert_eq!(listed(&mut ann, json!({"before": 5})).await.len(), 1, "only 4 is left of the first four");
}

/// Red where nobody was told, and where a younger one went too.
#[tokio::test]
async fn what_is_older_than_90_days_goes() {
    let town = Town::new().await;
    town.react("ann", "u1").await;
    town.notify("bob", Notification::new("system")).await;
    town.store.clock().advance(Duration::from_hours(90 * 24));
    town.notify("ann", Notification::new("system")).await;
    assert_eq!(sweep(&town.store).await, Ok(2));
    assert_eq!(sweep(&town.store).await, Ok(0));
    let told = town.told("ann").await;
    assert_eq!(told.last().expect("ann was told").1, json!({"unseen": 1, "unread": 1, "v": 3}));
    let mut ann = town.node.client("ann").await;
    assert_eq!(ids(&listed(&mut ann, json!({})).await), [2]);
    let actors =
        town.read(async |tx| tx.one("SELECT COUNT(*) FROM notification_actor", []).await?.get::<u64>(0));
    assert_eq!(actors.await, 0);
}

/// Red where the users' channels were locked one by one.
#[tokio::test]
async fn several_are_notified_beside_the_applications_own_channel() {
    let town = Town::new().await;
    let users = ["carl", "ann", "bob"].map(id);
    let notified = town.write({
        let users = users.clone();
        async move |tx| {
            tx.channel(&channel("circle:1")).await?.publish("new_post", "1").await?;
            notify_all(tx, &users, &Notification::new("mention").actor(&id("bob"))).await
        }
    });
    let notified = notified.await;
    let told: Vec<_> =
        notified.iter().map(|(user, notified)| (user.as_str(), notified.entry.is_some())).collect();
    assert_eq!(told, [("carl", true), ("ann", true), ("bob", false)]);
    assert_eq!(town.heard("ann").await, ["notification", "counters"]);
}
