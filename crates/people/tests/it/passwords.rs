//! Passwords: changed by whoever knows the old one, replaced by whoever has the mail, hashed again in passing.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use veche_people::{Cost, accounts::Settings};

use crate::support::{EMAIL, House, PASSWORD, settings};

const NEW: &str = "staple in the stable";

async fn kept(house: &House) -> String {
    let sql = "SELECT password FROM account WHERE email = 'ann@example.com'";
    house.store.read(async |tx| tx.one(sql, []).await?.get::<String>(0)).await.expect("there is an account")
}

#[tokio::test]
async fn a_new_password_ends_the_other_sign_ins() {
    let house = House::open().await;
    let own = house.ann().await;
    let other = house.sign_in(EMAIL, PASSWORD).await.cookie();
    let change = async |old: &str, new: &str| {
        house.under(&own, Method::POST, "password", json!({"old": old, "new": new})).await
    };
    let refused = change("not the password", NEW).await;
    assert_eq!((refused.status, refused.code(), refused.field()), (401, "wrong_credentials", "old"));
    let refused = change(PASSWORD, "short").await;
    assert_eq!((refused.status, refused.field()), (400, "new"));
    assert_eq!(house.me(&other).await.status, 200, "nothing has changed");

    assert_eq!(change(PASSWORD, NEW).await.status, 204);
    // Red where `end_all` spares none, or all.
    assert_eq!((house.me(&own).await.status, house.me(&other).await.status), (200, 401));
    assert_eq!(house.sign_in(EMAIL, PASSWORD).await.status, 401);
    assert_eq!(house.sign_in(EMAIL, NEW).await.status, 200);
    assert_eq!(house.letter().await.0.letter.subject(), "Your password was changed");
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_once_by_the_mailed_link() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let ask = async || house.post("reset/request", json!({"email": "ANN@example.com"})).await;
    assert_eq!(ask().await.status, 202);
    let (_, other) = house.later_letter().await;
    assert_eq!(ask().await.status, 202);
    let (mail, token) = house.later_letter().await;
    assert!(mail.letter.text().contains("https://veche.example/people/reset#token="), "{mail:?}");

    let reset = async |token: &str, password: &str| {
        house.post("reset", json!({"token": token, "password": password})).await
    };
    assert_eq!(reset(&token, "short").await.field(), "password", "that uses nothing up");
    assert_eq!(reset(&token, NEW).await.status, 204);
    assert_eq!(house.me(&cookie).await.status, 401, "all sign-ins end");
    assert_eq!(house.sign_in(EMAIL, NEW).await.status, 200);
    // Red where `take_reset` leaves the link, or the others, in place.
    for used in [&token, &other] {
        let again = reset(used, "yet another password").await;
        assert_eq!((again.status, again.code()), (410, "link_ended"));
    }
    assert_eq!(house.letter().await.0.letter.subject(), "Your password was changed");
}

/// Red without `forget_resets` in `change_password`.
#[tokio::test]
async fn a_changed_password_ends_the_links_of_before() {
    let house = House::open().await;
    let cookie = house.ann().await;
    house.post("reset/request", json!({"email": EMAIL})).await;
    let (_, token) = house.later_letter().await;
    let change = house.under(&cookie, Method::POST, "password", json!({"old": PASSWORD, "new": NEW})).await;
    assert_eq!(change.status, 204);
    let reset = house.post("reset", json!({"token": token, "password": "the thief's own choice"})).await;
    assert_eq!((reset.status, reset.code()), (410, "link_ended"));
    assert_eq!(house.sign_in(EMAIL, NEW).await.status, 200);
}

#[tokio::test]
async fn a_link_to_a_new_password_holds_for_an_hour() {
    let house = House::open().await;
    house.ann().await;
    house.post("reset/request", json!({"email": EMAIL})).await;
    let (_, token) = house.later_letter().await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.post("reset", json!({"token": token, "password": NEW})).await.status, 410);
    assert_eq!(house.sign_in(EMAIL, PASSWORD).await.status, 200);
}

/// Red where a match that is outdated counts as right.
#[tokio::test]
async fn a_sign_in_hashes_the_password_again_at_a_new_cost() {
    let house = House::open().await;
    house.ann().await;
    assert!(kept(&house).await.contains("$m=8,t=1,p=1$"));
    let house = house.again(Settings { cost: Cost { memory_kib: 16, passes: 2 }, ..settings() }).await;
    assert_eq!(house.sign_in(EMAIL, "not the password").await.status, 401);
    assert!(kept(&house).await.contains("$m=8,t=1,p=1$"), "only who knows it can");
    assert_eq!(house.sign_in(EMAIL, PASSWORD).await.status, 200);
    assert!(kept(&house).await.contains("$m=16,t=2,p=1$"));
    assert_eq!(house.sign_in(EMAIL, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn no_secret_is_in_the_database_in_the_clear() {
    let house = House::open().await;
    let cookie = house.ann().await;
    house.post("reset/request", json!({"email": EMAIL})).await;
    let (_, token) = house.later_letter().await;
    let secret = cookie.split_once('=').expect("a cookie").1;
    for table in ["account", "account_session", "account_reset", "account_registration", "mail"] {
        let rows = all(&house, table).await;
        for secret in [PASSWORD, secret, token.as_str()] {
            assert!(!rows.contains(secret), "{table}: {rows}");
        }
    }
    assert_eq!(house.me(&cookie).await.body["password"], Value::Null);
}

/// A table's rows as they print.
async fn all(house: &House, table: &str) -> String {
    let sql: &'static str = match table {
        "account" => "SELECT * FROM account",
        "account_session" => "SELECT * FROM account_session",
        "account_reset" => "SELECT * FROM account_reset",
        "account_registration" => "SELECT * FROM account_registration",
        _ => "SELECT * FROM mail",
    };
    let rows = house.store.read(async |tx| tx.rows(sql, []).await).await.expect("it reads");
    format!("{rows:?}")
}
