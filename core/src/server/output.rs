use alloc::vec::Vec;

use bytes::Bytes;

use super::Config;
use crate::{Instant, Outbox, OutboxFull};

/// What waits to be sent on a connection.
#[derive(Debug)]
pub(super) struct Output {
    /// The answer: all of it, or the head of a stream.
    reply: Bytes,
    outbox: Outbox,
    publications: Bytes,
    /// When it must have been taken.
    stall_at: Option<Instant>,
}

impl Output {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            reply: Bytes::new(),
            outbox: Outbox::new(config.max_queued_frames, config.max_queued_bytes),
            publications: Bytes::new(),
            stall_at: None,
        }
    }

    /// Appends to the answer.
    pub(super) fn push_reply(&mut self, now: Instant, config: &Config, bytes: Bytes) {
        self.reply = join(core::mem::take(&mut self.reply), bytes);
        self.note_waiting(now, config);
    }

    pub(super) fn push_control(&mut self, now: Instant, config: &Config, frame: Bytes) -> Result<(), OutboxFull> {
        self.outbox.push(frame)?;
        self.note_waiting(now, config);
        Ok(())
    }

    /// Appends to the publications, which leave last.
    pub(super) fn push_publications(&mut self, now: Instant, config: &Config, frame: Bytes) {
        self.publications = join(core::mem::take(&mut self.publications), frame);
        self.note_waiting(now, config);
    }

    /// Takes the next piece: answer and control together, a long answer piece by piece, then publications. What still waits then has its time anew.
    pub(super) fn take(&mut self, now: Instant, config: &Config) -> Option<Bytes> {
        if self.reply.len() > MAX_PIECE {
            self.note_taken(now, config);
            return Some(self.reply.split_to(MAX_PIECE));
        }
        let mut piece = core::mem::take(&mut self.reply);
        if let Some(control) = self.outbox.take() {
            piece = join(piece, control);
        }
        if piece.is_empty() {
            piece = core::mem::take(&mut self.publications);
        }
        self.note_taken(now, config);
        (!piece.is_empty()).then_some(piece)
    }

    /// Drops all that waits.
    pub(super) fn clear(&mut self) {
        self.reply = Bytes::new();
        self.outbox.clear();
        self.publications = Bytes::new();
        self.stall_at = None;
    }

    /// Lets what waits be taken at any time: another deadline holds from here on.
    pub(super) fn forget_stall(&mut self) {
        self.stall_at = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reply.is_empty() && self.outbox.is_empty() && self.publications.is_empty()
    }

    pub(super) fn has_publications(&self) -> bool {
        !self.publications.is_empty()
    }

    pub(super) const fn stall_at(&self) -> Option<Instant> {
        self.stall_at
    }

    fn note_taken(&mut self, now: Instant, config: &Config) {
        self.stall_at = self.stall_at.filter(|_| !self.is_empty()).map(|_| now + config.stall_timeout);
    }

    fn note_waiting(&mut self, now: Instant, config: &Config) {
        if self.stall_at.is_none() && !self.is_empty() {
            self.stall_at = Some(now + config.stall_timeout);
        }
    }
}

/// A longer answer leaves in pieces of this many bytes, so that it shows how the peer takes it.
const MAX_PIECE: usize = 64 << 10;

fn join(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() || second.is_empty() {
        return if first.is_empty() { second } else { first };
    }
    let mut both = Vec::with_capacity(first.len() + second.len());
    both.extend_from_slice(&first);
    both.extend_from_slice(&second);
    both.into()
}
