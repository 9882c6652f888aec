//! ```text
//!  Open ── end ──► Ending ── linger ──► Over
//!   └─ stalled, lagging ───────────────►┘
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::framed::{Framed, Framing};
use super::heartbeat::less;
use super::linger::Linger;
use super::output::Output;
use super::{CloseReason, Config, End, Heartbeat, Outlet, SendError, StreamHead, When};
use crate::log::Burst;
use crate::sse::{self, ToMessage};
use crate::{Closing, Instant, Random, SplitMix64};

/// One event stream without the connection: its heartbeat, its deadlines and what waits to be sent.
///
/// A [`Session`](super::Session) holds one; over somebody else's HTTP it is the body of a response alone, whose fields are
/// [`StreamHead::into_fields`]. It is driven like a [`Protocol`](crate::Protocol) without input: [`poll_transmit`](Self::poll_transmit)
/// until nothing is left, then [`poll_timeout`](Self::poll_timeout). The body is at its end when [`closing`](Self::closing) says
/// `Finish` and there is nothing to transmit; `Abort` asks for a reset.
pub struct EventStream {
    config: Arc<Config>,
    framed: Framed,
    rhythm: Rhythm,
    state: State,
    output: Output,
    random: SplitMix64,
    now: Instant,
    /// Why it ended, until that was told.
    closed: Option<CloseReason>,
}

#[derive(Debug)]
enum State {
    Open {
        beat_at: Option<Instant>,
        end_at: Option<Instant>,
    },
    /// All is said; the peer is to read it.
    Ending {
        linger: Linger,
        /// What ends the stream, behind all else.
        last: Bytes,
    },
    Over,
}

/// Whose heartbeat holds.
#[derive(Debug)]
enum Rhythm {
    Config,
    None,
    Own(Box<Heartbeat>),
}

impl EventStream {
    /// Begins a stream as its head has it. `seed` is for its jitter and nothing else.
    pub fn new(config: impl Into<Arc<Config>>, head: &StreamHead, framing: Framing, now: Instant, seed: u64) -> Self {
        let config = config.into();
        let mut random = SplitMix64::new(seed);
        let end_at = config.max_stream_time.map(|time| now + less(time, config.max_stream_jitter, &mut random));
        let mut stream = Self {
            output: Output::new(&config),
            rhythm: head.heartbeat.clone().map_or(Rhythm::Config, |own| Rhythm::Own(Box::new(own))),
            state: State::Open { beat_at: None, end_at },
            framed: Framed::new(framing, head.coding),
            random,
            now,
            closed: None,
            config,
        };
        stream.rest(now);
        let mut opening = if head.padding { padding() } else { Vec::new() };
        if let Some(heartbeat) = stream.heartbeat().filter(|heartbeat| heartbeat.at_once) {
            heartbeat.encode(now, &mut opening);
        }
        let opening = stream.framed.open(&opening);
        stream.output.open(now, &stream.config, opening);
        stream
    }

