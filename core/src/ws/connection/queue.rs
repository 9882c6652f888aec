use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;

use super::output::MAX_PIECE;
use crate::ws::{FrameHeader, Opcode, append_masked};

/// The payload of a message to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'a> {
    /// It is copied.
    Lent(&'a [u8]),
    /// It may be shared.
    Shared(&'a Bytes),
}

impl Payload<'_> {
    pub(super) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Lent(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => bytes.clone(),
        }
    }
}

/// Messages in the order in which they leave: short ones encoded, many in one batch; long ones as they are, to be framed when they leave.
#[derive(Debug)]
pub(super) struct Queue {
    /// What leaves first. Most of the time there is nothing else.
    front: Option<Waiting>,
    rest: VecDeque<Waiting>,
    messages: usize,
    bytes: usize,
}

#[derive(Debug)]
pub(super) enum Waiting {
    Batch(Batch),
    Long(Long),
    Shared(Shared),
}

/// Whole frames, a message each.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    messages: usize,
}

/// Messages in a frame each that were encoded before: mostly one, for many connections.
#[derive(Debug)]
pub(super) struct Shared {
    /// What has not left.
    frames: Bytes,
    messages: usize,
    has_begun: bool,
}

/// One message that is framed when it leaves.
#[derive(Debug)]
pub(super) struct Long {
    /// Of the next frame.
    header: FrameHeader,
    /// What has not left.
    payload: Bytes,
    frame: Option<Begun>,
}

/// A frame whose header has left.
#[derive(Debug)]
struct Begun {
    left: usize,
    key: Option<[u8; 4]>,
    /// How much of its payload has left.
    offset: usize,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { front: None, rest: VecDeque::new(), messages: 0, bytes: 0 }
    }

    /// Appends a message that `encode` appends as one frame.
    pub(super) fn push_frame(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        self.messages += 1;
        if let Some(Waiting::Batch(batch)) = self.rest.back_mut().or(self.front.as_mut())
            && batch.bytes.len() < MAX_PIECE
        {
            self.bytes += batch.push(encode);
            return;
        }
        let mut batch = Batch::default();
        self.bytes += batch.push(encode);
        self.push(Waiting::Batch(batch));
    }

    /// Appends a message that will leave with `header`, without key, or in fragments.
    pub(super) fn push_long(&mut self, header: FrameHeader, payload: Bytes) {
        self.bytes += payload.len();
        self.messages += 1;
        self.push(Waiting::Long(Long { header, payload, frame: None }));
    }

    /// Appends messages that were encoded as a frame each.
    pub(super) fn push_shared(&mut self, frames: Bytes, messages: usize) {
        self.bytes += frames.len();
        self.messages += messages;
        self.push(Waiting::Shared(Shared { frames, messages, has_begun: false }));
    }

    pub(super) const fn front(&mut self) -> Option<&mut Waiting> {
        self.front.as_mut()
    }

    /// Moves the batch that is first to `piece`, and returns how many messages that are.
    pub(super) fn take_batch(&mut self, piece: &mut Vec<u8>) -> usize {
        let Some(Waiting::Batch(batch)) = &mut self.front else { return 0 };
        let Batch { mut bytes, messages } = mem::take(batch);
        self.bytes = self.bytes.saturating_sub(bytes.len());
        self.messages = self.messages.saturating_sub(messages);
        if piece.is_empty() {
            *piece = bytes;
        } else {
            piece.append(&mut bytes);
        }
        self.advance();
        messages
    }

    /// Takes what is left of the frames encoded before that are first, at most `most` bytes, and returns how many messages ended by that.
    pub(super) fn take_shared(&mut self, most: usize) -> (Bytes, usize) {
        let Some(Waiting::Shared(shared)) = &mut self.front else { return (Bytes::new(), 0) };
        let piece = shared.frames.split_to(shared.frames.len().min(most));
        shared.has_begun = true;
        let is_over = shared.frames.is_empty();
        let ended = if is_over { shared.messages } else { 0 };
        self.bytes = self.bytes.saturating_sub(piece.len());
        self.messages = self.messages.saturating_sub(ended);
        if is_over {
            self.advance();
        }
        (piece, ended)
    }

    /// Notes that so much was taken of the long message that is first, and returns how many messages ended by that.
    pub(super) fn note_taken(&mut self, len: usize) -> usize {
        self.bytes = self.bytes.saturating_sub(len);
        match &self.front {
            Some(Waiting::Long(long)) if long.is_over() => {
                self.messages = self.messages.saturating_sub(1);
                self.advance();
                1
            }
            _ => 0,
        }
    }

    /// Tells whether the header of a frame has left, and not yet all of its payload.
    pub(super) const fn is_in_frame(&self) -> bool {
        match &self.front {
            Some(Waiting::Long(long)) => long.is_in_frame(),
            Some(Waiting::Shared(shared)) => shared.has_begun,
            Some(Waiting::Batch(_)) | None => false,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// Tells whether nothing waits behind what is first.
    pub(super) fn is_last(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    /// Returns how many bytes wait; of long messages the payload alone counts.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, waiting: Waiting) {
        if self.front.is_none() {
            self.front = Some(waiting);
        } else {
            self.rest.push_back(waiting);
        }
    }

    fn advance(&mut self) {
        self.front = self.rest.pop_front();
        if self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
    }
}

impl Shared {
    pub(super) fn is_short(&self, few: usize) -> bool {
        self.frames.len() <= few
    }
}

impl Batch {
    /// Appends a message and returns how many bytes that are.
    fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.bytes.len();
        encode(&mut self.bytes);
        self.messages += 1;
        self.bytes.len() - before
    }
}

