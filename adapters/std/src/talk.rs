use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::Bytes;
use tidewire_core::client::{
    Change, Connect, ConnectError, Progress, Reconnect, Restart, SendError, Source, WebSocket, WebSocketEvent,
};
use tidewire_core::ws::{self, CloseCode, MAX_CONTROL, Message};
use tidewire_core::{Closing, Instant, Protocol, UnixTime};

use crate::waiters::{Waiters, block_on};
use crate::{Clock, Handle};

/// The machine of a reconnecting WebSocket, which takes what its [`Sender`]s have said: for the drivers.
pub struct Talk {
    machine: WebSocket,
    line: Arc<Line>,
    clock: Clock,
    /// Whether it is to be closed when what the senders have said is said.
    closes: bool,
}

impl Talk {
    /// Lets senders speak to `machine`, which is told the time of `clock`.
    pub fn new(machine: WebSocket, clock: Clock) -> Self {
        let line = Line { any: AtomicBool::new(false), state: Mutex::default() };
        Self { machine, line: Arc::new(line), clock, closes: false }
    }

    /// Returns the machine alone.
    pub const fn machine(&self) -> &WebSocket {
        &self.machine
    }

    /// Returns the machine alone.
    pub const fn machine_mut(&mut self) -> &mut WebSocket {
        &mut self.machine
    }

    /// Returns a sender, which rings by the driver's `handle`.
    pub fn sender(&self, handle: Handle) -> Sender {
        Sender { line: Arc::clone(&self.line), handle }
    }

    /// Sends a message behind those of the senders.
    ///
    /// # Errors
    ///
    /// When it was not taken.
    pub fn send(&mut self, message: &Message) -> Result<(), SendError> {
        self.feed();
        if !self.line.lock().queue.is_empty() {
            return Err(FULL);
        }
        self.machine.send(self.clock.now(), message)
    }

    /// Begins to close it, behind what the senders have said as far as there is room for that.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close_with`].
    pub fn close_with(&mut self, code: CloseCode, reason: &str) -> Result<(), ws::SendError> {
        self.feed();
        self.machine.close_with(self.clock.now(), Some(code), reason)
    }

    /// Sends a ping.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::ping`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.machine.ping(self.clock.now(), payload)
    }

    /// Tells whether all that was accepted is written to the socket.
    pub fn is_written(&mut self) -> bool {
        self.feed();
        self.line.lock().queue.is_empty() && self.machine.connection().is_none_or(ws::Connection::is_written)
    }

    /// Moves what the senders have said to the machine, as far as it takes it.
    fn feed(&mut self) {
        // An idle connection pays a look at an atomic.
        if !self.line.any.load(Ordering::Acquire) {
            return;
        }
        let now = self.clock.now();
        let mut state = self.line.lock();
        while let Some(said) = state.queue.front() {
            let taken = match said {
                Said::Message(message) => self.machine.send(now, message),
                Said::Ping(payload) => self.machine.ping(now, payload),
            };
            match taken {
                Ok(()) => {}
                // A message that is not taken any more counts as unsent when the end is told.
                Err(SendError::Connection(ws::SendError::Full { .. })) => break,
                Err(_) if matches!(said, Said::Message(_)) => break,
                Err(_) => {}
            }
            let len = state.queue.pop_front().as_ref().map_or(0, Said::len);
            state.bytes -= len;
        }
        if state.queue.is_empty() {
            state.queue = VecDeque::new();
            self.line.any.store(false, Ordering::Release);
            if self.closes {
                self.machine.close(now);
            }
        }
        let woken = state.room().is_ok().then(|| state.waiters.take());
        drop(state);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// Tells the senders what an event changed, and the event what of theirs was not sent.
    fn note(&self, event: &mut WebSocketEvent) {
        let (phase, unsent) = match event {
            WebSocketEvent::Opened(_) => (Phase::Open, None),
            WebSocketEvent::Disconnected { unsent, .. } => (Phase::NotOpen, Some(unsent)),
            WebSocketEvent::Closed { unsent, .. } => (Phase::Over, Some(unsent)),
            _ => return,
        };
        let mut state = self.line.lock();
        state.phase = phase;
        if let Some(unsent) = unsent {
            *unsent += state.queue.iter().filter(|said| matches!(said, Said::Message(_))).count();
            (state.queue, state.bytes) = (VecDeque::new(), 0);
            self.line.any.store(false, Ordering::Release);
        }
        let woken = state.waiters.take();
        drop(state);
        woken.for_each(Waker::wake);
    }
}

