//! The msgpack parser, `socket.io-msgpack-parser`: a packet is one map `{type, nsp, data?, id?}`.
//!
//! Packets are translated from and to the form that the default parser has, JSON with attachments beside it:
//!
//! | msgpack | JSON |
//! |---|---|
//! | `bin`, and `ext 0` of any length but 1 and 8 (an `ArrayBuffer`) | a placeholder and an attachment |
//! | integers | the same digits, up to 64 bits |
//! | floats | the shortest digits that read back the same; NaN and infinities are `null`, as in `JSON.stringify` |
//! | `fixext 8` of type 0 (a `Date`), timestamps (`ext -1`) | an ISO 8601 string in UTC with milliseconds; outside of JavaScript's range `null` |
//! | `fixext 1` of type 0 (`undefined`) | left out of an object, `null` in a list |
//! | other extensions | `[type, placeholder]`, as the reference reads them |
//! | keys that are integers, booleans or nil | their texts |
//! | text that is not UTF-8 | U+FFFD in the place of what is not |
//!
//! Back again, `ext` and dates are not made: a date stays a string, as for clients of the default parser.
//! Numbers with a fraction or an exponent become floats of 64 bits; integers are as short as they can be.
//!
//! The JSON can be longer than the msgpack, by a factor of 6 at most (a control character is one byte there
//! and six here).

mod decode;
mod encode;
mod read;
mod timestamp;
mod write;

pub(super) use decode::decode;
pub(super) use encode::encode;
