//! A refused frame says which field is wrong and why, and whether it is urgent does not depend on that.

use veche_protocol::client::{Body, Frames, Refusal, parse, peek_urgent};

fn refusal(text: &str) -> Refusal<'_> {
    match parse(text) {
        Frames::One(Err(refusal)) => refusal,
        other => panic!("{text} was not refused: {other:?}"),
    }
}

#[track_caller]
fn check(text: &str, field: Option<&str>, message: &str) {
    let refusal = refusal(text);
    assert_eq!((refusal.field, &*refusal.message), (field, message), "{text}");
}

#[test]
fn each_field_has_its_own_words() {
    let offset = "must be an integer from 0 to below 2^53";
    let cases = [
        (r#"{"type":1}"#, "type", "must be a string"),
        (r#"{"id":1}"#, "type", "is required"),
        (r#"{"type":"pong"}"#, "type", "is a type that only the server sends"),
        (r#"{"type":"\u0007"}"#, "type", "a name has printable characters only"),
        (r#"{"type":"ping","id":[]}"#, "id", "must be a number or a string, of at most 64 bytes"),
        (r#"{"type":"ping","ts":[]}"#, "ts", "must be a number or a string, of at most 64 bytes"),
        (r#"{"type":"ping","ts":1,"ts":1}"#, "ts", "is given twice"),
        (r#"{"type":"unsubscribe"}"#, "channel", "is required"),
        (r#"{"type":"unsubscribe","channel":""}"#, "channel", "a name has at least one byte"),
        (r#"{"type":"unsubscribe","channel":"a*"}"#, "channel", "a name has no `*`"),
        (r#"{"type":"subscribe","channels":[]}"#, "channels", "has at least one name"),
        (r#"{"type":"subscribe","channels":{}}"#, "channels", "must be a list of names"),
        (r#"{"type":"subscribe","channels":["a"],"channel":"b"}"#, "channels", "excludes `channel`"),
        (
            r#"{"type":"subscribe","channels":["a"],"since":{"epoch":"e","offset":0}}"#,
            "since",
            "belongs to `channel`, not to `channels`",
        ),
        (
            r#"{"type":"subscribe","channel":"a","since":1}"#,
            "since",
            "must be an object of `epoch` and `offset`",
        ),
        (
            r#"{"type":"subscribe","channel":"a","since":{"epoch":"","offset":0}}"#,
            "since.epoch",
            "must be a string of 1 to 16 characters of [0-9A-Za-z]",
        ),
        (r#"{"type":"subscribe","channel":"a","since":{"epoch":"e"}}"#, "since.offset", offset),
        (r#"{"type":"subscribe","channel":"a","presence":"no"}"#, "presence", "must be true or false"),
        (r#"{"type":"message","channel":"a"}"#, "data", "is required"),
        (r#"{"type":"message","channel":"a","data":1,"echo":0}"#, "echo", "must be true or false"),
        (
            r#"{"type":"message","channel":"a","data":1,"op_id":""}"#,
            "op_id",
            "must be 1 to 64 bytes of printable text",
        ),
        (r#"{"type":"typing","channel":"a"}"#, "active", "is required"),
        (r#"{"type":"presence","state":"off"}"#, "state", "must be `active`, `idle`, `dnd` or `invisible`"),
        (r#"{"type":"ack","offset":-1}"#, "offset", offset),
        (r#"{"type":"history","channel":"a","before":"1"}"#, "before", offset),
        (r#"{"type":"history","channel":"a","after":9007199254740992}"#, "after", offset),
        (r#"{"type":"history","channel":"a","after":1,"before":2}"#, "before", "excludes `after`"),
        (r#"{"type":"history","channel":"a","limit":1000}"#, "limit", "must be an integer from 1 to 100"),
        (r#"{"type":"auth","token":""}"#, "token", "is empty"),
        (r#"{"type":"auth","token":null}"#, "token", "is required"),
    ];
    for (text, field, message) in cases {
        check(text, Some(field), message);
    }
    let meta = format!(r#"{{"type":"presence","state":"idle","meta":[{}0]}}"#, "0,".repeat(600));
    check(&meta, Some("meta"), "has at most 1024 bytes");
    let many = format!(r#"{{"type":"subscribe","channels":[{}"a"]}}"#, r#""a","#.repeat(128));
    check(&many, Some("channels"), "has at most 128 names");
}

#[test]
fn a_text_that_is_no_frame_is_refused_without_a_field() {
    check("", None, "not valid JSON: EOF while parsing a value at line 1 column 0");
    check("7", None, "a frame is one JSON object");
    check("[]", None, "a batch has at least one frame");
    check(&format!("[{}0]", "0,".repeat(128)), None, "a batch has at most 128 frames");
    let deep = format!(r#"{{"type":"e","data":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    check(&deep, None, "nested deeper than 32 levels");
    check(r#"{"type":"e","data":"\udc00"}"#, None, "an escaped surrogate without its other half");
}

#[test]
fn a_million_levels_are_refused_without_recursion() {
    let deep = format!(r#"{{"type":"e","id":5,"x":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(refusal(&deep).id, Some("5"));
    assert_eq!(refusal(&"[".repeat(1_000_000)).id, None);
}

#[test]
fn plain_strings_and_payloads_are_slices_of_the_text() {
    let text = r#"{"type":"message","channel":"room:1","data":{"a": 1},"op_id":"x\u0041"}"#;
    let Frames::One(Ok(frame)) = parse(text) else { panic!("refused") };
    let Body::Message { channel, data, op_id, .. } = frame.body else { panic!("another body") };
    assert!(matches!(channel, std::borrow::Cow::Borrowed("room:1")));
    assert_eq!(data, r#"{"a": 1}"#);
    assert_eq!(op_id.as_deref(), Some("xA"));
}

#[test]
fn only_a_single_ack_or_ping_is_urgent() {
    let urgent = [
        r#"{"type":"ping"}"#,
        r#" { "id" : 1 , "type" : "ack", "offset": 5 }"#,
        r#"{"x":{"type":"message"},"type":"ping"}"#,
    ];
    let patient = [
        "",
        r#"[{"type":"ping"}]"#,
        r#"{"type":"message","data":{"type":"ping"}}"#,
        r#"{"data":"\"type\":\"ping\"","type":"message"}"#,
        r#"{"data":{"type":"ack"},"type":"e"}"#,
        r#"{"type":"pong","x":"ping"}"#,
        r#"{"type":"ping""#,
        r#"{"type":"message","type":"ack","channel":"ping"}"#,
    ];
    for text in urgent {
        assert!(peek_urgent(text), "{text}");
    }
    for text in patient {
        assert!(!peek_urgent(text), "{text}");
    }
    let padded = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(1024));
    assert!(!peek_urgent(&padded), "a ping as long as this may wait");
}
