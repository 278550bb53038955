//! Who may see a file: its owner, and whom one of the application's rules lets.

use std::{future::Future, sync::Arc};

use veche_kernel::{BoxFuture, Rejection, UserId};

use super::{File, Files};

/// What a rule is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who wants to see it; `None` for a guest.
    pub user: Option<UserId>,
    /// Which file.
    pub file: File,
}

pub(super) type Rule = Arc<dyn Fn(Ask) -> BoxFuture<Result<bool, Rejection>> + Send + Sync>;

impl Files {
    /// Lets whom this function says yes to see files of others. It is asked at each download; of several,
    /// one yes is enough.
    #[must_use]
    pub fn allow<F, Fut>(mut self, rule: F) -> Self
    where
        F: Fn(Ask) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<bool, Rejection>> + Send + 'static,
    {
        self.rules.push(Arc::new(move |ask| Box::pin(rule(ask))));
        self
    }

    /// Whether somebody may see a file.
    pub(super) async fn lets(&self, user: Option<&UserId>, file: &File) -> Result<bool, Rejection> {
        if user == Some(&file.owner) {
            return Ok(true);
        }
        for rule in &self.rules {
            if rule(Ask { user: user.cloned(), file: file.clone() }).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
