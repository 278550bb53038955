//! A node under test.

use std::{
    net::IpAddr,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::oneshot;

use super::client::TestClient;
use crate::{
    clock::Clock,
    identity::Identity,
    kernel::{Builder, Kernel},
    publication::UserId,
    reply::Rejection,
    shard::{Opening, Shard},
    web::{Body, Caller, Credential, Mounted, Visitor},
};

/// How long a test waits, in real time, for what should happen at once.
pub(super) const GUARD: Duration = Duration::from_secs(10);

/// The node's time moves by no more than this between two looks of its timers.
const STEP: Duration = Duration::from_millis(50);

/// A node over a clock that the test moves.
///
/// ```
/// use serde_json::json;
/// use veche_kernel::{Data, Kernel, Module, Rejection, testing::TestNode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let module = Module::new("math").on("double", async |Data(n): Data<u64>| Ok::<_, Rejection>(n * 2));
/// let node = TestNode::start(Kernel::builder().mount(module));
/// let mut ann = node.client("ann").await;
///
/// assert_eq!(ann.call("double", json!(21)).await.unwrap(), json!(42));
/// assert_eq!(ann.call("double", json!("x")).await.unwrap_err().code, "bad_request");
/// # }
/// ```
pub struct TestNode {
    kernel: Kernel,
    next_shard: AtomicUsize,
}

impl TestNode {
    /// Starts a node over a manual clock, with 2 shards unless the builder says otherwise.
    ///
    /// # Panics
    /// If the node cannot be built.
    pub fn start(builder: Builder) -> Self {
        Self::start_with(builder, Clock::manual())
    }

    /// The same over the machine's clocks, for tests that measure.
    ///
    /// # Panics
    /// If the node cannot be built.
    pub fn start_in_real_time(builder: Builder) -> Self {
        Self::start_with(builder, Clock::real())
    }

    fn start_with(mut builder: Builder, clock: Clock) -> Self {
        if builder.shards == 0 {
            builder = builder.shards(2);
        }
        let kernel = builder.clock(clock).build().expect("the node under test can be built");
        Self { kernel, next_shard: AtomicUsize::new(0) }
    }

    /// The node itself.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// A signed-in client, on the shards in turn, as of [`TestNode::client_on`].
    pub async fn client(&self, user: &str) -> TestClient {
        self.client_on(self.turn(), user).await
    }

    /// A signed-in client on this shard. Its `welcome` has been read, and on a node with a log the
    /// `subscribed` of its personal channel.
    pub async fn client_on(&self, shard: usize, user: &str) -> TestClient {
        let identity = Some(Identity::of(UserId::from(user)));
        let mut client = self.open(shard, Opening { identity, ..Opening::default() }).await;
        client.welcome().await;
        if self.kernel.node.sequencers.durable().is_some() {
            let own = format!("user:{user}");
            client.find(&own, |frame| frame["type"] == "subscribed" && frame["channel"] == own).await;
        }
        client
    }

    /// A client without a credential on a node that serves guests. Its `welcome` has been read.
    pub async fn guest(&self) -> TestClient {
        let mut client = self.stranger().await;
        client.welcome().await;
        client
    }

    /// A client without a credential. Nothing has been read.
    pub async fn stranger(&self) -> TestClient {
        self.open(self.turn(), Opening::default()).await
    }

    /// A client that a door would open so, on this shard. Nothing has been read.
    pub async fn open(&self, shard: usize, opening: Opening) -> TestClient {
        TestClient::open(&self.kernel, shard, opening).await
    }

    /// Asks an HTTP entry of the modules, as this user or as a guest.
    ///
    /// # Panics
    /// If no entry answers this method and path, or the answer's body breaks off.
    pub async fn ask_http(&self, request: http::Request<Body>, user: Option<&str>) -> http::Response<Bytes> {
        let found = self.kernel.http(request.method(), request.uri().path());
        let Some(Mounted::Entry(entry)) = found else {
            panic!("no entry answers {} {}", request.method(), request.uri().path())
        };
        let (head, body) = entry.answer(&self.kernel, request, visitor(user)).await.into_parts();
        let body = body.collect(usize::MAX).await.expect("the answer comes to its end");
        http::Response::from_parts(head, body)
    }

    /// The boot data of the page at this path, as this user or as a guest sees it.
    ///
    /// # Panics
    /// If the path is none.
    pub async fn boot(&self, path: &str, user: Option<&str>) -> Result<Value, Rejection> {
        let path = path.parse().expect("it is a path");
        let json = self.kernel.boot(path, http::HeaderMap::new(), visitor(user)).await?;
        Ok(json.map_or(Value::Null, |json| serde_json::from_str(&json).expect("it is JSON")))
    }

    fn turn(&self) -> usize {
        self.next_shard.fetch_add(1, Ordering::Relaxed) % self.kernel.shards()
    }

    /// Moves the node's clock in steps of at most 50 ms, lets every timer on the way fire, and returns when
    /// what they set off is done.
    ///
    /// # Panics
    /// If the clock is a real one.
    pub async fn advance(&self, by: Duration) {
        assert!(!self.kernel.clock().is_real(), "a real clock moves by itself");
        self.settle().await;
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(STEP);
            left -= step;
            self.kernel.clock().advance(step);
            let mut fired = 0;
            for shard in 0..self.kernel.shards() {
                fired += ask(&self.kernel, shard, Shard::tick).await;
            }
            if fired > 0 {
                self.settle().await;
            }
        }
        self.settle().await;
    }

    /// Returns when no shard and no handler has anything left to do but to wait for a client, for the
    /// clock, or for something outside of the node.
    ///
    /// # Panics
    /// If that is not so within 10 s.
    pub async fn settle(&self) {
        let rested = tokio::time::timeout(GUARD, self.rest()).await;
        assert!(rested.is_ok(), "the node did not come to rest within {GUARD:?}");
    }

    async fn rest(&self) {
        let mut quiet_rounds = 0;
        let mut last = self.traffic().await;
        while quiet_rounds < 2 {
            let (now, quiet) = (self.traffic().await, self.are_handlers_parked());
            quiet_rounds = if quiet && now.is_quiet_after(&last) { quiet_rounds + 1 } else { 0 };
            last = now;
        }
    }

    async fn traffic(&self) -> Traffic {
        let mut shards = Vec::with_capacity(self.kernel.shards());
        for index in 0..self.kernel.shards() {
            shards.push(look(&self.kernel, index).await);
        }
        let metrics = self.kernel.handlers().metrics();
        let parks = (0..metrics.num_workers()).map(|at| metrics.worker_park_unpark_count(at)).collect();
        Traffic { shards, parks }
    }

    fn are_handlers_parked(&self) -> bool {
        let metrics = self.kernel.handlers().metrics();
        let parked = |worker| metrics.worker_park_unpark_count(worker) % 2 == 1;
        metrics.global_queue_depth() == 0 && (0..metrics.num_workers()).all(parked)
    }

    /// How many records of channels the shards have, together: none, once everybody has left.
    pub async fn shard_channels(&self) -> usize {
        let mut count = 0;
        for shard in 0..self.kernel.shards() {
            count += ask(&self.kernel, shard, |shard| shard.channels()).await;
        }
        count
    }
}

