//! Sign-ins: a browser's cookie, and the row that stands behind it.

mod cookie;
mod kept;
mod recent;

pub(crate) use cookie::Cookie;
pub(crate) use kept::{Client, Kept, begin, end, end_all, find, list, seen, sweep};
pub use kept::{SessionKey, SignIn};
pub(crate) use recent::Recent;
