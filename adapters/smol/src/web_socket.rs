use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
#[cfg(feature = "json")]
use serde::de::DeserializeOwned;
#[cfg(feature = "json")]
use tidewire_core::client::NextError;
use tidewire_core::client::{self, CloseReason, SendError, State, WebSocketConfig, WebSocketEvent};
use tidewire_core::ws::{self, CloseCode, Message};
use tidewire_std::{Clock, Handle, PooledRandom, Sender, Talk};

use crate::connector::Connector;
use crate::reconnecting::Reconnecting;

/// A WebSocket that reconnects as `config` says.
///
/// Nothing moves unless [`next`](Self::next), or another of its waits, is awaited: it connects, reads, writes and keeps the time until
/// there is an event. A wait may be given up at any point, as in a `select`; nothing is lost by it. Dropping the WebSocket drops the
/// connection; to part politely, [close](Self::close) it and go on until `next` has nothing more. It is a [`Stream`] of its events, too.
///
/// A message is sent on the connection that is open; none is kept for the next one. What each connection is to begin with, such as
/// subscriptions, is said by [`WebSocketConfig::on_open`].
#[derive(Debug)]
pub struct WebSocket {
    driver: Reconnecting<Talk>,
    /// The events that came while something was sent.
    kept: VecDeque<WebSocketEvent>,
    kept_bytes: usize,
}

impl WebSocket {
    /// Prepares to connect; the first wait does.
    pub fn new(config: WebSocketConfig) -> Self {
        Self::with_connector(config, Connector::new())
    }

    /// Prepares to connect by `connector`: with a CA of one's own, over a transport of one's own.
    pub fn with_connector(config: WebSocketConfig, connector: Connector) -> Self {
        let clock = Clock::start();
        let machine = client::WebSocket::new(config, Box::new(PooledRandom::new()), clock.now());
        let driver = Reconnecting::new(Talk::new(machine, clock), connector, clock);
        Self { driver, kept: VecDeque::new(), kept_bytes: 0 }
    }

    /// Connects and waits until it is [open](Self::opened).
    ///
    /// # Errors
    ///
    /// Why it never will be. How long it is tried, [`Config::first_connection`](client::Config::first_connection) says.
    pub async fn open(config: WebSocketConfig) -> Result<Self, CloseReason> {
        let mut socket = Self::new(config);
        socket.opened().await?;
        Ok(socket)
    }

    /// Waits until a connection is open; at once when one is. Its events follow from [`next`](Self::next), the first of them
    /// [`WebSocketEvent::Opened`]; attempts that fail meanwhile are not told there, but to
    /// [`Config::on_failure`](client::Config::on_failure) and by [`Handle::status`].
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub async fn opened(&mut self) -> Result<(), CloseReason> {
        self.driver.opened().await
    }

    /// Waits for the next event; none after [`WebSocketEvent::Closed`].
    pub async fn next(&mut self) -> Option<WebSocketEvent> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Waits for the next message. None when it is over and [complete](CloseReason::is_complete). What happens in between, such as a
    /// reconnection, is told by [`Handle::status`] and to the hook of the configuration.
    ///
    /// # Errors
    ///
    /// Why it is over, where it was not complete; the same again when called again.
    pub async fn next_message(&mut self) -> Result<Option<Message>, CloseReason> {
        while let Some(event) = self.next().await {
            if let Some(message) = event.into_message() {
                return Ok(Some(message));
            }
        }
        self.driver.outcome().map(|()| None)
    }

    /// Waits for the next message and decodes it as JSON, be it text or binary.
    ///
    /// # Errors
    ///
    /// As [`next_message`](Self::next_message), and when the message is not the JSON of a `T`.
    #[cfg(feature = "json")]
    pub async fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, NextError<WebSocketEvent>> {
        while let Some(event) = self.next().await {
            match event.json() {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(NextError::Json { event: Box::new(event), error }),
            }
        }
        self.driver.outcome().map(|()| None).map_err(NextError::Closed)
    }

