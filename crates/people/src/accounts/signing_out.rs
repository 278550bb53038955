//! Ending sign-ins, one's own and those that a new password ends.

use veche_kernel::{ErrorCode, Rejection, UserId};
use veche_store::{Error, Tx};

use super::{
    account::{Accounts, wrong_credentials},
    registering::{check_password, unfit},
    store::{self, Holder},
};
use crate::{
    mail::{Letter, Occasion},
    password::{Match, Password},
    sessions::{self, Kept, SessionKey},
};

impl Accounts {
    /// Ends one of a user's sign-ins. Whoever is told so has to end its connections.
    pub(crate) async fn sign_out(&self, user: &UserId, key: &str) -> Result<SessionKey, Rejection> {
        let (user, key) = (user.clone(), key.to_owned());
        let ended = self.store().write(async move |tx| sessions::end(tx, &user, &key).await).await;
        let ended = ended.map_err(Rejection::from)?;
        let ended = ended.ok_or_else(|| Rejection::new(ErrorCode::NotFound, "there is no such sign-in"))?;
        self.forget(std::slice::from_ref(&ended));
        Ok(ended)
    }

    /// Ends all of a user's sign-ins.
    pub(crate) async fn sign_out_everywhere(&self, user: &UserId) -> Result<Vec<SessionKey>, Rejection> {
        let user = user.clone();
        let ended = self.store().write(async move |tx| sessions::end_all(tx, &user, None).await).await;
        let ended = ended.map_err(Rejection::from)?;
        self.forget(&ended);
        Ok(ended)
    }

    /// Changes the password of whoever knows the old one. Their other sign-ins end.
    pub(crate) async fn change_password(
        &self,
        kept: &Kept,
        old: &str,
        new: &str,
    ) -> Result<Vec<SessionKey>, Rejection> {
        let found = self.store().read(async |tx| store::of_user(tx, &kept.user).await).await;
        let holder = found.map_err(Rejection::from)?.ok_or_else(Rejection::unauthorized)?;
        let (Some(email), Some(seen)) = (&holder.email, holder.password.clone()) else {
            return Err(Rejection::new(ErrorCode::Forbidden, "this account has no password"));
        };
        self.attempts().of_email(email)?;
        let (old, new) = (Password::typed(old), Password::typed(new));
        if old.is_too_long() || self.hasher().compare(old, Some(seen.clone())).await? == Match::Wrong {
            return Err(wrong_credentials().field("old"));
        }
        check_password(&new, email, &holder.profile.name).map_err(|weak| weak.field("new"))?;
        let new = self.hasher().hash(new).await?;
        let letter = self.changed_letter(&holder)?;
        let (post, key) = (self.post().clone(), kept.key.clone());
        let write = async move |tx: &mut Tx| -> Result<Option<Vec<SessionKey>>, Error> {
            if !store::replace_password(tx, &holder.user, &seen, &new).await? {
                return Ok(None);
            }
            store::forget_resets(tx, &holder.user).await?;
            if let Some(letter) = &letter {
                post.write(tx, letter).await?;
            }
            sessions::end_all(tx, &holder.user, Some(&key)).await.map(Some)
        };
        let ended = self.store().write(write).await.map_err(Rejection::from)?;
        let ended = ended.ok_or_else(|| wrong_credentials().field("old"))?;
        self.post().wake();
        self.forget(&ended);
        Ok(ended)
    }

    /// What tells an account's owner that the password is another one.
    pub(super) fn changed_letter(&self, holder: &Holder) -> Result<Option<Letter>, Rejection> {
        let occasion = Occasion::PasswordChanged { link: self.settings().site.link("/people/reset", None) };
        let letter = |to| unfit(occasion.letter(to, holder.profile.language));
        holder.recipient().map(letter).transpose()
    }
}
