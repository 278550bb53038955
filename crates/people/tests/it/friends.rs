//! Friends: what two people become, what each is told, and what nobody may learn.

use serde_json::{Value, json};
use veche_kernel::testing::TestClient;
use veche_people::friends::{
    FRIENDS_MAX, FriendAccepted, FriendAsked, FriendRemoved, are_friends, blocked_between, friends_of,
};
use veche_store::params;

use crate::town::{Town, about, id};

/// The ids in a list.
async fn listed(client: &mut TestClient, list: &str) -> Vec<String> {
    let page = client.call("friends.list", json!({"list": list})).await.expect("it is listed");
    let items = page["items"].as_array().expect("it has items");
    items.iter().map(|item| item["user"].as_str().expect("it has a user").to_owned()).collect()
}

const NOBODY: [&str; 0] = [];

/// Red where the pair was kept for one side only, and where only the other side was told.
#[tokio::test]
async fn who_asks_is_accepted_and_removed_and_both_are_told() {
    let town = Town::new().await;
    let (mut ann, mut bob) = (town.node.client("ann").await, town.node.client("bob").await);
    assert_eq!(about(&mut bob, "friends.ask", "ann").await, Ok(json!("asked_by_me")));
    assert_eq!(
        (listed(&mut bob, "asked_by_me").await, listed(&mut ann, "asked_of_me").await),
        (vec!["ann".to_owned()], vec!["bob".to_owned()])
    );
    assert_eq!(about(&mut ann, "friends.accept", "bob").await, Ok(json!("friend")));
    assert_eq!(
        (listed(&mut bob, "friends").await, listed(&mut ann, "friends").await),
        (vec!["ann".to_owned()], vec!["bob".to_owned()])
    );
    let (friends, both) = town
        .read(async |tx| {
            Ok((friends_of(tx, &id("bob")).await?, are_friends(tx, &id("ann"), &id("bob")).await?))
        })
        .await;
    assert_eq!((friends, both), (vec![id("ann")], true));

    // Again changes nothing, and tells nobody.
    assert_eq!(about(&mut ann, "friends.accept", "bob").await, Ok(json!("friend")));
    assert_eq!(about(&mut ann, "friends.ask", "bob").await, Ok(json!("friend")));
    assert_eq!(about(&mut bob, "friends.remove", "ann").await, Ok(json!("none")));
    assert_eq!(about(&mut bob, "friends.remove", "ann").await, Ok(json!("none")));
    assert_eq!(listed(&mut ann, "friends").await, NOBODY);
    for user in ["ann", "bob"] {
        assert_eq!(town.heard(user).await, ["friend.asked", "friend.accepted", "friend.removed"], "{user}");
    }
    let at_ms = town.store.clock().wall_ms();
    let asked = json!({"from": "bob", "to": "ann", "at_ms": at_ms});
    assert_eq!(town.told("ann").await[0].1, asked);
    assert_eq!(town.told("ann").await[1].1, json!({"user": "bob", "at_ms": at_ms}));
    let rows =
        town.read(async |tx| tx.one("SELECT COUNT(*) FROM friend_pair", []).await?.get::<u64>(0)).await;
    assert_eq!(rows, 0, "strangers have no row");
}

/// Red where only one of the two was told.
#[tokio::test]
async fn every_device_of_both_is_told_at_once() {
    let town = Town::new().await;
    let mut bob = town.device("bob", "phone").await;
    let mut devices = [town.device("ann", "phone").await, town.device("ann", "laptop").await];
    about(&mut bob, "friends.ask", "ann").await.expect("one may ask");
    for ann in &mut devices {
        let asked: FriendAsked = ann.expect().await;
        assert_eq!((asked.from.as_str(), asked.to.as_str()), ("bob", "ann"));
    }
    about(&mut devices[0], "friends.accept", "bob").await.expect("bob has asked");
    for ann in &mut devices {
        assert_eq!(ann.expect::<FriendAccepted>().await.user, "bob");
    }
    assert_eq!(bob.expect::<FriendAsked>().await.to, "ann");
    assert_eq!(bob.expect::<FriendAccepted>().await.user, "ann");
    about(&mut bob, "friends.remove", "ann").await.expect("they are friends");
    for ann in &mut devices {
        assert_eq!(ann.expect::<FriendRemoved>().await.user, "bob");
    }
}

/// Red where an ask looked at the asker's own row only.
#[tokio::test]
async fn two_asks_that_cross_make_friends_once() {
    let town = Town::new().await;
    let (mut ann, mut bob) = (town.node.client("ann").await, town.node.client("bob").await);
    let (one, other) =
        tokio::join!(about(&mut ann, "friends.ask", "bob"), about(&mut bob, "friends.ask", "ann"));
    let mut relations = [one, other].map(|relation| relation.expect("it is asked").to_string());
    relations.sort_unstable();
    assert_eq!(relations, ["\"asked_by_me\"", "\"friend\""]);
    for user in ["ann", "bob"] {
        assert_eq!(town.heard(user).await, ["friend.asked", "friend.accepted"], "{user}");
    }
}

