use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::encode_chunk_head;

/// Bytes inside the chunk that holds them (RFC 9112 §7.1): both are the same memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    chunk: Bytes,
    head: u8,
}

impl Frame {
    #[cfg(feature = "deflate")]
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut builder = FrameBuilder::new(bytes.len());
        builder.push(bytes);
        builder.finish()
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.chunk.slice(self.range())
    }

    /// Empty when there are no bytes, because an empty chunk would end the body.
    pub(crate) const fn chunk(&self) -> &Bytes {
        &self.chunk
    }

    pub(crate) fn len(&self) -> usize {
        self.range().len()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.chunk.get(self.range()).unwrap_or_default()
    }

    fn range(&self) -> Range<usize> {
        let head = usize::from(self.head);
        head..self.chunk.len().saturating_sub(CRLF.len()).max(head)
    }
}

pub(crate) struct FrameBuilder {
    chunk: Vec<u8>,
    head: u8,
}

impl FrameBuilder {
    /// Begins a frame of exactly `len` bytes.
    pub(crate) fn new(len: usize) -> Self {
        let mut chunk = Vec::new();
        if let Some(digits) = len.checked_ilog2() {
            chunk.reserve_exact(digits as usize / 4 + 1 + len + 2 * CRLF.len());
        }
        encode_chunk_head(len, &mut chunk);
        // At most 16 digits and a line end.
        Self { head: chunk.len() as u8, chunk }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.chunk.extend_from_slice(bytes);
    }

    pub(crate) fn finish(mut self) -> Frame {
        if self.head > 0 {
            self.chunk.extend_from_slice(CRLF);
        }
        Frame { chunk: self.chunk.into(), head: self.head }
    }
}

const CRLF: &[u8] = b"\r\n";
