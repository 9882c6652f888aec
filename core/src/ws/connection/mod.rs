//! ```text
//!  Open ── close ──────────► Closing ── the peer's close ──► Ending ── end of the peer, deadline ──► Over
//!   │ └─ the peer's close, its fault ────────────────────────►┘                                       ▲
//!   └─ lost: end, reset, no pong, no writing ───────────────────────────────────────────────────────►─┘
//! ```

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::{fmt, mem};

use bytes::Bytes;

mod input;
mod life;
mod output;
mod queue;

use self::input::{End, Input};
use self::life::Life;
use self::output::Output;
use self::queue::Payload;
#[cfg(feature = "deflate")]
use super::deflate::{Deflater, Inflater};
use super::{
    Agreed, CloseCode, CloseFrame, CloseReason, Closed, Config, Error, Event, FrameHeader, MAX_CONTROL, MAX_REASON,
    Message, Opcode, OwnedItem, Prepared, Reader, Role, SendError,
};
use crate::log::Messages;
use crate::{Closing, Instant, Protocol, Random};

/// One WebSocket after its opening handshake, at either end.
///
/// It is a [`Protocol`]. Messages come as [`Event`]s and leave by [`send`](Self::send); pings are answered, a silent peer is pinged and
/// noticed when it is lost, and the end is told once, by [`Event::Closed`].
///
/// # What waits
///
/// Of what came at most one chunk of the driver is kept undecoded; while events are not taken it [wants](Protocol::wants_input) no more,
/// and so holds the peer back. What is sent waits in a bounded queue, and leaves in pieces of some 64 KiB at most: short frames
/// together, long payloads of a server as they are, shared and not copied. Pongs and pings go between frames, also between those of one
/// message ([`Config::fragment`]). Pings that come together are answered each, the first 15 and the latest if there are more; where the peer
/// does not read, one pong waits, for the latest ping. Nothing is held where nothing waits: an idle end is less than 600 bytes, and a
/// server's without compression has nothing beside.
///
/// # The end
///
/// Who [closes](Self::close) has what was accepted before sent first, then the close frame; messages of the peer are told until its
/// answer is there, and its pings are not answered any more. A peer that closes is answered with its own code, and told its fault by a
/// close frame with the code of the fault, both behind what was accepted before; nothing more is read of it.
/// Then a server ends the connection first, and a client waits for that (RFC 6455 §7.1.1), both no longer than [`Config::close_timeout`].
/// [`Event::Closed`] is told as soon as nothing can change it any more: our close frame has left, or never will.
pub struct Connection {
    config: Arc<Config>,
    role: Role,
    state: State,
    input: Input,
    output: Output,
    life: Life,
    /// When the peer must have answered our close frame, and then have ended its side.
    close_at: Option<Instant>,
    /// Whether that was set at a time that may be later.
    is_close_early: bool,
    /// What is to be told at the end.
    closed: Option<Box<Closed>>,
    /// Whether the application is at work on what it was told.
    at_work: bool,
    /// What waits for that: the peer's close frame, or its fault.
    held: Option<Box<Held>>,
    now: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The application has closed; the peer is to answer.
    Closing,
    /// The peer has closed, or it is at fault: nothing of it is read any more.
    Ending {
        /// Whether our side is to end, and not to wait for the peer's end.
        is_first: bool,
        /// Whether the peer's side has ended.
        is_alone: bool,
    },
    /// The socket is to be dropped.
    Over,
}

/// The end of what the peer says, and until when it waits.
struct Held {
    end: Result<OwnedItem, Error>,
    until: Instant,
}

impl Connection {
    /// Begins the server's end of a connection that was `agreed` on.
    ///
    /// An `Arc` of the config is shared by all connections; a config alone is taken too.
    pub fn server(config: impl Into<Arc<Config>>, agreed: &Agreed, now: Instant) -> Self {
        Self::new(Role::Server, config.into(), agreed, now, None)
    }

