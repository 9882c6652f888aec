//! What a response means, and what is tried again.

use alloc::boxed::Box;
use core::time::Duration;

use super::coded::Coded;
use super::{CloseCodes, CloseReason, Config, ConnectError, Reason, Refusal, RetryStatus, content};
use crate::http::{Method, ResponseHead, Url};
use crate::ws;

/// Whether a request that a server may have acted upon is sent again when its connection is lost; each allows what those
/// before it do.
///
/// Where nothing was sent because the connection was not made, it always is; so is it after a
/// [`restart`](super::EventSource::restart) and where a [hook](super::FailureHook) decides so, which both ask for it, and on
/// a redirect that keeps the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Resend {
    /// If that cannot do harm: GET, HEAD, OPTIONS, PUT, DELETE, and REPORT, SEARCH, QUERY, PROPFIND. Not POST, PATCH or any
    /// other.
    #[default]
    Idempotent,
    /// Also where the server answered with a [status](super::Config::retry_status) that is tried again: it did not act.
    Refused,
    /// Also once there is a last event ID, for then it is not the same request: a GET without body goes out, without the
    /// fields that describe one, and accepts nothing but a stream.
    ByGet,
    /// Always: the server is known to take the same POST again.
    Always,
}

/// How long the first connection is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FirstConnection {
    /// As long as any later one: what browsers do.
    #[default]
    Forever,
    /// Once: its failure is [`CloseReason::FirstConnection`](super::CloseReason::FirstConnection).
    Never,
    /// Until the stream is open, for so long from the first request on; then, also in the middle of an attempt,
    /// [`CloseReason::FirstConnection`](super::CloseReason::FirstConnection).
    Within(Duration),
}

impl Resend {
    /// Returns whether a request with `method` is sent again after its connection ended for `reason`.
    pub(super) fn allows(self, method: &Method, reason: &Reason, has_id: bool) -> bool {
        // RFC 9110 §9.2.2: "A user agent […] SHOULD NOT automatically retry a request with a non-idempotent method
        // unless it has some means to know that the request semantics are actually idempotent".
        let idempotent = IDEMPOTENT.contains(&method.as_str());
        let refused = self >= Self::Refused && matches!(reason, Reason::Status(_));
        idempotent || refused || (self >= Self::ByGet && has_id) || self == Self::Always
    }
}

/// What the head of a response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The stream follows.
    Stream,
    /// Frames may follow, if the handshake is right.
    Upgrade,
    /// An answer in one piece follows.
    Answer,
    /// Look at `Location`.
    Redirect,
    /// There is no body; the attempt is over.
    NoContent,
    /// Read the body for what it says; then the attempt is over.
    Refuse(Refused),
}

/// Why a response is not the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Status,
    ContentType,
    ContentCoding,
}

impl Refused {
    pub(super) fn reason(self, refusal: Box<Refusal>) -> Reason {
        match self {
            Self::Status => Reason::Status(refusal),
            Self::ContentType => Reason::ContentType(refusal),
            Self::ContentCoding => Reason::ContentCoding(refusal),
        }
    }
}

/// Returns why it is all over, if that is what the end of an attempt means in itself. `retry` are the statuses that are tried
/// again, `come_back` the close codes of a WebSocket after which one comes back; `url` is where the attempt went.
pub(super) fn final_end(
    reason: &Reason,
    retry: RetryStatus,
    come_back: Option<&CloseCodes>,
    url: &Url,
) -> Option<CloseReason> {
    if reason.refusal().is_some_and(|refusal| retry.contains(refusal.head.status)) {
        return None;
    }
    match reason {
        // HTML §9.2.1: "clients will reconnect if the connection is closed; a client can be told to stop reconnecting using
        // the HTTP 204 No Content response code."
        Reason::Status(refusal) if refusal.head.status == 204 && come_back.is_none() => Some(CloseReason::NoContent),
        Reason::Status(refusal) => Some(CloseReason::Status(refusal.clone())),
        Reason::ContentType(refusal) => Some(CloseReason::ContentType(refusal.clone())),
        Reason::ContentCoding(refusal) => Some(CloseReason::ContentCoding(refusal.clone())),
        Reason::Handshake { refusal, error } => {
            Some(CloseReason::Handshake { url: Box::new(refusal.url.clone()), error: *error })
        }
        Reason::WebSocket(closed) => {
            // What breaks the protocol is not said by a peer that is done: it may do better next time.
            let is_final = come_back.is_some_and(|codes| !is_fault(closed) && !codes.contains(closed.code));
            is_final.then(|| CloseReason::WebSocket(closed.clone()))
        }
        Reason::Redirect { refusal, error } => {
            let (url, status) = (Box::new(refusal.url.clone()), refusal.head.status);
            Some(CloseReason::Redirect { url, status, error: *error })
        }
        Reason::AnswerTooLong { limit } => Some(CloseReason::AnswerTooLong { limit: *limit }),
        Reason::Connect(ConnectError::NoTls) => Some(CloseReason::NoTls(Box::new(url.clone()))),
        Reason::Connect(ConnectError::Proxy { proxy, error }) => match **error {
            ConnectError::ProxyRefused { status } if !retry.contains(status) && !PROXY_RETRY.contains(status) => {
                Some(CloseReason::ProxyRefused { proxy: proxy.clone(), status })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether what the peer sent ended the connection, not what it said or that it went away.
pub(super) const fn is_fault(closed: &ws::Closed) -> bool {
    matches!(closed.why, ws::CloseReason::Fault(_) | ws::CloseReason::Unsupported | ws::CloseReason::Flooded)
}

/// Judges a final response.
pub(super) fn judge(head: &ResponseHead, config: &Config) -> Verdict {
    match head.status {
        200 => {
            let is_answer = config.max_answer.is_some() && content::is_json(&head.fields);
            if !is_answer && !config.content_type.takes(&head.fields) {
                Verdict::Refuse(Refused::ContentType)
            } else if Coded::of(&head.fields, config).is_err() {
                Verdict::Refuse(Refused::ContentCoding)
            } else if is_answer {
                Verdict::Answer
            } else {
                Verdict::Stream
            }
        }
        204 => Verdict::NoContent,
        301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
        _ => Verdict::Refuse(Refused::Status),
    }
}

/// Judges a final response to a request for a WebSocket.
pub(super) const fn judge_upgrade(head: &ResponseHead) -> Verdict {
    match head.status {
        101 => Verdict::Upgrade,
        // RFC 6455 §4.1: "If the status code received from the server is not 101, the client handles the response per HTTP [RFC2616]
        // procedures. […] the server might redirect the client using a 3xx status code (but clients are not required to follow them),
        // etc."
        301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
        _ => Verdict::Refuse(Refused::Status),
    }
}

/// With these a proxy is asked again, whatever is so with servers.
const PROXY_RETRY: RetryStatus = RetryStatus::TRANSIENT;

/// RFC 9110 §9.2.2, and of the registry of methods those with a body that are safe.
const IDEMPOTENT: [&str; 10] =
    ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "REPORT", "SEARCH", "QUERY", "PROPFIND"];
