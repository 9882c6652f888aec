//! HTTP/1.1 as far as event streams need it: heads, framing, bodies, targets and URLs (RFC 9110, RFC 9112, RFC 3986).
//!
//! Codecs only: they know nothing of connections, deadlines or who talks to whom. A server reads a request like this; a
//! client the same way, with [`ResponseHead`] and [`response_framing`]:
//!
//! ```
//! use tidewire_core::http::{BodyReader, HeadLimits, HeadReader, Method, RequestHead, request_framing};
//!
//! let input = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
//! let mut heads = HeadReader::<RequestHead>::new(HeadLimits::default());
//! let (head, consumed) = heads.feed(input)?.expect("the head is complete");
//! assert_eq!(head.method, Method::POST);
//!
//! let mut body = BodyReader::new(request_framing(&head)?);
//! let step = body.read(&input[consumed..])?;
//! assert_eq!((step.data, step.done), (&b"hello"[..], true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What request smuggling lives on is refused, each case by an error that names it: two ways to tell the length of one
//! body, lengths that parsers read differently, transfer codings other than `chunked`, line ends other than CRLF, folded
//! lines, spaces before colons, control characters, a missing or repeated `Host`. After any of these errors the
//! connection is to be closed. Responses are read as a browser would where the RFC lets it: bare LF as a line end, folded
//! lines and equal repeated lengths are accepted.

pub mod accept;
#[cfg(feature = "deflate")]
pub mod coding;

mod body;
mod date;
mod encode;
mod fields;
mod frame;
mod framing;
mod head;
mod host;
mod media_type;
mod method;
pub(crate) mod percent;
mod reader;
mod router;
mod status;
mod target;
mod uri;
mod url_host;

pub use accept::Coding;
pub use body::{BodyError, BodyReader, MAX_CHUNK_EXTENSION, MAX_TRAILERS, Step};
pub use date::parse_date;
pub use encode::{LAST_CHUNK, encode_chunk_head, encode_last_chunk};
pub use fields::{FieldError, Fields};
pub(crate) use frame::{Frame, FrameBuilder};
pub use framing::{Expectation, Framing, FramingError, keep_alive, request_framing, response_framing};
pub use head::{RequestHead, ResponseHead, Version};
pub(crate) use host::HostPort;
pub use media_type::MediaType;
pub use method::{BadMethod, Method};
pub use reader::{Head, HeadError, HeadLimits, HeadReader};
pub use router::{PathNames, PatternError, Router};
pub use status::reason_phrase;
pub use target::{Form, Target, TargetError};
pub(crate) use uri::is_scheme;
pub use uri::{Url, UrlError};

/// RFC 9110 §5.6.2: tchar, "any VCHAR, except delimiters".
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// What a field value may hold besides what is trimmed from its ends: HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5).
fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Takes optional whitespace (RFC 9110 §5.6.3: SP and HTAB only) off both ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