    /// Begins the client's end of a connection that was `agreed` on. `masks` makes the masking keys; what it makes must not be
    /// predictable (RFC 6455 §10.3), unless in a test.
    pub fn client(
        config: impl Into<Arc<Config>>,
        agreed: &Agreed,
        now: Instant,
        masks: Box<dyn Random + Send + Sync>,
    ) -> Self {
        Self::new(Role::Client, config.into(), agreed, now, Some(masks))
    }

    fn new(
        role: Role,
        config: Arc<Config>,
        agreed: &Agreed,
        now: Instant,
        masks: Option<Box<dyn Random + Send + Sync>>,
    ) -> Self {
        let ends = (Reader::new(role, config.limits), Output::new(masks));
        #[cfg(feature = "deflate")]
        let ends = compress(ends, role, &config, agreed);
        let _: &Agreed = agreed;
        let (reader, output) = ends;
        Self {
            role,
            state: State::Open,
            input: Input::new(reader),
            output,
            life: Life::new(now, &config),
            close_at: None,
            is_close_early: false,
            closed: None,
            at_work: false,
            held: None,
            now,
            config,
        }
    }

    /// Puts the head of the answer that agrees to it before all that leaves.
    pub(crate) fn open_with(&mut self, now: Instant, head: Bytes) {
        self.now = self.now.max(now);
        self.output.open(now, &self.config, head);
    }

    /// Sends a message. Bytes are shared if they are many, and not copied.
    ///
    /// # Errors
    ///
    /// When the connection closes, or too much waits already; nothing is sent then.
    pub fn send(&mut self, now: Instant, message: &Message) -> Result<(), SendError> {
        match message {
            Message::Text(text) => self.send_text(now, text),
            Message::Binary(bytes) => self.push(now, Opcode::Binary, Payload::Shared(bytes)),
        }
    }

