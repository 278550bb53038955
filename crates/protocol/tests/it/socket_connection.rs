//! One connection of Socket.IO: which packet is let through, and which ends the engine.

use proptest::prelude::*;
use veche_protocol::{
    engine_io::Revision,
    socket_io::{Args, Auth, Connection, Encoding, Fault, Input, Limits, Parser, Scratch, Slot, State},
};

/// What an input was, without what it borrows.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Nothing,
    Connect(Slot, String, String),
    TooMany(String),
    Disconnect(Slot),
    Event(Slot, String, Option<u64>, String),
    Ack(Slot, u64, String),
    Fault(Fault),
}

fn seen(input: Result<Input<'_>, Fault>) -> Seen {
    match input {
        Err(fault) => Seen::Fault(fault),
        Ok(Input::Nothing) => Seen::Nothing,
        Ok(Input::Connect { slot, namespace, auth }) => {
            let auth = match auth {
                Auth::None => String::new(),
                Auth::Json(json) => json.to_owned(),
                Auth::Query(query) => format!("?{query}"),
            };
            Seen::Connect(slot, namespace.to_owned(), auth)
        }
        Ok(Input::TooMany { namespace }) => Seen::TooMany(namespace.to_owned()),
        Ok(Input::Disconnect { slot }) => Seen::Disconnect(slot),
        Ok(Input::Event { slot, name, id, args, .. }) => {
            Seen::Event(slot, name.into_owned(), id, args.inner().to_owned())
        }
        Ok(Input::Ack { slot, id, args, .. }) => Seen::Ack(slot, id, args.inner().to_owned()),
    }
}

struct Client {
    connection: Connection,
    scratch: Scratch,
    limits: Limits,
}

impl Client {
    fn new(revision: Revision) -> Self {
        let connection = Connection::new(revision, Parser::Default, 45_000);
        Self { connection, scratch: Scratch::default(), limits: Limits::default() }
    }

    fn say(&mut self, text: &str) -> Seen {
        seen(self.connection.on_text(text, &self.limits, &mut self.scratch))
    }

    /// Asks for a namespace, and is let in.
    fn join(&mut self, text: &str) -> Slot {
        let Seen::Connect(slot, ..) = self.say(text) else { panic!("{text} asks for no namespace") };
        self.connection.accept(slot);
        slot
    }
}

fn connect(slot: Slot, namespace: &str, auth: &str) -> Seen {
    Seen::Connect(slot, namespace.to_owned(), auth.to_owned())
}

fn event(slot: Slot, name: &str, id: Option<u64>, args: &str) -> Seen {
    Seen::Event(slot, name.to_owned(), id, args.to_owned())
}

const NOT_CONNECTED: Seen = Seen::Fault(Fault::NotConnected);

