//! Which passwords are taken. Length counts, not kinds of characters.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::accounts::Email;

/// Characters of a password at least.
const MIN_CHARS: usize = 10;
/// Bytes of a password at most: hashing more gives nobody anything but work to us.
const MAX_BYTES: usize = 1 << 10;

/// The commonest passwords of leaked lists that are long enough to pass otherwise, in lower case.
const COMMONEST: &str = include_str!("commonest.txt");

/// A password as somebody typed it, in one normal form: keyboards and systems compose letters differently.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(Box<str>);

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Weakness {
    #[error("must have at least 10 characters")]
    Short,
    #[error("must have at most 1024 bytes")]
    Long,
    #[error("must not be your e-mail address or your name")]
    Own,
    #[error("is one of the commonest passwords; choose another")]
    Common,
}

impl Password {
    /// Any text; whether it is good enough is asked only where one is chosen.
    pub(crate) fn typed(text: &str) -> Self {
        Self(text.nfc().collect())
    }

    /// Nothing that is longer can be a password, so that it need not be hashed.
    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > MAX_BYTES
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether an account with this address and this name may choose it.
    pub(crate) fn check(&self, email: &Email, name: &str) -> Result<(), Weakness> {
        let lower = self.0.to_lowercase();
        if self.is_too_long() {
            return Err(Weakness::Long);
        }
        if self.0.chars().count() < MIN_CHARS {
            return Err(Weakness::Short);
        }
        if lower == email.as_str() || lower == email.local() || lower == name.to_lowercase() {
            return Err(Weakness::Own);
        }
        if COMMONEST.lines().any(|common| common == lower) || is_monotonous(&lower) {
            return Err(Weakness::Common);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// At most three different characters, or one after the other by their codes (`abcdefghij`, `9876543210`).
fn is_monotonous(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let mut different = codes.clone();
    different.sort_unstable();
    different.dedup();
    let steps = |by: i64| codes.windows(2).all(|pair| pair[1] - pair[0] == by);
    different.len() <= 3 || steps(1) || steps(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red where a rule of `check` is left out: its line passes.
    #[test]
    fn a_password_is_long_enough_and_not_the_first_guess() {
        let email = Email::parse("ann.the.great@example.com").expect("an address");
        let check = |text: &str, expected: Result<(), Weakness>| {
            assert_eq!(Password::typed(text).check(&email, "Анна Великая"), expected, "{text}");
        };
        check("correct horse battery", Ok(()));
        check("десять букв", Ok(()));
        check("123456789", Err(Weakness::Short));
        // Nine letters, each with its accent apart.
        check(
            "e\u{301}e\u{301}e\u{301}a\u{301}a\u{301}a\u{301}o\u{301}o\u{301}o\u{301}",
            Err(Weakness::Short),
        );
        check(&"длинный ".repeat(100), Err(Weakness::Long));
        check(&"x1y2z3".repeat(170), Ok(()));
        check("Ann.The.Great@example.com", Err(Weakness::Own));
        check("ann.the.GREAT", Err(Weakness::Own));
        check("анна великая", Err(Weakness::Own));
        check("Password123", Err(Weakness::Common));
        check("qwertyuiop", Err(Weakness::Common));
        check("aaaaaaaaaaaaaaa", Err(Weakness::Common));
        check("abcdefghijkl", Err(Weakness::Common));
        check("9876543210", Err(Weakness::Common));
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        assert_eq!(Password::typed("йогурт"), Password::typed("и\u{306}огурт"));
        assert_eq!(format!("{:?}", Password::typed("correct horse")), "[hidden]");
    }

    #[test]
    fn the_list_has_only_what_would_pass_without_it() {
        for common in COMMONEST.lines() {
            assert!(common.chars().count() >= MIN_CHARS && *common == common.to_lowercase(), "{common}");
        }
    }
}
