use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

/// One connection's bounded queue of what is for it alone: replies and control. Publications are read by cursor.
#[derive(Clone)]
pub struct Outbox {
    queue: Vec<u8>,
    frames: u32,
    max_frames: u32,
    max_bytes: usize,
}

impl Outbox {
    /// Makes an empty outbox of at most that many frames and bytes.
    pub const fn new(max_frames: usize, max_bytes: usize) -> Self {
        let max_frames = if max_frames < u32::MAX as usize { max_frames as u32 } else { u32::MAX };
        Self { queue: Vec::new(), frames: 0, max_frames, max_bytes }
    }

    /// Queues a frame. Nothing is queued of no bytes.
    ///
    /// # Errors
    ///
    /// When it would be one too many, or too many bytes; what is queued stays.
    pub fn push(&mut self, frame: &[u8]) -> Result<(), OutboxFull> {
        if self.frames >= self.max_frames || frame.len() > self.max_bytes.saturating_sub(self.queue.len()) {
            return Err(OutboxFull);
        }
        if !frame.is_empty() {
            self.frames += 1;
            self.queue.extend_from_slice(frame);
        }
        Ok(())
    }

    /// Takes all that is queued as one piece, for one write.
    pub fn take(&mut self) -> Option<Bytes> {
        self.frames = 0;
        let queue = core::mem::take(&mut self.queue);
        (!queue.is_empty()).then(|| queue.into())
    }

    /// Drops all that is queued.
    pub fn clear(&mut self) {
        (self.queue, self.frames) = (Vec::new(), 0);
    }

    /// Tells whether nothing is queued.
    pub const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns how many frames are queued.
    pub const fn len(&self) -> usize {
        self.frames as usize
    }

    /// Returns how many bytes are queued.
    pub const fn bytes(&self) -> usize {
        self.queue.len()
    }
}

/// Without the bytes, which may prove an identity.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("frames", &self.frames).field("bytes", &self.queue.len()).finish_non_exhaustive()
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
        outbox.push(b"one").unwrap();
        assert_eq!(outbox.take().as_deref(), Some(&b"one"[..]));
        outbox.push(b"one").unwrap();
        outbox.push(b"").unwrap();
        outbox.push(b"two").unwrap();
        assert_eq!((outbox.len(), outbox.bytes()), (2, 6));
        assert_eq!(outbox.take().as_deref(), Some(&b"onetwo"[..]));
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }

    #[test]
    fn limits_hold_at_minus_one_at_and_plus_one() {
        let mut outbox = Outbox::new(256, 1 << 20);
        for _ in 0..256 {
            outbox.push(b"x").unwrap();
        }
        assert_eq!(outbox.push(b"x"), Err(OutboxFull));

        let mut outbox = Outbox::new(256, 10);
        outbox.push(b"123456789").unwrap();
        assert_eq!(outbox.push(b"ab"), Err(OutboxFull));
        outbox.push(b"a").unwrap();
        assert_eq!(outbox.push(b"b"), Err(OutboxFull));
        assert_eq!(outbox.take().map(|all| all.len()), Some(10));
        outbox.push(b"b").unwrap();
    }
}
