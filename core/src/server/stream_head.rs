use super::{Heartbeat, Reply};
use crate::http::{Coding, Fields};
use crate::sse;

/// The head of an event stream, and how it is given. The status is 200.
///
/// `content-type`, `cache-control` and `x-accel-buffering` are added unless they stand here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamHead {
    /// More fields.
    pub fields: Fields,
    /// What keeps this stream alive. `None`: as [`Config::heartbeat`](super::Config::heartbeat) says.
    pub heartbeat: Option<Heartbeat>,
    /// The content coding of the stream, if any.
    pub coding: Option<Coding>,
    /// Whether the stream opens with a comment of 2 KiB, for proxies that hold back what is shorter.
    pub padding: bool,
}

impl StreamHead {
    /// Makes a head with these fields besides the usual ones.
    pub const fn new(fields: Fields) -> Self {
        Self { fields, heartbeat: None, coding: None, padding: false }
    }

    /// Returns all the fields of the answer, without those of a framing.
    pub fn into_fields(self) -> Fields {
        let mut fields = self.fields;
        let usual = [
            ("content-type", sse::CONTENT_TYPE),
            ("cache-control", "no-cache, no-store, no-transform"),
            ("x-accel-buffering", "no"),
        ];
        for (name, value) in usual {
            if !fields.contains(name) {
                // Literals that are well formed.
                let _ = fields.append(name, value);
            }
        }
        fields
    }

    /// Returns the head alone: the answer to a HEAD request for the stream.
    pub fn into_reply(self) -> Reply {
        Reply { fields: self.into_fields(), ..Reply::new(200) }
    }
}
