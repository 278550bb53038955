//! Calls without a connection: the handlers of frames, for the length of one request.

use std::{hash::BuildHasher, net::IpAddr};

use veche_protocol::{
    code::ErrorCode,
    json::{DEPTH_MAX, check_depth, check_surrogates},
    name::{self, ChannelName},
};

use crate::{
    call::Call,
    handler::Next,
    inbox::SessionKey,
    kernel::Kernel,
    limits::RetryAfter,
    once::once,
    publication::{SessionId, UserId},
    reply::{Outcome, Rejection},
    session::Session,
};

/// A call of an event that comes without a connection.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The event's name.
    pub event: Box<str>,
    /// The payload, raw JSON.
    pub data: Box<str>,
    /// The channel that it is about.
    pub channel: Option<ChannelName>,
    /// The caller's name for the operation.
    pub op_id: Option<Box<str>>,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The reply, raw JSON, if there is any.
    pub data: Option<Box<str>>,
    /// The operation had been done before; this is the reply that was kept.
    pub duplicate: bool,
}

impl CallRequest {
    fn check(&self) -> Result<(), Rejection> {
        let wrong = |field, why: String| Rejection::new(ErrorCode::BadRequest, why).field(field);
        // The frame that would be around it is a level, too.
        check_depth(&self.data, DEPTH_MAX - 1).map_err(|error| wrong("data", error.to_string()))?;
        check_surrogates(&self.data).map_err(|error| wrong("data", error.to_string()))?;
        self.op_id
            .as_deref()
            .map_or(Ok(()), name::check_event)
            .map_err(|error| wrong("op_id", error.to_string()))
    }
}

impl Kernel {
    /// Who calls without a credential from this address: a guest, where guests are served. One who names the
    /// same device again is the same guest.
    pub fn guest(&self, device: Option<&str>) -> Result<UserId, Rejection> {
        if !self.node.guests {
            return Err(Rejection::unauthorized());
        }
        let bits = device.map_or_else(|| self.node.random(), |device| self.node.process_key.hash_one(device));
        Ok(UserId::from(format!("guest:{}", SessionId(bits)).as_str()))
    }

    /// Runs the handler that a frame of this type would, for a session that lasts until it has answered: it
    /// has its user, and joins nothing. The limits are those of frames, by user, and for guests by address.
    pub async fn call(&self, user: UserId, peer: IpAddr, request: CallRequest) -> Result<Called, Rejection> {
        request.check()?;
        self.meter(&user, peer)?;
        let node = &self.node;
        let CallRequest { event, data, channel, op_id } = request;
        let Some((registered, parameter)) = node.registry.find(&event) else {
            return Err(Rejection::new(ErrorCode::NotFound, "nothing answers this event").field("event"));
        };
        let (handler, deadline) = (registered.handler.clone(), registered.options.deadline);
        let parameter = parameter.map(Into::into);
        let key = SessionKey::of_request(SessionId(node.random()));
        let session = Session { node: node.clone(), key, user, attached: None };
        let (args, number) = (None, 0);
        let call = Call { session, event, parameter, channel, data, args, op_id: op_id.clone(), number };
        let next = Next::new(node.registry.layers.clone(), handler);
        let (log, under_way) = (node.sequencers.durable().cloned(), node.under_way.clone());
        node.metrics.calls.increment(1);
        let running = move || -> crate::handler::BoxFuture<Result<Called, Rejection>> {
            Box::pin(async move {
                let (outcome, duplicate): (Outcome, bool) = match (log, op_id) {
                    (Some(log), Some(op_id)) => once(log, under_way, &op_id, next, call).await,
                    _ => (next.run(call).await, false),
                };
                outcome.map(|data| Called { data, duplicate })
            })
        };
        let called = self.guarded(deadline, running).await;
        if let Err(rejection) = &called {
            node.metrics.errors(rejection.code());
        }
        called
    }

    fn meter(&self, user: &UserId, peer: IpAddr) -> Result<(), Rejection> {
        let payer = if user.is_guest() { guests_of(peer) } else { user.clone() };
        let meter = self.node.users.known(&payer);
        meter.calls.take(self.node.clock.now_ms(), self.node.limits.calls()).map_err(|RetryAfter(ms)| {
            self.node.metrics.errors(ErrorCode::RateLimited);
            Rejection::rate_limited(ms)
        })
    }
}

/// Who pays for the guests of an address: one household, where it is of IPv6.
fn guests_of(peer: IpAddr) -> UserId {
    let household = match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:?}", &address.segments()[..4]),
    };
    UserId::from(format!("guest:at {household}").as_str())
}
