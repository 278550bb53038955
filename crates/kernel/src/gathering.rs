//! Who is where: sessions of a channel, and a session by its public id, over all shards.

use std::rc::Rc;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use veche_protocol::name::ChannelName;

use crate::{inbox::lock, kernel::Kernel, publication::SessionId, session::Session, shard::Shard};

impl Kernel {
    /// The sessions that are subscribed to a channel on this node.
    pub async fn sessions_in(&self, channel: &ChannelName) -> Vec<Session> {
        let channel = channel.clone();
        self.gather(move |shard| shard.sessions_in(&channel)).await
    }

    /// A session by its public id, of a door whose clients are spoken to by it: Socket.IO's.
    pub async fn session(&self, id: SessionId) -> Option<Session> {
        let key = lock(&self.node.by_id).get(&id).copied()?;
        let (answer, answered) = oneshot::channel();
        self.on_shard(usize::from(key.shard), move |shard| {
            // Whoever asked may have given up.
            let _ = answer.send(shard.session(key).and_then(|link| shard.handle_of(&link)));
        });
        answered.await.ok()?
    }

    /// Asks every shard, when what came before has been done, and puts the answers together.
    async fn gather<T: Send + 'static>(
        &self,
        ask: impl Fn(&Rc<Shard>) -> Vec<T> + Clone + Send + 'static,
    ) -> Vec<T> {
        let answers = (0..self.shards()).map(|shard| {
            let (answer, answered) = oneshot::channel();
            let ask = ask.clone();
            // Whoever asked may have given up.
            self.on_shard(shard, move |shard| shard.later(move |shard| _ = answer.send(ask(shard))));
            answered
        });
        join_all(answers).await.into_iter().flatten().flatten().collect()
    }
}
