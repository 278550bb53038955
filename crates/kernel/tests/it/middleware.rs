//! What stands around handlers, what they take, and what a node refuses to be built of.

use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::json;
use veche_kernel::{
    BuildError, Builder, Call, Channel, Class, Data, ErrorCode, Kernel, Module, Next, Outcome, Parameter,
    Rejection, User, testing::TestNode,
};

use crate::kit::quiet;

#[tokio::test]
async fn layers_stand_around_handlers_the_first_outermost() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let layer = |name: &'static str| {
        let log = log.clone();
        move |call: Call, next: Next| {
            let log = log.clone();
            async move {
                let note =
                    |what: &str| log.lock().expect("no test panics with it").push(format!("{name} {what}"));
                note("in");
                if call.event() == "secret" && name == "inner" {
                    return Err(Rejection::new(ErrorCode::App("not_today"), "by a layer"));
                }
                let outcome: Outcome = next.run(call).await;
                note("out");
                outcome
            }
        }
    };
    let module = Module::new("m").on("open", async || ()).on("secret", async || ());
    let builder = Kernel::builder().middleware(layer("outer")).middleware(layer("inner")).mount(module);
    let node = TestNode::start(builder);
    let mut ann = node.client("ann").await;
    ann.call("open", json!(null)).await.expect("nobody objects");
    assert_eq!(ann.call("secret", json!(null)).await.expect_err("a layer objects").code, "not_today");
    let log = log.lock().expect("no test panics with it").clone();
    let open = ["outer in", "inner in", "inner out", "outer out"];
    assert_eq!(log, [&open[..], &["outer in", "inner in", "outer out"]].concat());
}

#[derive(Deserialize)]
struct Say {
    text: String,
}

#[tokio::test]
async fn a_rejected_argument_names_its_field() {
    let say = async |Channel(_): Channel, Data(say): Data<Say>| Ok::<_, Rejection>(say.text);
    let own = async |User(user): User| Ok::<_, Rejection>(user.to_string());
    let module = Module::new("m").on("say", say).on("who", own);
    let node = TestNode::start(Kernel::builder().guests(true).mount(module));
    let mut ann = node.client("ann").await;
    let cases = [
        (json!({"data": {"text": "a"}}), "channel"),
        (json!({"channel": "c", "data": {}}), "data.text"),
        (json!({"channel": "c", "data": {"text": 1}}), "data.text"),
        (json!({"channel": "c"}), "data"),
    ];
    for (mut frame, field) in cases {
        frame["type"] = "say".into();
        let refused = ann.request(frame.clone()).await.expect_err("it does not fit");
        assert_eq!(
            (refused.code.as_str(), refused.field.as_deref()),
            ("bad_request", Some(field)),
            "{frame}"
        );
    }
    let fits = json!({"type": "say", "channel": "c", "data": {"text": "hello"}});
    assert_eq!(ann.request(fits).await.expect("it fits")["data"], "hello");
    assert_eq!(ann.call("who", json!(null)).await.expect("she is somebody"), "ann");
    let mut guest = node.guest().await;
    assert_eq!(guest.call("who", json!(null)).await.expect_err("a guest").code, "unauthorized");
}

#[tokio::test]
async fn an_events_name_may_end_in_a_parameter() {
    let tell = |what: &'static str| {
        move |Parameter(user): Parameter| async move { Ok::<_, Rejection>(format!("{what} {user}")) }
    };
    let module = Module::new("m")
        .on("balance:updated:{user}", tell("long"))
        .on("balance:{rest}", tell("short"))
        .on("balance:updated:all", async || Ok::<_, Rejection>("exact"));
    let node = TestNode::start(Kernel::builder().mount(module));
    let mut ann = node.client("ann").await;
    let cases =
        [("balance:updated:7", "long 7"), ("balance:updated:all", "exact"), ("balance:x:y", "short x:y")];
    for (event, answer) in cases {
        assert_eq!(ann.call(event, json!(null)).await.expect("it is answered"), answer);
    }
    assert_eq!(ann.call("balance:", json!(null)).await.expect_err("it has no parameter").code, "not_found");
}

fn fails(builder: Builder) -> String {
    match builder.shards(1).build() {
        Ok(_) => panic!("it was built"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_node_is_not_built_of_what_contradicts_itself() {
    let on = |event: &str| Kernel::builder().mount(Module::new("m").on(event, async || ()));
    for reserved in ["message", "subscribe", "welcome", "ping", "joined"] {
        assert!(fails(on(reserved)).contains("a name of the protocol"), "{reserved}");
    }
    for malformed in ["", "a\nb", "{user}", "a:{user}:b", "a:{user"] {
        assert!(matches!(on(malformed).build(), Err(BuildError::InvalidEvent { .. })), "{malformed:?}");
    }
    let twice = |event: &str| on(event).mount(Module::new("n").on(event, async || ()));
    assert!(fails(twice("say")).contains("has a handler already"));
    assert!(fails(twice("a:{user}")).contains("has a handler already"));
    let room = || quiet("room", Class::Memory);
    let doubled = Kernel::builder().namespace(room()).mount(Module::new("m").channel(room()));
    assert!(fails(doubled).contains("declared twice"));
    let guard = Module::new("m").guard("room", async |_| Ok(()));
    assert!(fails(Kernel::builder().namespace(room()).mount(guard)).contains("not declared"));
}
