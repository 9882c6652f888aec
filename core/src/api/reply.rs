use alloc::vec::Vec;

use crate::http::Fields;
use crate::server::Reply;

/// Makes an answer with a body.
pub(super) fn reply(status: u16, media_type: &str, body: Vec<u8>) -> Reply {
    let mut reply = Reply::new(status);
    reply.body = body.into();
    add(&mut reply.fields, "content-type", media_type);
    reply
}

/// Adds a field whose name and value are ours, or were parsed before.
pub(super) fn add(fields: &mut Fields, name: &str, value: &str) {
    let added = fields.append(name, value);
    debug_assert!(added.is_ok(), "{name}: {value}");
}
