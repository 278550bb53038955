//! What two people are to each other, and what an act of one of them changes. Pure.
//!
//! *Invariant:* whoever asks cannot tell from any answer or event whether the ask was seen, refused, or hidden
//! behind a block. An ask that was refused or is behind a block stays, for its sender, one that waits.

/// For how long after a refusal another ask of the same person is not shown.
pub(super) const DEAF_MS: u64 = 30 * 24 * 3_600_000;

/// One of a pair: the one whose id sorts first, or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Low,
    High,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// What binds the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Bond {
    #[default]
    None,
    Asked(Side),
    Friends,
}

/// What one of the two has said of hearing from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ear {
    pub(super) blocks: bool,
    /// Asks from before this time are not shown.
    pub(super) deaf_until_ms: u64,
}

/// A pair, both sides of it. Who blocks is bound by nothing of their own: a block ends a friendship and the
/// blocker's own ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pair {
    pub(super) bond: Bond,
    /// Since when there is this bond.
    pub(super) since_ms: u64,
    pub(super) low: Ear,
    pub(super) high: Ear,
}

/// What the other one is to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Relation {
    /// Nothing.
    None,
    /// A friend.
    Friend,
    /// Somebody whose answer is waited for.
    AskedByMe,
    /// Somebody who waits for an answer.
    AskedOfMe,
    /// Somebody who is blocked.
    Blocked,
}

/// What somebody does about the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Ask,
    Accept,
    Refuse,
    Withdraw,
    Remove,
    Block,
    Unblock,
}

/// What one of the two is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Somebody of the two asked.
    Asked(Side),
    Accepted,
    Removed,
    Blocked,
    Unblocked,
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Who acts blocks the other.
    Blocking,
    /// There is nothing to accept.
    NotAsked,
    /// They are friends by now.
    Friends,
}

/// The pair after an act, and who is told what, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) pair: Pair,
    pub(super) told: Vec<(Side, News)>,
}

impl Pair {
    pub(super) fn ear(&self, side: Side) -> Ear {
        match side {
            Side::Low => self.low,
            Side::High => self.high,
        }
    }

    fn ear_mut(&mut self, side: Side) -> &mut Ear {
        match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        }
    }

    /// What the other one is to this side.
    pub(super) fn seen_by(&self, side: Side) -> Relation {
        if self.ear(side).blocks {
            return Relation::Blocked;
        }
        match self.bond {
            Bond::Friends => Relation::Friend,
            Bond::Asked(asker) if asker == side => Relation::AskedByMe,
            Bond::Asked(_) if self.hears(side, self.since_ms) => Relation::AskedOfMe,
            Bond::Asked(_) | Bond::None => Relation::None,
        }
    }

    /// Whether there is nothing to remember at this time.
    pub(super) fn is_empty(&self, now_ms: u64) -> bool {
        let is_open = |ear: Ear| !ear.blocks && ear.deaf_until_ms <= now_ms;
        self.bond == Bond::None && is_open(self.low) && is_open(self.high)
    }

    /// Whether this side is shown an ask of the other from that time.
    fn hears(&self, side: Side, asked_ms: u64) -> bool {
        let ear = self.ear(side);
        !ear.blocks && asked_ms >= ear.deaf_until_ms
    }

    /// Ends the bond; who could see it is told.
    fn part(&mut self, now_ms: u64) -> Vec<(Side, News)> {
        let sees = |side: &Side| !matches!(self.seen_by(*side), Relation::None | Relation::Blocked);
        let told = [Side::Low, Side::High].into_iter().filter(sees).map(|side| (side, News::Removed));
        let told = told.collect();
        (self.bond, self.since_ms) = (Bond::None, now_ms);
        told
    }
}

/// What an act of one side makes of a pair. What changes nothing is no error and tells nobody.
pub(super) fn decide(mut pair: Pair, by: Side, act: Act, now_ms: u64) -> Result<Verdict, Refusal> {
    let told = match act {
        Act::Ask => ask(&mut pair, by, now_ms)?,
        Act::Accept => accept(&mut pair, by, now_ms)?,
        Act::Refuse => refuse(&mut pair, by, now_ms)?,
        Act::Withdraw => match pair.bond {
            Bond::Asked(asker) if asker == by => pair.part(now_ms),
            Bond::Friends => return Err(Refusal::Friends),
            Bond::Asked(_) | Bond::None => Vec::new(),
        },
        Act::Remove if pair.bond == Bond::Friends => pair.part(now_ms),
        Act::Remove => Vec::new(),
        Act::Block => block(&mut pair, by, now_ms),
        Act::Unblock => unblock(&mut pair, by),
    };
    Ok(Verdict { pair, told })
}

fn ask(pair: &mut Pair, by: Side, now_ms: u64) -> Result<Vec<(Side, News)>, Refusal> {
    if pair.ear(by).blocks {
        return Err(Refusal::Blocking);
    }
    match pair.bond {
        Bond::Asked(asker) if asker != by => Ok(befriend(pair, now_ms)),
        Bond::Asked(_) | Bond::Friends => Ok(Vec::new()),
        Bond::None => {
            (pair.bond, pair.since_ms) = (Bond::Asked(by), now_ms);
            let mut told = vec![(by, News::Asked(by))];
            told.extend(pair.hears(by.other(), now_ms).then_some((by.other(), News::Asked(by))));
            Ok(told)
        }
    }
}

fn accept(pair: &mut Pair, by: Side, now_ms: u64) -> Result<Vec<(Side, News)>, Refusal> {
    match pair.bond {
        _ if pair.ear(by).blocks => Err(Refusal::Blocking),
        Bond::Friends => Ok(Vec::new()),
        Bond::Asked(asker) if asker != by => Ok(befriend(pair, now_ms)),
        Bond::Asked(_) | Bond::None => Err(Refusal::NotAsked),
    }
}

fn refuse(pair: &mut Pair, by: Side, now_ms: u64) -> Result<Vec<(Side, News)>, Refusal> {
    if pair.bond == Bond::Friends {
        return Err(Refusal::Friends);
    }
    let is_shown = pair.seen_by(by) == Relation::AskedOfMe;
    if is_shown {
        pair.ear_mut(by).deaf_until_ms = now_ms + DEAF_MS;
    }
    Ok(is_shown.then_some((by, News::Removed)).into_iter().collect())
}

fn befriend(pair: &mut Pair, now_ms: u64) -> Vec<(Side, News)> {
    *pair = Pair { bond: Bond::Friends, since_ms: now_ms, ..Pair::default() };
    vec![(Side::Low, News::Accepted), (Side::High, News::Accepted)]
}

fn block(pair: &mut Pair, by: Side, now_ms: u64) -> Vec<(Side, News)> {
    if pair.ear(by).blocks {
        return Vec::new();
    }
    // The other's ask stays: for its sender it waits, as any.
    let mut told = if pair.bond == Bond::Asked(by.other()) { Vec::new() } else { pair.part(now_ms) };
    pair.ear_mut(by).blocks = true;
    told.push((by, News::Blocked));
    told
}

fn unblock(pair: &mut Pair, by: Side) -> Vec<(Side, News)> {
    if !pair.ear(by).blocks {
        return Vec::new();
    }
    pair.ear_mut(by).blocks = false;
    let mut told = vec![(by, News::Unblocked)];
    let is_asked = pair.seen_by(by) == Relation::AskedOfMe;
    told.extend(is_asked.then_some((by, News::Asked(by.other()))));
    told
}

#[cfg(test)]
mod tests;
