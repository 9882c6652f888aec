use alloc::collections::VecDeque;

use super::Burst;
use crate::http::coding::Compressor;

/// The bursts that were compressed last, so that each is compressed once for all who read it.
///
/// It keeps some 320 KB for its [`Compressor`], and 16 bursts, plain and compressed, whatever readers do.
#[derive(Debug, Default)]
pub struct Packer {
    compressor: Compressor,
    /// What was asked for last; what was asked for before, the newest first.
    last: Option<Burst>,
    older: VecDeque<Burst>,
    compressed: u64,
}

impl Packer {
    /// Makes one that is small until it is used.
    pub const fn new() -> Self {
        Self { compressor: Compressor::new(), last: None, older: VecDeque::new(), compressed: 0 }
    }

    /// Returns the burst with its [segment](Burst::segment).
    pub fn pack<'a>(&'a mut self, burst: &'a Burst) -> &'a Burst {
        if burst.segment().is_some() {
            return burst;
        }
        // What is kept here was not freed: so the same place in memory is the same bytes.
        let same = |packed: &Burst| {
            packed.chunk().as_ptr() == burst.chunk().as_ptr() && packed.chunk().len() == burst.chunk().len()
        };
        let last = self.last.take();
        let packed = match last {
            Some(last) if same(&last) => last,
            last => {
                let known = self.older.iter().position(same).and_then(|at| self.older.remove(at));
                self.older.truncate(SLOTS - 2);
                last.into_iter().for_each(|last| self.older.push_front(last));
                known.unwrap_or_else(|| self.make(burst))
            }
        };
        self.last.insert(packed)
    }

    /// Compresses a burst that is one reader's alone, and keeps nothing of it.
    pub fn pack_own(&mut self, burst: &mut Burst) {
        burst.pack(&mut self.compressor);
    }

    /// Returns how many bursts were compressed.
    pub const fn compressed(&self) -> u64 {
        self.compressed
    }

    fn make(&mut self, burst: &Burst) -> Burst {
        self.compressed += 1;
        let mut packed = burst.clone();
        packed.pack(&mut self.compressor);
        packed
    }
}

/// Readers stand at few places at a time, most of them at the newest publication.
const SLOTS: usize = 16;
