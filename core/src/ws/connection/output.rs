//! ```text
//!  head of the answer ─► all else
//!  pings, pong ─┐ (between frames)
//!  messages ────┴─► bursts ─► close
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;

use super::queue::{Payload, Queue, Waiting};
use crate::log::Messages;
#[cfg(feature = "deflate")]
use crate::ws::deflate::Deflater;
use crate::ws::encode_frame;
use crate::ws::{CloseCode, Config, FrameHeader, Opcode, Prepared, SendError, encode_close};
use crate::{Instant, Random};

/// What waits to be sent on a connection.
pub(super) struct Output {
    /// Makes the masking keys of a client.
    masks: Option<Box<dyn Random + Send + Sync>>,
    #[cfg(feature = "deflate")]
    deflater: Option<Box<Deflater>>,
    /// The head of the answer that the connection began with: it leaves first, whatever happens.
    opening: Option<Box<Bytes>>,
    /// Whole frames that may leave between those of a message.
    pings: Vec<u8>,
    ping_count: u32,
    /// The payloads of the pongs that wait, at most [`MAX_PONGS`].
    pongs: Vec<Bytes>,
    queue: Queue,
    /// Whole frames that were encoded for many connections.
    bulk: Bytes,
    /// Whether some of them are compressed: then what is sent after them refers to nothing before.
    #[cfg(feature = "deflate")]
    is_bulk_compressed: bool,
    close: Close,
    /// Messages that were taken to be sent and may not have left whole.
    unsent: usize,
    /// Those of them that end with the piece that was taken last.
    leaving: usize,
    is_taken: bool,
    /// Whether a piece was written since the deadline was told, with more to come: when, nobody knows.
    is_moving: bool,
    /// When something must have been taken.
    stall_at: Option<Instant>,
}

/// The close frame.
#[derive(Debug)]
enum Close {
    No,
    Waits { frame: Vec<u8>, code: Option<CloseCode> },
    Left { code: Option<CloseCode> },
}

impl Output {
    pub(super) const fn new(masks: Option<Box<dyn Random + Send + Sync>>) -> Self {
        Self {
            masks,
            #[cfg(feature = "deflate")]
            deflater: None,
            opening: None,
            pings: Vec::new(),
            ping_count: 0,
            pongs: Vec::new(),
            queue: Queue::new(),
            bulk: Bytes::new(),
            #[cfg(feature = "deflate")]
            is_bulk_compressed: false,
            close: Close::No,
            unsent: 0,
            leaving: 0,
            is_taken: false,
            is_moving: false,
            stall_at: None,
        }
    }

