//! Which part of a file a request asks for (RFC 9110, 14). Pure.

/// What is sent of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first to the last of these bytes, both included.
    Bytes { first: u64, last: u64 },
    /// Nothing: it has no such bytes.
    None,
}

/// The part that the header `Range` names. What is no range of bytes, or several of them, is answered with
/// the whole, as the standard allows.
pub(super) fn part(range: Option<&str>, size: u64) -> Part {
    let Some(ranges) = range.and_then(|range| range.strip_prefix("bytes=")) else { return Part::Whole };
    let Some((first, last)) = ranges.split_once('-') else { return Part::Whole };
    match (number(first), number(last)) {
        (Some(first), _) if first >= size && (last.is_empty() || number(last) >= Some(first)) => Part::None,
        (Some(first), Some(last)) if first <= last => Part::Bytes { first, last: last.min(size - 1) },
        (Some(first), None) if last.is_empty() => Part::Bytes { first, last: size - 1 },
        (None, Some(0)) if first.is_empty() => Part::None,
        (None, Some(_)) if first.is_empty() && size == 0 => Part::None,
        (None, Some(length)) if first.is_empty() => {
            Part::Bytes { first: size.saturating_sub(length), last: size - 1 }
        }
        _ => Part::Whole,
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Red where the end of a suffix was taken for a position.
    #[test]
    fn ranges_as_the_standard_reads_them() {
        let bytes = |first, last| Part::Bytes { first, last };
        for (range, size, expected) in [
            ("bytes=0-4", 10, bytes(0, 4)),
            ("bytes=0-0", 10, bytes(0, 0)),
            ("bytes=3-", 10, bytes(3, 9)),
            ("bytes=-3", 10, bytes(7, 9)),
            ("bytes=-30", 10, bytes(0, 9)),
            ("bytes=5-99999999999999999999999", 10, bytes(5, 9)),
            ("bytes=10-", 10, Part::None),
            ("bytes=10-12", 10, Part::None),
            ("bytes=-0", 10, Part::None),
            ("bytes=0-", 0, Part::None),
            ("bytes=-1", 0, Part::None),
            ("bytes=4-3", 10, Part::Whole),
            ("bytes=12-11", 10, Part::Whole),
            ("bytes=0-1,3-4", 10, Part::Whole),
            ("bytes=", 10, Part::Whole),
            ("bytes=-", 10, Part::Whole),
            ("bytes=a-b", 10, Part::Whole),
            ("bytes=+1-2", 10, Part::Whole),
            ("lines=0-1", 10, Part::Whole),
        ] {
            assert_eq!(part(Some(range), size), expected, "{range}");
        }
        assert_eq!(part(None, 10), Part::Whole);
    }

    proptest! {
        /// Red where the last byte was not cut to the size.
        #[test]
        fn a_part_lies_within_the_file(range in "bytes=[0-9]{0,3}-[0-9]{0,3}", size in 0..200_u64) {
            if let Part::Bytes { first, last } = part(Some(&range), size) {
                prop_assert!(first <= last && last < size, "{first}-{last} of {size}");
            }
        }
    }
}
