use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{UnixTime, sse};

/// What a reader gets: one publication with everything that is known of it, as one JSON object.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<'a> {
    pub(super) id: String,
    pub(super) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<&'a str>,
    pub(super) channel_id: &'a str,
    pub(super) user_id: &'a str,
    pub(super) data: &'a Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<&'a RawValue>,
    pub(super) timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread_id: Option<&'a str>,
}

/// The data of a publication in JSON: as it came, as a string, or as base64 (RFC 4648 §4).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Data<'a> {
    Json(&'a RawValue),
    Text(&'a str),
    Base64(Box<str>),
}

impl Envelope<'_> {
    /// Appends the event that carries the envelope.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        // The keys are strings and memory does not fail, so writing does not either.
        let json = serde_json::to_string(self).unwrap_or_default();
        encode_event(Some(&self.id), self.r#type, &json, out);
    }
}

/// Returns the text of a time, as in every envelope.
pub(super) fn timestamp(time: UnixTime) -> String {
    time.to_string()
}

/// Appends an event of ours, whose names are known to be harmless.
pub(super) fn encode_event(id: Option<&str>, name: &str, data: &str, out: &mut Vec<u8>) {
    let id = id.and_then(|id| sse::EventId::new(id).ok());
    let event = sse::EventName::new(name).ok();
    sse::Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data }.encode(out);
}

/// The first event of a stream.
#[derive(Debug, Serialize)]
pub(super) struct Connected<'a> {
    pub(super) connection_id: &'a str,
    pub(super) session_id: &'a str,
    pub(super) user_id: &'a str,
    pub(super) resumed: bool,
    pub(super) heartbeat_ms: u64,
}
