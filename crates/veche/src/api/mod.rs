//! The HTTP door for servers: `/api/v1/*`, by scoped keys.
//!
//! It is a module like an application's: its entries read a key, ask whether its scopes allow the operation,
//! and let the kernel do it. Where the keys are kept is behind the port [`Keys`]. Deliberately absent: users.
//! A key is a server's; what users may do is decided by channels' rules, and by handlers.

mod audit;
mod document;
mod endpoints;
mod grant;
mod kept;
mod key;
mod keys;
mod operations;
mod page;
mod requests;
mod responses;
mod scope;

pub use self::{
    endpoints::Api,
    key::{Key, KeyError, KeyId, KeyText},
    keys::{KEYS_MAX, Keys, KeysError, MemoryKeys},
    scope::{Pattern, Right, Scope, ScopeError},
};
