//! The calls `friends.*`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use veche_kernel::{BoxFuture, Data, ErrorCode, Module, Quota, Rejection, State, User, UserId};
use veche_store::{Error, Store};

use super::{
    lists::{List, Page},
    rules::{Act, Relation},
    store::{FriendsError, MIGRATIONS, act},
};
use crate::{meters::Meters, page, personal};

/// Asks a user may make: each may disturb somebody.
const ASKS: Quota = Quota { count: 60, period_ms: 3_600_000, burst: 20 };

/// What the handlers share.
#[derive(Clone)]
struct Desk {
    store: Store,
    asks: Arc<Meters>,
}

/// The module of friends, its tables brought up to date.
///
/// ```
/// use veche_kernel::{Clock, Kernel};
/// use veche_store::{Options, Store};
///
/// # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::open(folder, Options::new(Clock::real())).await?;
/// let friends = veche_people::friends::module(&store).await?;
/// let kernel = Kernel::builder().log(std::sync::Arc::new(store)).mount(friends).build()?;
/// # drop(kernel);
/// # Ok(())
/// # }
/// # let folder = tempfile::tempdir().unwrap();
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
/// # runtime.block_on(example(folder.path())).unwrap();
/// ```
pub async fn module(store: &Store) -> Result<Module, Error> {
    migrate(store).await?;
    let desk = Desk { store: store.clone(), asks: Arc::new(Meters::new(ASKS)) };
    let module = Module::new("friends")
        .on("friends.ask", ask)
        .on("friends.accept", about(Act::Accept))
        .on("friends.refuse", about(Act::Refuse))
        .on("friends.withdraw", about(Act::Withdraw))
        .on("friends.remove", about(Act::Remove))
        .on("friends.block", about(Act::Block))
        .on("friends.unblock", about(Act::Unblock))
        .on("friends.list", list);
    Ok(module.with_state(desk))
}

/// Brings the tables up to date.
pub(crate) async fn migrate(store: &Store) -> Result<(), Error> {
    store.migrate("friends", MIGRATIONS).await
}

/// Whom a call is about.
#[derive(Debug, Deserialize)]
struct About {
    user: String,
}

/// What the other one is now.
#[derive(Debug, Serialize)]
struct Changed {
    relation: Relation,
}

/// Which page.
#[derive(Debug, Deserialize)]
struct Ask {
    #[serde(default)]
    list: List,
    #[serde(default)]
    after: String,
    limit: Option<u32>,
}

async fn ask(
    State(desk): State<Desk>,
    User(user): User,
    Data(about): Data<About>,
) -> Result<Changed, Rejection> {
    desk.asks.take(&user, desk.store.clock().now_ms())?;
    change(desk, user, &about, Act::Ask).await
}

/// The handler of an act that disturbs nobody.
fn about(act: Act) -> impl Fn(State<Desk>, User, Data<About>) -> BoxFuture<Result<Changed, Rejection>> {
    move |State(desk), User(user), Data(about)| Box::pin(async move { change(desk, user, &about, act).await })
}

async fn change(desk: Desk, user: UserId, about: &About, what: Act) -> Result<Changed, Rejection> {
    let other = other(&user, &about.user)?;
    let work = async move |tx: &mut veche_store::Tx| -> Result<Relation, FriendsError> {
        act(tx, &user, &other, what).await
    };
    Ok(Changed { relation: desk.store.write(work).await? })
}

async fn list(State(desk): State<Desk>, User(user): User, Data(ask): Data<Ask>) -> Result<Page, Rejection> {
    let limit = page::limit(ask.limit)?;
    let read = desk.store.read(async |tx| ask.list.page(tx, &user, &ask.after, limit).await).await;
    read.map_err(Rejection::from)
}

/// The other one, who is a user and not oneself.
fn other(user: &UserId, text: &str) -> Result<UserId, Rejection> {
    let bad = |why| Rejection::new(ErrorCode::BadRequest, why).field("data.user");
    let other = UserId::from(text);
    if other == *user {
        return Err(bad("this is yourself"));
    }
    personal::channel_of(&other).map(|_| other).ok_or_else(|| bad("this is no user's id"))
}
