use alloc::string::String;
use alloc::vec::Vec;

use super::Error;
use super::utf8::Begun;

/// What crosses chunks or frames, in one buffer.
///
/// Text is validated piece by piece as it comes and not once more: so it stands in a buffer of its own. A control frame that is cut goes
/// behind the bytes of the message that it interrupts.
#[derive(Debug)]
pub(super) struct Gather {
    text: String,
    begun: Begun,
    bytes: Vec<u8>,
    /// How many of the bytes belong to the control frame.
    control: u8,
}

impl Gather {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), begun: Begun::NONE, bytes: Vec::new(), control: 0 }
    }

    /// Appends to the message.
    pub(super) fn push(&mut self, piece: &[u8], is_text: bool, room: Room) -> Result<(), Error> {
        if is_text {
            return self.push_text(piece, room);
        }
        self.push_binary(piece, room);
        Ok(())
    }

    /// Appends to the text. At least `room` bytes of it are to have room, if they are few.
    fn push_text(&mut self, piece: &[u8], room: Room) -> Result<(), Error> {
        let len = self.text.len();
        if self.text.capacity() - len < self.begun.len() + piece.len() {
            self.text.reserve_exact(room.after(len, self.begun.len() + piece.len()));
        }
        self.begun.push(piece, &mut self.text).map_err(|_| Error::Text)
    }

    fn push_binary(&mut self, piece: &[u8], room: Room) {
        let len = self.bytes.len();
        if self.bytes.capacity() - len < piece.len() {
            self.bytes.reserve_exact(room.after(len, piece.len()));
        }
        self.bytes.extend_from_slice(piece);
    }

    /// Appends to the control frame: at most 125 bytes in all.
    pub(super) fn push_control(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.control = self.control.saturating_add(piece.len() as u8);
    }

    /// How many bytes of the message have come.
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.begun.len() + self.bytes.len() - usize::from(self.control)
    }

    pub(super) fn is_text_whole(&self) -> bool {
        self.begun.is_none()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn binary(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn control(&self) -> &[u8] {
        let from = self.bytes.len().saturating_sub(self.control.into());
        self.bytes.get(from..).unwrap_or_default()
    }

    /// Gives the text away.
    pub(super) fn take_text(&mut self) -> String {
        core::mem::take(&mut self.text)
    }

    /// Gives the bytes away.
    pub(super) fn take_binary(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }

    /// Forgets the control frame, and its memory if there is nothing else.
    pub(super) fn drop_control(&mut self) {
        let len = self.bytes.len().saturating_sub(self.control.into());
        self.bytes.truncate(len);
        self.control = 0;
        if len == 0 {
            self.bytes = Vec::new();
        }
    }
}

/// How much room a buffer gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The longest that it can become.
    pub(super) most: usize,
}

impl Room {
    /// Returns for how many more bytes there is to be room behind `len`: twofold growth, so that the work is linear, but no more than
    /// can come. What is announced and has not come gets [`LEAST`] at most.
    fn after(self, len: usize, more: usize) -> usize {
        let wanted = (len + more).saturating_mul(2).max(LEAST).min(self.most);
        wanted.saturating_sub(len).max(more)
    }
}

/// The smallest buffer, if more is announced.
const LEAST: usize = 4096;