/// All that the asker can see of it.
async fn as_the_asker_sees(town: &Town, asker: &mut TestClient, asked: &str) -> Value {
    let user = asked.to_owned();
    let mut seen = Vec::new();
    for call in ["ask", "ask", "withdraw", "ask"] {
        let relation = about(asker, &format!("friends.{call}"), &user).await.expect("one may ask");
        seen.push(relation);
    }
    let listed = listed(asker, "asked_by_me").await.contains(&user);
    let about_it = |data: &Value| [&data["to"], &data["user"]].contains(&&json!(user));
    let told: Vec<_> = town.told("ann").await.into_iter().filter(|(_, data)| about_it(data)).collect();
    let told: Vec<_> = told.into_iter().map(|(event, _)| event).collect();
    json!({"replies": seen, "listed": listed, "told": told})
}

/// Red where an ask of who blocks was refused, where it was not kept, and where a refusal ended it.
#[tokio::test]
async fn asking_who_blocks_or_refuses_looks_like_any_ask() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    let mut blocking = town.node.client("blocking").await;
    let mut refusing = town.node.client("refusing").await;
    assert_eq!(about(&mut blocking, "friends.block", "ann").await, Ok(json!("blocked")));
    about(&mut ann, "friends.ask", "refusing").await.expect("one may ask");
    assert_eq!(about(&mut refusing, "friends.refuse", "ann").await, Ok(json!("none")));
    about(&mut ann, "friends.withdraw", "refusing").await.expect("it waits");

    let silent = as_the_asker_sees(&town, &mut ann, "silent").await;
    let expected = json!({
        "replies": ["asked_by_me", "asked_by_me", "none", "asked_by_me"],
        "listed": true,
        "told": ["friend.asked", "friend.removed", "friend.asked"],
    });
    assert_eq!(silent, expected);
    assert_eq!(as_the_asker_sees(&town, &mut ann, "blocking").await, silent);
    let mut refused = as_the_asker_sees(&town, &mut ann, "refusing").await;
    // What was heard before the refusal.
    refused["told"].as_array_mut().expect("it is a list").drain(..2);
    assert_eq!(refused, silent);

    assert_eq!(town.heard("blocking").await, ["friend.blocked"]);
    assert_eq!(town.heard("refusing").await, ["friend.asked", "friend.removed"]);
    for hidden in [&mut blocking, &mut refusing] {
        assert_eq!(listed(hidden, "asked_of_me").await, NOBODY);
    }
    let blocked = town.read(async |tx| blocked_between(tx, &id("ann"), &id("blocking")).await).await;
    assert!(blocked, "applications see it");
}

/// Red where a block left the friendship, and where the other one was told of the block.
#[tokio::test]
async fn a_block_ends_a_friendship_and_hides_until_it_is_lifted() {
    let town = Town::new().await;
    let (mut ann, mut bob) = (town.node.client("ann").await, town.node.client("bob").await);
    about(&mut ann, "friends.ask", "bob").await.expect("one may ask");
    about(&mut bob, "friends.ask", "ann").await.expect("one may ask");
    assert_eq!(about(&mut bob, "friends.block", "ann").await, Ok(json!("blocked")));
    assert_eq!(listed(&mut bob, "blocked").await, ["ann"]);
    let refused = about(&mut bob, "friends.ask", "ann").await.expect_err("unblock first");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("conflict", Some("data.user")));
    assert_eq!(about(&mut ann, "friends.ask", "bob").await, Ok(json!("asked_by_me")));
    assert_eq!(about(&mut bob, "friends.unblock", "ann").await, Ok(json!("asked_of_me")));
    assert_eq!(listed(&mut bob, "asked_of_me").await, ["ann"]);
    assert_eq!(about(&mut bob, "friends.accept", "ann").await, Ok(json!("friend")));
    let ann = ["friend.asked", "friend.accepted", "friend.removed", "friend.asked", "friend.accepted"];
    assert_eq!(town.heard("ann").await, ann);
    let bob = town.heard("bob").await;
    assert_eq!(bob[3..], ["friend.blocked", "friend.unblocked", "friend.asked", "friend.accepted"]);
}

/// Red where the other one was not checked.
#[tokio::test]
async fn who_cannot_be_a_friend_is_refused_by_name() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    for user in ["ann", "", "guest:1", "a*", "a\u{7}", &"x".repeat(251)] {
        let refused = about(&mut ann, "friends.ask", user).await.expect_err("it is nobody");
        assert_eq!(
            (refused.code.as_str(), refused.field.as_deref()),
            ("bad_request", Some("data.user")),
            "{user:?}"
        );
    }
    let refused = about(&mut ann, "friends.accept", "bob").await.expect_err("nobody asked");
    assert_eq!(refused.code, "not_found");
    let refused = ann.call("friends.list", json!({"limit": 101})).await.expect_err("too long a page");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("bad_request", Some("data.limit")));
    let mut guest = town.node.guest().await;
    assert_eq!(about(&mut guest, "friends.ask", "ann").await.expect_err("a guest").code, "unauthorized");
}

