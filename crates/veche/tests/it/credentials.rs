//! Who a connection is: by its handshake, or by a frame `auth`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use veche::{Server, Verifier};

use crate::support::{
    SECRET, address,
    client::Client,
    guests,
    raw::{ask, handshake, handshake_at},
    start, users,
};

fn token(server: &Server, user: &str) -> String {
    signed(SECRET, user, server.kernel().clock().wall_ms())
}

fn signed(secret: &[u8], user: &str, wall_ms: u64) -> String {
    let verifier = Verifier::hs256(secret).expect("the secret is long enough");
    verifier.sign(user, Duration::from_mins(1), wall_ms).expect("a user id")
}

fn unsigned(header: &str, wall_ms: u64) -> String {
    let claims = json!({"sub": "ann", "exp": wall_ms / 1_000 + 60}).to_string();
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

#[tokio::test]
async fn a_token_in_the_handshake_signs_in() {
    // Red: `native` with no identity.
    let server = start(users());
    for scheme in ["Bearer", "bearer"] {
        let more = format!("Authorization: {scheme} {}\r\n", token(&server, "ann"));
        let mut client = Client::connect_with(address(&server), "/realtime", &more).await;
        assert_eq!(client.frame().await["user"], "ann");
    }
}

#[tokio::test]
async fn a_bad_credential_is_refused_without_an_upgrade() {
    // Red: `authenticate` answering `Ok(None)` to what it cannot take.
    let server = start(users());
    let now = server.kernel().clock().wall_ms();
    let good = token(&server, "ann");
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let mut forged = good.clone();
    forged.replace_range(..1, "f");
    let cases = [
        ("another scheme", format!("Authorization: Basic {good}\r\n")),
        ("no scheme", format!("Authorization: {good}\r\n")),
        ("nothing", "Authorization:\r\n".to_owned()),
        ("two of them", bearer(&good) + &bearer(&good)),
        ("another key", bearer(&signed(b"another secret of 32 bytes or more", "ann", now))),
        ("changed", bearer(&forged)),
        ("alg none", bearer(&unsigned(r#"{"alg":"none"}"#, now))),
        ("no signature", bearer(&unsigned(r#"{"alg":"HS256"}"#, now))),
        ("expired", bearer(&signed(SECRET, "ann", now - 61_000))),
        ("no token at all", bearer("ann")),
    ];
    for (what, more) in cases {
        let response = ask(address(&server), handshake(&more, &[])).await.expect(what);
        assert_eq!(response.status, 401, "{what}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{what}");
    }
    // A node that takes no tokens takes none of these either.
    let guests = start(guests());
    let response = ask(address(&guests), handshake(&bearer(&good), &[])).await.expect("an answer");
    assert_eq!(response.status, 401);
}

#[tokio::test]
async fn without_a_credential_only_auth_and_ping_are_served() {
    // Red: `open` that admits everybody as a guest.
    let server = start(users());
    let mut client = Client::connect(address(&server)).await;
    client.is_served().await;
    client.send(json!({"type": "subscribe", "channel": "room:1", "id": 7})).await;
    let refused = client.frame().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(7), &json!("unauthorized")));
    client.send(json!({"type": "auth", "token": token(&server, "ann")})).await;
    assert_eq!(client.expect("welcome").await["user"], "ann");
    client.join("room:1").await;
}

#[tokio::test]
async fn a_bad_token_in_a_frame_ends_the_connection() {
    // Red: `Shard::authenticate` that only refuses.
    let server = start(users());
    let mut client = Client::connect(address(&server)).await;
    client.send(json!({"type": "auth", "token": "ann"})).await;
    assert_eq!(client.close_code().await, Some(3500));
}

#[tokio::test]
async fn a_token_in_the_url_is_refused_by_its_name() {
    // Red: `identify_for` without `refuse_urls`.
    let server = start(users());
    let good = token(&server, "ann");
    for name in ["token", "access_token", "jwt", "authorization"] {
        let path = format!("/realtime?device=d&{name}={good}");
        let response = ask(address(&server), handshake_at(&path, "", &[])).await.expect("an answer");
        assert_eq!(response.status, 400, "{name}");
        let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(body["error"]["field"], name, "{body}");
    }
}
