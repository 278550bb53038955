//! A file's name: cleaned as it comes, quoted as it goes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;

/// The most bytes of a name; that of the usual file systems.
const MOST: usize = 255;
/// The most bytes of what follows the last dot, to count as an ending that a shortened name keeps.
const ENDING: usize = 16;

/// What stands for itself in `filename*`: `attr-char` of RFC 8187.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The name without what could mislead a system or a reader: folders, control characters, marks that turn
/// the direction of writing, and dots and spaces at its ends. `file` where nothing is left.
pub(super) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.nfc().map(plain).collect();
    let is_edge = |c: char| c == '.' || c.is_whitespace();
    let short = shorten(plain.trim_matches(is_edge));
    let name = short.trim_matches(is_edge);
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

/// A character as it is, or a `_` for one that does not show, turns the text around, or is special to a system.
fn plain(c: char) -> char {
    let hides = matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{feff}');
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    if c.is_control() || hides || turns || "<>:\"|?*".contains(c) { '_' } else { c }
}

/// The beginning that fits, and the ending.
fn shorten(name: &str) -> String {
    if name.len() <= MOST {
        return name.to_owned();
    }
    let ending =
        name.rfind('.').map(|dot| &name[dot..]).filter(|ending| ending.len() <= ENDING).unwrap_or_default();
    let begin = &name[..name.floor_char_boundary(MOST - ending.len())];
    format!("{begin}{ending}")
}

/// The header `Content-Disposition` (RFC 6266) of a cleaned name.
pub(super) fn disposition(name: &str, is_shown: bool) -> String {
    let how = if is_shown { "inline" } else { "attachment" };
    let is_safe = |c: char| (' '..='~').contains(&c) && !"\"\\%".contains(c);
    let fallback: String = name.chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    if fallback == name {
        return format!("{how}; filename=\"{name}\"");
    }
    format!("{how}; filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(name, QUOTED))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// Red where folders stayed, and where a mark turned `gpj.exe` around.
    #[test]
    fn a_name_is_cleaned() {
        for (name, expected) in [
            ("a.png", "a.png"),
            ("Отчёт 2026.pdf", "Отчёт 2026.pdf"),
            ("../../etc/passwd", "passwd"),
            (r"D:\pictures\a.txt", "a.txt"),
            ("a\r\nSet-Cookie: x", "a__Set-Cookie_ x"),
            ("\u{202e}gpj.exe", "_gpj.exe"),
            (" .. ", "file"),
            ("", "file"),
            ("e\u{301}.txt", "\u{e9}.txt"),
            ("a\"b<c>.txt", "a_b_c_.txt"),
        ] {
            assert_eq!(clean(name), expected, "{name:?}");
        }
        let long = clean(&format!("{}.jpeg", "ж".repeat(300)));
        assert!(long.len() <= MOST && long.ends_with("ж.jpeg"), "{long}");
    }

    /// Red where a quote was left as it is, and without the form for other letters.
    #[test]
    fn a_name_is_quoted() {
        for (name, is_shown, expected) in [
            ("a b.png", true, "inline; filename=\"a b.png\""),
            ("a;b,c'd.png", false, "attachment; filename=\"a;b,c'd.png\""),
            ("100%.txt", true, "inline; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
            (
                "ж \u{20ac}.pdf",
                false,
                "attachment; filename=\"_ _.pdf\"; filename*=UTF-8''%D0%B6%20%E2%82%AC.pdf",
            ),
        ] {
            assert_eq!(disposition(name, is_shown), expected);
        }
    }

    proptest! {
        /// Red where control characters were kept, and where a name could end its quotes.
        #[test]
        fn no_name_breaks_out_of_its_header(name in prop::collection::vec(any::<char>(), 0..40)) {
            let name: String = name.into_iter().collect();
            let cleaned = clean(&name);
            prop_assert!(!cleaned.is_empty() && cleaned.len() <= MOST && !cleaned.contains(char::is_control));
            prop_assert_eq!(clean(&cleaned), cleaned.clone(), "clean stays clean");
            for name in [name, cleaned] {
                let header = disposition(&name, false);
                prop_assert!(HeaderValue::from_str(&header).is_ok(), "{}", header);
                let quoted = header.strip_prefix("attachment; filename=\"").expect("it begins so");
                let (_, rest) = quoted.split_once('"').expect("the quotes end");
                prop_assert!(rest.is_empty() || rest.starts_with("; filename*=UTF-8''"), "{}", header);
                prop_assert!(!rest.contains('"'));
            }
        }
    }
}
