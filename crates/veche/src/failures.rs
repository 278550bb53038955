//! How often credentials from an address were wrong.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

/// The time over which failures are counted.
pub(crate) const WINDOW_MS: u64 = 60_000;
/// Addresses that are remembered at a time.
const ADDRESSES: usize = 16_384;

/// The count, shared by all connections.
#[derive(Debug)]
pub(crate) struct Failures {
    most: u32,
    windows: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began_ms: u64,
    count: u32,
}

impl Failures {
    /// `most` a minute; 0 = no bound.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, windows: Mutex::default() }
    }

    /// Counts one more; whether there are too many. A good credential from the same address is let in all the
    /// same: many people may share it.
    pub(crate) fn one_more(&self, address: IpAddr, now_ms: u64) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |window: &Window| now_ms >= window.began_ms + WINDOW_MS;
        if windows.len() >= ADDRESSES {
            windows.retain(|_, window| !is_over(window));
        }
        if windows.len() >= ADDRESSES {
            // So many at once are one attacker, or an outage of whoever issues tokens.
            return self.most > 0;
        }
        let window = windows.entry(household(address)).or_insert(Window { began_ms: now_ms, count: 0 });
        if is_over(window) {
            *window = Window { began_ms: now_ms, count: 0 };
        }
        window.count = window.count.saturating_add(1);
        self.most > 0 && window.count > self.most
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_fail_so_often_in_a_minute() {
        // Red: `one_more` without the window's end; `household` that leaves IPv6 as it is.
        let failures = Failures::new(2);
        let one: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8::2".parse().expect("an address");
        let other: IpAddr = "2001:db8:0:1::1".parse().expect("an address");
        let calls = [(one, 0), (neighbour, 1), (one, 2), (other, 3), (one, 59_999), (one, 60_000)];
        let over = calls.map(|(address, now)| failures.one_more(address, now));
        assert_eq!(over, [false, false, true, false, true, false]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        // Red: `one_more` without the bound.
        let failures = Failures::new(1);
        let count = || failures.windows.lock().expect("no panic").len();
        for at in 0..ADDRESSES as u32 + 10 {
            failures.one_more(IpAddr::V4(at.into()), 0);
        }
        assert_eq!(count(), ADDRESSES);
        failures.one_more([192, 0, 2, 1].into(), WINDOW_MS);
        assert_eq!(count(), 1);
    }
}