impl Protocol for Talk {
    type Event = WebSocketEvent;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.machine.handle_input(now, bytes);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.machine.handle_eof(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }

    fn poll_event(&mut self) -> Option<WebSocketEvent> {
        let mut event = self.machine.poll_event()?;
        self.note(&mut event);
        if self.closes && matches!(event, WebSocketEvent::Disconnected { .. }) {
            // Nothing is left to be said first.
            self.machine.close(self.clock.now());
        }
        Some(event)
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.feed();
        self.machine.poll_transmit()
    }

    fn wants_input(&self) -> bool {
        self.machine.wants_input()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    fn closing(&self) -> Closing {
        self.machine.closing()
    }
}

impl Reconnect for Talk {
    fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.machine.poll_connect(now)
    }

    fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress) {
        self.machine.handle_progress(now, attempt, progress);
    }

    fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.machine.handle_clock(now, unix);
    }

    fn handle_connected(&mut self, now: Instant, attempt: u64) {
        self.machine.handle_connected(now, attempt);
    }

    fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError) {
        self.machine.handle_connect_failed(now, attempt, error);
    }

    fn handle_reset(&mut self, now: Instant) {
        self.machine.handle_reset(now);
    }

    fn restart(&mut self, now: Instant, restart: Restart) {
        self.machine.restart(now, restart);
    }

    /// What the senders had said before is said before the close, which waits for room for it.
    fn close(&mut self, now: Instant) {
        self.feed();
        self.closes = true;
        if self.line.lock().queue.is_empty() {
            self.machine.close(now);
        }
    }

    fn source(&self) -> &Source {
        self.machine.source()
    }

    fn change(event: &WebSocketEvent) -> Option<Change<'_>> {
        WebSocket::change(event)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        *state = LineState { phase: Phase::Over, waiters: std::mem::take(&mut state.waiters), ..LineState::default() };
        let woken = state.waiters.take();
        drop(state);
        woken.for_each(Waker::wake);
    }
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, line, .. } = self;
        f.debug_struct("Talk").field("machine", machine).field("said", &line.lock().queue.len()).finish_non_exhaustive()
    }
}

/// Sends on a WebSocket from any task or thread, also while its `next()` waits; clones are equals.
///
/// What is accepted goes out on the connection that is open; what of it had not left when that ends is counted where the end is told
/// ([`WebSocketEvent::Disconnected`]). Nothing is kept for the next connection. 256 messages wait at most, or 64 KiB of them and the
/// one that reaches beyond. Nothing goes out unless somebody awaits the WebSocket's `next()`.
#[derive(Clone)]
pub struct Sender {
    line: Arc<Line>,
    handle: Handle,
}

