use alloc::vec::Vec;

use bytes::Bytes;

use super::checksum::{combine, crc32, shift_by};
use super::deflate::{Deflate, Flush};
use super::member::{HEADER, trailer};
use crate::http::Frame;

/// Compresses each content once for all who read it: see [`Segment`].
///
/// It keeps some 320 KB from its first longer content on: one for a server, not one for a reader.
#[derive(Debug)]
pub struct Compressor {
    deflate: Deflate,
    scratch: Vec<u8>,
}

/// Some content, compressed such that it can stand in any reader's [`GzipStream`]: whole blocks of deflate that begin and end with
/// a byte, and refer to nothing before them.
///
/// The bytes are shared: a clone of them costs a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    frame: Frame,
    sum: Sum,
}

/// What the trailer must know of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    crc: u32,
    /// What the length of the content does to a checksum of what is before it.
    shift: u32,
    /// The length modulo 2³².
    len: u32,
}

/// One reader's stream in the coding gzip: a header, [segments](Segment), a trailer. Some 8 bytes, and no window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GzipStream {
    /// Of all the content so far.
    crc: u32,
    /// Of all the content so far, modulo 2³².
    len: u32,
}

impl Compressor {
    /// Makes one that is small until it is used.
    pub const fn new() -> Self {
        Self { deflate: Deflate::new(LEVEL), scratch: Vec::new() }
    }

    /// Compresses `content`, which a reader then has up to its last byte. What would be longer than it is, is stored as it is: at
    /// most 5 bytes for each 65,535 come to it.
    pub fn compress(&mut self, content: &[u8]) -> Segment {
        if content.len() < WORTHWHILE {
            return Segment::stored(content);
        }
        self.scratch.clear();
        self.deflate.run(content, Flush::Full, &mut self.scratch);
        let segment = if self.scratch.len() < stored_len(content.len()) {
            Segment::new(content, &self.scratch)
        } else {
            Segment::stored(content)
        };
        if self.scratch.capacity() > MAX_SCRATCH {
            self.scratch = Vec::new();
        }
        segment
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Segment {
    /// Makes one of blocks that hold `content` as it is: for what is short, without a [`Compressor`].
    pub fn stored(content: &[u8]) -> Self {
        let mut blocks = Vec::with_capacity(stored_len(content.len()));
        for part in content.chunks(MAX_STORED) {
            // RFC 1951 §3.2.4: "LEN is the number of data bytes in the block. NLEN is the one's complement of LEN."
            let len = part.len() as u16;
            blocks.push(0);
            blocks.extend_from_slice(&len.to_le_bytes());
            blocks.extend_from_slice(&(!len).to_le_bytes());
            blocks.extend_from_slice(part);
        }
        Self::new(content, &blocks)
    }

    fn new(content: &[u8], blocks: &[u8]) -> Self {
        let sum = Sum { crc: crc32(0, content), shift: shift_by(content.len() as u64), len: content.len() as u32 };
        Self { frame: Frame::new(blocks), sum }
    }

    pub(crate) const fn sum(&self) -> Sum {
        self.sum
    }

    /// Returns the blocks.
    pub fn bytes(&self) -> Bytes {
        self.frame.bytes()
    }

    /// Returns the blocks as one chunk (RFC 9112 §7.1); empty when there are none.
    pub fn chunk(&self) -> &Bytes {
        self.frame.chunk()
    }

    /// Returns how long they are.
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// Tells whether there are none, as there was no content.
    pub fn is_empty(&self) -> bool {
        self.frame.len() == 0
    }
}

impl GzipStream {
    /// What every stream begins with.
    pub const HEADER: [u8; 10] = HEADER;

    /// Begins a stream.
    pub const fn new() -> Self {
        Self { crc: 0, len: 0 }
    }

    /// Notes that `segment` comes next.
    pub fn add(&mut self, segment: &Segment) {
        self.add_sum(segment.sum);
    }

    pub(crate) fn add_sum(&mut self, sum: Sum) {
        self.crc = combine(self.crc, sum.crc, sum.shift);
        self.len = self.len.wrapping_add(sum.len);
    }

    /// Returns what the stream ends with: an empty last block, the checksum and the length.
    pub fn trailer(&self) -> [u8; 10] {
        let [a, b, c, d, e, f, g, h] = trailer(self.crc, self.len);
        // RFC 1951 §3.2.6: a last block with fixed codes that holds nothing but its end: 1, 01, 0000000.
        [0x03, 0x00, a, b, c, d, e, f, g, h]
    }
}

const fn stored_len(len: usize) -> usize {
    len + 5 * len.div_ceil(MAX_STORED)
}

/// A burst of 64 KiB takes a fifth of the time that it takes at level 6, and becomes a twelfth longer; what is short becomes the same.
const LEVEL: u8 = 3;

/// Shorter content without anything before it hardly becomes shorter still: an event of 113 bytes becomes one of 110.
const WORTHWHILE: usize = 128;

/// RFC 1951 §3.2.4: what the length of a stored block can say.
const MAX_STORED: usize = 65_535;

/// A buffer that has grown beyond this is given back.
const MAX_SCRATCH: usize = 64 << 10;
