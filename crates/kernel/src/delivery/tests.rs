//! The cursor, call by call.

use super::*;

fn epoch(number: u64) -> Epoch {
    Epoch::from_bits(number)
}

fn at(offset: u64) -> Position {
    Position { epoch: epoch(1), offset }
}

fn head(offset: u64, floor: u64) -> Head {
    Head { epoch: epoch(1), offset, floor }
}

fn announced(offset: u64) -> Cursor {
    let mut cursor = Cursor::default();
    assert!(!cursor.announce(head(offset, 0)));
    cursor
}

fn reading(delivered: u64, hinted: u64) -> Cursor {
    let mut cursor = announced(delivered);
    assert_eq!(cursor.hint(at(hinted)), Hinted::Read);
    cursor
}

fn paged(deliver: Range<usize>, then: Then) -> Paged {
    Paged { deliver, then }
}

#[test]
fn a_cursor_is_small() {
    assert!(size_of::<Cursor>() <= 48, "{} bytes", size_of::<Cursor>());
}

#[test]
fn hints_in_order_are_delivered_and_old_ones_dropped() {
    let mut cursor = announced(3);
    assert_eq!(cursor.hint(at(3)), Hinted::Drop);
    assert_eq!(cursor.hint(at(4)), Hinted::Deliver);
    assert_eq!(cursor.hint(at(4)), Hinted::Drop);
    assert_eq!(cursor.hint(at(5)), Hinted::Deliver);
    assert_eq!(cursor.delivered(), Some(at(5)));
}

#[test]
fn a_later_hint_reads_once_and_the_next_one_still_passes() {
    let mut cursor = reading(3, 6);
    assert_eq!(cursor.hint(at(7)), Hinted::Drop, "a read is under way");
    assert_eq!(cursor.hint(at(4)), Hinted::Deliver);
    // The page was read before 7 was committed.
    assert_eq!(cursor.page(head(6, 0), &[4, 5, 6]), paged(1..3, Then::Read));
    assert_eq!(cursor.page(head(7, 0), &[7]), paged(0..1, Then::Done));
    assert_eq!(cursor.delivered(), Some(at(7)));
}

#[test]
fn a_hint_before_the_announcement_is_remembered() {
    let check = |hints: &[Position], announced, expected| {
        let mut cursor = Cursor::default();
        for hint in hints {
            assert_eq!(cursor.hint(*hint), Hinted::Drop);
            assert_eq!(cursor.delivered(), None);
        }
        assert_eq!(cursor.announce(announced), expected, "{hints:?}");
        assert_eq!(cursor.delivered(), Some(at(announced.offset)));
    };
    let other = Position { epoch: epoch(2), offset: 1 };
    check(&[], head(3, 0), false);
    check(&[at(3)], head(3, 0), false);
    check(&[at(4), at(2)], head(3, 0), true);
    check(&[other], head(3, 0), true);
    check(&[other, at(1)], head(3, 0), true);
}

#[test]
fn a_head_ahead_of_what_was_delivered_starts_a_read() {
    let mut cursor = announced(3);
    assert!(!cursor.announce(head(3, 1)));
    assert!(!cursor.announce(head(2, 0)), "an old head");
    assert!(cursor.announce(head(5, 0)));
    assert!(!cursor.announce(head(6, 0)), "a read is under way");
    assert_eq!(cursor.page(head(5, 0), &[4, 5]), paged(0..2, Then::Read));
    assert_eq!(cursor.page(head(6, 0), &[6]), paged(0..1, Then::Done));
    assert!(!cursor.retry());
}

#[test]
fn a_page_goes_on_until_the_head() {
    let mut cursor = reading(0, 5);
    assert_eq!(cursor.page(head(5, 0), &[1, 2]), paged(0..2, Then::Read));
    assert_eq!(cursor.page(head(5, 0), &[3, 4, 5]), paged(0..3, Then::Done));
}

#[test]
fn what_hints_delivered_meanwhile_is_not_delivered_again() {
    let mut cursor = reading(0, 3);
    for offset in 1..=4 {
        assert_eq!(cursor.hint(at(offset)), Hinted::Deliver);
    }
    assert_eq!(cursor.page(head(3, 0), &[1, 2, 3]), paged(3..3, Then::Done));
    assert_eq!(cursor.delivered(), Some(at(4)));
}

#[test]
fn a_floor_above_what_was_delivered_is_a_loss() {
    let mut cursor = reading(3, 9);
    assert_eq!(cursor.page(head(9, 4), &[4, 5]), paged(0..0, Then::Lost { since: at(3) }));
    assert_eq!(cursor.delivered(), Some(at(9)));
    assert_eq!(cursor.hint(at(10)), Hinted::Deliver);
    // At the floor itself nothing is missing.
    let mut cursor = reading(3, 5);
    assert_eq!(cursor.page(head(5, 3), &[4, 5]), paged(0..2, Then::Done));
}

