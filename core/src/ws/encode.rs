use alloc::vec::Vec;

use super::mask::rotated;
use super::{CloseCode, FrameHeader, Opcode, apply_mask};

/// The longest reason of a close frame, in bytes (RFC 6455 §5.5: 125, less the code).
pub const MAX_REASON: usize = 123;

/// Appends a frame: its header, with the length of `payload`, and the payload, masked if the header has a masking key.
pub fn encode_frame(header: FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
    let header = FrameHeader { len: payload.len() as u64, ..header };
    out.reserve(header.encoded_len() + payload.len());
    header.encode(out);
    match header.mask {
        Some(key) => append_masked(payload, key, 0, out),
        None => out.extend_from_slice(payload),
    }
}

/// Appends `payload` masked, in one pass. It begins `offset` bytes into the payload of its frame.
pub fn append_masked(payload: &[u8], key: [u8; 4], offset: usize, out: &mut Vec<u8>) {
    out.reserve(payload.len());
    let key = rotated(key, offset);
    // Blocks of a known width, which are masked on their way.
    let (blocks, rest) = payload.as_chunks::<BLOCK>();
    for block in blocks {
        let mut block = *block;
        apply_mask(&mut block, key, 0);
        out.extend_from_slice(&block);
    }
    let at = out.len();
    out.extend_from_slice(rest);
    apply_mask(out.get_mut(at..).unwrap_or_default(), key, 0);
}

/// Appends the payload of a close frame: `code` and the beginning of `reason`, at most [`MAX_REASON`] bytes and no character in parts.
pub fn encode_close(code: CloseCode, reason: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&code.get().to_be_bytes());
    let end = (0..=reason.len().min(MAX_REASON)).rev().find(|at| reason.is_char_boundary(*at));
    out.extend_from_slice(end.and_then(|end| reason.get(..end)).unwrap_or_default().as_bytes());
}

/// Cuts the payload of a message into those of its frames, `most` bytes each but for the last (at least 1), with a header for each; an
/// empty message is one frame. `header` is the one of the message in one frame; a client gives every frame a masking key of its own.
pub fn fragments(header: FrameHeader, payload: &[u8], most: usize) -> impl Iterator<Item = (FrameHeader, &[u8])> {
    let mut rest = Some((header, payload));
    core::iter::from_fn(move || {
        let (header, payload) = rest?;
        let (piece, after) = payload.split_at_checked(most.max(1)).unwrap_or((payload, &[]));
        let fin = after.is_empty();
        // RFC 7692 §6: only the first frame of a compressed message has the bit.
        let next = FrameHeader { opcode: Opcode::Continuation, compressed: false, ..header };
        rest = (!fin).then_some((next, after));
        Some((FrameHeader { fin, len: piece.len() as u64, ..header }, piece))
    })
}

/// A multiple of 4, so that the masking key begins anew with each.
const BLOCK: usize = 64;
