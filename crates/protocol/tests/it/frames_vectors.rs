//! The shared vectors hold: client texts are read, and server frames are written, as the contract says.

use std::{collections::HashMap, str::FromStr};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use veche_protocol::{
    client::{Body, Frame, PresenceState, Range, Refusal, parse},
    code::ErrorCode,
    position::{Epoch, Position},
    server::{Change, Failure, From, Member, Recovery, ResetReason, Roster, ServerFrame},
};

const VECTORS: &str = include_str!("../../../../protocol-vectors/frames.json");

#[derive(Deserialize)]
struct Vectors {
    client: Vec<ClientCase>,
    server: Vec<ServerCase>,
}

#[derive(Deserialize)]
struct ClientCase {
    name: String,
    text: String,
    frames: Vec<Value>,
}

#[derive(Deserialize)]
struct ServerCase {
    kind: String,
    text: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).expect("the vectors are JSON of the described format")
}

fn value(raw: &str) -> Value {
    serde_json::from_str(raw).expect("raw fields are JSON")
}

fn summary(frame: &Frame<'_>) -> Value {
    let mut fields = match &frame.body {
        Body::Subscribe { channel, since, presence } => {
            let since = since.map(|since| json!({"epoch": since.epoch.as_str(), "offset": since.offset}));
            json!({"type": "subscribe", "channel": channel, "since": since, "presence": presence})
        }
        Body::SubscribeMany { channels, presence } => {
            json!({"type": "subscribe", "channels": channels, "presence": presence})
        }
        Body::Unsubscribe { channel } => json!({"type": "unsubscribe", "channel": channel}),
        Body::Message { channel, op_id, echo, .. } => {
            json!({"type": "message", "channel": channel, "op_id": op_id, "echo": echo})
        }
        Body::Typing { channel, active } => json!({"type": "typing", "channel": channel, "active": active}),
        Body::Presence { channel, state, .. } => {
            json!({"type": "presence", "channel": channel, "state": state.as_str()})
        }
        Body::Ack { offset } => json!({"type": "ack", "offset": offset}),
        Body::History { channel, range, limit } => {
            let (before, after) = match range {
                Range::After(after) => (None, Some(after)),
                Range::Before(before) => (before.as_ref(), None),
            };
            json!({"type": "history", "channel": channel, "before": before, "after": after, "limit": limit})
        }
        Body::Auth { token } => json!({"type": "auth", "token": token}),
        Body::Ping { .. } => json!({"type": "ping"}),
        Body::Call { event, channel, op_id, .. } => {
            json!({"type": event, "channel": channel, "op_id": op_id})
        }
        body => panic!("a body without a summary: {body:?}"),
    };
    let map = fields.as_object_mut().expect("a summary is an object");
    map.retain(|_, value| !value.is_null());
    let raw = match &frame.body {
        Body::Message { data, .. } | Body::Call { data, .. } => Some(("data", *data)),
        Body::Presence { meta, .. } => meta.map(|meta| ("meta", meta)),
        Body::Ping { ts } => ts.map(|ts| ("ts", ts)),
        _ => None,
    };
    for (name, raw) in raw.into_iter().chain(frame.id.map(|id| ("id", id))) {
        map.insert(name.to_owned(), value(raw));
    }
    fields
}

fn read(text: &str) -> Vec<Value> {
    let entry = |frame: Result<Frame<'_>, Refusal<'_>>| match frame {
        Ok(frame) => json!({"frame": summary(&frame)}),
        Err(refusal) => {
            let mut refused = json!({"code": refusal.code.as_str()});
            if let Some(field) = refusal.field {
                refused["field"] = field.into();
            }
            if let Some(id) = refusal.id {
                refused["id"] = value(id);
            }
            json!({"refused": refused})
        }
    };
    parse(text).into_iter().map(entry).collect()
}

#[test]
fn client_texts_are_read_as_described() {
    let cases = vectors().client;
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    for case in cases {
        assert_eq!(read(&case.text), case.frames, "{}", case.name);
    }
}

#[test]
fn server_frames_are_written_byte_for_byte() {
    let cases = vectors().server;
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    for case in cases {
        let fields = Fields::of(&case.text);
        let mut out = Vec::new();
        fields.encode(&case.kind, &mut out);
        assert_eq!(String::from_utf8(out).as_deref(), Ok(&*case.text));
    }
}

