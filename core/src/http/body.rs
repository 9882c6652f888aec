//! Reads bodies, cut anywhere, without keeping any of them.
//!
//! ```text
//!  Size ──; ──► Extension ──┐                  ┌── Trailer ◄─┐
//!   ▲ └─────────CR──────────┴─► SizeLf ──0────►┤             │ line
//!   │                             │            ├─────────────┘
//!   │                             ▼            └──CR──► EndLf ──► Done
//!   └── DataLf ◄── DataCr ◄───── Data
//! ```

use core::fmt;

use super::{Framing, is_token_byte, is_value_byte};

/// Longest chunk extension accepted, in bytes of one chunk's line after its size. Extensions are ignored; the longest in
/// use, chunk signatures, take 85.
pub const MAX_CHUNK_EXTENSION: usize = 256;

/// Longest trailer section accepted, in bytes. Trailers are checked and ignored.
pub const MAX_TRAILERS: usize = 8 * 1024;

/// Reads one body out of a byte stream, lending its bytes from the input.
///
/// It keeps nothing but where it stands: a few words, however the stream is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyReader {
    state: State,
}

/// What [`BodyReader::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many bytes of the input belong to the body so far, `data` included.
    pub consumed: usize,
    /// Bytes of the body itself, the last of those that were consumed; may be empty.
    pub data: &'a [u8],
    /// Whether the body is complete; the rest of the input is not its.
    pub done: bool,
}

impl BodyReader {
    /// Returns a reader at the start of a body.
    pub const fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Size { value: 0, digits: 0 },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Takes the next bytes of the body from `input`. Call it again with the rest until the input is empty or the body
    /// is done.
    ///
    /// # Errors
    ///
    /// When the chunks are malformed. The error stays.
    pub fn read<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, BodyError> {
        let mut rest = input;
        let mut data: &[u8] = &[];
        while !rest.is_empty() && data.is_empty() {
            match &mut self.state {
                State::Done => break,
                State::Failed(error) => return Err(*error),
                State::UntilClose => (data, rest) = (rest, &[]),
                State::Length { left } => {
                    (data, rest) = split(rest, left);
                    if *left == 0 {
                        self.state = State::Done;
                    }
                }
                State::Data { left } => {
                    (data, rest) = split(rest, left);
                    if *left == 0 {
                        self.state = State::DataCr;
                    }
                }
                state => {
                    if let Some((size, after)) = state.begin_chunk(rest) {
                        (*state, rest) = (State::Data { left: size }, after);
                        continue;
                    }
                    let Some((&byte, after)) = rest.split_first() else { break };
                    rest = after;
                    *state = state.clone().step(byte).unwrap_or_else(State::Failed);
                }
            }
        }
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        Ok(Step { consumed: input.len() - rest.len(), data, done: self.is_done() })
    }

    /// Notes that the input has ended.
    ///
    /// # Errors
    ///
    /// When the body was cut short, or was malformed before.
    pub fn finish(&mut self) -> Result<(), BodyError> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Failed(error) => Err(error),
            _ => {
                self.state = State::Failed(BodyError::Truncated);
                Err(BodyError::Truncated)
            }
        }
    }

    /// Returns whether the body is complete.
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

/// Splits as much off `input` as is left, and takes it off `left`.
fn split<'a>(input: &'a [u8], left: &mut u64) -> (&'a [u8], &'a [u8]) {
    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *left -= len as u64;
    input.split_at_checked(len).unwrap_or((input, &[]))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Done,
    Failed(BodyError),
    UntilClose,
    Length {
        left: u64,
    },
    /// In a chunk's size, `digits` into it.
    Size {
        value: u64,
        digits: u8,
    },
    /// In a chunk's extension, `len` bytes into it.
    Extension {
        size: u64,
        len: usize,
        at: Extension,
    },
    /// After CR of a chunk's line.
    SizeLf {
        size: u64,
    },
    /// In a chunk.
    Data {
        left: u64,
    },
    /// After a chunk.
    DataCr,
    /// After CR after a chunk.
    DataLf,
    /// In the trailers, `len` bytes into them.
    Trailer {
        len: usize,
        at: Trailer,
    },
    /// After CR of the empty line at the end.
    EndLf,
}

