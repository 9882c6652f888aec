//! For callers who want messages and the end, and nothing in between.

#[cfg(feature = "json")]
use alloc::boxed::Box;
use alloc::string::String;
#[cfg(feature = "json")]
use core::error::Error;
#[cfg(feature = "json")]
use core::fmt;

use super::{CloseReason, Event};
use crate::sse::Message;
use crate::ws::CloseCode;

impl Event {
    /// Returns the message; of an answer in one piece its body, as a message. `None` for any other event.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Answer(answer) => Some(Message::new(String::from_utf8_lossy(&answer.body))),
            _ => None,
        }
    }
}

impl CloseReason {
    /// Returns whether all is well: the stream or the answer was complete, the server has nothing (more) to say (204; close
    /// code 1000), or the application closed it.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Requested | Self::NoContent | Self::Complete | Self::Answered => true,
            Self::WebSocket(closed) => closed.code == CloseCode::NORMAL.get(),
            _ => false,
        }
    }

    /// Returns the reason as an error unless [all is well](Self::is_complete).
    ///
    /// # Errors
    ///
    /// The reason itself.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_complete() { Ok(()) } else { Err(self) }
    }
}

/// Why a driver's `next_json` has nothing to return.
#[cfg(feature = "json")]
#[derive(Debug)]
#[non_exhaustive]
pub enum NextError<E = Event> {
    /// It is over, and was not [complete](CloseReason::is_complete). Final.
    Closed(CloseReason),
    /// A message, or an answer, is not of the type that was asked for. The stream goes on with the next one.
    Json {
        /// What came.
        event: Box<E>,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

#[cfg(feature = "json")]
impl<E: fmt::Display> fmt::Display for NextError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(reason) => reason.fmt(f),
            Self::Json { event, error } => write!(f, "{event} is not what was expected: {error}"),
        }
    }
}

#[cfg(feature = "json")]
impl<E: fmt::Debug + fmt::Display> Error for NextError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // It says what the reason says.
            Self::Closed(reason) => reason.source(),
            Self::Json { error, .. } => Some(error),
        }
    }
}
