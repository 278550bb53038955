//! The outbox: letters that wait for the post office, in the database.

use std::sync::Arc;

use tokio::sync::Notify;
use veche_store::{Error, Migration, Row, Store, Tx, params};

use super::{
    letter::{Letter, Recipient},
    message::{Mail, Mailer},
    schedule,
};
use crate::{accounts::Email, number::integer};

/// The outbox's tables.
const TABLES: &[Migration] = &[Migration { name: "outbox", sql: include_str!("outbox.sql") }];

/// Letters that the worker takes at a time.
const HANDFUL: i64 = 32;
/// How long the operator can see that a letter was given up, ms: 30 days.
const SHOWN_MS: u64 = 30 * 24 * 3_600_000;

/// The outbox and the way out of it. Cheap to clone.
///
/// ```no_run
/// # async fn example(store: veche_store::Store, letter: veche_people::mail::Letter) -> Result<(), veche_store::Error> {
/// use std::sync::Arc;
/// use veche_people::mail::{Folder, Post};
///
/// let folder = Folder::new("mail", "Veche <no-reply@localhost>").expect("a sender");
/// let post = Post::open(store.clone(), Arc::new(folder)).await?;
/// tokio::spawn(post.clone().deliver());
///
/// let outbox = post.clone();
/// store.write(async move |tx| outbox.write(tx, &letter).await).await?;
/// post.wake();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Post(Arc<Inner>);

struct Inner {
    store: Store,
    mailer: Arc<dyn Mailer>,
    woken: Notify,
}

/// A letter that is due, and how often it was tried.
pub(super) struct Due {
    pub(super) mail: Mail,
    pub(super) failed: u32,
}

impl Post {
    /// Brings the outbox's tables up to date. Nothing is sent before [`Post::deliver`] runs.
    pub async fn open(store: Store, mailer: Arc<dyn Mailer>) -> Result<Self, Error> {
        store.migrate("mail", TABLES).await?;
        Ok(Self(Arc::new(Inner { store, mailer, woken: Notify::new() })))
    }

    /// Puts a letter into the outbox: it is sent if, and only if, the transaction is committed.
    pub async fn write(&self, tx: &mut Tx, letter: &Letter) -> Result<(), Error> {
        let sql =
            "INSERT INTO mail (id, email, name, subject, text, html, unsubscribe, written_ms, due_ms, failed)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)";
        let now_ms = integer(tx.now_ms());
        let id = draw_id(tx.now_ms())?;
        let Recipient { email, name } = &letter.to;
        let (subject, text, html) = (&letter.subject, &letter.text, &letter.html);
        let unsubscribe = letter.unsubscribe.clone();
        let row = params![id, email.as_str(), name, subject, text, html, unsubscribe, now_ms, now_ms];
        tx.execute(sql, row).await.map(drop)
    }

    /// Lets the worker look at once, after a transaction that wrote a letter. Without it, it looks within
    /// seconds.
    pub fn wake(&self) {
        self.0.woken.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.0.woken.notified().await;
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn mailer(&self) -> &dyn Mailer {
        &*self.0.mailer
    }

    /// The oldest letters that are due.
    pub(super) async fn due(&self, now_ms: u64) -> Result<Vec<Due>, Error> {
        let sql = "SELECT id, email, name, subject, text, html, unsubscribe, written_ms, failed FROM mail
                   WHERE due_ms <= $1 ORDER BY due_ms, id LIMIT $2";
        let params = params![integer(now_ms), HANDFUL];
        self.0.store.read(async |tx| tx.rows(sql, params).await?.iter().map(due).collect()).await
    }

    /// The post office has it: nothing of it is kept, for it may hold a secret.
    pub(super) async fn sent(&self, id: &str) -> Result<(), Error> {
        let id: Arc<str> = id.into();
        let sql = "DELETE FROM mail WHERE id = $1";
        self.0.store.write(async move |tx| tx.execute(sql, params![&id]).await.map(drop)).await
    }

    /// Counts an attempt before it is made, so that neither a crash nor a full disk makes one attempt many.
    /// `false` where there have been enough: the letter is given up.
    pub(super) async fn attempt(&self, due: &Due) -> Result<bool, Error> {
        let id: Arc<str> = due.mail.id.as_str().into();
        let failed = due.failed + 1;
        let write = async move |tx: &mut Tx| {
            let Some(due_ms) = schedule::next(failed, tx.now_ms()) else { return Ok(false) };
            let sql = "UPDATE mail SET due_ms = $2, failed = $3 WHERE id = $1";
            tx.execute(sql, params![&id, integer(due_ms), failed]).await?;
            Ok(true)
        };
        let is_on = self.0.store.write(write).await?;
        if !is_on {
            self.give_up(due).await?;
        }
        Ok(is_on)
    }

    /// The post office did not take it, for this reason.
    pub(super) async fn failed(&self, due: &Due, reason: &str) -> Result<(), Error> {
        let id: Arc<str> = due.mail.id.as_str().into();
        let reason: Arc<str> = reason.chars().take(500).collect::<String>().into();
        let sql = "UPDATE mail SET reason = $2 WHERE id = $1";
        self.0.store.write(async move |tx| tx.execute(sql, params![&id, &reason]).await.map(drop)).await
    }

    /// Keeps its address and its subject for the operator, and no secret; those of long ago are forgotten.
    async fn give_up(&self, due: &Due) -> Result<(), Error> {
        let id: Arc<str> = due.mail.id.as_str().into();
        let write = async move |tx: &mut Tx| {
            let sql = "UPDATE mail SET given_up_ms = $2, due_ms = $3, text = '', html = '' WHERE id = $1";
            let now_ms = tx.now_ms();
            tx.execute(sql, params![&id, integer(now_ms), integer(u64::MAX)]).await?;
            let old_ms = integer(now_ms.saturating_sub(SHOWN_MS));
            tx.execute("DELETE FROM mail WHERE given_up_ms <= $1", params![old_ms]).await.map(drop)
        };
        self.0.store.write(write).await
    }
}

fn due(row: &Row) -> Result<Due, Error> {
    let email: String = row.get("email")?;
    let email = Email::parse(&email).ok_or_else(|| Error::Other("a letter's address is none".to_owned()))?;
    let letter = Letter {
        to: Recipient { email, name: row.get("name")? },
        subject: row.get("subject")?,
        text: row.get("text")?,
        html: row.get("html")?,
        unsubscribe: row.get("unsubscribe")?,
    };
    let mail = Mail { id: row.get("id")?, written_ms: row.get("written_ms")?, letter };
    Ok(Due { mail, failed: row.get("failed")? })
}

/// The time and 64 random bits: unique, and files by these names sort by age.
fn draw_id(now_ms: u64) -> Result<String, Error> {
    let bits = getrandom::u64().map_err(|_| Error::Unavailable("no random bits".to_owned()))?;
    Ok(format!("{now_ms:012x}{bits:016x}"))
}
