use core::time::Duration;

use super::CloseReason;

/// How a stream is ended: why, and what its reader is told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End<'a> {
    /// Why. [`CloseReason::Lagging`] resets the connection: who does not read cannot be told anything.
    pub reason: CloseReason,
    /// A new reconnection time (HTML §9.2.6, `retry`), if any.
    pub retry: Option<Duration>,
    /// Whole events that leave last, if any.
    pub last: Option<&'a [u8]>,
}

impl End<'_> {
    /// Makes an end without a last word.
    pub const fn new(reason: CloseReason) -> Self {
        Self { reason, retry: None, last: None }
    }
}

/// The application has nothing more to say.
impl Default for End<'_> {
    fn default() -> Self {
        Self::new(CloseReason::StreamEnded)
    }
}
