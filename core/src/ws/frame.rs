use alloc::vec::Vec;

use super::Error;

/// What a frame is (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// Goes on with the message that a frame before it began.
    Continuation,
    /// Begins a text.
    Text,
    /// Begins any bytes.
    Binary,
    /// Says that the end will send no more.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping, or is a sign of life.
    Pong,
}

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL: usize = 125;

/// The longest header of a frame, in bytes: two, a length of eight, a masking key.
pub const MAX_HEADER: usize = 14;

/// What stands before the payload of a frame (RFC 6455 §5.2).
///
/// ```text
/// 0               1               2               3
/// +-+-+-+-+-------+-+-------------+-------------------------------+
/// |F|R|R|R|opcode |M| length (7)  | length (16 or 64, if the      |
/// |I|S|S|S| (4)   |A|             | 7 bits are 126 or 127)        |
/// |N|V|V|V|       |S|             |                               |
/// | |1|2|3|       |K|             |                               |
/// +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
/// | masking key, if masked        | payload …
/// +-------------------------------+ - - - - - - - - - - - - - - - +
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// Whether it is the last frame of its message.
    pub fin: bool,
    /// RSV1: whether the message that begins here is compressed (RFC 7692 §6).
    pub compressed: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key of a client's frame.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload, in bytes: less than 2^63.
    pub len: u64,
}

impl Opcode {
    /// Returns whether frames of this kind control the connection, and stand between those of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

impl FrameHeader {
    /// Returns the header of a frame that stands alone, neither compressed nor masked.
    pub const fn new(opcode: Opcode, len: usize) -> Self {
        Self { fin: true, compressed: false, opcode, mask: None, len: len as u64 }
    }

    /// Reads the header that `bytes` begin with; returns it and its length, or `None` while it is not whole.
    ///
    /// # Errors
    ///
    /// What a header shows by itself, as soon as the octet that is wrong is there: a reserved bit or opcode, a control frame that is
    /// fragmented, too long or compressed, a length that is not minimal or has its top bit set. Whether the frame may stand where it
    /// does, the [`Reader`](super::Reader) knows.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (fin, compressed, opcode) = read_first(first)?;
        let Some((len, at)) = read_length(opcode, bytes)? else { return Ok(None) };
        let Some((mask, at)) = read_key(bytes, at) else { return Ok(None) };
        Ok(Some((Self { fin, compressed, opcode, mask, len }, at)))
    }

    /// Appends it; at most [`MAX_HEADER`] bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.fin) << 7 | u8::from(self.compressed) << 6;
        let masked = u8::from(self.mask.is_some()) << 7;
        let first = flags | self.opcode.number();
        // RFC 6455 §5.2: "the minimal number of bytes MUST be used to encode the length"
        match self.len {
            0..=125 => out.extend_from_slice(&[first, masked | self.len as u8]),
            126..=0xffff => {
                let [a, b] = (self.len as u16).to_be_bytes();
                out.extend_from_slice(&[first, masked | 126, a, b]);
            }
            _ => {
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }

    /// Returns how many bytes [`encode`](Self::encode) appends.
    pub const fn encoded_len(&self) -> usize {
        let length = match self.len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        2 + length + if self.mask.is_some() { 4 } else { 0 }
    }
}

/// Reads the first octet: whether it is the last frame, whether RSV1 is set, and the opcode.
#[inline]
pub(super) const fn read_first(octet: u8) -> Result<(bool, bool, Opcode), Error> {
    let (fin, compressed) = (octet & 0x80 != 0, octet & 0x40 != 0);
    // RFC 6455 §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values." None has RSV2 or RSV3.
    if octet & 0x30 != 0 {
        return Err(Error::ReservedBit);
    }
    let opcode = match octet & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => return Err(Error::ReservedOpcode(other)),
    };
    if opcode.is_control() {
        // RFC 7692 §6: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames".
        if compressed {
            return Err(Error::ReservedBit);
        }
        // RFC 6455 §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
        if !fin {
            return Err(Error::FragmentedControl);
        }
    }
    Ok((fin, compressed, opcode))
}

/// Reads the length; returns it and where the next octet stands, or `None` while it is not whole.
#[inline]
pub(super) fn read_length(opcode: Opcode, bytes: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    let Some(second) = bytes.get(1) else { return Ok(None) };
    let short = second & 0x7f;
    if short <= 125 {
        return Ok(Some((short.into(), 2)));
    }
    if opcode.is_control() {
        return Err(Error::LongControl);
    }
    let rest = bytes.get(2..).unwrap_or_default();
    if short == 126 {
        let Some(octets) = rest.first_chunk() else { return Ok(None) };
        let len = u16::from_be_bytes(*octets);
        return if len <= 125 { Err(Error::LengthNotMinimal) } else { Ok(Some((len.into(), 4))) };
    }
    // RFC 6455 §5.2: "the most significant bit MUST be 0"
    if rest.first().is_some_and(|octet| octet & 0x80 != 0) {
        return Err(Error::LengthTooLarge);
    }
    let Some(octets) = rest.first_chunk() else { return Ok(None) };
    let len = u64::from_be_bytes(*octets);
    if len <= 0xffff { Err(Error::LengthNotMinimal) } else { Ok(Some((len, 10))) }
}

/// Reads the masking key, if there is to be one; returns it and where the payload begins, or `None` while it is not whole.
#[inline]
pub(super) fn read_key(bytes: &[u8], at: usize) -> Option<(Option<[u8; 4]>, usize)> {
    if !is_masked(*bytes.get(1)?) {
        return Some((None, at));
    }
    Some((Some(*bytes.get(at..)?.first_chunk()?), at + 4))
}

/// Returns whether a frame with this second octet is masked.
#[inline]
pub(super) const fn is_masked(second: u8) -> bool {
    second & 0x80 != 0
}
