use core::fmt;

use super::host::HostPort;
use super::{Fields, Method, RequestHead, ResponseHead, TargetError, Version, trim};

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// The body has this many bytes.
    Length(u64),
    /// The body comes in chunks that tell their length.
    Chunked,
    /// The body ends with the connection.
    UntilClose,
}

/// Checks what a server must know of a request before it reads on, and returns how long the body is.
///
/// Strict: whatever two parsers might read differently is refused.
///
/// # Errors
///
/// Each names what is wrong; after any of them answer with its [`status`](FramingError::status) and close the connection.
pub fn request_framing(head: &RequestHead) -> Result<Framing, FramingError> {
    check_host(head)?;
    head.parse_target().map_err(FramingError::Target)?;
    let coded = head.fields.contains("transfer-encoding");
    let mut lengths = head.fields.get_all("content-length");
    let (length, another) = (lengths.next(), lengths.next());
    if coded {
        // RFC 9112 §6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding".
        if length.is_some() {
            return Err(FramingError::LengthAndEncoding);
        }
        return check_transfer_encoding(head.version, &head.fields).map(|()| Framing::Chunked);
    }
    match (length, another) {
        (None, _) => Ok(Framing::None),
        (Some(value), None) => parse_length(value).map(Framing::Length),
        (Some(_), Some(_)) => Err(FramingError::RepeatedLength),
    }
}

/// Returns how long the body of a response to a `request_method` request is.
///
/// # Errors
///
/// When it cannot be told: lengths that differ or are malformed, transfer codings besides `chunked`.
pub fn response_framing(request_method: &Method, head: &ResponseHead) -> Result<Framing, FramingError> {
    // RFC 9112 §6.3: "Any response to a HEAD request and any response with a 1xx (Informational), 204 (No Content), or
    // 304 (Not Modified) status code is always terminated by the first empty line after the header fields, regardless
    // of the header fields present in the message".
    let to_connect = *request_method == Method::CONNECT && matches!(head.status, 200..=299);
    if *request_method == Method::HEAD || head.is_informational() || matches!(head.status, 204 | 304) || to_connect {
        return Ok(Framing::None);
    }
    if head.fields.contains("transfer-encoding") {
        // RFC 9112 §6.3: "If a message is received with both a Transfer-Encoding and a Content-Length header field, the
        // Transfer-Encoding overrides the Content-Length."
        return check_transfer_encoding(head.version, &head.fields).map(|()| Framing::Chunked);
    }
    // RFC 9112 §6.3: "unless the field value can be successfully parsed as a comma-separated list […], all values in the
    // list are valid, and all values in the list are the same".
    let mut length = None;
    for value in head.fields.get_all("content-length").flat_map(|value| value.split(|&byte| byte == b',')) {
        let value = parse_length(trim(value))?;
        if length.is_some_and(|length| length != value) {
            return Err(FramingError::RepeatedLength);
        }
        length = Some(value);
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

/// Returns whether a connection may carry another request after a message with this version and these fields.
pub fn keep_alive(version: Version, fields: &Fields) -> bool {
    // RFC 9112 §9.3: the "close" connection option wins; else HTTP/1.1 persists, and HTTP/1.0 if "keep-alive" is present.
    !fields.has_token("connection", "close")
        && (version >= Version::Http11 || fields.has_token("connection", "keep-alive"))
}

/// What a client wants to see before it sends the body (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing; the body follows.
    None,
    /// `100-continue`: a 100 response, or the final one.
    Continue,
    /// Something that nobody has defined; the answer may be 417.
    Unknown,
}

impl Expectation {
    pub(super) fn of(head: &RequestHead) -> Self {
        // RFC 9110 §10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that
        // expectation."
        if head.version < Version::Http11 {
            return Self::None;
        }
        let mut members = head.fields.members("expect");
        match (members.next(), members.next()) {
            (None, _) => Self::None,
            (Some(member), None) if member.eq_ignore_ascii_case(b"100-continue") => Self::Continue,
            _ => Self::Unknown,
        }
    }
}

fn check_host(head: &RequestHead) -> Result<(), FramingError> {
    // RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
    // lacks a Host header field and to any request message that contains more than one Host header field line or a Host
    // header field with an invalid field value."
    let mut hosts = head.fields.get_all("host");
    let Some(host) = hosts.next() else {
        return if head.version >= Version::Http11 { Err(FramingError::MissingHost) } else { Ok(()) };
    };
    if hosts.next().is_some() {
        return Err(FramingError::RepeatedHost);
    }
    let host = str::from_utf8(host).ok().and_then(HostPort::parse);
    host.map(|_| ()).ok_or(FramingError::BadHost)
}

/// Accepts `chunked`, once and alone.
fn check_transfer_encoding(version: Version, fields: &Fields) -> Result<(), FramingError> {
    // RFC 9112 §6.1: "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field
    // MUST treat the message as if the framing is faulty".
    if version < Version::Http11 {
        return Err(FramingError::EncodingOnHttp10);
    }
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let mut values = fields.get_all("transfer-encoding");
    if let (Some(value), None) = (values.next(), values.next())
        && is_chunked(value)
    {
        return Ok(());
    }
    let codings = || fields.members("transfer-encoding");
    let last_is_chunked = codings().last().is_some_and(is_chunked);
    // RFC 9112 §6.3: "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not
    // the final encoding, the message body length cannot be determined reliably; the server MUST respond with the 400".
    if !last_is_chunked {
        return Err(FramingError::ChunkedNotLast);
    }
    // RFC 9112 §6.1: "A sender MUST NOT apply the chunked transfer coding more than once to a message body". Empty
    // members are refused with it.
    if codings().all(is_chunked) || codings().filter(|coding| is_chunked(coding)).count() > 1 {
        return Err(FramingError::RepeatedChunked);
    }
    // RFC 9112 §6.1: "A server that receives a request message with a transfer coding it does not understand SHOULD
    // respond with 501 (Not Implemented)."
    Err(FramingError::UnknownEncoding)
}

/// RFC 9110 §8.6: `Content-Length = 1*DIGIT`.
fn parse_length(value: &[u8]) -> Result<u64, FramingError> {
    if value.is_empty() {
        return Err(FramingError::BadLength);
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = char::from(*byte).to_digit(10).ok_or(FramingError::BadLength)?;
        length.checked_mul(10).and_then(|length| length.checked_add(digit.into())).ok_or(FramingError::BadLength)
    })
}

