//! The engine sessions of a shard, by their secrets.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use tokio::sync::oneshot;
use veche_kernel::Shard;

use super::{engine::Engine, sid::Sid};
use crate::door::Door;

thread_local! {
    static ENGINES: RefCell<HashMap<Sid, Rc<Engine>>> = RefCell::default();
}

pub(super) fn insert(engine: &Rc<Engine>) {
    ENGINES.with_borrow_mut(|engines| _ = engines.insert(engine.sid, engine.clone()));
}

pub(super) fn find(sid: Sid) -> Option<Rc<Engine>> {
    ENGINES.with_borrow(|engines| engines.get(&sid).cloned())
}

pub(super) fn remove(sid: Sid) {
    let removed = ENGINES.with_borrow_mut(|engines| {
        let removed = engines.remove(&sid);
        if engines.len() * 4 < engines.capacity() {
            engines.shrink_to_fit();
        }
        removed
    });
    // What it holds may come here again as it goes.
    drop(removed);
}

/// Does something on the shard that an id names; `None` where it has stopped.
pub(super) async fn on_shard<T: Send + 'static>(
    door: &Arc<Door>,
    sid: Sid,
    work: impl FnOnce(&Rc<Shard>) -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    door.kernel.on_shard(usize::from(sid.shard), move |shard| {
        // Whoever asked may have left.
        let _ = answer.send(work(shard));
    });
    answered.await.ok()
}

/// Does something with an engine, if it is there, on its own shard.
pub(super) async fn with<T: Send + 'static>(
    door: &Arc<Door>,
    sid: Sid,
    work: impl FnOnce(Option<Rc<Engine>>) -> T + Send + 'static,
) -> Option<T> {
    on_shard(door, sid, move |_| work(find(sid))).await
}
