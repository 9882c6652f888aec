use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use bytes::{Buf, Bytes};

use super::{Reader, State};
use crate::ws::frame::is_masked;
use crate::ws::mask::unmask_to;
use crate::ws::utf8::{SIMD_FROM, decode};
use crate::ws::{Error, Limits, Message, Opcode, Role, apply_mask};

/// A message in one frame, and where in the input its payload lies.
pub(super) struct Whole {
    pub(super) opcode: Opcode,
    /// Zeros mask nothing.
    key: [u8; 4],
    start: usize,
    pub(super) end: usize,
}

impl Whole {
    /// Returns the message, owned; `None`: the text is not UTF-8.
    #[inline]
    pub(super) fn message(&self, input: &mut [u8]) -> Option<Message> {
        let payload = self.payload(input);
        Some(match self.opcode {
            Opcode::Text => Message::Text(decode(payload)?.into()),
            _ => Message::Binary(Bytes::copy_from_slice(payload)),
        })
    }

    /// Makes of the frame, of which `bytes` are all, its message, with the memory that they have; `None`: the text is not UTF-8.
    fn take(&self, mut bytes: Vec<u8>) -> Option<Message> {
        apply_mask(bytes.get_mut(self.start..).unwrap_or_default(), self.key, 0);
        if self.opcode == Opcode::Binary {
            let mut bytes = Bytes::from(bytes);
            bytes.advance(self.start);
            return Some(Message::Binary(bytes));
        }
        let text = bytes.get(self.start..).unwrap_or_default();
        if text.len() >= SIMD_FROM && !text.is_ascii() {
            // The library would validate it more slowly than the copy takes.
            return Some(Message::Text(decode(text)?.into()));
        }
        bytes.drain(..self.start);
        String::from_utf8(bytes).ok().map(Message::Text)
    }

    /// Unmasks the payload, and lends it.
    #[inline]
    pub(super) fn payload<'a>(&self, input: &'a mut [u8]) -> &'a [u8] {
        let Some(frame) = input.get_mut(..self.end) else { return &[] };
        if self.key == [0; 4] {
            return frame.get(self.start..).unwrap_or_default();
        }
        let len = self.end - self.start;
        // The library validates a short text byte by byte up to where words are aligned: how far that is, the processor cannot foresee.
        // So the text goes there, over its header.
        let ahead = frame.as_ptr().addr().wrapping_add(self.start) % size_of::<u64>();
        if len < SIMD_FROM && ahead <= self.start {
            let to = self.start - ahead;
            unmask_to(frame, self.start, to, self.key);
            return frame.get(to..to + len).unwrap_or_default();
        }
        let payload = frame.get_mut(self.start..).unwrap_or_default();
        apply_mask(payload, self.key, 0);
        payload
    }
}

impl Reader {
    /// Reads the message in one frame that is all of `bytes`, as what comes at once often is, into the memory that they have: they are
    /// empty then. Whatever else there is, is left to [`read_owned`](Self::read_owned).
    pub(crate) fn take_whole(&mut self, bytes: &mut Vec<u8>) -> Option<Result<Message, Error>> {
        let whole = self.find_whole(bytes).filter(|whole| whole.end == bytes.len())?;
        let message = whole.take(mem::take(bytes)).ok_or(Error::Text);
        Some(message.inspect_err(|error| self.state = State::Failed(*error)))
    }

    /// Finds a message in one frame that lies in `input`, as most do. Whatever else there is, faults too, is left to
    /// [`advance`](Self::advance).
    #[inline]
    pub(super) fn find_whole(&self, input: &[u8]) -> Option<Whole> {
        let State::Header { len: 0, .. } = self.state else { return None };
        if self.message.is_some() || self.lent.is_some() {
            return None;
        }
        let [first, second, rest @ ..] = input else { return None };
        let opcode = match first {
            0x81 => Opcode::Text,
            0x82 => Opcode::Binary,
            _ => return None,
        };
        let (len, rest) = match second & 0x7f {
            126 => {
                let (octets, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*octets)), rest)
            }
            127 => return None,
            len => (usize::from(len), rest),
        };
        let (key, rest) = match (self.role, is_masked(*second)) {
            (Role::Server, true) => rest.split_first_chunk().map(|(key, rest)| (*key, rest))?,
            (Role::Client, false) => ([0; 4], rest),
            _ => return None,
        };
        let Limits { max_frame, max_message, max_fragments } = self.limits;
        let is_minimal = len > 125 || second & 0x7f <= 125;
        if len > rest.len() || len > max_frame.min(max_message) || max_fragments == 0 || !is_minimal {
            return None;
        }
        let start = input.len() - rest.len();
        Some(Whole { opcode, key, start, end: start + len })
    }
}
