//! People's accounts: what they are set up with, and in development what was mailed.

pub mod companions;
mod outbox;

use std::{sync::Arc, time::Duration};

use axum::Router;
use veche::{Builder, NewToken, SignedIn, UserId, Verifier};
use veche_people::{
    SessionKey,
    accounts::{Accounts, Open, Settings, Site},
    mail::{Folder, Mailer, Post, Smtp, Webhook},
    web::{SignToken, module},
};
use veche_store::Store;

use crate::config::{Config, Mail};

/// The folder of letters in the data folder.
const FOLDER: &str = "mail";

/// Why people cannot have accounts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// Links would lead nowhere.
    #[error(
        "accounts write links, and others reach this server: set server.public_url to where people find it, \
         such as \"https://veche.example.com\""
    )]
    NoUrl,
    /// Letters would reach nobody.
    #[error(
        "accounts write letters, and others reach this server: set mail.smtp_url, mail.webhook_url or \
         mail.folder"
    )]
    NoMail,
    /// There is more than one way for letters.
    #[error("mail.smtp_url, mail.webhook_url and mail.folder are three ways for letters: set one of them")]
    ManyWays,
    /// A key of the mail is not what it has to be. The value may hold a password and is not shown.
    #[error("{key} cannot be used: expected {expected}")]
    Mail {
        /// Which key.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Tokens for sockets cannot be signed.
    #[error("accounts sign tokens for sockets, and there is no secret to sign with: set auth.hs256_secret")]
    NoSecret,
    /// The tables cannot be brought up to date.
    #[error(transparent)]
    Open(#[from] Open),
}

/// The accounts of a server, and the worker of their letters.
pub struct People {
    accounts: Accounts,
    post: Post,
    signer: Signer,
    /// Where letters are shown, if they may be.
    shown: Option<Folder>,
}

struct Signer(Verifier);

impl SignToken for Signer {
    fn sign(&self, user: &UserId, session: &SessionKey, ttl: Duration, wall_ms: u64) -> Option<String> {
        self.0.issue(&NewToken::of(user.as_str(), ttl).id(session.as_str()), wall_ms).ok()
    }
}

impl People {
    /// The accounts of this configuration, for a server that signs by this verifier.
    pub async fn open(
        config: &Config,
        is_demo: bool,
        store: &Store,
        verifier: &Verifier,
    ) -> Result<Self, PeopleError> {
        let signs = verifier.issue(&NewToken::of("nobody", Duration::from_secs(1)), 0).is_ok();
        if !signs {
            return Err(PeopleError::NoSecret);
        }
        let settings = Settings { demonstration: is_demo, ..Settings::new(site(config)?) };
        let (mailer, folder) = mailer(config, store)?;
        let post = Post::open(store.clone(), mailer).await.map_err(Open::from)?;
        let accounts = Accounts::open(store.clone(), post.clone(), settings).await?;
        // Whoever sees all letters can be anybody: only this machine, and only to try it.
        let shown = folder.filter(|_| is_demo && config.server.host.is_loopback());
        Ok(Self { accounts, post, signer: Signer(verifier.clone()), shown })
    }

    /// Mounts what the accounts answer.
    pub fn mount(self, builder: Builder) -> (Builder, Mounted) {
        let builder = builder.mount(module(self.accounts.clone(), Arc::new(self.signer)));
        (builder, Mounted { accounts: self.accounts, post: self.post, shown: self.shown })
    }
}

/// Accounts of a node that is about to run.
pub struct Mounted {
    accounts: Accounts,
    post: Post,
    shown: Option<Folder>,
}

impl Mounted {
    /// Who keeps sign-ins, for the doors.
    pub fn sign_ins(&self) -> Arc<dyn SignedIn> {
        Arc::new(self.accounts.clone())
    }

    /// The page of letters, where they may be shown.
    pub fn pages(&self) -> Router {
        self.shown.as_ref().map(|folder| outbox::router(folder.path())).unwrap_or_default()
    }

    /// Sends letters and forgets what has ended, until it is dropped.
    pub async fn work(self) {
        tokio::join!(self.post.deliver(), self.accounts.tend());
    }
}

fn site(config: &Config) -> Result<Site, PeopleError> {
    let server = &config.server;
    let site = match &server.public_url {
        Some(site) => site.clone(),
        None if server.host.is_loopback() => {
            Site::parse(&format!("http://localhost:{}", server.port)).ok_or(PeopleError::NoUrl)?
        }
        None => return Err(PeopleError::NoUrl),
    };
    let any_of_this_machine = server.allowed_origins.is_empty() && server.host.is_loopback();
    Ok(site.origins(server.allowed_origins.iter().cloned()).this_machine(any_of_this_machine))
}

/// The one way for letters; the folder too, if that is the way.
fn mailer(config: &Config, store: &Store) -> Result<(Arc<dyn Mailer>, Option<Folder>), PeopleError> {
    let Mail { from, smtp_url, webhook_url, folder, .. } = &config.mail;
    let sender =
        || PeopleError::Mail { key: "mail.from", expected: "a sender such as `Ann <ann@example.com>`" };
    let probe = Folder::new("", from).ok_or_else(sender)?;
    match (smtp_url, webhook_url, folder) {
        (Some(url), None, None) => {
            let expected = "a URL such as smtps://user:password@host";
            let smtp = std::str::from_utf8(url.as_bytes()).ok().and_then(|url| Smtp::new(url, from));
            let smtp = smtp.ok_or(PeopleError::Mail { key: "mail.smtp_url", expected })?;
            Ok((Arc::new(smtp), None))
        }
        (None, Some(url), None) => {
            let expected = "an https or http URL, with mail.webhook_secret of at least 32 bytes";
            let secret = config.mail.webhook_secret.as_ref();
            let webhook = secret.and_then(|key| Webhook::new(url, key.as_bytes(), store.clock().clone()));
            let webhook = webhook.ok_or(PeopleError::Mail { key: "mail.webhook_url", expected })?;
            Ok((Arc::new(webhook), None))
        }
        (None, None, Some(path)) => Ok(in_folder(probe.at(path))),
        (None, None, None) if config.server.host.is_loopback() => {
            Ok(in_folder(probe.at(config.server.data.join(FOLDER))))
        }
        (None, None, None) => Err(PeopleError::NoMail),
        _ => Err(PeopleError::ManyWays),
    }
}

fn in_folder(folder: Folder) -> (Arc<dyn Mailer>, Option<Folder>) {
    (Arc::new(folder.clone()), Some(folder))
}
