//! A forgotten password: a link by mail, then a new one.

use std::net::IpAddr;

use veche_kernel::Rejection;
use veche_store::{Error, Tx, params};

use super::{
    account::{Accounts, ended_link},
    email::Email,
    registering::{check_password, checked_email, unfit},
    store,
};
use crate::{
    mail::Occasion,
    number::integer,
    password::Password,
    secret::{Fingerprint, Secret},
    sessions::{self, SessionKey},
};

/// How long the link to a new password holds, ms.
const LINK_MS: u64 = 3_600_000;

impl Accounts {
    /// Has a link sent to the address, if it has an account. The answer comes before anybody has looked, and
    /// so says nothing of that.
    pub fn forgot(&self, email: &str, peer: IpAddr) -> Result<(), Rejection> {
        self.attempts().of_address(peer)?;
        let email = checked_email(email)?;
        self.attempts().of_letters(&email)?;
        let accounts = self.clone();
        let place = self.resets().try_acquire_owned();
        let place =
            place.map_err(|_| Rejection::unavailable("too many ask at once").retry_after_ms(1_000))?;
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = accounts.send_reset(email).await {
                tracing::warn!(error = error.message(), "a link to a new password was not written");
            }
        });
        Ok(())
    }

    async fn send_reset(&self, email: Email) -> Result<(), Rejection> {
        let found = self.store().read(async |tx| store::of_email(tx, &email).await).await;
        let Some(holder) = found.map_err(Rejection::from)? else { return Ok(()) };
        let Some(recipient) = holder.recipient() else { return Ok(()) };
        let secret = Secret::draw()?;
        let link = self.settings().site.link("/people/reset", Some(secret.as_str()));
        let letter = unfit(Occasion::Reset { link }.letter(recipient, holder.profile.language))?;
        let (post, token) = (self.post().clone(), secret.fingerprint());
        let write = async move |tx: &mut Tx| -> Result<(), Error> {
            let sql = "INSERT INTO account_reset (token, account, until_ms) VALUES ($1, $2, $3)";
            let until_ms = integer(tx.now_ms().saturating_add(LINK_MS));
            tx.execute(sql, params![token.bytes(), holder.user.as_str(), until_ms]).await?;
            post.write(tx, &letter).await
        };
        self.store().write(write).await.map_err(Rejection::from)?;
        self.post().wake();
        Ok(())
    }

    /// Keeps a new password for whoever has the link. All sign-ins end, and all links.
    pub(crate) async fn reset(
        &self,
        token: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Vec<SessionKey>, Rejection> {
        self.attempts().of_address(peer)?;
        let token = Fingerprint::of(token).ok_or_else(ended_link)?;
        let found = self.store().read(async |tx| owner(tx, token).await).await;
        let holder = found.map_err(Rejection::from)?.ok_or_else(ended_link)?;
        let email = holder.email.as_ref().ok_or_else(ended_link)?;
        let password = Password::typed(password);
        check_password(&password, email, &holder.profile.name)?;
        let password = self.hasher().hash(password).await?;
        let letter = self.changed_letter(&holder)?;
        let post = self.post().clone();
        let write = async move |tx: &mut Tx| -> Result<Option<Vec<SessionKey>>, Error> {
            let Some(user) = store::take_reset(tx, token).await? else { return Ok(None) };
            store::set_password(tx, &user, &password).await?;
            if let Some(letter) = &letter {
                post.write(tx, letter).await?;
            }
            sessions::end_all(tx, &user, None).await.map(Some)
        };
        let ended = self.store().write(write).await.map_err(Rejection::from)?;
        let ended = ended.ok_or_else(ended_link)?;
        self.post().wake();
        self.forget(&ended);
        Ok(ended)
    }
}

/// Whose link it is. Nothing is used up before the new password is known to be good enough.
async fn owner(tx: &mut veche_store::ReadTx, token: Fingerprint) -> Result<Option<store::Holder>, Error> {
    let sql = "SELECT account FROM account_reset WHERE token = $1 AND until_ms > $2";
    let now_ms = integer(tx.now_ms());
    let Some(row) = tx.row(sql, params![token.bytes(), now_ms]).await? else { return Ok(None) };
    let account: Box<str> = row.get("account")?;
    store::of_user(tx, &account.as_ref().into()).await
}
