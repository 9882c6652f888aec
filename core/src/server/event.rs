use core::fmt;

use bytes::Bytes;

use crate::http::{BodyError, Fields, FramingError, HeadError, RequestHead};
use crate::ws;

/// What a [`Session`](super::Session) tells the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A whole request. The next one is told after this one was answered.
    Request(Request),
    /// Something happened on the WebSocket that the connection has become. Its own end is followed by [`Closed`](Self::Closed).
    WebSocket(ws::Event),
    /// No more requests, and the end of the stream if there was one. Told once, and last.
    Closed(CloseReason),
}

/// A request with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The start line and fields.
    pub head: RequestHead,
    /// The body without its framing; empty when there is none.
    pub body: Bytes,
}

/// A plain answer. Its framing, `date` and `connection` are the session's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status, from 200 on.
    pub status: u16,
    /// The fields, but for `content-length`, `transfer-encoding` and `connection`, which are replaced.
    pub fields: Fields,
    /// The body; not sent to a HEAD request, nor with 204 and 304.
    pub body: Bytes,
}

impl Reply {
    /// Makes an answer without fields and body.
    pub const fn new(status: u16) -> Self {
        Self { status, fields: Fields::new(), body: Bytes::new() }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer ended the connection, between requests or while it was given a stream.
    Peer,
    /// The peer ended the connection in the middle of a request.
    PeerMidRequest,
    /// The last answer was the last by the words of both sides (`connection: close`, HTTP/1.0).
    Done,
    /// No request came for too long.
    Idle,
    /// A request could not be read, or not in time; the peer was told.
    Refused(Refusal),
    /// The peer sent too much without waiting for its answer, or during its stream.
    Flooded,
    /// The peer did not read what was sent to it.
    Stalled,
    /// The reader was further behind than the channel allows; the connection was reset.
    Lagging,
    /// The channel of the stream was unregistered.
    Unregistered,
    /// The server had no room for the reader, and told it when to come back.
    Busy,
    /// The application ended the stream.
    StreamEnded,
    /// The stream had its longest time.
    MaxStreamTime,
    /// The server shuts down.
    Shutdown,
    /// The WebSocket that it had become is closed, as [`ws::Event::Closed`] told, and for none of the other reasons.
    WebSocket,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "the peer ended the connection",
            Self::PeerMidRequest => "the peer ended the connection in the middle of a request",
            Self::Done => "the last request was answered",
            Self::Idle => "no request came for too long",
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Flooded => "the peer sent too much without waiting for its answer",
            Self::Stalled => "the peer did not read what was sent to it",
            Self::Lagging => "the reader was too far behind",
            Self::Unregistered => "the channel was unregistered",
            Self::Busy => "the server had no room for the reader",
            Self::StreamEnded => "the application ended the stream",
            Self::MaxStreamTime => "the stream had its longest time",
            Self::Shutdown => "the server shuts down",
            Self::WebSocket => "the WebSocket is closed",
        })
    }
}

/// Why a request was refused before the application saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its head could not be read.
    Head(HeadError),
    /// The length of its body, or its host, was not clear.
    Framing(FramingError),
    /// Its body could not be read.
    Body(BodyError),
    /// Its body is longer than this many bytes.
    BodyTooLong {
        /// The limit of the config.
        limit: usize,
    },
    /// It expects what is not known.
    Expectation,
    /// Its head did not come in time.
    HeadTimeout,
    /// Its body did not come in time.
    BodyTimeout,
}

impl Refusal {
    /// Returns the status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Head(error) => error.status(),
            Self::Framing(error) => error.status(),
            Self::Body(error) => error.status(),
            Self::BodyTooLong { .. } => 413,
            Self::Expectation => 417,
            Self::HeadTimeout | Self::BodyTimeout => 408,
        }
    }

    /// Returns its stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Head(HeadError::TooLong { .. } | HeadError::TooManyFields { .. }) => "head_too_large",
            Self::Head(HeadError::Version) => "version_not_supported",
            Self::Head(_) => "malformed_head",
            Self::Framing(_) => "malformed_framing",
            Self::Body(_) => "malformed_body",
            Self::BodyTooLong { .. } => "body_too_large",
            Self::Expectation => "expectation_failed",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head(error) => return error.fmt(f),
            Self::Framing(error) => return error.fmt(f),
            Self::Body(error) => return error.fmt(f),
            Self::BodyTooLong { limit } => {
                return write!(f, "the body is longer than {limit} bytes; send less or raise max_body");
            }
            Self::Expectation => "the expect field names something unknown; send `100-continue` or leave it out",
            Self::HeadTimeout => "the head of the request did not come in time; send it at once",
            Self::BodyTimeout => "the body of the request did not come in time; send it faster or send less",
        })
    }
}

/// Why there was nothing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// No request waits for an answer: it was answered, or the connection has ended meanwhile.
    NoRequest,
    /// The request that waits did not ask for a WebSocket.
    NoUpgrade,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRequest => "no request waits for an answer",
            Self::NoUpgrade => "the request did not ask for a WebSocket",
        })
    }
}

impl core::error::Error for AnswerError {}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// No stream is open: none was begun, or it has ended.
    NoStream,
    /// Too much waits already: the peer does not read fast enough.
    Full,
    /// The event type or the id cannot be sent.
    Name(crate::sse::NameError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStream => "no stream is open on the connection",
            Self::Full => "too much waits to be sent on the connection already",
            Self::Name(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for SendError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            _ => None,
        }
    }
}