#[test]
fn a_client_joins_speaks_and_leaves() {
    let mut client = Client::new(Revision::V4);
    assert_eq!(client.connection.open(&client.limits), Input::Nothing);
    assert_eq!(client.say(r#"0{"token":"123"}"#), connect(Slot::ROOT, "/", r#"{"token":"123"}"#));
    assert_eq!(client.connection.state(Slot::ROOT), State::Connecting);
    client.connection.accept(Slot::ROOT);
    assert_eq!(client.say(r#"2["message",1,"2"]"#), event(Slot::ROOT, "message", None, r#"1,"2""#));
    assert_eq!(client.say(r#"2456["m"]"#), event(Slot::ROOT, "m", Some(456), ""));
    assert_eq!(client.say(r#"37["ok"]"#), Seen::Ack(Slot::ROOT, 7, r#""ok""#.to_owned()));
    assert_eq!(client.say(r#"3["ok"]"#), Seen::Nothing, "an answer to nothing");
    // `41` then `40` again works on the same engine.
    assert_eq!(client.say("1"), Seen::Disconnect(Slot::ROOT));
    assert_eq!(client.connection.connected().count(), 0);
    assert_eq!(client.say("0"), connect(Slot::ROOT, "/", ""));
    client.connection.accept(Slot::ROOT);
    assert_eq!(client.say(r#"2["m"]"#), event(Slot::ROOT, "m", None, ""));
}

#[test]
fn namespaces_live_side_by_side() {
    let mut client = Client::new(Revision::V4);
    let root = client.join("0");
    let custom = client.join("0/custom,");
    let random = client.join("0/random");
    assert_eq!((root.index(), custom.index(), random.index()), (0, 1, 2));
    assert_eq!(client.connection.namespace(random), Some("/random"));
    assert_eq!(client.connection.connected().collect::<Vec<_>>(), [root, custom, random]);
    assert_eq!(client.say(r#"2/custom,["m"]"#), event(custom, "m", None, ""));
    // Leaving `/custom` keeps `/` working, and its slot is used again.
    assert_eq!(client.say("1/custom,"), Seen::Disconnect(custom));
    assert_eq!(client.say(r#"2["m"]"#), event(root, "m", None, ""));
    assert_eq!(client.join("0/other,"), custom);
    assert_eq!(client.connection.namespace(custom), Some("/other"));
    // Leaving `/` keeps the rest.
    assert_eq!(client.say("1"), Seen::Disconnect(root));
    assert_eq!(client.say(r#"2/random,["m"]"#), event(random, "m", None, ""));
    for text in ["1/other", "1/random"] {
        assert!(matches!(client.say(text), Seen::Disconnect(_)));
    }
    assert_eq!(client.connection.connected().count(), 0);
    assert_eq!((client.connection.state(random), client.connection.namespace(random)), (State::Absent, None));
}

#[test]
fn what_contradicts_a_namespaces_state_ends_the_engine() {
    // Each text, and what the client has joined before.
    for (joined, text) in [
        (&[][..], r#"2["m"]"#),
        (&[], "1"),
        (&[], r#"31["m"]"#),
        (&["0/custom,"], r#"2["m"]"#),
        (&["0"], r#"2/custom,["m"]"#),
        (&["0"], "0"),
        (&["0"], r#"4{"message":"no"}"#),
        (&["0/custom,"], "0/custom,"),
        (&["0"], r#"2/,["m"]"#),
    ] {
        let mut client = Client::new(Revision::V4);
        for text in joined {
            client.join(text);
        }
        if text == r#"2/,["m"]"# {
            // The root may be written out.
            assert_eq!(client.say(text), event(Slot::ROOT, "m", None, ""));
        } else {
            assert_eq!(client.say(text), NOT_CONNECTED, "{text} after {joined:?}");
        }
    }
    let mut client = Client::new(Revision::V4);
    assert_eq!(client.say("0"), connect(Slot::ROOT, "/", ""));
    assert_eq!(client.say(r#"2["m"]"#), NOT_CONNECTED, "not accepted yet");
    let mut client = Client::new(Revision::V4);
    client.join("0");
    assert_eq!(client.say("1"), Seen::Disconnect(Slot::ROOT));
    assert_eq!(client.say(r#"2["m"]"#), NOT_CONNECTED);
}

#[test]
fn malformed_packets_end_the_engine_too() {
    for (text, fault) in [
        ("abc", Fault::UnknownType),
        ("2{}", Fault::WrongKind),
        (r#"2abc["m"]"#, Fault::Id),
        (r#"2["m""#, Fault::Payload),
        (r#"2["disconnect"]"#, Fault::Reserved),
    ] {
        let mut client = Client::new(Revision::V4);
        client.join("0");
        assert_eq!(client.say(text), Seen::Fault(fault), "{text}");
    }
    let mut client = Client::new(Revision::V4);
    client.join("0");
    assert_eq!(client.say(r#"51-["m",{"_placeholder":true,"num":0}]"#), Seen::Nothing);
    assert!(client.connection.held() > 0);
    assert_eq!(client.say(r#"2["m"]"#), Seen::Fault(Fault::TextForAttachment));
    let mut client = Client::new(Revision::V4);
    client.join("0");
    let input = client.connection.on_binary(b"x", &client.limits, &mut client.scratch);
    assert_eq!(seen(input), Seen::Fault(Fault::StrayAttachment));
}

#[test]
fn a_refused_client_may_ask_again() {
    let mut client = Client::new(Revision::V4);
    let Seen::Connect(slot, ..) = client.say("0/auth,") else { panic!("no request") };
    client.connection.refuse(slot);
    assert_eq!(client.connection.state(slot), State::Absent);
    assert_eq!(client.say(r#"0/auth,{"a":1}"#), connect(slot, "/auth", r#"{"a":1}"#));
    client.connection.accept(slot);
    client.connection.refuse(slot);
    assert_eq!(client.connection.state(slot), State::Connected, "too late");
}

#[test]
fn a_client_that_asks_twice_is_answered_once() {
    let mut client = Client::new(Revision::V4);
    assert_eq!(client.say("0"), connect(Slot::ROOT, "/", ""));
    assert_eq!(client.say("0"), Seen::Nothing);
    client.connection.accept(Slot::ROOT);
    assert_eq!(client.say(r#"2["m"]"#), event(Slot::ROOT, "m", None, ""));
}

#[test]
fn what_was_under_way_when_the_server_ended_a_stay_is_dropped() {
    // Red: a `dismiss` that makes the namespace absent, as the reference does.
    let mut client = Client::new(Revision::V4);
    let root = client.join("0");
    let custom = client.join("0/custom,");
    assert!(client.connection.dismiss(custom));
    assert!(!client.connection.dismiss(custom));
    for text in [r#"2/custom,["m"]"#, r#"3/custom,1["m"]"#, r#"2/custom,5["m"]"#] {
        assert_eq!(client.say(text), Seen::Nothing, "{text}");
    }
    assert_eq!(client.say(r#"2["m"]"#), event(root, "m", None, ""));
    assert_eq!(client.say(r#"0/custom,{"b":2}"#), connect(custom, "/custom", r#"{"b":2}"#), "and again");
    client.connection.accept(custom);
    assert!(client.connection.dismiss(custom));
    // Its own leave, which crossed ours: from here on it is not in it.
    assert_eq!(client.say("1/custom,"), Seen::Nothing);
    assert_eq!(client.say(r#"2/custom,["m"]"#), NOT_CONNECTED);
    assert_eq!(client.connection.state(custom), State::Absent);
}

#[test]
fn namespaces_are_bounded() {
    let mut client = Client::new(Revision::V4);
    client.limits.namespaces = 3;
    let slots: Vec<_> = ["0", "0/a,", "0/b,"].into_iter().map(|text| client.join(text)).collect();
    assert_eq!(client.say("0/c,"), Seen::TooMany("/c".to_owned()));
    assert_eq!(client.say(r#"2/b,["m"]"#), event(slots[2], "m", None, ""), "the others go on");
    assert_eq!(client.say("1/a,"), Seen::Disconnect(slots[1]));
    assert_eq!(client.join("0/c,"), slots[1]);
    assert_eq!(client.say(r#"2/b,["m"]"#), event(slots[2], "m", None, ""), "a slot stays whose it is");
    let mut client = Client::new(Revision::V4);
    client.limits.namespaces = 255;
    for number in 0..255 {
        client.join(&format!("0/{number},"));
    }
    assert_eq!(client.say("0/more,"), Seen::TooMany("/more".to_owned()));
    assert_eq!(client.connection.connected().count(), 255);
}

#[test]
fn a_client_that_joins_nothing_is_late() {
    let mut client = Client::new(Revision::V4);
    assert_eq!(client.connection.deadline_ms(), Some(45_000));
    let Seen::Connect(slot, ..) = client.say("0") else { panic!("no request") };
    client.connection.refuse(slot);
    assert!(!client.connection.is_late(44_999));
    assert!(client.connection.is_late(45_000), "to be refused is not to be in");
    client.join("0");
    assert_eq!((client.connection.deadline_ms(), client.connection.is_late(u64::MAX)), (None, false));
    assert_eq!(client.say("1"), Seen::Disconnect(Slot::ROOT));
    assert_eq!(client.connection.deadline_ms(), None, "once is enough");
}

#[test]
fn clients_of_the_third_revision_are_in_the_root_and_bring_queries() {
    let mut client = Client::new(Revision::V3);
    assert_eq!(seen(Ok(client.connection.open(&client.limits))), connect(Slot::ROOT, "/", ""));
    client.connection.accept(Slot::ROOT);
    assert_eq!(client.say(r#"2["m",1]"#), event(Slot::ROOT, "m", None, "1"));
    let Seen::Connect(slot, ..) = client.say("0/ns?token=x&a=%20,") else { panic!("no request") };
    assert_eq!(client.connection.namespace(slot), Some("/ns"));
    client.connection.accept(slot);
    assert_eq!(client.say(r#"2/ns,["m"]"#), event(slot, "m", None, ""));
    assert_eq!(client.say("1/ns"), Seen::Disconnect(slot));
    assert_eq!(client.say("0/ns?token=x"), connect(slot, "/ns", "?token=x"));
    assert!(
        matches!(client.say("0/other,"), Seen::Connect(_, name, auth) if name == "/other" && auth.is_empty())
    );
    // In the fourth revision a query is part of the name.
    let mut client = Client::new(Revision::V4);
    assert!(
        matches!(client.say("0/ns?token=x,"), Seen::Connect(_, name, auth) if name == "/ns?token=x" && auth.is_empty())
    );
    for revision in [Revision::V3, Revision::V4] {
        let connection = Connection::new(revision, Parser::Msgpack, 0);
        assert_eq!(connection.encoding(), Encoding { revision, parser: Parser::Msgpack });
    }
}

#[test]
fn the_msgpack_parser_serves_the_same_machine() {
    let mut connection = Connection::new(Revision::V4, Parser::Msgpack, 45_000);
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    let connect = b"\x82\xa4type\x00\xa3nsp\xa1/";
    let Ok(Input::Connect { slot, .. }) = connection.on_binary(connect, &limits, &mut scratch) else {
        panic!("no request")
    };
    connection.accept(slot);
    let event = b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x07\xa4data\x93\xa1m\x01\xc4\x01\xff";
    let Ok(Input::Event { name, id, args, attachments, .. }) =
        connection.on_binary(event, &limits, &mut scratch)
    else {
        panic!("no event")
    };
    assert_eq!((&*name, id), ("m", Some(7)));
    assert_eq!(args, Args::of_parts(r#"1,{"_placeholder":true,"num":0}"#, 2));
    assert_eq!(attachments.iter().map(|bytes| &bytes[..]).collect::<Vec<_>>(), [b"\xff"]);
    let text = connection.on_text(r#"2["m"]"#, &limits, &mut scratch);
    assert_eq!(text, Err(Fault::TextForMsgpack));
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Say(String),
    Accept(usize),
    Refuse(usize),
    Dismiss(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let namespace = || prop::sample::select(vec!["", "/a,", "/b,", "/c,"]);
    let kind = prop::sample::select(vec!["0", "0", "1", "2", "3"]);
    let say = (kind, namespace()).prop_map(|(kind, namespace)| match kind {
        "2" => Step::Say(format!("2{namespace}[\"m\"]")),
        "3" => Step::Say(format!("3{namespace}1[]")),
        kind => Step::Say(format!("{kind}{namespace}")),
    });
    prop_oneof![
        6 => say,
        3 => (0..4_usize).prop_map(Step::Accept),
        1 => (0..4_usize).prop_map(Step::Refuse),
        1 => (0..4_usize).prop_map(Step::Dismiss),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// The one law, against a plain model: names to states.
    #[test]
    fn nothing_reaches_a_namespace_that_the_client_is_not_in(steps in prop::collection::vec(step(), 1..60)) {
        let mut client = Client::new(Revision::V4);
        client.limits.namespaces = 3;
        let mut model = std::collections::BTreeMap::<String, State>::new();
        for step in steps {
            let known: Vec<_> = client.slots();
            let slot = |at: usize| known.get(at).cloned();
            match step {
                Step::Accept(at) => if let Some((slot, name)) = slot(at) {
                    client.connection.accept(slot);
                    model.entry(name).and_modify(|state| if *state == State::Connecting { *state = State::Connected });
                },
                Step::Refuse(at) => if let Some((slot, name)) = slot(at) {
                    client.connection.refuse(slot);
                    if model[&name] == State::Connecting { model.remove(&name); }
                },
                Step::Dismiss(at) => if let Some((slot, name)) = slot(at) {
                    let was_in = client.connection.dismiss(slot);
                    prop_assert_eq!(was_in, model[&name] == State::Connected);
                    if was_in { model.insert(name, State::Dismissed); }
                },
                Step::Say(text) => {
                    let found = client.say(&text);
                    let name = text.get(1..).and_then(|rest| rest.split_once(',')).map_or("/", |(name, _)| name);
                    let state = model.get(name).copied().unwrap_or_default();
                    match (&text[..1], state) {
                        ("0", State::Absent) if model.len() == 3 => prop_assert_eq!(found, Seen::TooMany(name.to_owned())),
                        ("0", State::Absent | State::Dismissed) => {
                            prop_assert!(matches!(found, Seen::Connect(_, found, _) if found == name));
                            model.insert(name.to_owned(), State::Connecting);
                        }
                        ("0", State::Connecting) => prop_assert_eq!(found, Seen::Nothing),
                        ("1", State::Connected) => {
                            prop_assert!(matches!(found, Seen::Disconnect(_)));
                            model.remove(name);
                        }
                        ("1", State::Dismissed) => {
                            prop_assert_eq!(found, Seen::Nothing);
                            model.remove(name);
                        }
                        ("2", State::Connected) => prop_assert!(matches!(found, Seen::Event(..))),
                        ("3", State::Connected) => prop_assert!(matches!(found, Seen::Ack(..))),
                        ("2" | "3", State::Dismissed) => prop_assert_eq!(found, Seen::Nothing),
                        _ => {
                            prop_assert_eq!(found, NOT_CONNECTED);
                            break;
                        }
                    }
                }
            }
            let states: std::collections::BTreeMap<_, _> =
                client.slots().into_iter().map(|(slot, name)| (name, client.connection.state(slot))).collect();
            prop_assert_eq!(&states, &model);
        }
    }
}

impl Client {
    /// Every namespace that is not absent.
    fn slots(&self) -> Vec<(Slot, String)> {
        let connection = &self.connection;
        connection.slots().filter_map(|slot| Some((slot, connection.namespace(slot)?.to_owned()))).collect()
    }
}