    /// Sends bytes: whole events or comments, and no publications of the log. They leave before a burst that was pushed and not
    /// yet taken.
    ///
    /// # Errors
    ///
    /// When the stream has ended, or too much waits already; nothing is sent then.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.now = self.now.max(now);
        if !self.is_open() {
            return Err(SendError::NoStream);
        }
        let piece = self.framed.control(bytes);
        self.output.push_control(now, &self.config, &piece.bytes).map_err(|_| SendError::Full)?;
        self.framed.note_control(&piece);
        self.note_sent(now);
        Ok(())
    }

    /// Sends a message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As `send`, and when its event type or id cannot be sent.
    pub fn send_message(&mut self, now: Instant, message: &(impl ToMessage + ?Sized)) -> Result<(), SendError> {
        let mut bytes = Vec::new();
        message.encode_to(&mut bytes).map_err(SendError::Name)?;
        self.send(now, &bytes)
    }

    /// Gives the stream a burst of publications: one piece for one write.
    ///
    /// # Errors
    ///
    /// When the stream has ended, or its opening or the last burst was not taken yet: ask
    /// [`wants_publications`](Self::wants_publications) first.
    pub fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError> {
        self.now = self.now.max(now);
        if !self.is_open() {
            return Err(SendError::NoStream);
        }
        let piece = self.framed.publications(burst);
        self.output.push_publications(now, &self.config, piece.bytes.clone()).map_err(|_| SendError::Full)?;
        self.framed.note_publications(&piece);
        self.note_sent(now);
        Ok(())
    }

    /// Ends the stream; one that has ended stays as it is.
    pub fn end(&mut self, now: Instant, end: End<'_>) {
        self.now = self.now.max(now);
        if !self.is_open() {
            return;
        }
        self.closed = Some(end.reason);
        if end.reason == CloseReason::Lagging {
            return self.abort();
        }
        let mut bytes = Vec::new();
        if let Some(retry) = end.retry {
            sse::encode_retry(retry, &mut bytes);
        }
        bytes.extend_from_slice(end.last.unwrap_or_default());
        let last = self.framed.end(&bytes);
        self.output.forget_stall();
        self.state = State::Ending { linger: Linger::new(now, &self.config), last };
    }

    /// Puts another heartbeat in the place of the one there is, from here on; `None` stops it.
    pub fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>) {
        self.now = self.now.max(now);
        self.rhythm = heartbeat.map_or(Rhythm::None, |own| Rhythm::Own(Box::new(own)));
        if self.is_open() && self.heartbeat().is_some_and(|heartbeat| heartbeat.at_once) {
            self.beat(now);
        } else {
            self.rest(now);
        }
    }

    /// Does everything that is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.output.stall_at()) {
            self.closed = Some(CloseReason::Stalled);
            return self.abort();
        }
        match &mut self.state {
            State::Open { end_at, .. } if due(*end_at) => self.end(now, End::new(CloseReason::MaxStreamTime)),
            State::Open { beat_at, .. } if due(*beat_at) => self.beat(now),
            State::Ending { linger, .. } => {
                if linger.has_passed(now, &self.config) {
                    self.abort();
                }
            }
            State::Open { .. } | State::Over => {}
        }
    }

    /// Returns why the stream has ended: once, and last.
    pub fn poll_event(&mut self) -> Option<CloseReason> {
        self.closed.take()
    }

    /// Returns the next bytes; what belongs together comes as one piece. It is called when the last piece was written whole.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        let mut piece = self.output.take(self.now, &self.config);
        if !self.output.has_publications() {
            self.framed.note_taken();
        }
        if let State::Ending { linger, last } = &mut self.state {
            self.output.forget_stall();
            if piece.is_none() && !last.is_empty() {
                piece = Some(core::mem::take(last));
            }
            linger.note_taken(piece.is_some() && !(self.output.is_empty() && last.is_empty()));
        }
        piece
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Open { beat_at, end_at } => [*beat_at, *end_at].into_iter().flatten().min(),
            State::Ending { linger, .. } => Some(linger.until()),
            State::Over => None,
        };
        [state, self.output.stall_at()].into_iter().flatten().min()
    }

    /// Returns what is to be done with the body: go on, write what is left and end it, or break it off.
    pub fn closing(&self) -> Closing {
        match self.state {
            State::Open { .. } => Closing::No,
            State::Ending { .. } => Closing::Finish,
            State::Over => Closing::Abort,
        }
    }

    /// Tells whether the stream has not ended.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Tells whether the stream is open and all that it was given was taken: time to read the log.
    pub fn wants_publications(&self) -> bool {
        self.is_open() && self.output.is_empty()
    }

    /// Tells whether all that the stream was given has left: taken, and written whole, as the driver showed by asking for more.
    pub fn is_written(&self) -> bool {
        self.output.is_written()
    }

    /// Returns the heartbeat that holds, if there is one: what a reader is told, so that it can notice its absence.
    pub fn heartbeat(&self) -> Option<&Heartbeat> {
        let heartbeat = match &self.rhythm {
            Rhythm::Config => self.config.heartbeat.as_ref(),
            Rhythm::None => None,
            Rhythm::Own(own) => Some(&**own),
        };
        heartbeat.filter(|heartbeat| !heartbeat.every.is_zero())
    }

    /// Puts the head of the response before everything.
    pub(super) fn open_with(&mut self, now: Instant, head: Bytes) {
        self.output.open(now, &self.config, head);
    }

    pub(super) fn abort(&mut self) {
        self.state = State::Over;
        self.output.clear();
    }

    fn beat(&mut self, now: Instant) {
        let mut bytes = Vec::new();
        if let Some(heartbeat) = self.heartbeat() {
            heartbeat.encode(now, &mut bytes);
        }
        // What waits says as much; beats that nobody takes do not pile up.
        if self.output.is_empty() {
            let piece = self.framed.control(&bytes);
            // There is room.
            if self.output.push_publications(now, &self.config, piece.bytes.clone()).is_ok() {
                self.framed.note_publications(&piece);
            }
        }
        self.rest(now);
    }

    fn note_sent(&mut self, now: Instant) {
        if self.heartbeat().is_some_and(|heartbeat| heartbeat.when == When::Idle) {
            self.rest(now);
        }
    }

    /// Begins the time until the next beat anew.
    fn rest(&mut self, now: Instant) {
        let mut random = self.random.clone();
        let next = self.heartbeat().and_then(|heartbeat| heartbeat.draw(&mut random));
        self.random = random;
        if let State::Open { beat_at, .. } = &mut self.state {
            *beat_at = next.map(|time| now + time);
        }
    }
}

impl Outlet for EventStream {
    fn wants_publications(&self) -> bool {
        self.wants_publications()
    }

    fn is_written(&self) -> bool {
        self.is_written()
    }

    fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError> {
        self.push_burst(now, burst)
    }

    fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.send(now, bytes)
    }

    fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>) {
        self.set_heartbeat(now, heartbeat);
    }

    fn end_stream(&mut self, now: Instant, end: End<'_>) {
        self.end(now, end);
    }
}

/// Without the bytes that wait.
impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("closing", &self.closing())
            .field("framing", &self.framed.framing())
            .field("heartbeat", &self.heartbeat())
            .field("is_written", &self.is_written())
            .finish_non_exhaustive()
    }
}

/// A comment that is long enough for proxies that hold back what is shorter.
fn padding() -> Vec<u8> {
    let mut bytes = alloc::vec![b' '; PADDING];
    if let Some(first) = bytes.first_mut() {
        *first = b':';
    }
    bytes.extend_from_slice(b"\n\n");
    bytes
}

/// Internet Explorer's and some proxies' measure, as in the EventSource polyfills.
const PADDING: usize = 2 << 10;

/// Draws the time after which a reader comes back when the server shuts down.
pub(super) fn goodbye(config: &Config, random: &mut SplitMix64) -> core::time::Duration {
    config.goodbye_retry.saturating_add(super::heartbeat::part(config.goodbye_spread, random.next_u64()))
}
