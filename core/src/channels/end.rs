use alloc::vec::Vec;

use super::place::Ending;
use super::{Channels, Limit};
use crate::Instant;
use crate::log::ReaderId;
use crate::server::{CloseReason, End};

impl Channels {
    /// Notes that the server closes: nothing new begins, nothing more is published, and every reader ends after what was published
    /// before, with the last event of the configuration and a time to come back of its own.
    pub fn shutdown(&mut self, now: Instant) {
        self.note_time(now);
        if core::mem::replace(&mut self.closed, true) {
            return;
        }
        let all: Vec<ReaderId> = self.places.iter().map(|place| place.id).collect();
        for reader in all {
            self.end(reader, Ending { reason: CloseReason::Shutdown, drain: true });
        }
    }

    /// Returns the end of a reader that is not to wait until its socket has taken what it was given: it lags too far behind, or has had
    /// its longest time. To be asked when the reader was [woken](Self::poll_wake) and its socket wants nothing.
    pub fn poll_end(&mut self, now: Instant, reader: ReaderId) -> Option<End<'_>> {
        let Ending { reason, drain: false } = self.places.get(reader)?.ending? else { return None };
        Some(self.make_end(now, reason))
    }

    /// Has a reader end, and woken for it. What ends at once holds over what ends later.
    pub(super) fn end(&mut self, reader: ReaderId, ending: Ending) {
        let Some(place) = self.places.get_mut(reader) else { return };
        if place.ending.is_some_and(|known| !known.drain || ending.drain) {
            return;
        }
        place.ending = Some(ending);
        if ending.reason == CloseReason::Lagging {
            self.totals.ended_for_lag += 1;
        }
        self.wake_up(reader);
    }

    /// Ends those who are too far behind.
    pub(super) fn end_lagging(&mut self) {
        while let Some(reader) = self.log.poll_lagging() {
            // What is published while a repository answers is read from there, and of what is held back only the last is given.
            if self.places.get(reader).is_some_and(|place| place.loading.is_none() && place.debounce.is_none()) {
                self.end(reader, Ending { reason: CloseReason::Lagging, drain: false });
            }
        }
    }

    /// Counts a refusal.
    pub(super) fn refuse(&mut self, limit: Limit) -> Limit {
        self.totals.refuse(limit);
        limit
    }
}