#[test]
fn a_hint_during_a_lost_read_is_read_after_it() {
    let mut cursor = reading(3, 9);
    assert_eq!(cursor.hint(at(12)), Hinted::Drop);
    assert_eq!(cursor.page(head(9, 4), &[]).then, Then::Lost { since: at(3) });
    assert!(cursor.retry());
}

#[test]
fn another_epoch_is_settled_by_the_log() {
    let newer = |offset| Position { epoch: epoch(2), offset };
    let mut cursor = announced(3);
    assert_eq!(cursor.hint(newer(4)), Hinted::Read);
    assert_eq!(cursor.hint(newer(5)), Hinted::Drop);
    let page = cursor.page(Head { epoch: epoch(2), offset: 4, floor: 0 }, &[4]);
    assert_eq!(page, paged(0..0, Then::Lost { since: at(3) }));
    assert_eq!(cursor.delivered(), Some(newer(4)));
    assert!(cursor.retry(), "5 was hinted while the page was read");
    let head = Head { epoch: epoch(2), offset: 5, floor: 0 };
    assert_eq!(cursor.page(head, &[5]), paged(0..1, Then::Done));
    // A late hint of the first numbering costs a read, and moves nothing.
    assert_eq!(cursor.hint(at(9)), Hinted::Read);
    assert_eq!(cursor.page(head, &[]), paged(0..0, Then::Done));
    assert_eq!(cursor.delivered(), Some(newer(5)));
    assert!(cursor.announce(Head { epoch: epoch(3), offset: 0, floor: 0 }), "a head may tell of it too");
}

#[test]
fn a_failed_read_is_tried_again() {
    let mut cursor = reading(3, 6);
    cursor.read_failed();
    assert!(cursor.retry());
    assert!(!cursor.retry(), "one at a time");
    cursor.read_failed();
    assert_eq!(cursor.hint(at(9)), Hinted::Read);
    cursor.read_failed();
    assert!(cursor.announce(head(3, 0)));
    assert_eq!(cursor.page(head(3, 0), &[]), paged(0..0, Then::Done));
    assert!(!cursor.retry());
}

#[test]
fn a_log_that_misses_what_its_head_says_is_a_loss_and_no_endless_read() {
    let mut cursor = reading(3, 6);
    assert_eq!(cursor.page(head(6, 0), &[]).then, Then::Lost { since: at(3) });
    let mut cursor = reading(3, 6);
    assert_eq!(cursor.page(head(6, 0), &[5, 6]).then, Then::Lost { since: at(3) });
    // A hole within a page: what stands before it is delivered first.
    let mut cursor = reading(3, 6);
    assert_eq!(cursor.page(head(6, 0), &[4, 6]), paged(0..1, Then::Read));
    assert_eq!(cursor.page(head(6, 0), &[6]).then, Then::Lost { since: at(4) });
    // A hint beyond the head is not believed for ever.
    let mut cursor = reading(3, u64::MAX);
    assert_eq!(cursor.page(head(3, 0), &[]), paged(0..0, Then::Done));
    assert!(!cursor.retry());
}

#[test]
fn a_brokers_own_deliveries_move_it() {
    let mut cursor = Cursor::default();
    cursor.follow(at(1));
    assert_eq!(cursor.delivered(), Some(at(1)));
    assert!(!cursor.announce(head(1, 0)));
    cursor.follow(at(2));
    assert_eq!(cursor.delivered(), Some(at(2)));
}

#[test]
fn a_head_is_reached_when_everything_up_to_it_was_delivered() {
    assert_eq!(Cursor::default().reach(head(0, 0)), Reach::Coming);
    let mut cursor = announced(3);
    assert_eq!(cursor.reach(head(3, 0)), Reach::Here);
    assert_eq!(cursor.reach(head(2, 0)), Reach::Here);
    assert!(cursor.announce(head(5, 0)));
    assert_eq!(cursor.reach(head(5, 0)), Reach::Coming);
    cursor.read_failed();
    assert_eq!(cursor.reach(head(5, 0)), Reach::Coming);
    assert!(cursor.retry());
    assert_eq!(cursor.page(head(5, 0), &[4, 5]).then, Then::Done);
    assert_eq!(cursor.reach(head(5, 0)), Reach::Here);
}

#[test]
fn a_head_from_before_a_restore_is_never_reached() {
    let stale = Head { epoch: epoch(2), offset: 1, floor: 0 };
    let mut cursor = announced(3);
    assert!(cursor.announce(stale));
    assert_eq!(cursor.reach(stale), Reach::Coming, "it may as well be the newer");
    assert_eq!(cursor.page(head(3, 0), &[]).then, Then::Done);
    assert_eq!(cursor.reach(stale), Reach::Never);
}
