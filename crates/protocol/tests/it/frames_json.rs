//! What is scanned and written by hand agrees with serde.

use std::str::FromStr;

use proptest::prelude::*;
use serde_json::Value;
use veche_protocol::{
    client::{PresenceState, parse, peek_urgent},
    code::ErrorCode,
    json::{check_depth, check_surrogates, write_str, write_u64},
    position::{Epoch, Position},
    server::{Failure, From, Member, Recovery, Roster, ServerFrame},
};

/// The depth of a value, by recursion.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\[\\]{}\"\\\\a\u{e9}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[\\[{\"\\\\]{0,3}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn encoded(frame: &ServerFrame<'_>) -> Value {
    let mut out = Vec::new();
    frame.encode(&mut out);
    assert!(out.starts_with(b"{\"type\":"));
    serde_json::from_slice(&out).expect("a frame is JSON")
}

proptest! {
    #[test]
    fn depth_agrees_with_recursion(value in any_json(), max in 0_usize..10) {
        let text = value.to_string();
        prop_assert_eq!(check_depth(&text, max).is_ok(), depth(&value) <= max);
    }

    #[test]
    fn surrogates_agree_with_serde(text in "(\\\\u(d8|dc|00)[0-9a-f]{2}|\\\\n|\\\\\\\\|u|d){0,6}") {
        let json = format!("\"{text}\"");
        prop_assert_eq!(check_surrogates(&json).is_ok(), serde_json::from_str::<String>(&json).is_ok());
    }

    #[test]
    fn strings_are_written_like_serde_reads_them(
        text in prop_oneof![any::<String>(), "[ -~\u{0}-\u{1f}\"\\\\]{0,80}"],
    ) {
        let mut out = Vec::new();
        write_str(&mut out, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).ok(), Some(text));
    }

    #[test]
    fn integers_are_written_in_decimal(value in any::<u64>(), shift in 0_u32..64) {
        let mut out = Vec::new();
        write_u64(&mut out, value >> shift);
        prop_assert_eq!(out, (value >> shift).to_string().into_bytes());
    }

    #[test]
    fn any_text_is_parsed_without_a_panic(
        text in prop_oneof![any::<String>(), "[\\[\\]{}\":,\\\\a-z0-9 ]{0,60}"],
    ) {
        prop_assert!(parse(&text).into_iter().len() >= 1);
        let _ = peek_urgent(&text);
    }

    #[test]
    fn any_fields_are_parsed_without_a_panic(
        fields in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "type", "id", "channel", "channels", "since", "presence", "data", "op_id", "echo", "active",
                    "state", "meta", "offset", "before", "after", "limit", "token", "ts", "x",
                ]),
                prop_oneof![
                    any_json(),
                    prop::sample::select(vec!["subscribe", "message", "history", "presence", "ping", "auth", "a"])
                        .prop_map(Value::from),
                ],
            ),
            0..8,
        ),
    ) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let text = format!("{{{}}}", fields.join(","));
        for frame in parse(&format!("[{text},{text}]")) {
            prop_assert_eq!(&frame, &parse(&text).into_iter().next().expect("one frame"));
        }
    }

    #[test]
    fn a_publication_comes_back_whole(
        event in any::<String>(), channel in any::<String>(), user in any::<String>(),
        op_id in any::<Option<String>>(), offset in any::<Option<u64>>(), data in any_json(),
    ) {
        let raw = data.to_string();
        let value = encoded(&ServerFrame::Publication {
            event: &event,
            channel: &channel,
            offset,
            from: Some(From { user: &user, session: &channel }),
            op_id: op_id.as_deref(),
            time_ms: 5,
            data: &raw,
            args: false,
        });
        prop_assert_eq!(value["type"].as_str(), Some(&*event));
        prop_assert_eq!(value["channel"].as_str(), Some(&*channel));
        prop_assert_eq!(value["from"]["user"].as_str(), Some(&*user));
        prop_assert_eq!(value["op_id"].as_str(), op_id.as_deref());
        prop_assert_eq!(value["offset"].as_u64(), offset);
        prop_assert_eq!(&value["data"], &data);
    }

    #[test]
    fn any_texts_make_valid_frames(a in any::<String>(), b in any::<String>(), bits in any::<u64>()) {
        let position = Position { epoch: Epoch::from_bits(bits), offset: bits };
        let member = Member { user: &a, sessions: 1, state: PresenceState::Dnd, meta: Some("[]") };
        let roster = Roster { revision: bits, count: 1, members: Some(vec![member.clone(), member]) };
        let subscribed = encoded(&ServerFrame::Subscribed {
            id: Some("\"x\""), channel: &b, head: Some(position), recovery: Recovery::Replay,
            presence: Some(roster),
        });
        prop_assert_eq!(subscribed["members"][1]["user"].as_str(), Some(&*a));
        prop_assert_eq!(subscribed["epoch"].as_str().map(Epoch::from_str), Some(Ok(position.epoch)));
        let error = Failure { code: ErrorCode::App("full"), message: &a, field: Some(&b), retry_after_ms: None };
        let error = encoded(&ServerFrame::Error { id: None, error });
        prop_assert_eq!(error["error"]["message"].as_str(), Some(&*a));
        prop_assert_eq!(error["error"]["field"].as_str(), Some(&*b));
        let welcome = encoded(&ServerFrame::Welcome {
            session: &a, user: &b, node: &a, ping_interval_ms: 1, limits: &[("x", bits)], time_ms: 2,
        });
        prop_assert_eq!(welcome["user"].as_str(), Some(&*b));
        prop_assert_eq!(welcome["limits"]["x"].as_u64(), Some(bits));
    }
}

#[test]
fn a_string_that_never_ends_hides_its_brackets() {
    assert!(check_depth("\"[[[[[[", 2).is_ok());
    assert!(check_depth("[[\"\\", 2).is_ok());
    assert!(check_depth("[[ [", 2).is_err());
}