impl Long {
    pub(super) const fn is_in_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Appends the header of the next frame, of at most `most` bytes.
    pub(super) fn begin_frame(&mut self, key: Option<[u8; 4]>, most: Option<usize>, piece: &mut Vec<u8>) {
        let left = most.map_or(self.payload.len(), |most| self.payload.len().min(most.max(1)));
        let fin = left == self.payload.len();
        FrameHeader { fin, mask: key, len: left as u64, ..self.header }.encode(piece);
        // RFC 7692 §6: only the first frame of a compressed message has the bit.
        self.header = FrameHeader { opcode: Opcode::Continuation, compressed: false, ..self.header };
        self.frame = Some(Begun { left, key, offset: 0 });
    }

    /// Returns the next bytes of the frame, if they can be shared: not masked, more than `few`, and nothing stands before them in
    /// `piece`.
    pub(super) fn share(&mut self, piece: &[u8], few: usize, most: usize) -> Option<Bytes> {
        let begun = self.frame.as_ref().filter(|begun| begun.is_shared(few) && piece.is_empty())?;
        let len = begun.left.min(most);
        let shared = self.payload.split_to(len.min(self.payload.len()));
        self.note(len);
        Some(shared)
    }

    /// Appends the next bytes of the frame, at most `most`, unless they can be shared; returns how many.
    pub(super) fn copy(&mut self, most: usize, few: usize, piece: &mut Vec<u8>) -> usize {
        let Some(begun) = self.frame.as_ref().filter(|begun| !begun.is_shared(few)) else { return 0 };
        let bytes = self.payload.split_to(begun.left.min(most).min(self.payload.len()));
        match begun.key {
            Some(key) => append_masked(&bytes, key, begun.offset, piece),
            None => piece.extend_from_slice(&bytes),
        }
        self.note(bytes.len());
        bytes.len()
    }

    fn is_over(&self) -> bool {
        self.frame.is_none() && self.payload.is_empty()
    }

    /// Notes that so much of the frame was taken.
    fn note(&mut self, len: usize) {
        if let Some(begun) = &mut self.frame {
            begun.left = begun.left.saturating_sub(len);
            begun.offset += len;
            if begun.left == 0 {
                self.frame = None;
            }
        }
    }
}

impl Begun {
    /// Tells whether what is left of it is worth a piece of its own.
    const fn is_shared(&self, few: usize) -> bool {
        self.key.is_none() && self.left > few
    }
}