/// The fields of one object, from which a frame is built again.
struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    fn of(text: &'a str) -> Self {
        Self(serde_json::from_str(text).expect("an object"))
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|raw| raw.get())
    }

    fn object(&self, name: &str) -> Option<Self> {
        self.raw(name).map(Self::of)
    }

    /// The texts of a test live as long as it runs.
    fn option(&self, name: &str) -> Option<&'static str> {
        self.raw(name).map(|raw| &*serde_json::from_str::<String>(raw).expect("a string").leak())
    }

    fn text(&self, name: &str) -> &'static str {
        self.option(name).expect(name)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.raw(name).map(|raw| raw.parse().expect(name))
    }

    fn position(&self) -> Option<Position> {
        let epoch = Epoch::from_str(self.option("epoch")?).expect("an epoch");
        Some(Position { epoch, offset: self.number("offset").expect("offset") })
    }

    fn roster(&self) -> Option<Roster<'a>> {
        let members: Option<Vec<&RawValue>> =
            self.raw("members").map(|raw| serde_json::from_str(raw).expect("a list"));
        let member = |raw: &&'a RawValue| {
            let fields = Fields::of(raw.get());
            Member {
                user: fields.text("user"),
                sessions: fields.number("sessions").expect("sessions").try_into().expect("a u32"),
                state: PresenceState::from_word(fields.text("state")).expect("a state"),
                meta: fields.raw("meta"),
            }
        };
        Some(Roster {
            revision: self.number("revision")?,
            count: self.number("count")?,
            members: members.map(|members| members.iter().map(member).collect()),
        })
    }

    fn recovery(&self) -> Recovery {
        let reasons = [ResetReason::Epoch, ResetReason::Ahead, ResetReason::Trimmed, ResetReason::TooFar];
        match self.option("reset_reason") {
            Some(word) => {
                Recovery::Reset(reasons.into_iter().find(|r| r.as_str() == word).expect("a reason"))
            }
            None => [Recovery::Fresh, Recovery::UpToDate, Recovery::Replay]
                .into_iter()
                .find(|recovery| recovery.as_str() == self.text("recovery"))
                .expect("a recovery"),
        }
    }

    fn encode(&self, kind: &str, out: &mut Vec<u8>) {
        match kind {
            "welcome" => {
                let limits = self.object("limits").expect("limits");
                // The map forgot the order, which the table is written in.
                let mut limits: Vec<(&'static str, u64)> = limits
                    .0
                    .iter()
                    .map(|(name, raw)| (&*name.clone().leak(), raw.get().parse().expect("a number")))
                    .collect();
                limits.sort_by_key(|(name, _)| std::cmp::Reverse(*name));
                ServerFrame::Welcome {
                    session: self.text("session"),
                    user: self.text("user"),
                    node: self.text("node"),
                    ping_interval_ms: self.number("ping_interval_ms").expect("ping_interval_ms"),
                    limits: &limits,
                    time_ms: self.number("time_ms").expect("time_ms"),
                }
                .encode(out);
            }
            "subscribed" | "unsubscribed" | "publication" | "members" | "typing" | "skipped" | "lagged" => {
                self.channel_frame(kind, self.text("channel")).encode(out);
            }
            _ => self.session_frame(kind).encode(out),
        }
    }

    fn channel_frame(&self, kind: &str, channel: &'static str) -> ServerFrame<'a> {
        match kind {
            "subscribed" => ServerFrame::Subscribed {
                id: self.raw("id"),
                channel,
                head: self.position(),
                recovery: self.recovery(),
                presence: self.roster(),
            },
            "unsubscribed" => ServerFrame::Unsubscribed {
                id: self.raw("id"),
                channel,
                code: self.number("code").expect("code").try_into().expect("a u16"),
                reason: self.text("reason"),
            },
            "publication" => ServerFrame::Publication {
                event: self.text("type"),
                channel,
                offset: self.number("offset"),
                from: self
                    .object("from")
                    .map(|from| From { user: from.text("user"), session: from.text("session") }),
                op_id: self.option("op_id"),
                time_ms: self.number("time_ms").expect("time_ms"),
                data: self.raw("data").expect("data"),
                args: self.raw("args") == Some("true"),
            },
            "members" => ServerFrame::Members {
                change: [Change::Joined, Change::Left, Change::Presence]
                    .into_iter()
                    .find(|change| change.as_str() == self.text("type"))
                    .expect("a change"),
                channel,
                roster: self.roster().expect("a roster"),
            },
            "typing" => ServerFrame::Typing {
                channel,
                user: self.text("user"),
                active: self.raw("active") == Some("true"),
            },
            "skipped" => ServerFrame::Skipped { channel, offset: self.number("offset").expect("offset") },
            _ => match self.object("since") {
                Some(since) => {
                    ServerFrame::LaggedSince { channel, since: since.position().expect("a position") }
                }
                None => {
                    ServerFrame::LaggedDropped { channel, dropped: self.number("dropped").expect("dropped") }
                }
            },
        }
    }

    fn session_frame(&self, kind: &str) -> ServerFrame<'a> {
        match kind {
            "reply" => ServerFrame::Reply {
                id: self.raw("id").expect("id"),
                data: self.raw("data"),
                position: self.object("position").and_then(|position| position.position()),
                class: self.option("class"),
                duplicate: self.raw("duplicate") == Some("true"),
            },
            "error" => {
                let error = self.object("error").expect("error");
                ServerFrame::Error {
                    id: self.raw("id"),
                    error: Failure {
                        code: error_code(error.text("code")),
                        message: error.text("message"),
                        field: error.option("field"),
                        retry_after_ms: error.number("retry_after_ms"),
                    },
                }
            }
            "expiring" => ServerFrame::Expiring,
            "bye" => ServerFrame::Bye {
                reason: self.text("reason"),
                retry_after_ms: self.number("retry_after_ms").expect("retry_after_ms"),
            },
            "pong" => {
                ServerFrame::Pong { ts: self.raw("ts"), time_ms: self.number("time_ms").expect("time_ms") }
            }
            kind => panic!("no frame is of kind {kind}"),
        }
    }
}

fn error_code(word: &str) -> ErrorCode {
    use ErrorCode::{
        BadRequest, Conflict, Forbidden, Internal, NotFound, RateLimited, Timeout, TooLarge, Unauthorized,
        Unavailable,
    };
    [
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        RateLimited,
        Unavailable,
        Timeout,
        Internal,
    ]
    .into_iter()
    .find(|code| code.as_str() == word)
    .expect("a code of the protocol")
}
