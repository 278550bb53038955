//! The end-to-end steps: the real server, driven by tools that are not ours.

mod autobahn;
mod browser;
mod documents;
mod mail;
mod schemathesis;
mod scripts;
mod server;
mod socketio;
mod wscat;

pub(crate) use autobahn::autobahn;
pub(crate) use browser::browser;
pub(crate) use documents::documents;
pub(crate) use mail::mail;
pub(crate) use schemathesis::schemathesis;
pub(crate) use socketio::socketio;
pub(crate) use wscat::wscat;