impl Sender {
    /// Waits until there is room, and has the message sent: it is accepted, and on its way. When the wait is given up it never is.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] at once when no connection is open, and when that ends before there is room; [`SendError::Over`].
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut said = Some(Said::Message(message.into()));
        self.wait(|state| match state.room() {
            Err(FULL) => None,
            Err(error) => Some(Err(error)),
            Ok(()) => {
                self.line.accept(state, said.take()?);
                Some(Ok(()))
            }
        })
        .await?;
        self.handle.ring();
        Ok(())
    }

    /// Does what [`send`](Self::send) does, on a thread that may block.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_blocking(&self, message: impl Into<Message>) -> Result<(), SendError> {
        block_on(self.send(message))
    }

    /// Has the message sent, without waiting.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ws::SendError::Full`] where that waits.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.say(Said::Message(message.into()))
    }

    /// Sends a ping with at most 125 bytes, without waiting; they come back with [`WebSocketEvent::Pong`].
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send), and when it is too long.
    pub fn ping(&self, payload: &[u8]) -> Result<(), SendError> {
        if payload.len() > MAX_CONTROL {
            return Err(SendError::Connection(ws::SendError::TooLong { limit: MAX_CONTROL }));
        }
        self.say(Said::Ping(Bytes::copy_from_slice(payload)))
    }

    /// Waits until a connection is open; false when it is over.
    pub async fn opened(&self) -> bool {
        self.wait(|state| match state.phase {
            Phase::NotOpen => None,
            Phase::Open => Some(true),
            Phase::Over => Some(false),
        })
        .await
    }

    /// Returns the handle to close, restart and watch the WebSocket.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    fn say(&self, said: Said) -> Result<(), SendError> {
        let mut state = self.line.lock();
        state.room()?;
        self.line.accept(&mut state, said);
        drop(state);
        self.handle.ring();
        Ok(())
    }

    /// Waits until `look` sees something; giving up leaves nothing behind.
    async fn wait<T>(&self, mut look: impl FnMut(&mut LineState) -> Option<T>) -> T {
        let mut waiting = Waiting { line: &self.line, id: None };
        poll_fn(|context| {
            let mut state = waiting.line.lock();
            match look(&mut state) {
                Some(seen) => Poll::Ready(seen),
                None => {
                    state.waiters.wait(&mut waiting.id, context);
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("said", &self.line.lock().queue.len()).finish_non_exhaustive()
    }
}

/// What lies between the senders and the machine.
struct Line {
    /// Whether anything waits: a look at it is all that a driver pays.
    any: AtomicBool,
    state: Mutex<LineState>,
}

impl Line {
    /// Nothing that holds the lock panics, so what a poisoned lock guards is whole.
    fn lock(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, state: &mut LineState, said: Said) {
        state.bytes += said.len();
        state.queue.push_back(said);
        self.any.store(true, Ordering::Release);
    }
}

#[derive(Default)]
struct LineState {
    phase: Phase,
    queue: VecDeque<Said>,
    bytes: usize,
    waiters: Waiters,
}

impl LineState {
    fn room(&self) -> Result<(), SendError> {
        match self.phase {
            Phase::NotOpen => Err(SendError::NotOpen),
            Phase::Over => Err(SendError::Over),
            Phase::Open if self.queue.len() >= MAX_MESSAGES || self.bytes >= MAX_BYTES => Err(FULL),
            Phase::Open => Ok(()),
        }
    }
}

/// Whether there is a connection, as the application was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    NotOpen,
    Open,
    Over,
}

enum Said {
    Message(Message),
    Ping(Bytes),
}

impl Said {
    fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Ping(payload) => payload.len(),
        }
    }
}

/// A wait that is given up leaves.
struct Waiting<'a> {
    line: &'a Line,
    id: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.line.lock().waiters.leave(self.id);
        }
    }
}

/// Messages, and bytes of them, that may wait before the next one has to.
const MAX_MESSAGES: usize = 256;
const MAX_BYTES: usize = 64 << 10;

