//! The client's side of the native protocol, without I/O: positions, and a judge of what arrives.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// A client that follows channels from connection to connection, and notices every gap, every duplicate
/// and every publication out of order.
///
/// Its position in a channel is kept as the protocol says: after `fresh`, `up_to_date` and `reset` it is
/// that of `subscribed`; after `replay` it stays and moves only with publications and `skipped`.
///
/// ```
/// use veche_kernel::testing::{Follower, Violation};
///
/// let mut follower = Follower::new(["room:1"]);
/// assert_eq!(follower.connect(), [r#"[{"channel":"room:1","type":"subscribe"}]"#]);
///
/// let fresh = r#"{"type":"subscribed","channel":"room:1","epoch":"e","offset":7,"recovery":"fresh"}"#;
/// follower.receive(fresh)?;
/// follower.receive(r#"{"type":"message","channel":"room:1","offset":8,"time_ms":0,"data":"hello"}"#)?;
/// assert_eq!(follower.received("room:1"), ["\"hello\""]);
/// assert_eq!(follower.position("room:1"), Some(("e", 8)));
///
/// let gap = follower.receive(r#"{"type":"message","channel":"room:1","offset":10,"time_ms":0,"data":1}"#);
/// assert_eq!(gap, Err(Violation::Gap { channel: "room:1".into(), expected: 9, got: 10 }));
/// # Ok::<(), Violation>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    channels: BTreeMap<String, Followed>,
}

#[derive(Debug, Default)]
struct Followed {
    position: Option<(String, u64)>,
    standing: Standing,
    received: Vec<String>,
    resets: Vec<String>,
    dropped: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not subscribed.
    #[default]
    Out,
    /// A `subscribe` is under way.
    Asked,
    Subscribed,
}

/// What the server did that the protocol forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Something between was left out.
    #[error("{channel}: offset {got} came where {expected} was due")]
    Gap {
        /// The channel.
        channel: String,
        /// What was due.
        expected: u64,
        /// What came.
        got: u64,
    },
    /// It had come before.
    #[error("{channel}: offset {got} came again, after {position}")]
    Duplicate {
        /// The channel.
        channel: String,
        /// Up to where everything had come.
        position: u64,
        /// What came.
        got: u64,
    },
    /// A publication or a notice came where no subscription stands.
    #[error("{channel}: {kind} came without a subscription")]
    Unasked {
        /// The channel.
        channel: String,
        /// The frame's type.
        kind: String,
    },
    /// `subscribed` or `lagged` contradicts the client's position.
    #[error("{channel}: {what}")]
    WrongPosition {
        /// The channel.
        channel: String,
        /// What is wrong with it.
        what: String,
    },
    /// The text is no frame.
    #[error("not a frame: {0}")]
    Malformed(String),
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    offset: Option<u64>,
    epoch: Option<String>,
    recovery: Option<String>,
    reset_reason: Option<String>,
    since: Option<Since>,
    dropped: Option<u64>,
    time_ms: Option<u64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Since {
    epoch: String,
    offset: u64,
}

/// The most frames of a batch.
const BATCH: usize = 128;

impl Follower {
    /// Follows these channels, from the moment of the first connection.
    pub fn new<C: Into<String>>(channels: impl IntoIterator<Item = C>) -> Self {
        let channels = channels.into_iter().map(|channel| (channel.into(), Followed::default())).collect();
        Self { channels }
    }

    /// A new connection was made, and the `welcome` came: what to send on it. Each channel goes on from its
    /// position.
    pub fn connect(&mut self) -> Vec<String> {
        let ask = |(channel, followed): (&String, &mut Followed)| {
            followed.standing = Standing::Asked;
            subscribe(channel, followed.position.as_ref())
        };
        let frames: Vec<_> = self.channels.iter_mut().map(ask).collect();
        frames.chunks(BATCH).map(|batch| format!("[{}]", batch.join(","))).collect()
    }

    /// A text message came; what to send in answer to it.
    pub fn receive(&mut self, text: &str) -> Result<Vec<String>, Violation> {
        let frame: Frame<'_> =
            serde_json::from_str(text).map_err(|error| Violation::Malformed(error.to_string()))?;
        let Some(channel) = frame.channel.as_deref() else { return Ok(Vec::new()) };
        // The server may have joined the session to channels that are not followed.
        let Some(followed) = self.channels.get_mut(channel) else { return Ok(Vec::new()) };
        match &*frame.kind {
            "subscribed" => followed.subscribed(channel, &frame)?,
            "unsubscribed" => followed.standing = Standing::Out,
            "lagged" => return followed.lagged(channel, &frame),
            "typing" | "joined" | "left" | "presence" => {}
            "skipped" => followed.step(channel, &frame)?,
            _ if frame.time_ms.is_some() => {
                followed.step(channel, &frame)?;
                followed.received.push(frame.data.map_or("null", RawValue::get).to_owned());
            }
            other => return Err(Violation::Malformed(format!("{other} with a channel"))),
        }
        Ok(Vec::new())
    }

