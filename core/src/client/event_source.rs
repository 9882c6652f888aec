use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;

use super::connect::{Route, Step};
use super::{Config, Connect, ConnectError, Event, Piece, Progress, Proxy, Reason, Restart, Source, State, Wire};
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
    source: Source,
    /// The socket of the current attempt, once it is connected.
    wire: Option<Wire>,
    /// The way of the attempt that is made or was made last.
    route: Route,
    /// When something was last handled: the time of what is decoded later.
    now: Instant,
}

impl EventSource {
    /// Returns the client of the stream that `config` describes; the first connection is due at once. The same `seed`, inputs
    /// and times give the same delays.
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        Self { source: Source::new(config, seed), wire: None, route: Route::Direct, now }
    }

    /// Returns the connection to make, when one is due and all events are taken. An older socket is to be dropped.
    /// [`poll_timeout`](Protocol::poll_timeout) has the deadline of the first step, which counts from here.
    pub fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.source.poll_request(now)?;
        let (request, config) = (self.source.request(), self.source.config());
        self.route = Route::to(&request.url, config);
        let connect = self.route.connect(self.source.attempt(), &request.url, &request.fields, config);
        self.begin(now, self.route.first_step());
        self.wire = None;
        self.now = now;
        Some(connect)
    }

    /// Notes that a step on the way to the connection is done: the deadline of the next one counts from here. What comes
    /// out of order is ignored, as is what concerns an older attempt. A driver that cannot tell the steps says
    /// [`Progress::Resolved`] at once: then [`Config::connect_timeout`] bounds all of them together.
    pub fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress) {
        if attempt != self.source.attempt() {
            return;
        }
        let Some(next) = self.route.step_after(progress, self.url().is_tls()) else { return };
        if self.source.step().is_some_and(|step| step < next) {
            self.now = now;
            self.begin(now, next);
        }
    }

    /// Tells the wall time: see [`Source::handle_clock`]. Tell it before each connection.
    pub const fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.source.handle_clock(now, unix);
    }

    /// Notes that the connection stands, with all its steps done. One of an older attempt is ignored: drop it.
    pub fn handle_connected(&mut self, now: Instant, attempt: u64) {
        if attempt != self.source.attempt() || !self.source.is_connecting() {
            return;
        }
        self.now = now;
        self.source.handle_connected(now);
        let (request, config) = (self.source.request(), self.source.config());
        let head = self.route.head(request.head(), &request.url, config);
        self.wire = Some(Wire::with_head(&head, request.body.as_ref(), config.head_limits));
    }

    /// Notes that the connection could not be made. That of an older attempt is ignored.
    pub fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError) {
        if attempt != self.source.attempt() || !self.source.is_connecting() {
            return;
        }
        self.now = now;
        let proxy = self.route.proxy().map(Proxy::authority);
        let is_proxys = matches!(error, ConnectError::ProxyRefused { .. })
            || self.source.step().is_some_and(|step| step <= Step::Connect);
        let error = match proxy {
            Some(proxy) if is_proxys => ConnectError::Proxy { proxy, error: Box::new(error) },
            _ => error,
        };
        self.source.handle_failure(now, Reason::Connect(error));
    }

    /// Notes that reading or writing failed. What was received before still counts.
    pub fn handle_reset(&mut self, now: Instant) {
        if let Some(wire) = &mut self.wire {
            self.now = now;
            wire.handle_reset();
            self.look();
        }
    }

    /// Drops the connection, if there is one, and connects again; a no-op after the end. Told as [`Event::Disconnected`]
    /// unless there was nothing to drop.
    ///
    /// What was received and not decoded yet is dropped too: the server sends it again, if it can.
    pub fn restart(&mut self, now: Instant, restart: Restart) {
        self.now = now;
        self.source.restart(now, restart);
        self.settle();
    }

    /// Ends it all, told as [`Event::Closed`]; a no-op after the end. What was received and not decoded yet is dropped.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        self.source.close();
        self.settle();
    }

    /// Returns how far the client is.
    pub const fn state(&self) -> State {
        self.source.state()
    }

    /// Returns the last event ID: that of the last message taken.
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }

    /// Returns how many connections were asked for.
    pub const fn attempt(&self) -> u64 {
        self.source.attempt()
    }

    /// Returns how many failures in a row there were.
    pub const fn failures(&self) -> u32 {
        self.source.failures()
    }

    /// Returns how the last attempt failed or connection ended: see [`Source::last_error`].
    pub fn last_error(&self) -> Option<&Reason> {
        self.source.last_error()
    }

    /// Returns when the next attempt begins, while it is waited for.
    pub const fn retry_at(&self) -> Option<Instant> {
        self.source.retry_at()
    }

    /// Returns the reconnection time: the server's, else the configured base.
    pub fn reconnection_time(&self) -> Duration {
        self.source.reconnection_time()
    }

    /// Returns the head of the response that the last event came over, or that of the stream now open.
    pub fn response(&self) -> Option<&ResponseHead> {
        self.source.response()
    }

    /// Returns where the last request went, after redirects.
    pub const fn url(&self) -> &Url {
        self.source.url()
    }

    /// Returns the configuration to change, such as a token that runs out: see [`Source::config_mut`].
    pub const fn config_mut(&mut self) -> &mut Config {
        self.source.config_mut()
    }

    /// Returns the machine that decides.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Begins a step of connecting.
    fn begin(&mut self, now: Instant, step: Step) {
        let proxy = self.route.proxy().filter(|_| step <= Step::Connect);
        self.source.handle_step(now, step, proxy.map(Proxy::authority));
    }

    /// Decodes as long as that yields no event of the stream, so that the state is up to date.
    fn look(&mut self) {
        while !self.waits_undecoded() && self.step().is_some() {}
    }

    /// Decodes the next piece of the response, if there is one; returns the event of the stream that was in it, if there was.
    fn step(&mut self) -> Option<Option<Event>> {
        let wire = self.wire.as_mut()?;
        let mut event = None;
        match wire.piece()? {
            Piece::Body(bytes) => {
                let (used, found) = self.source.read(self.now, bytes);
                wire.consume(used);
                event = found;
            }
            Piece::Head(head) => self.source.handle_head(self.now, head),
            Piece::End(Ok(())) => self.source.handle_end(self.now),
            Piece::End(Err(reason)) => self.source.handle_failure(self.now, reason),
        }
        self.settle();
        Some(event)
    }

    /// Forgets the connection when it is not wanted.
    fn settle(&mut self) {
        if !self.source.is_attempting() {
            self.wire = None;
        }
    }

    /// Whether there may be events of the stream that nobody has asked for.
    fn waits_undecoded(&self) -> bool {
        self.source.state() == State::Open && self.wire.as_ref().is_some_and(Wire::has_input)
    }
}

impl Protocol for EventSource {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        // No byte is no sign of life.
        if bytes.is_empty() {
            return;
        }
        if let Some(wire) = &mut self.wire {
            self.now = now;
            self.source.handle_activity(now);
            wire.handle_input(now, bytes);
            self.look();
        }
    }

    fn handle_eof(&mut self, now: Instant) {
        if let Some(wire) = &mut self.wire {
            self.now = now;
            wire.handle_eof(now);
            self.look();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.now = now;
            self.source.handle_timeout(now);
            self.settle();
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.source.poll_event() {
                return Some(event);
            }
            let event = self.step()?;
            if event.is_some() {
                return event;
            }
        }
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.wire.as_mut()?.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.waits_undecoded() { self.source.poll_last_timeout() } else { self.source.poll_timeout() }
    }

    fn closing(&self) -> Closing {
        if self.source.is_attempting() { Closing::No } else { Closing::Abort }
    }
}
