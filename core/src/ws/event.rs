use core::fmt;

use bytes::Bytes;

use super::{CloseFrame, Closed, Message};

/// What a [`Connection`](super::Connection) tells the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A whole message.
    Message(Message),
    /// A ping, at most 125 bytes. It was answered already, or a later one will be.
    Ping(Bytes),
    /// A pong, at most 125 bytes: the payload of a ping, or anything that the peer says unasked.
    Pong(Bytes),
    /// The peer closes the connection, and said this, if anything. It is answered already; nothing more comes but
    /// [`Closed`](Self::Closed), and nothing more can be sent.
    Closing(Option<CloseFrame>),
    /// The connection is over for the application. Told once, and last.
    Closed(Closed),
}

/// Why a message, a ping or a close was not taken to be sent. Nothing of it is sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection closes, or is over.
    Closing,
    /// Too much waits already: the peer does not read fast enough. There is room when some of it has left.
    Full {
        /// The limit that was reached: [`Config::max_queued_frames`](super::Config::max_queued_frames), or
        /// [`Config::max_queued_bytes`](super::Config::max_queued_bytes).
        limit: usize,
    },
    /// A ping, or the reason of a close, is longer than may be (RFC 6455 §5.5).
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The reason of a close stands behind its code, and none was given (RFC 6455 §5.5.1).
    ReasonWithoutCode,
    /// Frames that are not masked are given to a client's connection, which sends none (RFC 6455 §5.1).
    Unmasked,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closing => f.write_str("the connection closes or is closed"),
            Self::Full { limit } => write!(f, "too much waits to be sent already: the limit is {limit}"),
            Self::TooLong { limit } => write!(f, "longer than the {limit} bytes that a control frame has for it"),
            Self::ReasonWithoutCode => f.write_str("a reason to close needs a code"),
            Self::Unmasked => f.write_str("a client sends no frames that are not masked"),
        }
    }
}

impl core::error::Error for SendError {}
