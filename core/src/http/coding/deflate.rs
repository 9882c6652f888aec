//! Deflate (RFC 1951), out of the library's machine.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output};

/// Compresses. Its machine is some 320 KB, from the first byte on.
pub(crate) struct Deflate {
    machine: Option<Box<CompressorOxide>>,
    level: u8,
}

/// What stands behind the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Nothing: they may stay inside.
    None,
    /// All is out, and the next byte begins a byte.
    Sync,
    /// The same, and nothing later refers to anything before.
    Full,
    /// The last block.
    Finish,
}

impl Deflate {
    pub(crate) const fn new(level: u8) -> Self {
        Self { machine: None, level }
    }

    /// Forgets all that it was given; what it had to say is out. The level stays.
    pub(crate) fn restart(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.reset();
        }
    }

    /// Compresses `input` and appends what comes out.
    pub(crate) fn run(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) {
        let level = self.level;
        let machine = self.machine.get_or_insert_with(|| {
            let mut machine = CompressorOxide::with_format_and_level(DataFormat::Raw, CompressionLevel::DefaultLevel);
            machine.set_compression_level_raw(level);
            Box::new(machine)
        });
        let flush = match flush {
            Flush::None => TDEFLFlush::None,
            Flush::Sync => TDEFLFlush::Sync,
            Flush::Full => TDEFLFlush::Full,
            Flush::Finish => TDEFLFlush::Finish,
        };
        // Given away as it comes out, never into a room that may become full: of a block that found none the rest would be first to leave,
        // and without input nothing tells whether the flush behind it was still done.
        let (status, used) = compress_to_output(machine, input, flush, |bytes| {
            out.extend_from_slice(bytes);
            true
        });
        debug_assert!(matches!(status, TDEFLStatus::Okay | TDEFLStatus::Done) && used == input.len(), "{status:?}");
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflate").field("level", &self.level).finish_non_exhaustive()
    }
}
