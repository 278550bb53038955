//! Pairs in the database: one row each, and none where there is nothing to remember.
//!
//! An act locks both personal channels before it reads, so the acts of any one user come one after the other,
//! and the limits hold.

use std::sync::Arc;

use veche_kernel::{ErrorCode, Rejection, UserId};
use veche_store::{Error, Migration, ReadTx, Row, Tx, params};

use super::{
    events::{FriendAccepted, FriendAsked, FriendBlocked, FriendRemoved, FriendUnblocked},
    rules::{Act, Bond, Ear, News, Pair, Refusal, Relation, Side, Verdict, decide},
};
use crate::{number::integer, personal};

/// The most friends that one may have.
pub const FRIENDS_MAX: u64 = 5_000;
/// The most asks of one user that wait.
pub(super) const ASKED_MAX: u64 = 500;
/// The most people that one may block.
pub(super) const BLOCKED_MAX: u64 = 5_000;

pub(super) const MIGRATIONS: &[Migration] = &[Migration { name: "pairs", sql: include_str!("friends.sql") }];

/// Why an act about friends was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FriendsError {
    /// Who acts blocks the other one.
    #[error("you block this user; unblock first")]
    Blocking,
    /// There is nothing to accept.
    #[error("this user has not asked you")]
    NotAsked,
    /// It would refuse or withdraw an ask that was accepted.
    #[error("you are friends by now")]
    Friends,
    /// One of the two has as many friends as one may have.
    #[error("one of you has {FRIENDS_MAX} friends already")]
    TooManyFriends,
    /// Too many asks of this user wait for an answer.
    #[error("{ASKED_MAX} of your asks wait for an answer; withdraw one")]
    TooManyAsked,
    /// This user blocks as many as one may.
    #[error("you block {BLOCKED_MAX} users already")]
    TooManyBlocked,
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<Refusal> for FriendsError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Blocking => Self::Blocking,
            Refusal::NotAsked => Self::NotAsked,
            Refusal::Friends => Self::Friends,
        }
    }
}

impl From<FriendsError> for Rejection {
    fn from(error: FriendsError) -> Self {
        let code = match &error {
            FriendsError::Blocking | FriendsError::Friends => ErrorCode::Conflict,
            FriendsError::NotAsked => ErrorCode::NotFound,
            FriendsError::TooManyFriends => ErrorCode::App("too_many_friends"),
            FriendsError::TooManyAsked => ErrorCode::App("too_many_asked"),
            FriendsError::TooManyBlocked => ErrorCode::App("too_many_blocked"),
            FriendsError::Store(error) => return error.into(),
        };
        Self::new(code, error.to_string()).field("data.user")
    }
}

/// The friends of a user, in the order of their ids; at most [`FRIENDS_MAX`].
pub async fn friends_of(tx: &mut ReadTx, user: &UserId) -> Result<Vec<UserId>, Error> {
    let sql = "SELECT high FROM friend_pair WHERE low = $1 AND bond = 3
               UNION ALL SELECT low FROM friend_pair WHERE high = $1 AND bond = 3 ORDER BY 1";
    let rows = tx.rows(sql, params![user.as_str()]).await?;
    rows.iter().map(|row| row.get::<Arc<str>>(0).map(|id| UserId::from(&*id))).collect()
}

/// Whether two users are friends.
pub async fn are_friends(tx: &mut ReadTx, one: &UserId, other: &UserId) -> Result<bool, Error> {
    Ok(Two::new(one, other).pair(tx).await?.bond == Bond::Friends)
}

/// Whether one of the two blocks the other: then neither is to hear of the other.
pub async fn blocked_between(tx: &mut ReadTx, one: &UserId, other: &UserId) -> Result<bool, Error> {
    let pair = Two::new(one, other).pair(tx).await?;
    Ok(pair.low.blocks || pair.high.blocks)
}

/// What `other` is to `user`.
pub async fn relation(tx: &mut ReadTx, user: &UserId, other: &UserId) -> Result<Relation, Error> {
    let two = Two::new(user, other);
    Ok(two.pair(tx).await?.seen_by(two.side_of(user)))
}

/// Does something about another user, tells both as far as they may know, and answers what the other is now.
pub(super) async fn act(
    tx: &mut Tx,
    by: &UserId,
    other: &UserId,
    act: Act,
) -> Result<Relation, FriendsError> {
    personal::lock(tx, &[by, other]).await?;
    let (two, now_ms) = (Two::new(by, other), tx.now_ms());
    let side = two.side_of(by);
    let before = two.pair(tx).await?;
    let Verdict { pair, told } = decide(before, side, act, now_ms)?;
    if pair != before {
        two.check_limits(tx, side, &before, &pair).await?;
        two.save(tx, &pair).await?;
    }
    for (to, news) in told {
        two.tell(tx, to, news).await?;
    }
    Ok(pair.seen_by(side))
}

const FRIENDS: &str = "SELECT COUNT(*) FROM friend_pair WHERE (low = $1 OR high = $1) AND bond = 3";
const ASKED: &str =
    "SELECT COUNT(*) FROM friend_pair WHERE (low = $1 AND bond = 1) OR (high = $1 AND bond = 2)";
const BLOCKED: &str =
    "SELECT COUNT(*) FROM friend_pair WHERE (low = $1 AND low_blocks = 1) OR (high = $1 AND high_blocks = 1)";

