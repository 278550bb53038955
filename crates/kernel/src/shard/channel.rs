//! A channel's record in one shard: its subscribers here, and the steps that wait for them.
//!
//! Steps are taken strictly in order. A batch of publications is sent to all subscribers of its moment
//! before anybody is added or removed, so a fan-out may pause between two sends and lose nobody.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
};

use veche_protocol::{code::CloseCode, position::Position};

use super::{
    batch::{Batch, offer},
    link::{Link, Offered},
    state::Mode,
};
use crate::{
    channels::NodeChannel,
    framed::Framed,
    inbox::{Audience, SessionKey, Subscribing},
    rules::SlowConsumer,
};

/// A batch is closed when it holds this many bytes of payload.
const BATCH_BYTES: usize = 256 << 10;

/// How many subscribers are looked at together, ahead of their sends: one by one, the way of a connection from memory
/// was the largest part of what a delivery costs beside the kernel's `send`.
const WARMED: usize = 16;

/// A channel's subscribers in this shard.
pub(crate) struct ShardChannel {
    pub(crate) node: Arc<NodeChannel>,
    steps: RefCell<VecDeque<Step>>,
    /// A removal leaves a hole, so that the places of others stay.
    list: RefCell<Vec<Option<Subscriber>>>,
    live: Cell<usize>,
    /// How far the batch at the front has been sent.
    cursor: Cell<usize>,
    /// It stands in the shard's list of channels with work.
    pub(crate) dirty: Cell<bool>,
    /// The last offset that all subscribers were sent.
    pub(crate) sent: Cell<u64>,
    /// Batches that were begun, and that were finished: what fences replies.
    pub(crate) begun: Cell<u64>,
    pub(crate) finished: Cell<u64>,
}

pub(super) struct Subscriber {
    pub(super) link: Rc<Link>,
    pub(super) wants_members: bool,
    /// It replays, or was stopped: no live publications.
    pub(super) paused: bool,
}

/// What is to be done for a channel, in order.
pub(crate) enum Step {
    Send(Batch),
    Add(Box<Subscribing>),
    Remove {
        session: SessionKey,
        code: CloseCode,
        id: Option<Box<str>>,
    },
    /// What follows this position cannot be had any more.
    Lost(Position),
    /// A replaying subscriber's socket takes more.
    Pump(SessionKey),
}

/// What is left to do after a batch was offered to one subscriber.
pub(crate) struct Overflow {
    pub(crate) link: Rc<Link>,
}

/// How a slice of fan-out ended.
pub(crate) enum Fanned {
    /// Every subscriber was offered the batch.
    Done { weight: usize },
    /// The budget is used up.
    Paused,
}

impl ShardChannel {
    pub(crate) fn new(node: Arc<NodeChannel>) -> Self {
        Self {
            node,
            steps: RefCell::default(),
            list: RefCell::default(),
            live: Cell::new(0),
            cursor: Cell::new(0),
            dirty: Cell::new(false),
            sent: Cell::new(0),
            begun: Cell::new(0),
            finished: Cell::new(0),
        }
    }

    /// Adds a frame to the channel's batch, or begins one.
    pub(crate) fn carry(&self, framed: Arc<Framed>, audience: Option<Audience>) {
        let mut steps = self.steps.borrow_mut();
        // The batch at the front may be half sent, and stays as it is.
        let front_is_under_way = steps.len() == 1 && self.cursor.get() > 0;
        match steps.back_mut() {
            Some(Step::Send(batch)) if !front_is_under_way && batch.weight < BATCH_BYTES => {
                batch.push(framed, audience);
            }
            _ => {
                let mut batch = Batch::default();
                batch.push(framed, audience);
                self.begun.set(self.begun.get() + 1);
                steps.push_back(Step::Send(batch));
            }
        }
    }

    pub(crate) fn plan(&self, step: Step) {
        self.steps.borrow_mut().push_back(step);
    }

