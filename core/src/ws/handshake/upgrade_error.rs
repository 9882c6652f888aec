use core::error::Error;
use core::fmt;

/// Why a request does not become a WebSocket. [`reply`](Self::reply) is its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The method is not GET.
    Method,
    /// The request is HTTP/1.0, of which `Upgrade` is ignored.
    HttpVersion,
    /// The `Host` field is missing, repeated or malformed.
    Host,
    /// The request target has no form that a GET request may have.
    Target,
    /// The request has a body, or fields that tell of one wrongly.
    Body,
    /// No `Upgrade` field names `websocket`: a plain request for a path where there are WebSockets only.
    NoUpgrade,
    /// The `Connection` field does not have `upgrade`; a proxy may have dropped it.
    Connection,
    /// `Sec-WebSocket-Version` is not 13, or missing.
    Version,
    /// `Sec-WebSocket-Version` stands more than once.
    RepeatedVersion,
    /// `Sec-WebSocket-Key` is missing.
    MissingKey,
    /// `Sec-WebSocket-Key` stands more than once.
    RepeatedKey,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    Key,
    /// `Sec-WebSocket-Protocol` has a name that is empty, not a token, or there twice.
    Protocols,
    /// `Sec-WebSocket-Extensions` does not conform to its grammar.
    Extensions,
}

impl UpgradeError {
    /// Returns the status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            // RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response".
            Self::HttpVersion | Self::NoUpgrade | Self::Version => 426,
            _ => 400,
        }
    }

    /// Returns its stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            Self::HttpVersion | Self::NoUpgrade => "upgrade_required",
            Self::Version | Self::RepeatedVersion => "websocket_version_not_supported",
            _ => "malformed_handshake",
        }
    }
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "a WebSocket begins with a GET request; use GET",
            Self::HttpVersion => "a WebSocket needs HTTP/1.1; a proxy in between has to speak it to the server, too",
            Self::Host => "the host field is missing, repeated or malformed; send `host: name[:port]` once",
            Self::Target => "the request target is malformed; send a path that begins with a slash",
            Self::Body => "a WebSocket begins with a request without a body; leave it out",
            Self::NoUpgrade => "there are WebSockets at this path; connect with a WebSocket client",
            Self::Connection => {
                "the connection field does not name `upgrade`; a proxy in between has to pass on `connection: upgrade`"
            }
            Self::Version => "this version of WebSocket is not spoken here; send `sec-websocket-version: 13`",
            Self::RepeatedVersion => {
                "there is more than one sec-websocket-version field; send `sec-websocket-version: 13` once"
            }
            Self::MissingKey => "the sec-websocket-key field is missing; send 16 random bytes in base64",
            Self::RepeatedKey => "there is more than one sec-websocket-key field; send it once",
            Self::Key => "the sec-websocket-key field is malformed; send 16 random bytes in base64",
            Self::Protocols => {
                "the sec-websocket-protocol field is malformed; send each name once, separated by commas"
            }
            Self::Extensions => "the sec-websocket-extensions field is malformed; send `name; parameter=value, …`",
        })
    }
}

impl Error for UpgradeError {}

/// Why a WebSocket cannot be accepted in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptError {
    /// The client did not offer the subprotocol that was chosen.
    NotOffered,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client did not offer this subprotocol; choose one of those it did, or none")
    }
}

impl Error for AcceptError {}
