//! When a letter is tried again.

/// After each attempt, the minutes until the next; after the last, until the letter is given up.
const PAUSES_MIN: [u64; 5] = [1, 5, 30, 120, 120];

/// When a letter is due again once it has been tried so many times; `None` where that is often enough.
pub(super) fn next(tried: u32, now_ms: u64) -> Option<u64> {
    let pause = PAUSES_MIN.get((tried as usize).checked_sub(1)?)?;
    Some(now_ms.saturating_add(pause * 60_000))
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn a_letter_is_tried_five_times() {
        let pauses: Vec<_> = (1..=7).map(|tried| next(tried, 0).map(|ms| ms / 60_000)).collect();
        assert_eq!(pauses, [Some(1), Some(5), Some(30), Some(120), Some(120), None, None]);
    }
}
