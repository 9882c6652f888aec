use alloc::string::String;
use core::fmt;

use super::{CloseCode, Error};

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// What it began with. What comes later, such as an answer that never does, does not change it.
    pub why: CloseReason,
    /// The code that the peer's close frame had (RFC 6455 §7.1.5): [`NO_CODE`](Self::NO_CODE) if it had none,
    /// [`NO_CLOSE_FRAME`](Self::NO_CLOSE_FRAME) if there was no close frame.
    pub code: u16,
    /// The reason that the peer's close frame had, at most 123 bytes (RFC 6455 §7.1.6); often empty.
    pub reason: String,
    /// The code of our close frame, if it left with one.
    pub sent: Option<CloseCode>,
    /// Whether both ends have said that they close (RFC 6455 §7.1.4).
    pub is_clean: bool,
    /// How many messages were taken to be sent and have not left, or may not have left whole. Those that have left may have been lost
    /// on the way nevertheless, unless the peer's close frame was the answer to ours: it has read all that came before.
    pub unsent: usize,
}

impl Closed {
    /// The peer's close frame had no code. It is told and never sent (RFC 6455 §7.4.1).
    pub const NO_CODE: u16 = 1005;
    /// No close frame came. It is told and never sent (RFC 6455 §7.4.1).
    pub const NO_CLOSE_FRAME: u16 = 1006;

    /// Describes an end without a close frame.
    pub const fn new(why: CloseReason) -> Self {
        let code = Self::NO_CLOSE_FRAME;
        Self { why, code, reason: String::new(), sent: None, is_clean: false, unsent: 0 }
    }
}

/// `the peer closed the connection: code 1000, all done`
impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)?;
        match self.code {
            Self::NO_CLOSE_FRAME if self.why == CloseReason::Local => f.write_str(" and heard no close of the peer")?,
            Self::NO_CLOSE_FRAME => {}
            Self::NO_CODE => f.write_str(" without a code")?,
            code => write!(f, ": code {code}")?,
        }
        if !self.reason.is_empty() {
            write!(f, ", {}", self.reason)?;
        }
        Ok(())
    }
}

/// What the end of a connection began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed it.
    Local,
    /// The peer closed it.
    Peer,
    /// The peer broke the protocol or a limit; it was told the fault's code.
    Fault(Error),
    /// The peer sent a message of a kind that the config does not take; it was told 1003.
    Unsupported,
    /// More came than is kept while the application took no events, because the driver did not heed
    /// [`wants_input`](crate::Protocol::wants_input); the peer was told 1008.
    Flooded,
    /// The peer ended its side without a close frame.
    Ended,
    /// Reading or writing failed.
    Reset,
    /// A ping was not answered in time, by any sign of life.
    PongTimeout,
    /// The peer did not take what was sent to it in time.
    WriteTimeout,
}

impl CloseReason {
    /// Returns the code of the close frame that such an end is told the peer with, if it has one of its own.
    pub const fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Fault(error) => Some(error.close_code()),
            Self::Unsupported => Some(CloseCode::UNSUPPORTED),
            Self::Flooded => Some(CloseCode::POLICY),
            Self::Local | Self::Peer | Self::Ended | Self::Reset | Self::PongTimeout | Self::WriteTimeout => None,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "we closed the connection",
            Self::Peer => "the peer closed the connection",
            Self::Fault(error) => return error.fmt(f),
            Self::Unsupported => "a message of a kind that is not taken",
            Self::Flooded => "more came than is kept while nothing was taken",
            Self::Ended => "the peer ended the connection without closing it",
            Self::Reset => "the connection broke",
            Self::PongTimeout => "the peer did not answer a ping",
            Self::WriteTimeout => "the peer did not read what was sent to it",
        })
    }
}

impl core::error::Error for CloseReason {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Fault(error) => Some(error),
            _ => None,
        }
    }
}
