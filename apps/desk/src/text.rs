//! What texts and values may be. Pure.

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;
use veche_kernel::ErrorCode;
use veche_people::accounts;

/// The most bytes of a title, after trimming and in NFC.
pub(crate) const TITLE_BYTES: usize = 512;
/// The most bytes of a label's name.
pub(crate) const NAME_BYTES: usize = 128;
/// The most bytes of a description.
pub(crate) const DESCRIPTION_BYTES: usize = 32 << 10;
/// A colour's hue in degrees is less.
const HUES: u16 = 360;

/// Why a text or a value is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// It is empty, has several lines, or invisible characters.
    #[error(
        "it is one line of visible text, without control characters and marks that turn the writing's direction"
    )]
    Line,
    /// It has too many bytes.
    #[error("it has at most {0} bytes")]
    Long(usize),
    /// It has a NUL, which no database's text can hold.
    #[error("it has no NUL")]
    Nul,
    /// It is no day of the calendar.
    #[error("it is a day of the calendar, as 2026-12-31")]
    Day,
    /// It is no hue.
    #[error("a hue has 0 to 359 degrees")]
    Hue,
    /// There are too many of them.
    #[error("there are at most {0} of them")]
    Many(usize),
}

impl TextError {
    /// The word that a client is told.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Long(_) | Self::Many(_) => ErrorCode::TooLarge,
            Self::Line | Self::Nul | Self::Day | Self::Hue => ErrorCode::BadRequest,
        }
    }
}

/// A title: trimmed, in NFC, one line of visible text as people's names are.
pub(crate) fn title(text: &str) -> Result<String, TextError> {
    line(text, TITLE_BYTES)
}

/// A label's name: the same, shorter.
pub(crate) fn name(text: &str) -> Result<String, TextError> {
    line(text, NAME_BYTES)
}

fn line(text: &str, most: usize) -> Result<String, TextError> {
    // First, so that nobody makes the rest work on a megabyte.
    let text = text.trim();
    if text.len() > most {
        return Err(TextError::Long(most));
    }
    let line: String = accounts::line(text).ok_or(TextError::Line)?.nfc().collect();
    if line.len() > most { Err(TextError::Long(most)) } else { Ok(line) }
}

/// A description: any text, which comes back byte for byte.
pub(crate) fn description(text: &str) -> Result<(), TextError> {
    match text {
        text if text.len() > DESCRIPTION_BYTES => Err(TextError::Long(DESCRIPTION_BYTES)),
        text if text.contains('\0') => Err(TextError::Nul),
        _ => Ok(()),
    }
}

/// A day of the calendar, `YYYY-MM-DD`, from the year 1 on.
pub(crate) fn day(text: &str) -> Result<(), TextError> {
    is_day(text).filter(|is_day| *is_day).map(drop).ok_or(TextError::Day)
}

fn is_day(text: &str) -> Option<bool> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Some(year >= 1 && Date::new(year, month, day).is_ok())
}

fn number(digits: &str) -> Option<i16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A colour's hue in degrees.
pub(crate) fn hue(hue: u16) -> Result<(), TextError> {
    if hue < HUES { Ok(()) } else { Err(TextError::Hue) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_of_visible_text_in_one_form() {
        let check = |text: &str, expected: Result<&str, TextError>| {
            assert_eq!(title(text), expected.map(str::to_owned), "{text:?}");
        };
        check("  Buy milk ", Ok("Buy milk"));
        check(
            "<script>alert(1)</script> & \"x\" {{y}} ${z}",
            Ok("<script>alert(1)</script> & \"x\" {{y}} ${z}"),
        );
        check("и\u{306}", Ok("й"));
        check("👩\u{200d}🚀 שלום", Ok("👩\u{200d}🚀 שלום"));
        for text in [
            "",
            "  ",
            "a\nb",
            "a\tb",
            "a\0b",
            "a\u{1b}[31m",
            "a\u{202e}b",
            "a\u{2066}b",
            "\u{200b}",
            "a\u{2028}b",
        ] {
            check(text, Err(TextError::Line));
        }
        let most = "x".repeat(TITLE_BYTES);
        check(&format!(" {most} "), Ok(&most));
        check(&format!("{most}x"), Err(TextError::Long(TITLE_BYTES)));
        // Composing may make it longer: U+0344 is two characters in NFC.
        check(&"\u{344}".repeat(TITLE_BYTES / 2), Err(TextError::Long(TITLE_BYTES)));
    }

    #[test]
    fn a_description_is_any_text_but_nul() {
        for text in ["", "a\r\n\tb\u{1b}\u{202e}", "e\u{301}", "</script>"] {
            assert_eq!(description(text), Ok(()), "{text:?}");
        }
        assert_eq!(description("a\0"), Err(TextError::Nul));
        assert_eq!(description(&"я".repeat(DESCRIPTION_BYTES / 2)), Ok(()));
        let long = Err(TextError::Long(DESCRIPTION_BYTES));
        assert_eq!(description(&"x".repeat(DESCRIPTION_BYTES + 1)), long);
    }

    #[test]
    fn a_due_date_is_a_day_of_the_calendar() {
        for text in ["2026-12-31", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(day(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-01-00",
            "0000-01-01",
            "26-01-01",
            "2026-1-1",
            "20260101",
            "2026-01-01T00:00:00Z",
            "+026-01-01",
            "2026-01--1",
            "2026-01-01-",
            "२०२६-01-01",
            " 2026-01-01",
        ] {
            assert_eq!(day(text), Err(TextError::Day), "{text:?}");
        }
    }
}
