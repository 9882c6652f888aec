use alloc::boxed::Box;

use super::Guest;
use crate::log::{EventId, Gap, ReaderId};

/// A stream as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Subscribe<'a> {
    /// Whose.
    pub guest: Guest,
    /// The channels; a name that stands there twice counts once.
    pub channels: &'a [&'a str],
    /// The last event ID that the reader brings; an empty one is none.
    pub last_event_id: Option<&'a str>,
}

/// A stream that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribed {
    /// Its reader.
    pub reader: ReaderId,
    /// What the reader must be told before anything else.
    pub gap: Option<Gap>,
    /// The id where the stream starts, so that a reader that is cut before its first publication resumes from there. `None` before a gap,
    /// and where it is not known.
    pub start: Option<Box<str>>,
    /// Whether it goes on exactly where the reader was.
    pub resumed: bool,
}

pub(super) fn start(gap: Option<&Gap>, cursor: Option<EventId>) -> Option<Box<str>> {
    use alloc::string::ToString;
    if gap.is_some() {
        return None;
    }
    cursor.map(|id| id.to_string().into())
}
