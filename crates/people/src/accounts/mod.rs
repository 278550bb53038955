//! Accounts: who people are.

mod email;
mod language;

pub use email::Email;
pub use language::Language;
