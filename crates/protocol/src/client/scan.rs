//! The short way to a frame's fields: one pass over a text that is plainly in order.
//!
//! It takes what clients send, and leaves the rest to serde: texts that are no JSON, nest too deep, repeat a field,
//! or write a character as `\u` or a field's name with an escape. So a refusal is made in one place, and what is
//! accepted here is what serde and the checks after it accept.

use serde::{
    Deserialize,
    de::value::{BorrowedStrDeserializer, Error},
};

use super::envelope::{Envelope, Field};
use crate::json::{self, DEPTH_MAX};

/// The frame's fields, or `None` where this is not the one to say.
pub(super) fn envelope(text: &str) -> Option<Envelope<'_>> {
    let mut scan = Scan { text, at: 0 };
    let mut envelope = Envelope::default();
    scan.space();
    scan.take(b'{')?;
    scan.space();
    if scan.take(b'}').is_none() {
        loop {
            scan.take(b'"')?;
            let key = scan.at;
            scan.plain()?;
            let key = text.get(key..scan.at)?;
            // An escape is no quote.
            scan.take(b'"')?;
            scan.colon()?;
            let value = scan.at;
            scan.value()?;
            envelope.note(field(key)?, text.get(value..scan.at)?);
            scan.space();
            match scan.next()? {
                b',' => scan.space(),
                b'}' => break,
                _ => return None,
            }
        }
    }
    scan.space();
    (scan.at == text.len() && envelope.duplicate.is_none()).then_some(envelope)
}

fn field(key: &str) -> Option<Field> {
    Field::deserialize(BorrowedStrDeserializer::<Error>::new(key)).ok()
}

/// A place in a text. Every step fails where the text does not go on as JSON does.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.take(b':')?;
        self.space();
        Some(())
    }

    /// Goes to the end of a string, or to its first escape.
    fn plain(&mut self) -> Option<()> {
        self.at += json::plain_prefix(self.text.as_bytes().get(self.at..)?);
        Some(())
    }

    /// The rest of a string whose quote has been taken.
    fn string(&mut self) -> Option<()> {
        loop {
            self.plain()?;
            match self.next()? {
                b'"' => return Some(()),
                // `\u` may be half of a character.
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let first = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > first).then_some(())
    }

    /// The rest of a number, of which one byte has been taken.
    fn number(&mut self, first: u8) -> Option<()> {
        let digit = if first == b'-' { self.next()? } else { first };
        match digit {
            b'0' => {}
            b'1'..=b'9' => _ = self.digits(),
            _ => return None,
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        self.text.as_bytes().get(self.at..)?.starts_with(rest.as_bytes()).then(|| self.at += rest.len())
    }

    /// A name and its colon.
    fn member(&mut self) -> Option<()> {
        self.take(b'"')?;
        self.string()?;
        self.colon()
    }

    /// A whole value. The frame's own object is the first level.
    fn value(&mut self) -> Option<()> {
        // A bit for each level that is open: whether it is an object.
        let (mut objects, mut depth) = (0_u64, 1);
        loop {
            match self.next()? {
                b'"' => self.string()?,
                byte @ (b'-' | b'0'..=b'9') => self.number(byte)?,
                b't' => self.word("rue")?,
                b'f' => self.word("alse")?,
                b'n' => self.word("ull")?,
                byte @ (b'{' | b'[') if depth < DEPTH_MAX => {
                    let is_object = byte == b'{';
                    self.space();
                    if self.take(if is_object { b'}' } else { b']' }).is_none() {
                        objects = objects << 1 | u64::from(is_object);
                        depth += 1;
                        if is_object {
                            self.member()?;
                        }
                        continue;
                    }
                }
                _ => return None,
            }
            // A value has ended; and with it those which it was the last of.
            loop {
                if depth == 1 {
                    return Some(());
                }
                let is_object = objects & 1 == 1;
                self.space();
                match self.next()? {
                    b',' => {
                        self.space();
                        if is_object {
                            self.member()?;
                        }
                        break;
                    }
                    b'}' if is_object => {}
                    b']' if !is_object => {}
                    _ => return None,
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::parse::read, envelope};

    const TEXTS: [&str; 12] = [
        r#"{"type":"message","channel":"room:1","data":{"n":-12.5e+3,"of":[1,[],{},[{"a":null}],true,false]}}"#,
        " { \"type\" : \"ping\" ,\n\t\"id\":\r7 } ",
        "{}",
        r#"{"type":"message","data":"a \"word\", \\ and \/ \b\f\n\r\t","op_id":"ü€😀","unknown":[0,-0,0.10,1E-9]}"#,
        r#"{"type":"subscribe","channels":["a","b"],"presence":true}"#,
        r#"{"data":"\u00e9"}"#,
        r#"{"data":"\ud800"}"#,
        r#"{"d\u0061ta":1}"#,
        r#"{"id":1,"id":2}"#,
        r#"{"data":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"#,
        r#"{"data":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"#,
        r#"{"data":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"#,
    ];

    /// Whether the short way was taken; it must say what the long one says.
    fn agrees(text: &str) -> bool {
        let Some(short) = envelope(text) else { return false };
        let (long, sound) = read(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert!(sound.is_ok(), "{text}: {sound:?}");
        assert_eq!(short, long, "{text}");
        true
    }

    #[test]
    fn what_is_in_order_takes_the_short_way_and_nothing_else_does() {
        let short: Vec<_> = TEXTS.iter().map(|text| agrees(text)).collect();
        assert_eq!(
            short,
            [true, true, true, true, true, false, false, false, false, true, false, false],
            "which of the texts",
        );
    }

    #[test]
    fn no_text_that_is_cut_short_is_a_frame() {
        for text in TEXTS {
            let whole = text.trim_end();
            for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
                assert_eq!(envelope(&whole[..end]), None, "{}", &whole[..end]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// A text in which something was replaced.
        #[test]
        fn a_text_with_a_fault_is_left_to_serde(
            text in prop::sample::select(TEXTS.to_vec()),
            at in any::<prop::sample::Index>(),
            gone in 0_usize..3,
            new in r#"[\[\]{}:,"\\utrfn0-9eE.+\- -]{0,3}"#,
        ) {
            let places: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = at.index(places.len());
            let to = (from + gone).min(places.len() - 1);
            agrees(&format!("{}{new}{}", &text[..places[from]], &text[places[to]..]));
        }

        #[test]
        fn any_characters_of_json_are_read_alike(data in r#"[\[\]{}:,"\\ua0-9eE.+\-tn \u{0}\u{1f}\u{7f}é€]{0,24}"#) {
            agrees(&data);
            agrees(&format!(r#"{{"data":{data}}}"#));
            agrees(&format!(r#"{{"data":"{data}"}}"#));
        }

        #[test]
        fn any_number_is_read_alike(number in "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?") {
            let is_json = serde_json::from_str::<serde_json::Value>(&number).is_ok()
                // One that no float can hold is a number all the same.
                || number.parse::<f64>().is_ok_and(f64::is_infinite);
            let text = format!(r#"{{"data":{number}}}"#);
            prop_assert_eq!(agrees(&text), is_json && !number.is_empty(), "{}", text);
        }
    }
}
