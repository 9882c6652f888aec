//! Which of the numbered messages one reader got: how many twice, how many late, and how many never.

/// What one reader got so far. Its memory is bounded: it remembers at most [`MOST_HOLES`] stretches of missing numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    /// The first number it is to get; none if that is the first that comes.
    from: Option<u64>,
    /// The number after the highest that came.
    next: u64,
    /// The stretches below `next` that did not come, ends excluded, in order.
    holes: Vec<(u64, u64)>,
    /// How many numbers are missing for good, because their stretch is forgotten.
    forgotten: u64,
}

/// What a message is to the reader who got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It comes after all that came before.
    InOrder,
    /// It was overtaken by a later one.
    Late,
    /// It came before.
    Duplicate,
}

impl Sequence {
    /// Returns that of a reader who is to get all numbers from `from` on; with none, all after the first that comes.
    pub(super) fn new(from: Option<u64>) -> Self {
        Self { from, next: from.unwrap_or_default(), ..Self::default() }
    }

    /// Takes the number of a message that came.
    pub(super) fn take(&mut self, number: u64) -> Arrival {
        if self.from.is_none() {
            (self.from, self.next) = (Some(number), number);
        }
        if number >= self.next {
            if number > self.next {
                self.open(self.next, number);
            }
            self.next = number + 1;
            return Arrival::InOrder;
        }
        match self.holes.iter().position(|(from, to)| (*from..*to).contains(&number)) {
            Some(at) => {
                self.fill(at, number);
                Arrival::Late
            }
            None => Arrival::Duplicate,
        }
    }

    /// Returns how many of the numbers below `end` never came, those in `except` aside, which are sorted.
    pub(super) fn missing(&self, end: u64, except: &[u64]) -> u64 {
        let Some(from) = self.from else { return 0 };
        let tail = (self.next.max(from), end);
        let stretches = self.holes.iter().chain([&tail]);
        let counted = stretches.filter(|(from, to)| from < to).map(|(from, to)| {
            let excepted =
                except.partition_point(|number| number < to) - except.partition_point(|number| number < from);
            to - from - excepted as u64
        });
        counted.sum::<u64>() + self.forgotten
    }

    fn open(&mut self, from: u64, to: u64) {
        if self.holes.len() == MOST_HOLES {
            let (from, to) = self.holes.remove(0);
            self.forgotten += to - from;
        }
        self.holes.push((from, to));
    }

    fn fill(&mut self, at: usize, number: u64) {
        let (from, to) = self.holes.remove(at);
        if number + 1 < to {
            self.holes.insert(at, (number + 1, to));
        }
        if from < number {
            self.holes.insert(at, (from, number));
        }
    }
}

/// A reader that misses more stretches than this is not asked any more whether the oldest of them came late.
const MOST_HOLES: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_in_order_misses_nothing() {
        let mut sequence = Sequence::new(Some(0));
        assert!((0..10).all(|number| sequence.take(number) == Arrival::InOrder));
        assert_eq!((sequence.missing(10, &[]), sequence.missing(12, &[]), sequence.missing(12, &[11])), (0, 2, 1));
    }

    #[test]
    fn lost_late_and_doubled_are_told_apart() {
        let mut sequence = Sequence::new(Some(0));
        let arrivals = [0, 3, 1, 1, 3, 4].map(|number| sequence.take(number));
        use Arrival::{Duplicate, InOrder, Late};
        assert_eq!(arrivals, [InOrder, InOrder, Late, Duplicate, Duplicate, InOrder]);
        assert_eq!(sequence.missing(5, &[]), 1, "number 2");
        assert_eq!(sequence.missing(5, &[2]), 0);
    }

    #[test]
    fn who_comes_late_misses_nothing_from_before() {
        let mut sequence = Sequence::new(None);
        assert_eq!(sequence.missing(100, &[]), 0);
        assert_eq!(sequence.take(50), Arrival::InOrder);
        assert_eq!(sequence.missing(100, &[]), 49);
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_missing() {
        let mut sequence = Sequence::new(Some(0));
        for number in 0..10_000 {
            sequence.take(2 * number + 1);
        }
        assert_eq!(sequence.holes.len(), MOST_HOLES);
        assert_eq!(sequence.missing(20_000, &[]), 10_000);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set_of_numbers(numbers in prop::collection::vec(0..60_u64, 0..80), except in 0..60_u64) {
            let (mut sequence, mut seen) = (Sequence::new(Some(0)), BTreeSet::new());
            for number in numbers {
                let expected = match (seen.contains(&number), seen.last().is_none_or(|last| number > *last)) {
                    (true, _) => Arrival::Duplicate,
                    (false, true) => Arrival::InOrder,
                    (false, false) => Arrival::Late,
                };
                prop_assert_eq!(sequence.take(number), expected);
                seen.insert(number);
            }
            let missing = (0..60).filter(|number| !seen.contains(number) && *number != except).count();
            prop_assert_eq!(sequence.missing(60, &[except]), missing as u64);
        }
    }
}
