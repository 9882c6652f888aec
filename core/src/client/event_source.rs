use core::time::Duration;

use bytes::Bytes;

use super::dialer::Dialer;
use super::{Config, Connect, ConnectError, Event, Piece, Progress, Reason, Restart, Source, State, Wire};
use crate::http::{ResponseHead, Url};
use crate::{Closing, Instant, Protocol, UnixTime};

/// A reconnecting client of an event stream over HTTP/1.1: what a driver with sockets runs.
///
/// One after the other it uses as many sockets as it takes: [`poll_connect`](Self::poll_connect) asks for one, the methods of
/// [`Protocol`] carry it, and once [`closing`](Protocol::closing) is [`Abort`](Closing::Abort) it is to be dropped. The
/// [module](super) shows the loop.
///
/// What is received is decoded event by event when [`poll_event`](Protocol::poll_event) is called. Until it returns `None`
/// nothing more should be read: then what waits undecoded is never more than one read, and an application that takes its
/// time slows the server down. While anything waits, the stream is not silent: [`Config::read_timeout`] stands still.
///
/// ```
/// use tidewire_core::client::{Config, Event, EventSource, Peer};
/// use tidewire_core::http::Url;
/// use tidewire_core::{Instant, Protocol};
///
/// let now = Instant::START;
/// let config = Config::new(Url::parse("http://localhost:8080/events")?);
/// let mut client = EventSource::new(config, 1, now);
///
/// let connect = client.poll_connect(now).expect("the first connection is due at once");
/// assert_eq!(connect.peer, Peer::Tcp { host: "localhost".into(), port: 8080 });
/// client.handle_connected(now, connect.attempt);
/// assert!(client.poll_transmit().is_some_and(|request| request.starts_with(b"GET /events HTTP/1.1\r\n")));
///
/// client.handle_input(now, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: hello\n\n");
/// assert!(matches!(client.poll_event(), Some(Event::Opened { status: 200, .. })));
/// assert!(matches!(client.poll_event(), Some(Event::Message(message)) if message.data() == "hello"));
///
/// client.handle_eof(now);
/// let Some(Event::Disconnected { retry_at, .. }) = client.poll_event() else { panic!() };
/// assert_eq!(client.poll_timeout(), Some(retry_at));
/// # Ok::<(), tidewire_core::http::UrlError>(())
/// ```
#[derive(Debug)]
pub struct EventSource {
    dialer: Dialer,
}

