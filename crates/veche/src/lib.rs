//! The crate users add: a node with its doors open.
//!
//! Mount modules on a [`Kernel`], then let [`serve`] open the WebSocket door and everything else that
//! listens. Everything of the kernel is here too.
//!
//! ```no_run
//! use veche::{Kernel, Listen, Module, Rejection, Session};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let rooms = Module::new("rooms").on("enter", async |session: Session| -> Result<(), Rejection> {
//!     session.join("lobby").await
//! });
//! let kernel = Kernel::builder().guests(true).mount(rooms).build()?;
//! veche::serve(kernel, Listen::on("127.0.0.1:8080").websocket("/realtime")).await?;
//! # Ok(())
//! # }
//! ```

#[cfg(doctest)]
#[doc = include_str!("../../../docs/modules.md")]
mod guide {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/socketio.md")]
mod socket_io_guide {}

mod acceptor;
mod addresses;
mod answering;
pub mod api;
mod bare;
mod call;
mod credential;
mod cross_origin;
mod door;
mod failures;
mod handover;
mod http;
mod listen;
mod mounted;
mod origin;
mod pages;
mod proxies;
mod reading;
mod refusal;
mod server;
pub mod socket;
pub mod socket_io;
mod sse;
mod ticket_door;
mod tickets;
mod token;
mod websocket;

pub use axum;
pub use call::calls;
pub use listen::Listen;
pub use origin::Origins;
pub use pages::{Pages, Visit};
pub use proxies::{InvalidNetwork, Network};
pub use server::{ServeError, Server, serve};
pub use token::{
    KeysError, MIN_SECRET_BYTES, NewToken, PublicKeys, RemoteKeys, SecretTooShort, TokenError, Verifier,
};
pub use veche_kernel::*;
