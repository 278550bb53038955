//! The model of the durable log, and the ledger of everything that it ever committed.

use std::collections::VecDeque;

use veche_protocol::position::{Epoch, Position};

use super::Break;
use crate::broker::Head;

/// One channel of the log.
pub(super) struct Log {
    head: Head,
    /// The payloads of the offsets after the floor.
    kept: VecDeque<u64>,
    /// What the open transaction has published, seen by nobody.
    open: Vec<u64>,
    backup: Option<(Head, VecDeque<u64>)>,
    payloads: u64,
    broken: Option<Break>,
    pub(super) ledger: Ledger,
}

/// What the log committed in each of its numberings, in the order of their drawing.
pub(super) struct Ledger(Vec<Numbering>);

struct Numbering {
    epoch: Epoch,
    /// The payload of offset 1, 2, 3 …
    committed: Vec<u64>,
    floor: u64,
}

/// A committed publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) position: Position,
    pub(super) payload: u64,
}

/// What a read of the log brings: one snapshot.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) head: Head,
    pub(super) publications: Vec<Committed>,
}

impl Log {
    pub(super) fn new(broken: Option<Break>) -> Self {
        let epoch = Epoch::from_bits(1);
        let ledger = Ledger(vec![Numbering { epoch, committed: Vec::new(), floor: 0 }]);
        let head = Head { epoch, offset: 0, floor: 0 };
        Self { head, kept: VecDeque::new(), open: Vec::new(), backup: None, payloads: 0, broken, ledger }
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    pub(super) fn is_writing(&self) -> bool {
        !self.open.is_empty()
    }

    /// The open transaction publishes one more; it is begun if need be.
    pub(super) fn publish(&mut self) {
        self.payloads += 1;
        self.open.push(self.payloads);
    }

    pub(super) fn commit(&mut self) -> Vec<Committed> {
        let payloads = std::mem::take(&mut self.open);
        let commit = |payload| {
            self.head.offset += 1;
            self.kept.push_back(payload);
            self.ledger.latest().committed.push(payload);
            Committed { position: Position { epoch: self.head.epoch, offset: self.head.offset }, payload }
        };
        payloads.into_iter().map(commit).collect()
    }

    /// Rolls the open transaction back. What it would have committed is told only by a broken writer.
    pub(super) fn roll_back(&mut self) -> Vec<Committed> {
        let payloads = std::mem::take(&mut self.open);
        if self.broken != Some(Break::RolledBackHinted) {
            return Vec::new();
        }
        let place = |offset| Position { epoch: self.head.epoch, offset };
        let told = (self.head.offset + 1..).zip(payloads);
        told.map(|(offset, payload)| Committed { position: place(offset), payload }).collect()
    }

    /// Keeps the latest `count` publications.
    pub(super) fn trim(&mut self, count: usize) {
        while self.kept.len() > count {
            self.kept.pop_front();
            self.head.floor += 1;
        }
        self.ledger.latest().floor = self.head.floor;
    }

    pub(super) fn back_up(&mut self) {
        self.backup = Some((self.head, self.kept.clone()));
    }

    /// Goes back to the backup, in a new numbering. Without a backup nothing happens.
    pub(super) fn restore(&mut self) -> bool {
        let Some((head, kept)) = self.backup.clone() else { return false };
        self.open.clear();
        let of_backup = self.ledger.find(head.epoch).committed.iter();
        let committed: Vec<_> = of_backup.take(head.offset as usize).copied().collect();
        (self.head, self.kept) = (head, kept);
        if self.broken == Some(Break::EpochKept) {
            self.ledger.latest().committed = committed;
            return true;
        }
        self.head.epoch = Epoch::from_bits(self.ledger.0.len() as u64 + 1);
        self.ledger.0.push(Numbering { epoch: self.head.epoch, committed, floor: head.floor });
        true
    }

    pub(super) fn read(&self, after: u64, limit: usize) -> Page {
        let Head { epoch, floor, .. } = self.head;
        let from = after.saturating_sub(floor) as usize;
        let after = after.max(floor);
        let payloads = self.kept.iter().skip(from).take(limit);
        let place = |(offset, payload): (u64, &u64)| Committed {
            position: Position { epoch, offset },
            payload: *payload,
        };
        Page { head: self.head, publications: (after + 1..).zip(payloads).map(place).collect() }
    }
}

impl Ledger {
    fn latest(&mut self) -> &mut Numbering {
        self.0.last_mut().expect("the first numbering is drawn with the log")
    }

    fn find(&self, epoch: Epoch) -> &Numbering {
        self.0.iter().find(|it| it.epoch == epoch).expect("the log has drawn it")
    }

    /// The how-manieth numbering it is.
    pub(super) fn age(&self, epoch: Epoch) -> Option<usize> {
        self.0.iter().position(|it| it.epoch == epoch)
    }

    /// The payload at a position; `None` when nothing was ever committed there.
    pub(super) fn payload(&self, at: Position) -> Option<u64> {
        let index = usize::try_from(at.offset.checked_sub(1)?).ok()?;
        self.0.iter().find(|it| it.epoch == at.epoch)?.committed.get(index).copied()
    }

    /// The highest floor that a numbering had.
    pub(super) fn floor(&self, epoch: Epoch) -> u64 {
        self.0.iter().find(|it| it.epoch == epoch).map_or(0, |it| it.floor)
    }
}
