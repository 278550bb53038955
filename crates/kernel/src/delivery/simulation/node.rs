//! The model of a node: its cursor, and the seats of those who subscribe here. What the log is asked goes
//! into `asks`, and comes back by the calls named after them, when the world wants it to.

use std::collections::VecDeque;

use veche_protocol::{position::Position, server::Recovery};

use super::{
    Break, Settings, Tally,
    log::{Committed, Page},
};
use crate::{
    broker::Head,
    delivery::{Cursor, Hinted, Reach, Then},
    recovery,
};

#[derive(Default)]
pub(super) struct Node {
    cursor: Cursor,
    /// Counts records of the channel: an answer to an earlier one is for nobody.
    pub(super) life: u64,
    pub(super) seats: Vec<Seat>,
    /// What to ask of the log.
    pub(super) asks: Vec<Ask>,
    /// The connections that the node has ended.
    pub(super) ended: Vec<u64>,
}

/// One connection's subscription.
pub(super) struct Seat {
    pub(super) connection: u64,
    mode: Mode,
    /// What the socket has not taken yet.
    pub(super) socket: VecDeque<Frame>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It waits for the head, or until the node has delivered up to it.
    Asking {
        since: Option<Position>,
        head: Option<Head>,
    },
    Live,
    Replaying {
        at: Position,
        reading: bool,
    },
    Lagged,
}

/// What the log is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// What comes after what was delivered.
    Fill { after: u64 },
    /// The head, for all.
    Sweep,
    /// The head, for one who subscribes.
    Head { connection: u64 },
    /// A page for one who replays.
    Replay { connection: u64, after: u64, until: u64 },
}

/// What a client is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    Subscribed { cut: Position, recovery: Recovery },
    Publication(Committed),
    Lagged { since: Position },
}

impl Node {
    /// A client subscribes, for the first time on this connection or again.
    pub(super) fn subscribe(&mut self, connection: u64, since: Option<Position>) {
        let mode = Mode::Asking { since, head: None };
        match self.seats.iter_mut().find(|seat| seat.connection == connection) {
            Some(seat) => seat.mode = mode,
            None => self.seats.push(Seat { connection, mode, socket: VecDeque::new() }),
        }
        self.asks.push(Ask::Head { connection });
    }

    /// A connection ended; with the last one the record is freed.
    pub(super) fn leave(&mut self, connection: u64) {
        self.seats.retain(|seat| seat.connection != connection);
        if self.seats.is_empty() {
            self.restart();
        }
    }

    /// Everything in memory is gone. Returns the connections that were open.
    pub(super) fn restart(&mut self) -> Vec<u64> {
        let open = self.seats.drain(..).map(|seat| seat.connection).collect();
        *self = Self { life: self.life + 1, ..Self::default() };
        open
    }

    pub(super) fn sweep(&mut self) {
        if !self.seats.is_empty() {
            self.asks.push(Ask::Sweep);
        }
    }

    /// The node's turn: a read that failed is tried again.
    pub(super) fn tick(&mut self) {
        if self.cursor.retry() {
            self.fill();
        }
    }

    fn fill(&mut self) {
        let after = self.cursor.delivered().map_or(0, |at| at.offset);
        self.asks.push(Ask::Fill { after });
    }

    pub(super) fn hint(&mut self, hint: Committed, settings: &Settings) {
        if self.seats.is_empty() {
            return;
        }
        let told = self.cursor.delivered().is_some();
        match self.cursor.hint(hint.position) {
            Hinted::Deliver => {
                self.send(hint, settings);
                self.settle(settings);
            }
            Hinted::Drop if settings.broken == Some(Break::DuplicatesPass) && told => {
                self.send(hint, settings);
            }
            Hinted::Read if settings.broken == Some(Break::HolesPass) => {
                self.cursor = Cursor::default();
                self.cursor.follow(hint.position);
                self.send(hint, settings);
            }
            Hinted::Drop => {}
            Hinted::Read => self.fill(),
        }
    }

    /// The answer to [`Ask::Fill`]; `None` when the read failed.
    pub(super) fn filled(&mut self, page: Option<Page>, settings: &Settings, tally: &mut Tally) {
        let Some(page) = page else { return self.cursor.read_failed() };
        let offsets: Vec<_> = page.publications.iter().map(|it| it.position.offset).collect();
        let paged = self.cursor.page(page.head, &offsets);
        let whole = settings.broken == Some(Break::PageUnbounded);
        let deliver = if whole { 0..offsets.len() } else { paged.deliver };
        tally.filled += deliver.len();
        for publication in &page.publications[deliver] {
            self.send(*publication, settings);
        }
        match paged.then {
            Then::Done => {}
            Then::Read => self.fill(),
            Then::Lost { since } => {
                tally.lost += 1;
                self.tell_lost(since, settings);
                self.tick();
            }
        }
        self.settle(settings);
    }

