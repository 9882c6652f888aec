use alloc::vec::Vec;

use bytes::Bytes;

#[cfg(feature = "deflate")]
use super::deflate::{Compressor, Context, WindowBits};
use super::{FrameHeader, Message, Opcode, encode_frame};

/// A message encoded once for many: a server sends its frame to each connection for the count of a reference.
///
/// Compressed once (`compress`, feature `deflate`), it goes so to those that agreed on it.
///
/// ```
/// use tidewire_core::ws::{Message, Prepared};
///
/// let prepared = Prepared::new(&Message::from("The tide is high"));
/// assert_eq!(prepared.frame()[..2], [0x81, 16]);
/// assert_eq!(prepared.frame()[2..], b"The tide is high"[..]);
/// assert_eq!(prepared.clone().frame().as_ptr(), prepared.frame().as_ptr());
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    opcode: Opcode,
    frame: Bytes,
    /// Where in the frame the payload begins.
    payload: usize,
    #[cfg(feature = "deflate")]
    compressed: Compressed,
}

#[cfg(feature = "deflate")]
#[derive(Clone, Debug)]
enum Compressed {
    NotTried,
    /// It is no smaller.
    No,
    Frame(Bytes, WindowBits),
}

impl Prepared {
    /// Encodes a message in one frame.
    pub fn new(message: &Message) -> Self {
        match message {
            Message::Text(text) => Self::text(text),
            Message::Binary(bytes) => Self::binary(bytes),
        }
    }

    /// Encodes text in one frame.
    pub fn text(text: &str) -> Self {
        Self::of(Opcode::Text, text.as_bytes())
    }

    /// Encodes any bytes in one frame.
    pub fn binary(bytes: &[u8]) -> Self {
        Self::of(Opcode::Binary, bytes)
    }

    fn of(opcode: Opcode, payload: &[u8]) -> Self {
        let header = FrameHeader::new(opcode, payload.len());
        let mut frame = Vec::new();
        encode_frame(header, payload, &mut frame);
        Self {
            opcode,
            frame: frame.into(),
            payload: header.encoded_len(),
            #[cfg(feature = "deflate")]
            compressed: Compressed::NotTried,
        }
    }

    /// Compresses the message, unless that was done or is in vain: before it is sent to the first connection that
    /// [takes](Self::compressed_frame) it so. Clones made before are not compressed by that.
    #[cfg(feature = "deflate")]
    pub fn compress(&mut self, compressor: &mut Compressor) {
        if !matches!(self.compressed, Compressed::NotTried) {
            return;
        }
        let mut payload = Vec::new();
        self.compressed = Compressed::No;
        if compressor.compress(self.payload(), &mut payload) {
            let header = FrameHeader { compressed: true, ..FrameHeader::new(self.opcode, payload.len()) };
            let mut frame = Vec::new();
            encode_frame(header, &payload, &mut frame);
            self.compressed = Compressed::Frame(frame.into(), compressor.bits());
        }
    }

    /// Returns whether it is text or any bytes.
    pub const fn opcode(&self) -> Opcode {
        self.opcode
    }

    /// Returns the bytes of the message.
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.payload..).unwrap_or_default()
    }

    pub(super) fn payload_bytes(&self) -> Bytes {
        self.frame.slice(self.payload..)
    }

    /// Returns the frame as a server sends it, not compressed.
    pub const fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// Returns the compressed frame if there is one and a connection takes it on which a server compresses in `context`: if the window is
    /// as large as what was used.
    ///
    /// It refers to nothing before it. A server that has agreed on takeover sends it, too, when its
    /// [`Deflater`](super::deflate::Deflater) [forgets](super::deflate::Deflater::forget) what it had: the peer's window has this message then.
    #[cfg(feature = "deflate")]
    pub fn compressed_frame(&self, context: Context) -> Option<&Bytes> {
        match &self.compressed {
            Compressed::Frame(frame, bits) if *bits <= context.bits => Some(frame),
            _ => None,
        }
    }
}
