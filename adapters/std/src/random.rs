use tidewire_core::Random;

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

/// Returns a seed for what is to differ between processes and need not be secret (jitter).
pub fn seed() -> u64 {
    OsRandom.next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
