//! What stands around the compressed data in the coding `gzip` (RFC 1952 §2.3).

/// No name, no time, no system: nothing that would differ from one answer to the next.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

pub(super) const fn trailer(crc: u32, len: u32) -> [u8; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (crc.to_le_bytes(), len.to_le_bytes());
    [a, b, c, d, e, f, g, h]
}
