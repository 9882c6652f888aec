#[cfg(feature = "deflate")]
use alloc::boxed::Box;

#[cfg(feature = "deflate")]
use super::deflate::Inflater;
use super::gather::Gather;
use super::item::read_close;
use super::utf8::decode;
use super::{Error, Item, Limits, MAX_HEADER, Message, Opcode, OwnedItem, Role};

mod header;
mod payload;
mod whole;

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
        let Some(message) = whole.message(input) else {
            self.state = State::Failed(Error::Text);
            return Err(Error::Text);
        };
        Ok((whole.end, Some(OwnedItem::Message(message))))
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
                State::Closed => {
                    self.forget();
                    return Ok((input.len(), None));
                }
                State::Failed(error) => return Err(error),
            };
            let (count, found) = step.inspect_err(|error| {
                self.state = State::Failed(*error);
                self.forget();
            })?;
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