    /// Does what [`next`](Self::next) does, for those who wait for several things in one `poll`.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<WebSocketEvent>> {
        match self.kept.pop_front() {
            Some(event) => {
                self.kept_bytes -= len(&event);
                Poll::Ready(Some(event))
            }
            None => {
                self.driver.machine_mut().machine_mut().set_at_work(false);
                self.driver.poll_next(context)
            }
        }
    }

    /// Waits until there is room for the message, and writes as much as goes without waiting; the rest goes with the next wait of any
    /// kind. When the wait is given up the message never is sent. Events that come meanwhile are kept for [`next`](Self::next): 1,024
    /// of them, or 1 MiB; beyond that no more is read before something is written.
    ///
    /// # Errors
    ///
    /// When the message was not accepted: above all [`SendError::NotOpen`], at once when no connection is open, and when that ends before
    /// there is room. What was accepted and had not left when a connection ends is counted where that is told.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message).await?;
        poll_fn(|context| {
            while let Poll::Ready(true) = self.poll_keep(context) {}
            Poll::Ready(())
        })
        .await;
        Ok(())
    }

    /// Waits until there is room for the message, as [`send`](Self::send) does, and writes nothing unless that is full: messages that are fed
    /// one after the other leave in one write, with the next wait of any other kind.
    ///
    /// # Errors
    ///
    /// As `send`.
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        poll_fn(|context| self.poll_feed(context, &message)).await
    }

    /// Waits until all that was accepted is written to the connection. Events are kept meanwhile as by [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] or [`SendError::Over`] when the connection ended before.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Sends a ping with at most 125 bytes, which come back with [`WebSocketEvent::Pong`]. That the peer is still there is looked after
    /// without ([`ws::Config::ping_interval`]).
    ///
    /// # Errors
    ///
    /// When it was not accepted.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.driver.machine_mut().ping(payload)
    }

    /// Begins to close it for good, with this code and a reason of at most 123 bytes, when what was accepted has left. Go on until
    /// [`next`](Self::next) has nothing more: so the peer's answer is waited for, as long as [`ws::Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// When the reason is too long, or it closes already.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), ws::SendError> {
        self.driver.machine_mut().close_with(code, reason)
    }

    /// Returns a sender, to send from elsewhere while [`next`](Self::next) waits here.
    pub fn sender(&self) -> Sender {
        self.driver.machine().sender(self.driver.handle())
    }

    /// Returns a handle to close, restart and watch it from elsewhere.
    pub fn handle(&self) -> Handle {
        self.driver.handle()
    }

    /// Returns the machine: its state, attempt, address, subprotocol.
    pub const fn machine(&self) -> &client::WebSocket {
        self.driver.machine().machine()
    }

    /// Returns the configuration to change, such as a token that runs out, from the next request on: see
    /// [`client::Source::config_mut`].
    pub const fn config_mut(&mut self) -> &mut client::Config {
        self.driver.machine_mut().machine_mut().config_mut()
    }

    /// Returns how far it is.
    pub const fn state(&self) -> State {
        self.machine().state()
    }

    fn poll_feed(&mut self, context: &mut Context<'_>, message: &Message) -> Poll<Result<(), SendError>> {
        loop {
            match self.driver.machine_mut().send(message) {
                Err(SendError::Connection(ws::SendError::Full { .. })) => {}
                taken => return Poll::Ready(taken),
            }
            let kept = self.poll_keep(context);
            // What it wrote may have made room.
            match self.driver.machine_mut().send(message) {
                Err(SendError::Connection(ws::SendError::Full { .. })) => drop(ready!(kept)),
                taken => return Poll::Ready(taken),
            }
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        loop {
            match self.state() {
                State::Connecting => return Poll::Ready(Err(SendError::NotOpen)),
                State::Closed => return Poll::Ready(Err(SendError::Over)),
                State::Open => {}
            }
            let kept = self.poll_keep(context);
            if self.state() == State::Open && self.driver.machine_mut().is_written() {
                return Poll::Ready(Ok(()));
            }
            ready!(kept);
        }
    }

    /// Goes on, and keeps the event if there is one; false when it is over.
    fn poll_keep(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        // Who sends is at work on what it was told: what it says leaves before the answer to a close.
        self.driver.machine_mut().machine_mut().set_at_work(true);
        let has_room = self.kept.len() < MAX_KEPT && self.kept_bytes < MAX_KEPT_BYTES;
        let event = if has_room { self.driver.poll_next(context) } else { self.driver.poll_on(context) };
        let Some(event) = ready!(event) else { return Poll::Ready(false) };
        self.kept_bytes += len(&event);
        self.kept.push_back(event);
        Poll::Ready(true)
    }
}

impl Stream for WebSocket {
    type Item = WebSocketEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WebSocketEvent>> {
        self.get_mut().poll_next(context)
    }
}

fn len(event: &WebSocketEvent) -> usize {
    if let WebSocketEvent::Message(message) = event { message.len() } else { 0 }
}

/// Events, and bytes of them, that are kept while something is sent, before no more is read.
const MAX_KEPT: usize = 1024;
const MAX_KEPT_BYTES: usize = 1 << 20;
