//! One decision for every door: random namespaces, rules of modules, credentials and guests, asked in every way
//! that there is, against an oracle that reads the documents again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use veche::{
    Ask, Audience, ChannelName, Class, Kernel, Limits, Module, Namespace, NewToken, Rejection, Right, Server,
    UserId, Verifier,
};

use crate::{
    sse_client::{EVENTS, Stream},
    support::{PATH, SECRET, Said, address, client::Client, room, start_with, users},
};

const PRINCIPALS: usize = 60;
const CHANNELS: usize = 24;
/// Streams are dearer than frames: of each principal's channels so many are asked for there.
const STREAMS: usize = 4;
/// Look-alikes, prefixes of each other, a personal one and one that nobody declares.
const NAMES: [&str; 8] = ["room", "roo", "rooms", "Room", "board", "desk", "user", "undeclared"];

/// A fixed run of numbers: a failure repeats itself.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

struct Principal {
    user: Option<String>,
    patterns: Vec<(String, Vec<Right>)>,
}

struct World {
    declared: Vec<Namespace>,
    /// Namespaces whose module has a rule of its own.
    guarded: Vec<String>,
}

/// What a module's rule says: nothing but a sum of names, so that the oracle can say it too.
fn rule(user: &str, channel: &str, right: Right) -> bool {
    let user = if user.starts_with("guest:") { "guest" } else { user };
    let sum = user
        .bytes()
        .chain(channel.bytes())
        .fold(right as u32, |sum, byte| sum * 31 % 1_009 + u32::from(byte));
    sum % 4 != 0
}

impl World {
    fn new(chance: &mut Chance) -> Self {
        let audiences = [Audience::Nobody, Audience::Owner, Audience::Users, Audience::Anyone];
        let mut declared = Vec::new();
        for name in NAMES.iter().filter(|name| !matches!(**name, "user" | "undeclared")) {
            declared.push(Namespace {
                class: chance.of(&[Class::Memory, Class::Ephemeral]),
                subscribe: chance.of(&audiences),
                publish: chance.of(&audiences),
                presence: chance.of(&audiences),
                history: chance.of(&audiences),
                ..Namespace::new(*name)
            });
        }
        Self { declared, guarded: vec!["board".to_owned(), "rooms".to_owned()] }
    }

    fn server(&self) -> Server {
        let mut module = Module::new("rules");
        let mut builder = Kernel::builder().shards(1).guests(true).limits(Limits {
            frames_per_second: 0,
            channels_per_session: 0,
            messages_per_minute: 0,
            calls_per_second: 0,
            ephemeral_per_second: 0,
            subscribes_per_minute: 0,
            connections_per_user: 0,
            ..Limits::default()
        });
        for namespace in &self.declared {
            if self.guarded.contains(&namespace.name) {
                module = module.channel(namespace.clone()).guard(&namespace.name, async |ask: Ask| {
                    let says = rule(ask.user.as_str(), ask.channel.as_str(), ask.right);
                    if says { Ok(()) } else { Err(Rejection::forbidden()) }
                });
            } else {
                builder = builder.namespace(namespace.clone());
            }
        }
        let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
        let builder = builder.mount(module).authenticator(Arc::new(verifier));
        start_with(builder, |listen| listen.events(EVENTS))
    }

    /// The documents: the owner of a namespace, its audience, the token's patterns, the module's rule.
    fn allows(&self, principal: &Principal, right: Right, channel: &str) -> bool {
        let (name, rest) = channel.split_once(':').expect("a channel of these");
        let declared = self.declared.iter().find(|namespace| namespace.name == name);
        let audience = declared.map_or(Audience::Nobody, |namespace| match right {
            Right::Subscribe => namespace.subscribe,
            Right::Publish => namespace.publish,
            Right::Presence => namespace.presence,
            Right::History => namespace.history,
        });
        let by_rule = match audience {
            Audience::Nobody => false,
            Audience::Owner => principal.user.as_deref() == Some(rest),
            Audience::Users => principal.user.is_some(),
            Audience::Anyone => true,
        };
        let covers = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => channel.starts_with(beginning),
            None => channel == pattern,
        };
        let says = |(pattern, rights): &(String, Vec<Right>)| covers(pattern) && rights.contains(&right);
        let by_token = name != "user" && principal.patterns.iter().any(says);
        let user = principal.user.as_deref().unwrap_or("guest:");
        let is_guarded = declared.is_some() && self.guarded.iter().any(|guarded| guarded == name);
        (by_rule || by_token) && (!is_guarded || rule(user, channel, right))
    }
}

fn principal(chance: &mut Chance, at: usize) -> Principal {
    if chance.below(4) == 0 {
        return Principal { user: None, patterns: Vec::new() };
    }
    let patterns = (0..chance.below(4)).map(|_| {
        let pattern = match chance.below(4) {
            0 => format!("{}:{}", chance.of(&NAMES), chance.below(4)),
            1 => format!("{}*", chance.of(&NAMES)),
            2 => format!("{}:*", chance.of(&NAMES)),
            _ => chance.of(&["r*", "*", "b*", "user:*"]).to_owned(),
        };
        (pattern, Right::ALL.into_iter().filter(|_| chance.below(2) == 0).collect())
    });
    let patterns = patterns.collect();
    Principal { user: Some(format!("u{}", at % 7)), patterns }
}

