//! What others see of a person, and how it is checked.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use veche_kernel::UserId;

use super::language::Language;
use crate::secret::NoRandomBits;

/// Characters of a name at most.
const MAX_NAME_CHARS: usize = 64;

/// What others may know of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The user, as channels and tokens name them.
    pub user: UserId,
    /// What they call themselves.
    pub name: String,
    /// What they read.
    pub language: Language,
}

/// A name as somebody typed it, trimmed: one line of visible text. `None` where it is none.
pub(crate) fn name(text: &str) -> Option<String> {
    line(text).filter(|line| line.chars().count() <= MAX_NAME_CHARS).map(str::to_owned)
}

/// A text as somebody typed it, trimmed, where it is one line of visible text that does not turn the direction
/// of what stands around it; `None` where it is none, or empty.
pub fn line(text: &str) -> Option<&str> {
    let line = text.trim();
    (!line.is_empty() && !line.contains(is_invisible)).then_some(line)
}

/// Line breaks, and what turns the direction of the text around it: a name must not rewrite its surroundings.
fn is_invisible(c: char) -> bool {
    // Not the joiners (200c, 200d): scripts and emoji need them.
    let is_mark = matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}');
    c.is_control() || is_mark || matches!(c, '\u{2060}'..='\u{206f}')
}

/// A new user's id: `u`, then the time and 32 random bits in base32. It sorts by age, is a channel's name's
/// end as it stands, and no guest and no demonstration user has one like it.
pub(crate) fn draw_user(now_ms: u64) -> Result<UserId, NoRandomBits> {
    static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
        specification.encoding().expect("32 different symbols")
    });
    let mut bytes = [0; 10];
    bytes[..6].copy_from_slice(&now_ms.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&getrandom::u32().map_err(|_| NoRandomBits)?.to_be_bytes());
    Ok(UserId::from(format!("u{}", BASE32.encode(&bytes)).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_visible_text() {
        for (text, expected) in [
            (" Аня ", Some("Аня")),
            ("Ann O'Neil, Jr.", Some("Ann O'Neil, Jr.")),
            ("👩\u{200d}🚀", Some("👩\u{200d}🚀")),
            ("", None),
            ("  ", None),
            ("Ann\r\nBcc: all@example.com", None),
            ("Ann\u{202e}nnA", None),
            ("a\u{200b}", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text:?}");
        }
        assert!(name(&"я".repeat(64)).is_some() && name(&"я".repeat(65)).is_none());
    }

    #[test]
    fn a_users_id_sorts_by_age_and_fits_a_channels_name() {
        let (older, newer) = (draw_user(1_000).expect("bits"), draw_user(2_000).expect("bits"));
        assert!(older < newer && older.as_str().len() == 17 && !older.is_guest(), "{older} {newer}");
        let channel = veche_kernel::ChannelName::parse(&format!("user:{newer}"));
        assert!(channel.is_ok());
    }
}