    /// Has messages compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn set_deflater(&mut self, deflater: Deflater) {
        self.deflater = Some(Box::new(deflater));
    }

    /// Puts `head` before all that leaves.
    pub(super) fn open(&mut self, now: Instant, config: &Config, head: Bytes) {
        self.opening = Some(Box::new(head));
        self.note_waiting(now, config);
    }

    pub(super) fn into_masks(self) -> Option<Box<dyn Random + Send + Sync>> {
        self.masks
    }

    /// Queues a message of `len` bytes, whose payload is copied if it is short or lent, and else shared.
    pub(super) fn push_message(
        &mut self,
        now: Instant,
        config: &Config,
        header: FrameHeader,
        payload: Payload<'_>,
    ) -> Result<(), SendError> {
        // Before it is compressed: what was compressed must be sent.
        self.check_room(config, payload.len())?;
        #[cfg(feature = "deflate")]
        let compressed = self.deflate(payload.as_slice());
        #[cfg(feature = "deflate")]
        let (header, payload) = match &compressed {
            Some(compressed) => (FrameHeader { compressed: true, ..header }, Payload::Shared(compressed)),
            None => (header, payload),
        };
        let len = payload.len();
        let is_long = len > MAX_COPY || config.fragment.is_some_and(|most| len > most.max(1));
        if is_long {
            self.queue.push_long(header, payload.into_bytes());
        } else {
            let header = FrameHeader { mask: self.key(), ..header };
            self.queue.push_frame(|out| encode_frame(header, payload.as_slice(), out));
        }
        self.unsent += 1;
        self.note_waiting(now, config);
        Ok(())
    }

    /// Queues a message that was encoded for many.
    pub(super) fn push_prepared(
        &mut self,
        now: Instant,
        config: &Config,
        prepared: &Prepared,
    ) -> Result<(), SendError> {
        let is_in_parts = config.fragment.is_some_and(|most| prepared.payload().len() > most.max(1));
        if self.masks.is_some() || is_in_parts {
            let header = FrameHeader::new(prepared.opcode(), 0);
            return self.push_message(now, config, header, Payload::Shared(&prepared.payload_bytes()));
        }
        self.check_room(config, prepared.frame().len())?;
        let frame = self.shared_frame(prepared);
        self.queue.push_shared(frame, 1);
        self.unsent += 1;
        self.note_waiting(now, config);
        Ok(())
    }

    /// Takes frames that were encoded for many, unless some wait.
    pub(super) fn push_frames(&mut self, now: Instant, config: &Config, frames: Bytes) -> Result<(), SendError> {
        if self.masks.is_some() {
            return Err(SendError::Unmasked);
        }
        if !self.bulk.is_empty() {
            return Err(SendError::Full { limit: 1 });
        }
        self.bulk = frames;
        self.note_waiting(now, config);
        Ok(())
    }

    /// Takes messages that were made of events for many, unless some wait.
    pub(super) fn push_messages(
        &mut self,
        now: Instant,
        config: &Config,
        messages: &Messages,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if let Some(deflater) = &self.deflater
            && let Some(frames) = messages.compressed_frames(deflater.context())
        {
            self.push_frames(now, config, frames.clone())?;
            self.is_bulk_compressed = true;
            return Ok(());
        }
        self.push_frames(now, config, messages.frames().clone())
    }

    /// Queues messages that were made of events for this connection alone.
    pub(super) fn send_messages(
        &mut self,
        now: Instant,
        config: &Config,
        messages: &Messages,
    ) -> Result<(), SendError> {
        if self.masks.is_some() {
            return Err(SendError::Unmasked);
        }
        if messages.is_empty() {
            return Ok(());
        }
        self.check_room(config, messages.frames().len())?;
        self.queue.push_shared(messages.frames().clone(), messages.len());
        self.unsent += messages.len();
        self.note_waiting(now, config);
        Ok(())
    }

    /// Queues a ping of the application.
    pub(super) fn push_ping(&mut self, now: Instant, config: &Config, payload: &[u8]) -> Result<(), SendError> {
        self.check_frames(config)?;
        self.push_own_ping(now, config, payload);
        Ok(())
    }

    /// Queues a ping that there is always room for.
    pub(super) fn push_own_ping(&mut self, now: Instant, config: &Config, payload: &[u8]) {
        let header = self.header(Opcode::Ping);
        encode_frame(header, payload, &mut self.pings);
        self.ping_count += 1;
        self.note_waiting(now, config);
    }

    /// Queues the answer to a ping; in the place of the last one if many wait, or if any waits for the peer to read.
    pub(super) fn push_pong(&mut self, now: Instant, config: &Config, payload: Bytes) {
        // RFC 6455 §5.5.3: "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in response to previous Ping frame(s),
        // the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame."
        self.pongs.truncate(if self.is_taken { 0 } else { MAX_PONGS - 1 });
        self.pongs.push(payload);
        self.note_waiting(now, config);
    }

    /// Queues the close frame behind all that waits, unless there is one already.
    pub(super) fn push_close(&mut self, now: Instant, config: &Config, code: Option<CloseCode>, reason: &str) {
        if !matches!(self.close, Close::No) {
            return;
        }
        let mut payload = Vec::new();
        if let Some(code) = code {
            encode_close(code, reason, &mut payload);
        }
        let mut frame = Vec::new();
        encode_frame(self.header(Opcode::Close), &payload, &mut frame);
        self.close = Close::Waits { frame, code };
        self.note_waiting(now, config);
    }

    /// Takes the next piece. It has its time to be written, and with it what still waits.
    pub(super) fn take(&mut self, now: Instant, config: &Config) -> Option<Bytes> {
        // Nobody asks for more before the last piece is written.
        self.unsent = self.unsent.saturating_sub(mem::take(&mut self.leaving));
        let piece = self.next_piece(config);
        let went_on = mem::replace(&mut self.is_taken, !piece.is_empty());
        self.is_moving = went_on && self.is_taken;
        let stalls = self.is_taken || !self.is_empty();
        self.stall_at = stalls.then(|| now + config.write_timeout);
        self.is_taken.then_some(piece)
    }

    /// Drops all that waits.
    pub(super) fn clear(&mut self) {
        (self.pings, self.ping_count, self.pongs, self.bulk) = (Vec::new(), 0, Vec::new(), Bytes::new());
        (self.opening, self.queue) = (None, Queue::new());
        self.stall_at = None;
        if let Close::Waits { .. } = self.close {
            self.close = Close::No;
        }
    }

    /// Tells whether the time for something to be taken has passed, with nothing taken in it.
    pub(super) fn has_stalled(&mut self, now: Instant, config: &Config) -> bool {
        if self.stall_at.is_none_or(|at| at > now) {
            return false;
        }
        // What was taken when the last piece was written has the deadline of an earlier time: its own begins here at the latest.
        let moved = mem::take(&mut self.is_moving);
        if moved {
            self.stall_at = Some(now + config.write_timeout);
        }
        !moved
    }

    pub(super) const fn stall_at(&self) -> Option<Instant> {
        self.stall_at
    }

    /// Tells whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.opening.is_none()
            && self.has_no_control()
            && self.queue.is_empty()
            && self.bulk.is_empty()
            && !matches!(self.close, Close::Waits { .. })
    }

    /// Tells whether nothing waits, and what was taken last was written whole.
    pub(super) fn is_written(&self) -> bool {
        self.is_empty() && !self.is_taken
    }

    /// Tells whether the piece that was taken last went on with what the socket was busy with: the time may be later than is known.
    pub(super) const fn is_moving(&self) -> bool {
        self.is_moving
    }

    pub(super) const fn has_pings(&self) -> bool {
        self.ping_count > 0
    }

    /// Tells whether the close frame was taken.
    pub(super) const fn has_closed(&self) -> bool {
        matches!(self.close, Close::Left { .. })
    }

    /// Returns the code of the close frame that was taken.
    pub(super) const fn closed_with(&self) -> Option<CloseCode> {
        match self.close {
            Close::Left { code } => code,
            Close::No | Close::Waits { .. } => None,
        }
    }

    pub(super) const fn unsent(&self) -> usize {
        self.unsent
    }

    pub(super) const fn waiting_bytes(&self) -> usize {
        self.queue.bytes() + self.pings.len() + self.bulk.len()
    }

    fn next_piece(&mut self, config: &Config) -> Bytes {
        let mut piece = self.opening.take().map_or_else(Vec::new, |head| Vec::from(*head));
        while piece.len() < MAX_PIECE {
            if !self.queue.is_in_frame() {
                self.append_control(&mut piece);
            }
            match self.queue.front() {
                Some(Waiting::Batch(_)) => self.leaving += self.queue.take_batch(&mut piece),
                Some(Waiting::Shared(shared)) => {
                    let is_short = shared.is_short(MAX_COPY);
                    let is_copied = is_short && (!piece.is_empty() || !self.queue.is_last());
                    if !is_copied && !piece.is_empty() {
                        break;
                    }
                    let (shared, ended) = self.queue.take_shared(MAX_PIECE);
                    self.leaving += ended;
                    if !is_copied {
                        return shared;
                    }
                    piece.extend_from_slice(&shared);
                }
                Some(Waiting::Long(long)) => {
                    if !long.is_in_frame() {
                        let key = self.masks.as_mut().map(key);
                        long.begin_frame(key, config.fragment, &mut piece);
                    }
                    if let Some(shared) = long.share(&piece, MAX_COPY, MAX_PIECE) {
                        self.leaving += self.queue.note_taken(shared.len());
                        return shared;
                    }
                    let copied = long.copy(MAX_PIECE.saturating_sub(piece.len()), MAX_COPY, &mut piece);
                    self.leaving += self.queue.note_taken(copied);
                    if copied == 0 && self.queue.is_in_frame() {
                        // Its payload is shared: a piece of its own.
                        break;
                    }
                }
                None => break,
            }
        }
        if !self.queue.is_empty() {
            return piece.into();
        }
        if piece.is_empty() && !self.bulk.is_empty() {
            #[cfg(feature = "deflate")]
            self.forget_for_bulk();
            return mem::take(&mut self.bulk);
        }
        if self.bulk.is_empty() {
            self.append_close(&mut piece);
        }
        piece.into()
    }

    #[cfg(feature = "deflate")]
    fn deflate(&mut self, message: &[u8]) -> Option<Bytes> {
        let mut payload = Vec::new();
        self.deflater.as_mut()?.deflate(message, &mut payload).then(|| payload.into())
    }

    #[cfg(feature = "deflate")]
    fn forget_for_bulk(&mut self) {
        if mem::take(&mut self.is_bulk_compressed)
            && let Some(deflater) = &mut self.deflater
        {
            deflater.forget();
        }
    }

    /// Returns the frame that this connection sends of those that were encoded for many.
    fn shared_frame(&mut self, prepared: &Prepared) -> Bytes {
        #[cfg(feature = "deflate")]
        if let Some(deflater) = &mut self.deflater
            && let Some(frame) = prepared.compressed_frame(deflater.context())
        {
            // What is sent later stands behind it in the peer's window.
            deflater.forget();
            return frame.clone();
        }
        prepared.frame().clone()
    }

    fn append_control(&mut self, piece: &mut Vec<u8>) {
        if self.has_no_control() {
            return;
        }
        self.ping_count = 0;
        piece.append(&mut mem::take(&mut self.pings));
        for payload in mem::take(&mut self.pongs) {
            encode_frame(self.header(Opcode::Pong), &payload, piece);
        }
    }

    fn append_close(&mut self, piece: &mut Vec<u8>) {
        if let Close::Waits { frame, code } = &mut self.close {
            piece.append(frame);
            self.close = Close::Left { code: *code };
        }
    }

    fn has_no_control(&self) -> bool {
        self.ping_count == 0 && self.pongs.is_empty()
    }

    /// Errs when one more frame would be too many.
    fn check_frames(&self, config: &Config) -> Result<(), SendError> {
        let limit = config.max_queued_frames;
        let frames = self.queue.messages().saturating_add(self.ping_count as usize);
        if frames < limit { Ok(()) } else { Err(SendError::Full { limit }) }
    }

    /// Errs when a message of `len` bytes would be too much. Pings are few bytes each.
    fn check_room(&self, config: &Config, len: usize) -> Result<(), SendError> {
        self.check_frames(config)?;
        let bytes = self.queue.bytes();
        if bytes > 0 && len > config.max_queued_bytes.saturating_sub(bytes) {
            return Err(SendError::Full { limit: config.max_queued_bytes });
        }
        Ok(())
    }

    fn header(&mut self, opcode: Opcode) -> FrameHeader {
        FrameHeader { mask: self.key(), ..FrameHeader::new(opcode, 0) }
    }

    fn key(&mut self) -> Option<[u8; 4]> {
        self.masks.as_mut().map(key)
    }

    fn note_waiting(&mut self, now: Instant, config: &Config) {
        if self.stall_at.is_none() && !self.is_empty() {
            self.stall_at = Some(now + config.write_timeout);
        }
    }
}

/// RFC 6455 §5.3: "a fresh masking key MUST be chosen" for each frame, which must not be predicted.
fn key(masks: &mut Box<dyn Random + Send + Sync>) -> [u8; 4] {
    let mut key = [0; 4];
    masks.fill(&mut key);
    key
}

/// A longer payload leaves in pieces of this many bytes, so that it shows how the peer takes it, and a batch of short frames is not
/// much longer.
pub(super) const MAX_PIECE: usize = 64 << 10;

/// Pings that come together are answered each, so many of them, if the peer reads.
const MAX_PONGS: usize = 16;

/// A payload up to here is copied behind its header, for one write; a longer one is shared.
const MAX_COPY: usize = 16 << 10;