fn bearer(server: &Server, principal: &Principal) -> String {
    let Some(user) = &principal.user else { return String::new() };
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let new = NewToken::of(user, Duration::from_hours(1));
    let token = principal
        .patterns
        .iter()
        .fold(new, |token, (pattern, rights)| token.grant(pattern, rights.iter().copied()));
    let token = verifier.issue(&token, server.kernel().clock().wall_ms()).expect("patterns and a user id");
    format!("Authorization: Bearer {token}\r\n")
}

/// Whether a frame is answered by anything but `forbidden`.
async fn may(client: &mut Client, mut frame: Value) -> bool {
    frame["id"] = json!("ask");
    client.send(frame.clone()).await;
    loop {
        let answer = client.frame().await;
        if answer["id"] == "ask" {
            let code = &answer["error"]["code"];
            assert!(code.is_null() || code == "forbidden", "{frame}: {answer}");
            return code.is_null();
        }
    }
}

#[tokio::test]
async fn every_door_says_the_same() {
    // Red: `listen` without `check_join`; `history` without `ask_guard`; `decide` without the grants.
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let world = World::new(&mut chance);
    let server = world.server();
    let (mut asked, mut allowed) = (0_u32, 0_u32);
    for at in 0..PRINCIPALS {
        let principal = principal(&mut chance, at);
        let bearer = bearer(&server, &principal);
        let mut client = Client::connect_with(address(&server), PATH, &bearer).await;
        client.expect("welcome").await;
        for number in 0..CHANNELS {
            let rest = chance.of(&["0", "1", "2", "3", "u1", "u2"]);
            let channel = format!("{}:{rest}", chance.of(&NAMES));
            let expected = |right| world.allows(&principal, right, &channel);
            let who = (&principal.user, &principal.patterns, &channel);
            let frame = |kind: &str| json!({"type": kind, "channel": channel, "data": 1, "active": true});
            let members = json!({"type": "subscribe", "channel": channel, "presence": true});
            let subscribes = expected(Right::Subscribe);
            assert_eq!(may(&mut client, frame("message")).await, expected(Right::Publish), "{who:?}");
            assert_eq!(may(&mut client, frame("history")).await, expected(Right::History), "{who:?}");
            let sees = subscribes && expected(Right::Presence);
            assert_eq!(may(&mut client, members).await, sees, "members: {who:?}");
            assert_eq!(may(&mut client, frame("subscribe")).await, subscribes, "{who:?}");
            if subscribes {
                assert_eq!(may(&mut client, frame("typing")).await, expected(Right::Publish), "{who:?}");
            }
            if number < STREAMS {
                let query = format!("?channel={channel}");
                let stream = Stream::try_open(address(&server), &query, &bearer).await.expect("an answer");
                let status = if subscribes { 200 } else { 403 };
                assert_eq!(stream.head.status, status, "{who:?}");
            }
            asked += 4;
            let rights = Right::ALL.into_iter().filter(|right| expected(*right)).count();
            allowed += u32::try_from(rights).expect("four at most");
        }
    }
    // Both answers must be common, or the agreement says nothing.
    assert!(allowed * 5 > asked && allowed * 5 < asked * 4, "{allowed} of {asked}");
}

#[tokio::test]
async fn a_right_that_is_gone_ends_in_every_door() {
    // Red: `recheck` of the sessions of one shard alone; an `unsubscribed` that streams do not carry.
    let allowed = Arc::new(AtomicBool::new(true));
    let says = allowed.clone();
    let boards = Namespace { name: "board".to_owned(), ..room() };
    let module = Module::new("boards").channel(boards).guard("board", move |_: Ask| {
        let says = says.load(Ordering::Relaxed);
        async move { if says { Ok(()) } else { Err(Rejection::forbidden()) } }
    });
    let server = start_with(users().shards(2).mount(module), |listen| listen.events(EVENTS));
    let ann = Principal { user: Some("ann".to_owned()), patterns: Vec::new() };
    let bearer = bearer(&server, &ann);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect_with(address(&server), PATH, &bearer).await;
        client.join("board:1").await;
        client.join("room:1").await;
        clients.push(client);
    }
    let mut stream = Stream::open(address(&server), "?channel=board:1&channel=room:1", &bearer).await;
    allowed.store(false, Ordering::Relaxed);
    let board = ChannelName::parse("board:1").expect("a name");
    server.kernel().recheck(&UserId::from("ann"), &board);
    for client in &mut clients {
        let ended = client.expect("unsubscribed").await;
        assert_eq!((&ended["channel"], &ended["code"]), (&json!("board:1"), &json!(3503)));
    }
    assert_eq!(stream.expect("unsubscribed").await.data["channel"], "board:1");
    for (channel, what) in [("board:1", "secret"), ("room:1", "open")] {
        server.kernel().channel(channel).publish(&Said(what)).await.expect("published");
    }
    for client in &mut clients {
        assert_eq!(client.expect("message").await["data"], "open");
    }
    assert_eq!(stream.expect("message").await.data["data"], "open");
}
