//! What a file is, by its content alone.

use std::str::from_utf8;

/// The types that are told apart. All else is bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/gif`
    Gif,
    /// `image/webp`
    Webp,
    /// `application/pdf`
    Pdf,
    /// Text in UTF-8 without control characters; also HTML and SVG, which nobody is to execute.
    Text,
    /// Anything.
    Bytes,
}

const ALL: [Kind; 7] = [Kind::Png, Kind::Jpeg, Kind::Gif, Kind::Webp, Kind::Pdf, Kind::Text, Kind::Bytes];

impl Kind {
    /// The media type, as `Content-Type` says it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain; charset=utf-8",
            Self::Bytes => "application/octet-stream",
        }
    }

    /// Whether a browser may show it in a page's place; what else it may only save. A PDF is saved: its
    /// viewers do not run in the sandbox that everything shown is put in.
    pub fn is_shown(self) -> bool {
        !matches!(self, Self::Pdf | Self::Bytes)
    }

    /// Reads what [`Kind::media_type`] says.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }

    fn by_signature(head: &[u8]) -> Option<Self> {
        let is_webp = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
        let signed: [(&[u8], Self); 5] = [
            (b"\x89PNG\r\n\x1a\n", Self::Png),
            (b"\xff\xd8\xff", Self::Jpeg),
            (b"GIF87a", Self::Gif),
            (b"GIF89a", Self::Gif),
            (b"%PDF-", Self::Pdf),
        ];
        let known = signed.into_iter().find(|(signature, _)| head.starts_with(signature));
        known.map(|(_, kind)| kind).or_else(|| is_webp.then_some(Self::Webp))
    }
}

/// How many bytes a signature may need.
const HEAD: usize = 12;

/// Looks at a content piece by piece.
#[derive(Debug, Default)]
pub(super) struct Sniffer {
    head: Vec<u8>,
    /// The beginning of a character whose end has not come yet.
    rest: Vec<u8>,
    is_no_text: bool,
}

impl Sniffer {
    /// Looks at the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.head.extend(piece.iter().take(HEAD - self.head.len()));
        if self.is_no_text {
            return;
        }
        let is_control = |byte: &u8| (*byte < b' ' && !b"\t\n\r\x0c".contains(byte)) || *byte == 0x7f;
        self.rest.extend_from_slice(piece);
        match from_utf8(&self.rest) {
            _ if piece.iter().any(is_control) => self.is_no_text = true,
            Ok(_) => self.rest.clear(),
            Err(error) if error.error_len().is_none() => _ = self.rest.drain(..error.valid_up_to()),
            Err(_) => self.is_no_text = true,
        }
    }

    /// What it was.
    pub(super) fn kind(&self) -> Kind {
        let is_text = !self.is_no_text && self.rest.is_empty();
        Kind::by_signature(&self.head).unwrap_or(if is_text { Kind::Text } else { Kind::Bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sniff(content: &[u8], pieces: usize) -> Kind {
        let mut sniffer = Sniffer::default();
        content.chunks(pieces.max(1)).for_each(|piece| sniffer.push(piece));
        sniffer.kind()
    }

    /// Red where one signature was left out, and where a control character passed as text.
    #[test]
    fn the_content_says_what_it_is() {
        for (content, kind) in [
            (&b"\x89PNG\r\n\x1a\nand more"[..], Kind::Png),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"GIF89a\x01", Kind::Gif),
            (b"GIF87a\x01", Kind::Gif),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Kind::Webp),
            (b"RIFF\x01\x02\x03\x04WAVEfmt ", Kind::Bytes),
            (b"%PDF-1.7\n", Kind::Pdf),
            (b" %PDF-1.7\n", Kind::Text),
            (b"", Kind::Text),
            ("<svg onload=alert(1)> \u{1f600}\r\n\t".as_bytes(), Kind::Text),
            (b"a\0b", Kind::Bytes),
            (b"a\x1b[2J", Kind::Bytes),
            (b"caf\xe9", Kind::Bytes),
            (b"caf\xc3", Kind::Bytes),
            (b"MZ\x90\0", Kind::Bytes),
        ] {
            for pieces in [1, 2, 3, 100] {
                assert_eq!(sniff(content, pieces), kind, "{content:?} by {pieces}");
            }
        }
        for kind in ALL {
            assert_eq!(Kind::of(kind.media_type()), Some(kind));
        }
    }

    proptest! {
        /// Red where a character between two pieces was no text.
        #[test]
        fn where_a_content_is_cut_does_not_matter(text in "\\PC{0,40}", pieces in 1..6_usize) {
            prop_assert_eq!(sniff(text.as_bytes(), pieces), sniff(text.as_bytes(), 1_000));
        }
    }
}