/// What was accepted elsewhere meanwhile is not undone by a late refusal. Red where it was.
#[tokio::test]
async fn a_late_refusal_or_withdrawal_keeps_the_friend() {
    let town = Town::new().await;
    let (mut ann, mut bob) = (town.node.client("ann").await, town.node.client("bob").await);
    about(&mut ann, "friends.ask", "bob").await.expect("one may ask");
    about(&mut bob, "friends.accept", "ann").await.expect("ann has asked");
    for (client, event, other) in [(&mut ann, "friends.withdraw", "bob"), (&mut bob, "friends.refuse", "ann")]
    {
        assert_eq!(about(client, event, other).await.expect_err("they are friends").code, "conflict");
    }
    assert_eq!(listed(&mut ann, "friends").await, ["bob"]);
}

/// Puts so many rows into the table, with the user first or second by turns.
async fn fill(town: &Town, user: &'static str, count: u64, bonds: [i64; 2]) {
    town.write(async move |tx| {
        for n in 0..count {
            let (low, high, bond) = if n % 2 == 0 {
                (user.to_owned(), format!("z{n}"), bonds[0])
            } else {
                (format!("a{n}"), user.to_owned(), bonds[1])
            };
            let sql = "INSERT INTO friend_pair VALUES ($1, $2, $3, 0, 0, 0, 0, 0)";
            tx.execute(sql, params![low, high, bond]).await?;
        }
        Ok(())
    })
    .await;
}

/// Red where a limit was not asked, and where it counted one side of the table only.
#[tokio::test]
async fn friends_and_waiting_asks_are_bounded() {
    let town = Town::new().await;
    fill(&town, "many", 499, [1, 2]).await;
    let mut many = town.node.client("many").await;
    assert_eq!(about(&mut many, "friends.ask", "x1").await, Ok(json!("asked_by_me")));
    let refused = about(&mut many, "friends.ask", "x2").await.expect_err("500 wait");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("too_many_asked", Some("data.user")));
    about(&mut many, "friends.withdraw", "x1").await.expect("it waits");
    assert_eq!(about(&mut many, "friends.ask", "x2").await, Ok(json!("asked_by_me")));

    fill(&town, "popular", FRIENDS_MAX, [3, 3]).await;
    let (mut popular, mut bob) = (town.node.client("popular").await, town.node.client("bob").await);
    assert_eq!(about(&mut bob, "friends.ask", "popular").await, Ok(json!("asked_by_me")));
    let refused = about(&mut popular, "friends.accept", "bob").await.expect_err("5,000 friends");
    assert_eq!(refused.code, "too_many_friends");
    about(&mut popular, "friends.remove", "z0").await.expect("they are friends");
    assert_eq!(about(&mut popular, "friends.accept", "bob").await, Ok(json!("friend")));
}

/// Red without the meter, and where one meter served all.
#[tokio::test]
async fn asks_in_a_row_are_slowed_down() {
    let town = Town::new().await;
    let mut ann = town.node.client("ann").await;
    for n in 0..20 {
        about(&mut ann, "friends.ask", &format!("u{n}")).await.expect("the burst allows it");
    }
    let refused = about(&mut ann, "friends.ask", "u20").await.expect_err("the burst is used up");
    assert_eq!((refused.code.as_str(), refused.retry_after_ms), ("rate_limited", Some(60_000)));
    assert_eq!(town.heard("u20").await, NOBODY);
    let mut bob = town.node.client("bob").await;
    about(&mut bob, "friends.ask", "u20").await.expect("bob has not asked yet");
    // A clock that jumps while the database is read for their channels would end the read.
    for asker in [&mut ann, &mut bob] {
        asker.expect_frame("friend.asked").await;
    }
    town.store.clock().advance(std::time::Duration::from_mins(1));
    about(&mut ann, "friends.ask", "u20").await.expect("a minute later");
}

/// Red where a page began at its `after`, and where one half of the table was left out.
#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let town = Town::new().await;
    fill(&town, "many", 7, [3, 3]).await;
    let mut many = town.node.client("many").await;
    let (mut after, mut pages) = (String::new(), Vec::new());
    loop {
        let page =
            many.call("friends.list", json!({"after": after, "limit": 3})).await.expect("it is listed");
        let users: Vec<_> =
            page["items"].as_array().expect("items").iter().map(|item| item["user"].clone()).collect();
        pages.push(users);
        let Some(next) = page["next"].as_str() else { break };
        after = next.to_owned();
    }
    assert_eq!(json!(pages), json!([["a1", "a3", "a5"], ["z0", "z2", "z4"], ["z6"]]));
}
