//! Registering: a letter first, the account when its link was confirmed.

use std::net::IpAddr;

use serde::Deserialize;
use veche_kernel::{ErrorCode, Rejection, UserId};
use veche_store::{Error, Tx, params};

use super::{
    account::{Accounts, checked_language, checked_name, ended_link, wrong_credentials},
    email::Email,
    language::Language,
    profile::{Profile, draw_user},
    signing_in::Began,
    store::{self, Holder},
};
use crate::{
    mail::{Letter, Occasion, Recipient},
    number::integer,
    password::{Match, Password},
    secret::{Fingerprint, Secret},
    sessions::{self, Client},
};

/// How long the link of a registration holds, ms.
const LINK_MS: u64 = 24 * 3_600_000;

/// What somebody registers with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// What they call themselves.
    pub name: String,
    /// The code of what they read; English without it.
    pub language: Option<String>,
}

/// A registration that is right, before its confirmation.
#[derive(Clone)]
struct Checked {
    recipient: Recipient,
    language: Language,
    /// As it is kept.
    password: String,
}

/// A registration as it was kept.
struct Pending {
    email: Email,
    name: String,
    language: Language,
    password: String,
}

impl Accounts {
    /// Writes to the address: a link to confirm, or that it has an account already. The answer is the same.
    pub async fn register(&self, form: Registration, peer: IpAddr) -> Result<(), Rejection> {
        self.attempts().of_address(peer)?;
        let email = checked_email(&form.email)?;
        let name = checked_name(&form.name)?;
        let language = form.language.as_deref().map_or(Ok(Language::default()), checked_language)?;
        let password = Password::typed(&form.password);
        check_password(&password, &email, &name)?;
        self.attempts().of_letters(&email)?;
        // Before anybody looks whether there is an account: it takes the most time of all.
        let password = self.hasher().hash(password).await?;
        let checked = Checked { recipient: Recipient { email, name }, language, password };
        let secret = Secret::draw()?;
        let site = &self.settings().site;
        let confirm = Occasion::Confirm { link: site.link("/people/confirm", Some(secret.as_str())) };
        let already = Occasion::AlreadyThere { link: site.link("/people/sign-in", None) };
        // Whoever registers may be a stranger to the address: none of their words go there.
        let to = || Recipient { email: checked.recipient.email.clone(), name: String::new() };
        let letter = |occasion: &Occasion| unfit(occasion.letter(to(), language));
        let (confirm, already) = (letter(&confirm)?, letter(&already)?);
        let token = secret.fingerprint();
        let post = self.post().clone();
        let write = async move |tx: &mut Tx| -> Result<(), Error> {
            if store::of_email(tx, &checked.recipient.email).await?.is_some() {
                return post.write(tx, &already).await;
            }
            keep(tx, token, &checked).await?;
            post.write(tx, &confirm).await
        };
        self.store().write(write).await.map_err(Rejection::from)?;
        self.post().wake();
        Ok(())
    }

    /// Makes the account of a link, for whoever has both the mail and the password, and signs them in.
    pub(crate) async fn confirm(
        &self,
        token: &str,
        password: &str,
        client: Client,
    ) -> Result<Began, Rejection> {
        self.attempts().of_address(client.address)?;
        let token = Fingerprint::of(token).ok_or_else(ended_link)?;
        let found = self.store().read(async |tx| pending(tx, token).await).await;
        let pending = found.map_err(Rejection::from)?.ok_or_else(ended_link)?;
        let password = Password::typed(password);
        if password.is_too_long()
            || self.hasher().compare(password, Some(pending.password.clone())).await? == Match::Wrong
        {
            return Err(wrong_credentials());
        }
        let user = draw_user(self.store().clock().wall_ms())?;
        let Pending { email, name, language, password } = pending;
        let profile = Profile { user: user.clone(), name, language };
        let holder = Holder { user: user.clone(), profile, email: Some(email), password: Some(password) };
        let secret = Secret::draw()?;
        let session = secret.fingerprint();
        let write = async move |tx: &mut Tx| -> Result<bool, Error> {
            let is_made = take(tx, token, &holder).await?;
            if is_made {
                sessions::begin(tx, &holder.user, session, &client).await?;
            }
            Ok(is_made)
        };
        let is_made = self.store().write(write).await.map_err(Rejection::from)?;
        if is_made { Ok(Began { user, secret, ended: Vec::new() }) } else { Err(ended_link()) }
    }
}

async fn keep(tx: &mut Tx, token: Fingerprint, checked: &Checked) -> Result<(), Error> {
    let sql = "INSERT INTO account_registration (token, email, name, language, password, until_ms)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let until_ms = integer(tx.now_ms().saturating_add(LINK_MS));
    let Checked { recipient: Recipient { email, name }, language, password } = checked;
    let row = params![token.bytes(), email.as_str(), name, language.code(), password, until_ms];
    tx.execute(sql, row).await.map(drop)
}

async fn pending(tx: &mut veche_store::ReadTx, token: Fingerprint) -> Result<Option<Pending>, Error> {
    let sql = "SELECT email, name, language, password FROM account_registration
               WHERE token = $1 AND until_ms > $2";
    let now_ms = integer(tx.now_ms());
    let Some(row) = tx.row(sql, params![token.bytes(), now_ms]).await? else { return Ok(None) };
    let Some(email) = Email::parse(&row.get::<Box<str>>("email")?) else { return Ok(None) };
    let language = Language::parse(&row.get::<Box<str>>("language")?).unwrap_or_default();
    Ok(Some(Pending { email, name: row.get("name")?, language, password: row.get("password")? }))
}

/// Uses a link up, and with it every other of its address. `false` where it was used, or the address has an
/// account by now.
async fn take(tx: &mut Tx, token: Fingerprint, holder: &Holder) -> Result<bool, Error> {
    let sql = "DELETE FROM account_registration WHERE token = $1";
    let is_first = tx.execute(sql, params![token.bytes()]).await? > 0;
    if !is_first || !store::insert(tx, holder).await? {
        return Ok(false);
    }
    let email = holder.email.as_ref().map(Email::as_str);
    tx.execute("DELETE FROM account_registration WHERE email = $1", params![email]).await?;
    Ok(true)
}

pub(super) fn checked_email(text: &str) -> Result<Email, Rejection> {
    let why = "this is no e-mail address";
    Email::parse(text).ok_or_else(|| Rejection::new(ErrorCode::BadRequest, why).field("email"))
}

pub(super) fn check_password(password: &Password, email: &Email, name: &str) -> Result<(), Rejection> {
    password
        .check(email, name)
        .map_err(|weakness| Rejection::new(ErrorCode::BadRequest, weakness.to_string()).field("password"))
}

/// A letter of ours to a checked recipient is fit; where it is not, nothing is sent.
pub(super) fn unfit(letter: Result<Letter, crate::mail::UnfitLetter>) -> Result<Letter, Rejection> {
    letter.map_err(|error| {
        tracing::error!(%error, "a letter of the accounts cannot be sent");
        Rejection::new(ErrorCode::Internal, "the server failed")
    })
}

impl Accounts {
    /// A user without an address, under a given id; nothing where there is one already.
    pub(super) async fn make_user(&self, user: &'static str, name: &'static str) -> Result<(), Error> {
        let write = async move |tx: &mut Tx| {
            let user = UserId::from(user);
            let profile = Profile { user: user.clone(), name: name.to_owned(), language: Language::Russian };
            store::insert(tx, &Holder { user, profile, email: None, password: None }).await.map(drop)
        };
        self.store().write(write).await
    }
}
