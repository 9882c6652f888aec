use alloc::vec::Vec;

use bytes::Bytes;

use super::Config;
use crate::{Instant, Outbox, OutboxFull};

/// What waits to be sent on a stream.
pub(super) struct Output {
    /// The opening, which leaves first, or else publications, which leave last.
    bulk: Bytes,
    is_opening: bool,
    /// Whether a piece was taken that may not be written whole.
    is_taken: bool,
    outbox: Outbox,
    /// When something must have been taken.
    stall_at: Option<Instant>,
}

impl Output {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            bulk: Bytes::new(),
            is_opening: false,
            is_taken: false,
            outbox: Outbox::new(config.max_queued_frames, config.max_queued_bytes),
            stall_at: None,
        }
    }

    /// Puts `bytes` before all that leaves.
    pub(super) fn open(&mut self, now: Instant, config: &Config, bytes: Bytes) {
        self.bulk = join(bytes, core::mem::take(&mut self.bulk));
        self.is_opening = !self.bulk.is_empty();
        self.note_waiting(now, config);
    }

    pub(super) fn push_control(&mut self, now: Instant, config: &Config, frame: &[u8]) -> Result<(), OutboxFull> {
        self.outbox.push(frame)?;
        self.note_waiting(now, config);
        Ok(())
    }

    /// Takes publications, unless some wait.
    pub(super) fn push_publications(&mut self, now: Instant, config: &Config, frame: Bytes) -> Result<(), OutboxFull> {
        if !self.bulk.is_empty() {
            return Err(OutboxFull);
        }
        self.bulk = frame;
        self.note_waiting(now, config);
        Ok(())
    }

    /// Takes the next piece: opening and control together, then publications. It has its time to be written, and with it what still waits.
    pub(super) fn take(&mut self, now: Instant, config: &Config) -> Option<Bytes> {
        let piece = if !self.is_opening && self.outbox.is_empty() {
            // What nearly every delivery is.
            core::mem::take(&mut self.bulk)
        } else {
            let is_opening = core::mem::take(&mut self.is_opening);
            let opening = if is_opening { core::mem::take(&mut self.bulk) } else { Bytes::new() };
            join(opening, self.outbox.take().unwrap_or_default())
        };
        self.is_taken = !piece.is_empty();
        // Nothing to take: the last piece is written. Until then it is what the peer does not read.
        let stalls = self.is_taken || !self.is_empty();
        self.stall_at = stalls.then(|| now + config.stall_timeout);
        self.is_taken.then_some(piece)
    }

    /// Drops all that waits.
    pub(super) fn clear(&mut self) {
        (self.bulk, self.is_opening, self.stall_at) = (Bytes::new(), false, None);
        self.outbox.clear();
    }

    /// Lets what waits be taken at any time: another deadline holds from here on.
    pub(super) fn forget_stall(&mut self) {
        self.stall_at = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bulk.is_empty() && self.outbox.is_empty()
    }

    /// Tells whether publications wait, once the opening was taken.
    pub(super) const fn has_publications(&self) -> bool {
        !self.bulk.is_empty()
    }

    /// Tells whether nothing waits, and what was taken last was written whole.
    pub(super) fn is_written(&self) -> bool {
        self.is_empty() && !self.is_taken
    }

    pub(super) const fn stall_at(&self) -> Option<Instant> {
        self.stall_at
    }

    fn note_waiting(&mut self, now: Instant, config: &Config) {
        if self.stall_at.is_none() && !self.is_empty() {
            self.stall_at = Some(now + config.stall_timeout);
        }
    }
}

/// Returns both as one piece; copies nothing where one is empty.
pub(super) fn join(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() || second.is_empty() {
        return if first.is_empty() { second } else { first };
    }
    let mut both = Vec::with_capacity(first.len() + second.len());
    both.extend_from_slice(&first);
    both.extend_from_slice(&second);
    both.into()
}
