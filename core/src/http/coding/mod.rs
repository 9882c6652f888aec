//! Content codings gzip and deflate, undone as the bytes come in, and applied as they go out (RFC 9110 §8.4; feature `deflate`).
//!
//! An [`Encoder`] applies either to one content, over a window of its own; a [`Compressor`] makes [segments](Segment) that stand in the
//! [gzip stream](GzipStream) of any reader.
//!
//! A [`Decoder`] keeps the window of 32 KiB and the tables that the format needs, about 43 KiB for each coding, from the first
//! byte on, and nothing else: what comes out is lent from the window. Whatever a server flushed comes out at once, however
//! its bytes are cut.
//!
//! ```
//! use tidewire_core::http::coding::{Codings, Decoder, Limits};
//! use tidewire_core::http::Fields;
//!
//! let mut fields = Fields::new();
//! fields.append("Content-Encoding", "deflate")?;
//! let mut decoder = Decoder::for_fields(&fields, Codings::ALL, Limits::default())?.expect("there is a coding");
//!
//! let input = [0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06, 0x2c, 0x02, 0x15];
//! let (mut rest, mut output) = (&input[..], Vec::new());
//! loop {
//!     let used = decoder.fill(rest)?;
//!     rest = &rest[used..];
//!     output.extend_from_slice(decoder.data());
//!     if decoder.data().is_empty() && used == 0 {
//!         break;
//!     }
//!     decoder.consume(usize::MAX);
//! }
//! assert_eq!((output, rest.len()), (b"hello".to_vec(), 0));
//! decoder.finish()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use super::Fields;
use gzip::Gzip;
use inflate::Inflate;
use zlib::Zlib;

mod checksum;
pub(crate) mod deflate;
mod encoder;
mod gzip;
pub(crate) mod inflate;
mod member;
mod segment;
mod zlib;

pub use encoder::Encoder;
pub(crate) use segment::Sum;
pub use segment::{Compressor, GzipStream, Segment};

/// A set of content codings. Default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Codings(u8);

/// Limits of a [`Decoder`], against input that becomes far more than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many bytes may come out for each that went in; more is [`CodingError::Ratio`], noticed each time that 32 KiB came out
    /// and at the end of each member of gzip. Default 200 (as Apache's `DeflateInflateRatioLimit`); deflate reaches 1032, text
    /// hardly 30.
    pub max_ratio: u32,
    /// How many bytes may come out whatever went in. Default 1 MiB.
    pub allowance: u64,
    /// How many bytes may come out of one response; one more is [`CodingError::TooLong`]. Default `None`: a stream has no
    /// end, and what it holds at a time is bounded elsewhere.
    pub max_output: Option<u64>,
}

/// Why content could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodingError {
    /// The header of the coding is malformed, or asks for what there is not.
    Header,
    /// The compressed data are malformed.
    Data,
    /// The checksum is another one.
    Checksum,
    /// The length is another one.
    Length,
    /// Something follows the end.
    Trailing,
    /// The content ended before the compressed data did.
    Truncated,
    /// More than [`Limits::max_ratio`] times as much came out as went in.
    Ratio {
        /// The limit.
        limit: u32,
    },
    /// More than [`Limits::max_output`] came out.
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
}

/// A response has a coding that was not asked for, or more of them than [`MAX_CODINGS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unsupported;

/// How many codings may be applied to one content: nobody has a use for more than one.
pub const MAX_CODINGS: usize = 3;

/// Undoes the codings of one content: see the [module](self).
#[derive(Debug)]
pub struct Decoder {
    /// In the order in which they are undone.
    layers: Vec<Layer>,
    limits: Limits,
    /// How many bytes went in.
    taken: u64,
    /// What was wrong; that stays.
    failed: Option<CodingError>,
}

