//! A client, and its judge: what it was sent is held against the ledger, by rules of the protocol that are
//! written here once more, beside those of the follower.

use veche_protocol::{
    position::Position,
    server::{Recovery, ResetReason},
};

use super::{
    Settings, Tally,
    log::{Committed, Ledger},
    node::Frame,
};
use crate::{broker::Head, testing::Follower};

pub(super) const CHANNEL: &str = "board:1";

/// A subscription that a client asks for.
pub(super) struct Wish {
    pub(super) since: Option<Position>,
}

pub(super) struct Client {
    follower: Follower,
    /// Where it is connected: the node and the connection.
    pub(super) connected: Option<(usize, u64)>,
    /// Up to where the judge has seen it receive everything.
    position: Option<Position>,
    /// Its `since`, and the log's head at the moment when it asked.
    asked: Option<(Option<Position>, Head)>,
    received: Vec<Committed>,
}

impl Client {
    pub(super) fn new() -> Self {
        let follower = Follower::new([CHANNEL]);
        Self { follower, connected: None, position: None, asked: None, received: Vec::new() }
    }

    /// It has connected: what it subscribes with.
    pub(super) fn connect(&mut self, node: usize, connection: u64, head: Head) -> Wish {
        self.connected = Some((node, connection));
        self.follower.connect();
        self.ask(head)
    }

    fn ask(&mut self, head: Head) -> Wish {
        let at = self.follower.position(CHANNEL);
        let since =
            at.map(|(epoch, offset)| Position { epoch: epoch.parse().expect("an epoch was sent"), offset });
        self.asked = Some((since, head));
        Wish { since }
    }

    /// A frame came. Returns a new subscription, when it asks for one.
    pub(super) fn receive(
        &mut self,
        frame: Frame,
        head: Head,
        (ledger, settings, tally): (&Ledger, &Settings, &mut Tally),
    ) -> Result<Option<Wish>, String> {
        self.judge(frame, ledger, settings, tally)?;
        let answer = self.follower.receive(&text(frame)).map_err(|violation| violation.to_string())?;
        Ok(if answer.is_empty() { None } else { Some(self.ask(head)) })
    }

    fn judge(
        &mut self,
        frame: Frame,
        ledger: &Ledger,
        settings: &Settings,
        tally: &mut Tally,
    ) -> Result<(), String> {
        match frame {
            Frame::Subscribed { cut, recovery } => {
                let (since, head) = self.asked.take().ok_or("subscribed without having asked")?;
                answers(cut, recovery, since, head, ledger, settings)
                    .map_err(|what| format!("{what}: {recovery:?} at {cut:?}, asked since {since:?}"))?;
                tally.count(recovery);
                if matches!(recovery, Recovery::Fresh | Recovery::Reset(_)) {
                    self.position = Some(cut);
                }
            }
            Frame::Publication(Committed { position, payload }) => {
                let here = self.position.ok_or("a publication before the first position")?;
                // The epoch is not on the wire: the client takes it for that of its position.
                let taken = Position { epoch: here.epoch, offset: position.offset };
                if taken.offset != here.offset + 1 {
                    return Err(format!("{taken:?} came after {here:?}"));
                }
                self.position = Some(taken);
                self.received.push(Committed { position: taken, payload });
            }
            Frame::Lagged { since } => {
                tally.lagged += 1;
                if self.position != Some(since) {
                    return Err(format!("lagged since {since:?}, but stands at {:?}", self.position));
                }
            }
        }
        Ok(())
    }

    /// All is quiet: it must have everything that it was not told to have lost, and nothing else.
    pub(super) fn finish(&self, head: Head, ledger: &Ledger) -> Result<(), String> {
        let end = Position { epoch: head.epoch, offset: head.offset };
        if self.position != Some(end) {
            return Err(format!("stands at {:?}, the log at {end:?}", self.position));
        }
        for Committed { position, payload } in &self.received {
            let committed = ledger.payload(*position);
            if committed != Some(*payload) {
                return Err(format!("received {payload} at {position:?}, where {committed:?} was committed"));
            }
        }
        Ok(())
    }
}

/// Whether this is a right answer to a subscription, given what the log held when it was asked for.
fn answers(
    cut: Position,
    recovery: Recovery,
    since: Option<Position>,
    asked_at: Head,
    ledger: &Ledger,
    settings: &Settings,
) -> Result<(), String> {
    // Everything committed before the client asked lies before the cut, or a replay would not hold it.
    let (cut_age, asked_age) = (ledger.age(cut.epoch), ledger.age(asked_at.epoch));
    if (cut_age, cut.offset) < (asked_age, asked_at.offset) {
        return Err(format!("a cut before the head of then, {asked_at:?}"));
    }
    let same = |since: Position| since.epoch == cut.epoch;
    let missed = |since: Position| cut.offset - since.offset;
    let holds = match (recovery, since) {
        (Recovery::Fresh, since) => since.is_none(),
        (_, None) | (Recovery::Reset(ResetReason::Ahead), _) => false,
        (Recovery::UpToDate, Some(since)) => since == cut,
        (Recovery::Replay, Some(since)) => {
            same(since) && since.offset < cut.offset && missed(since) <= settings.replay_limit
        }
        (Recovery::Reset(ResetReason::Epoch), Some(since)) => !same(since),
        (Recovery::Reset(ResetReason::Trimmed), Some(since)) => {
            same(since) && since.offset < ledger.floor(cut.epoch)
        }
        (Recovery::Reset(ResetReason::TooFar), Some(since)) => {
            same(since) && missed(since) > settings.replay_limit
        }
    };
    if holds { Ok(()) } else { Err("a false recovery".into()) }
}

/// The frame as it stands on the wire.
fn text(frame: Frame) -> String {
    match frame {
        Frame::Subscribed { cut: Position { epoch, offset }, recovery } => {
            let (word, reason) = match recovery {
                Recovery::Fresh => ("fresh", ""),
                Recovery::UpToDate => ("up_to_date", ""),
                Recovery::Replay => ("replay", ""),
                Recovery::Reset(ResetReason::Epoch) => ("reset", r#","reset_reason":"epoch""#),
                Recovery::Reset(ResetReason::Ahead) => ("reset", r#","reset_reason":"ahead""#),
                Recovery::Reset(ResetReason::Trimmed) => ("reset", r#","reset_reason":"trimmed""#),
                Recovery::Reset(ResetReason::TooFar) => ("reset", r#","reset_reason":"too_far""#),
            };
            format!(
                r#"{{"type":"subscribed","channel":"{CHANNEL}","epoch":"{epoch}","offset":{offset},"recovery":"{word}"{reason}}}"#
            )
        }
        Frame::Publication(Committed { position, payload }) => format!(
            r#"{{"type":"message","channel":"{CHANNEL}","offset":{},"time_ms":0,"data":{payload}}}"#,
            position.offset
        ),
        Frame::Lagged { since: Position { epoch, offset } } => format!(
            r#"{{"type":"lagged","channel":"{CHANNEL}","since":{{"epoch":"{epoch}","offset":{offset}}}}}"#
        ),
    }
}
