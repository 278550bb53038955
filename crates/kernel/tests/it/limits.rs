//! Rate limits: what a meter admits, what it tells who must wait, and that sharing it loses nothing.

use std::sync::{
    Barrier,
    atomic::{AtomicU64, Ordering},
};

use proptest::prelude::*;
use veche_kernel::{Gcra, Limits, Quota, RetryAfter, SharedGcra};

/// Takes one at each time and compares what comes back.
fn check(quota: Quota, table: &[(u64, Result<(), u64>)]) {
    let (mut own, shared) = (Gcra::new(), SharedGcra::new());
    for (step, (now_ms, expected)) in table.iter().enumerate() {
        let expected = expected.map_err(RetryAfter);
        assert_eq!(own.take(*now_ms, quota), expected, "step {step}");
        assert_eq!(shared.take(*now_ms, quota), expected, "step {step}, shared");
    }
}

#[test]
fn a_burst_is_admitted_at_once_and_then_the_rate() {
    let quota = Quota { count: 2, period_ms: 1_000, burst: 3 };
    check(
        quota,
        &[
            (10_000, Ok(())),
            (10_000, Ok(())),
            (10_000, Ok(())),
            (10_000, Err(500)),
            (10_499, Err(1)),
            (10_500, Ok(())),
            (10_500, Err(500)),
            // Half a second earned, one waits.
            (11_250, Ok(())),
            (11_250, Err(250)),
            // A long rest earns the burst and no more.
            (60_000, Ok(())),
            (60_000, Ok(())),
            (60_000, Ok(())),
            (60_000, Err(500)),
        ],
    );
}

#[test]
fn a_hundred_a_minute_with_a_burst_of_twenty_is_exact() {
    let quota = Limits::default().messages();
    assert_eq!(quota, Quota { count: 100, period_ms: 60_000, burst: 20 });
    let mut table = vec![(5_000, Ok(())); 20];
    table.push((5_000, Err(600)));
    table.extend((1..=100).flat_map(|n| [(5_000 + n * 600 - 1, Err(1)), (5_000 + n * 600, Ok(()))]));
    check(quota, &table);
}

#[test]
fn a_rate_that_is_no_whole_number_of_milliseconds_is_kept() {
    // 333,334 µs each.
    let quota = Quota { count: 3, period_ms: 1_000, burst: 1 };
    check(quota, &[(0, Ok(())), (333, Err(1)), (334, Ok(())), (667, Err(1)), (668, Ok(()))]);
    // 20 µs each: 50 in a millisecond.
    let quota = Quota { count: 50_000, period_ms: 1_000, burst: 50 };
    let mut table = vec![(1, Ok(())); 50];
    table.extend([(1, Err(1))]);
    table.extend(vec![(2, Ok(())); 50]);
    table.extend([(2, Err(1))]);
    check(quota, &table);
}

#[test]
fn rounding_is_never_in_the_clients_favour() {
    // 16.67 µs each.
    let quota = Quota { count: 60_000, period_ms: 1_000, burst: 100 };
    let mut meter = Gcra::new();
    let admitted = (0..=1_000_u64)
        .flat_map(|now_ms| (0..150).map(move |_| now_ms))
        .filter(|now_ms| meter.take(*now_ms, quota).is_ok())
        .count();
    assert!((58_000..=60_100).contains(&admitted), "{admitted}");
}

#[test]
fn zero_is_no_limit_and_a_burst_of_zero_is_one() {
    check(Quota { count: 0, period_ms: 60_000, burst: 0 }, &[(7, Ok(())); 300]);
    check(Quota { count: 1, period_ms: 100, burst: 0 }, &[(0, Ok(())), (0, Err(100)), (100, Ok(()))]);
}

#[test]
fn extreme_quotas_and_times_neither_overflow_nor_open() {
    let quota = Quota { count: 1, period_ms: u64::MAX, burst: u32::MAX };
    check(quota, &[(0, Ok(())), (u64::MAX, Ok(()))]);
    // The first millisecond whose microseconds are more than 64 bits hold.
    let beyond = u64::MAX / 1_000 + 1;
    check(Quota { count: 1, period_ms: 1_000, burst: 1 }, &[(10, Ok(())), (beyond, Ok(()))]);
    let quota = Quota { count: 1, period_ms: u64::MAX / 1_000, burst: 1 };
    check(quota, &[(0, Ok(())), (1_000, Err(u64::MAX / 1_000 - 1_000))]);
}

#[test]
fn each_limit_has_its_quota() {
    let limits = Limits::default();
    assert_eq!(limits.calls(), Quota { count: 20, period_ms: 1_000, burst: 200 });
    assert_eq!(limits.ephemeral(), Quota { count: 30, period_ms: 1_000, burst: 30 });
    assert_eq!(limits.subscribes(), Quota { count: 60, period_ms: 60_000, burst: 128 });
}

#[test]
fn a_meter_has_eight_bytes() {
    assert_eq!((size_of::<Gcra>(), size_of::<SharedGcra>()), (8, 8));
}

proptest! {
    #[test]
    fn no_window_admits_more_than_the_burst_and_the_rate(
        count in 1..200_u32,
        period_ms in 1..5_000_u64,
        burst in 1..30_u32,
        steps in prop::collection::vec(prop_oneof![3 => Just(0), 2 => 0..20_u64, 1 => 0..3_000_u64], 1..300),
    ) {
        let quota = Quota { count, period_ms, burst };
        let mut meter = Gcra::new();
        let (mut now_ms, mut admitted) = (0, Vec::new());
        for step in steps {
            now_ms += step;
            match meter.take(now_ms, quota) {
                Ok(()) => admitted.push(now_ms),
                Err(RetryAfter(wait_ms)) => {
                    // Whoever waits as long as told is admitted, and one millisecond less is too short.
                    prop_assert_eq!(meter.clone().take(now_ms + wait_ms, quota), Ok(()));
                    prop_assert!(wait_ms > 0 && meter.clone().take(now_ms + wait_ms - 1, quota).is_err());
                }
            }
        }
        for (first, start) in admitted.iter().enumerate() {
            for (last, end) in admitted.iter().enumerate().skip(first) {
                let most = u64::from(burst) + (end - start) * u64::from(count) / period_ms;
                prop_assert!((last - first + 1) as u64 <= most, "{} in {} ms", last - first + 1, end - start);
            }
        }
    }
}

#[test]
fn threads_that_share_a_meter_take_no_more_than_one_would() {
    const THREADS: u64 = 4;
    let quota = Quota { count: 1_000, period_ms: 1_000, burst: 50 };
    for round in 0..50 {
        let (meter, start) = (SharedGcra::new(), Barrier::new(THREADS as usize));
        let (clock, admitted) = (AtomicU64::new(1_000), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    for step in 0..2_000 {
                        let now_ms = clock.fetch_add(u64::from(step % 100 == 0), Ordering::AcqRel);
                        admitted.fetch_add(u64::from(meter.take(now_ms, quota).is_ok()), Ordering::AcqRel);
                    }
                });
            }
        });
        let window_ms = clock.load(Ordering::Acquire) - 1_000;
        let admitted = admitted.load(Ordering::Acquire);
        assert!(admitted >= 50 && admitted <= 50 + window_ms, "round {round}: {admitted} in {window_ms} ms");
    }
}
