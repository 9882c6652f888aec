use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tidewire_core::{Random, SplitMix64};

/// The operating system's randomness, for ids, secrets and seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

/// # Panics
///
/// `fill` panics when the operating system has no randomness to give, as it does on no system that is up.
impl Random for OsRandom {
    fn fill(&mut self, out: &mut [u8]) {
        if let Err(error) = getrandom::fill(out) {
            // Going on with predictable ids and secrets would be worse.
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// The operating system's randomness, asked for 128 bytes at a time: for the masks of WebSockets, of which each frame has one.
pub struct PooledRandom {
    /// What was not given away yet stands at the end.
    pool: Box<[u8; 128]>,
    left: usize,
}

impl PooledRandom {
    /// Returns an empty pool.
    pub fn new() -> Self {
        Self { pool: Box::new([0; 128]), left: 0 }
    }
}

/// Without what is to be given away.
impl fmt::Debug for PooledRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledRandom").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Default for PooledRandom {
    fn default() -> Self {
        Self::new()
    }
}

/// # Panics
///
/// As [`OsRandom`].
impl Random for PooledRandom {
    fn fill(&mut self, out: &mut [u8]) {
        if out.len() > self.pool.len() {
            return OsRandom.fill(out);
        }
        if out.len() > self.left {
            OsRandom.fill(&mut *self.pool);
            self.left = self.pool.len();
        }
        let at = self.pool.len() - self.left;
        let given = self.pool.get_mut(at..at + out.len()).unwrap_or_default();
        out.copy_from_slice(given);
        // Nothing is given twice, nor found in memory later.
        given.fill(0);
        self.left -= out.len();
    }
}

/// Returns a seed for what is to differ, between processes too, and need not be secret (jitter). The system is asked once.
pub fn seed() -> u64 {
    static SEEDS: OnceLock<AtomicU64> = OnceLock::new();
    let seeds = SEEDS.get_or_init(|| AtomicU64::new(OsRandom.next_u64()));
    // Drawn, so that no sequence is another one's some steps later.
    SplitMix64::new(seeds.fetch_add(1, Ordering::Relaxed)).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_nothing_twice_and_no_zeros() {
        let mut pool = PooledRandom::new();
        let mut given = std::collections::BTreeSet::new();
        for len in [8, 16, 100, 256, 300, 8] {
            for _ in 0..100 {
                let mut out = vec![0; len];
                pool.fill(&mut out);
                assert!(out.iter().any(|byte| *byte != 0));
                assert!(given.insert(out), "the same {len} bytes twice");
            }
        }
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
