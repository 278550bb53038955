//! Ids of engine sessions: secrets with the shard in them, so that every shard knows whose a request is.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A session of the engine, or what a client comes back with: 128 random bits and where it lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sid {
    pub(crate) shard: u16,
    secret: [u8; 16],
}

impl Sid {
    /// A new one; `None` where the operating system has no entropy, without which there are no secrets.
    pub(crate) fn draw(shard: u16) -> Option<Self> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).ok()?;
        Some(Self { shard, secret })
    }

    /// Reads what [`Sid`] displays.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 18] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let [high, low, secret @ ..] = bytes;
        Some(Self { shard: u16::from_be_bytes([high, low]), secret })
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 18];
        bytes[..2].copy_from_slice(&self.shard.to_be_bytes());
        bytes[2..].copy_from_slice(&self.secret);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// It is a secret, and stands in no log.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sid").field("shard", &self.shard).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Sid;

    #[test]
    fn an_id_reads_back_and_is_never_shown_by_debug() {
        let sid = Sid::draw(513).expect("entropy");
        let text = sid.to_string();
        assert_eq!(text.len(), 24);
        assert_eq!(Sid::parse(&text), Some(sid));
        assert_eq!(format!("{sid:?}"), "Sid { shard: 513, .. }");
        for wrong in ["", "AAAC", "lv_VI97HAXpY6yYWAAAC", &text[1..], "????????????????????????"] {
            assert_eq!(Sid::parse(wrong), None, "{wrong}");
        }
    }
}