impl Codings {
    /// None.
    pub const NONE: Self = Self(0);
    /// `gzip`, also under its old name `x-gzip`.
    pub const GZIP: Self = Self(1);
    /// `deflate`: zlib, and bare deflate, which some servers take for it.
    pub const DEFLATE: Self = Self(2);
    /// All there are.
    pub const ALL: Self = Self(3);

    /// Returns the set with those of `other`.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all of `other` are in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the value of `Accept-Encoding` that asks for these (RFC 9110 §12.5.3); `identity` for none.
    pub const fn accept(self) -> &'static str {
        match self.0 {
            0 => "identity",
            1 => "gzip",
            2 => "deflate",
            _ => "gzip, deflate",
        }
    }

    /// Returns the coding of that name.
    fn named(name: &[u8]) -> Option<Self> {
        // RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("gzip") || is("x-gzip") { Some(Self::GZIP) } else { is("deflate").then_some(Self::DEFLATE) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_ratio: 200, allowance: 1 << 20, max_output: None }
    }
}

impl Decoder {
    /// Returns the decoder of a content with these fields; `None` where there is nothing to undo.
    ///
    /// # Errors
    ///
    /// When there is a coding that is not among `codings`, or there are more than [`MAX_CODINGS`].
    pub fn for_fields(fields: &Fields, codings: Codings, limits: Limits) -> Result<Option<Self>, Unsupported> {
        let mut layers = Vec::new();
        for name in fields.members("content-encoding") {
            // RFC 9110 §12.5.3: `identity` says that there is no coding.
            if name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let coding = Codings::named(name).filter(|coding| codings.contains(*coding)).ok_or(Unsupported)?;
            if layers.len() == MAX_CODINGS {
                return Err(Unsupported);
            }
            layers.push(Layer::new(coding));
        }
        // RFC 9110 §8.4: "If one or more encodings have been applied to a representation, the sender […] MUST generate a
        // Content-Encoding header field that lists the content codings in the order in which they were applied."
        layers.reverse();
        Ok(if layers.is_empty() { None } else { Some(Self { layers, limits, taken: 0, failed: None }) })
    }

    /// Takes from `input` until something has come out or it is used up; returns how many bytes that took. While there is
    /// [`data`](Self::data), it takes none.
    ///
    /// When it took all and there is no data, more input is needed. When it took all and there is data, more may come out of
    /// what was taken: call it again, with no input if need be, after the data are consumed.
    ///
    /// # Errors
    ///
    /// When the input is malformed, or more would come out than the limits allow. The error stays.
    pub fn fill(&mut self, input: &[u8]) -> Result<usize, CodingError> {
        if let Some(error) = self.failed {
            return if self.data().is_empty() { Err(error) } else { Ok(0) };
        }
        self.run(input).inspect_err(|error| {
            self.failed = Some(*error);
            self.layers = Vec::new();
        })
    }

    /// Lends what came out and was not consumed.
    pub fn data(&self) -> &[u8] {
        self.layers.last().map_or(&[], |layer| layer.inflate.data())
    }

    /// Notes that so many bytes of the data were used; more than there are count as all of them.
    pub fn consume(&mut self, count: usize) {
        if let Some(last) = self.layers.last_mut() {
            last.inflate.consume(count);
        }
    }

