//! The parser of the native protocol's frames under arbitrary text.

use serde_json::value::RawValue;
use veche_protocol::client::{BATCH_MAX, Body, Frame, parse, peek_urgent};
use veche_protocol::name::{check_channel, check_event};

/// What a frame was parsed to holds what the types promise.
pub fn client_frames(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    peek_urgent(text);
    let frames = parse(text);
    assert_eq!(frames, parse(text));
    let frames = frames.into_iter();
    assert!(frames.len() <= BATCH_MAX);
    for frame in frames {
        match frame {
            Ok(frame) => check(&frame),
            Err(refusal) => {
                assert!(!refusal.message.is_empty());
                refusal.id.inspect(|id| raw_json(id));
            }
        }
    }
}

fn check(frame: &Frame<'_>) {
    frame.id.inspect(|id| raw_json(id));
    match &frame.body {
        Body::Subscribe { channel, .. }
        | Body::Unsubscribe { channel }
        | Body::Typing { channel, .. }
        | Body::History { channel, .. } => channel_name(channel),
        Body::SubscribeMany { channels, .. } => {
            assert!((1..=BATCH_MAX).contains(&channels.len()));
            for channel in channels {
                channel_name(channel);
            }
        }
        Body::Message { channel, data, op_id, .. } => {
            channel_name(channel);
            raw_json(data);
            op_id.as_deref().inspect(|id| operation(id));
        }
        Body::Presence { channel, meta, .. } => {
            channel.as_deref().inspect(|channel| channel_name(channel));
            meta.inspect(|meta| raw_json(meta));
        }
        Body::Auth { token } => assert!(!token.is_empty()),
        Body::Ping { ts } => {
            ts.inspect(|ts| raw_json(ts));
        }
        Body::Call { event, data, channel, op_id } => {
            assert!(check_event(event).is_ok(), "event {event:?}");
            raw_json(data);
            channel.as_deref().inspect(|channel| channel_name(channel));
            op_id.as_deref().inspect(|id| operation(id));
        }
        _ => {}
    }
}

fn channel_name(name: &str) {
    assert!(check_channel(name).is_ok(), "channel {name:?}");
}

fn operation(id: &str) {
    assert!((1..=64).contains(&id.len()), "operation {id:?}");
}

fn raw_json(text: &str) {
    assert!(serde_json::from_str::<&RawValue>(text).is_ok(), "not JSON: {text:?}");
}
