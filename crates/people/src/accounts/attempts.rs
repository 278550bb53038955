//! How often somebody may try: by the address that requests come from, and by the e-mail address that they name.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use metrics::counter;
use veche_kernel::{Clock, ErrorCode, Quota, Rejection, SharedGcra};

use super::email::Email;

/// Meters that are kept at most. When all are at work the next stranger has to wait: a flood from very many
/// addresses must not take the memory.
const MOST: usize = 100_000;

/// How often things may be tried. A count of 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Attempts of one network address (of IPv6 its first 64 bits): to register, to sign in, to use a link.
    pub by_address: Quota,
    /// Attempts to sign in with one e-mail address, right ones too.
    pub by_email: Quota,
    /// Letters that strangers can have sent to one e-mail address.
    pub letters: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        let quota = |count, minutes: u64, burst| Quota { count, period_ms: minutes * 60_000, burst };
        Self { by_address: quota(60, 1, 30), by_email: quota(10, 10, 10), letters: quota(6, 60, 3) }
    }
}

/// The meters of the three quotas.
pub(super) struct Attempts {
    quotas: Quotas,
    clock: Clock,
    addresses: Meters<IpAddr>,
    emails: Meters<Email>,
    letters: Meters<Email>,
}

impl Attempts {
    pub(super) fn new(quotas: Quotas, clock: Clock) -> Self {
        let (addresses, emails, letters) = Default::default();
        Self { quotas, clock, addresses, emails, letters }
    }

    pub(super) fn of_address(&self, peer: IpAddr) -> Result<(), Rejection> {
        let now_ms = self.clock.now_ms();
        self.addresses
            .take(network(peer), self.quotas.by_address, now_ms)
            .map_err(|wait| limited(wait, "address"))
    }

    pub(super) fn of_email(&self, email: &Email) -> Result<(), Rejection> {
        let now_ms = self.clock.now_ms();
        self.emails.take(email.clone(), self.quotas.by_email, now_ms).map_err(|wait| limited(wait, "email"))
    }

    pub(super) fn of_letters(&self, email: &Email) -> Result<(), Rejection> {
        let now_ms = self.clock.now_ms();
        self.letters.take(email.clone(), self.quotas.letters, now_ms).map_err(|wait| limited(wait, "letters"))
    }
}

fn limited(wait_ms: u64, by: &'static str) -> Rejection {
    counter!("veche_accounts_limited_total", "by" => by).increment(1);
    Rejection::new(ErrorCode::RateLimited, "too many attempts in a short time").retry_after_ms(wait_ms)
}

/// Who has one IPv6 address has at least 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

struct Meters<K>(Mutex<HashMap<K, SharedGcra>>);

impl<K> Default for Meters<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Meters<K> {
    /// Takes one of the key's quota; how many ms to wait where it is used up.
    fn take(&self, key: K, quota: Quota, now_ms: u64) -> Result<(), u64> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= MOST && !meters.contains_key(&key) {
            meters.retain(|_, meter| !meter.is_idle(now_ms));
            if meters.len() >= MOST {
                return Err(quota.period_ms);
            }
        }
        meters.entry(key).or_default().take(now_ms, quota).map_err(|wait| wait.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn attempts(clock: &Clock) -> Attempts {
        Attempts::new(Quotas::default(), clock.clone())
    }

    /// Red where `limited` does not tell how long to wait, and where one meter serves all keys.
    #[test]
    fn an_address_is_told_how_long_to_wait() {
        let clock = Clock::manual();
        let attempts = attempts(&clock);
        let peer = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..30 {
            attempts.of_address(peer).expect("it is within the burst");
        }
        let refused = attempts.of_address(peer).expect_err("the burst is used up");
        assert_eq!((refused.code(), refused.retry_after()), (ErrorCode::RateLimited, Some(1_000)));
        attempts.of_address(IpAddr::from([192, 0, 2, 2])).expect("another address");
        clock.advance(Duration::from_secs(1));
        attempts.of_address(peer).expect("it has waited");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(network(parse("2001:db8:1:2:3::4")), network(parse("2001:db8:1:2:ffff::1")));
        assert_ne!(network(parse("2001:db8:1:2::")), network(parse("2001:db8:1:3::")));
        assert_eq!(network(parse("::ffff:192.0.2.1")), parse("192.0.2.1"));
    }

    /// Red where a full table takes one more.
    #[test]
    fn the_table_is_bounded_and_forgets_who_rests() {
        let quota = Quota { count: 1, period_ms: 1_000, burst: 1 };
        let meters = Meters::default();
        for key in 0..MOST {
            meters.take(key, quota, 0).expect("there is room");
        }
        assert_eq!(meters.take(MOST, quota, 0), Err(1_000));
        assert_eq!(meters.take(0, quota, 0), Err(1_000), "known ones are counted still");
        assert_eq!(meters.take(MOST, quota, 1_000), Ok(()));
    }
}
