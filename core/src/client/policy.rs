//! What a response means, and what is tried again.

use alloc::boxed::Box;

use super::{CloseReason, Config, Refusal, content};
use crate::http::{Fields, Method, ResponseHead};

/// Which statuses are tried again instead of ending it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryStatus {
    /// None: what a browser does.
    // HTML §9.2.2: "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the
    // connection."
    #[default]
    Never,
    /// Those that pass: 408, 425, 429 and 5xx except 501 and 505.
    Transient,
}

/// Whether a request that a server may have acted upon is sent again when its connection is lost.
///
/// Where nothing was sent because the connection was not made, it always is; so is it after a
/// [`restart`](super::EventSource::restart), which asks for it, and on a redirect that keeps the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resend {
    /// If that cannot do harm: GET, HEAD, OPTIONS, PUT, DELETE, and REPORT, SEARCH, QUERY, PROPFIND. Not POST, PATCH or any
    /// other.
    #[default]
    Idempotent,
    /// Always: the server is known to take the same POST again.
    Always,
}

impl RetryStatus {
    /// Returns whether a response with this status is tried again.
    pub const fn retries(self, status: u16) -> bool {
        match self {
            Self::Never => false,
            Self::Transient => match status {
                501 | 505 => false,
                408 | 425 | 429 | 500..=599 => true,
                _ => false,
            },
        }
    }
}

impl Resend {
    /// Returns whether a request with this method is sent again.
    pub fn allows(self, method: &Method) -> bool {
        match self {
            Self::Always => true,
            // RFC 9110 §9.2.2: "A user agent […] SHOULD NOT automatically retry a request with a non-idempotent method
            // unless it has some means to know that the request semantics are actually idempotent".
            Self::Idempotent => IDEMPOTENT.contains(&method.as_str()),
        }
    }
}

/// What the head of a response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The stream follows.
    Stream,
    /// An answer in one piece follows.
    Answer,
    /// Look at `Location`.
    Redirect,
    /// The stream is over for good.
    NoContent,
    /// Read the body for what it says, then give up.
    Refuse(Refused),
    /// Read the body for what it says, then try again.
    Retry,
}

/// Why a response is not the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Status,
    ContentType,
    ContentCoding,
}

impl Refused {
    pub(super) fn reason(self, refusal: Box<Refusal>) -> CloseReason {
        match self {
            Self::Status => CloseReason::Status(refusal),
            Self::ContentType => CloseReason::ContentType(refusal),
            Self::ContentCoding => CloseReason::ContentCoding(refusal),
        }
    }
}

/// Judges a final response.
pub(super) fn judge(head: &ResponseHead, config: &Config) -> Verdict {
    match head.status {
        200 => {
            let is_answer = config.max_answer.is_some() && content::is_json(&head.fields);
            if !is_answer && !config.content_type.takes(&head.fields) {
                Verdict::Refuse(Refused::ContentType)
            } else if is_coded(&head.fields) {
                Verdict::Refuse(Refused::ContentCoding)
            } else if is_answer {
                Verdict::Answer
            } else {
                Verdict::Stream
            }
        }
        // HTML §9.2.1: "clients will reconnect if the connection is closed; a client can be told to stop reconnecting using
        // the HTTP 204 No Content response code."
        204 => Verdict::NoContent,
        301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
        status if config.retry_status.retries(status) => Verdict::Retry,
        _ => Verdict::Refuse(Refused::Status),
    }
}

fn is_coded(fields: &Fields) -> bool {
    fields.members("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
}

/// RFC 9110 §9.2.2, and of the registry of methods those with a body that are safe.
const IDEMPOTENT: [&str; 10] =
    ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "REPORT", "SEARCH", "QUERY", "PROPFIND"];
