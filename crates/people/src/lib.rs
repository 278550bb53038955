//! What every application knows of people: accounts and sign-in, friends, notifications, mail and files.

mod failing;
pub mod files;
pub mod friends;
pub mod inbox;
mod meters;
mod number;
mod page;
mod personal;

pub use personal::channel_of;