    /// Sends a text message, copying it once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, now: Instant, text: &str) -> Result<(), SendError> {
        self.push(now, Opcode::Text, Payload::Lent(text.as_bytes()))
    }

    /// Sends a binary message, copying it once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.push(now, Opcode::Binary, Payload::Lent(bytes))
    }

    /// Sends a message that was encoded once for many connections: a server's for the count of a reference, in one frame, and compressed if
    /// both ends agreed on that and it was compressed (`Prepared::compress`, feature `deflate`).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_shared(&mut self, now: Instant, prepared: &Prepared) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        self.output.push_prepared(now, &self.config, prepared)
    }

    /// Sends frames that were encoded once for many connections: whole messages, not masked, which leave as one piece for one write,
    /// behind all messages that are sent by then.
    ///
    /// # Errors
    ///
    /// When the connection closes, when the last frames were not taken yet (ask [`wants_publications`](Self::wants_publications) first), or on a
    /// client; nothing is sent then.
    pub fn push_frames(&mut self, now: Instant, frames: Bytes) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        self.output.push_frames(now, &self.config, frames)
    }

    /// Gives the connection a burst of publications as [messages](crate::log::Messages): one piece for one write, as
    /// [`push_frames`](Self::push_frames) does, compressed if both ends agreed on that and they were.
    ///
    /// # Errors
    ///
    /// As `push_frames`.
    pub fn push_messages(&mut self, now: Instant, messages: &Messages) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        self.output.push_messages(now, &self.config, messages)
    }

    /// Sends messages that were made of events, on a server. They leave before a burst that was given and not yet taken.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_messages(&mut self, now: Instant, messages: &Messages) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        self.output.send_messages(now, &self.config, messages)
    }

    /// Sends a ping, of at most [`MAX_CONTROL`] bytes; [`Event::Pong`] brings them back. It leaves between frames, before messages that
    /// wait.
    ///
    /// # Errors
    ///
    /// When the connection closes, too much waits already, or the payload is too long; nothing is sent then.
    pub fn ping(&mut self, now: Instant, payload: &[u8]) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        if payload.len() > MAX_CONTROL {
            return Err(SendError::TooLong { limit: MAX_CONTROL });
        }
        self.output.push_ping(now, &self.config, payload)
    }

    /// Closes the connection when what was sent before has left. `reason` is for machines and logs, at most [`MAX_REASON`] bytes.
    ///
    /// # Errors
    ///
    /// When the connection closes already, the reason is too long, or there is one without a code; nothing changes then.
    pub fn close(&mut self, now: Instant, code: Option<CloseCode>, reason: &str) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        if reason.len() > MAX_REASON {
            return Err(SendError::TooLong { limit: MAX_REASON });
        }
        if code.is_none() && !reason.is_empty() {
            return Err(SendError::ReasonWithoutCode);
        }
        self.note_why(CloseReason::Local);
        self.state = State::Closing;
        self.output.push_close(now, &self.config, code, reason);
        Ok(())
    }

    /// Closes the connection because its process goes down or restarts: [`CloseCode::GOING_AWAY`], or what `code` says. It does nothing
    /// to a connection that closes already.
    pub fn shutdown(&mut self, now: Instant, code: Option<CloseCode>) {
        // It closes already, which is what is wanted.
        let _ = self.close(now, Some(code.unwrap_or(CloseCode::GOING_AWAY)), "");
    }

    /// Notes that reading or writing failed. What was received before still counts.
    pub fn handle_reset(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.handle_end(End::Reset);
    }

    /// Notes whether the application is at work on what it was told, for a driver that hands events to another task. Meanwhile a close frame
    /// of the peer, and its fault, wait, at most [`Config::end_wait`]: so what the application says to what came before still leaves,
    /// as it does where one event is taken at a time. All else goes on.
    pub const fn set_at_work(&mut self, at_work: bool) {
        self.at_work = at_work;
    }

    /// Tells whether a close frame of the peer, or its fault, waits for the application. Once it is not at work any more, there is an event.
    pub const fn is_end_held(&self) -> bool {
        self.held.is_some()
    }

    /// Tells whether messages can be sent: neither end has closed.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Tells whether all that it was given was taken, and more may be sent: time to read the log.
    pub fn wants_publications(&self) -> bool {
        self.is_open() && self.output.is_empty()
    }

    /// Tells whether all that it was given has left: taken, and written whole, as the driver showed by asking for more.
    pub fn is_written(&self) -> bool {
        self.output.is_written()
    }

    /// Returns how many messages were taken to be sent and have not left, or may not have left whole.
    pub const fn unsent(&self) -> usize {
        self.output.unsent()
    }

    /// Returns how many bytes wait to be sent.
    pub const fn unsent_bytes(&self) -> usize {
        self.output.waiting_bytes()
    }

    /// Returns which end this is.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Returns the config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the randomness of a client's end, for its next connection.
    pub(crate) fn into_masks(self) -> Option<Box<dyn Random + Send + Sync>> {
        self.output.into_masks()
    }

    const fn check_open(&self) -> Result<(), SendError> {
        if self.is_open() { Ok(()) } else { Err(SendError::Closing) }
    }

    fn push(&mut self, now: Instant, opcode: Opcode, payload: Payload<'_>) -> Result<(), SendError> {
        self.now = self.now.max(now);
        self.check_open()?;
        self.output.push_message(now, &self.config, FrameHeader::new(opcode, 0), payload)
    }

    /// Notes what was read, and returns what the application is told of it.
    fn note(&mut self, item: OwnedItem) -> Option<Event> {
        match item {
            OwnedItem::Message(message) => {
                let is_taken = match message {
                    Message::Text(_) => self.config.accept_text,
                    Message::Binary(_) => self.config.accept_binary,
                };
                if is_taken {
                    return Some(Event::Message(message));
                }
                self.fail(CloseReason::Unsupported);
                None
            }
            OwnedItem::Ping(payload) => {
                if !self.output.has_closed() {
                    self.output.push_pong(self.now, &self.config, payload.clone());
                }
                Some(Event::Ping(payload))
            }
            OwnedItem::Pong(payload) => Some(Event::Pong(payload)),
            OwnedItem::Close(frame) => self.note_close(frame),
        }
    }

    fn note_close(&mut self, frame: Option<CloseFrame>) -> Option<Event> {
        let answers = self.output.has_closed();
        self.note_why(CloseReason::Peer);
        if let Some(closed) = &mut self.closed {
            if !answers {
                closed.why = CloseReason::Peer;
            }
            closed.code = frame.as_ref().map_or(Closed::NO_CODE, |frame| frame.code.get());
            closed.reason = frame.as_ref().map(|frame| frame.reason.clone()).unwrap_or_default();
            closed.is_clean = true;
        }
        // RFC 6455 §5.5.1: "When sending a Close frame in response, the endpoint typically echos the status code it received." And: "An
        // endpoint MAY delay sending a Close frame until its current message is sent": what was accepted before leaves before.
        self.output.push_close(self.now, &self.config, frame.as_ref().map(|frame| frame.code), "");
        // RFC 6455 §7.1.1: "In most normal cases, the TCP connection SHOULD be closed first by the server".
        self.end_soon(self.role == Role::Server);
        (!answers).then_some(Event::Closing(frame))
    }

    /// Tells the peer what it did wrong, and reads no more of it.
    fn fail(&mut self, why: CloseReason) {
        self.note_why(why);
        if let Some(code) = why.close_code() {
            self.output.push_close(self.now, &self.config, Some(code), &why.to_string());
        }
        self.end_soon(true);
    }

    fn end_soon(&mut self, is_first: bool) {
        self.state = State::Ending { is_first, is_alone: false };
        self.input.close();
        self.life = Life::OVER;
        // Until ours has left it is the writing that is watched.
        self.close_at = self.output.has_closed().then(|| self.now + self.config.close_timeout);
    }

    /// Notes that nothing comes any more, when all that came was read.
    fn handle_end(&mut self, end: End) {
        self.input.end(end);
        self.note_end();
    }

    fn note_end(&mut self) {
        if self.held.is_some() {
            return;
        }
        let Some(end) = self.input.take_end() else { return };
        match (end, &mut self.state) {
            (End::Flooded, State::Open | State::Closing) => self.fail(CloseReason::Flooded),
            (End::Flooded, State::Ending { .. } | State::Over) => {}
            (End::Finished, State::Ending { is_alone, .. }) if !self.output.is_written() => *is_alone = true,
            (End::Finished, _) => self.lose(CloseReason::Ended),
            (End::Reset, _) => self.lose(CloseReason::Reset),
        }
    }

    /// Ends the connection at once, for this reason if there was none before.
    fn lose(&mut self, why: CloseReason) {
        if self.state == State::Over {
            return;
        }
        self.note_why(why);
        if let Some(closed) = &mut self.closed {
            // The close frame of both was needed.
            closed.is_clean &= self.output.has_closed();
        }
        self.output.clear();
        self.input.close();
        self.life = Life::OVER;
        self.held = None;
        (self.state, self.close_at) = (State::Over, None);
    }

    /// Notes what the end begins with, if it has not begun.
    fn note_why(&mut self, why: CloseReason) {
        if self.is_open() {
            self.closed = Some(Box::new(Closed::new(why)));
        }
    }

    /// Reads until there is something to tell, or nothing is left.
    fn read_on(&mut self) -> Option<Event> {
        while let Some(read) = self.next_read() {
            let event = match read {
                Ok(item) => self.note(item),
                Err(error) => {
                    self.fail(CloseReason::Fault(error));
                    None
                }
            };
            if event.is_some() {
                return event;
            }
        }
        self.note_end();
        None
    }

    /// Returns what was read next, unless it is the end and that is to wait.
    fn next_read(&mut self) -> Option<Result<OwnedItem, Error>> {
        let waits = self.at_work && self.is_open();
        if self.held.is_some() {
            return if waits { None } else { self.held.take().map(|held| held.end) };
        }
        let end = self.input.read()?;
        if waits && matches!(end, Err(_) | Ok(OwnedItem::Close(_))) {
            self.held = Some(Box::new(Held { end, until: self.now + self.config.end_wait }));
            return None;
        }
        Some(end)
    }

    /// Tells whether something that came was not told yet.
    const fn is_held(&self) -> bool {
        self.input.is_held() || self.held.is_some()
    }

    /// Tells the end, when nothing can change it any more.
    fn tell_closed(&mut self) -> Option<Event> {
        let is_told = match self.state {
            State::Open | State::Closing => false,
            State::Ending { .. } => self.output.is_written(),
            State::Over => true,
        };
        let closed = if is_told { self.closed.take() } else { None };
        closed.map(|closed| {
            let (sent, unsent) = (self.output.closed_with(), self.output.unsent());
            Event::Closed(Closed { sent, unsent, ..*closed })
        })
    }
}

