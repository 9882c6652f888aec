use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::http::{Fields, is_token};

/// Reads the subprotocols of a request, in the client's order; `None` when they are malformed.
pub(super) fn parse(fields: &Fields) -> Option<Vec<Box<str>>> {
    let mut protocols: Vec<Box<str>> = Vec::new();
    // RFC 6455 §11.3.4: "The |Sec-WebSocket-Protocol| header field MAY appear multiple times in an HTTP request (which is logically
    // the same as a single |Sec-WebSocket-Protocol| header field that contains all values)."
    for member in fields.get_all("sec-websocket-protocol").flat_map(|value| value.split(|&byte| byte == b',')) {
        protocols.push(str::from_utf8(crate::http::trim(member)).ok()?.into());
    }
    are_valid(&protocols).then_some(protocols)
}

/// Tells whether subprotocols may stand in a request together.
pub(super) fn are_valid(protocols: &[Box<str>]) -> bool {
    // RFC 6455 §4.1: "The elements that comprise this value MUST be non-empty strings with characters in the range U+0021 to U+007E not
    // including separator characters as defined in [RFC2616] and MUST all be unique strings."
    let are_tokens = protocols.iter().all(|protocol| is_token(protocol.as_bytes()));
    let mut sorted: Vec<&str> = protocols.iter().map(|protocol| &**protocol).collect();
    sorted.sort_unstable();
    are_tokens && sorted.windows(2).all(|pair| pair.first() != pair.last())
}