    /// Notes the end of the content, when all its bytes were taken.
    ///
    /// # Errors
    ///
    /// [`CodingError::Truncated`] unless the compressed data are complete, or there were none at all; an earlier error.
    pub fn finish(&self) -> Result<(), CodingError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.taken == 0 || self.layers.iter().all(Layer::is_complete) => Ok(()),
            None => Err(CodingError::Truncated),
        }
    }

    fn run(&mut self, input: &[u8]) -> Result<usize, CodingError> {
        let mut used = 0;
        // The layers take from each other, the first from the input.
        let mut at = self.layers.len().saturating_sub(1);
        while let Some((before, [layer, after @ ..])) = self.layers.split_at_mut_checked(at) {
            if layer.inflate.data().is_empty() {
                let source = match before.last() {
                    Some(before) => before.inflate.data(),
                    None => input.get(used..).unwrap_or_default(),
                };
                let count = layer.step(source)?;
                let is_stuck = count == 0 && layer.inflate.data().is_empty();
                if is_stuck && !source.is_empty() {
                    return Err(CodingError::Data);
                }
                match before.last_mut() {
                    Some(before) => before.inflate.consume(count),
                    None => {
                        used += count;
                        self.taken = self.taken.saturating_add(count as u64);
                    }
                }
                if let Some(error) = self.limits.passed(layer, self.taken, after.is_empty()) {
                    // What came before counts, as it would if it had come alone.
                    self.failed = Some(error);
                    let may_be_lent = after.is_empty() && !layer.inflate.data().is_empty();
                    return if may_be_lent { Ok(used) } else { Err(error) };
                }
                if is_stuck && at == 0 {
                    break;
                }
                at -= usize::from(is_stuck);
            } else if after.is_empty() {
                break;
            } else {
                at += 1;
            }
        }
        Ok(used)
    }
}

impl Limits {
    /// Returns which limit is passed after a step of `layer`, if one is. So many bytes went in.
    fn passed(&self, layer: &mut Layer, taken: u64, is_last: bool) -> Option<CodingError> {
        if let Some(limit) = self.max_output.filter(|limit| is_last && layer.total > *limit) {
            layer.inflate.shorten(usize::try_from(layer.total - limit).unwrap_or(usize::MAX));
            return Some(CodingError::TooLong { limit });
        }
        // Looked at only where what came out and what went in for it are the same wherever the input was cut.
        let is_even = layer.inflate.is_full() || layer.is_complete();
        let most = taken.saturating_mul(self.max_ratio.into()).max(self.allowance);
        (is_even && layer.total > most).then_some(CodingError::Ratio { limit: self.max_ratio })
    }
}

/// One coding.
#[derive(Debug)]
struct Layer {
    format: Format,
    inflate: Inflate,
    /// How many bytes came out.
    total: u64,
}

#[derive(Debug)]
enum Format {
    Gzip(Gzip),
    Zlib(Zlib),
}

impl Layer {
    const fn new(coding: Codings) -> Self {
        let format = if coding.contains(Codings::GZIP) { Format::Gzip(Gzip::new()) } else { Format::Zlib(Zlib::new()) };
        Self { format, inflate: Inflate::new(), total: 0 }
    }

    /// Takes from `input`; returns how many bytes.
    fn step(&mut self, input: &[u8]) -> Result<usize, CodingError> {
        let used = match &mut self.format {
            Format::Gzip(gzip) => gzip.step(&mut self.inflate, input),
            Format::Zlib(zlib) => zlib.step(&mut self.inflate, input),
        }?;
        self.total = self.total.saturating_add(self.inflate.data().len() as u64);
        Ok(used)
    }

    const fn is_complete(&self) -> bool {
        match &self.format {
            Format::Gzip(gzip) => gzip.is_complete(),
            Format::Zlib(zlib) => zlib.is_complete(),
        }
    }
}

impl fmt::Display for CodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the compressed content has no good header"),
            Self::Data => f.write_str("the compressed content is malformed"),
            Self::Checksum => f.write_str("the compressed content is damaged: its checksum is another one"),
            Self::Length => f.write_str("the compressed content is damaged: its length is another one"),
            Self::Trailing => f.write_str("something follows the end of the compressed content"),
            Self::Truncated => f.write_str("the compressed content is cut short"),
            Self::Ratio { limit } => write!(f, "the content becomes more than {limit} times as long as it is"),
            Self::TooLong { limit } => write!(f, "the content becomes longer than {limit} bytes"),
        }
    }
}

impl Error for CodingError {}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the content has a coding that was not asked for")
    }
}

impl Error for Unsupported {}
