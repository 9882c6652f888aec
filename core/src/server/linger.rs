use super::Config;
use crate::Instant;

/// The time that is left for the peer to read what was said last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linger {
    until: Instant,
    /// Whether the peer has taken a piece, with more to come, since the deadline was set.
    taking: bool,
}

impl Linger {
    pub(super) fn new(now: Instant, config: &Config) -> Self {
        Self { until: now + config.linger, taking: false }
    }

    pub(super) fn note_taken(&mut self, more: bool) {
        self.taking |= more;
    }

    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// Tells whether the time has passed. A long answer may take a slow peer longer, as long as it goes on taking it.
    pub(super) fn has_passed(&mut self, now: Instant, config: &Config) -> bool {
        if self.until > now || !self.taking {
            return self.until <= now;
        }
        *self = Self::new(now, config);
        false
    }
}
