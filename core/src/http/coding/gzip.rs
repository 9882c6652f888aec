//! The coding `gzip` (RFC 1952): members, one behind the other.
//!
//! ```text
//!   ┌────────────── another member ───────────────┐
//!   ▼                                             │
//! header ──► body ──► checksum and length ──► between members
//! ```

use super::CodingError;
use super::checksum::crc32;
use super::inflate::Inflate;

#[derive(Debug)]
pub(super) struct Gzip {
    state: State,
    /// Of what came out of this member.
    crc: u32,
    /// How much came out of this member, modulo 2³².
    len: u32,
}

#[derive(Debug)]
enum State {
    Header(Header),
    Body,
    /// So much of the checksum and the length came.
    Trailer {
        value: u64,
        have: u8,
    },
    /// A member ended.
    Between,
}

impl Gzip {
    pub(super) const fn new() -> Self {
        Self { state: State::Header(Header::new()), crc: 0, len: 0 }
    }

    /// Takes from `input`; returns how many bytes. `inflate` has what came out.
    pub(super) fn step(&mut self, inflate: &mut Inflate, input: &[u8]) -> Result<usize, CodingError> {
        match &mut self.state {
            State::Header(header) => {
                let mut used = 0;
                while let Some(&byte) = input.get(used) {
                    used += 1;
                    if header.take(byte)? {
                        inflate.restart();
                        *self = Self { state: State::Body, crc: 0, len: 0 };
                        break;
                    }
                }
                Ok(used)
            }
            State::Body => {
                let run = inflate.run(input)?;
                self.crc = crc32(self.crc, inflate.data());
                // RFC 1952 §2.3.1: "the size of the original (uncompressed) input data modulo 2^32".
                self.len = self.len.wrapping_add(inflate.data().len() as u32);
                if !run.done {
                    return Ok(run.used);
                }
                self.state = State::Trailer { value: 0, have: 0 };
                // The end may have lain in bits that were taken before.
                if run.used > 0 { Ok(run.used) } else { self.step(inflate, input) }
            }
            State::Trailer { value, have } => {
                let Some(&byte) = input.first() else { return Ok(0) };
                *value |= u64::from(byte) << (8 * *have);
                *have += 1;
                if *have == 8 {
                    if *value as u32 != self.crc {
                        return Err(CodingError::Checksum);
                    }
                    if (*value >> 32) as u32 != self.len {
                        return Err(CodingError::Length);
                    }
                    self.state = State::Between;
                }
                Ok(1)
            }
            State::Between => match input.first() {
                None => Ok(0),
                // RFC 1952 §2.2: "A gzip file consists of a series of "members" (compressed data sets). […] The members
                // simply appear one after another in the file".
                Some(&MAGIC_FIRST) => {
                    self.state = State::Header(Header::new());
                    self.step(inflate, input)
                }
                Some(_) => Err(CodingError::Trailing),
            },
        }
    }

    /// Returns whether the data may end here.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.state, State::Between)
    }
}

/// Reads the head of a member.
#[derive(Debug)]
struct Header {
    part: Part,
    flags: u8,
    /// Of the bytes of the head.
    crc: u32,
    taken: u32,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// The ten bytes that are always there.
    Fixed,
    ExtraLength(Option<u8>),
    Extra(u16),
    /// Text that ends with a zero byte.
    Name,
    Comment,
    HeaderCrc(Option<u8>),
}

impl Header {
    const fn new() -> Self {
        Self { part: Part::Fixed, flags: 0, crc: 0, taken: 0 }
    }

    /// Takes the next byte; returns whether it was the last.
    fn take(&mut self, byte: u8) -> Result<bool, CodingError> {
        let crc = self.crc as u16;
        self.crc = crc32(self.crc, &[byte]);
        self.taken += 1;
        if self.taken > MAX_HEADER {
            return Err(CodingError::Header);
        }
        let next = match self.part {
            Part::Fixed => {
                let fits = match self.taken {
                    1 => byte == MAGIC_FIRST,
                    2 => byte == 0x8b,
                    3 => byte == DEFLATE,
                    4 => {
                        self.flags = byte;
                        // RFC 1952 §2.3.1.2: a decompressor "must give an error indication if any reserved bit is non-zero".
                        byte & RESERVED == 0
                    }
                    _ => true,
                };
                if !fits {
                    return Err(CodingError::Header);
                }
                if self.taken < 10 { Some(Part::Fixed) } else { self.after(0) }
            }
            Part::ExtraLength(None) => Some(Part::ExtraLength(Some(byte))),
            Part::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.after(EXTRA),
                left => Some(Part::Extra(left)),
            },
            Part::Extra(0 | 1) => self.after(EXTRA),
            Part::Extra(left) => Some(Part::Extra(left - 1)),
            Part::Name if byte == 0 => self.after(NAME),
            Part::Comment if byte == 0 => self.after(COMMENT),
            part @ (Part::Name | Part::Comment) => Some(part),
            Part::HeaderCrc(None) => {
                // The checksum is of what stands before it.
                self.crc = crc.into();
                Some(Part::HeaderCrc(Some(byte)))
            }
            // RFC 1952 §2.3.1: "The CRC16 consists of the two least significant bytes of the CRC32 for all bytes of the
            // gzip header up to and not including the CRC16."
            Part::HeaderCrc(Some(low)) if u32::from(u16::from_le_bytes([low, byte])) == u32::from(crc) => None,
            Part::HeaderCrc(Some(_)) => return Err(CodingError::Checksum),
        };
        self.part = next.unwrap_or(self.part);
        Ok(next.is_none())
    }

    /// Returns what follows the part of this flag, 0 for the fixed one; `None`: nothing.
    const fn after(&self, part: u8) -> Option<Part> {
        if part < EXTRA && self.flags & EXTRA != 0 {
            Some(Part::ExtraLength(None))
        } else if part < NAME && self.flags & NAME != 0 {
            Some(Part::Name)
        } else if part < COMMENT && self.flags & COMMENT != 0 {
            Some(Part::Comment)
        } else if self.flags & HEADER_CRC != 0 {
            Some(Part::HeaderCrc(None))
        } else {
            None
        }
    }
}

/// RFC 1952 §2.3.1: ID1.
const MAGIC_FIRST: u8 = 0x1f;

/// RFC 1952 §2.3.1: CM, "which is the one customarily used by gzip".
const DEFLATE: u8 = 8;

/// RFC 1952 §2.3.1: FLG. The parts come in the order of their numbers, the checksum last.
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Longest head of a member, in bytes: a whole extra field, and as much again for name and comment.
const MAX_HEADER: u32 = 128 << 10;
