//! Accounts over HTTP: the entries below `/api/people/`, in JSON.
//!
//! Thin: a handler reads a request, asks the [`Accounts`], and writes the cookie. A request that changes
//! something under a cookie has to come from a page of the site.

mod caller;
mod links;
mod own;
mod signs;

use std::{sync::Arc, time::Duration};

use http::Method;
use veche_kernel::{Module, UserId};

use crate::{accounts::Accounts, sessions::SessionKey};

/// Bytes that the body of a request may have.
const MAX_BODY: usize = 8 << 10;
/// How long a token holds: a page asks for the next one before.
const TOKEN: Duration = Duration::from_mins(10);

/// Who signs the short tokens by which a page's sockets and workers show who is signed in.
pub trait SignToken: Send + Sync + 'static {
    /// A token for this user that holds so long from the wall time given, ms since 1970, and that bears the
    /// name of the sign-in (`jti`), so that it ends with it. `None` where it cannot be signed.
    fn sign(&self, user: &UserId, session: &SessionKey, ttl: Duration, wall_ms: u64) -> Option<String>;
}

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    accounts: Accounts,
    tokens: Arc<dyn SignToken>,
}

/// The accounts as a module.
pub fn module(accounts: Accounts, tokens: Arc<dyn SignToken>) -> Module {
    Module::new("accounts")
        .http(Method::POST, "/api/people/register", links::register)
        .http(Method::POST, "/api/people/confirm", links::confirm)
        .http(Method::POST, "/api/people/reset/request", links::forgot)
        .http(Method::POST, "/api/people/reset", links::reset)
        .http(Method::POST, "/api/people/sign-in", signs::sign_in)
        .http(Method::GET, "/api/people/demo-sign-in", signs::demonstration)
        .http(Method::POST, "/api/people/demo-sign-in", signs::sign_in_to_demonstration)
        .http(Method::POST, "/api/people/sign-out", signs::sign_out)
        .http(Method::POST, "/api/people/sign-out-everywhere", signs::sign_out_everywhere)
        .http(Method::GET, "/api/people/me", own::me)
        .http(Method::PATCH, "/api/people/me", own::change)
        .http(Method::POST, "/api/people/password", own::change_password)
        .http(Method::GET, "/api/people/sessions", own::sessions)
        .http(Method::DELETE, "/api/people/sessions/{id}", own::end_session)
        .http(Method::POST, "/api/people/token", own::token)
        .with_state(Shared { accounts, tokens })
}
