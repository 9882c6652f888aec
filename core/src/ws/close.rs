use alloc::string::String;
use core::fmt;

/// A status code that may stand in a close frame (RFC 6455 §7.4 and its registry): 1000 to 1003, 1007 to 1014, and 3000 to 4999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// All is said.
    pub const NORMAL: Self = Self(1000);
    /// A server goes down, or a page was left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// Data of a kind that is not taken, such as binary data.
    pub const UNSUPPORTED: Self = Self(1003);
    /// A message was not what its kind says, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// A message breaks the peer's rules.
    pub const POLICY: Self = Self(1008);
    /// A message is too long.
    pub const TOO_BIG: Self = Self(1009);
    /// The client wanted an extension that the server did not agree to.
    pub const MISSING_EXTENSION: Self = Self(1010);
    /// The server met something unexpected.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The service restarts; come back later.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The server is overloaded; come back later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got no good answer.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// Returns the code, if it may stand in a close frame.
    pub const fn new(code: u16) -> Option<Self> {
        // RFC 6455 §7.4.1: 1004 is reserved; 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control frame".
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a close frame says. One without a code has no reason either (RFC 6455 §5.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The status code.
    pub code: CloseCode,
    /// Why, at most 123 bytes; not for people's eyes.
    pub reason: String,
}
