//! Argument lists are JSON exactly where an independent parser says so, and pass through byte for byte.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, value::RawValue};
use veche_protocol::socket_io::{Args, Fault, mend_surrogates, query_to_json};

const DEPTH: usize = 31;

fn is_list(text: &str) -> bool {
    serde_json::from_str::<Vec<&RawValue>>(text).is_ok()
}

fn check(text: &str) {
    let args = Args::of_list(text, DEPTH);
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(values) => {
            let args = args.unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
            let raw: Vec<_> = values.iter().map(|value| value.get()).collect();
            assert_eq!(args.iter().collect::<Vec<_>>(), raw, "{text:?}");
            assert_eq!((args.len(), args.is_empty()), (raw.len(), raw.is_empty()));
        }
        Err(_) => assert!(args.is_err(), "{text:?} is no list"),
    }
}

/// Values, and what is none.
const VALUES: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1.5",
    "1e5",
    "1E+5",
    "1e-05",
    "0.0",
    "0e0",
    "-0.1e1",
    "true",
    "false",
    "null",
    r#""""#,
    r#""a""#,
    r#""\"""#,
    r#""\\""#,
    r#""\/\b\f\n\r\t""#,
    r#""\u0041""#,
    r#""\ud83d\ude00""#,
    r#""é😀""#,
    "\"\u{7f}\"",
    "{}",
    r#"{"a":1}"#,
    r#"{"a":1,"b":[]}"#,
    "[]",
    "[[]]",
    "[1,2]",
    r#"{"":{"":{}}}"#,
    // And what is none.
    "",
    "01",
    "00",
    "-",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x1",
    "--1",
    "1-",
    "1a",
    "- 1",
    "tru",
    "True",
    "nul",
    "undefined",
    "NaN",
    "Infinity",
    "'a'",
    "\"",
    r#""\""#,
    r#""\x""#,
    r#""\u12""#,
    r#""\u12g4""#,
    "\"\n\"",
    "\"\0\"",
    "{",
    "}",
    "[",
    "]",
    "{]",
    "[}",
    "[1,]",
    "[,1]",
    "[1 2]",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1,}"#,
    "{,}",
    "{1:2}",
    "{a:1}",
    r#"{"a":1 "b":2}"#,
    r#"{"a" 1}"#,
    r#"{"a"::1}"#,
    "\u{a0}1",
    "\u{feff}1",
    "1\u{b}",
];

#[test]
fn the_grammar_is_the_standards() {
    for value in VALUES {
        for text in [
            format!("[{value}]"),
            format!(" [ {value} , {value}\t]\r\n"),
            format!(r#"["a",{{"b":{value}}}]"#),
            format!("[{value}"),
            format!("[{value}]]"),
            (*value).to_owned(),
        ] {
            check(&text);
        }
    }
}

#[test]
fn depth_has_its_bound() {
    // Red: a scanner that counts a level too much or too little.
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("[{}1{}]", open.repeat(depth - 1), close.repeat(depth - 1));
        assert!(Args::of_list(&nested(DEPTH), DEPTH).is_ok(), "{open}");
        assert_eq!(Args::of_list(&nested(DEPTH + 1), DEPTH), Err(Fault::TooDeep), "{open}");
        assert_eq!(Args::of_list(&"[".repeat(1 << 20), DEPTH), Err(Fault::TooDeep));
    }
    assert_eq!(Args::of_list("[]", 1).map(Args::len), Ok(0));
    assert_eq!(Args::of_list("[{}]", 1), Err(Fault::TooDeep));
    assert_eq!(Args::of_list("[]", 0), Err(Fault::TooDeep));
    let wide = format!("[{}[]]", "[],".repeat(10_000));
    assert_eq!(Args::of_list(&wide, 2).map(Args::len), Ok(10_001));
}

