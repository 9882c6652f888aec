use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tidewire_core::Instant;
use tidewire_core::sse::{Event, Parser};
use tidewire_std::{Clock, Decoder, ReadError};

use crate::alarm::Alarm;
use crate::runtime::{AsyncRead, poll_read};

/// Reads the events of a stream from any [`AsyncRead`]: a body, a file, a pipe.
///
/// The wait of [`next`](Self::next) may be given up at any point, as in a `select`; nothing is lost by it.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    decoder: Decoder,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    clock: Clock,
    alarm: Alarm,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads `source` with the default limits.
    pub fn new(source: R) -> Self {
        Self::with_parser(source, Parser::new())
    }

    /// Reads `source` with a parser of one's own: limits, strictness, last event ID.
    pub fn with_parser(source: R, parser: Parser) -> Self {
        Self {
            source,
            decoder: Decoder::new(parser),
            timeout: None,
            deadline: None,
            clock: Clock::start(),
            alarm: Alarm::default(),
        }
    }

    /// Gives up a wait in which no byte came for `timeout`, with [`ReadError::TimedOut`]; any byte starts it anew.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Waits for the next event; none after a clean end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`], which tells an end in the middle of an event from a clean one.
    pub async fn next(&mut self) -> Result<Option<Event>, ReadError> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Event>, ReadError>> {
        loop {
            if let Some(event) = self.decoder.take()? {
                return Poll::Ready(Ok(Some(event)));
            }
            if self.decoder.is_ended() {
                return Poll::Ready(Ok(None));
            }
            match poll_read(&mut self.source, context, self.decoder.space())? {
                Poll::Ready(count) => {
                    self.deadline = None;
                    self.decoder.filled(count)?;
                }
                Poll::Pending => ready!(self.poll_timeout(context)?),
            }
        }
    }

    /// Waits until the deadline, and then fails.
    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        let now = self.clock.now();
        let Some(timeout) = self.timeout else {
            return Poll::Pending;
        };
        let deadline = *self.deadline.get_or_insert(now + timeout);
        if deadline <= now {
            self.deadline = None;
            return Poll::Ready(Err(ReadError::TimedOut));
        }
        self.alarm.poll(context, &self.clock, self.clock.now(), Some(deadline)).map(Ok)
    }

    /// Returns the last event ID, to resume after.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Returns the source; what was read ahead from it is lost.
    pub fn into_inner(self) -> R {
        self.source
    }
}
