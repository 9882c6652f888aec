//! The reconnecting client of a WebSocket.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::mem;

use bytes::Bytes;

use super::dialer::Dialer;
use super::{Config, Connect, ConnectError, Event, Piece, Progress, Reason, Restart, Source, State};
use crate::http::{ResponseHead, Url};
use crate::ws::{self, CloseCode, Closed, Message};
use crate::{Closing, Instant, Protocol, Random, UnixTime};

mod close_codes;
mod config;
mod event;
mod hook;
mod reconnect;
mod send;
mod upgrade;

pub use close_codes::CloseCodes;
pub use config::WebSocketConfig;
pub use event::{Opened, WebSocketEvent};
pub use hook::OpenHook;
pub use send::SendError;
#[cfg(feature = "json")]
pub use send::SendJsonError;

pub(super) use upgrade::Upgrade;

/// A reconnecting client of a WebSocket: what a driver with sockets runs.
///
/// It goes from connection to connection as an [`EventSource`](super::EventSource) does, and is driven like one: redirects, refusals,
/// proxies, delays, deadlines and hooks are the same. What an open connection does is that of [`ws::Connection`].
///
/// - Messages are sent on the connection that is open, never kept for the next one: a server that has forgotten who was there would
///   take them for something else. What belongs on each connection, such as subscriptions, is said by
///   [`WebSocketConfig::on_open`]; what had been accepted and did not leave is counted where the connection's end is told.
/// - After the server closes with a code of [`WebSocketConfig::come_back`], after a lost connection, and after a ping that was not
///   answered there is another attempt; otherwise it is over. A connection that delivered a message, or stayed open as
///   [`backoff::Config::reset_after`](crate::backoff::Config::reset_after) says, was healthy: the delays start over.
/// - The end of a connection is told when its socket is done with, so that the last frames leave.
///
/// ```
/// use tidewire_core::client::{Peer, WebSocket, WebSocketConfig, WebSocketEvent};
/// use tidewire_core::http::{RequestHead, HeadLimits, HeadReader, Url};
/// use tidewire_core::{Instant, Protocol, SplitMix64, ws};
///
/// let now = Instant::START;
/// let config = WebSocketConfig::new(Url::parse("ws://localhost:8080/chat")?);
/// // Masks must be unpredictable: outside of tests, use the system's randomness.
/// let mut client = WebSocket::new(config, Box::new(SplitMix64::new(1)), now);
///
/// let connect = client.poll_connect(now).expect("the first connection is due at once");
/// assert_eq!(connect.peer, Peer::Tcp { host: "localhost".into(), port: 8080 });
/// client.handle_connected(now, connect.attempt);
/// let request = client.poll_transmit().expect("a request");
///
/// // The server's part.
/// let (head, _) = HeadReader::<RequestHead>::new(HeadLimits::default()).feed(&request)?.expect("a whole head");
/// let accepted = ws::Upgrade::of(&head)?.accept(None, &ws::Config::default())?;
/// let mut answer = Vec::new();
/// accepted.into_head().encode(&mut answer);
/// answer.extend_from_slice(b"\x81\x05hello");
///
/// client.handle_input(now, &answer);
/// assert!(matches!(client.poll_event(), Some(WebSocketEvent::Opened(_))));
/// assert_eq!(client.poll_event(), Some(WebSocketEvent::Message("hello".into())));
/// client.send_text(now, "hello yourself")?;
/// assert!(client.poll_transmit().is_some());
///
/// client.handle_reset(now);
/// let Some(WebSocketEvent::Disconnected { retry_at, .. }) = client.poll_event() else { panic!() };
/// assert_eq!(client.poll_timeout(), Some(retry_at));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WebSocket {
    dialer: Dialer,
    /// The open connection.
    connection: Option<Box<ws::Connection>>,
    /// How it ended, while the last of it leaves.
    over: Option<Box<Closed>>,
    on_open: Option<OpenHook>,
    /// What the hook said that the connection has not taken yet.
    first: VecDeque<Message>,
    /// To be told.
    opened: Option<Box<Opened>>,
    /// How many connections were open.
    openings: u64,
    /// What did not leave on the connection whose end is to be told.
    unsent: usize,
    /// Whether the application closed it.
    is_closing: bool,
    /// How the connection ended that the application closed.
    farewell: Option<Box<Closed>>,
}

