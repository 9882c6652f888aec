use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use futures_core::Stream;
use http::Response;
use http_body::Body;
use tidewire_core::client::ContentType;
use tidewire_core::sse::{self, End, Event, Parser};

use crate::ByteStream;
use crate::error::{NotEvents, ReadError};
use crate::exchange::{Receiving, head_of};

/// Reads the events of a body that is open already, without reconnecting.
///
/// The wait of [`next`](Self::next) may be given up at any point, as in a `select` or a timeout; nothing is lost by it. At most
/// one frame of the body waits undecoded; dropping the reader drops the body.
pub struct EventReader<B: Body> {
    body: Receiving<B>,
    parser: Parser,
    /// Whether a strict parser has objected, and may still have to tell the comment that it objected to.
    objected: bool,
    ended: bool,
}

/// Returns the events of `response`, such as a `reqwest::Response`, if it is 200 with `text/event-stream`.
///
/// # Errors
///
/// [`NotEvents`] gives any other response back: its body may say what is wrong.
pub fn events<B: Body>(response: impl Into<Response<B>>) -> Result<EventReader<B>, NotEvents<B>> {
    let response = response.into();
    if response.status() == http::StatusCode::OK && ContentType::Exact.takes(&head_of(&response).fields) {
        Ok(EventReader::new(response.into_body()))
    } else {
        Err(NotEvents { response })
    }
}

impl<B: Body> EventReader<B> {
    /// Reads `body` with the default limits.
    pub fn new(body: B) -> Self {
        Self::with_parser(body, Parser::new())
    }

    /// Reads `body` with a parser of one's own: limits, strictness, last event ID.
    pub fn with_parser(body: B, parser: Parser) -> Self {
        Self { body: Receiving::new(body), parser, objected: false, ended: false }
    }

    /// Waits for the next event; none after a clean end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`], which tells an end in the middle of an event from a clean one. After an error the stream is over,
    /// but for what a strict parser objects to.
    pub async fn next(&mut self) -> Result<Option<Event>, ReadError<B::Error>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Returns the last event ID, to resume after.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Event>, ReadError<B::Error>>> {
        loop {
            if let Some(event) = self.take().map_err(ReadError::Parse)? {
                return Poll::Ready(Ok(Some(event)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.body.poll_data(context)) {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    if self.parser.finish() != End::Clean {
                        return Poll::Ready(Err(ReadError::MidEvent));
                    }
                }
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Err(ReadError::Body(error)));
                }
            }
        }
    }

    /// Returns the next event of what was received.
    fn take(&mut self) -> Result<Option<Event>, sse::Error> {
        while !self.ended {
            let mut data = self.body.unread();
            let unread = data.as_ref().map_or(&[][..], |data| data.chunk());
            if unread.is_empty() && !self.objected {
                break;
            }
            self.objected = false;
            let mut events = self.parser.feed(unread);
            let found = events.next().map(|found| found.map(|event| event.to_owned()));
            let used = unread.len() - events.rest().len();
            if let Some(data) = &mut data {
                data.advance(used);
            }
            match found {
                None => {}
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    self.ended = error.is_fatal();
                    self.objected = !self.ended;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }
}

impl<S: Stream<Item = Result<D, E>>, D: Buf, E> EventReader<ByteStream<S>> {
    /// Reads a stream of bytes with the default limits.
    pub fn from_stream(stream: S) -> Self {
        Self::new(ByteStream::new(stream))
    }
}

/// What is pinned stands in boxes.
impl<B: Body> Unpin for EventReader<B> {}

/// The events as [`EventReader::next`] gives them.
impl<B: Body> Stream for EventReader<B> {
    type Item = Result<Event, ReadError<B::Error>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next(context).map(Result::transpose)
    }
}

impl<B: Body> fmt::Debug for EventReader<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader").field("parser", &self.parser).field("ended", &self.ended).finish_non_exhaustive()
    }
}