impl Protocol for Connection {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.now = self.now.max(now);
        if bytes.is_empty() {
            return;
        }
        self.life.note_heard(now, &self.config);
        self.input.push(bytes, self.config.max_unread);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.handle_end(End::Finished);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.output.has_stalled(now, &self.config) {
            return self.lose(CloseReason::WriteTimeout);
        }
        if self.close_at.is_some_and(|at| at <= now) {
            if !mem::take(&mut self.is_close_early) {
                // What began the end stands.
                return self.lose(CloseReason::Ended);
            }
            self.close_at = Some(now + self.config.close_timeout);
        }
        if self.held.as_ref().is_some_and(|held| held.until <= now) {
            self.at_work = false;
        }
        let is_held = self.is_held();
        if self.life.is_lost(now, &self.config, is_held) {
            return self.lose(CloseReason::PongTimeout);
        }
        if self.life.wants_ping(now) {
            self.output.push_own_ping(now, &self.config, b"");
            self.life.note_ping(is_held);
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let was_held = self.is_held();
        let event = self.read_on();
        if was_held && !self.is_held() {
            self.life.note_resumed();
        }
        event.or_else(|| self.tell_closed())
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        let had_closed = self.output.has_closed();
        let piece = self.output.take(self.now, &self.config);
        if self.output.has_closed() && !had_closed {
            self.close_at = Some(self.now + self.config.close_timeout);
            self.is_close_early = self.output.is_moving();
            self.life = Life::OVER;
        }
        if !self.output.has_pings() {
            self.life.note_pings_left(self.now, &self.config, self.output.is_moving());
        }
        if let State::Ending { is_alone: true, .. } = self.state
            && self.output.is_written()
        {
            self.lose(CloseReason::Ended);
        }
        piece
    }