/// Where in `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` the next byte stands (RFC 9112 §7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// After a space where only `;` may follow.
    BeforeSemicolon,
    /// After `;`.
    BeforeName,
    Name,
    /// After a space after a name: `=`, `;`.
    AfterName,
    /// After `=`.
    BeforeValue,
    Value,
    Quoted,
    /// After `\` in quotes.
    Escaped,
    AfterQuoted,
}

/// Where in the trailers the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trailer {
    Start,
    Name,
    Value,
    Lf,
}

impl State {
    /// Takes all between the data of two chunks at once, if it is what nearly always is there: no extension, no trailers.
    #[inline]
    fn begin_chunk<'a>(&self, input: &'a [u8]) -> Option<(u64, &'a [u8])> {
        let line = match self {
            Self::DataCr => input.strip_prefix(b"\r\n")?,
            Self::Size { digits: 0, .. } => input,
            _ => return None,
        };
        let mut size = 0;
        for (index, &byte) in line.iter().enumerate().take(COMMON_SIZE_DIGITS + 1) {
            match char::from(byte).to_digit(16) {
                Some(digit) => size = size * 16 + u64::from(digit),
                None if size == 0 => return None,
                None => return Some((size, line.get(index..)?.strip_prefix(b"\r\n")?)),
            }
        }
        None
    }

    /// Takes one byte of a chunked body that is not data.
    fn step(self, byte: u8) -> Result<Self, BodyError> {
        match (self, byte) {
            (Self::Size { value, digits }, _) => step_size(value, digits, byte),
            (Self::Extension { size, len, at }, _) => step_extension(size, len, at, byte),
            (Self::SizeLf { size: 0 }, b'\n') => Ok(Self::Trailer { len: 0, at: Trailer::Start }),
            (Self::SizeLf { size }, b'\n') => Ok(Self::Data { left: size }),
            (Self::SizeLf { .. }, _) => Err(BodyError::LineEnd),
            (Self::DataCr, b'\r') => Ok(Self::DataLf),
            (Self::DataLf, b'\n') => Ok(Self::Size { value: 0, digits: 0 }),
            (Self::DataCr | Self::DataLf, _) => Err(BodyError::DataEnd),
            (Self::Trailer { len, at }, _) => step_trailer(len, at, byte),
            (Self::EndLf, b'\n') => Ok(Self::Done),
            (Self::EndLf, _) => Err(BodyError::LineEnd),
            (
                state @ (Self::Done | Self::Failed(_) | Self::UntilClose | Self::Length { .. } | Self::Data { .. }),
                _,
            ) => Ok(state),
        }
    }
}

fn step_size(value: u64, digits: u8, byte: u8) -> Result<State, BodyError> {
    if let Some(digit) = char::from(byte).to_digit(16) {
        // RFC 9112 §7.1: "A recipient MUST anticipate potentially large hexadecimal numerals and prevent parsing errors
        // due to integer conversion overflows".
        if digits == MAX_SIZE_DIGITS {
            return Err(BodyError::SizeTooLong);
        }
        return Ok(State::Size { value: value * 16 + u64::from(digit), digits: digits + 1 });
    }
    match byte {
        _ if digits == 0 => Err(BodyError::Size),
        b'\r' => Ok(State::SizeLf { size: value }),
        b'\n' => Err(BodyError::LineEnd),
        b';' | b' ' | b'\t' => step_extension(value, 0, Extension::BeforeSemicolon, byte),
        _ => Err(BodyError::Size),
    }
}

