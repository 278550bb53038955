//! Mail: letters that are written with what caused them, and brought to a post office again and again until
//! it takes them.
//!
//! [`Post::write`] puts a letter into the outbox, a table, inside the transaction that it tells of; so there is
//! no letter about what did not happen, and none is lost. [`Post::deliver`] is the worker. Where letters go is
//! a [`Mailer`]: [`Smtp`], [`Folder`] (a file for each, for development) or [`Webhook`].
//!
//! A letter whose delivery was cut short may come twice; it has the same `Message-ID` then. Deliberately
//! absent: bounces, and a copy of what was sent, which would keep its secrets.

mod folder;
mod letter;
mod message;
mod occasion;
mod outbox;
mod schedule;
mod smtp;
mod webhook;
mod worker;

pub use folder::Folder;
pub use letter::{Letter, Recipient, UnfitLetter};
pub use message::{Mail, MailError, Mailer, Sending};
pub(crate) use occasion::Occasion;
pub use outbox::Post;
pub use smtp::Smtp;
pub use webhook::Webhook;
