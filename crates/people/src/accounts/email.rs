//! E-mail addresses, in the one form in which they are compared.

use std::{fmt, str::FromStr as _};

/// Bytes of an address at most (RFC 5321: a path of 256 with its brackets).
const MAX_BYTES: usize = 254;

/// An e-mail address: trimmed, in lower case, of one line, with a mailbox and a domain.
///
/// The mailbox's letters are folded too. No provider in use tells them apart, and two accounts whose
/// addresses differ by a capital would be one person's.
///
/// ```
/// use veche_people::accounts::Email;
///
/// let email = Email::parse(" Ann@Example.COM ").expect("it is an address");
/// assert_eq!(email.as_str(), "ann@example.com");
/// assert!(Email::parse("ann@example.com\r\nBcc: all@example.com").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(Box<str>);

impl Email {
    /// Reads what somebody typed; `None` where it is no address.
    ///
    /// A domain with letters outside of ASCII is written in its `xn--` form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        let (local, domain) = text.rsplit_once('@')?;
        // A quoted mailbox may hold anything; nobody has one.
        let is_plain = is_plain && !local.contains(['"', '<', '>', '(', ')', ',', ';', ':', '\\', '@']);
        let has_name = domain.contains('.') || domain == "localhost";
        if !is_plain || !has_name || domain.contains('[') || text.len() > MAX_BYTES {
            return None;
        }
        lettre::Address::from_str(text).ok()?;
        Some(Self(text.to_ascii_lowercase().into()))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub(crate) fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

/// Hidden but for its domain: an address is its owner's, and a log is everybody's.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…@{}", self.0.split_once('@').map_or("", |(_, domain)| domain))
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn addresses_have_one_form() {
        let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
        let too_long = format!("{}@{}.example", "a".repeat(64), vec!["b".repeat(60); 4].join("."));
        for (text, expected) in [
            ("ann@example.com", Some("ann@example.com")),
            (" ANN.Smith+tag@EXAMPLE.com\t", Some("ann.smith+tag@example.com")),
            ("ann@localhost", Some("ann@localhost")),
            (long.as_str(), Some(long.as_str())),
            (too_long.as_str(), None),
            ("", None),
            ("ann", None),
            ("@example.com", None),
            ("ann@", None),
            ("ann@intranet", None),
            ("ann@[127.0.0.1]", None),
            ("a b@example.com", None),
            ("\"a\"@example.com", None),
            ("ann@example.com,bob@example.com", None),
            ("<ann@example.com>", None),
            ("ann@example.com\r\nBcc: bob@example.com", None),
            ("ann@example.com\n", None),
            ("ann\0@example.com", None),
            ("аня@example.com", None),
        ] {
            assert_eq!(Email::parse(text).as_ref().map(Email::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn a_log_shows_no_mailbox() {
        let email = Email::parse("ann@example.com").expect("an address");
        assert_eq!(format!("{email:?}"), "…@example.com");
    }
}
