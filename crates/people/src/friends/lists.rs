//! A user's lists, page by page in the order of the others' ids, which no change moves.

use serde::{Deserialize, Serialize};
use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Row, params};

/// Which of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum List {
    #[default]
    Friends,
    AskedOfMe,
    AskedByMe,
    Blocked,
}

/// Somebody in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Listed {
    /// Who.
    pub(super) user: String,
    /// Since when, ms since 1970; of somebody who is blocked, the last change before it.
    pub(super) at_ms: u64,
}

/// A page, and where the next one begins, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Page {
    pub(super) items: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl List {
    fn sql(self) -> &'static str {
        match self {
            Self::Friends => {
                "SELECT high AS other, since_ms FROM friend_pair WHERE low = $1 AND high > $2 AND bond = 3
                 UNION ALL
                 SELECT low, since_ms FROM friend_pair WHERE high = $1 AND low > $2 AND bond = 3
                 ORDER BY 1 LIMIT $3"
            }
            Self::AskedByMe => {
                "SELECT high AS other, since_ms FROM friend_pair WHERE low = $1 AND high > $2 AND bond = 1
                 UNION ALL
                 SELECT low, since_ms FROM friend_pair WHERE high = $1 AND low > $2 AND bond = 2
                 ORDER BY 1 LIMIT $3"
            }
            Self::AskedOfMe => {
                "SELECT high AS other, since_ms FROM friend_pair
                 WHERE low = $1 AND high > $2 AND bond = 2 AND low_blocks = 0 AND since_ms >= low_deaf_ms
                 UNION ALL
                 SELECT low, since_ms FROM friend_pair
                 WHERE high = $1 AND low > $2 AND bond = 1 AND high_blocks = 0 AND since_ms >= high_deaf_ms
                 ORDER BY 1 LIMIT $3"
            }
            Self::Blocked => {
                "SELECT high AS other, since_ms FROM friend_pair
                 WHERE low = $1 AND high > $2 AND low_blocks = 1
                 UNION ALL
                 SELECT low, since_ms FROM friend_pair WHERE high = $1 AND low > $2 AND high_blocks = 1
                 ORDER BY 1 LIMIT $3"
            }
        }
    }

    /// The page after this id.
    pub(super) async fn page(
        self,
        tx: &mut ReadTx,
        user: &UserId,
        after: &str,
        limit: u32,
    ) -> Result<Page, Error> {
        let rows = tx.rows(self.sql(), params![user.as_str(), after, limit + 1]).await?;
        let listed = |row: &Row| Ok(Listed { user: row.get(0)?, at_ms: row.get(1)? });
        let mut items = rows.iter().map(listed).collect::<Result<Vec<_>, Error>>()?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|last| last.user.clone());
        Ok(Page { items, next })
    }
}
