//! Accounts: who people are, how they show it, and how they come back when they have forgotten.
//!
//! Whoever registers gets a letter; the account is there when its link was confirmed with the same password,
//! so that nobody can prepare an account for another's address. What strangers ask is answered alike whether
//! an address has an account or not: the same words, and the same work.
//!
//! Deliberately absent: roles, which are an application's, and the change of an e-mail address.

mod account;
mod attempts;
mod demonstration;
mod email;
mod language;
mod profile;
mod registering;
mod resetting;
mod signing_in;
mod signing_out;
mod site;
mod store;

pub use account::{Account, Accounts, Open, Settings};
pub use attempts::Quotas;
pub use email::Email;
pub use language::Language;
pub use profile::{Profile, line};
pub use registering::Registration;
pub(crate) use signing_in::Began;
pub use site::Site;
pub use store::{names, prepare, profile, profiles};
