use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;

use super::EventId;

/// What a reader is told when it cannot be given everything that follows the id it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// The id after which something may be missing, as the reader gave it; at most 128 bytes of it.
    pub after: Box<str>,
    /// The id of the first publication from which on nothing is missing; `None` when there is none yet. A reader of several
    /// topics may be given some before it, too: what the others still have.
    pub next: Option<EventId>,
    /// The id to go on from, just before the first publication that is given next. A reader of one topic that comes back with
    /// it is not told of this gap again.
    pub resume: EventId,
}

impl Gap {
    pub(super) fn text(after: &str) -> Box<str> {
        let mut end = after.len().min(MAX_AFTER);
        while !after.is_char_boundary(end) {
            end -= 1;
        }
        after.get(..end).unwrap_or_default().into()
    }

    pub(super) fn id(after: EventId) -> Box<str> {
        after.to_string().into()
    }
}

/// Why there is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// What follows the id is no longer kept. What is kept comes next.
    Evicted,
    /// The id is of another life of the log: everything since its loss that is kept comes next.
    Epoch,
    /// The id is ahead of the log: only what is published from here on comes next.
    Ahead,
    /// The text is not an id: only what is published from here on comes next.
    Malformed,
    /// The reader was so slow that what it was to read next is no longer kept. What is kept comes next.
    Lag,
    /// More follows the id than is replayed. The last of it comes next.
    Limit,
    /// The application's repository failed to tell what follows the id.
    Unavailable,
}

impl GapReason {
    /// Returns its word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::Epoch => "epoch",
            Self::Ahead => "ahead",
            Self::Malformed => "malformed",
            Self::Lag => "lag",
            Self::Limit => "limit",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const MAX_AFTER: usize = 128;
