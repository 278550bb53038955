//! `POST /api/call/{event}`: the handlers of frames, without a connection.

use std::time::Duration;

use serde_json::{Value, json};
use veche::{Call, Data, Kernel, Limits, Module, Parameter, Rejection, Server, Session, Verifier};

use crate::support::{SECRET, http::Http, start_with, users};

fn module() -> Module {
    Module::new("m")
        .on("whoami", async |session: Session, call: Call| -> Result<Value, Rejection> {
            let channel = call.channel().map(ToString::to_string);
            Ok(json!({"user": session.user().as_str(), "channel": channel, "op_id": call.op_id()}))
        })
        .on("double", async |Data(n): Data<u64>| Ok::<_, Rejection>(n * 2))
        .on("balance:{user}", async |Parameter(user): Parameter| Ok::<_, Rejection>(user))
        .on("nothing", async || ())
        .on("enter", async |session: Session| -> Result<(), Rejection> { session.join("room:1").await })
        .on("say", async |session: Session| -> Result<(), Rejection> {
            session.leave("room:1");
            session.kick();
            session.to("room:1").publish(&crate::support::Said("hello")).await.map(drop)
        })
        .on("never", async || std::future::pending::<()>().await)
        .deadline(Duration::from_millis(50))
        .on("broken", async || -> Result<(), Rejection> { panic!("on purpose") })
}

fn server(guests: bool, limits: Limits) -> Server {
    let builder: veche::Builder = users().guests(guests).limits(limits);
    start_with(builder.mount(module()).mount(veche::calls()), |listen| listen)
}

fn as_user<'a>(server: &'a Server, user: &str) -> Http<'a> {
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let now_ms = server.kernel().clock().wall_ms();
    Http::of(server, verifier.sign(user, Duration::from_hours(1), now_ms).expect("a token"))
}

#[tokio::test]
async fn a_call_reaches_the_handler_of_its_event() {
    // Red: `call` that leaves the channel out; `text` without the reply.
    let server = server(false, Limits::default());
    let ann = as_user(&server, "ann");
    let call = async |event: &str, body: Value| {
        let told = ann.post(&format!("/api/call/{event}"), body).await;
        (told.status, told.body)
    };
    let who = json!({"channel": "room:1", "op_id": "o-1", "data": null});
    let expected = json!({"data": {"user": "ann", "channel": "room:1", "op_id": "o-1"}});
    assert_eq!(call("whoami", who).await, (200, expected));
    assert_eq!(call("double", json!({"data": 21})).await, (200, json!({"data": 42})));
    assert_eq!(call("balance:%D0%B6%2F7", json!({})).await, (200, json!({"data": "ж/7"})));
    assert_eq!(call("nothing", json!({})).await, (200, json!({})));
    assert_eq!(call("say", json!({})).await, (200, json!({})));
}

#[tokio::test]
async fn a_call_that_fails_says_why() {
    // Red: `Session::join` without the look at the kind of session; `call` without `guarded`.
    let server = server(false, Limits::default());
    let ann = as_user(&server, "ann");
    for (event, body, status, code, field) in [
        ("unknown", json!({}), 404, "not_found", Some("event")),
        ("subscribe", json!({}), 404, "not_found", Some("event")),
        ("double", json!({"data": "x"}), 400, "bad_request", Some("data")),
        ("double", json!({}), 400, "bad_request", Some("data")),
        ("nothing", json!({"more": 1}), 400, "bad_request", Some("more")),
        ("nothing", json!({"channel": "a*"}), 400, "bad_request", Some("channel")),
        ("nothing", json!({"op_id": ""}), 400, "bad_request", Some("op_id")),
        ("nothing", json!({"data": "x".repeat(70_000)}), 413, "too_large", None),
        ("enter", json!({}), 400, "bad_request", None),
        ("never", json!({}), 504, "timeout", None),
        ("broken", json!({}), 500, "internal", None),
    ] {
        let told = ann.post(&format!("/api/call/{event}"), body).await;
        assert_eq!((told.status, told.error()), (status, (code, field)), "{event}: {}", told.body);
    }
    assert_eq!(ann.send("POST /api/call/nothing", "Content-Type: text/plain\r\n", "{}").await.status, 415);
    assert_eq!(ann.send("GET /api/call/nothing", "", "").await.status, 405);
}

#[tokio::test]
async fn guests_call_only_where_guests_are_served() {
    // Red: `guest` that does not ask whether guests are served.
    let call = async |server: &Server, query: &str| {
        Http::of(server, "").post(&format!("/api/call/whoami{query}"), json!({})).await
    };
    let closed = server(false, Limits::default());
    assert_eq!(call(&closed, "").await.error(), ("unauthorized", None));
    assert_eq!(Http::of(&closed, "x.y.z").post("/api/call/whoami", json!({})).await.status, 401);
    let open = server(true, Limits::default());
    let user = async |query: &str| call(&open, query).await.body["data"]["user"].clone();
    let (one, two) = (user("?device=phone").await, user("?device=phone").await);
    assert_eq!(one, two);
    assert!(one.as_str().is_some_and(|one| one.starts_with("guest:")));
    assert_ne!(user("").await, user("").await);
    assert_eq!(call(&open, "?device=a%20b").await.error(), ("bad_request", Some("device")));
}

#[tokio::test]
async fn calls_are_limited_by_user_and_guests_by_address() {
    // Red: `admit` that meters guests by their names.
    let limits = Limits { calls_per_second: 1, calls_burst: 2, ..Limits::default() };
    let slow = Limits { calls_per_second: 0, ..limits.clone() };
    let server_of = |limits| server(true, limits);
    let limited = server_of(limits);
    let (ann, bob, guest) = (as_user(&limited, "ann"), as_user(&limited, "bob"), Http::of(&limited, ""));
    for caller in [&ann, &guest] {
        let mut refused = None;
        for _ in 0..20 {
            let told = caller.post("/api/call/nothing", json!({})).await;
            if told.status == 429 {
                refused = Some(told);
                break;
            }
        }
        let told = refused.expect("a limit");
        assert_eq!((told.error().0, told.response.header("retry-after")), ("rate_limited", Some("1")));
    }
    assert_eq!(bob.post("/api/call/nothing", json!({})).await.status, 200);
    let free = server_of(slow);
    let ann = as_user(&free, "ann");
    for _ in 0..20 {
        assert_eq!(ann.post("/api/call/nothing", json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn the_layers_stand_around_a_call_without_a_connection() {
    // Red: `call` that runs the handler itself.
    async fn closed(call: Call, _: veche::Next) -> veche::Outcome {
        Err(Rejection::new(veche::ErrorCode::App("closed"), call.event().to_owned()))
    }
    let builder = Kernel::builder().shards(1).guests(true).middleware(closed);
    let server = start_with(builder.mount(module()).mount(veche::calls()), |listen| listen);
    let told = Http::of(&server, "").post("/api/call/nothing", json!({})).await;
    assert_eq!((told.status, told.error()), (403, ("closed", None)));
}
