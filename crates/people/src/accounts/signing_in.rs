//! Signing in by a password.

use veche_kernel::{Rejection, UserId};
use veche_store::{Error, Tx, params};

use super::{
    account::{Accounts, wrong_credentials},
    registering::checked_email,
    store,
};
use crate::{
    password::{Match, Password},
    secret::{Fingerprint, Secret},
    sessions::{self, Client, SessionKey},
};

/// A sign-in that has begun.
pub(crate) struct Began {
    /// Who it is.
    pub(crate) user: UserId,
    /// The cookie's value.
    pub(crate) secret: Secret,
    /// Sign-ins that ended for it: the one that the browser had, and the oldest of too many.
    pub(crate) ended: Vec<SessionKey>,
}

impl Accounts {
    /// Signs in. The browser's former sign-in ends: nobody goes on under a cookie that was there before.
    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        client: Client,
        old: Option<&str>,
    ) -> Result<Began, Rejection> {
        self.attempts().of_address(client.address)?;
        let email = checked_email(email)?;
        self.attempts().of_email(&email)?;
        let password = Password::typed(password);
        if password.is_too_long() {
            return Err(wrong_credentials());
        }
        let found = self.store().read(async |tx| store::of_email(tx, &email).await).await;
        let holder = found.map_err(Rejection::from)?;
        let kept = holder.as_ref().and_then(|holder| holder.password.clone());
        let compared = self.hasher().compare(password.clone(), kept.clone()).await?;
        let (Some(holder), Some(kept)) = (holder, kept) else { return Err(wrong_credentials()) };
        let kept = match compared {
            Match::Wrong => return Err(wrong_credentials()),
            Match::Right => kept,
            Match::Outdated => self.hash_again(&holder.user, kept, password).await?,
        };
        self.begin(holder.user, Some(kept), client, old).await
    }

    /// Begins a sign-in, if the password is still the one that was compared.
    pub(super) async fn begin(
        &self,
        user: UserId,
        compared: Option<String>,
        client: Client,
        old: Option<&str>,
    ) -> Result<Began, Rejection> {
        let secret = Secret::draw()?;
        let (token, old) = (secret.fingerprint(), old.and_then(Fingerprint::of));
        let id = user.clone();
        let write = async move |tx: &mut Tx| -> Result<Option<Vec<SessionKey>>, Error> {
            if let Some(compared) = &compared {
                let sql = "SELECT 1 FROM account WHERE id = $1 AND password = $2";
                if tx.row(sql, params![id.as_str(), compared]).await?.is_none() {
                    return Ok(None);
                }
            }
            let mut ended = Vec::new();
            if let Some(old) = old
                && let Some(kept) = sessions::find(tx, old).await?
            {
                ended.extend(sessions::end(tx, &kept.user, kept.key.as_str()).await?);
            }
            ended.extend(sessions::begin(tx, &id, token, &client).await?);
            Ok(Some(ended))
        };
        let ended = self.store().write(write).await.map_err(Rejection::from)?;
        let ended = ended.ok_or_else(wrong_credentials)?;
        self.forget(&ended);
        Ok(Began { user, secret, ended })
    }

    /// Keeps a password at today's cost; what is kept now.
    async fn hash_again(&self, user: &UserId, seen: String, password: Password) -> Result<String, Rejection> {
        let (user, fresh) = (user.clone(), self.hasher().hash(password).await?);
        let write = async move |tx: &mut Tx| -> Result<String, Error> {
            let is_kept = store::replace_password(tx, &user, &seen, &fresh).await?;
            Ok(if is_kept { fresh.clone() } else { seen.clone() })
        };
        self.store().write(write).await.map_err(Rejection::from)
    }
}
