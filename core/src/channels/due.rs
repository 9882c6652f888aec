use alloc::collections::BTreeSet;

use crate::Instant;
use crate::log::ReaderId;

/// What is due for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// Its longest time is over.
    End,
    /// What was held back for it is to leave.
    Release,
    /// Its repository has had its time.
    LoadTimeout,
}

/// What is due when, for all readers.
#[derive(Debug, Default)]
pub(super) struct Dues {
    set: BTreeSet<(Instant, ReaderId, What)>,
}

impl Dues {
    pub(super) fn add(&mut self, at: Instant, reader: ReaderId, what: What) {
        self.set.insert((at, reader, what));
    }

    pub(super) fn remove(&mut self, at: Instant, reader: ReaderId, what: What) {
        self.set.remove(&(at, reader, what));
    }

    pub(super) fn first(&self) -> Option<Instant> {
        self.set.first().map(|(at, ..)| *at)
    }

    /// Takes what is due by `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<(ReaderId, What)> {
        let (at, ..) = self.set.first()?;
        if *at > now {
            return None;
        }
        self.set.pop_first().map(|(_, reader, what)| (reader, what))
    }
}
