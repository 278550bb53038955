//! Application calls: off to the handlers' runtime, and back with an outcome.

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc};

use futures_util::FutureExt;
use veche_protocol::{code::ErrorCode, name::ChannelName, server::ServerFrame};

use super::{Link, Shard, state::Running};
use crate::{
    call::Call,
    handler::{Middleware, Next},
    handlers::Registered,
    inbox::{Entry, SessionKey, Text},
    once::once,
    reply::{Outcome, Rejection},
    session::Session,
};

impl Shard {
    /// Starts a handler. Until it is done, or its deadline is over, the session's later frames wait.
    pub(super) fn call(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        event: &str,
        data: &str,
        channel: Option<&str>,
        op_id: Option<&str>,
    ) {
        let Some((registered, parameter)) = self.node.registry.find(event) else {
            let unknown = Rejection::new(ErrorCode::NotFound, "nothing answers this event").field("type");
            return self.refuse(link, id, &unknown);
        };
        let Some(session) = self.handle_of(link) else { return };
        let channel = channel.and_then(|name| ChannelName::parse(name).ok());
        let parameter = parameter.map(Into::into);
        let (event, data, op_id) = (event.into(), data.into(), op_id.map(Into::into));
        let (args, number) = (None, 0);
        let call = Call { session, event, parameter, channel, data, args, op_id, number };
        self.start(link, id, registered, call);
    }

    /// The session's handle, for handlers; `None` before it is known whose it is.
    pub fn handle_of(&self, link: &Link) -> Option<Session> {
        let user = link.state.borrow().user_id().cloned()?;
        let attached = link.any_wire().attached();
        Some(Session { node: self.node.clone(), key: self.key(link), user, attached })
    }

    pub(super) fn start(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        registered: &Registered,
        mut call: Call,
    ) {
        let key = self.key(link);
        let routes = self.node.routes.clone();
        let next = Next::new(self.layers_of(link), registered.handler.clone());
        let options = registered.options;
        let mut state = link.state.borrow_mut();
        let number = state.next_call;
        state.next_call = number.wrapping_add(1);
        call.number = number;
        let log = self.node.sequencers.durable().cloned();
        let under_way = self.node.under_way.clone();
        let task = self.node.handlers.spawn(async move {
            let op_id = call.op_id.clone();
            let running = async move {
                match (log, op_id) {
                    (Some(log), Some(op_id)) => once(log, under_way, &op_id, next, call).await,
                    _ => (next.run(call).await, false),
                }
            };
            let panicked = |_| (Err(Rejection::new(ErrorCode::Internal, "the handler panicked")), false);
            let (outcome, duplicate) =
                AssertUnwindSafe(running).catch_unwind().await.unwrap_or_else(panicked);
            routes.push(key.shard, Entry::Done { session: key, call: number, outcome, duplicate });
        });
        let deadline_ms = self.now_ms() + options.deadline.as_millis() as u64;
        let running = Running {
            call: number,
            id: id.map(Into::into),
            deadline_ms,
            abort: task.abort_handle(),
            concurrent: options.concurrent,
            quiet: options.quiet,
        };
        state.rare().running.push(running);
        if !options.concurrent {
            state.machine.set_busy(true);
        }
        drop(state);
        self.node.metrics.calls.increment(1);
        self.arm(link);
    }

    /// A call has its outcome: answers it, unless its deadline was faster, and goes on with the session.
    pub(super) fn call_done(
        self: &Rc<Self>,
        session: SessionKey,
        call: u32,
        outcome: Outcome,
        duplicate: bool,
    ) {
        let Some(link) = self.session(session) else { return };
        let running = {
            let mut state = link.state.borrow_mut();
            let Some(rare) = &mut state.rare else { return };
            let Some(at) = rare.running.iter().position(|it| it.call == call) else { return };
            let running = rare.running.swap_remove(at);
            state.tidy();
            running
        };
        running.abort.abort();
        let id = running.id.as_deref().filter(|_| !(running.quiet && matches!(outcome, Ok(None))));
        self.answer(&link, id, &outcome, duplicate);
        if !running.concurrent {
            link.state.borrow_mut().machine.set_busy(false);
            self.resume(&link);
        }
    }

    /// What stands around the handlers of this session's events.
    fn layers_of(&self, link: &Link) -> Arc<[Arc<dyn Middleware>]> {
        let node = &self.node.registry.layers;
        match link.any_wire().events().map(|events| &events.layers).filter(|own| !own.is_empty()) {
            None => node.clone(),
            Some(own) if node.is_empty() => own.clone(),
            Some(own) => node.iter().chain(own.iter()).cloned().collect(),
        }
    }

    /// A handler has answered its call while it goes on. Its client hears no other answer.
    pub(super) fn answer_early(&self, session: SessionKey, call: u32, list: &str) {
        let Some(link) = self.session(session) else { return };
        let id = {
            let mut state = link.state.borrow_mut();
            let running =
                state.rare.as_mut().and_then(|rare| rare.running.iter_mut().find(|it| it.call == call));
            running.and_then(|running| running.id.take())
        };
        let Some(id) = id else { return };
        let data = Some(list);
        let reply = ServerFrame::Reply { id: &id, data, position: None, class: None, duplicate: false };
        let mut text = Vec::with_capacity(list.len() + 64);
        link.any_wire().write_list(link.encoding, &reply, &mut text);
        self.direct(session, Text::Made(text));
    }

    fn answer(&self, link: &Link, id: Option<&str>, outcome: &Outcome, duplicate: bool) {
        match (outcome, id) {
            (Ok(data), Some(id)) => {
                let data = data.as_deref();
                self.reply_now(
                    link,
                    &ServerFrame::Reply { id, data, position: None, class: None, duplicate },
                );
            }
            (Ok(_), None) => {}
            (Err(rejection), id) => {
                self.node.metrics.errors(rejection.code());
                self.reply_now(link, &ServerFrame::Error { id, error: rejection.as_failure() });
            }
        }
    }

    /// Answers in the place that the inbox's order gave to the outcome.
    fn reply_now(&self, link: &Link, frame: &ServerFrame<'_>) {
        self.direct(self.key(link), Text::Made(link.text(frame)));
    }

    /// Refuses a frame; enough refusals of the wrong kind in 10 s end the connection.
    pub(crate) fn refuse(&self, link: &Link, id: Option<&str>, rejection: &Rejection) {
        self.node.metrics.errors(rejection.code());
        self.reply(link, &ServerFrame::Error { id, error: rejection.as_failure() });
        let counts =
            matches!(rejection.code(), ErrorCode::BadRequest | ErrorCode::RateLimited | ErrorCode::TooLarge);
        let flood = counts && link.state.borrow_mut().machine.strike(self.now_ms());
        if flood {
            self.node.metrics.refused("flood");
            link.close(veche_protocol::code::CloseCode::Flood);
        }
    }
}
