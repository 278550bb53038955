//! A node with people on it: friends and inboxes over a store in a folder of its own.

use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use veche_kernel::{
    ChannelName, Clock, Identity, Kernel, Opening, UserId,
    broker::HistoryQuery,
    testing::{Refused, TestClient, TestNode},
};
use veche_people::{channel_of, friends, inbox};
use veche_protocol::client::Range;
use veche_store::{Error, Options, ReadTx, Store, Tx};

/// Everything that is retained.
const ALL: HistoryQuery =
    HistoryQuery { range: Range::After(0), until: u64::MAX, limit: 100_000, bytes: usize::MAX };

/// A town: its store's clock stands still until the test moves it.
pub(crate) struct Town {
    pub(crate) store: Store,
    pub(crate) node: TestNode,
    _folder: TempDir,
}

impl Town {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = Store::open(folder.path(), Options::new(Clock::manual())).await.expect("opens");
        let friends = friends::module(&store).await.expect("migrates");
        let inbox = inbox::module(&store).await.expect("migrates");
        let log = Arc::new(store.clone());
        let builder = Kernel::builder().log(log).guests(true).mount(friends).mount(inbox);
        Self { store, node: TestNode::start(builder), _folder: folder }
    }

    /// A device of a user, which is told from now on.
    pub(crate) async fn device(&self, user: &str, name: &str) -> TestClient {
        let identity = Some(Identity::of(id(user)));
        let opening = Opening { identity, device: Some(name.into()), ..Opening::default() };
        let mut client = self.node.open(0, opening).await;
        assert_eq!(client.expect_frame("subscribed").await["channel"], format!("user:{user}"));
        client
    }

    /// What a user was told so far, as `[event, data]`; the devices' own order.
    pub(crate) async fn told(&self, user: &str) -> Vec<(String, Value)> {
        let channel = channel_of(&id(user)).expect("a user has a channel");
        let history = self.store.history(&channel, ALL).await.expect("reads");
        let told = history.publications.iter().map(|publication| {
            let data = serde_json::from_str(&publication.data).expect("it is JSON");
            (publication.event.to_string(), data)
        });
        told.collect()
    }

    /// The names of what a user was told so far.
    pub(crate) async fn heard(&self, user: &str) -> Vec<String> {
        self.told(user).await.into_iter().map(|(event, _)| event).collect()
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl AsyncFn(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write(work).await.expect("writes")
    }

    pub(crate) async fn read<T>(&self, work: impl AsyncFnOnce(&mut ReadTx) -> Result<T, Error>) -> T {
        self.store.read(work).await.expect("reads")
    }
}

pub(crate) fn id(user: &str) -> UserId {
    UserId::from(user)
}

pub(crate) fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).expect("it is a name")
}

/// Calls an event about somebody; what they are now.
pub(crate) async fn about(client: &mut TestClient, event: &str, user: &str) -> Result<Value, Refused> {
    client.call(event, json!({"user": user})).await.map(|data| data["relation"].clone())
}
