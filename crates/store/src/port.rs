//! The store as the kernel's log.

use std::{future::Future, pin::Pin, sync::Arc};

use veche_kernel::{
    ChannelName, Namespace, Publication, Rules, UserId,
    broker::{BrokerError, Head, History, HistoryQuery, Published, Sink},
    log::{Device, Log, Place},
};

use crate::{Error, Store};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Log for Store {
    fn start(&self, relay: Arc<dyn Sink>) {
        self.on_commit(Arc::new(move |publication| relay.deliver(publication)));
    }

    fn append(
        &self,
        publication: Publication,
        namespace: &Arc<Namespace>,
    ) -> Boxed<Result<Published, BrokerError>> {
        let (store, namespace) = (self.clone(), namespace.clone());
        Box::pin(async move { Ok(Self::append(&store, publication, &namespace).await?) })
    }

    fn head(&self, channel: &ChannelName) -> Boxed<Result<Head, BrokerError>> {
        let (store, channel) = (self.clone(), channel.clone());
        Box::pin(async move { Ok(Self::head(&store, &channel).await?) })
    }

    fn history(&self, channel: &ChannelName, query: HistoryQuery) -> Boxed<Result<History, BrokerError>> {
        let (store, channel) = (self.clone(), channel.clone());
        Box::pin(async move { Ok(Self::history(&store, &channel, query).await?) })
    }

    fn place(&self, device: &Device) -> Boxed<Result<Place, BrokerError>> {
        let (store, device) = (self.clone(), device.clone());
        Box::pin(async move { Ok(Self::place(&store, &device).await?) })
    }

    fn ack(&self, device: &Device, offset: u64) -> Boxed<Result<bool, BrokerError>> {
        let (store, device) = (self.clone(), device.clone());
        Box::pin(async move { Ok(Self::ack(&store, &device, offset).await?) })
    }

    fn kept(&self, user: &UserId, op_id: &str) -> Boxed<Result<Option<Arc<str>>, BrokerError>> {
        let (store, user, op_id) = (self.clone(), user.clone(), op_id.to_owned());
        Box::pin(async move { Ok(store.reply(&user, &op_id).await?) })
    }

    fn keep(&self, user: &UserId, op_id: &str, reply: &str) -> Boxed<Result<(), BrokerError>> {
        let (store, user) = (self.clone(), user.clone());
        let (op_id, reply): (Arc<str>, Arc<str>) = (op_id.into(), reply.into());
        Box::pin(async move {
            let kept = store.write(async move |tx| {
                let reply = reply.clone();
                tx.once(&user, &op_id, async move |_| Ok::<_, Error>(reply)).await
            });
            kept.await?;
            Ok(())
        })
    }

    fn sweep(&self, rules: Arc<Rules>) -> Boxed<()> {
        let store = self.clone();
        Box::pin(async move {
            let now_ms = store.clock().wall_ms();
            if let Err(error) = store.trim(|channel| rules.namespace(channel).cloned(), now_ms).await {
                tracing::warn!(%error, "failed to remove what is no longer retained");
            }
        })
    }
}
