//! From a frame to its text.

use super::{Failure, From, Member, Recovery, Roster, ServerFrame};
use crate::{
    json::{write_str, write_u64},
    position::Position,
};

impl ServerFrame<'_> {
    /// Appends the frame's JSON to `out`.
    ///
    /// ```
    /// use veche_protocol::server::ServerFrame;
    ///
    /// let mut out = Vec::new();
    /// ServerFrame::Pong { ts: Some("7"), time_ms: 1_000 }.encode(&mut out);
    /// assert_eq!(out, br#"{"type":"pong","ts":7,"time_ms":1000}"#);
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Publication { .. } => self.encode_publication(out),
            Self::Welcome { .. } | Self::Expiring | Self::Bye { .. } | Self::Pong { .. } => {
                self.encode_connection(out);
            }
            Self::Reply { .. } | Self::Error { .. } => self.encode_answer(out),
            _ => self.encode_channel(out),
        }
    }

    /// What a channel carries: the hot one, whose names are written with what stands around them.
    fn encode_publication(&self, out: &mut Vec<u8>) {
        let Self::Publication { event, channel, offset, from, op_id, time_ms, data, args } = self else {
            return;
        };
        // The names and numbers around the texts have less than 128 bytes.
        out.reserve(data.len() + event.len() + channel.len() + 192);
        out.extend_from_slice(b"{\"type\":");
        write_str(out, event);
        out.extend_from_slice(b",\"channel\":");
        write_str(out, channel);
        if let Some(offset) = offset {
            out.extend_from_slice(b",\"offset\":");
            write_u64(out, *offset);
        }
        if let Some(From { user, session }) = from {
            out.extend_from_slice(b",\"from\":{\"user\":");
            write_str(out, user);
            out.extend_from_slice(b",\"session\":");
            write_str(out, session);
            out.push(b'}');
        }
        if let Some(op_id) = op_id {
            out.extend_from_slice(b",\"op_id\":");
            write_str(out, op_id);
        }
        out.extend_from_slice(b",\"time_ms\":");
        write_u64(out, *time_ms);
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.as_bytes());
        out.extend_from_slice(if *args { b",\"args\":true}" } else { b"}" });
    }

    /// Frames about the connection.
    fn encode_connection(&self, out: &mut Vec<u8>) {
        let mut object;
        match self {
            Self::Welcome { session, user, node, ping_interval_ms, limits, time_ms } => {
                object = Object::of_type(out, "welcome");
                object.text("session", session).text("user", user).text("node", node);
                object.number("protocol", PROTOCOL).number("ping_interval_ms", *ping_interval_ms);
                object.object("limits", |inner| {
                    for (name, value) in *limits {
                        inner.number(name, *value);
                    }
                });
                object.number("time_ms", *time_ms);
            }
            Self::Bye { reason, retry_after_ms } => {
                object = Object::of_type(out, "bye");
                object.text("reason", reason).number("retry_after_ms", *retry_after_ms);
            }
            Self::Pong { ts, time_ms } => {
                object = Object::of_type(out, "pong");
                object.optional_raw("ts", *ts).number("time_ms", *time_ms);
            }
            _ => object = Object::of_type(out, "expiring"),
        }
        object.close();
    }

    /// Answers to a frame.
    fn encode_answer(&self, out: &mut Vec<u8>) {
        let mut object;
        match self {
            Self::Reply { id, data, position, class, duplicate } => {
                object = Object::of_type(out, "reply");
                object.raw("id", id).optional_raw("data", *data);
                object.optional_position("position", *position).optional_text("class", *class);
                if *duplicate {
                    object.raw("duplicate", "true");
                }
            }
            Self::Error { id, error } => {
                object = Object::of_type(out, "error");
                object.optional_raw("id", *id).object("error", |inner| failure(inner, error));
            }
            _ => return,
        }
        object.close();
    }

    /// Frames about a channel, and about the session in it.
    fn encode_channel(&self, out: &mut Vec<u8>) {
        let mut object;
        match self {
            Self::Subscribed { id, channel, head, recovery, presence } => {
                object = Object::of_type(out, "subscribed");
                object.optional_raw("id", *id).text("channel", channel);
                if let Some(head) = head {
                    position(&mut object, *head);
                }
                object.text("recovery", recovery.as_str());
                if let Recovery::Reset(reason) = recovery {
                    object.text("reset_reason", reason.as_str());
                }
                if let Some(presence) = presence {
                    roster(&mut object, presence);
                }
            }
            Self::Unsubscribed { id, channel, code, reason } => {
                object = Object::of_type(out, "unsubscribed");
                object.optional_raw("id", *id).text("channel", channel);
                object.number("code", u64::from(*code)).text("reason", reason);
            }
            Self::Members { change, channel, roster: members } => {
                object = Object::of_type(out, change.as_str());
                roster(object.text("channel", channel), members);
            }
            Self::Typing { channel, user, active } => {
                object = Object::of_type(out, "typing");
                object.text("channel", channel).text("user", user).flag("active", *active);
            }
            Self::Skipped { channel, offset } => {
                object = Object::of_type(out, "skipped");
                object.text("channel", channel).number("offset", *offset);
            }
            Self::LaggedDropped { channel, dropped } => {
                object = Object::of_type(out, "lagged");
                object.text("channel", channel).number("dropped", *dropped);
            }
            Self::LaggedSince { channel, since } => {
                object = Object::of_type(out, "lagged");
                object.text("channel", channel).optional_position("since", Some(*since));
            }
            _ => return,
        }
        object.close();
    }
}

