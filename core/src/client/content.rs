//! What a response with status 200 is by its content type: the stream, an answer in one piece, or neither.

use bytes::Bytes;

use crate::http::{Fields, MediaType, ResponseHead, Url};
use crate::sse::CONTENT_TYPE;

/// Which content types are taken for an event stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentType {
    /// `text/event-stream`, whatever its parameters: what a browser does.
    // HTML §9.2.2: "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the
    // connection."
    #[default]
    Exact,
    /// That, no content type at all, `text/plain` and `application/octet-stream`: what servers and proxies say that never
    /// thought of it. `text/html` and JSON are not taken: they are error pages and answers.
    Lenient,
    /// Anything.
    Any,
}

/// A response that is no stream but an answer in one piece: see [`Config::max_answer`](super::Config::max_answer).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Who sent it, after all redirects.
    pub url: Url,
    /// The head.
    pub head: ResponseHead,
    /// The body, whole, at most [`Config::max_answer`](super::Config::max_answer) bytes; without its content coding, if
    /// that was one that was asked for.
    pub body: Bytes,
}

impl Answer {
    /// Returns the body as text, if it is any.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(&self.body).ok()
    }

    /// Decodes the body as JSON.
    ///
    /// # Errors
    ///
    /// When the body is not the JSON of a `T`.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl ContentType {
    /// Returns whether a response with these fields is taken for an event stream.
    ///
    /// A `charset` is not looked at (HTML §9.2.5: "Event streams in this format must always be encoded as UTF-8").
    pub fn takes(self, fields: &Fields) -> bool {
        match self {
            Self::Any => true,
            Self::Exact => media_type(fields).is_some_and(|found| found.is(CONTENT_TYPE)),
            Self::Lenient => match media_type(fields) {
                Some(found) => LENIENT.iter().any(|taken| found.is(taken)),
                None => fields.members("content-type").all(<[u8]>::is_empty),
            },
        }
    }
}

/// Returns whether the content is JSON: `application/json` or a type that ends in `+json` (RFC 6839 §3.1).
pub(super) fn is_json(fields: &Fields) -> bool {
    media_type(fields).is_some_and(|found| {
        let essence = found.essence();
        let suffix = essence.len().checked_sub(JSON_SUFFIX.len()).and_then(|at| essence.get(at..));
        found.is("application/json") || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(JSON_SUFFIX))
    })
}

/// Returns the content type.
// Fetch §2.2.2, "extract a MIME type": of several the last that is one counts.
fn media_type(fields: &Fields) -> Option<MediaType<'_>> {
    fields.members("content-type").filter_map(MediaType::parse).filter(|found| found.essence() != "*/*").last()
}

const LENIENT: [&str; 3] = [CONTENT_TYPE, "text/plain", "application/octet-stream"];

const JSON_SUFFIX: &str = "+json";
