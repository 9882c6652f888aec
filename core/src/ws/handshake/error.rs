use core::error::Error;
use core::fmt;

/// Why an answer does not begin a WebSocket (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The status is another than 101.
    Status(u16),
    /// The answer is HTTP/1.0.
    HttpVersion,
    /// The `Upgrade` field is missing, or does not say `websocket` alone.
    Upgrade,
    /// The `Connection` field does not have `upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is missing.
    MissingAccept,
    /// `Sec-WebSocket-Accept` does not answer the key, or stands more than once: who answered did not read the request, or a cache did.
    Accept,
    /// The server chose a subprotocol that was not offered.
    ProtocolNotOffered,
    /// `Sec-WebSocket-Protocol` stands more than once.
    RepeatedProtocol,
    /// `Sec-WebSocket-Extensions` does not conform to its grammar.
    MalformedExtensions,
    /// The server agreed to an extension that was not offered.
    ExtensionNotOffered,
    /// The server agreed to an extension twice.
    RepeatedExtension,
    /// The server agreed to an extension with parameters that the offer does not allow.
    ExtensionParameters,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status(status) => return write!(f, "the server answered with status {status} instead of 101"),
            Self::HttpVersion => "the server answered in HTTP/1.0, which has no WebSockets",
            Self::Upgrade => "the upgrade field of the answer does not say `websocket`",
            Self::Connection => "the connection field of the answer does not name `upgrade`",
            Self::MissingAccept => "the answer has no sec-websocket-accept field",
            Self::Accept => "the sec-websocket-accept field of the answer does not belong to the request",
            Self::ProtocolNotOffered => "the server chose a subprotocol that was not offered",
            Self::RepeatedProtocol => "the server chose more than one subprotocol",
            Self::MalformedExtensions => "the sec-websocket-extensions field of the answer is malformed",
            Self::ExtensionNotOffered => "the server agreed to an extension that was not offered",
            Self::RepeatedExtension => "the server agreed to an extension twice",
            Self::ExtensionParameters => "the server agreed to an extension with parameters that were not offered",
        })
    }
}

impl Error for HandshakeError {}

/// Why a WebSocket cannot be asked for in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfferError {
    /// A subprotocol is not a token, or there twice.
    Protocols,
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a subprotocol is a name of letters, digits and !#$%&'*+-.^_`|~, and stands once")
    }
}

impl Error for OfferError {}
