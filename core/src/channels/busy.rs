use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use crate::http::RequestHead;
use crate::server::{Reply, StreamHead};
use crate::sse;

/// How a reader is refused for load, or because the server closes.
///
/// A browser's `EventSource` stops for good at any status but 200, so it is told to come back by a stream that ends at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Busy {
    /// 503 with `Retry-After`.
    Status,
    /// 200, a `retry` and the end of the stream.
    Stream,
    /// [`Stream`](Self::Stream) for browsers, whose requests say so (`Sec-Fetch-Mode`), else [`Status`](Self::Status).
    #[default]
    ByClient,
}

impl Busy {
    /// Tells whether the answer to this request is a stream that ends at once.
    pub fn is_stream(self, head: &RequestHead) -> bool {
        match self {
            Self::Status => false,
            Self::Stream => true,
            Self::ByClient => head.fields.contains("sec-fetch-mode"),
        }
    }

    /// Returns the answer: come back after `retry`.
    pub fn reply(self, head: &RequestHead, retry: Duration, why: &str) -> Reply {
        if self.is_stream(head) {
            let mut reply = StreamHead::default().into_reply();
            let mut body = Vec::new();
            sse::encode_retry(retry, &mut body);
            reply.body = body.into();
            return reply;
        }
        let mut reply = super::endpoint::text(503, why);
        let seconds = retry.as_nanos().div_ceil(1_000_000_000).max(1);
        super::endpoint::add(&mut reply.fields, "retry-after", &seconds.to_string());
        reply
    }
}