impl EventSource {
    /// Returns the client of the stream that `config` describes; the first connection is due at once. The same `seed`, inputs
    /// and times give the same delays.
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        Self { dialer: Dialer::new(Source::new(config, seed), now) }
    }

    /// Returns the connection to make, when one is due and all events are taken. An older socket is to be dropped.
    /// [`poll_timeout`](Protocol::poll_timeout) has the deadline of the first step, which counts from here.
    pub fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.dialer.poll_connect(now)
    }

    /// Notes that a step on the way to the connection is done: the deadline of the next one counts from here. What comes
    /// out of order is ignored, as is what concerns an older attempt. A driver that cannot tell the steps says
    /// [`Progress::Resolved`] at once: then [`Config::connect_timeout`] bounds all of them together.
    pub fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress) {
        self.dialer.handle_progress(now, attempt, progress);
    }

    /// Tells the wall time: see [`Source::handle_clock`]. Tell it before each connection.
    pub const fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.dialer.source.handle_clock(now, unix);
    }

    /// Notes that the connection stands, with all its steps done. One of an older attempt is ignored: drop it.
    pub fn handle_connected(&mut self, now: Instant, attempt: u64) {
        self.dialer.handle_connected(now, attempt);
    }

    /// Notes that the connection could not be made. That of an older attempt is ignored.
    pub fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError) {
        self.dialer.handle_connect_failed(now, attempt, error);
    }

    /// Notes that reading or writing failed. What was received before still counts.
    pub fn handle_reset(&mut self, now: Instant) {
        if let Some(wire) = &mut self.dialer.wire {
            self.dialer.now = now;
            wire.handle_reset();
            self.look();
        }
    }

    /// Drops the connection, if there is one, and connects again; a no-op after the end. Told as [`Event::Disconnected`]
    /// unless there was nothing to drop.
    ///
    /// What was received and not decoded yet is dropped too: the server sends it again, if it can.
    pub fn restart(&mut self, now: Instant, restart: Restart) {
        self.dialer.now = now;
        self.dialer.source.restart(now, restart);
        self.dialer.settle();
    }

    /// Ends it all, told as [`Event::Closed`]; a no-op after the end. What was received and not decoded yet is dropped.
    pub fn close(&mut self, now: Instant) {
        self.dialer.now = now;
        self.dialer.source.close();
        self.dialer.settle();
    }

    /// Returns how far the client is.
    pub const fn state(&self) -> State {
        self.dialer.source.state()
    }

    /// Returns the last event ID: that of the last message taken.
    pub fn last_event_id(&self) -> &str {
        self.dialer.source.last_event_id()
    }

    /// Returns how many connections were asked for.
    pub const fn attempt(&self) -> u64 {
        self.dialer.source.attempt()
    }

    /// Returns how many failures in a row there were.
    pub const fn failures(&self) -> u32 {
        self.dialer.source.failures()
    }

    /// Returns how the last attempt failed or connection ended: see [`Source::last_error`].
    pub fn last_error(&self) -> Option<&Reason> {
        self.dialer.source.last_error()
    }

    /// Returns when the next attempt begins, while it is waited for.
    pub const fn retry_at(&self) -> Option<Instant> {
        self.dialer.source.retry_at()
    }

    /// Returns the reconnection time: the server's, else the configured base.
    pub fn reconnection_time(&self) -> Duration {
        self.dialer.source.reconnection_time()
    }

    /// Returns the head of the response that the last event came over, or that of the stream now open.
    pub fn response(&self) -> Option<&ResponseHead> {
        self.dialer.source.response()
    }

    /// Returns where the last request went, after redirects.
    pub const fn url(&self) -> &Url {
        self.dialer.source.url()
    }

    /// Returns the configuration to change, such as a token that runs out: see [`Source::config_mut`].
    pub const fn config_mut(&mut self) -> &mut Config {
        self.dialer.source.config_mut()
    }

    /// Returns the machine that decides.
    pub const fn source(&self) -> &Source {
        &self.dialer.source
    }

    /// Decodes as long as that yields no event of the stream, so that the state is up to date.
    fn look(&mut self) {
        while !self.waits_undecoded() && self.step().is_some() {}
    }

    /// Decodes the next piece of the response, if there is one; returns the event of the stream that was in it, if there was.
    fn step(&mut self) -> Option<Option<Event>> {
        let wire = self.dialer.wire.as_mut()?;
        let mut event = None;
        match wire.piece()? {
            Piece::Body(bytes) => {
                let (used, found) = self.dialer.source.read(self.dialer.now, bytes);
                wire.consume(used);
                event = found;
            }
            Piece::Head(head) => self.dialer.source.handle_head(self.dialer.now, head),
            Piece::End(Ok(())) => self.dialer.source.handle_end(self.dialer.now),
            Piece::End(Err(reason)) => self.dialer.source.handle_failure(self.dialer.now, reason),
        }
        self.dialer.settle();
        Some(event)
    }

    /// Whether there may be events of the stream that nobody has asked for.
    fn waits_undecoded(&self) -> bool {
        self.dialer.source.state() == State::Open && self.dialer.wire.as_ref().is_some_and(Wire::has_input)
    }
}

impl Protocol for EventSource {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        // No byte is no sign of life.
        if bytes.is_empty() {
            return;
        }
        if let Some(wire) = &mut self.dialer.wire {
            self.dialer.now = now;
            self.dialer.source.handle_activity(now);
            wire.handle_input(now, bytes);
            self.look();
        }
    }

    fn handle_eof(&mut self, now: Instant) {
        if let Some(wire) = &mut self.dialer.wire {
            self.dialer.now = now;
            wire.handle_eof(now);
            self.look();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.dialer.now = now;
            self.dialer.source.handle_timeout(now);
            self.dialer.settle();
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.dialer.source.poll_event() {
                return Some(event);
            }
            let event = self.step()?;
            if event.is_some() {
                return event;
            }
        }
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.dialer.wire.as_mut()?.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.waits_undecoded() { self.dialer.source.poll_last_timeout() } else { self.dialer.source.poll_timeout() }
    }

    fn closing(&self) -> Closing {
        if self.dialer.source.is_attempting() { Closing::No } else { Closing::Abort }
    }
}
