//! Deflate (RFC 1951), into a window that is lent from.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::CodingError;

/// Decompresses; what comes out lies in the window until it is consumed.
pub(crate) struct Inflate {
    /// `None` until the first byte, so that an idle decoder is small.
    machine: Option<Box<DecompressorOxide>>,
    /// A ring of the last bytes, of the size below once it is used.
    window: Vec<u8>,
    /// A power of two.
    size: usize,
    /// Where in the window the next byte goes.
    at: usize,
    /// Where in the window there are bytes that nobody has consumed.
    data: Range<usize>,
    /// Whether the window went round since the start: before, there is nothing behind its end to refer to.
    is_round: bool,
    /// Whether the input was malformed behind what came out last.
    is_broken: bool,
    /// Whether no byte was taken since it last began.
    is_fresh: bool,
}

/// How far a call of [`Inflate::run`] came.
pub(crate) struct Run {
    /// How many bytes of the input it took.
    pub(crate) used: usize,
    /// Whether the compressed data are at their end.
    pub(crate) done: bool,
}

impl Inflate {
    pub(crate) const fn new() -> Self {
        Self::with_window(WINDOW)
    }

    /// Makes one that takes references to at most `size` bytes before, a power of two.
    pub(crate) const fn with_window(size: usize) -> Self {
        let (is_round, is_broken) = (false, false);
        Self { machine: None, window: Vec::new(), size, at: 0, data: 0..0, is_round, is_broken, is_fresh: true }
    }

    /// Begins anew.
    pub(crate) fn restart(&mut self) {
        self.go_on();
        (self.at, self.is_round) = (0, false);
    }

    /// Goes on behind the last block, at the next byte, with what was before it in the window.
    pub(crate) fn go_on(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.init();
        }
        self.is_fresh = true;
    }

    /// Decompresses until the window is full or the input is used up. There is to be no data left.
    pub(crate) fn run(&mut self, input: &[u8]) -> Result<Run, CodingError> {
        if self.is_broken {
            return Err(CodingError::Data);
        }
        if self.window.is_empty() {
            self.window = vec![0; self.size];
        }
        let machine = self.machine.get_or_insert_default();
        let mut flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
        if !self.is_round {
            // A distance to before the start is an error then.
            flags |= inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        }
        let (status, used, count) = decompress(machine, input, &mut self.window, self.at, flags);
        self.is_fresh &= used == 0;
        let done = match status {
            TINFLStatus::Done => true,
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => false,
            _ if count == 0 => return Err(CodingError::Data),
            // What came out before the fault counts, as it would if the input had been cut there.
            _ => {
                self.is_broken = true;
                false
            }
        };
        self.data = self.at..self.at + count;
        self.at = self.data.end;
        if self.at == self.size {
            (self.at, self.is_round) = (0, true);
        }
        Ok(Run { used, done })
    }

    /// Lends what came out and was not consumed.
    pub(crate) fn data(&self) -> &[u8] {
        self.window.get(self.data.clone()).unwrap_or_default()
    }

    /// Returns whether what came out last filled the window.
    pub(crate) fn is_full(&self) -> bool {
        self.data.end == self.size && !self.data.is_empty()
    }

    /// Returns whether what was taken ends with a block and a byte. There is to be nothing left to come out.
    pub(crate) fn is_between_blocks(&self) -> bool {
        let state = self.machine.as_ref().and_then(|machine| machine.block_boundary_state());
        self.is_fresh || state.is_some_and(|state| state.num_bits == 0)
    }

    /// Drops the last bytes of what came out.
    pub(crate) fn shorten(&mut self, count: usize) {
        self.data.end = self.data.end.saturating_sub(count).max(self.data.start);
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.data.start = self.data.start.saturating_add(count).min(self.data.end);
    }
}

impl fmt::Debug for Inflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflate").field("at", &self.at).field("data", &self.data).finish_non_exhaustive()
    }
}

/// RFC 1951 §2: "the distance is limited to 32K bytes".
pub(crate) const WINDOW: usize = 32 << 10;
