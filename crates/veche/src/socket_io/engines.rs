//! The engine sessions of a shard, by their secrets.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::{engine::Engine, sid::Sid};

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
