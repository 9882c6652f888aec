use std::error::Error;
use std::fmt;

use tidewire_core::server::CloseReason;

/// Why a stream was cut off: its reader is not to take this for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The machine said so.
    Cut(CloseReason),
    /// The server had to end before the stream did.
    ServerOver,
    /// The application gave it up in the middle.
    Aborted,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(reason) => write!(f, "the stream was cut off: {reason}"),
            Self::ServerOver => f.write_str("the stream was cut off: the server ended before it did"),
            Self::Aborted => f.write_str("the stream was cut off: the application gave it up"),
        }
    }
}

impl Error for BodyError {}
