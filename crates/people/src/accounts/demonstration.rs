//! The demonstration's users: anybody is one of them by a click, where the server was started for that.

use veche_kernel::{ErrorCode, Rejection, UserId};
use veche_store::Error;

use super::{account::Accounts, signing_in::Began};
use crate::sessions::Client;

/// Ids and names. No registered user has an id like these: theirs are longer.
const USERS: [(&str, &str); 3] = [("anya", "Аня"), ("pasha", "Паша"), ("admin", "Админ")];

impl Accounts {
    /// Makes those that are not there.
    pub(super) async fn make_demonstration_users(&self) -> Result<(), Error> {
        for (user, name) in USERS {
            self.make_user(user, name).await?;
        }
        Ok(())
    }

    /// Their ids and names. Elsewhere than in a demonstration there is no such thing.
    pub(crate) fn demonstration(&self) -> Result<&'static [(&'static str, &'static str)], Rejection> {
        if self.settings().demonstration {
            return Ok(&USERS);
        }
        Err(Rejection::new(ErrorCode::NotFound, "there is no such thing"))
    }

    /// Signs in as one of them. Elsewhere than in a demonstration there is no such thing.
    pub(crate) async fn sign_in_to_demonstration(
        &self,
        user: &str,
        client: Client,
        old: Option<&str>,
    ) -> Result<Began, Rejection> {
        let Some((user, _)) = self.demonstration()?.iter().find(|(known, _)| *known == user) else {
            let why = "the demonstration's users are anya, pasha and admin";
            return Err(Rejection::new(ErrorCode::BadRequest, why).field("user"));
        };
        self.attempts().of_address(client.address)?;
        self.begin(UserId::from(*user), None, client, old).await
    }
}
