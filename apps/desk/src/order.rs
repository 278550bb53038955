//! Keys that sort: between any two of them there is another one. Pure.
//!
//! The format is that of the npm package `fractional-indexing` 4: a head that says how many digits the integer
//! part has (`a` one … `z` 26 upwards, `Z` one … `A` 26 downwards), those digits, and a fraction that does not
//! end in `0`; digits are `0-9A-Za-z`. Keys are compared by bytes and never by a language's rules. Appending
//! makes keys that grow by one character in thousands; halving the same gap over and over makes one that grows
//! by one character in five.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ZERO: u8 = b'0';
const LAST: u8 = b'z';
/// The smallest integer has this many digits after its head `A`; no key is made of it alone, so that
/// something fits before every key.
const MOST_DIGITS: usize = 26;

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// A text that is no key.
    #[error("{0:?} is no key")]
    NoKey(String),
    /// The first key does not sort before the second.
    #[error("{0:?} does not sort before {1:?}")]
    Order(String, String),
}

/// A key between two, or before or after one; the first of all where there is none.
///
/// ```
/// use veche_desk::order::between;
///
/// assert_eq!(between(None, None).as_deref(), Ok("a0"));
/// assert_eq!(between(Some("a0"), None).as_deref(), Ok("a1"));
/// assert_eq!(between(None, Some("a0")).as_deref(), Ok("Zz"));
/// assert_eq!(between(Some("a1"), Some("a2")).as_deref(), Ok("a1V"));
/// ```
pub fn between(low: Option<&str>, high: Option<&str>) -> Result<String, OrderError> {
    let (low, high) = (low.map(Key::parse).transpose()?, high.map(Key::parse).transpose()?);
    if let (Some(low), Some(high)) = (&low, &high)
        && low.text >= high.text
    {
        return Err(OrderError::Order(low.text.into(), high.text.into()));
    }
    let key = match (low, high) {
        (None, None) => b"a0".to_vec(),
        (None, Some(high)) => before(&high),
        (Some(low), None) => after(&low),
        (Some(low), Some(high)) => inside(&low, &high),
    };
    Ok(key.into_iter().map(char::from).collect())
}

/// So many keys between two, in order: evenly spread in a gap, consecutive at an end.
pub fn n_between(low: Option<&str>, high: Option<&str>, count: usize) -> Result<Vec<String>, OrderError> {
    let mut keys = Vec::with_capacity(count);
    match (low, high) {
        (_, None) => {
            let mut last = low.map(str::to_owned);
            for _ in 0..count {
                let key = between(last.as_deref(), None)?;
                keys.push(key.clone());
                last = Some(key);
            }
        }
        (None, Some(high)) => {
            let mut first = high.to_owned();
            for _ in 0..count {
                first = between(None, Some(&first))?;
                keys.push(first.clone());
            }
            keys.reverse();
        }
        (Some(low), Some(high)) => spread(low, high, count, &mut keys)?,
    }
    Ok(keys)
}

/// Halves the gap, and what is left on both sides of it.
fn spread(low: &str, high: &str, count: usize, keys: &mut Vec<String>) -> Result<(), OrderError> {
    if count == 0 {
        return Ok(());
    }
    let middle = between(Some(low), Some(high))?;
    spread(low, &middle, count / 2, keys)?;
    keys.push(middle.clone());
    spread(&middle, high, count - count / 2 - 1, keys)
}

/// A key in its two parts.
struct Key<'a> {
    text: &'a str,
    integer: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Key<'a> {
    fn parse(text: &'a str) -> Result<Self, OrderError> {
        Self::split(text).ok_or_else(|| OrderError::NoKey(text.into()))
    }

    fn split(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (integer, fraction) = bytes.split_at_checked(integer_length(*bytes.first()?)?)?;
        let is_right = bytes.iter().all(u8::is_ascii_alphanumeric)
            && fraction.last() != Some(&ZERO)
            && bytes != smallest();
        is_right.then_some(Self { text, integer, fraction })
    }
}

