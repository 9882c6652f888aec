//! The coding `deflate`: zlib (RFC 1950), or what some servers take for it, bare deflate.
//!
//! ```text
//! start ─2 bytes─┬─ zlib header ──► body ──► checksum ──► done
//!                └─ anything else ─► bare body ──────────► done
//! ```

use super::CodingError;
use super::checksum::adler32;
use super::inflate::Inflate;

#[derive(Debug)]
pub(super) struct Zlib {
    state: State,
    /// Of what came out.
    adler: u32,
}

#[derive(Debug)]
enum State {
    Start,
    /// The first byte came.
    First(u8),
    /// Compressed data, with a checksum behind them or without.
    Body {
        checked: bool,
    },
    /// So much of the checksum came.
    Checksum {
        value: u32,
        missing: u8,
    },
    Done,
}

impl Zlib {
    pub(super) const fn new() -> Self {
        Self { state: State::Start, adler: 1 }
    }

    /// Takes from `input`; returns how many bytes. `inflate` has what came out.
    pub(super) fn step(&mut self, inflate: &mut Inflate, input: &[u8]) -> Result<usize, CodingError> {
        match self.state {
            State::Start => match input.first() {
                None => Ok(0),
                Some(&first) => {
                    self.state = State::First(first);
                    Ok(1)
                }
            },
            State::First(first) => match input.first() {
                None => Ok(0),
                Some(&second) => self.start(inflate, first, second, input),
            },
            State::Body { checked } => {
                let run = inflate.run(input)?;
                if checked {
                    self.adler = adler32(self.adler, inflate.data());
                }
                if !run.done {
                    return Ok(run.used);
                }
                self.state = if checked { State::Checksum { value: 0, missing: 4 } } else { State::Done };
                // The end may have lain in bits that were taken before.
                if run.used > 0 { Ok(run.used) } else { self.step(inflate, input) }
            }
            State::Checksum { value, missing } => match input.first() {
                None => Ok(0),
                Some(&byte) => {
                    let value = value << 8 | u32::from(byte);
                    self.state = match missing {
                        0 | 1 if value == self.adler => State::Done,
                        0 | 1 => return Err(CodingError::Checksum),
                        _ => State::Checksum { value, missing: missing - 1 },
                    };
                    Ok(1)
                }
            },
            State::Done if input.is_empty() => Ok(0),
            State::Done => Err(CodingError::Trailing),
        }
    }

    /// Returns whether the data may end here.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Tells a zlib header from the first two bytes of bare deflate. `input` begins with the second.
    fn start(&mut self, inflate: &mut Inflate, first: u8, second: u8, input: &[u8]) -> Result<usize, CodingError> {
        let is_zlib = first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31);
        if is_zlib && second & PRESET_DICTIONARY != 0 {
            return Err(CodingError::Header);
        }
        self.state = State::Body { checked: is_zlib };
        if is_zlib {
            return Ok(1);
        }
        // RFC 9110 §8.4.1.2: "Some non-conformant implementations send the "deflate" compressed data without the zlib
        // wrapper." One byte is too short for anything to come out.
        inflate.run(&[first])?;
        self.step(inflate, input)
    }
}

/// RFC 1950 §2.2, FDICT: nobody has agreed on one.
const PRESET_DICTIONARY: u8 = 0x20;
