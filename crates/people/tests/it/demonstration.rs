//! The demonstration's users.

use serde_json::json;
use veche_people::accounts::Settings;

use crate::support::{House, settings};

fn open() -> Settings {
    Settings { demonstration: true, ..settings() }
}

async fn offered(house: &House) -> crate::support::Answer {
    house.under("", http::Method::GET, "demo-sign-in", serde_json::Value::Null).await
}

#[tokio::test]
async fn anybody_is_one_of_them_by_a_click() {
    let house = House::with(open()).await;
    let offered = offered(&house).await.body;
    assert_eq!(offered["users"][0], json!({"id": "anya", "name": "Аня"}));
    for (user, name) in [("anya", "Аня"), ("pasha", "Паша"), ("admin", "Админ")] {
        let answer = house.post("demo-sign-in", json!({"user": user})).await;
        assert_eq!((answer.status, &answer.body["user"]), (200, &json!(user)));
        assert_eq!(house.me(&answer.cookie()).await.body["name"], name);
    }
    let refused = house.post("demo-sign-in", json!({"user": "u0123456789abcdef"})).await;
    assert_eq!((refused.status, refused.field()), (400, "user"));
}

/// Red where a start makes them anew: the name is as it was.
#[tokio::test]
async fn they_are_made_once_and_only_where_they_are_asked_for() {
    let house = House::open().await;
    assert_eq!(offered(&house).await.status, 404);
    let refused = house.post("demo-sign-in", json!({"user": "anya"})).await;
    assert_eq!((refused.status, refused.code()), (404, "not_found"));
    assert_eq!(house.count("SELECT COUNT(*) FROM account").await, 0);

    let house = house.again(open()).await;
    let cookie = house.post("demo-sign-in", json!({"user": "anya"})).await.cookie();
    house.under(&cookie, http::Method::PATCH, "me", json!({"name": "Анна"})).await;
    let house = house.again(open()).await;
    assert_eq!(house.me(&cookie).await.body["name"], "Анна");
    assert_eq!(house.count("SELECT COUNT(*) FROM account").await, 3);

    let house = house.again(settings()).await;
    assert_eq!(house.post("demo-sign-in", json!({"user": "anya"})).await.status, 404);
}