    /// Up to where everything of a channel has come: epoch and offset. `None` before the first
    /// `subscribed`, and on a channel without positions.
    pub fn position(&self, channel: &str) -> Option<(&str, u64)> {
        let position = self.channels.get(channel)?.position.as_ref()?;
        Some((&position.0, position.1))
    }

    /// The positions of all channels that have one.
    pub fn positions(&self) -> impl Iterator<Item = (&str, (&str, u64))> {
        self.channels.keys().filter_map(|channel| Some((channel.as_str(), self.position(channel)?)))
    }

    /// The payloads that came on a channel, raw, in order. Empty for a channel that is not followed.
    pub fn received(&self, channel: &str) -> &[String] {
        self.channels.get(channel).map_or(&[], |followed| &followed.received)
    }

    /// The reasons of the resets of a channel, in order.
    pub fn resets(&self, channel: &str) -> &[String] {
        self.channels.get(channel).map_or(&[], |followed| &followed.resets)
    }

    /// How many publications the server said it dropped on a channel without positions.
    pub fn dropped(&self, channel: &str) -> u64 {
        self.channels.get(channel).map_or(0, |followed| followed.dropped)
    }

    /// Whether every channel is subscribed to.
    pub fn is_subscribed(&self) -> bool {
        self.channels.values().all(|followed| followed.standing == Standing::Subscribed)
    }
}

impl Followed {
    fn subscribed(&mut self, channel: &str, frame: &Frame<'_>) -> Result<(), Violation> {
        if self.standing != Standing::Asked {
            return Err(Violation::Unasked { channel: channel.into(), kind: frame.kind.to_string() });
        }
        self.standing = Standing::Subscribed;
        let wrong = |what: &str| Violation::WrongPosition { channel: channel.into(), what: what.into() };
        let told = frame.epoch.clone().zip(frame.offset);
        match (frame.recovery.as_deref(), &self.position, &told) {
            (Some("fresh"), None, _) => self.position = told,
            (Some("fresh"), Some(_), None) => self.position = None,
            (Some("fresh"), Some(_), Some(_)) => return Err(wrong("fresh, in spite of a position")),
            (Some("up_to_date"), here, told) if here == told => {}
            (Some("up_to_date"), ..) => return Err(wrong("up_to_date at another position")),
            (Some("replay"), Some((epoch, offset)), Some((told_epoch, told_offset))) => {
                if epoch != told_epoch || offset >= told_offset {
                    return Err(wrong("a replay of nothing, or of another epoch"));
                }
            }
            (Some("reset"), Some(_), Some(_)) => {
                self.resets.push(frame.reset_reason.clone().unwrap_or_default());
                self.position = told;
            }
            _ => return Err(wrong("a recovery that cannot be")),
        }
        Ok(())
    }

    /// A publication, or a `skipped` in the place of one.
    fn step(&mut self, channel: &str, frame: &Frame<'_>) -> Result<(), Violation> {
        if self.standing == Standing::Out {
            return Err(Violation::Unasked { channel: channel.into(), kind: frame.kind.to_string() });
        }
        let (position, got) = match (&mut self.position, frame.offset) {
            (Some((_, position)), Some(got)) => (position, got),
            (None, None) => return Ok(()),
            (Some((_, position)), None) => {
                let what = format!("a publication without an offset after {position}");
                return Err(Violation::WrongPosition { channel: channel.into(), what });
            }
            (None, Some(_)) => {
                return Err(Violation::Unasked { channel: channel.into(), kind: frame.kind.to_string() });
            }
        };
        if got <= *position {
            return Err(Violation::Duplicate { channel: channel.into(), position: *position, got });
        }
        if got > *position + 1 {
            return Err(Violation::Gap { channel: channel.into(), expected: *position + 1, got });
        }
        *position = got;
        Ok(())
    }

    /// On a channel with positions the server has stopped: goes on from where it says it was.
    fn lagged(&mut self, channel: &str, frame: &Frame<'_>) -> Result<Vec<String>, Violation> {
        let Some(since) = &frame.since else {
            self.dropped += frame.dropped.unwrap_or(0);
            return Ok(Vec::new());
        };
        if self.position.as_ref() != Some(&(since.epoch.clone(), since.offset)) {
            let what = format!("lagged since {}, but the position is {:?}", since.offset, self.position);
            return Err(Violation::WrongPosition { channel: channel.into(), what });
        }
        self.standing = Standing::Asked;
        Ok(vec![subscribe(channel, self.position.as_ref())])
    }
}

fn subscribe(channel: &str, since: Option<&(String, u64)>) -> String {
    let mut frame = json!({"type": "subscribe", "channel": channel});
    if let Some((epoch, offset)) = since {
        frame["since"] = json!({"epoch": epoch, "offset": offset});
    }
    frame.to_string()
}
