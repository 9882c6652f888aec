//! What the readers of one thread measured, to be added up.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::sequence::{Arrival, Sequence};

/// Counts and times, in microseconds; those of several threads are added up.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// How many readers have tried to connect, and succeeded or failed.
    pub(super) tried: u64,
    /// How many readers were open at least once.
    pub(super) opened: u64,
    /// How many are open.
    pub(super) open: u64,
    /// How many streams were opened, by readers that came back too.
    pub(super) connects: Histogram<u64>,
    /// When the first and the last reader was open for the first time.
    pub(super) opening: Option<(u64, u64)>,
    /// From the planned time of a publication to its arrival.
    pub(super) delays: Histogram<u64>,
    /// From its sending to its arrival.
    pub(super) from_sending: Histogram<u64>,
    /// Publications of this run that came, duplicates too.
    pub(super) delivered: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
    /// Events that no publication of this run made.
    pub(super) others: u64,
    /// Events by which a Tidewire server tells that some are missing.
    pub(super) gaps: u64,
    /// Bytes of data of all events.
    pub(super) bytes: u64,
    /// Connections that were lost or never made, by cause.
    pub(super) failures: Causes,
}

/// How often something went wrong, by cause.
pub(super) type Causes = BTreeMap<String, u64>;

/// Counts a cause; the number of different ones is bounded, for a server has a say in their words.
pub(super) fn count(causes: &mut Causes, cause: String) {
    let cause = if causes.len() < MOST_CAUSES || causes.contains_key(&cause) { cause } else { "other causes".into() };
    *causes.entry(cause).or_default() += 1;
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            tried: 0,
            opened: 0,
            open: 0,
            connects: times(),
            opening: None,
            delays: times(),
            from_sending: times(),
            delivered: 0,
            duplicates: 0,
            late: 0,
            others: 0,
            gaps: 0,
            bytes: 0,
            failures: Causes::new(),
        }
    }

    /// Returns how many publications came, each counted once for a reader.
    pub(super) fn fresh(&self) -> u64 {
        self.delivered - self.duplicates
    }

    pub(super) fn arrived(&mut self, arrival: Arrival, delay: u64, from_sending: u64) {
        self.delivered += 1;
        self.duplicates += u64::from(arrival == Arrival::Duplicate);
        self.late += u64::from(arrival == Arrival::Late);
        // The second time it comes is no delivery.
        if arrival != Arrival::Duplicate {
            self.delays.saturating_record(delay);
            self.from_sending.saturating_record(from_sending);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.tried += other.tried;
        self.opened += other.opened;
        self.open += other.open;
        self.delivered += other.delivered;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.others += other.others;
        self.gaps += other.gaps;
        self.bytes += other.bytes;
        self.opening = match (self.opening, other.opening) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (own, other) => own.or(other),
        };
        for (ours, theirs) in [
            (&mut self.connects, &other.connects),
            (&mut self.delays, &other.delays),
            (&mut self.from_sending, &other.from_sending),
        ] {
            // All have the same bounds, so that nothing can be out of them.
            let added = ours.add(theirs);
            debug_assert!(added.is_ok());
        }
        for (cause, times) in &other.failures {
            *self.failures.entry(cause.clone()).or_default() += times;
        }
    }
}

/// What is missing at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) events: u64,
    /// How many readers miss some.
    pub(super) readers: u64,
}

impl Missing {
    /// Adds up what the readers miss of the messages below `end`, those in `except` aside.
    pub(super) fn of<'a>(readers: impl Iterator<Item = &'a Sequence>, end: u64, except: &[u64]) -> Self {
        readers.map(|reader| reader.missing(end, except)).fold(Self::default(), |sum, events| Self {
            events: sum.events + events,
            readers: sum.readers + u64::from(events > 0),
        })
    }
}

/// Returns a histogram of times from a microsecond to an hour, exact to three digits.
pub(super) fn times() -> Histogram<u64> {
    // These bounds are valid ones.
    Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap_or_else(|_| unreachable!())
}

const MOST_CAUSES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let (mut one, mut two) = (Tally::new(), Tally::new());
        (one.opened, one.opening) = (1, Some((5, 9)));
        (two.opened, two.opening) = (2, Some((3, 4)));
        one.arrived(Arrival::InOrder, 10, 1);
        two.arrived(Arrival::Late, 30, 2);
        two.arrived(Arrival::Duplicate, 1_000, 3);
        count(&mut two.failures, "x".into());
        one.add(&two);
        assert_eq!((one.opened, one.opening, one.delivered, one.fresh()), (3, Some((3, 9)), 3, 2));
        assert_eq!((one.late, one.duplicates, one.delays.max(), one.delays.len()), (1, 1, 30, 2));
        assert_eq!(one.failures.get("x"), Some(&1));
    }

    #[test]
    fn a_server_cannot_make_up_causes_without_end() {
        let mut causes = Causes::new();
        (0..1_000).for_each(|number| count(&mut causes, format!("cause {number}")));
        assert_eq!((causes.len(), causes.values().sum::<u64>()), (MOST_CAUSES + 1, 1_000));
    }
}
