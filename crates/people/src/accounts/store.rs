//! Accounts in the database.

use veche_kernel::UserId;
use veche_store::{Error, Migration, ReadTx, Row, Store, Tx, params};

use super::{account::Account, email::Email, language::Language, profile::Profile};
use crate::{mail::Recipient, number::integer, secret::Fingerprint};

/// The tables, version by version.
const TABLES: &[Migration] = &[Migration { name: "accounts", sql: include_str!("tables.sql") }];

/// What signing in has to know of an account.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) user: UserId,
    pub(super) profile: Profile,
    pub(super) email: Option<Email>,
    pub(super) password: Option<String>,
}

impl Holder {
    /// Where to write to.
    pub(super) fn recipient(&self) -> Option<Recipient> {
        Some(Recipient { email: self.email.clone()?, name: self.profile.name.clone() })
    }
}

/// What others may know of a user; `None` where there is no such account.
pub async fn profile(tx: &mut ReadTx, user: &UserId) -> Result<Option<Profile>, Error> {
    let sql = "SELECT id, name, language FROM account WHERE id = $1";
    tx.row(sql, params![user.as_str()]).await?.as_ref().map(read_profile).transpose()
}

/// The same of several users, in the order of the ids; those without an account are left out.
pub async fn profiles(tx: &mut ReadTx, users: &[UserId]) -> Result<Vec<Profile>, Error> {
    let mut profiles = Vec::with_capacity(users.len());
    for user in users {
        profiles.extend(profile(tx, user).await?);
    }
    Ok(profiles)
}

/// What these users call themselves, in the same order; who has no account here is called by the id.
pub async fn names(tx: &mut ReadTx, users: &[UserId]) -> Result<Vec<String>, Error> {
    let mut names = Vec::with_capacity(users.len());
    for user in users {
        let profile = profile(tx, user).await?;
        names.push(profile.map_or_else(|| user.to_string(), |profile| profile.name));
    }
    Ok(names)
}

/// Brings the tables up to date, for who asks after people on a node where nobody may have opened
/// [`Accounts`](super::Accounts).
pub async fn prepare(store: &Store) -> Result<(), Error> {
    store.migrate("accounts", TABLES).await
}

fn read_profile(row: &Row) -> Result<Profile, Error> {
    let user = UserId::from(&*row.get::<Box<str>>("id")?);
    let language = Language::parse(&row.get::<Box<str>>("language")?).unwrap_or_default();
    Ok(Profile { user, name: row.get("name")?, language })
}

fn read_holder(row: &Row) -> Result<Holder, Error> {
    let profile = read_profile(row)?;
    let email: Option<String> = row.get("email")?;
    let email = email.as_deref().and_then(Email::parse);
    Ok(Holder { user: profile.user.clone(), profile, email, password: row.get("password")? })
}

/// The account with this address.
pub(super) async fn of_email(tx: &mut ReadTx, email: &Email) -> Result<Option<Holder>, Error> {
    let sql = "SELECT id, name, language, email, password FROM account WHERE email = $1";
    tx.row(sql, params![email.as_str()]).await?.as_ref().map(read_holder).transpose()
}

/// The account of this user.
pub(super) async fn of_user(tx: &mut ReadTx, user: &UserId) -> Result<Option<Holder>, Error> {
    let sql = "SELECT id, name, language, email, password FROM account WHERE id = $1";
    tx.row(sql, params![user.as_str()]).await?.as_ref().map(read_holder).transpose()
}

/// The account as its owner sees it.
pub(super) async fn account(tx: &mut ReadTx, user: &UserId) -> Result<Option<Account>, Error> {
    let sql = "SELECT id, email, name, language, created_ms FROM account WHERE id = $1";
    let account = |row: Row| {
        let language = Language::parse(&row.get::<Box<str>>("language")?).unwrap_or_default();
        Ok(Account {
            user: row.get("id")?,
            email: row.get("email")?,
            name: row.get("name")?,
            language: language.code(),
            created_ms: row.get("created_ms")?,
        })
    };
    tx.row(sql, params![user.as_str()]).await?.map(account).transpose()
}

/// Makes an account; `false` where the id or the address has one.
pub(super) async fn insert(tx: &mut Tx, holder: &Holder) -> Result<bool, Error> {
    let sql = "INSERT INTO account (id, email, name, language, password, created_ms)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let now_ms = integer(tx.now_ms());
    let email = holder.email.as_ref().map(Email::as_str);
    let (name, language) = (&holder.profile.name, holder.profile.language.code());
    let row = params![holder.user.as_str(), email, name, language, holder.password.clone(), now_ms];
    Ok(tx.execute(sql, row).await? > 0)
}

pub(super) async fn change(
    tx: &mut Tx,
    user: &UserId,
    name: Option<&str>,
    language: Option<Language>,
) -> Result<(), Error> {
    let sql = "UPDATE account SET name = COALESCE($2, name), language = COALESCE($3, language) WHERE id = $1";
    let language = language.map(Language::code);
    tx.execute(sql, params![user.as_str(), name, language]).await.map(drop)
}

/// Keeps a password in place of one that is as the caller saw it; `false` where it is another by now.
pub(super) async fn replace_password(
    tx: &mut Tx,
    user: &UserId,
    seen: &str,
    password: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE account SET password = $3 WHERE id = $1 AND password = $2";
    Ok(tx.execute(sql, params![user.as_str(), seen, password]).await? > 0)
}

/// Keeps a password, whatever was there.
pub(super) async fn set_password(tx: &mut Tx, user: &UserId, password: &str) -> Result<(), Error> {
    let sql = "UPDATE account SET password = $2 WHERE id = $1";
    tx.execute(sql, params![user.as_str(), password]).await.map(drop)
}

/// Whose password a link may change; takes the link, and all others of the account, out of the world.
pub(super) async fn take_reset(tx: &mut Tx, token: Fingerprint) -> Result<Option<UserId>, Error> {
    let sql = "DELETE FROM account_reset WHERE token = $1 AND until_ms > $2 RETURNING account";
    let now_ms = integer(tx.now_ms());
    let Some(row) = tx.row(sql, params![token.bytes(), now_ms]).await? else { return Ok(None) };
    let account: Box<str> = row.get("account")?;
    let user = UserId::from(&*account);
    forget_resets(tx, &user).await?;
    Ok(Some(user))
}

/// A password that was chosen a moment ago is changed by no link of before.
pub(super) async fn forget_resets(tx: &mut Tx, user: &UserId) -> Result<(), Error> {
    tx.execute("DELETE FROM account_reset WHERE account = $1", params![user.as_str()]).await.map(drop)
}

/// Forgets links that have ended.
pub(super) async fn sweep(tx: &mut Tx) -> Result<(), Error> {
    let now_ms = integer(tx.now_ms());
    tx.execute("DELETE FROM account_registration WHERE until_ms <= $1", params![now_ms]).await?;
    tx.execute("DELETE FROM account_reset WHERE until_ms <= $1", params![now_ms]).await.map(drop)
}
