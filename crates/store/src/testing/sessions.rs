//! Real session ids: the kernel alone makes them, so the suite asks a node for two.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use veche_kernel::{Kernel, Module, Rejection, Session, SessionId, testing::TestNode};

static KNOWN: OnceLock<[SessionId; 2]> = OnceLock::new();

/// Reads the session ids that the suite uses, for [`Options::new`](crate::Options::new).
pub fn session_from_text(text: &str) -> Option<SessionId> {
    KNOWN.get()?.iter().copied().find(|session| session.to_string() == text)
}

/// Two sessions.
pub(super) async fn two() -> [SessionId; 2] {
    if let Some(known) = KNOWN.get() {
        return *known;
    }
    let seen = Arc::<Mutex<Vec<SessionId>>>::default();
    let noted = Arc::clone(&seen);
    let module = Module::new("who").on("who", move |session: Session| {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(session.id());
        async { Ok::<_, Rejection>(()) }
    });
    let node = TestNode::start(Kernel::builder().mount(module));
    for user in ["ann", "bob"] {
        node.client(user).await.call("who", ().into()).await.expect("the node answers");
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    *KNOWN.get_or_init(|| seen.try_into().expect("two sessions have called"))
}
