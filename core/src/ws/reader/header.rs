use super::{Begun, Found, Frame, Reader, State, Step};
use crate::ws::frame::{is_masked, read_first, read_key, read_length};
use crate::ws::{Error, FrameHeader, Limits, Opcode, Role, apply_mask};

impl Reader {
    /// Takes a header, and with it the payload if that can be lent.
    pub(super) fn read_header(&mut self, input: &mut [u8]) -> Result<(usize, Step), Error> {
        let State::Header { mut bytes, len: begun } = self.state else { return Ok((0, Step::More)) };
        let begun = usize::from(begun);
        if begun == 0
            && let Some((header, at)) = self.parse(input)?
        {
            return self.begin(header, at, input);
        }
        // The header is cut: what has come of it is kept, octet by octet, so that a fault is told at its own.
        let mut used = 0;
        while let (Some(to), Some(from)) = (bytes.get_mut(begun + used), input.get(used)) {
            *to = *from;
            used += 1;
            if let Some((header, _)) = self.parse(bytes.get(..begun + used).unwrap_or_default())? {
                return self.begin(header, used, input);
            }
        }
        self.state = State::Header { bytes, len: (begun + used) as u8 };
        Ok((used, Step::Starved))
    }

    /// Reads a header, as far as it has come, in the order of its octets.
    fn parse(&self, bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, Error> {
        let [first, ref rest @ ..] = *bytes else { return Ok(None) };
        let (fin, compressed, opcode) = read_first(first)?;
        // RFC 7692 §6 gives RSV1 a meaning where the extension was agreed, on the first frame of a message only.
        if compressed && !(self.can_inflate() && opcode != Opcode::Continuation) {
            return Err(Error::ReservedBit);
        }
        // RFC 6455 §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message".
        match (opcode, &self.message) {
            (Opcode::Continuation, None) => return Err(Error::NothingToContinue),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Error::Interleaved),
            _ => {}
        }
        let [second, ..] = *rest else { return Ok(None) };
        // RFC 6455 §5.1: "a client MUST mask all frames that it sends to the server", "A server MUST NOT mask any frames".
        match (self.role, is_masked(second)) {
            (Role::Server, false) => return Err(Error::Unmasked),
            (Role::Client, true) => return Err(Error::Masked),
            _ => {}
        }
        let Some((len, at)) = read_length(opcode, bytes)? else { return Ok(None) };
        if !opcode.is_control() {
            self.check_limits(len, compressed)?;
        }
        let Some((mask, at)) = read_key(bytes, at) else { return Ok(None) };
        Ok(Some((FrameHeader { fin, compressed, opcode, mask, len }, at)))
    }

    fn check_limits(&self, len: u64, compressed: bool) -> Result<(), Error> {
        let Limits { max_frame, max_message, max_fragments } = self.limits;
        let is_compressed = self.message.as_ref().map_or(compressed, |message| message.is_compressed);
        if self.message.as_ref().map_or(0, |message| message.frames) >= max_fragments {
            return Err(Error::TooManyFragments { limit: max_fragments });
        }
        if len > max_frame as u64 {
            return Err(Error::FrameTooLong { limit: max_frame });
        }
        // What becomes of compressed data is counted when it comes out.
        if !is_compressed && len > max_message.saturating_sub(self.gather.len()) as u64 {
            return Err(Error::MessageTooLong { limit: max_message });
        }
        Ok(())
    }

    /// Begins a frame, whose payload begins at `at`.
    fn begin(&mut self, header: FrameHeader, at: usize, input: &mut [u8]) -> Result<(usize, Step), Error> {
        let FrameHeader { fin, compressed, opcode, mask, .. } = header;
        // Within the limits, so it fits.
        let len = header.len as usize;
        let is_whole = input.len() - at >= len;
        let stands_alone = opcode.is_control() || (fin && opcode != Opcode::Continuation);
        if is_whole && stands_alone && !compressed {
            let payload = input.get_mut(at..at + len).unwrap_or_default();
            if let Some(key) = mask {
                apply_mask(payload, key, 0);
            }
            self.state = if opcode == Opcode::Close { State::Closed } else { State::START };
            return Ok((at + len, Step::Found(Found::Input(opcode, at))));
        }
        match (opcode, &mut self.message) {
            (Opcode::Continuation, Some(message)) => message.frames += 1,
            (Opcode::Text | Opcode::Binary, _) => {
                self.message = Some(Begun { is_text: opcode == Opcode::Text, is_compressed: compressed, frames: 1 });
            }
            _ => {}
        }
        self.state = State::Payload(Frame { opcode, fin, key: mask.unwrap_or_default(), left: len });
        Ok((at, Step::More))
    }
}
