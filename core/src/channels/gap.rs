use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::log::Gap;
use crate::sse::{EventId, EventName, Fields};

/// Appends the event that tells a reader of a gap: event type `gap`, the id to go on from, and as data
/// `{"reason":"evicted","after":"<id asked for>","next":"<first id that follows>"}`, with `null` for no next one yet.
pub fn encode_gap(gap: &Gap, out: &mut Vec<u8>) {
    let mut data = String::from("{\"reason\":");
    quote(gap.reason.as_str(), &mut data);
    data.push_str(",\"after\":");
    quote(&gap.after, &mut data);
    data.push_str(",\"next\":");
    match gap.next {
        Some(next) => quote(&next.to_string(), &mut data),
        None => data.push_str("null"),
    }
    data.push('}');
    let resume = gap.resume.to_string();
    let (id, event) = (EventId::new(&*resume).ok(), EventName::new("gap").ok());
    Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data: &data }.encode(out);
}

/// Appends a JSON string (RFC 8259 §7).
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            // Writing to memory does not fail.
            '\0'..='\x1f' => drop(write!(out, "\\u{:04x}", char as u32)),
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_escape_what_they_must() {
        let mut out = String::new();
        quote("a\"\\\n\0é\u{2028}", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\u000a\\u0000é\u{2028}\"");
    }
}
