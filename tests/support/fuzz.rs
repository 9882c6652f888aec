//! The fuzz targets, and what their bodies share. `fuzz/Cargo.toml` says how to add one.

use crate::{
    fuzz_channels, fuzz_client, fuzz_coding, fuzz_http, fuzz_log, fuzz_server, fuzz_sse, fuzz_tunnel, fuzz_ws,
    fuzz_ws_client, fuzz_ws_deflate, fuzz_ws_frames, fuzz_ws_handshake,
};

/// What a target does with an input; it panics when something is wrong.
pub type Body = fn(&[u8]);

/// Every target by its name.
#[rustfmt::skip]
pub const TARGETS: &[(&str, Body)] = &[
    ("channels", fuzz_channels::channels),
    ("client_machine", fuzz_client::machine),
    ("client_tunnel", fuzz_tunnel::tunnel),
    ("http_chunked_body", fuzz_http::chunked_body),
    ("http_coding", fuzz_coding::coding),
    ("http_encoder", fuzz_coding::encoder),
    ("http_request_head", fuzz_http::request_head),
    ("http_response_head", fuzz_http::response_head),
    ("http_url", fuzz_http::url),
    ("log", fuzz_log::log),
    ("server_machine", fuzz_server::machine),
    ("sse_parser", fuzz_sse::parser),
    ("sse_round_trip", fuzz_sse::round_trip),
    ("ws_connection", fuzz_ws::connection),
    ("ws_client", fuzz_ws_client::machine),
    ("ws_deflate", fuzz_ws_deflate::deflate),
    ("ws_frames", fuzz_ws_frames::frames),
    ("ws_handshake", fuzz_ws_handshake::handshake),
];

/// Splits an input behind its first LF: what stands before may say how to cut the rest.
pub fn split_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|&byte| byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (&[], input),
    }
}

/// Cuts a stream into chunks. The lengths are one byte each, again and again: `@` is 1, `A` is 2, … up to 32; none: one chunk.
pub fn chunks<'a>(stream: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    if lengths.is_empty() {
        return vec![stream];
    }
    let mut rest = stream;
    let mut chunks = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(usize::from(length & 31) + 1));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}
