//! The application: its module, and what the server and other modules do with boards.

use http::Method;
use veche_kernel::{Ask, Audience, Kernel, Module, Namespace, Rejection, UserId};
use veche_people::accounts;
use veche_store::{Error, Store, Tx};

use crate::{
    board::{NAMESPACE, board_channel, publish_by_server, tell_of_boards},
    changes, demo,
    error::{DeskError, Full},
    handlers::{self, board_of},
    pages,
    rules::MEMBERS_MAX,
    store::{TABLES, cards, members, trash},
    wire::{
        BoardId,
        events::{MemberRemoved, MemberSet},
        parts::Role,
    },
};

/// Boards of a store. Cheap to clone.
///
/// ```
/// use veche_desk::Desk;
/// use veche_kernel::{Clock, Kernel};
/// use veche_store::{Options, Store};
///
/// # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::open(folder, Options::new(Clock::real())).await?;
/// let desk = Desk::open(&store).await?;
/// let kernel = Kernel::builder().log(std::sync::Arc::new(store)).mount(desk.module()).build()?;
/// # drop(kernel);
/// # Ok(())
/// # }
/// # let folder = tempfile::tempdir().unwrap();
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
/// # runtime.block_on(example(folder.path())).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Desk(Store);

impl Desk {
    /// Brings the tables up to date; those of accounts too, which is asked for people's names.
    pub async fn open(store: &Store) -> Result<Self, Error> {
        accounts::prepare(store).await?;
        store.migrate("desk", TABLES).await?;
        Ok(Self(store.clone()))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0
    }

    /// The calls, the channels `board:{id}`, and the pages `/desk` and `/desk/{board}`.
    pub fn module(&self) -> Module {
        let boards = Namespace {
            subscribe: Audience::Users,
            presence: Audience::Users,
            history: Audience::Users,
            ..Namespace::durable(NAMESPACE)
        };
        let desk = self.clone();
        let guard = move |ask: Ask| {
            let desk = desk.clone();
            async move { desk.lets_in(&ask).await }
        };
        let module = handlers::calls(Module::new("desk")).channel(boards).guard(NAMESPACE, guard);
        module
            .page("/desk", pages::boards)
            .page("/desk/{board}", pages::board)
            .http(Method::GET, "/api/desk/boards/{board}", pages::whole_board)
            .http(Method::GET, "/api/desk/boards/{board}/archive", pages::archive)
            .with_state(self.clone())
    }

    /// Members only, whatever they want of the channel.
    async fn lets_in(&self, ask: &Ask) -> Result<(), Rejection> {
        let Some(board) = board_of(&ask.channel) else { return Err(Rejection::forbidden()) };
        let role = self.0.read(async |tx| members::role(tx, &board, &ask.user).await).await;
        match role.map_err(DeskError::from)? {
            Some(_) => Ok(()),
            None => Err(Rejection::forbidden()),
        }
    }

    /// Makes somebody a member of a board, or gives them another role, and tells everybody on it.
    ///
    /// Refused where there is no such board or it is full, and to the last owner, who stays one.
    pub async fn set_member(
        &self,
        kernel: &Kernel,
        board: &BoardId,
        user: &UserId,
        role: Role,
    ) -> Result<(), Rejection> {
        let (id, member) = (board.clone(), user.clone());
        self.0.write(async move |tx| set_member(tx, &id, &member, role).await).await?;
        kernel.recheck(user, &board_channel(board)?);
        Ok(())
    }

    /// Ends a membership: the user's subscriptions end within a second, their calls are `forbidden` at once, and
    /// they are assigned to no card any more. The last owner stays.
    pub async fn remove_member(
        &self,
        kernel: &Kernel,
        board: &BoardId,
        user: &UserId,
    ) -> Result<(), Rejection> {
        let (id, member) = (board.clone(), user.clone());
        self.0.write(async move |tx| remove_member(tx, &id, &member).await).await?;
        kernel.recheck(user, &board_channel(board)?);
        Ok(())
    }

    /// Makes the demonstration's boards, those that are not there: `welcome`, `sprint` and `big`, for the users
    /// `anya` (owner), `pasha` (editor) and `admin` (viewer).
    pub async fn demonstrate(&self) -> Result<(), DeskError> {
        demo::fill(&self.0).await
    }

    /// Removes cards that have been in the trash for 30 days; how many. Run it once in an hour or so.
    pub async fn sweep(&self) -> Result<u64, Error> {
        trash::sweep(&self.0).await
    }
}

async fn set_member(tx: &mut Tx, board: &BoardId, user: &UserId, role: Role) -> Result<(), DeskError> {
    let (others, now) = others(tx, board, user).await?;
    if now == Some(role) {
        return Ok(());
    }
    if now.is_none() && others.len() as u64 >= MEMBERS_MAX {
        return Err(DeskError::Full(Full::Members));
    }
    if now == Some(Role::Owner) && !has_owner(&others) {
        return Err(DeskError::LastOwner);
    }
    members::set(tx, board, user, role).await?;
    let name = changes::name(tx, user).await?;
    publish_by_server(tx, board, &MemberSet { user: user.to_string(), name, role }).await?;
    tell_of_boards(tx, std::slice::from_ref(user)).await
}

async fn remove_member(tx: &mut Tx, board: &BoardId, user: &UserId) -> Result<(), DeskError> {
    let (others, now) = others(tx, board, user).await?;
    if now.is_none() {
        return Ok(());
    }
    if !has_owner(&others) {
        return Err(DeskError::LastOwner);
    }
    members::remove(tx, board, user).await?;
    cards::take_assignee(tx, board, user.as_str()).await?;
    publish_by_server(tx, board, &MemberRemoved { user: user.to_string() }).await?;
    tell_of_boards(tx, std::slice::from_ref(user)).await
}

/// Locks a board; its other members, and what this user is there. A board without members is none.
async fn others(
    tx: &mut Tx,
    board: &BoardId,
    user: &UserId,
) -> Result<(Vec<(UserId, Role)>, Option<Role>), DeskError> {
    tx.channel(&board_channel(board)?).await?;
    let all = members::of_board(tx, board).await?;
    if all.is_empty() {
        return Err(DeskError::NotFound("board"));
    }
    let now = all.iter().find(|(member, _)| member == user).map(|(_, role)| *role);
    Ok((all.into_iter().filter(|(member, _)| member != user).collect(), now))
}

fn has_owner(members: &[(UserId, Role)]) -> bool {
    members.iter().any(|(_, role)| *role == Role::Owner)
}