fn step_extension(size: u64, len: usize, at: Extension, byte: u8) -> Result<State, BodyError> {
    use Extension::*;
    let next = match (at, byte) {
        // CR and LF never stand in an extension, quoted or not.
        (Name | Value | AfterQuoted, b'\r') => return Ok(State::SizeLf { size }),
        (_, b'\n') => return Err(BodyError::LineEnd),
        (BeforeSemicolon | Name | AfterName | Value | AfterQuoted, b';') => BeforeName,
        (BeforeSemicolon | BeforeName | AfterName | BeforeValue, b' ' | b'\t') => at,
        (BeforeName | Name, _) if is_token_byte(byte) => Name,
        (Name, b' ' | b'\t') => AfterName,
        (Name | AfterName, b'=') => BeforeValue,
        (BeforeValue, b'"') => Quoted,
        (BeforeValue | Value, _) if is_token_byte(byte) => Value,
        (Value | AfterQuoted, b' ' | b'\t') => BeforeSemicolon,
        (Quoted, b'"') => AfterQuoted,
        (Quoted, b'\\') => Escaped,
        (Quoted | Escaped, _) if is_value_byte(byte) => Quoted,
        _ => return Err(BodyError::Extension),
    };
    if len == MAX_CHUNK_EXTENSION {
        return Err(BodyError::ExtensionTooLong);
    }
    Ok(State::Extension { size, len: len + 1, at: next })
}

fn step_trailer(len: usize, at: Trailer, byte: u8) -> Result<State, BodyError> {
    let next = match (at, byte) {
        (Trailer::Start, b'\r') => return Ok(State::EndLf),
        (Trailer::Start | Trailer::Name, _) if is_token_byte(byte) => Trailer::Name,
        (Trailer::Name, b':') => Trailer::Value,
        (Trailer::Value, b'\r') => Trailer::Lf,
        (Trailer::Value, _) if is_value_byte(byte) => Trailer::Value,
        (Trailer::Lf, b'\n') => Trailer::Start,
        (_, b'\n') | (Trailer::Lf, _) => return Err(BodyError::LineEnd),
        _ => return Err(BodyError::Trailer),
    };
    if len == MAX_TRAILERS {
        return Err(BodyError::TrailersTooLong);
    }
    Ok(State::Trailer { len: len + 1, at: next })
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// A chunk's size is not a hexadecimal number.
    Size,
    /// A chunk's size has more than 16 digits.
    SizeTooLong,
    /// A chunk's extension is malformed.
    Extension,
    /// A chunk's extension is longer than [`MAX_CHUNK_EXTENSION`].
    ExtensionTooLong,
    /// A line does not end with CRLF.
    LineEnd,
    /// No CRLF follows the bytes of a chunk: its size was not theirs.
    DataEnd,
    /// A trailer is not `name: value`.
    Trailer,
    /// The trailers are longer than [`MAX_TRAILERS`].
    TrailersTooLong,
    /// The input ended before the body did.
    Truncated,
}

impl BodyError {
    /// Returns the status to answer a request with that has such a body.
    pub const fn status(&self) -> u16 {
        match self {
            Self::TrailersTooLong => 431,
            _ => 400,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "a chunk size is malformed; write it in hexadecimal digits only",
            Self::SizeTooLong => "a chunk size has more than 16 digits; send smaller chunks",
            Self::Extension => "a chunk extension is malformed; leave it out",
            Self::ExtensionTooLong => {
                return write!(f, "a chunk extension is longer than {MAX_CHUNK_EXTENSION} bytes; leave it out");
            }
            Self::LineEnd => "a line in the chunked body does not end with CRLF; end lines with CRLF",
            Self::DataEnd => "a chunk is not followed by CRLF; make its size that of its data",
            Self::Trailer => "a trailer is malformed; write `name: value`",
            Self::TrailersTooLong => {
                return write!(f, "the trailers are longer than {MAX_TRAILERS} bytes; send fewer");
            }
            Self::Truncated => "the body was cut short; send all of it",
        })
    }
}

impl core::error::Error for BodyError {}

/// As many as fit 64 bits.
const MAX_SIZE_DIGITS: u8 = 16;

/// Chunks are hardly ever larger.
const COMMON_SIZE_DIGITS: usize = 7;