    /// Takes the next step that is no batch; `None` when a batch, or nothing, is next.
    pub(crate) fn next_change(&self) -> Option<Step> {
        let mut steps = self.steps.borrow_mut();
        match steps.front() {
            Some(Step::Send(_)) | None => None,
            Some(_) => steps.pop_front(),
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.steps.borrow().is_empty()
    }

    /// The subscribers' links.
    pub(crate) fn links(&self) -> Vec<Rc<Link>> {
        self.list.borrow().iter().flatten().map(|subscriber| subscriber.link.clone()).collect()
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.live.get()
    }

    /// Offers the batch at the front to subscribers until it is done or the budget is used up. Those
    /// whose backlog went over its bound are put into `over`.
    pub(crate) fn fan_out(
        self: &Rc<Self>,
        budget: &mut usize,
        bound: usize,
        over: &mut Vec<Overflow>,
    ) -> Fanned {
        let mut steps = self.steps.borrow_mut();
        let Some(Step::Send(batch)) = steps.front_mut() else { return Fanned::Done { weight: 0 } };
        let list = self.list.borrow();
        let mut at = self.cursor.get();
        let mut warm = at;
        while at < list.len() {
            if *budget == 0 {
                self.cursor.set(at);
                return Fanned::Paused;
            }
            if at == warm {
                list[at..].iter().take(WARMED).flatten().for_each(|subscriber| subscriber.link.warm());
                warm += WARMED;
            }
            if let Some(subscriber) = &list[at] {
                *budget -= 1;
                let offered = offer(batch, subscriber, bound);
                batch.note(subscriber);
                if offered == Offered::Over {
                    over.push(Overflow { link: subscriber.link.clone() });
                }
            }
            at += 1;
        }
        drop(list);
        self.cursor.set(0);
        let (weight, last_offset) = (batch.weight, batch.last_offset);
        if last_offset > 0 {
            self.sent.set(last_offset);
        }
        self.finished.set(self.finished.get() + 1);
        steps.pop_front();
        Fanned::Done { weight }
    }

    /// Puts a subscriber at the end of the list; its place.
    pub(crate) fn add(&self, link: Rc<Link>, wants_members: bool) -> u32 {
        self.live.set(self.live.get() + 1);
        let mut list = self.list.borrow_mut();
        list.push(Some(Subscriber { link, wants_members, paused: false }));
        (list.len() - 1) as u32
    }

    /// Changes how a subscriber is served.
    pub(crate) fn set(&self, at: u32, wants_members: Option<bool>, paused: bool) {
        if let Some(Some(subscriber)) = self.list.borrow_mut().get_mut(at as usize) {
            subscriber.wants_members = wants_members.unwrap_or(subscriber.wants_members);
            subscriber.paused = paused;
        }
    }

    /// Leaves a hole in the list, and closes the holes when they are many and nothing is under way.
    pub(crate) fn remove(self: &Rc<Self>, at: u32) {
        let mut list = self.list.borrow_mut();
        if let Some(place) = list.get_mut(at as usize)
            && place.take().is_some()
        {
            self.live.set(self.live.get() - 1);
        }
        if self.cursor.get() == 0 && list.len() > 32 && self.live.get() * 2 < list.len() {
            list.retain(Option::is_some);
            list.shrink_to_fit();
            for (at, subscriber) in list.iter().enumerate() {
                if let Some(subscriber) = subscriber {
                    self.tell_place(&subscriber.link, at as u32);
                }
            }
        }
    }

    fn tell_place(self: &Rc<Self>, link: &Link, at: u32) {
        let mut state = link.state.borrow_mut();
        if let Some(found) = state.subscriptions.iter_mut().find(|it| Rc::ptr_eq(&it.channel, self)) {
            found.at = at;
        }
    }

    /// Applies the slow-consumer policy to a subscriber whose backlog is over its bound.
    pub(crate) fn curb(self: &Rc<Self>, link: &Rc<Link>, bound: usize) -> Curbed {
        let policy = self.node.namespace.slow_consumer;
        if policy == SlowConsumer::Disconnect {
            return Curbed::Disconnect;
        }
        let name = &self.node.name;
        let mut place = link.backlog.borrow_mut();
        let Some(backlog) = place.as_mut() else { return Curbed::Fits };
        if let Some(since) = backlog.drop_positioned(name) {
            drop(place);
            if let Some(at) = self.place_of(link) {
                self.set(at, None, true);
            }
            link.lag(self, since, bound);
            return Curbed::Stopped;
        }
        let mut dropped = 0;
        if policy == SlowConsumer::LatestPerKey {
            dropped += backlog.keep_latest(name);
        }
        if backlog.bytes() > bound {
            dropped += backlog.drop_oldest(name, bound);
        }
        if backlog.bytes() > bound { Curbed::Disconnect } else { Curbed::Dropped(dropped) }
    }

    pub(crate) fn place_of(self: &Rc<Self>, link: &Link) -> Option<u32> {
        let state = link.state.borrow();
        state.subscriptions.iter().find(|it| Rc::ptr_eq(&it.channel, self)).map(|it| it.at)
    }

    /// Stops the channel for every subscriber, each of which comes back with its position. How many did.
    pub(crate) fn lose(self: &Rc<Self>, since: Position, bound: usize) -> u64 {
        let mut stopped = Vec::new();
        for subscriber in self.list.borrow_mut().iter_mut().flatten() {
            let from = match subscriber.link.mode(self) {
                Some(Mode::Live) => since,
                // It had not come that far.
                Some(Mode::Replaying(after)) => *after,
                Some(Mode::Lagged) | None => continue,
            };
            subscriber.paused = true;
            stopped.push((subscriber.link.clone(), from));
        }
        for (link, from) in &stopped {
            link.lag(self, *from, bound);
        }
        // Offsets may begin anew.
        self.sent.set(0);
        stopped.len() as u64
    }

    /// Whether a batch that was begun before `fence` is still on its way.
    pub(crate) fn is_behind(&self, fence: u64) -> bool {
        self.finished.get() < fence
    }
}

/// What a policy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curbed {
    Fits,
    /// So many publications were dropped.
    Dropped(u64),
    /// The subscription stands still until the client subscribes again.
    Stopped,
    Disconnect,
}
