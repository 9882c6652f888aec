use core::time::Duration;

use super::{CloseReason, Connect, ConnectError, Event, EventSource, Progress, Reason, Restart, Source};
use crate::http::Url;
use crate::{Instant, Protocol, UnixTime};

/// What the reconnecting clients have in common, for a driver of any of them: the way to connections beside the [`Protocol`] that each
/// of these then carries. The [module](super) shows the loop.
pub trait Reconnect: Protocol {
    /// Returns the connection to make, when one is due and all events are taken. An older socket is to be dropped.
    fn poll_connect(&mut self, now: Instant) -> Option<Connect>;

    /// Notes that a step on the way to the connection is done.
    fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress);

    /// Tells the wall time, before each connection.
    fn handle_clock(&mut self, now: Instant, unix: UnixTime);

    /// Notes that the connection stands, with all its steps done.
    fn handle_connected(&mut self, now: Instant, attempt: u64);

    /// Notes that the connection could not be made.
    fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError);

    /// Notes that reading or writing failed. What was received before still counts.
    fn handle_reset(&mut self, now: Instant);

    /// Drops the connection, if there is one, and connects again.
    fn restart(&mut self, now: Instant, restart: Restart);

    /// Ends it all.
    fn close(&mut self, now: Instant);

    /// Returns the machine that decides.
    fn source(&self) -> &Source;

    /// Tells what an event changed, if it did.
    fn change(event: &Self::Event) -> Option<Change<'_>>;
}

/// What an event of a [`Reconnect`] tells about its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// It is open.
    Opened {
        /// Where, after all redirects.
        url: &'a Url,
    },
    /// The connection, or the attempt to make it, ended; another attempt follows.
    Disconnected {
        /// Why it ended.
        reason: &'a Reason,
        /// When the next attempt begins.
        retry_at: Instant,
        /// How long that is from the end on.
        retry_in: Duration,
    },
    /// It is over.
    Closed(&'a CloseReason),
}

impl Reconnect for EventSource {
    fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.poll_connect(now)
    }

    fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress) {
        self.handle_progress(now, attempt, progress);
    }

    fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.handle_clock(now, unix);
    }

    fn handle_connected(&mut self, now: Instant, attempt: u64) {
        self.handle_connected(now, attempt);
    }

    fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError) {
        self.handle_connect_failed(now, attempt, error);
    }

    fn handle_reset(&mut self, now: Instant) {
        self.handle_reset(now);
    }

    fn restart(&mut self, now: Instant, restart: Restart) {
        self.restart(now, restart);
    }

    fn close(&mut self, now: Instant) {
        self.close(now);
    }

    fn source(&self) -> &Source {
        self.source()
    }

    fn change(event: &Event) -> Option<Change<'_>> {
        match event {
            Event::Opened { url, .. } => Some(Change::Opened { url }),
            Event::Disconnected { reason, retry_at, retry_in } => {
                Some(Change::Disconnected { reason, retry_at: *retry_at, retry_in: *retry_in })
            }
            Event::Closed(reason) => Some(Change::Closed(reason)),
            Event::Answer(_) | Event::Message(_) | Event::Comment(_) | Event::Retry(_) => None,
        }
    }
}
