use alloc::vec::Vec;

use super::Codings;
use super::checksum::{adler32, crc32};
use super::deflate::{Deflate, Flush};
use super::member::{HEADER, trailer};

/// Applies the coding gzip or deflate to one content, alone: what comes later refers to what came before, over a window of 32 KiB.
///
/// It keeps some 320 KB from the first byte on. For many readers of the same bytes there is
/// [`Compressor`](super::Compressor).
///
/// ```
/// use tidewire_core::http::coding::Encoder;
///
/// let (mut encoder, mut out) = (Encoder::gzip(), Vec::new());
/// encoder.write(b"data: one\n\n", &mut out);
/// encoder.flush(&mut out); // a reader has all of it here
/// encoder.write(b"data: two\n\n", &mut out);
/// encoder.finish(&mut out);
/// assert!(out.starts_with(&[0x1f, 0x8b, 8]) && out.ends_with(&22_u32.to_le_bytes()));
/// ```
#[derive(Debug)]
pub struct Encoder {
    deflate: Deflate,
    format: Format,
    has_begun: bool,
}

#[derive(Debug)]
enum Format {
    Gzip { crc: u32, len: u32 },
    Zlib { adler: u32 },
}

impl Encoder {
    /// Makes one of the coding `gzip` (RFC 1952).
    pub const fn gzip() -> Self {
        Self::new(Format::Gzip { crc: 0, len: 0 })
    }

    /// Makes one of the coding `deflate`: zlib (RFC 1950).
    pub const fn deflate() -> Self {
        Self::new(Format::Zlib { adler: 1 })
    }

    const fn new(format: Format) -> Self {
        Self { deflate: Deflate::new(LEVEL), format, has_begun: false }
    }

    /// Returns the coding.
    pub const fn coding(&self) -> Codings {
        match self.format {
            Format::Gzip { .. } => Codings::GZIP,
            Format::Zlib { .. } => Codings::DEFLATE,
        }
    }

    /// Takes `bytes`, and appends what comes out already.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        match &mut self.format {
            Format::Gzip { crc, len } => {
                *crc = crc32(*crc, bytes);
                // RFC 1952 §2.3.1: "the size of the original (uncompressed) input data modulo 2^32".
                *len = len.wrapping_add(bytes.len() as u32);
            }
            Format::Zlib { adler } => *adler = adler32(*adler, bytes),
        }
        self.deflate.run(bytes, Flush::None, out);
    }

    /// Appends all that has not come out, so that a reader has what was written up to here.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.deflate.run(b"", Flush::Sync, out);
    }

    /// Ends the content.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.deflate.run(b"", Flush::Finish, out);
        match self.format {
            Format::Gzip { crc, len } => out.extend_from_slice(&trailer(crc, len)),
            Format::Zlib { adler } => out.extend_from_slice(&adler.to_be_bytes()),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !core::mem::replace(&mut self.has_begun, true) {
            match self.format {
                Format::Gzip { .. } => out.extend_from_slice(&HEADER),
                Format::Zlib { .. } => out.extend_from_slice(&ZLIB_HEADER),
            }
        }
    }
}

/// zlib's default.
const LEVEL: u8 = 6;

/// RFC 1950 §2.2: deflate with a window of 32 KiB, no dictionary, the default level; a multiple of 31.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x9c];
