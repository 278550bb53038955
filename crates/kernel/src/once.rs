//! Calls with an `op_id`: done once, and answered by the kept reply ever after.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use crate::{
    call::Call,
    handler::Next,
    inbox::lock,
    log::Log,
    publication::UserId,
    reply::{Outcome, Rejection},
};

/// A user's operation.
type Operation = (UserId, Box<str>);

/// The operations that are under way on this node.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashSet<Operation>>);

/// One of them; it is over when this goes, also when its handler was dropped.
struct Place {
    under_way: Arc<UnderWay>,
    operation: Operation,
}

impl UnderWay {
    fn enter(self: &Arc<Self>, operation: Operation) -> Option<Place> {
        let is_new = lock(&self.0).insert(operation.clone());
        is_new.then(|| Place { under_way: self.clone(), operation })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.under_way.0).remove(&self.operation);
    }
}

/// Runs a call once for its user and `op_id`. Whether the answer is the kept one.
///
/// The reply is kept after the handler has answered: a crash in between runs it again. A handler whose work
/// is one transaction keeps its reply in there, and then it is exactly once.
pub(crate) async fn once(
    log: Arc<dyn Log>,
    under_way: Arc<UnderWay>,
    op_id: &str,
    next: Next,
    call: Call,
) -> (Outcome, bool) {
    let user = call.session().user().clone();
    let Some(_place) = under_way.enter((user.clone(), op_id.into())) else {
        let busy = Rejection::unavailable("this operation is under way").retry_after_ms(1_000);
        return (Err(busy.field("op_id")), false);
    };
    match log.kept(&user, op_id).await {
        Err(error) => return (Err(error.into()), false),
        Ok(Some(reply)) => return (Ok(data(&reply)), true),
        Ok(None) => {}
    }
    let outcome = next.run(call).await;
    if let Ok(reply) = &outcome
        && let Err(error) = log.keep(&user, op_id, reply.as_deref().unwrap_or("null")).await
    {
        // It was done, and the client hears so; only a resend would do it again.
        tracing::warn!(%error, "failed to keep a reply");
    }
    (outcome, false)
}

fn data(reply: &str) -> Option<Box<str>> {
    (reply != "null").then(|| reply.into())
}