/// The protocol's version, in `welcome`.
const PROTOCOL: u64 = 1;

fn failure(object: &mut Object<'_>, error: &Failure<'_>) {
    object.text("code", error.code.as_str()).text("message", error.message);
    object.optional_text("field", error.field).flag("retryable", error.code.retryable());
    object.optional_number("retry_after_ms", error.retry_after_ms);
}

fn position(object: &mut Object<'_>, position: Position) {
    object.text("epoch", position.epoch.as_str()).number("offset", position.offset);
}

fn roster(object: &mut Object<'_>, roster: &Roster<'_>) {
    object.number("revision", roster.revision).number("count", roster.count);
    let Some(members) = &roster.members else { return };
    object.key("members");
    object.out.push(b'[');
    for (place, member) in members.iter().enumerate() {
        if place > 0 {
            object.out.push(b',');
        }
        encode_member(object.out, member);
    }
    object.out.push(b']');
}

fn encode_member(out: &mut Vec<u8>, member: &Member<'_>) {
    let mut object = Object::open(out);
    object.text("user", member.user).number("sessions", u64::from(member.sessions));
    object.text("state", member.state.as_str()).optional_raw("meta", member.meta);
    object.close();
}

/// A JSON object under way. Names of fields are ours and need no escape.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn of_type(out: &'o mut Vec<u8>, kind: &str) -> Self {
        let mut object = Self::open(out);
        object.text("type", kind);
        object
    }

    fn key(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name);
        write_str(self.out, value);
        self
    }

    fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.key(name);
        write_u64(self.out, value);
        self
    }

    fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.key(name);
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        self.key(name);
        let mut inner = Object::open(self.out);
        fill(&mut inner);
        inner.close();
        self
    }

    fn optional_text(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    fn optional_number(&mut self, name: &str, value: Option<u64>) -> &mut Self {
        if let Some(value) = value {
            self.number(name, value);
        }
        self
    }

    fn optional_raw(&mut self, name: &str, json: Option<&str>) -> &mut Self {
        if let Some(json) = json {
            self.raw(name, json);
        }
        self
    }

    fn optional_position(&mut self, name: &str, value: Option<Position>) -> &mut Self {
        if let Some(value) = value {
            self.object(name, |inner| position(inner, value));
        }
        self
    }

    fn close(self) {
        self.out.push(b'}');
    }
}