    fn tell_lost(&mut self, since: Position, settings: &Settings) {
        for seat in &mut self.seats {
            match seat.mode {
                Mode::Live if settings.broken != Some(Break::LossUntold) => seat.lag(since),
                Mode::Replaying { at, .. } => seat.lag(at),
                _ => {}
            }
        }
    }

    /// The answer to [`Ask::Sweep`], and to [`Ask::Head`] with the connection that asked.
    pub(super) fn told_head(&mut self, told: Option<Head>, asker: Option<u64>, settings: &Settings) {
        let seat = self.seats.iter_mut().find(|seat| Some(seat.connection) == asker);
        let Some(told) = told else {
            // The client is answered `unavailable`, and comes again.
            self.ended.extend(seat.map(|seat| seat.connection));
            return;
        };
        if let Some(Seat { mode: Mode::Asking { head, .. }, .. }) = seat {
            *head = Some(told);
        }
        if self.cursor.announce(told) {
            self.fill();
        }
        self.settle(settings);
    }

    /// Adds those who wait, once the node has delivered up to the head that they know of.
    fn settle(&mut self, settings: &Settings) {
        let Some(cut) = self.cursor.delivered() else { return };
        for seat in &mut self.seats {
            let Mode::Asking { since, head: Some(head) } = seat.mode else { continue };
            match self.cursor.reach(head) {
                Reach::Here => {}
                _ if settings.broken == Some(Break::CutTooEarly) => {}
                Reach::Coming => continue,
                Reach::Never => {
                    seat.mode = Mode::Asking { since, head: None };
                    self.asks.push(Ask::Head { connection: seat.connection });
                    continue;
                }
            }
            let floor = if settings.broken == Some(Break::FalseReplay) { 0 } else { head.floor };
            let head = Head { epoch: cut.epoch, offset: cut.offset, floor };
            let recovery = recovery::decide(since, Some(head), settings.replay_limit);
            seat.socket.push_back(Frame::Subscribed { cut, recovery });
            seat.mode = match since {
                Some(at) if recovery == Recovery::Replay => Mode::Replaying { at, reading: false },
                _ => Mode::Live,
            };
        }
    }

    /// Sends to everybody who is live.
    fn send(&mut self, publication: Committed, settings: &Settings) {
        for seat in &mut self.seats {
            if seat.mode != Mode::Live {
                continue;
            }
            seat.socket.push_back(Frame::Publication(publication));
            if seat.socket.len() <= settings.backlog {
                continue;
            }
            if settings.disconnects {
                self.ended.push(seat.connection);
            } else {
                seat.drop_publications();
            }
        }
    }

    /// Sends those who replay a page, when their socket has taken the last one.
    pub(super) fn pump(&mut self) {
        let Some(delivered) = self.cursor.delivered() else { return };
        for seat in &mut self.seats {
            let Mode::Replaying { at, reading: false } = seat.mode else { continue };
            if !seat.socket.is_empty() {
                continue;
            }
            if at.offset >= delivered.offset {
                seat.mode = Mode::Live;
                continue;
            }
            seat.mode = Mode::Replaying { at, reading: true };
            let (connection, after, until) = (seat.connection, at.offset, delivered.offset);
            self.asks.push(Ask::Replay { connection, after, until });
        }
    }

    /// The answer to [`Ask::Replay`].
    pub(super) fn replayed(&mut self, connection: u64, until: u64, page: Option<Page>, settings: &Settings) {
        let found = self.seats.iter_mut().find(|seat| seat.connection == connection);
        let Some(seat) = found else { return };
        let Mode::Replaying { at, reading: true } = seat.mode else { return };
        let Some(page) = page else { return self.ended.push(connection) };
        let trimmed = page.head.floor > at.offset && settings.broken != Some(Break::FalseReplay);
        let foreign = page.head.epoch != at.epoch && settings.broken != Some(Break::EpochsMixed);
        let fits = page.publications.iter().filter(|it| it.position.offset <= until);
        let Some(last) = fits.clone().next_back().filter(|_| !trimmed && !foreign) else {
            return seat.lag(at);
        };
        seat.socket.extend(fits.copied().map(Frame::Publication));
        seat.mode = Mode::Replaying { at: last.position, reading: false };
    }

    /// Whether nothing is left to do for any seat here.
    pub(super) fn is_quiet(&self) -> bool {
        self.asks.is_empty()
            && self.seats.iter().all(|seat| seat.mode == Mode::Live && seat.socket.is_empty())
    }
}

impl Seat {
    fn lag(&mut self, since: Position) {
        self.mode = Mode::Lagged;
        self.socket.push_back(Frame::Lagged { since });
    }

    /// The slow-consumer policy: nothing is sent until the client subscribes again.
    fn drop_publications(&mut self) {
        let waits = |frame: &Frame| match frame {
            Frame::Publication(publication) => Some(publication.position),
            _ => None,
        };
        if let Some(first) = self.socket.iter().find_map(waits) {
            self.socket.retain(|frame| waits(frame).is_none());
            self.lag(Position { epoch: first.epoch, offset: first.offset - 1 });
        }
    }
}