/// Why the length of a body cannot be told, or to whom a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// There are both a `Content-Length` and a `Transfer-Encoding`.
    LengthAndEncoding,
    /// There is more than one `Content-Length` (of a response: with different values).
    RepeatedLength,
    /// A `Content-Length` is something besides digits, or does not fit 64 bits.
    BadLength,
    /// The last transfer coding is not `chunked`.
    ChunkedNotLast,
    /// `chunked` is named more than once, or beside an empty member.
    RepeatedChunked,
    /// There is a transfer coding besides `chunked`.
    UnknownEncoding,
    /// An HTTP/1.0 message has a `Transfer-Encoding`.
    EncodingOnHttp10,
    /// An HTTP/1.1 request has no `Host`.
    MissingHost,
    /// A request has more than one `Host`.
    RepeatedHost,
    /// The `Host` is not a host with, perhaps, a port.
    BadHost,
    /// The request target is malformed.
    Target(TargetError),
}

impl FramingError {
    /// Returns the status to answer such a request with.
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownEncoding => 501,
            _ => 400,
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LengthAndEncoding => "there are both content-length and transfer-encoding; send one of them",
            Self::RepeatedLength => "there is more than one content-length; send it once",
            Self::BadLength => "content-length is not a number; write it in digits only",
            Self::ChunkedNotLast => "the last transfer-encoding is not `chunked`; send `chunked` or a content-length",
            Self::RepeatedChunked => "transfer-encoding does not name `chunked` exactly once; send it once, alone",
            Self::UnknownEncoding => "there is a transfer-encoding besides `chunked`; send `chunked` alone",
            Self::EncodingOnHttp10 => "HTTP/1.0 has no transfer-encoding; use HTTP/1.1 or a content-length",
            Self::MissingHost => "the host field is missing; send `host: name[:port]`",
            Self::RepeatedHost => "there is more than one host field; send it once",
            Self::BadHost => "the host field is malformed; send `host: name[:port]`",
            Self::Target(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for FramingError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Target(error) => Some(error),
            _ => None,
        }
    }
}
