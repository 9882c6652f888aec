use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use tidewire_core::Instant;
use tidewire_core::http::{Coding, RequestHead};
use tidewire_core::server::{self, EventStream, Framing, Reply, StreamHead};
use tidewire_std::{Clock, Route, Seat, seed};

use super::error::BodyError;
use super::head::{reply_response, stream_response};
use super::live::{Feeder, Live};

use crate::Timer;

/// The body of an answer: an event stream, or the few bytes of a refusal. Any stack that takes a [`Body`] returns it.
///
/// A stream is given as the stack asks for it: what it does not ask for waits in the log, and costs this reader a cursor. Its
/// heartbeats, its longest time and its last words come with the asking, too. Dropping it, which is what a stack does when the peer
/// has gone, frees its reader at once.
///
/// A stream that is cut off on purpose, because its reader is too slow or the server must end, is an error: stacks then reset the
/// stream of HTTP/2 or close the connection of HTTP/1.1, and no reader takes that for an end.
pub struct EventBody(Kind);

enum Kind {
    Whole(Bytes),
    /// The answer to a HEAD: what length the body would have is not known, or is told already.
    Left,
    Stream {
        pieces: Box<dyn Pieces>,
        #[cfg_attr(not(feature = "axum"), allow(dead_code, reason = "only axum's answer asks for it"))]
        coding: Option<Coding>,
    },
}

/// What gives a stream piece by piece.
pub(super) trait Pieces: Send {
    /// Returns the next piece; a stack that asks has taken the one before.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>>;

    /// Tells whether nothing more comes: of a stream that ends in order.
    fn is_over(&self) -> bool;
}

impl EventBody {
    pub(super) fn stream(pieces: impl Pieces + 'static, coding: Option<Coding>) -> Self {
        Self(Kind::Stream { pieces: Box::new(pieces), coding })
    }

    pub(super) fn left() -> Self {
        Self(Kind::Left)
    }

    /// Returns the content coding of the stream, of which the head of its response speaks.
    pub fn coding(&self) -> Option<Coding> {
        match &self.0 {
            Kind::Whole(_) | Kind::Left => None,
            Kind::Stream { coding, .. } => *coding,
        }
    }

    /// Makes the answer to a request of a reply that the core decided on.
    pub fn reply(request: &RequestHead, reply: Reply) -> Response<Self> {
        reply_response(request, reply)
    }

    /// Makes the answer of a stream that the core decided on, at `now` by the clock of the seat, which reads it: for routes of one's
    /// own over a [`Broadcaster`](tidewire_std::Broadcaster), whose channels have no repository.
    pub fn follow(
        seat: Seat,
        config: impl Into<Arc<server::Config>>,
        head: StreamHead,
        first: &[u8],
        now: Instant,
        timer: impl Timer + Send + 'static,
    ) -> Response<Self> {
        let clock = seat.broadcaster().clock();
        let mut stream = EventStream::new(config, &head, Framing::Bare, now, seed());
        // Nothing waits yet, so there is room.
        let _ = stream.send(now, first);
        let feeder = Feeder::Channels { server: None, seat, loading: None };
        let body = Self::stream(Live::new(feeder, stream, clock, timer, now), head.coding);
        stream_response(head, body)
    }

    /// Makes a stream of the application's own, with the usual fields and limits and the timers of tokio: what writes to it, and the
    /// answer. When the last handle is dropped, the stream ends; when the reader has gone, every call says so, and
    /// [`ended`](Route::ended) is ready.
    #[cfg(feature = "tokio")]
    pub fn pair() -> (Route, Response<Self>) {
        Self::pair_with(server::Config::default(), StreamHead::default(), crate::TokioTimer::default())
    }

    /// Makes a stream of the application's own, as `head` has it.
    pub fn pair_with(
        config: impl Into<Arc<server::Config>>,
        head: StreamHead,
        timer: impl Timer + Send + 'static,
    ) -> (Route, Response<Self>) {
        let (clock, route) = (Clock::start(), Route::new());
        let Some(seat) = route.seat(None) else { return (route, Response::default()) };
        let now = clock.now();
        let stream = EventStream::new(config, &head, Framing::Bare, now, seed());
        let body = Self::stream(Live::new(Feeder::Alone(seat), stream, clock, timer, now), head.coding);
        (route, stream_response(head, body))
    }

    /// Tells whether this is an event stream that is open, and no refusal.
    pub fn is_streaming(&self) -> bool {
        match &self.0 {
            Kind::Whole(_) | Kind::Left => false,
            Kind::Stream { pieces, .. } => !pieces.is_over(),
        }
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready((!bytes.is_empty()).then(|| Ok(std::mem::take(bytes)))),
            Kind::Left => Poll::Ready(None),
            Kind::Stream { pieces, .. } => pieces.poll(context),
        };
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Left => true,
            Kind::Stream { pieces, .. } => pieces.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Left | Kind::Stream { .. } => SizeHint::default(),
        }
    }
}

/// No bytes at all.
impl Default for EventBody {
    fn default() -> Self {
        Bytes::new().into()
    }
}

/// These bytes and no stream, for the other answers of a service whose bodies are of this type.
impl From<Bytes> for EventBody {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

/// This text and no stream.
impl From<String> for EventBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(bytes) => f.debug_tuple("EventBody").field(bytes).finish(),
            Kind::Left | Kind::Stream { .. } => f.debug_struct("EventBody").finish_non_exhaustive(),
        }
    }
}
