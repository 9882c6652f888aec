use bytes::Bytes;

use super::Config;
use super::output::join;
use crate::Instant;

/// Plain answers that wait to be sent.
#[derive(Default)]
pub(super) struct Replies {
    bytes: Bytes,
    /// When something must have been taken.
    stall_at: Option<Instant>,
}

impl Replies {
    pub(super) fn push(&mut self, now: Instant, config: &Config, bytes: Bytes) {
        self.bytes = join(core::mem::take(&mut self.bytes), bytes);
        if self.stall_at.is_none() && !self.bytes.is_empty() {
            self.stall_at = Some(now + config.stall_timeout);
        }
    }

    /// Takes the next piece. What still waits then has its time anew.
    pub(super) fn take(&mut self, now: Instant, config: &Config) -> Option<Bytes> {
        let piece = self.bytes.split_to(self.bytes.len().min(MAX_PIECE));
        self.stall_at = self.stall_at.filter(|_| !self.bytes.is_empty()).map(|_| now + config.stall_timeout);
        (!piece.is_empty()).then_some(piece)
    }

    /// Takes all at once.
    pub(super) fn take_all(&mut self) -> Bytes {
        core::mem::take(self).bytes
    }

    /// Lets what waits be taken at any time: another deadline holds from here on.
    pub(super) fn forget_stall(&mut self) {
        self.stall_at = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn stall_at(&self) -> Option<Instant> {
        self.stall_at
    }
}

/// A longer answer leaves in pieces of this many bytes, so that it shows how the peer takes it.
const MAX_PIECE: usize = 64 << 10;
