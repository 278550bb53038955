//! The negotiation of permessage-deflate (RFC 7692, 7.1) and the grammar it is written in (RFC 6455, 9.1).

use http::HeaderMap;

use super::{Refused, extension_values};

/// What we answer: a frame is compressed once for all, and no connection holds a window.
const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The same for an offer that names our window: accepting it means repeating it.
const ANSWER_WINDOW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                             server_max_window_bits=15";

/// The answer to the first offer that we can meet; none if there is none. A header that breaks the
/// grammar fails the handshake, as RFC 6455 demands.
pub(super) fn negotiate(headers: &HeaderMap, deflate: bool) -> Result<Option<&'static str>, Refused> {
    let mut answer = None;
    for value in extension_values(headers) {
        let mut reader = Reader { rest: value };
        loop {
            reader.skip_empty_members();
            if reader.rest.is_empty() {
                break;
            }
            let met = extension(&mut reader)
                .map_err(|Malformed| Refused::bad("malformed sec-websocket-extensions"))?;
            answer = answer.or(met);
        }
    }
    Ok(answer.filter(|_| deflate))
}

/// The header breaks the grammar.
struct Malformed;

/// Reads one offer, and answers it if we can meet it.
fn extension(reader: &mut Reader<'_>) -> Result<Option<&'static str>, Malformed> {
    let mut offer = Params::default();
    let mut met = reader.token()?.eq_ignore_ascii_case(b"permessage-deflate");
    loop {
        reader.space();
        match reader.next() {
            None | Some(b',') => return Ok(offer.answer().filter(|_| met)),
            Some(b';') => {}
            Some(_) => return Err(Malformed),
        }
        reader.space();
        let name = reader.token()?;
        reader.space();
        let value = if reader.eat(b'=') {
            reader.space();
            Some(reader.value()?)
        } else {
            None
        };
        met &= offer.take(name, value.as_deref());
    }
}

/// The parameters of one offer of permessage-deflate.
#[derive(Default)]
struct Params {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    client_max_window_bits: bool,
    server_max_window_bits: Option<u8>,
}

impl Params {
    /// Whether the parameter is known, stands once and has a value of its kind.
    fn take(&mut self, name: &[u8], value: Option<&[u8]>) -> bool {
        match (name, value) {
            (b"server_no_context_takeover", None) => {
                !std::mem::replace(&mut self.server_no_context_takeover, true)
            }
            (b"client_no_context_takeover", None) => {
                !std::mem::replace(&mut self.client_no_context_takeover, true)
            }
            (b"client_max_window_bits", value) => {
                value.is_none_or(|value| window_bits(value).is_some())
                    && !std::mem::replace(&mut self.client_max_window_bits, true)
            }
            (b"server_max_window_bits", Some(value)) => {
                let bits = window_bits(value);
                bits.is_some() && self.server_max_window_bits.replace(bits.unwrap_or_default()).is_none()
            }
            _ => false,
        }
    }

    /// Our compressor has a window of 15 bits and no other.
    fn answer(&self) -> Option<&'static str> {
        match self.server_max_window_bits {
            None => Some(ANSWER),
            Some(15) => Some(ANSWER_WINDOW),
            Some(_) => None,
        }
    }
}

/// A decimal number from 8 to 15 without a leading zero.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

struct Reader<'v> {
    rest: &'v [u8],
}

impl<'v> Reader<'v> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.strip_prefix(&[byte]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// A list may have empty members (RFC 9110, 5.6.1).
    fn skip_empty_members(&mut self) {
        self.space();
        while self.eat(b',') {
            self.space();
        }
    }

    fn token(&mut self) -> Result<&'v [u8], Malformed> {
        let len = self.rest.iter().take_while(|byte| is_token(**byte)).count();
        match self.rest.split_at_checked(len) {
            Some((token, rest)) if !token.is_empty() => {
                self.rest = rest;
                Ok(token)
            }
            _ => Err(Malformed),
        }
    }

    /// A token, bare or quoted.
    fn value(&mut self) -> Result<Vec<u8>, Malformed> {
        if !self.eat(b'"') {
            return self.token().map(<[u8]>::to_vec);
        }
        let mut value = Vec::new();
        loop {
            match self.next().ok_or(Malformed)? {
                b'"' if !value.is_empty() && value.iter().all(|byte| is_token(*byte)) => return Ok(value),
                b'"' => return Err(Malformed),
                b'\\' => value.push(self.next().ok_or(Malformed)?),
                byte => value.push(byte),
            }
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