const FULL: SendError = SendError::Connection(ws::SendError::Full { limit: MAX_MESSAGES });

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use tidewire_core::SplitMix64;
    use tidewire_core::client::WebSocketConfig;
    use tidewire_core::http::{HeadLimits, HeadReader, RequestHead};

    use super::*;
    use crate::Control;

    const NOW: Instant = Instant::START;

    /// A machine of which so many messages wait at most, and a sender.
    fn talk(max_queued: usize) -> (Talk, Sender, Control) {
        let mut config = WebSocketConfig::new("ws://localhost/".parse().expect("a URL"));
        config.connection_mut().max_queued_frames = max_queued;
        let clock = Clock::start();
        let machine = WebSocket::new(config, Box::new(SplitMix64::new(1)), NOW);
        let talk = Talk::new(machine, clock);
        let control = Control::new(talk.source(), clock);
        let sender = talk.sender(control.handle());
        (talk, sender, control)
    }

    fn open(talk: &mut Talk) {
        let attempt = talk.poll_connect(NOW).expect("is due").attempt;
        talk.handle_connected(NOW, attempt);
        let request = talk.poll_transmit().expect("a request");
        let head = HeadReader::<RequestHead>::new(HeadLimits::default()).feed(&request);
        let (head, _) = head.expect("is one").expect("is whole");
        let accepted = ws::Upgrade::of(&head).expect("is one").accept(None, &ws::Config::default());
        let mut answer = Vec::new();
        accepted.expect("no subprotocol").into_head().encode(&mut answer);
        talk.handle_input(NOW, &answer);
        assert!(matches!(talk.poll_event(), Some(WebSocketEvent::Opened(_))));
    }

    #[test]
    fn what_waits_when_a_connection_ends_is_not_sent_and_counted() {
        let (mut talk, sender, _control) = talk(2);
        assert_eq!(sender.try_send("early"), Err(SendError::NotOpen));
        open(&mut talk);
        for number in 0..5 {
            sender.try_send(number.to_string()).expect("has room");
        }
        sender.ping(b"is none").expect("has room");
        // Two have left, perhaps; three wait for the machine, or in it.
        assert!(talk.poll_transmit().is_some());
        assert!(!talk.is_written());
        talk.handle_reset(NOW);
        let event = talk.poll_event();
        assert!(matches!(event, Some(WebSocketEvent::Disconnected { unsent: 5, .. })), "{event:?}");
        assert_eq!(sender.try_send("late"), Err(SendError::NotOpen));
        talk.close(NOW);
        assert!(matches!(talk.poll_event(), Some(WebSocketEvent::Closed { unsent: 0, .. })));
        assert_eq!(sender.try_send("later"), Err(SendError::Over));
    }

    #[test]
    fn so_many_messages_wait_or_so_many_bytes_and_one_message_more() {
        for (message, most) in [("x".to_owned(), 256), ("x".repeat(30_000), 3)] {
            let (mut talk, sender, _control) = talk(1);
            open(&mut talk);
            let accepted = (0..1000).take_while(|_| sender.try_send(&*message).is_ok()).count();
            assert_eq!(accepted, most);
            assert_eq!(sender.try_send("x"), Err(FULL));
            let waiting = sender.send("the last");
            let mut waiting = pin!(waiting);
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            while talk.poll_transmit().is_some() {}
            assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(())));
        }
    }

    #[test]
    fn a_message_of_the_application_stands_behind_those_of_senders() {
        let (mut talk, sender, _control) = talk(1);
        open(&mut talk);
        for _ in 0..2 {
            sender.try_send("first").expect("has room");
        }
        assert_eq!(talk.send(&"second".into()), Err(FULL));
        while talk.poll_transmit().is_some() {}
        assert!(talk.send(&"second".into()).is_ok());
    }

    #[test]
    fn whatever_is_said_has_the_driver_look() {
        let (mut talk, sender, control) = talk(4);
        open(&mut talk);
        let context = Context::from_waker(Waker::noop());
        let rung = || control.watch(&context, talk.source());
        assert!(!rung());
        sender.try_send("one").expect("has room");
        assert!(rung() && !rung());
        sender.ping(b"two").expect("has room");
        assert!(rung() && !rung());
        let mut context_of_sender = Context::from_waker(Waker::noop());
        let mut sending = Box::pin(sender.send("three"));
        assert_eq!(sending.as_mut().poll(&mut context_of_sender), Poll::Ready(Ok(())));
        assert!(rung() && !rung());
    }

    #[test]
    fn who_waits_hears_that_it_opens_and_that_it_is_over() {
        let (mut talk, sender, _control) = talk(1);
        let mut context = Context::from_waker(Waker::noop());
        let mut opening = Box::pin(sender.opened());
        assert!(opening.as_mut().poll(&mut context).is_pending());
        open(&mut talk);
        assert_eq!(opening.as_mut().poll(&mut context), Poll::Ready(true));
        drop(talk);
        let mut opening = Box::pin(sender.opened());
        assert_eq!(opening.as_mut().poll(&mut context), Poll::Ready(false));
    }
}
