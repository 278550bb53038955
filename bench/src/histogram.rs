//! Latencies in nanoseconds, counted in buckets that are at most 1/32 wide; recording costs a few
//! instructions, which a load generator has to watch.

/// Buckets for each power of two.
const STEPS: usize = 32;
const STEP_BITS: u32 = STEPS.ilog2();

/// Counts by latency.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// Without a count.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; bucket(u64::MAX) + 1].into() }
    }

    /// Counts one latency.
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
        }
    }

    /// The latency that a share `quantile` (0 to 1) of all does not exceed; 0 without a count.
    fn quantile(&self, quantile: f64) -> u64 {
        let total: u64 = self.counts.iter().sum();
        let mut left = (total as f64 * quantile).ceil();
        for (index, count) in self.counts.iter().enumerate() {
            left -= *count as f64;
            if *count > 0 && left <= 0.0 {
                return upper_bound(index);
            }
        }
        0
    }

    /// The same in milliseconds.
    pub(crate) fn milliseconds(&self, quantile: f64) -> f64 {
        self.quantile(quantile) as f64 / 1e6
    }
}

/// Values below `STEPS` have a bucket each; above, the leading bit chooses the row and the next
/// `STEP_BITS` bits the bucket.
fn bucket(value: u64) -> usize {
    let row = value.checked_ilog2().unwrap_or(0).saturating_sub(STEP_BITS);
    row as usize * STEPS + (value >> row) as usize
}

/// The largest value of a bucket.
fn upper_bound(index: usize) -> u64 {
    if index < 2 * STEPS {
        return index as u64;
    }
    let row = index / STEPS - 1;
    let step = (index - row * STEPS) as u64;
    ((step + 1) << row).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_value_within_a_32nd() {
        for value in (0..200).chain((0..64).map(|bit| 1 << bit)).chain([12_345_678, u64::MAX - 1, u64::MAX]) {
            let upper = upper_bound(bucket(value));
            assert!(upper >= value && upper - value <= value / 32, "{value} in a bucket up to {upper}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), 0);
        for value in 1..=1000 {
            histogram.record(value * 1000);
        }
        for (quantile, exact) in [(0.5, 500_000.0), (0.99, 990_000.0), (1.0, 1_000_000.0)] {
            let found = histogram.quantile(quantile) as f64;
            assert!(found >= exact && found <= exact * 1.04, "{quantile}: {found}");
        }
    }
}
