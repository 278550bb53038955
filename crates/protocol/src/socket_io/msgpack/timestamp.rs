//! Times as texts.

use std::fmt::Write as _;

/// The largest time of JavaScript's `Date`, in milliseconds on either side of 1970.
const MS_MAX: i64 = 8_640_000_000_000_000;

const MS_PER_DAY: i64 = 86_400_000;

/// The milliseconds of msgpack's own timestamp, `ext -1`: seconds in 4 bytes, nanoseconds and seconds in 8
/// (30 bits and 34), or in 12 (4 bytes and 8).
pub(super) fn of_extension(data: &[u8]) -> Option<i64> {
    let (nanos, seconds) = match data.len() {
        4 => (0, i64::from(u32::from_be_bytes(data.try_into().ok()?))),
        8 => {
            let bits = u64::from_be_bytes(data.try_into().ok()?);
            (bits >> 34, i64::try_from(bits & ((1 << 34) - 1)).ok()?)
        }
        12 => {
            let (nanos, seconds) = data.split_first_chunk::<4>()?;
            (u64::from(u32::from_be_bytes(*nanos)), i64::from_be_bytes(seconds.try_into().ok()?))
        }
        _ => return None,
    };
    Some(seconds.saturating_mul(1_000).saturating_add(i64::try_from(nanos / 1_000_000).ok()?))
}

/// Appends a time as JavaScript's `toISOString` writes it, with quotes; `null` outside of its range.
pub(super) fn write(out: &mut String, ms: i64) {
    if !(-MS_MAX..=MS_MAX).contains(&ms) {
        out.push_str("null");
        return;
    }
    let (year, month, day) = date(ms.div_euclid(MS_PER_DAY));
    let time = ms.rem_euclid(MS_PER_DAY);
    let (hour, minute, second) = (time / 3_600_000, time / 60_000 % 60, time / 1_000 % 60);
    let ms = time % 1_000;
    let year = match year {
        0..=9_999 => format!("{year:04}"),
        _ => format!("{year:+07}"),
    };
    write!(out, "\"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z\"")
        .expect("a String takes all");
}

/// The date so many days after 1970-01-01: years begin in March, so that the leap day comes last, and go in
/// eras of 400, which have all the same length.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
