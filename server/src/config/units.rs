//! Durations and sizes as people write them.

use std::time::Duration;

/// What a duration looks like, for messages.
pub(super) const DURATION: &str = r#"a duration such as "250ms", "10s", "5m", "1h" or "30d""#;

/// What a size looks like, for messages.
pub(super) const SIZE: &str = r#"a number of bytes, or a size such as "64KiB", "1MiB" or "1GiB""#;

/// Reads `250ms`, `10s`, `5m`, `1h` or `30d`; the error says what is expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    scaled(text, &units).map(Duration::from_millis).ok_or_else(|| DURATION.to_owned())
}

/// Reads `64KiB`, `1MiB`, `1GiB` or `512B`; the error says what is expected. Decimal units (`64KB`) are refused:
/// people mean both things by them.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    scaled(text, &units).ok_or_else(|| SIZE.to_owned())
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_or_refused() {
        let ms = |text| duration(text).ok().map(|value| value.as_millis());
        assert_eq!(ms("250ms"), Some(250));
        assert_eq!(ms("10s"), Some(10_000));
        assert_eq!(ms("5m"), Some(300_000));
        assert_eq!(ms("1h"), Some(3_600_000));
        assert_eq!(ms("30d"), Some(2_592_000_000));
        for bad in
            ["", "s", "10", "-1s", "1.5s", "10 sec", "1h30m", "99999999999999999999s", "999999999999999d"]
        {
            assert_eq!(ms(bad), None, "{bad}");
        }
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1 MiB"), Ok(1_048_576));
        assert_eq!(size("512B"), Ok(512));
        for bad in ["", "64KB", "64k", "-1KiB", "1.5MiB", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
