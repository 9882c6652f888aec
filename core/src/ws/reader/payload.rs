use super::{Found, Frame, Lent, Reader, State, Step};
use crate::ws::gather::{Gather, Room};
use crate::ws::mask::rotated;
use crate::ws::{Error, Opcode, apply_mask};

impl Reader {
    /// Takes what has come of a payload that is not lent.
    pub(super) fn read_payload(&mut self, mut frame: Frame, input: &mut [u8]) -> Result<(usize, Step), Error> {
        let len = frame.left.min(input.len());
        let piece = input.get_mut(..len).unwrap_or_default();
        if frame.key != [0; 4] {
            apply_mask(piece, frame.key, 0);
        }
        frame.key = rotated(frame.key, len);
        let is_text = self.message.as_ref().is_some_and(|message| message.is_text);
        let is_compressed = self.message.as_ref().is_some_and(|message| message.is_compressed);
        // Of a last frame it is known how long the message becomes.
        let most = if frame.fin { self.gather.len() + frame.left } else { self.limits.max_message };
        if frame.opcode.is_control() {
            self.gather.push_control(piece);
        } else if is_compressed {
            let is_last = frame.fin && frame.left == len;
            self.inflate(piece, is_last, is_text)?;
        } else {
            self.gather.push(piece, is_text, Room { most })?;
        }
        frame.left -= len;
        if frame.left > 0 {
            self.state = State::Payload(frame);
            return Ok((len, Step::Starved));
        }
        self.state = if frame.opcode == Opcode::Close { State::Closed } else { State::START };
        if !frame.fin {
            return Ok((len, Step::More));
        }
        let lent = if frame.opcode.is_control() {
            Lent::Control(frame.opcode)
        } else {
            self.message = None;
            if !self.gather.is_text_whole() {
                return Err(Error::Text);
            }
            if is_text { Lent::Text } else { Lent::Binary }
        };
        self.lent = Some(lent);
        Ok((len, Step::Found(Found::Gathered(lent))))
    }

    #[cfg(feature = "deflate")]
    fn inflate(&mut self, piece: &[u8], is_last: bool, is_text: bool) -> Result<(), Error> {
        let Self { inflater: Some(inflater), gather, .. } = self else { return Err(Error::ReservedBit) };
        inflater.inflate(piece, is_last, |piece| {
            // How much more comes out nobody knows.
            let most = gather.len() + gather.len().max(piece.len());
            gather.push(piece, is_text, Room { most })
        })
    }

    #[cfg(not(feature = "deflate"))]
    fn inflate(&mut self, _: &[u8], _: bool, _: bool) -> Result<(), Error> {
        Err(Error::ReservedBit)
    }

    pub(super) const fn can_inflate(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self.inflater.is_some();
        #[cfg(not(feature = "deflate"))]
        false
    }

    /// Gives back the memory of what was lent last.
    pub(super) fn give_back(&mut self) {
        match self.lent.take() {
            None => {}
            Some(Lent::Text) => drop(self.gather.take_text()),
            Some(Lent::Binary) => drop(self.gather.take_binary()),
            Some(Lent::Control(_)) => self.gather.drop_control(),
        }
    }

    /// Gives back all memory: nothing more is found.
    pub(super) fn forget(&mut self) {
        (self.message, self.gather) = (None, Gather::new());
        #[cfg(feature = "deflate")]
        {
            self.inflater = None;
        }
    }
}
