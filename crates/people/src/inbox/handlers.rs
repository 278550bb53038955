//! The calls `inbox.*`.

use serde::{Deserialize, Serialize};
use veche_kernel::{BoxFuture, Data, ErrorCode, Module, Rejection, State as Shared, User, UserId};
use veche_store::{Error, Migration, Store, Tx};

use super::{
    events::{Counters, Entry, State},
    notice::is_kind,
    settings::{self, KINDS_MAX, Setting},
    state::{Which, advance},
    store::{counters, page},
};
use crate::{friends, page::limit};

const MIGRATIONS: &[Migration] = &[Migration { name: "notifications", sql: include_str!("inbox.sql") }];

/// The most ids of one call.
const IDS_MAX: usize = 100;

/// The module of the inbox, its tables brought up to date; those of [`friends`] too, which it asks who blocks
/// whom.
pub async fn module(store: &Store) -> Result<Module, Error> {
    friends::migrate(store).await?;
    store.migrate("inbox", MIGRATIONS).await?;
    let module = Module::new("inbox")
        .on("inbox.list", list)
        .on("inbox.counters", count)
        .on("inbox.seen_upto", upto(State::Seen))
        .on("inbox.read_upto", upto(State::Read))
        .on("inbox.read", these(State::Read))
        .on("inbox.archive", these(State::Archived))
        .on("inbox.settings", read_settings)
        .on("inbox.set", set);
    Ok(module.with_state(store.clone()))
}

#[derive(Debug, Deserialize)]
struct Ask {
    before: Option<u64>,
    limit: Option<u32>,
    #[serde(default)]
    archived: bool,
}

#[derive(Debug, Serialize)]
struct Page {
    items: Vec<Entry>,
    /// What to say as `before` for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    counters: Counters,
}

#[derive(Debug, Deserialize)]
struct UpTo {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct These {
    ids: Vec<u64>,
}

#[derive(Debug, Deserialize)]
struct Set {
    kind: String,
    in_app: bool,
    by_mail: bool,
}

#[derive(Debug, Serialize)]
struct Settings {
    kinds: Vec<Setting>,
}

async fn list(
    Shared(store): Shared<Store>,
    User(user): User,
    Data(ask): Data<Ask>,
) -> Result<Page, Rejection> {
    let limit = limit(ask.limit)?;
    let before = ask.before.unwrap_or(u64::MAX);
    let read = store.read(async |tx| -> Result<_, Error> {
        let items = page(tx, &user, before, limit + 1, ask.archived).await?;
        Ok((items, counters(tx, &user).await?))
    });
    let (mut items, counters) = read.await.map_err(Rejection::from)?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|last| last.id);
    Ok(Page { items, next, counters })
}

async fn count(Shared(store): Shared<Store>, User(user): User) -> Result<Counters, Rejection> {
    let read = store.read(async |tx| counters(tx, &user).await).await;
    read.map_err(Rejection::from)
}

/// The handler that takes all entries up to one on to a state.
fn upto(state: State) -> impl Fn(Shared<Store>, User, Data<UpTo>) -> BoxFuture<Result<Counters, Rejection>> {
    move |Shared(store), User(user), Data(upto)| Box::pin(go(store, user, Which::UpTo(upto.id), state))
}

/// The handler that takes some entries on to a state.
fn these(
    state: State,
) -> impl Fn(Shared<Store>, User, Data<These>) -> BoxFuture<Result<Counters, Rejection>> {
    move |Shared(store), User(user), Data(these)| Box::pin(go(store, user, Which::These(these.ids), state))
}

async fn go(store: Store, user: UserId, which: Which, state: State) -> Result<Counters, Rejection> {
    if matches!(&which, Which::These(ids) if ids.len() > IDS_MAX) {
        return Err(Rejection::new(ErrorCode::TooLarge, "at most 100 ids at once").field("data.ids"));
    }
    let write = store.write(async move |tx: &mut Tx| advance(tx, &user, &which, state).await).await;
    write.map_err(Rejection::from)
}

async fn read_settings(Shared(store): Shared<Store>, User(user): User) -> Result<Settings, Rejection> {
    let read = store.read(async |tx| settings::settings(tx, &user).await).await;
    read.map(|kinds| Settings { kinds }).map_err(Rejection::from)
}

async fn set(Shared(store): Shared<Store>, User(user): User, Data(set): Data<Set>) -> Result<(), Rejection> {
    let Set { kind, in_app, by_mail } = set;
    if !is_kind(&kind) {
        return Err(Rejection::new(ErrorCode::BadRequest, "this is no kind").field("data.kind"));
    }
    let setting = Setting { kind, in_app, by_mail };
    let write = async move |tx: &mut Tx| -> Result<(), SetError> {
        let fits = settings::set(tx, &user, &setting).await?;
        if fits { Ok(()) } else { Err(SetError::TooMany) }
    };
    store.write(write).await.map_err(Rejection::from)
}

/// Why a setting was not kept.
#[derive(Debug, thiserror::Error)]
enum SetError {
    #[error("there are settings of {KINDS_MAX} kinds already")]
    TooMany,
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<SetError> for Rejection {
    fn from(error: SetError) -> Self {
        match &error {
            SetError::TooMany => Self::new(ErrorCode::TooLarge, error.to_string()).field("data.kind"),
            SetError::Store(error) => error.into(),
        }
    }
}
