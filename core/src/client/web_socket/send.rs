//! What the application says.

use core::error::Error;
use core::fmt;

use super::WebSocket;
use crate::Instant;
use crate::client::State;
use crate::ws::{self, Message};

/// Why nothing of a message was taken to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// No connection is open. Nothing is kept for the next one: send it again when that is open.
    NotOpen,
    /// It is over.
    Over,
    /// The connection does not take it: because it is being closed, because too much waits already, or because of what it is.
    Connection(ws::SendError),
}

impl WebSocket {
    /// Sends a message on the open connection.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] while no connection is open, [`SendError::Over`] after the end, and else what the connection has against it,
    /// such as [`ws::SendError::Full`]. Nothing of it is sent then.
    pub fn send(&mut self, now: Instant, message: &Message) -> Result<(), SendError> {
        self.say(now, |connection| connection.send(now, message))
    }

    /// Sends text.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, now: Instant, text: &str) -> Result<(), SendError> {
        self.say(now, |connection| connection.send_text(now, text))
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.say(now, |connection| connection.send_binary(now, bytes))
    }

    /// Sends `value` as JSON in a text message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), or because there is no JSON of the value.
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&mut self, now: Instant, value: &T) -> Result<(), SendJsonError> {
        let text = serde_json::to_string(value).map_err(SendJsonError::Json)?;
        self.send_text(now, &text).map_err(SendJsonError::Send)
    }

    /// Sends a ping with at most 125 bytes, which come back with [`WebSocketEvent::Pong`](super::WebSocketEvent::Pong). That the peer is
    /// still there is looked after without ([`ws::Config::ping_interval`]).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, now: Instant, payload: &[u8]) -> Result<(), SendError> {
        self.say(now, |connection| connection.ping(now, payload))
    }

    fn say(
        &mut self,
        now: Instant,
        say: impl FnOnce(&mut ws::Connection) -> Result<(), ws::SendError>,
    ) -> Result<(), SendError> {
        let Some(connection) = &mut self.connection else {
            return Err(if self.state() == State::Closed { SendError::Over } else { SendError::NotOpen });
        };
        self.dialer.now = now;
        super::send_first(connection, now, &mut self.first);
        if !self.first.is_empty() {
            // What the hook says goes first.
            let limit = self.dialer.source.web_socket().map_or(0, |upgrade| upgrade.config.max_queued_frames);
            return Err(SendError::Connection(ws::SendError::Full { limit }));
        }
        say(connection).map_err(SendError::Connection)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("no connection is open; send it again when one is"),
            Self::Over => f.write_str("it is over; nothing can be sent any more"),
            Self::Connection(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotOpen | Self::Over => None,
            Self::Connection(error) => Some(error),
        }
    }
}

/// Why nothing of a value was taken to be sent.
#[cfg(feature = "json")]
#[derive(Debug)]
#[non_exhaustive]
pub enum SendJsonError {
    /// There is no JSON of it.
    Json(serde_json::Error),
    /// Its JSON was not taken.
    Send(SendError),
}

#[cfg(feature = "json")]
impl fmt::Display for SendJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "there is no JSON of it: {error}"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

#[cfg(feature = "json")]
impl Error for SendJsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Send(error) => Some(error),
        }
    }
}
