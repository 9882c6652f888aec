use super::Burst;
use super::recent::Recent;
use crate::http::coding::Compressor;

/// The bursts that were compressed last, so that each is compressed once for all who read it.
///
/// It keeps some 320 KB for its [`Compressor`], and 16 bursts, plain and compressed, whatever readers do.
#[derive(Debug, Default)]
pub struct Packer {
    compressor: Compressor,
    recent: Recent,
    compressed: u64,
}

impl Packer {
    /// Makes one that is small until it is used.
    pub const fn new() -> Self {
        Self { compressor: Compressor::new(), recent: Recent::new(), compressed: 0 }
    }

    /// Returns the burst with its [segment](Burst::segment).
    pub fn pack<'a>(&'a mut self, burst: &'a Burst) -> &'a Burst {
        if burst.segment().is_some() {
            return burst;
        }
        let Self { compressor, recent, compressed } = self;
        recent.find(burst, |burst| {
            *compressed += 1;
            burst.pack(compressor);
        })
    }

    /// Compresses a burst that is one reader's alone, and keeps nothing of it.
    pub fn pack_own(&mut self, burst: &mut Burst) {
        burst.pack(&mut self.compressor);
    }

    /// Returns how many bursts were compressed.
    pub const fn compressed(&self) -> u64 {
        self.compressed
    }
}
