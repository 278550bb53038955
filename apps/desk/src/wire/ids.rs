//! Names of boards, lists, cards and labels: chosen by whoever makes the thing, offline too.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The most bytes of an id.
const BYTES: usize = 32;

/// The text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 32 of the characters 0-9, A-Z, a-z, _ and -")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(try_from = "String", into = "String")]
        #[ts(type = "string")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// A board's id, unique on the server: 1 to 32 of `0-9A-Za-z_-`.
    BoardId;
    /// A list's id, unique on its board: 1 to 32 of `0-9A-Za-z_-`.
    ListId;
    /// A card's id, unique on its board: 1 to 32 of `0-9A-Za-z_-`.
    CardId;
    /// A label's id, unique on its board: 1 to 32 of `0-9A-Za-z_-`.
    LabelId;
}

fn check(text: &str) -> Result<(), InvalidId> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=BYTES).contains(&text.len()) && text.bytes().all(is_right) { Ok(()) } else { Err(InvalidId) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_plain_characters_only() {
        let longest = "x".repeat(32);
        for id in ["a", "0", "_", "-", "Zz9_-", &longest] {
            assert_eq!(id.parse::<CardId>().map(String::from), Ok(id.into()));
        }
        for text in ["", &format!("{longest}x"), "a b", "a/b", "a:b", "ж", "a\0", "a\n", "../x", "*"] {
            assert_eq!(text.parse::<CardId>(), Err(InvalidId), "{text:?}");
        }
    }
}
