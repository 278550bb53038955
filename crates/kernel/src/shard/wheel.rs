//! A coarse timer wheel: a shard's heartbeats, deadlines and windows.
//!
//! A timer that has become needless may stay: its owner knows better when it is due. What goes for good takes its timer
//! along, for which the timers of one tick are looked through. Nothing here reads a clock.

#[cfg(test)]
mod tests;

/// How coarse the wheel is, in milliseconds.
pub(crate) const TICK_MS: u64 = 50;

/// One round is 1,024 ticks, about 51 s; what is due later stays in its slot for more rounds.
const SLOTS: usize = 1_024;
const WORDS: usize = SLOTS / 64;

/// A slot with no more places than this keeps them when it is emptied.
const KEPT_CAPACITY: usize = 16;

/// Values that are due at times of their own.
///
/// A value is never handed out early, and less than a tick late if [`Wheel::advance`] is called each tick.
pub(crate) struct Wheel<T> {
    slots: Box<[Vec<Timer<T>>]>,
    /// A bit for each slot that holds something, so that empty ones are passed by the word.
    occupied: [u64; WORDS],
    /// What was due already when it was inserted.
    overdue: Vec<T>,
    /// Every timer up to this tick has been handed out.
    now_tick: u64,
}

struct Timer<T> {
    tick: u64,
    value: T,
}

impl<T> Wheel<T> {
    /// An empty wheel at time 0.
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            occupied: [0; WORDS],
            overdue: Vec::new(),
            now_tick: 0,
        }
    }

    /// Hands `value` out when `at_ms` has come.
    pub(crate) fn insert(&mut self, at_ms: u64, value: T) {
        let tick = at_ms.div_ceil(TICK_MS);
        if tick <= self.now_tick {
            self.overdue.push(value);
            return;
        }
        let slot = slot_of(tick);
        self.slots[slot].push(Timer { tick, value });
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    /// Takes back what was inserted for this time and has not been handed out.
    pub(crate) fn remove(&mut self, at_ms: u64, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let tick = at_ms.div_ceil(TICK_MS);
        if tick <= self.now_tick {
            let at = self.overdue.iter().position(is_it)?;
            return Some(self.overdue.swap_remove(at));
        }
        let slot = slot_of(tick);
        let at = self.slots[slot].iter().position(|timer| timer.tick == tick && is_it(&timer.value))?;
        let timer = self.slots[slot].swap_remove(at);
        self.tidy(slot);
        Some(timer.value)
    }

    /// Moves the time to `now_ms` and appends what is due to `due`, in the order of the ticks.
    ///
    /// It costs next to nothing within one tick, and no more than one look at every timer after hours.
    pub(crate) fn advance(&mut self, now_ms: u64, due: &mut Vec<T>) {
        due.append(&mut self.overdue);
        let target = now_ms / TICK_MS;
        if target <= self.now_tick {
            return;
        }
        if target - self.now_tick < SLOTS as u64 {
            while let Some(tick) = self.next_occupied_tick().filter(|tick| *tick <= target) {
                self.take_slot(slot_of(tick), target, |timer| due.push(timer.value));
                self.now_tick = tick;
            }
        } else {
            let mut late = Vec::new();
            for slot in 0..SLOTS {
                self.take_slot(slot, target, |timer| late.push(timer));
            }
            late.sort_by_key(|timer| timer.tick);
            due.extend(late.into_iter().map(|timer| timer.value));
        }
        self.now_tick = target;
    }

    /// A time before which nothing is due; `None` when nothing is waiting. It may lie before the first
    /// timer by whole rounds, never after it.
    #[cfg(test)]
    pub(crate) fn next_ms(&self) -> Option<u64> {
        if self.overdue.is_empty() {
            self.next_occupied_tick().map(|tick| tick * TICK_MS)
        } else {
            Some(self.now_tick * TICK_MS)
        }
    }

    /// The next tick whose slot holds something, if only for a later round.
    fn next_occupied_tick(&self) -> Option<u64> {
        let first = slot_of(self.now_tick + 1);
        let (word, bit) = (first / 64, first % 64);
        // The first word is looked at twice: its upper bits first, its lower bits after a whole round.
        let slot = (0..=WORDS).find_map(|step| {
            let place = (word + step) % WORDS;
            let mask = match step {
                0 => u64::MAX << bit,
                WORDS => !(u64::MAX << bit),
                _ => u64::MAX,
            };
            let bits = self.occupied[place] & mask;
            (bits != 0).then(|| place * 64 + bits.trailing_zeros() as usize)
        })?;
        let ahead = (slot + SLOTS - first) % SLOTS;
        Some(self.now_tick + 1 + ahead as u64)
    }

    fn take_slot(&mut self, slot: usize, target: u64, mut take: impl FnMut(Timer<T>)) {
        self.slots[slot].extract_if(.., |timer| timer.tick <= target).for_each(&mut take);
        self.tidy(slot);
    }

    fn tidy(&mut self, slot: usize) {
        let timers = &mut self.slots[slot];
        if timers.is_empty() {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
        }
        // After a storm the memory goes back.
        if timers.capacity() > KEPT_CAPACITY && timers.len() < timers.capacity() / 4 {
            timers.shrink_to(KEPT_CAPACITY);
        }
    }
}

fn slot_of(tick: u64) -> usize {
    (tick % SLOTS as u64) as usize
}
