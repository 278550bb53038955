//! The outbox's worker: takes what is due to the post office, and remembers what failed.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use metrics::{counter, describe_counter};
use veche_store::Error;

use super::outbox::{Due, Post};

/// How often the outbox is looked at when nobody wakes the worker.
const LOOK: Duration = Duration::from_secs(5);
/// Letters on their way at once: one slow post office holds up four.
const AT_ONCE: usize = 4;
/// How long the post office may take, whatever its own patience is.
const PATIENCE: Duration = Duration::from_mins(1);

impl Post {
    /// Delivers until it is dropped. There is one worker to a database.
    pub async fn deliver(self) {
        describe_counter!("veche_mail_total", "Attempts to send a letter, by outcome.");
        loop {
            while self.deliver_due().await > 0 {}
            let clock = self.store().clock();
            tokio::select! {
                () = self.woken() => {}
                () = clock.sleep(LOOK) => {}
            }
        }
    }

    /// Takes a handful of letters to the post office; how many of them were tried. Where the database fails,
    /// none is.
    pub async fn deliver_due(&self) -> usize {
        let due = match self.due(self.store().clock().wall_ms()).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                return 0;
            }
        };
        let tried = AtomicUsize::new(0);
        stream::iter(&due)
            .for_each_concurrent(AT_ONCE, async |due| match self.take(due).await {
                Ok(outcome) => {
                    counter!("veche_mail_total", "outcome" => outcome).increment(1);
                    tried.fetch_add(1, Ordering::Relaxed);
                }
                // What was tried is due again after a pause; what was not, at the next look.
                Err(error) => tracing::warn!(mail = due.mail.id, %error, "a letter waits for the database"),
            })
            .await;
        tried.into_inner()
    }

    async fn take(&self, due: &Due) -> Result<&'static str, Error> {
        let id = due.mail.id.as_str();
        if !self.attempt(due).await? {
            tracing::error!(mail = id, "a letter was given up; the table `mail` says why");
            return Ok("given_up");
        }
        let sent = tokio::time::timeout(PATIENCE, self.mailer().send(&due.mail)).await;
        let reason = match sent {
            Ok(Ok(())) => return self.sent(id).await.map(|()| "sent"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the post office does not answer".to_owned(),
        };
        tracing::warn!(mail = id, reason, attempt = due.failed + 1, "a letter was not taken");
        self.failed(due, &reason).await.map(|()| "failed")
    }
}
