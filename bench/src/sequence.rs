//! What one subscriber has seen of a publisher's numbers: loss, disorder and doubles.

/// The numbers 0, 1, 2 … as one subscriber receives them.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// One above the highest number seen.
    next: u64,
    /// Numbers below `next` that have not come.
    gaps: Vec<u64>,
    /// Numbers that came after a higher one.
    pub(crate) reordered: u64,
    /// Numbers that came again.
    pub(crate) doubled: u64,
}

impl Sequence {
    /// Takes a number, which the publisher has sent; says whether it is the first time.
    pub(crate) fn observe(&mut self, number: u64) -> bool {
        if number == self.next {
            self.next += 1;
        } else if number > self.next {
            self.gaps.extend(self.next..number);
            self.next = number + 1;
        } else if let Some(index) = self.gaps.iter().position(|gap| *gap == number) {
            self.gaps.swap_remove(index);
            self.reordered += 1;
        } else {
            self.doubled += 1;
            return false;
        }
        true
    }

    /// How many of the first `sent` numbers have not come.
    pub(crate) fn missing(&self, sent: u64) -> u64 {
        self.gaps.len() as u64 + sent.saturating_sub(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_disorder_and_doubles_are_told_apart() {
        let check = |numbers: &[u64], expected: (u64, u64, u64)| {
            let mut sequence = Sequence::default();
            for number in numbers {
                sequence.observe(*number);
            }
            let seen = (sequence.missing(4), sequence.reordered, sequence.doubled);
            assert_eq!(seen, expected, "{numbers:?}: missing, reordered, doubled");
        };
        check(&[0, 1, 2, 3], (0, 0, 0));
        check(&[0, 1], (2, 0, 0));
        check(&[0, 3], (2, 0, 0));
        check(&[0, 2, 1, 3], (0, 1, 0));
        check(&[3, 2, 1, 0], (0, 3, 0));
        check(&[0, 1, 1, 2, 3], (0, 0, 1));
        check(&[0, 2, 3, 1, 1], (0, 1, 1));
        check(&[], (4, 0, 0));
    }

    #[test]
    fn only_the_first_copy_is_new() {
        let mut sequence = Sequence::default();
        assert_eq!([2, 0, 0, 2, 1].map(|number| sequence.observe(number)), [true, true, false, false, true]);
    }
}
