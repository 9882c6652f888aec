use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::log::{Gap, GapReason};
use crate::quote::quote;
use crate::sse::{EventId, EventName, Fields};

/// Appends the event that tells a reader of a gap: event type `gap`, the id to go on from, and as data
/// `{"reason":"evicted","after":"<id asked for>","next":"<first id that follows>"}`, with `null` for no next one yet.
pub fn encode_gap(gap: &Gap, out: &mut Vec<u8>) {
    let next = gap.next.map(|next| next.to_string());
    encode(gap.reason, &gap.after, next.as_deref(), Some(&gap.resume.to_string()), out);
}

/// Appends the event of a gap in a channel whose ids belong to the application. It has no id: the reader comes back with the one it has.
pub(super) fn encode_own_gap(reason: GapReason, after: &str, next: Option<&str>, out: &mut Vec<u8>) {
    encode(reason, after, next, None, out);
}

fn encode(reason: GapReason, after: &str, next: Option<&str>, resume: Option<&str>, out: &mut Vec<u8>) {
    let mut data = String::from("{\"reason\":");
    quote(reason.as_str(), &mut data);
    data.push_str(",\"after\":");
    quote(after, &mut data);
    data.push_str(",\"next\":");
    match next {
        Some(next) => quote(next, &mut data),
        None => data.push_str("null"),
    }
    data.push('}');
    let (id, event) = (resume.and_then(|id| EventId::new(id).ok()), EventName::new("gap").ok());
    Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data: &data }.encode(out);
}
