use core::fmt;

use super::CloseCode;

/// What a peer did wrong. The [`Reader`](super::Reader) takes nothing more of it, and [`close_code`](Self::close_code) is what to tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set that no extension gave a meaning for this frame (RFC 6455 §5.2).
    ReservedBit,
    /// An opcode that nobody defined (RFC 6455 §5.2).
    ReservedOpcode(u8),
    /// A control frame in fragments (RFC 6455 §5.5).
    FragmentedControl,
    /// A control frame of more than [`MAX_CONTROL`](super::MAX_CONTROL) bytes (RFC 6455 §5.5).
    LongControl,
    /// A client's frame that is not masked (RFC 6455 §5.1).
    Unmasked,
    /// A server's frame that is masked (RFC 6455 §5.1).
    Masked,
    /// A length in more octets than it takes (RFC 6455 §5.2).
    LengthNotMinimal,
    /// A length of 2^63 bytes or more (RFC 6455 §5.2).
    LengthTooLarge,
    /// A continuation of no message (RFC 6455 §5.4).
    NothingToContinue,
    /// A message that begins before the one before it ended (RFC 6455 §5.4).
    Interleaved,
    /// A close frame of one byte: no code (RFC 6455 §5.5.1).
    CloseTooShort,
    /// A close code that may not be sent (RFC 6455 §7.4).
    CloseCode(u16),
    /// The reason of a close frame is not UTF-8 (RFC 6455 §5.5.1).
    CloseReason,
    /// A text is not UTF-8 (RFC 6455 §8.1).
    Text,
    /// The data of a compressed message are malformed (RFC 7692 §7.2.2).
    Compression,
    /// A compressed message becomes too many times as long as it is.
    Ratio {
        /// The limit.
        limit: u32,
    },
    /// A frame is longer than [`Limits::max_frame`](super::Limits::max_frame).
    FrameTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message is longer than [`Limits::max_message`](super::Limits::max_message).
    MessageTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message is in more frames than [`Limits::max_fragments`](super::Limits::max_fragments).
    TooManyFragments {
        /// The limit.
        limit: usize,
    },
}

impl Error {
    /// Returns the close code that tells the peer.
    pub const fn close_code(&self) -> CloseCode {
        match self {
            // RFC 6455 §7.4.1: 1007 is for "data within a message that was not consistent with the type of the message".
            Self::CloseReason | Self::Text | Self::Compression => CloseCode::INVALID_DATA,
            Self::FrameTooLong { .. } | Self::MessageTooLong { .. } | Self::Ratio { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY,
            Self::ReservedBit
            | Self::ReservedOpcode(_)
            | Self::FragmentedControl
            | Self::LongControl
            | Self::Unmasked
            | Self::Masked
            | Self::LengthNotMinimal
            | Self::LengthTooLarge
            | Self::NothingToContinue
            | Self::Interleaved
            | Self::CloseTooShort
            | Self::CloseCode(_) => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBit => f.write_str("a reserved bit of a frame is set"),
            Self::ReservedOpcode(opcode) => write!(f, "a frame has the reserved opcode {opcode}"),
            Self::FragmentedControl => f.write_str("a control frame is fragmented"),
            Self::LongControl => f.write_str("a control frame is longer than 125 bytes"),
            Self::Unmasked => f.write_str("a client's frame is not masked"),
            Self::Masked => f.write_str("a server's frame is masked"),
            Self::LengthNotMinimal => f.write_str("the length of a frame is in more octets than it takes"),
            Self::LengthTooLarge => f.write_str("the length of a frame has its top bit set"),
            Self::NothingToContinue => f.write_str("a frame continues no message"),
            Self::Interleaved => f.write_str("a message begins before the one before it ended"),
            Self::CloseTooShort => f.write_str("a close frame is one byte long"),
            Self::CloseCode(code) => write!(f, "a close frame has the code {code}, which may not be sent"),
            Self::CloseReason => f.write_str("the reason of a close frame is not UTF-8"),
            Self::Text => f.write_str("a text message is not UTF-8"),
            Self::Compression => f.write_str("a compressed message is malformed"),
            Self::Ratio { limit } => write!(f, "a compressed message becomes more than {limit} times as long as it is"),
            Self::FrameTooLong { limit } => {
                write!(
                    f,
                    "a frame is longer than {limit} bytes; raise the limit `max_frame` if such frames are expected"
                )
            }
            Self::MessageTooLong { limit } => write!(
                f,
                "a message is longer than {limit} bytes; raise the limit `max_message` if such messages are expected"
            ),
            Self::TooManyFragments { limit } => write!(
                f,
                "a message is in more than {limit} frames; raise the limit `max_fragments` if such messages are expected"
            ),
        }
    }
}

impl core::error::Error for Error {}