/// How long an integer part with this head is.
fn integer_length(head: u8) -> Option<usize> {
    match head {
        b'a'..=b'z' => Some(usize::from(head - b'a') + 2),
        b'A'..=b'Z' => Some(usize::from(b'Z' - head) + 2),
        _ => None,
    }
}

fn smallest() -> [u8; MOST_DIGITS + 1] {
    let mut key = [ZERO; MOST_DIGITS + 1];
    key[0] = b'A';
    key
}

fn before(high: &Key<'_>) -> Vec<u8> {
    if high.integer == smallest() {
        return join(high.integer, &middle(&[], Some(high.fraction)));
    }
    if !high.fraction.is_empty() {
        return high.integer.to_vec();
    }
    // There is one: the smallest integer was the case above.
    step_down(high.integer).unwrap_or_default()
}

fn after(low: &Key<'_>) -> Vec<u8> {
    step_up(low.integer).unwrap_or_else(|| join(low.integer, &middle(low.fraction, None)))
}

fn inside(low: &Key<'_>, high: &Key<'_>) -> Vec<u8> {
    if low.integer == high.integer {
        return join(low.integer, &middle(low.fraction, Some(high.fraction)));
    }
    match step_up(low.integer) {
        Some(next) if next.as_slice() < high.text.as_bytes() => next,
        _ => join(low.integer, &middle(low.fraction, None)),
    }
}

fn join(integer: &[u8], fraction: &[u8]) -> Vec<u8> {
    [integer, fraction].concat()
}

/// The next integer; `None` after the largest.
fn step_up(integer: &[u8]) -> Option<Vec<u8>> {
    let mut next = integer.to_vec();
    for digit in next.iter_mut().skip(1).rev() {
        if *digit != LAST {
            *digit = digit_of(value(*digit) + 1);
            return Some(next);
        }
        *digit = ZERO;
    }
    let head = match *integer.first()? {
        b'z' => return None,
        b'Z' => b'a',
        head => head + 1,
    };
    resized(next, head, ZERO)
}

/// The integer before; `None` before the smallest.
fn step_down(integer: &[u8]) -> Option<Vec<u8>> {
    let mut previous = integer.to_vec();
    for digit in previous.iter_mut().skip(1).rev() {
        if *digit != ZERO {
            *digit = digit_of(value(*digit) - 1);
            return Some(previous);
        }
        *digit = LAST;
    }
    let head = match *integer.first()? {
        b'A' => return None,
        b'a' => b'Z',
        head => head - 1,
    };
    resized(previous, head, LAST)
}

/// The same digit all along, as many as the new head says.
fn resized(mut integer: Vec<u8>, head: u8, digit: u8) -> Option<Vec<u8>> {
    integer.resize(integer_length(head)?, digit);
    *integer.first_mut()? = head;
    Some(integer)
}

/// A fraction between two, of which the first may be empty and the second may be missing, which is 1.
fn middle(low: &[u8], high: Option<&[u8]>) -> Vec<u8> {
    let (mut low, mut high) = (low, high);
    let mut key = Vec::new();
    loop {
        if let Some(digits) = high {
            let padded = low.iter().copied().chain(std::iter::repeat(ZERO));
            let common = padded.zip(digits).take_while(|(low, high)| low == *high).count();
            key.extend(&digits[..common]);
            (low, high) = (low.get(common..).unwrap_or_default(), Some(&digits[common..]));
        }
        let first = low.first().map_or(0, |digit| value(*digit));
        let end = high.and_then(<[u8]>::first).map_or(62, |digit| value(*digit));
        if end > first + 1 {
            key.push(digit_of((first + end).div_ceil(2)));
            return key;
        }
        if let Some([digit, _, ..]) = high {
            key.push(*digit);
            return key;
        }
        key.push(digit_of(first));
        (low, high) = (low.get(1..).unwrap_or_default(), None);
    }
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'Z' => digit - b'A' + 10,
        _ => digit - b'a' + 36,
    }
}

fn digit_of(value: u8) -> u8 {
    DIGITS[usize::from(value)]
}

#[cfg(test)]
mod tests;
