use super::{End, Heartbeat, SendError};
use crate::Instant;
use crate::log::Burst;

/// Where a reader's publications go: an [`EventStream`](super::EventStream), or the [`Session`](super::Session) that holds one.
pub trait Outlet {
    /// Tells whether a stream is open and all that it was given was taken: time to read the log.
    fn wants_publications(&self) -> bool;

    /// Tells whether all that the stream was given has left: taken, and written whole, as the driver showed by asking for more.
    fn is_written(&self) -> bool;

    /// Gives the open stream a burst of publications: one piece for one write.
    ///
    /// # Errors
    ///
    /// When no stream is open, or the last burst was not taken yet: ask [`wants_publications`](Self::wants_publications) first.
    fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError>;

    /// Sends bytes on the open stream: whole events or comments, and no publications of the log. They leave before a burst that
    /// was pushed and not yet taken.
    ///
    /// # Errors
    ///
    /// When no stream is open, or too much waits already; nothing is sent then.
    fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError>;

    /// Puts another heartbeat in the place of the one that the open stream has; `None` stops it.
    fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>);

    /// Ends the open stream, and its connection; without one it does nothing.
    fn end_stream(&mut self, now: Instant, end: End<'_>);
}
