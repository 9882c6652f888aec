//! Deflate (RFC 1951), out of the library's machine.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZError, MZFlush};

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
            Flush::None => MZFlush::None,
            Flush::Sync => MZFlush::Sync,
            Flush::Full => MZFlush::Full,
            Flush::Finish => MZFlush::Finish,
        };
        let mut rest = input;
        loop {
            let start = out.len();
            out.resize(start + (rest.len() / 2).clamp(MIN_ROOM, MAX_ROOM), 0);
            let step = deflate(machine, rest, out.get_mut(start..).unwrap_or_default(), flush);
            let is_full = start + step.bytes_written == out.len();
            out.truncate(start + step.bytes_written);
            rest = rest.get(step.bytes_consumed..).unwrap_or_default();
            // There is room, and the machine is used as it asks for: it only ever says that there was nothing to do.
            debug_assert!(matches!(step.status, Ok(_) | Err(MZError::Buf)), "{:?}", step.status);
            if step.status.is_err() || (!is_full && rest.is_empty()) {
                return;
            }
        }
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflate").field("level", &self.level).finish_non_exhaustive()
    }
}

/// Room for what comes out of one step.
const MIN_ROOM: usize = 64;
const MAX_ROOM: usize = 64 << 10;
