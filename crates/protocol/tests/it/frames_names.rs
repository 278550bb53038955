//! Names are checked at the edge, and a name in hand is a checked one.

use std::collections::HashMap;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;
use veche_protocol::name::{ChannelName, InvalidName, check_channel, check_event};

#[test]
fn a_channel_is_printable_text_in_nfc_without_a_star() {
    let long = "ы".repeat(128);
    let cases = [
        ("a", Ok(())),
        ("room:lobby", Ok(())),
        (":", Ok(())),
        ("комната:1", Ok(())),
        ("a b~!", Ok(())),
        (&long[..254], Ok(())),
        ("", Err(InvalidName::Empty)),
        (&long, Err(InvalidName::TooLong { max: 255 })),
        ("a\u{7f}", Err(InvalidName::Unprintable)),
        ("a\n", Err(InvalidName::Unprintable)),
        ("a\u{80}", Err(InvalidName::Unprintable)),
        ("a\u{2028}", Err(InvalidName::Unprintable)),
        ("a\u{2029}", Err(InvalidName::Unprintable)),
        ("room:*", Err(InvalidName::Wildcard)),
        ("e\u{301}", Err(InvalidName::NotNormalized)),
        ("\u{212b}", Err(InvalidName::NotNormalized)),
    ];
    for (text, expected) in cases {
        assert_eq!(check_channel(text), expected, "{text:?}");
        assert_eq!(ChannelName::parse(text).map(|_| ()), expected, "{text:?}");
    }
}

#[test]
fn an_event_is_printable_text_of_128_bytes() {
    assert_eq!(check_event("balance:updated:*"), Ok(()));
    assert_eq!(check_event(&"e".repeat(128)), Ok(()));
    assert_eq!(check_event(&"e".repeat(129)), Err(InvalidName::TooLong { max: 128 }));
    assert_eq!(check_event("\t"), Err(InvalidName::Unprintable));
    assert_eq!(check_event(""), Err(InvalidName::Empty));
}

#[test]
fn the_namespace_ends_at_the_first_colon() {
    for (name, namespace) in [("room:a:b", "room"), ("lobby", ""), (":a", ""), ("a:", "a")] {
        assert_eq!(ChannelName::parse(name).map(|n| n.namespace().to_owned()).as_deref(), Ok(namespace));
    }
}

#[test]
fn a_table_by_name_is_looked_up_by_text() {
    let name = ChannelName::try_from("room:1").expect("a good name");
    let table = HashMap::from([(name.clone(), 7)]);
    assert_eq!(table.get("room:1"), Some(&7));
    assert_eq!((format!("{name}"), format!("{name:?}")), ("room:1".into(), "\"room:1\"".into()));
}

proptest! {
    #[test]
    fn the_check_agrees_with_its_definition(text in "[ -~\u{e9}e\u{301}\u{2028}\\*\u{1}]{0,8}") {
        let expected = !text.is_empty()
            && !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '*'))
            && text.nfc().eq(text.chars());
        prop_assert_eq!(check_channel(&text).is_ok(), expected);
    }
}
