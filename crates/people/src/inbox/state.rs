//! How far notifications have come: only ever further.

use veche_kernel::UserId;
use veche_store::{Error, Tx, params};

use super::{
    events::{Counters, State},
    store::{changed, counters},
};
use crate::{number::integer, personal};

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// All up to this one.
    UpTo(u64),
    /// These.
    These(Vec<u64>),
}

/// Takes entries on to a state; those that have come as far stay. Tells all devices if anything changed.
pub(super) async fn advance(
    tx: &mut Tx,
    user: &UserId,
    which: &Which,
    state: State,
) -> Result<Counters, Error> {
    personal::lock(tx, &[user]).await?;
    let mut moved = 0;
    match which {
        Which::UpTo(id) => {
            let sql = "UPDATE notification SET state = $3 WHERE user_id = $1 AND id <= $2 AND state < $3";
            moved += tx.execute(sql, params![user.as_str(), integer(*id), state.number()]).await?;
        }
        Which::These(ids) => {
            let sql = "UPDATE notification SET state = $3 WHERE user_id = $1 AND id = $2 AND state < $3";
            for id in ids {
                moved += tx.execute(sql, params![user.as_str(), integer(*id), state.number()]).await?;
            }
        }
    }
    if moved == 0 { counters(tx, user).await } else { changed(tx, user).await }
}