fn visitor(user: Option<&str>) -> Visitor {
    let identity = |user| Identity::of(UserId::from(user));
    let caller = user.map(|user| Caller { identity: identity(user), by: Credential::Bearer });
    Visitor { peer: IpAddr::from([127, 0, 0, 1]), caller }
}

/// What has happened in the node so far.
struct Traffic {
    /// Of each shard: the entries that ever came into its inbox, and whether it has nothing left to do.
    shards: Vec<(u64, bool)>,
    /// How often each of the handlers' threads went to rest or woke up.
    parks: Vec<u64>,
}

impl Traffic {
    /// Whether nothing but the looking itself, one entry a shard, has happened since.
    fn is_quiet_after(&self, before: &Self) -> bool {
        let still = |((now, quiet), (then, _)): (&(u64, bool), &(u64, bool))| *quiet && *now == then + 1;
        self.parks == before.parks && self.shards.iter().zip(&before.shards).all(still)
    }
}

/// Lets a shard's own tasks run, and reads its traffic.
async fn look(kernel: &Kernel, index: usize) -> (u64, bool) {
    let (answer, answered) = oneshot::channel();
    let inbox = kernel.node.routes.inboxes[index].clone();
    kernel.on_shard(index, move |shard| {
        let shard = shard.clone();
        tokio::task::spawn_local(async move {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            let (pushed, empty) = inbox.traffic();
            _ = answer.send((pushed, empty && shard.is_quiet()));
        });
    });
    answered.await.expect("the shard runs")
}

/// Asks something of a shard on its own thread.
pub(super) async fn ask<T: Send + 'static>(
    kernel: &Kernel,
    shard: usize,
    question: impl FnOnce(&Rc<Shard>) -> T + Send + 'static,
) -> T {
    let (answer, answered) = oneshot::channel();
    kernel.on_shard(shard, move |shard| _ = answer.send(question(shard)));
    tokio::time::timeout(GUARD, answered).await.expect("the shard answers in time").expect("the shard runs")
}
