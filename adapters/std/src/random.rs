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
    fn seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
