use super::{Heartbeat, Reply};
use crate::http::accept::{self, NotAcceptable};
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
    /// The content coding of the stream, if any; `content-encoding` and `vary` are added then. `no-transform` (RFC 9111 §5.2.2.6) stays:
    /// it binds those in between, so that none of them compresses anew and holds events back for it.
    ///
    /// With gzip, bursts leave as their segments (`Burst::segment`), which all readers share; what has none, and what is
    /// [sent](super::EventStream::send) to this reader alone, is stored as it is inside the coding.
    pub coding: Option<Coding>,
    /// Whether the stream opens with a comment of 2 KiB, for proxies that hold back what is shorter.
    pub padding: bool,
}

impl StreamHead {
    /// Makes a head with these fields besides the usual ones.
    pub const fn new(fields: Fields) -> Self {
        Self { fields, heartbeat: None, coding: None, padding: false }
    }

    /// Chooses the content coding by what a request with these fields takes, and says that the answer depends on it (`vary`): for
    /// servers where gzip is on.
    ///
    /// # Errors
    ///
    /// When the request refuses both gzip and content without a coding: the answer is 406.
    pub fn negotiate(&mut self, request: &Fields) -> Result<(), NotAcceptable> {
        self.coding = accept::coding(request)?;
        vary(&mut self.fields);
        Ok(())
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
        if let Some(coding) = self.coding {
            // RFC 9110 §12.5.5: the field tells a cache what the answer was chosen by.
            vary(&mut fields);
            let _ = fields.set("content-encoding", coding.name());
        }
        fields
    }

    /// Returns the head alone: the answer to a HEAD request for the stream.
    pub fn into_reply(self) -> Reply {
        Reply { fields: self.into_fields(), ..Reply::new(200) }
    }
}

fn vary(fields: &mut Fields) {
    if !fields.has_token("vary", "accept-encoding") {
        let _ = fields.append("vary", "accept-encoding");
    }
}
