//! The notification inbox: what people should hear of, until they have.
//!
//! An application calls [`notify`] within its own transaction, so that what it tells of and the notification
//! are saved together; the row and its event cannot diverge. [`module`] gives the calls `inbox.*` (see
//! `docs/people.md`). Deliberately absent: what the kinds are and how they are worded, which is the
//! application's matter, and sending mail: [`Notified::by_mail`] says whether to.

mod bundle;
mod events;
mod handlers;
mod notice;
mod settings;
mod state;
mod store;
mod sweep;

pub use events::{Counters, Entry, State};
pub use handlers::module;
pub use notice::{Notification, NotificationError};
pub use store::{KEPT_COUNT, KEPT_FOR, Notified, counters, notify, notify_all};
pub use sweep::sweep;