#[test]
fn what_native_clients_see_of_a_list() {
    for (list, data) in [
        ("[]", "null"),
        ("[ ]", "null"),
        ("[1]", "1"),
        (r#"[ {"a" : 1.0} ]"#, r#"{"a" : 1.0}"#),
        ("[null]", "null"),
        ("[1, 2]", "[1, 2]"),
        ("[[1]]", "[1]"),
    ] {
        assert_eq!(Args::of_list(list, DEPTH).expect("a list").data(), data);
    }
    assert_eq!(Args::of_list("{}", DEPTH), Err(Fault::WrongKind));
    let args = Args::of_list("[1, 2]", DEPTH).expect("a list");
    assert_eq!(Args::of_parts(args.inner(), args.len()), args);
    let mut list = String::new();
    args.write_list(&mut list);
    assert_eq!(list, "[1, 2]");
}

#[test]
fn attachments_are_put_in_their_places_and_nothing_else_changes() {
    let attachments = [Bytes::from_static(b"\x01\x02\x03\x04"), Bytes::new()];
    let args = Args::of_parts(
        r#"1.0, {"_placeholder":true,"num":1} ,[{"x": {"num":0 , "_placeholder" : true}}],"_placeholder""#,
        4,
    );
    let mut out = String::new();
    args.write_expanded(&attachments, &mut out);
    assert_eq!(out, r#"1.0, {"$binary":""} ,[{"x": {"$binary":"AQIDBA=="}}],"_placeholder""#);
    let mut plain = String::new();
    args.write_expanded(&[], &mut plain);
    assert_eq!(plain, args.inner(), "without attachments it is no placeholder");
}

#[test]
fn halves_of_surrogate_pairs_are_mended_and_whole_pairs_stay() {
    for (json, mended) in [
        (r#"["a\n",1]"#, r#"["a\n",1]"#),
        (r#""\ud83d""#, r#""\ufffd""#),
        (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
        (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
        (r#""\ud83d\n\\ud83d""#, r#""\ufffd\n\\ud83d""#),
        (r#""\ud83dx\ude00""#, r#""\ufffdx\ufffd""#),
        (r#""\uD83D\u0041é""#, r#""\ufffd\u0041é""#),
    ] {
        assert_eq!(mend_surrogates(json), mended);
        assert!(serde_json::from_str::<Value>(mended).is_ok());
    }
}

#[test]
fn a_query_becomes_an_object_of_texts() {
    for (query, json) in [
        ("", "{}"),
        ("&&", "{}"),
        ("token=abc", r#"{"token":"abc"}"#),
        ("a=1&b=2&a=3", r#"{"b":"2","a":"3"}"#),
        ("%61=1&a=2", r#"{"a":"2"}"#),
        ("a&b=&=c", r#"{"a":"","b":"","":"c"}"#),
        ("a=b=c%26+d", r#"{"a":"b=c& d"}"#),
        ("a=%zz%4", r#"{"a":"%zz%4"}"#),
        ("a=%ff\"", "{\"a\":\"\u{fffd}\\\"\"}"),
    ] {
        assert_eq!(query_to_json(query), json, "{query}");
    }
}

/// JSON and what nearly is.
fn jsonish() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"\\u00e9\"",
        "\\",
        "1",
        "-",
        "0",
        ".5",
        "e1",
        "true",
        "null",
        " ",
        "\n",
        "é",
        "\"_placeholder\":true",
        "\"num\":0",
    ]);
    prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no digits for it", |value| value.is_finite())
            .prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"]{0,3}", inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_the_text_the_verdict_is_the_same(text in jsonish()) {
        check(&text);
        check(&format!("[{text}]"));
        if is_list(&format!("[{text}]")) {
            mend_surrogates(&text);
        }
        let mut out = String::new();
        Args::of_parts(&text, 1).write_expanded(&[Bytes::from_static(b"x")], &mut out);
    }
}

proptest! {
    #[test]
    fn every_list_is_taken_apart_and_put_together(values in prop::collection::vec(value(), 0..5)) {
        let text = serde_json::to_string(&values).expect("JSON");
        check(&text);
        let args = Args::of_list(&text, DEPTH).expect("a list");
        prop_assert_eq!(args.inner(), &text[1..text.len() - 1]);
    }
}
