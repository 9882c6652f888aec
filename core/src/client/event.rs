use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use super::reason::write_start;
use super::{Answer, CloseReason, Reason};
use crate::Instant;
use crate::http::{ResponseHead, Url};
use crate::sse::Message;

/// What an [`EventSource`](super::EventSource) tells the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The stream is open.
    Opened {
        /// The status: 200.
        status: u16,
        /// The head of the response.
        head: Box<ResponseHead>,
        /// Where the stream comes from, after all redirects.
        url: Box<Url>,
    },
    /// Instead of a stream the server sent this ([`Config::max_answer`](super::Config::max_answer)); [`Event::Closed`]
    /// follows.
    Answer(Box<Answer>),
    /// A message of the stream.
    Message(Message),
    /// The text of a comment line behind its colon.
    Comment(Box<str>),
    /// The server named its reconnection time; the delays follow it as [`Retry`](crate::backoff::Retry) says.
    Retry(Duration),
    /// The stream or the attempt to open it ended; another attempt follows.
    Disconnected {
        /// Why it ended.
        reason: Reason,
        /// When the next attempt begins.
        retry_at: Instant,
        /// How long that is from the end on.
        retry_in: Duration,
    },
    /// It is over; no other event follows.
    Closed(CloseReason),
}

#[cfg(feature = "json")]
impl Event {
    /// Decodes what a message or an answer says as JSON; `None` for a message without data and for any other event.
    ///
    /// # Errors
    ///
    /// When that is not the JSON of a `T`.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        match self {
            Self::Message(message) => message.json(),
            Self::Answer(answer) => answer.json().map(Some),
            _ => Ok(None),
        }
    }
}

/// One line for people; of what a server sends the first 200 characters, without what a terminal would obey.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { status, url, .. } => write!(f, "open: {status} from {url}"),
            Self::Answer(answer) => {
                write!(f, "answer: {}, {} bytes from {}", answer.head.status, answer.body.len(), answer.url)
            }
            Self::Message(message) => {
                f.write_str("event `")?;
                write_start(f, message.event_type())?;
                write!(f, "`, {} bytes of data", message.data().len())
            }
            Self::Comment(text) => {
                f.write_str("comment:")?;
                write_start(f, text)
            }
            Self::Retry(time) => write!(f, "the server asks to wait {time:?} before reconnecting"),
            Self::Disconnected { reason, retry_in, .. } if retry_in.is_zero() => {
                write!(f, "{reason}; reconnecting at once")
            }
            Self::Disconnected { reason, retry_in, .. } => write!(f, "{reason}; reconnecting in {retry_in:.1?}"),
            Self::Closed(reason) => write!(f, "closed: {reason}"),
        }
    }
}

/// How far an [`EventSource`](super::EventSource) is (HTML §9.2.2, `readyState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Connecting for the first time, or waiting to connect again, or doing so.
    Connecting,
    /// The stream is open.
    Open,
    /// It is over.
    Closed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Closed => "closed",
        })
    }
}

/// When an [`EventSource`](super::EventSource) that is restarted connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// At once; a wait that is going on ends. The failures in a row stay counted.
    AtOnce,
    /// After the delay that a lost connection would have had; a wait that is going on is left as it is.
    AfterDelay,
}
