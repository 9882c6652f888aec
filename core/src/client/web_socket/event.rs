use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::Instant;
use crate::client::{CloseReason, Reason};
use crate::http::{ResponseHead, Url};
use crate::ws::{CloseFrame, Message};

/// What a [`WebSocket`](super::WebSocket) tells the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketEvent {
    /// The connection is open.
    Opened(Box<Opened>),
    /// A message of the server.
    Message(Message),
    /// A ping of the server; it is answered already.
    Ping(Bytes),
    /// A pong of the server, to a ping of the application's.
    Pong(Bytes),
    /// The server asks to close the connection, and is answered; what becomes of it all follows.
    Closing(Option<CloseFrame>),
    /// The connection or the attempt to open it ended; another attempt follows.
    Disconnected {
        /// Why it ended.
        reason: Reason,
        /// How many messages that had been accepted for sending had not left, whole, the oldest of them perhaps in part. Of what did
        /// leave nobody knows whether it arrived: that takes an answer of the server's.
        unsent: usize,
        /// When the next attempt begins.
        retry_at: Instant,
        /// How long that is from the end on.
        retry_in: Duration,
    },
    /// It is over; no other event follows.
    Closed {
        /// Why.
        reason: CloseReason,
        /// How many messages that had been accepted for sending had not left: as of
        /// [`Disconnected`](Self::Disconnected).
        unsent: usize,
    },
}

/// A connection that opened.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// Where it leads, after all redirects.
    pub url: Url,
    /// The head of the response.
    pub head: ResponseHead,
    /// The subprotocol that the server chose; `None` also where some were offered.
    pub protocol: Option<Box<str>>,
    /// How many connections were open before this one: 0 for the first.
    pub reconnections: u64,
}

#[cfg(feature = "json")]
impl WebSocketEvent {
    /// Decodes a message as JSON, whether it is text or binary; `None` for any other event.
    ///
    /// # Errors
    ///
    /// When the message is not the JSON of a `T`.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        match self {
            Self::Message(message) => serde_json::from_slice(message.as_bytes()).map(Some),
            _ => Ok(None),
        }
    }
}

impl WebSocketEvent {
    /// Returns the message; `None` for any other event.
    pub fn into_message(self) -> Option<Message> {
        if let Self::Message(message) = self { Some(message) } else { None }
    }
}

/// One line for people, without what a terminal would obey, and without what messages say.
impl fmt::Display for WebSocketEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(opened) => write!(f, "open: {} from {}", opened.head.status, opened.url),
            Self::Message(Message::Text(text)) => write!(f, "message, {} bytes of text", text.len()),
            Self::Message(Message::Binary(bytes)) => write!(f, "message, {} bytes", bytes.len()),
            Self::Ping(bytes) => write!(f, "ping, {} bytes", bytes.len()),
            Self::Pong(bytes) => write!(f, "pong, {} bytes", bytes.len()),
            Self::Closing(None) => f.write_str("the server closes the connection"),
            Self::Closing(Some(CloseFrame { code, .. })) => write!(f, "the server closes the connection ({code})"),
            Self::Disconnected { reason, unsent, retry_in, .. } => {
                write!(f, "{reason}")?;
                fmt_unsent(*unsent, f)?;
                match retry_in.is_zero() {
                    true => f.write_str("; reconnecting at once"),
                    false => write!(f, "; reconnecting in {retry_in:.1?}"),
                }
            }
            Self::Closed { reason, unsent } => {
                write!(f, "closed: {reason}")?;
                fmt_unsent(*unsent, f)
            }
        }
    }
}

/// Without the subprotocol, which may be a token that was echoed.
impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, head, protocol, reconnections } = self;
        let mut shown = f.debug_struct("Opened");
        shown.field("url", url).field("head", head).field("has_protocol", &protocol.is_some());
        shown.field("reconnections", reconnections).finish()
    }
}

fn fmt_unsent(unsent: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match unsent {
        0 => Ok(()),
        1 => f.write_str("; 1 message was not sent"),
        many => write!(f, "; {many} messages were not sent"),
    }
}