impl WebSocket {
    /// Returns the client of the WebSocket that `config` describes; the first connection is due at once. `random` gives the masks, so it
    /// is to be unpredictable (RFC 6455 §5.3), the keys, and the seed of the delays. The same randomness, inputs and times give
    /// the same delays.
    pub fn new(config: WebSocketConfig, mut random: Box<dyn Random + Send + Sync>, now: Instant) -> Self {
        let WebSocketConfig { http, protocols, token, connection, come_back, on_open } = config;
        let seed = random.next_u64();
        let upgrade = Upgrade::new(protocols, token, connection, come_back, random);
        Self {
            dialer: Dialer::new(Source::with_upgrade(http, seed, Some(Box::new(upgrade))), now),
            connection: None,
            over: None,
            on_open,
            first: VecDeque::new(),
            opened: None,
            openings: 0,
            unsent: 0,
            is_closing: false,
            farewell: None,
        }
    }

    /// Returns the connection to make, when one is due and all events are taken. An older socket is to be dropped.
    /// [`poll_timeout`](Protocol::poll_timeout) has the deadline of the first step, which counts from here.
    pub fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.dialer.poll_connect(now)
    }

    /// Notes that a step on the way to the connection is done: see
    /// [`EventSource::handle_progress`](super::EventSource::handle_progress).
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
        if let Some(connection) = &mut self.connection {
            self.dialer.now = now;
            connection.handle_reset(now);
        } else if let Some(wire) = &mut self.dialer.wire {
            self.dialer.now = now;
            wire.handle_reset();
            self.read_response();
        }
    }

    /// Drops the connection, if there is one, and connects again; a no-op after the end. Told as
    /// [`WebSocketEvent::Disconnected`] unless there was nothing to drop.
    ///
    /// What was received and not told yet is dropped too. The server is not told: it sees the connection end.
    pub fn restart(&mut self, now: Instant, restart: Restart) {
        self.dialer.now = now;
        if self.is_closing {
            return;
        }
        self.dialer.source.restart(now, restart);
        self.settle();
    }

    /// Ends it all with close code 1000: see [`close_with`](Self::close_with).
    pub fn close(&mut self, now: Instant) {
        // Neither code nor reason can be wrong.
        let _ = self.close_with(now, Some(CloseCode::NORMAL), "");
    }

    /// Ends it all, told as [`WebSocketEvent::Closed`]; a no-op after the end. An open connection is closed by a close frame with `code`
    /// and `reason`: what waits to be sent goes before it (of the messages of the [hook](OpenHook) those that had room; the others count as
    /// unsent), what the server still sends is told, and the end comes when the server has answered, at the latest after
    /// [`ws::Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// When a connection is open, and code and reason cannot be sent: nothing happens. Without a connection nobody is told them, and they
    /// are not looked at.
    pub fn close_with(&mut self, now: Instant, code: Option<CloseCode>, reason: &str) -> Result<(), ws::SendError> {
        self.dialer.now = now;
        let Some(connection) = &mut self.connection else {
            self.dialer.source.close();
            self.dialer.settle();
            return Ok(());
        };
        match connection.close(now, code, reason) {
            // It closes already.
            Ok(()) | Err(ws::SendError::Closing) => self.is_closing = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Returns how far the client is. It stays open while the connection is being closed.
    pub const fn state(&self) -> State {
        self.dialer.source.state()
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

    /// Returns the head of the response that the last event came over, or that of the connection now open.
    pub fn response(&self) -> Option<&ResponseHead> {
        self.dialer.source.response()
    }

    /// Returns where the last request went, after redirects.
    pub const fn url(&self) -> &Url {
        self.dialer.source.url()
    }

    /// Returns the subprotocol of the open connection, if one was chosen.
    pub fn protocol(&self) -> Option<&str> {
        self.connection.as_ref()?;
        self.dialer.source.web_socket()?.agreed().protocol()
    }

    /// Returns the configuration of the requests to change, such as a token that runs out: see [`Source::config_mut`].
    pub const fn config_mut(&mut self) -> &mut Config {
        self.dialer.source.config_mut()
    }

    /// Changes what is offered as a subprotocol, and is a secret, from the next attempt on: [`WebSocketConfig::token`].
    pub fn set_token(&mut self, token: Option<Box<str>>) {
        if let Some(upgrade) = self.dialer.source.web_socket_mut() {
            upgrade.token = token;
        }
    }

    /// Returns how the connection ended that the application closed, once it has: whether the server answered
    /// ([`Closed::is_clean`]), which says that it has read all that went before; and with what.
    pub fn farewell(&self) -> Option<&Closed> {
        self.farewell.as_deref()
    }

    /// Returns the open connection: what waits to be sent, and how it does.
    pub fn connection(&self) -> Option<&ws::Connection> {
        self.connection.as_deref()
    }

    /// Notes whether the application is at work on what it was told, as [`ws::Connection::set_at_work`] does: for drivers that take events
    /// before the application asks for them.
    pub fn set_at_work(&mut self, at_work: bool) {
        if let Some(connection) = &mut self.connection {
            connection.set_at_work(at_work);
        }
    }

    /// Returns the machine that decides.
    pub const fn source(&self) -> &Source {
        &self.dialer.source
    }

    /// Reads what there is of the response.
    fn read_response(&mut self) {
        let now = self.dialer.now;
        while let Some(piece) = self.dialer.wire.as_mut().and_then(|wire| wire.piece()) {
            let source = &mut self.dialer.source;
            match piece {
                Piece::Body(bytes) => {
                    let (used, _) = source.read(now, bytes);
                    if let Some(wire) = &mut self.dialer.wire {
                        wire.consume(used);
                    }
                }
                Piece::Head(head) => source.handle_head(now, head),
                Piece::End(Ok(())) => source.handle_end(now),
                Piece::End(Err(reason)) => source.handle_failure(now, reason),
            }
            if self.dialer.source.state() == State::Open {
                return self.open(now);
            }
            self.dialer.settle();
        }
    }

    /// Lets the connection begin with what followed the head of the response.
    fn open(&mut self, now: Instant) {
        let Some(wire) = self.dialer.wire.take() else { return };
        let (rest, end) = wire.into_rest();
        let url = self.dialer.source.url().clone();
        let Some(head) = self.dialer.source.response().cloned() else { return };
        let Some(upgrade) = self.dialer.source.web_socket_mut() else { return };
        let Some(random) = upgrade.random.take() else { return };
        let protocol = upgrade.agreed().protocol.clone();
        let config = Arc::clone(&upgrade.config);
        let mut connection = ws::Connection::client(config, upgrade.agreed(), now, random);

        let opened = Opened { url, head, protocol, reconnections: self.openings };
        self.openings += 1;
        self.first = self.on_open.as_ref().map(|hook| hook.first(&opened)).unwrap_or_default().into();
        self.opened = Some(Box::new(opened));
        send_first(&mut connection, now, &mut self.first);
        if !rest.is_empty() {
            connection.handle_input(now, &rest);
        }
        match end {
            Some(true) => connection.handle_eof(now),
            Some(false) => connection.handle_reset(now),
            None => {}
        }
        self.connection = Some(Box::new(connection));
    }

    /// Ends the attempt once the connection is over and its socket not needed any more.
    fn end(&mut self) {
        let is_done = self.connection.as_ref().is_none_or(|connection| connection.closing() == Closing::Abort);
        let Some(closed) = self.over.take_if(|_| is_done) else { return };
        self.forget(closed.unsent);
        if self.is_closing {
            self.farewell = Some(closed);
            self.dialer.source.close();
        } else {
            self.dialer.source.handle_failure(self.dialer.now, Reason::WebSocket(closed));
        }
    }

    /// Forgets the connection when it is not wanted.
    fn settle(&mut self) {
        self.dialer.settle();
        if !self.dialer.source.is_attempting()
            && let Some(connection) = &self.connection
        {
            let unsent = self.over.as_ref().map_or(connection.unsent(), |closed| closed.unsent);
            self.forget(unsent);
        }
    }

    /// Forgets the connection, on which so many messages were taken and have not left.
    fn forget(&mut self, unsent: usize) {
        self.over = None;
        self.unsent = unsent + self.first.len();
        self.first = VecDeque::new();
        let random = self.connection.take().and_then(|connection| connection.into_masks());
        if let Some(upgrade) = self.dialer.source.web_socket_mut() {
            upgrade.random = random;
        }
    }

    /// Returns what an event of the source is here.
    fn told(&mut self, event: Event) -> Option<WebSocketEvent> {
        Some(match event {
            Event::Opened { .. } => WebSocketEvent::Opened(self.opened.take()?),
            Event::Disconnected { reason, retry_at, retry_in } => {
                WebSocketEvent::Disconnected { reason, unsent: mem::take(&mut self.unsent), retry_at, retry_in }
            }
            Event::Closed(reason) => WebSocketEvent::Closed { reason, unsent: mem::take(&mut self.unsent) },
            // Those of an event stream.
            Event::Answer(_) | Event::Message(_) | Event::Comment(_) | Event::Retry(_) => return None,
        })
    }

    /// Returns what an event of the connection is here.
    fn received(&mut self, event: ws::Event) -> Option<WebSocketEvent> {
        Some(match event {
            ws::Event::Message(message) => {
                self.dialer.source.delivered();
                WebSocketEvent::Message(message)
            }
            ws::Event::Ping(payload) => WebSocketEvent::Ping(payload),
            ws::Event::Pong(payload) => WebSocketEvent::Pong(payload),
            ws::Event::Closing(frame) => WebSocketEvent::Closing(frame),
            ws::Event::Closed(closed) => {
                self.over = Some(Box::new(closed));
                return None;
            }
        })
    }
}

impl Protocol for WebSocket {
    type Event = WebSocketEvent;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(connection) = &mut self.connection {
            self.dialer.now = now;
            connection.handle_input(now, bytes);
        } else if let Some(wire) = &mut self.dialer.wire {
            self.dialer.now = now;
            wire.handle_input(now, bytes);
            self.read_response();
        }
    }

    fn handle_eof(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            self.dialer.now = now;
            connection.handle_eof(now);
        } else if let Some(wire) = &mut self.dialer.wire {
            self.dialer.now = now;
            wire.handle_eof(now);
            self.read_response();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.dialer.now = now;
            if let Some(connection) = &mut self.connection {
                connection.handle_timeout(now);
            }
            self.dialer.source.handle_timeout(now);
            self.settle();
        }
    }

    fn poll_event(&mut self) -> Option<WebSocketEvent> {
        loop {
            if let Some(event) = self.dialer.source.poll_event() {
                match self.told(event) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            if self.over.is_none()
                && let Some(event) = self.connection.as_mut().and_then(|connection| connection.poll_event())
            {
                match self.received(event) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            self.over.as_ref()?;
            self.end();
            if self.over.is_some() {
                return None;
            }
        }
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        match &mut self.connection {
            Some(connection) => {
                send_first(connection, self.dialer.now, &mut self.first);
                connection.poll_transmit()
            }
            None => self.dialer.wire.as_mut()?.poll_transmit(),
        }
    }

    fn wants_input(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.wants_input())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().and_then(|connection| connection.poll_timeout());
        [self.dialer.source.poll_timeout(), connection].into_iter().flatten().min()
    }

    fn closing(&self) -> Closing {
        match &self.connection {
            Some(connection) => connection.closing(),
            None if self.dialer.source.is_attempting() => Closing::No,
            None => Closing::Abort,
        }
    }
}

/// Sends what goes before all else, as far as there is room.
fn send_first(connection: &mut ws::Connection, now: Instant, first: &mut VecDeque<Message>) {
    while let Some(message) = first.front() {
        match connection.send(now, message) {
            Ok(()) => drop(first.pop_front()),
            // It is tried again when some of what waits has left, or counted when the connection is over.
            Err(_) => return,
        }
    }
}
