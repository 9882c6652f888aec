use alloc::vec::Vec;

use bytes::Bytes;

/// What one reader writes at once: the bytes of one or several publications, framed as one chunk of HTTP/1.1 as well.
///
/// Bytes and chunk are the same memory, shared by all readers that stand at the same place: a clone of it costs a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    chunk: Bytes,
    head: u8,
}

impl Burst {
    /// Frames `bytes`, copying them once.
    pub fn new(bytes: &[u8]) -> Self {
        let mut builder = BurstBuilder::new(bytes.len());
        builder.push(bytes);
        builder.finish()
    }

    /// Returns the bytes alone, for an answer that ends with its connection.
    pub fn bytes(&self) -> Bytes {
        self.chunk.slice(self.range())
    }

    /// Returns the bytes as one chunk (RFC 9112 §7.1); empty when there are none, because an empty chunk would end the
    /// body.
    pub fn chunk(&self) -> &Bytes {
        &self.chunk
    }

    /// Returns the number of bytes without the framing.
    pub fn len(&self) -> usize {
        self.range().len()
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.chunk.get(self.range()).unwrap_or_default()
    }

    fn range(&self) -> core::ops::Range<usize> {
        let head = usize::from(self.head);
        head..self.chunk.len().saturating_sub(CRLF.len()).max(head)
    }
}

pub(super) struct BurstBuilder {
    chunk: Vec<u8>,
    head: u8,
}

impl BurstBuilder {
    /// Begins a burst that will be exactly `len` bytes long.
    pub(super) fn new(len: usize) -> Self {
        if len == 0 {
            return Self { chunk: Vec::new(), head: 0 };
        }
        let digits = (usize::BITS - len.leading_zeros()).div_ceil(4);
        let head = digits as usize + CRLF.len();
        let mut chunk = Vec::with_capacity(head + len + CRLF.len());
        for digit in (0..digits).rev() {
            chunk.push(HEX.get(len >> (4 * digit) & 0xf).copied().unwrap_or(b'0'));
        }
        chunk.extend_from_slice(CRLF);
        // At most 16 digits and a line end.
        Self { chunk, head: head as u8 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.chunk.extend_from_slice(bytes);
    }

    pub(super) fn finish(mut self) -> Burst {
        if self.head > 0 {
            self.chunk.extend_from_slice(CRLF);
        }
        Burst { chunk: Bytes::from(self.chunk), head: self.head }
    }
}

const CRLF: &[u8] = b"\r\n";
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_inside_their_chunk() {
        for (len, head) in [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (255, "ff\r\n"), (4096, "1000\r\n")] {
            let bytes = alloc::vec![b'x'; len];
            let burst = Burst::new(&bytes);
            assert_eq!(burst.bytes(), bytes);
            assert_eq!(burst.len(), len);
            assert_eq!(burst.chunk()[..], [head.as_bytes(), &bytes, b"\r\n"].concat());
        }
    }

    #[test]
    fn nothing_is_no_chunk() {
        let burst = Burst::new(b"");
        assert!(burst.is_empty() && burst.chunk().is_empty() && burst.bytes().is_empty());
    }
}
