//! What all connections of a server share.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use veche_kernel::Kernel;

use crate::{listen::Listen, origin::Origins, socket::SocketHandler};

pub(crate) struct Door {
    pub(crate) kernel: Kernel,
    pub(crate) websocket: Option<String>,
    pub(crate) events: Option<String>,
    pub(crate) sockets: HashMap<String, Arc<SocketHandler>>,
    pub(crate) routes: Router,
    pub(crate) origins: Origins,
    pub(crate) handshake: Duration,
    /// Connections that each shard serves.
    loads: Box<[AtomicUsize]>,
    /// Requests that the routes answer at the moment.
    requests: AtomicUsize,
    pub(crate) stopping: AtomicBool,
}

impl Door {
    pub(crate) fn new(kernel: Kernel, listen: &Listen) -> Arc<Self> {
        let loads = (0..kernel.shards()).map(|_| AtomicUsize::new(0)).collect();
        Arc::new(Self {
            kernel,
            websocket: listen.websocket.clone(),
            events: listen.events.clone(),
            sockets: listen.sockets.clone(),
            routes: listen.routes.clone(),
            origins: listen.origins.clone(),
            handshake: listen.handshake,
            loads,
            requests: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// The shard with the fewest connections, which has one more from now on.
    pub(crate) fn choose_shard(&self) -> usize {
        let loads = self.loads.iter().map(|load| load.load(Ordering::Relaxed)).enumerate();
        let shard = loads.min_by_key(|(_, load)| *load).map_or(0, |(shard, _)| shard);
        self.loads[shard].fetch_add(1, Ordering::Relaxed);
        shard
    }

    pub(crate) fn left(&self, shard: usize) {
        self.loads[shard].fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn connections(&self) -> usize {
        self.loads.iter().map(|load| load.load(Ordering::Relaxed)).sum()
    }

    /// How many requests are under way.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn request_begins(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_ends(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// One connection's part in the door: counted by address and by shard while it lives.
pub(crate) struct Guest {
    pub(crate) door: Arc<Door>,
    pub(crate) shard: usize,
    _place: crate::addresses::Place,
}

impl Guest {
    pub(crate) fn new(door: Arc<Door>, shard: usize, place: crate::addresses::Place) -> Self {
        Self { door, shard, _place: place }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.door.left(self.shard);
    }
}
