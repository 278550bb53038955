//! What every application knows of people: accounts and sign-in, friends, notifications, mail and files.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/people.md")]
mod guide {}

pub mod accounts;
pub mod files;
pub mod friends;
pub mod inbox;
pub mod mail;
mod meters;
mod number;
mod page;
mod password;
mod personal;
mod secret;
mod sessions;
pub mod web;

pub use password::Cost;
pub use personal::channel_of;
pub use sessions::{SessionKey, SignIn};
