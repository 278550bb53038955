//! The accounts of a store, and what they are set up with.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;
use veche_kernel::{ErrorCode, Rejection, UserId};
use veche_store::{Error, Store};

use super::{
    attempts::{Attempts, Quotas},
    language::Language,
    profile,
    site::Site,
    store,
};
use crate::{
    mail::Post,
    password::{Busy, Cost, Hasher},
    secret::Fingerprint,
    sessions::{self, Cookie, Kept, Recent, SessionKey, SignIn},
};

/// A sign-in that was used is noted at most so often, ms.
const SEEN_EVERY_MS: u64 = 10 * 60_000;
/// Letters to those who have forgotten their password that may be written at once.
const RESETS: usize = 64;

/// How the accounts of a site work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the site is.
    pub site: Site,
    /// What hashing a password costs.
    pub cost: Cost,
    /// How often things may be tried.
    pub quotas: Quotas,
    /// Whether anybody may sign in as one of the demonstration's users.
    pub demonstration: bool,
}

impl Settings {
    /// The defaults for a site.
    pub fn new(site: Site) -> Self {
        Self { site, cost: Cost::default(), quotas: Quotas::default(), demonstration: false }
    }
}

/// Why the accounts cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Open {
    /// The tables cannot be brought up to date.
    #[error(transparent)]
    Store(#[from] Error),
    /// Argon2 does not take this cost, or the system has no random bits.
    #[error("failed to hash passwords at this cost")]
    Cost,
}

/// Somebody's account, as they see it themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The user's id.
    pub user: String,
    /// The address, confirmed; `None` for a user of the demonstration.
    pub email: Option<String>,
    /// What they call themselves.
    pub name: String,
    /// The code of what they read.
    pub language: &'static str,
    /// When the account was made, ms since 1970.
    pub created_ms: u64,
}

/// The accounts of a store. Cheap to clone. [`module`](crate::web::module) puts them behind HTTP.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Store,
    post: Post,
    hasher: Hasher,
    settings: Settings,
    attempts: Attempts,
    recent: Recent,
    resets: Arc<Semaphore>,
}

impl Accounts {
    /// Brings the tables up to date, and makes the demonstration's users if they are asked for.
    pub async fn open(store: Store, post: Post, settings: Settings) -> Result<Self, Open> {
        store::prepare(&store).await?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hasher = Hasher::new(settings.cost, cores).ok_or(Open::Cost)?;
        let attempts = Attempts::new(settings.quotas, store.clock().clone());
        let (recent, resets) = (Recent::default(), Arc::new(Semaphore::new(RESETS)));
        let accounts = Self(Arc::new(Inner { store, post, hasher, settings, attempts, recent, resets }));
        if accounts.settings().demonstration {
            accounts.make_demonstration_users().await?;
        }
        Ok(accounts)
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn post(&self) -> &Post {
        &self.0.post
    }

    pub(super) fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Places for those who have forgotten their password, whose letter is written after the answer.
    pub(super) fn resets(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.resets)
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }

    pub(crate) fn cookie(&self) -> Cookie {
        Cookie::new(self.0.settings.site.is_https())
    }

    /// The sign-in behind a cookie's value; `None` where there is none, or it has ended.
    pub(crate) async fn who(&self, value: &str) -> Result<Option<Kept>, Rejection> {
        let Some(secret) = Fingerprint::of(value) else { return Ok(None) };
        let clock = self.store().clock();
        if let Some(kept) = self.0.recent.find(secret, clock.now_ms()) {
            return Ok(Some(kept));
        }
        let found = self.store().read(async |tx| sessions::find(tx, secret).await).await;
        let Some(kept) = found.map_err(Rejection::from)? else { return Ok(None) };
        if clock.wall_ms().saturating_sub(kept.seen_ms) >= SEEN_EVERY_MS {
            let noted = self.store().write(async move |tx| sessions::seen(tx, secret).await).await;
            if let Err(error) = noted {
                // It ends earlier than it might; that is no reason to refuse it now.
                tracing::warn!(%error, "the use of a sign-in could not be noted");
            }
        }
        self.0.recent.keep(secret, kept.clone(), clock.now_ms());
        Ok(Some(kept))
    }

    /// A user's account. Who signs in elsewhere, and shows a token of theirs, has none.
    pub async fn account(&self, user: &UserId) -> Result<Account, Rejection> {
        let found = self.store().read(async |tx| store::account(tx, user).await).await;
        found.map_err(Rejection::from)?.ok_or_else(no_account)
    }

    /// Changes a user's name or language, or both.
    pub async fn change(
        &self,
        user: &UserId,
        name: Option<&str>,
        language: Option<&str>,
    ) -> Result<Account, Rejection> {
        let name = name.map(checked_name).transpose()?;
        let language = language.map(checked_language).transpose()?;
        let id = user.clone();
        let changed =
            self.store().write(async move |tx| store::change(tx, &id, name.as_deref(), language).await).await;
        changed.map_err(Rejection::from)?;
        self.account(user).await
    }

    /// A user's sign-ins, the latest used first.
    pub async fn sign_ins(&self, user: &UserId) -> Result<Vec<SignIn>, Rejection> {
        let listed = self.store().read(async |tx| sessions::list(tx, user).await).await;
        listed.map_err(Rejection::from)
    }

    /// Forgets what has ended, every hour, until it is dropped.
    pub async fn tend(self) {
        loop {
            self.store().clock().sleep(std::time::Duration::from_hours(1)).await;
            let swept = self.store().write(async |tx| {
                sessions::sweep(tx).await?;
                store::sweep(tx).await
            });
            if let Err(error) = swept.await {
                tracing::warn!(%error, "old sign-ins could not be forgotten");
            }
        }
    }

    pub(super) fn forget(&self, ended: &[SessionKey]) {
        self.0.recent.forget(ended);
    }
}

pub(super) fn checked_name(text: &str) -> Result<String, Rejection> {
    let why = "a name is one line of 1 to 64 visible characters";
    profile::name(text).ok_or_else(|| Rejection::new(ErrorCode::BadRequest, why).field("name"))
}

pub(super) fn checked_language(code: &str) -> Result<Language, Rejection> {
    let why = "the languages are en and ru";
    Language::parse(code).ok_or_else(|| Rejection::new(ErrorCode::BadRequest, why).field("language"))
}

fn no_account() -> Rejection {
    Rejection::new(ErrorCode::NotFound, "this user has no account here")
}

/// What is answered to a wrong address, a wrong password, and both.
pub(super) fn wrong_credentials() -> Rejection {
    let why = "the address or the password is wrong";
    Rejection::new(ErrorCode::App("wrong_credentials"), why).status(http::StatusCode::UNAUTHORIZED)
}

/// What is answered to the token of a link that was used, has ended, or never was.
pub(super) fn ended_link() -> Rejection {
    let why = "the link was used, or it has ended; ask for a new one";
    Rejection::new(ErrorCode::App("link_ended"), why).status(http::StatusCode::GONE).field("token")
}

impl From<Busy> for Rejection {
    fn from(busy: Busy) -> Self {
        Self::unavailable(busy.to_string()).retry_after_ms(1_000)
    }
}
