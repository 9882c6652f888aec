#[cfg(feature = "deflate")]
use alloc::boxed::Box;

#[cfg(feature = "deflate")]
use super::deflate::Inflater;
use super::frame::{is_masked, read_first, read_key, read_length};
use super::gather::{Gather, Room};
use super::item::read_close;
use super::mask::{rotated, unmask_to};
use super::utf8::{SIMD_FROM, decode};
use super::{Error, FrameHeader, Item, Limits, MAX_HEADER, Message, Opcode, OwnedItem, Role, apply_mask};

/// Reads the frames that one end receives, and puts messages together.
///
/// ```text
///            ┌────────────── whole ─────────────┐
///            ▼                                  │
///  Header ──────▶ Payload ──── of a fragment ───┤
///    │                │                         │
///    │                └─ of a close frame ──▶ Closed
///    └────── any fault ───────────────────▶ Failed
/// ```
///
/// A frame that lies in one chunk is unmasked in place and lent from there. What crosses chunks or frames is gathered in a buffer, which
/// is given back with the message: between messages there is none. A reader holds at most [`Limits::max_message`] bytes, and never more
/// than twice what has come, whatever is announced. The work is linear in the bytes, wherever they are cut; where they are cut changes
/// nothing of what is found.
///
/// ```
/// use tidewire_core::ws::{Item, Limits, Reader, Role};
///
/// let mut reader = Reader::new(Role::Server, Limits::default());
/// // RFC 6455 §5.7: "A single-frame masked text message".
/// let mut input = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// assert_eq!(reader.read(&mut input)?, (11, Some(Item::Text("Hello"))));
/// # Ok::<(), tidewire_core::ws::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    role: Role,
    limits: Limits,
    state: State,
    message: Option<Begun>,
    gather: Gather,
    /// What of the gathered is lent: to be given back.
    lent: Option<Lent>,
    #[cfg(feature = "deflate")]
    inflater: Option<Box<Inflater>>,
}

#[derive(Debug)]
enum State {
    /// Waits for the rest of a header, of which so many bytes have come.
    Header { bytes: [u8; MAX_HEADER], len: u8 },
    /// Waits for the rest of a payload.
    Payload(Frame),
    /// The peer said that it sends no more.
    Closed,
    /// What was wrong; that stays.
    Failed(Error),
}

/// A frame whose payload has not come whole.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// The masking key for the next byte; zeros mask nothing.
    key: [u8; 4],
    /// How many bytes are to come.
    left: usize,
}

/// A message whose last frame has not come whole.
#[derive(Clone, Copy, Debug)]
struct Begun {
    is_text: bool,
    is_compressed: bool,
    frames: usize,
}

/// What was found, and where it lies.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// In the input: the payload's first byte; its last is the last that was taken.
    Input(Opcode, usize),
    /// Gathered.
    Gathered(Lent),
}

#[derive(Clone, Copy, Debug)]
enum Lent {
    Text,
    Binary,
    Control(Opcode),
}

