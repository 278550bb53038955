//! The wheel against an ordered map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn advance(wheel: &mut Wheel<u64>, now_ms: u64) -> Vec<u64> {
    let mut due = Vec::new();
    wheel.advance(now_ms, &mut due);
    due
}

#[test]
fn nothing_is_early_and_nothing_is_a_tick_late() {
    let mut wheel = Wheel::new();
    for at_ms in [1, 49, 50, 51, 100, 101] {
        wheel.insert(at_ms, at_ms);
    }
    assert_eq!(advance(&mut wheel, 49), [0; 0]);
    assert_eq!(advance(&mut wheel, 50), [1, 49, 50]);
    assert_eq!(advance(&mut wheel, 99), [0; 0]);
    assert_eq!(advance(&mut wheel, 149), [51, 100]);
    assert_eq!(advance(&mut wheel, 150), [101]);
    assert_eq!(wheel.next_ms(), None);
}

#[test]
fn what_is_due_already_comes_with_the_next_advance() {
    let mut wheel = Wheel::new();
    advance(&mut wheel, 10_000);
    wheel.insert(3, 3);
    wheel.insert(10_000, 10_000);
    assert_eq!(wheel.next_ms(), Some(10_000));
    assert_eq!(advance(&mut wheel, 10_000), [3, 10_000]);
    assert_eq!(wheel.next_ms(), None);
}

#[test]
fn what_is_taken_back_is_not_handed_out() {
    let mut wheel = Wheel::new();
    advance(&mut wheel, 1_000);
    let round = TICK_MS * SLOTS as u64;
    for at_ms in [7, 1_010, 1_020, 1_020 + round] {
        wheel.insert(at_ms, at_ms);
    }
    assert_eq!(wheel.remove(1_020, |value| *value == 1_020), Some(1_020));
    assert_eq!(wheel.remove(1_020, |value| *value == 1_020), None);
    assert_eq!(wheel.remove(1_020, |value| *value == 1_020 + round), None, "it is of another round");
    assert_eq!(wheel.remove(7, |value| *value == 7), Some(7), "it was due already");
    assert_eq!(advance(&mut wheel, 1_050), [1_010]);
    assert_eq!(wheel.remove(1_020 + round, |_| true), Some(1_020 + round));
    assert_eq!(wheel.next_ms(), None);
}

#[test]
fn later_rounds_wait_for_their_own() {
    let mut wheel = Wheel::new();
    let round = TICK_MS * SLOTS as u64;
    wheel.insert(500 + 2 * round, 2);
    wheel.insert(500, 0);
    wheel.insert(500 + round, 1);
    assert_eq!(advance(&mut wheel, 500), [0]);
    assert_eq!(advance(&mut wheel, 499 + round), [0; 0]);
    assert_eq!(advance(&mut wheel, 500 + round), [1]);
    assert_eq!(advance(&mut wheel, 500 + 2 * round), [2]);
}

#[test]
fn a_jump_of_hours_hands_everything_out_in_order() {
    let mut wheel = Wheel::new();
    let times: Vec<u64> = (0..5_000).map(|n| n * 7_919 % 3_600_000 + 1).collect();
    for at_ms in &times {
        wheel.insert(*at_ms, *at_ms);
    }
    wheel.insert(u64::MAX, 0);
    let due = advance(&mut wheel, 3_600_000 * 50);
    assert_eq!(due.len(), times.len());
    assert!(due.is_sorted_by_key(|at_ms| at_ms.div_ceil(TICK_MS)));
    assert_eq!(advance(&mut wheel, u64::MAX - TICK_MS), [0; 0], "the last one is not due before its time");
}

#[test]
fn the_memory_of_a_storm_goes_back() {
    let mut wheel = Wheel::new();
    for n in 0..100_000 {
        wheel.insert(20_000 + n % 1_000, n);
    }
    wheel.insert(30_000, 0);
    assert_eq!(advance(&mut wheel, 25_000).len(), 100_000);
    let capacity: usize = wheel.slots.iter().map(Vec::capacity).sum();
    assert!(capacity <= SLOTS * KEPT_CAPACITY, "{capacity}");
    assert_eq!(advance(&mut wheel, 30_000), [0]);
}

#[derive(Debug, Clone)]
enum Op {
    Insert(u64),
    Advance(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let ahead = || prop_oneof![4 => 0..500_u64, 2 => 0..60_000_u64, 1 => 0..400_000_u64];
    prop_oneof![3 => ahead().prop_map(Op::Insert), 2 => ahead().prop_map(Op::Advance)]
}

proptest! {
    #[test]
    fn the_wheel_agrees_with_an_ordered_map(ops in prop::collection::vec(op(), 1..200)) {
        let (mut wheel, mut model) = (Wheel::new(), BTreeMap::<u64, Vec<u64>>::new());
        let mut now_ms = 0;
        for (id, op) in (0..).zip(ops) {
            match op {
                Op::Insert(ahead) => {
                    // Some of them lie in the past.
                    let at_ms = (now_ms + ahead).saturating_sub(100);
                    wheel.insert(at_ms, id);
                    model.entry(at_ms.div_ceil(TICK_MS).max(now_ms / TICK_MS)).or_default().push(id);
                }
                Op::Advance(by) => {
                    now_ms += by;
                    let later = model.split_off(&(now_ms / TICK_MS + 1));
                    let expected: Vec<_> = std::mem::replace(&mut model, later).into_values().flatten().collect();
                    prop_assert_eq!(advance(&mut wheel, now_ms), expected);
                }
            }
            match (wheel.next_ms(), model.keys().next()) {
                (Some(next_ms), Some(first)) => prop_assert!(next_ms <= first * TICK_MS),
                (next_ms, first) => prop_assert_eq!(next_ms.is_some(), first.is_some()),
            }
        }
    }
}
