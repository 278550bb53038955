//! A field that may be missing, and that may be `null`, which is something else.

use serde::{Deserialize, Deserializer};

/// Reads what is there, `null` too; with `#[serde(default)]` what is missing is `None`.
#[expect(clippy::option_option, reason = "missing and null are two things")]
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