impl Reader {
    /// Begins to read what the end of this role receives.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            role,
            limits,
            state: State::START,
            message: None,
            gather: Gather::new(),
            lent: None,
            #[cfg(feature = "deflate")]
            inflater: None,
        }
    }

    /// Has messages decompressed that are marked as compressed: both ends have agreed on it, so RSV1 has a meaning (RFC 7692 §6). They
    /// come out gathered, in pieces that are validated as they come.
    #[cfg(feature = "deflate")]
    pub fn set_inflater(&mut self, inflater: Inflater) {
        self.inflater = Some(Box::new(inflater));
    }

    /// Takes from `input` up to the end of the next item and lends that; returns how many bytes it took. Payloads are unmasked in what
    /// was taken, which is not to be handed over again. Without an item it took all.
    ///
    /// After a close frame it takes all and finds nothing.
    ///
    /// # Errors
    ///
    /// When the peer broke a rule or passed a limit, at the very octet that does: of a text, the first with which it cannot be UTF-8.
    /// The error stays.
    #[inline]
    pub fn read<'a>(&'a mut self, input: &'a mut [u8]) -> Result<(usize, Option<Item<'a>>), Error> {
        if let Some(whole) = self.find_whole(input) {
            let item =
                item(whole.opcode, whole.payload(input)).inspect_err(|error| self.state = State::Failed(*error))?;
            return Ok((whole.end, Some(item)));
        }
        let (used, found) = self.advance(input)?;
        let Some(found) = found else { return Ok((used, None)) };
        let item = match found {
            Found::Input(opcode, from) => item(opcode, input.get(from..used).unwrap_or_default()),
            Found::Gathered(Lent::Text) => Ok(Item::Text(self.gather.text())),
            Found::Gathered(Lent::Binary) => Ok(Item::Binary(self.gather.binary())),
            Found::Gathered(Lent::Control(opcode)) => item(opcode, self.gather.control()),
        };
        match item {
            Ok(item) => Ok((used, Some(item))),
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// As [`read`](Self::read), with what it found owned: a message that was gathered without a copy.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[inline]
    pub fn read_owned(&mut self, input: &mut [u8]) -> Result<(usize, Option<OwnedItem>), Error> {
        let Some(whole) = self.find_whole(input) else { return self.read_owned_on(input) };
        let item = item(whole.opcode, whole.payload(input)).inspect_err(|error| self.state = State::Failed(*error))?;
        Ok((whole.end, Some(item.to_owned())))
    }

    /// Returns whether the peer said that it sends no more.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    #[inline(never)]
    fn read_owned_on(&mut self, input: &mut [u8]) -> Result<(usize, Option<OwnedItem>), Error> {
        let (used, found) = self.advance(input)?;
        let item = match found {
            None => return Ok((used, None)),
            Some(Found::Input(opcode, from)) => {
                item(opcode, input.get(from..used).unwrap_or_default()).map(|item| item.to_owned())
            }
            Some(Found::Gathered(Lent::Text)) => Ok(OwnedItem::Message(Message::Text(self.gather.take_text()))),
            Some(Found::Gathered(Lent::Binary)) => {
                Ok(OwnedItem::Message(Message::Binary(self.gather.take_binary().into())))
            }
            Some(Found::Gathered(Lent::Control(opcode))) => {
                item(opcode, self.gather.control()).map(|item| item.to_owned())
            }
        };
        self.give_back();
        item.map(|item| (used, Some(item))).inspect_err(|error| self.state = State::Failed(*error))
    }

    /// Finds a message in one frame that lies in `input`, as most do. Whatever else there is, faults too, is left to
    /// [`advance`](Self::advance).
    #[inline]
    fn find_whole(&self, input: &[u8]) -> Option<Whole> {
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

    #[inline(never)]
    fn advance(&mut self, input: &mut [u8]) -> Result<(usize, Option<Found>), Error> {
        self.give_back();
        let mut used = 0;
        loop {
            let rest = input.get_mut(used..).unwrap_or_default();
            let step = match self.state {
                State::Header { .. } => self.read_header(rest),
                State::Payload(frame) => self.read_payload(frame, rest),
                // RFC 6455 §1.4: "a peer discards any further data received".
                State::Closed => return Ok((input.len(), None)),
                State::Failed(error) => return Err(error),
            };
            let (count, found) = step.inspect_err(|error| self.state = State::Failed(*error))?;
            let from = used;
            used += count;
            match found {
                Step::Found(Found::Input(opcode, at)) => return Ok((used, Some(Found::Input(opcode, from + at)))),
                Step::Found(found) => return Ok((used, Some(found))),
                Step::More => {}
                Step::Starved => return Ok((used, None)),
            }
        }
    }

    /// Takes a header, and with it the payload if that can be lent.
    fn read_header(&mut self, input: &mut [u8]) -> Result<(usize, Step), Error> {
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

    /// Takes what has come of a payload that is not lent.
    fn read_payload(&mut self, mut frame: Frame, input: &mut [u8]) -> Result<(usize, Step), Error> {
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

    const fn can_inflate(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self.inflater.is_some();
        #[cfg(not(feature = "deflate"))]
        false
    }

    /// Gives back the memory of what was lent last.
    fn give_back(&mut self) {
        match self.lent.take() {
            None => {}
            Some(Lent::Text) => drop(self.gather.take_text()),
            Some(Lent::Binary) => drop(self.gather.take_binary()),
            Some(Lent::Control(_)) => self.gather.drop_control(),
        }
    }
}

/// A message in one frame, and where in the input its payload lies.
struct Whole {
    opcode: Opcode,
    /// Zeros mask nothing.
    key: [u8; 4],
    start: usize,
    end: usize,
}

impl Whole {
    /// Unmasks the payload, and lends it.
    #[inline]
    fn payload<'a>(&self, input: &'a mut [u8]) -> &'a [u8] {
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

/// What a step came to.
enum Step {
    Found(Found),
    More,
    Starved,
}

impl State {
    const START: Self = Self::Header { bytes: [0; MAX_HEADER], len: 0 };
}

/// Reads a payload that is whole.
#[inline]
fn item(opcode: Opcode, payload: &[u8]) -> Result<Item<'_>, Error> {
    match opcode {
        Opcode::Text => Ok(Item::Text(decode(payload).ok_or(Error::Text)?)),
        Opcode::Binary | Opcode::Continuation => Ok(Item::Binary(payload)),
        Opcode::Ping => Ok(Item::Ping(payload)),
        Opcode::Pong => Ok(Item::Pong(payload)),
        Opcode::Close => read_close(payload).map(Item::Close),
    }
}