    /// Not before all that came was taken.
    fn wants_input(&self) -> bool {
        match self.state {
            State::Open | State::Closing => self.held.is_none() && self.input.wants_more(),
            State::Ending { .. } => true,
            State::Over => false,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let held = self.held.as_ref().filter(|_| self.at_work).map(|held| held.until);
        [self.life.poll_timeout(), self.close_at, self.output.stall_at(), held].into_iter().flatten().min()
    }

    fn closing(&self) -> Closing {
        match self.state {
            State::Open | State::Closing | State::Ending { is_first: false, is_alone: false } => Closing::No,
            State::Ending { .. } => Closing::Finish,
            State::Over => Closing::Abort,
        }
    }
}

/// Without what peer and application have said.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("unread", &self.input.len())
            .field("unsent", &self.unsent())
            .field("unsent_bytes", &self.unsent_bytes())
            .finish_non_exhaustive()
    }
}

/// Has both directions compressed as was agreed.
#[cfg(feature = "deflate")]
fn compress(ends: (Reader, Output), role: Role, config: &Config, agreed: &Agreed) -> (Reader, Output) {
    let (mut reader, mut output) = ends;
    if let Some(params) = agreed.deflate {
        let deflate = config.deflate.clone().unwrap_or_default();
        let received = params.sent_by(role.peer());
        reader.set_inflater(Inflater::new(received, &deflate, config.limits.max_message));
        output.set_deflater(Deflater::new(params.sent_by(role), &deflate));
    }
    (reader, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_less_than_600_bytes() {
        assert!(size_of::<Connection>() < 600, "{}", size_of::<Connection>());
    }
}