async fn count(tx: &mut ReadTx, sql: &'static str, user: &UserId) -> Result<u64, Error> {
    tx.one(sql, params![user.as_str()]).await?.get(0)
}

/// Two users in the order of their ids, as the table has them.
#[derive(Clone, Copy)]
struct Two<'a> {
    low: &'a UserId,
    high: &'a UserId,
}

impl<'a> Two<'a> {
    fn new(one: &'a UserId, other: &'a UserId) -> Self {
        let (low, high) = if one < other { (one, other) } else { (other, one) };
        Self { low, high }
    }

    fn side_of(self, user: &UserId) -> Side {
        if user == self.low { Side::Low } else { Side::High }
    }

    fn of(self, side: Side) -> &'a UserId {
        match side {
            Side::Low => self.low,
            Side::High => self.high,
        }
    }

    async fn pair(self, tx: &mut ReadTx) -> Result<Pair, Error> {
        let sql = "SELECT bond, since_ms, low_blocks, low_deaf_ms, high_blocks, high_deaf_ms
                   FROM friend_pair WHERE low = $1 AND high = $2";
        let row = tx.row(sql, params![self.low.as_str(), self.high.as_str()]).await?;
        row.map_or_else(|| Ok(Pair::default()), |row| pair_of(&row))
    }

    async fn check_limits(
        self,
        tx: &mut ReadTx,
        by: Side,
        before: &Pair,
        after: &Pair,
    ) -> Result<(), FriendsError> {
        if after.bond == Bond::Friends && before.bond != Bond::Friends {
            for user in [self.low, self.high] {
                if count(tx, FRIENDS, user).await? >= FRIENDS_MAX {
                    return Err(FriendsError::TooManyFriends);
                }
            }
        }
        let asks_more = after.bond == Bond::Asked(by) && before.bond == Bond::None;
        if asks_more && count(tx, ASKED, self.of(by)).await? >= ASKED_MAX {
            return Err(FriendsError::TooManyAsked);
        }
        let blocks_more = after.ear(by).blocks && !before.ear(by).blocks;
        if blocks_more && count(tx, BLOCKED, self.of(by)).await? >= BLOCKED_MAX {
            return Err(FriendsError::TooManyBlocked);
        }
        Ok(())
    }

    async fn save(self, tx: &mut Tx, pair: &Pair) -> Result<(), Error> {
        let (low, high) = (self.low.as_str(), self.high.as_str());
        if pair.is_empty(tx.now_ms()) {
            let sql = "DELETE FROM friend_pair WHERE low = $1 AND high = $2";
            return tx.execute(sql, params![low, high]).await.map(|_| ());
        }
        let sql = "INSERT INTO friend_pair
                       (low, high, bond, since_ms, low_blocks, low_deaf_ms, high_blocks, high_deaf_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                   ON CONFLICT (low, high) DO UPDATE SET bond = excluded.bond, since_ms = excluded.since_ms,
                       low_blocks = excluded.low_blocks, low_deaf_ms = excluded.low_deaf_ms,
                       high_blocks = excluded.high_blocks, high_deaf_ms = excluded.high_deaf_ms";
        let params = params![
            low,
            high,
            number_of(pair.bond),
            integer(pair.since_ms),
            pair.low.blocks,
            integer(pair.low.deaf_until_ms),
            pair.high.blocks,
            integer(pair.high.deaf_until_ms),
        ];
        tx.execute(sql, params).await.map(|_| ())
    }

    async fn tell(self, tx: &mut Tx, to: Side, news: News) -> Result<(), Error> {
        let (reader, user, at_ms) = (self.of(to), self.of(to.other()).to_string(), tx.now_ms());
        match news {
            News::Asked(by) => {
                let (from, to) = (self.of(by).to_string(), self.of(by.other()).to_string());
                personal::tell(tx, reader, &FriendAsked { from, to, at_ms }).await
            }
            News::Accepted => personal::tell(tx, reader, &FriendAccepted { user, at_ms }).await,
            News::Removed => personal::tell(tx, reader, &FriendRemoved { user, at_ms }).await,
            News::Blocked => personal::tell(tx, reader, &FriendBlocked { user, at_ms }).await,
            News::Unblocked => personal::tell(tx, reader, &FriendUnblocked { user, at_ms }).await,
        }
    }
}

fn pair_of(row: &Row) -> Result<Pair, Error> {
    let ear = |place: usize| -> Result<Ear, Error> {
        Ok(Ear { blocks: row.get(place)?, deaf_until_ms: row.get(place + 1)? })
    };
    Ok(Pair { bond: bond_of(row.get(0)?)?, since_ms: row.get(1)?, low: ear(2)?, high: ear(4)? })
}

fn bond_of(number: i64) -> Result<Bond, Error> {
    match number {
        0 => Ok(Bond::None),
        1 => Ok(Bond::Asked(Side::Low)),
        2 => Ok(Bond::Asked(Side::High)),
        3 => Ok(Bond::Friends),
        other => Err(Error::Corrupt(format!("{other} is no bond between users"))),
    }
}

fn number_of(bond: Bond) -> i64 {
    match bond {
        Bond::None => 0,
        Bond::Asked(Side::Low) => 1,
        Bond::Asked(Side::High) => 2,
        Bond::Friends => 3,
    }
}
