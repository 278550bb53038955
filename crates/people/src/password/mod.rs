//! Passwords: which ones are taken, and how they are kept.

mod hasher;
mod rules;

pub use hasher::Cost;
pub(crate) use hasher::{Busy, Hasher, Match};
pub(crate) use rules::Password;
