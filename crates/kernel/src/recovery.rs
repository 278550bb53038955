//! How a subscription continues from a client's position: the same rules for every class.

use veche_protocol::{
    position::Position,
    server::{Recovery, ResetReason},
};

use crate::broker::Head;

/// What a subscriber who has everything up to `since` is owed by a channel that stands at `head`.
///
/// A [`Recovery::Replay`] means that every publication after `since` up to `head` is retained.
pub(crate) fn decide(since: Option<Position>, head: Option<Head>, replay_limit: u64) -> Recovery {
    let (Some(since), Some(head)) = (since, head) else { return Recovery::Fresh };
    if since.epoch != head.epoch {
        return Recovery::Reset(ResetReason::Epoch);
    }
    if since.offset > head.offset {
        return Recovery::Reset(ResetReason::Ahead);
    }
    let missed = head.offset - since.offset;
    if missed == 0 {
        Recovery::UpToDate
    } else if since.offset < head.floor {
        Recovery::Reset(ResetReason::Trimmed)
    } else if missed > replay_limit {
        Recovery::Reset(ResetReason::TooFar)
    } else {
        Recovery::Replay
    }
}

#[cfg(test)]
mod tests {
    use veche_protocol::position::Epoch;

    use super::*;

    fn check(since: u64, (offset, floor): (u64, u64), limit: u64, expected: Recovery) {
        let epoch = Epoch::from_bits(1);
        let head = Head { epoch, offset, floor };
        let recovery = decide(Some(Position { epoch, offset: since }), Some(head), limit);
        assert_eq!(recovery, expected, "since {since}, head {offset}, floor {floor}, limit {limit}");
    }

    #[test]
    fn a_position_is_judged_by_the_head_the_floor_and_the_limit() {
        check(0, (0, 0), 10, Recovery::UpToDate);
        check(10, (10, 5), 10, Recovery::UpToDate);
        check(10, (10, 10), 0, Recovery::UpToDate);
        check(11, (10, 5), 10, Recovery::Reset(ResetReason::Ahead));
        check(1, (0, 0), 10, Recovery::Reset(ResetReason::Ahead));
        check(u64::MAX, (10, 5), 10, Recovery::Reset(ResetReason::Ahead));
        check(9, (10, 5), 10, Recovery::Replay);
        check(5, (10, 5), 10, Recovery::Replay);
        check(4, (10, 5), 10, Recovery::Reset(ResetReason::Trimmed));
        check(9, (10, 10), 10, Recovery::Reset(ResetReason::Trimmed));
        check(0, (10, 0), 10, Recovery::Replay);
        check(0, (11, 0), 10, Recovery::Reset(ResetReason::TooFar));
        check(9, (10, 5), 0, Recovery::Reset(ResetReason::TooFar));
        check(0, (u64::MAX, 0), u64::MAX, Recovery::Replay);
    }

    #[test]
    fn the_first_reason_that_holds_is_told() {
        // Trimmed and too far at once, then ahead and of another epoch at once.
        check(0, (100, 50), 10, Recovery::Reset(ResetReason::Trimmed));
        let head = Head { epoch: Epoch::from_bits(1), offset: 3, floor: 0 };
        let since = Position { epoch: Epoch::from_bits(2), offset: 4 };
        assert_eq!(decide(Some(since), Some(head), 10), Recovery::Reset(ResetReason::Epoch));
    }

    #[test]
    fn another_epoch_is_a_reset_even_at_the_same_offset() {
        let head = Head { epoch: Epoch::from_bits(1), offset: 3, floor: 0 };
        let since = Position { epoch: Epoch::from_bits(2), offset: 3 };
        assert_eq!(decide(Some(since), Some(head), 10), Recovery::Reset(ResetReason::Epoch));
    }

    #[test]
    fn without_a_position_or_a_numbering_it_is_fresh() {
        let epoch = Epoch::from_bits(1);
        let head = Head { epoch, offset: 3, floor: 0 };
        let since = Position { epoch, offset: 3 };
        assert_eq!(decide(None, Some(head), 10), Recovery::Fresh);
        assert_eq!(decide(Some(since), None, 10), Recovery::Fresh);
        assert_eq!(decide(None, None, 10), Recovery::Fresh);
    }
}
