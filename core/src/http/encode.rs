use alloc::vec::Vec;

use super::Fields;

/// What ends a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends the line before a chunk of `len` bytes; after the bytes follows CRLF.
///
/// A chunk of no bytes would end the body: for `len` 0 nothing is written.
pub fn encode_chunk_head(len: usize, out: &mut Vec<u8>) {
    if len == 0 {
        return;
    }
    let digits = len.ilog2() / 4;
    out.extend((0..=digits).rev().map(|at| DIGITS.get(len >> (4 * at) & 0xf).copied().unwrap_or(b'0')));
    out.extend_from_slice(b"\r\n");
}

/// Appends what ends a chunked body, with trailers.
pub fn encode_last_chunk(trailers: &Fields, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    trailers.encode(out);
    out.extend_from_slice(b"\r\n");
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
