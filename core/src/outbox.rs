use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

/// One connection's bounded queue of what is for it alone: replies and control. Publications are read by cursor.
#[derive(Clone, Debug)]
pub struct Outbox {
    queue: VecDeque<Bytes>,
    bytes: usize,
    max_frames: usize,
    max_bytes: usize,
}

impl Outbox {
    /// Makes an empty outbox of at most that many frames and bytes.
    pub const fn new(max_frames: usize, max_bytes: usize) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, max_frames, max_bytes }
    }

    /// Queues a frame. Nothing is queued of no bytes.
    ///
    /// # Errors
    ///
    /// When it would be one too many, or too many bytes; what is queued stays.
    pub fn push(&mut self, frame: Bytes) -> Result<(), OutboxFull> {
        if self.queue.len() >= self.max_frames || frame.len() > self.max_bytes.saturating_sub(self.bytes) {
            return Err(OutboxFull);
        }
        if !frame.is_empty() {
            self.bytes += frame.len();
            self.queue.push_back(frame);
        }
        Ok(())
    }

    /// Takes all that is queued as one piece, for one write.
    pub fn take(&mut self) -> Option<Bytes> {
        let first = self.queue.pop_front()?;
        let bytes = core::mem::take(&mut self.bytes);
        if self.queue.is_empty() {
            return Some(first);
        }
        let mut all = Vec::with_capacity(bytes);
        all.extend_from_slice(&first);
        for frame in core::mem::take(&mut self.queue) {
            all.extend_from_slice(&frame);
        }
        Some(all.into())
    }

    /// Drops all that is queued.
    pub fn clear(&mut self) {
        *self = Self::new(self.max_frames, self.max_bytes);
    }

    /// Tells whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns how many frames are queued.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Returns how many bytes are queued.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// At most 256 frames and 1 MiB.
impl Default for Outbox {
    fn default() -> Self {
        Self::new(256, 1 << 20)
    }
}

/// The outbox has no room for the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxFull;

impl fmt::Display for OutboxFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outbox of the connection is full")
    }
}

impl core::error::Error for OutboxFull {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_leave_as_one_piece() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.take(), None);
        outbox.push(Bytes::from_static(b"one")).unwrap();
        assert_eq!(outbox.take().as_deref(), Some(&b"one"[..]));
        outbox.push(Bytes::from_static(b"one")).unwrap();
        outbox.push(Bytes::new()).unwrap();
        outbox.push(Bytes::from_static(b"two")).unwrap();
        assert_eq!((outbox.len(), outbox.bytes()), (2, 6));
        assert_eq!(outbox.take().as_deref(), Some(&b"onetwo"[..]));
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }

    #[test]
    fn limits_hold_at_minus_one_at_and_plus_one() {
        let mut outbox = Outbox::new(256, 1 << 20);
        for _ in 0..256 {
            outbox.push(Bytes::from_static(b"x")).unwrap();
        }
        assert_eq!(outbox.push(Bytes::from_static(b"x")), Err(OutboxFull));

        let mut outbox = Outbox::new(256, 10);
        outbox.push(Bytes::from_static(b"123456789")).unwrap();
        assert_eq!(outbox.push(Bytes::from_static(b"ab")), Err(OutboxFull));
        outbox.push(Bytes::from_static(b"a")).unwrap();
        assert_eq!(outbox.push(Bytes::from_static(b"b")), Err(OutboxFull));
        assert_eq!(outbox.take().map(|all| all.len()), Some(10));
        outbox.push(Bytes::from_static(b"b")).unwrap();
    }
}
