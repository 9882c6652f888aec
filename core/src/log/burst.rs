use alloc::sync::Arc;

use bytes::Bytes;

use super::Messages;
#[cfg(feature = "deflate")]
use crate::http::coding::{Compressor, Segment};
use crate::http::{Frame, FrameBuilder};
#[cfg(feature = "deflate")]
use crate::ws::deflate;

/// What one reader writes at once: the bytes of one or several publications, framed as one chunk of HTTP/1.1 as well.
///
/// Bytes and chunk are the same memory, shared by all readers that stand at the same place: a clone of it costs a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    frame: Frame,
    form: Option<Arc<Form>>,
}

/// The same in another form.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    #[cfg(feature = "deflate")]
    Segment(Segment),
    Messages(Messages),
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
        self.frame.bytes()
    }

    /// Returns the bytes as one chunk (RFC 9112 §7.1); empty when there are none, because an empty chunk would end the
    /// body.
    pub fn chunk(&self) -> &Bytes {
        self.frame.chunk()
    }

    /// Returns the number of bytes without the framing.
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.frame.payload()
    }

    /// Returns the same compressed, if it was: see [`pack`](Self::pack).
    #[cfg(feature = "deflate")]
    pub fn segment(&self) -> Option<&Segment> {
        match self.form.as_deref()? {
            Form::Segment(segment) => Some(segment),
            Form::Messages(_) => None,
        }
    }

    /// Compresses the bytes, unless they are already, for the readers whose streams have the coding gzip.
    #[cfg(feature = "deflate")]
    pub fn pack(&mut self, compressor: &mut Compressor) {
        if self.segment().is_none() {
            self.form = Some(Arc::new(Form::Segment(compressor.compress(self.frame.payload()))));
        }
    }

    /// Returns the same as messages of WebSocket, if it was [made](super::Framer::frame) so.
    pub fn messages(&self) -> Option<&Messages> {
        match self.form.as_deref()? {
            Form::Messages(messages) => Some(messages),
            #[cfg(feature = "deflate")]
            Form::Segment(_) => None,
        }
    }

    pub(super) fn set_messages(&mut self, messages: Messages) {
        self.form = Some(Arc::new(Form::Messages(messages)));
    }

    #[cfg(feature = "deflate")]
    pub(super) fn compress_messages(&mut self, compressor: &mut deflate::Compressor) {
        let is_new = self.messages().is_some_and(Messages::is_plain);
        // Who has been given it already has it as it was.
        if is_new && let Some(Form::Messages(messages)) = self.form.as_mut().map(Arc::make_mut) {
            messages.compress(compressor);
        }
    }
}

pub(super) struct BurstBuilder(FrameBuilder);

impl BurstBuilder {
    /// Begins a burst that will be exactly `len` bytes long.
    pub(super) fn new(len: usize) -> Self {
        Self(FrameBuilder::new(len))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    pub(super) fn finish(self) -> Burst {
        Burst { frame: self.0.finish(), form: None }
    }
}

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
