//! What names a file.

use std::{fmt, str::FromStr};

use crate::files::FilesError;

/// A file's name for everybody: 128 random bits, 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(u128);

/// A text that is no file's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file's id has 32 digits of 0-9 and a-f")]
pub struct NoFileId;

impl FileId {
    /// One that nobody has.
    pub(super) fn draw() -> Result<Self, FilesError> {
        random().map(Self)
    }
}

/// 128 bits of the operating system's.
pub(super) fn random() -> Result<u128, FilesError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| FilesError::Disk(format!("no random bits: {error}")))?;
    Ok(u128::from_ne_bytes(bits))
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for FileId {
    type Err = NoFileId;

    fn from_str(text: &str) -> Result<Self, NoFileId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NoFileId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NoFileId)
    }
}

impl serde::Serialize for FileId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red where `from_str_radix` alone decided: it takes signs and capitals.
    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
        let id = FileId::draw().expect("there are random bits");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("00000000000000000000000000000001".parse(), Ok(FileId(1)));
        for text in [
            "",
            "1",
            "+0000000000000000000000000000001",
            "../../../../../../etc/passwd....",
            "0000000000000000000000000000000A",
            "000000000000000000000000000000001",
        ] {
            assert_eq!(text.parse::<FileId>(), Err(NoFileId), "{text}");
        }
    }
}
