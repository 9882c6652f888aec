use std::collections::VecDeque;

#[cfg(feature = "json")]
use serde::de::DeserializeOwned;
#[cfg(feature = "json")]
use tidewire_core::client::NextError;
use tidewire_core::client::{self, CloseReason, SendError, State, WebSocketConfig, WebSocketEvent};
use tidewire_core::ws::{self, CloseCode, Message};

use crate::reconnecting::{Reconnecting, Step};
use crate::{Clock, Handle, PooledRandom, Sender, Talk};

/// A WebSocket that reconnects, without async: the same machine as the runtime adapters', with blocking sockets.
///
/// Nothing moves unless [`next`](Iterator::next), or another of its waits, is called: it connects, reads, writes and keeps the time in the
/// caller's thread until there is an event. Another thread sends by a [`sender`](Self::sender), and closes, restarts and watches it by its
/// [`handle`](Self::handle), also in the middle of a wait. Dropping the WebSocket drops the connection; to part politely,
/// [close](Self::close) it and go on until `next` has nothing more.
///
/// Each connection is begun and read by threads of its own, which end with it.
///
/// ```no_run
/// use tidewire_core::client::{WebSocketConfig, WebSocketEvent};
/// use tidewire_std::WebSocket;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = WebSocket::open(WebSocketConfig::new("ws://127.0.0.1:8081/echo".parse()?))?;
/// socket.send("hello")?;
/// for event in socket {
///     match event {
///         WebSocketEvent::Message(message) => println!("{message:?}"),
///         other => eprintln!("{other}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
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
        let clock = Clock::start();
        let machine = client::WebSocket::new(config, Box::new(PooledRandom::new()), clock.now());
        let mut driver = Reconnecting::new(Talk::new(machine, clock), clock);
        driver.listen_apart();
        Self { driver, kept: VecDeque::new(), kept_bytes: 0 }
    }

    /// Secures the connections to wss URLs as `client` says, instead of with the web's certificate authorities.
    #[cfg(feature = "tls")]
    pub fn with_tls(mut self, client: tidewire_tls::Client) -> Self {
        self.driver.set_tls(client);
        self
    }

    /// Connects and waits until it is [open](Self::opened).
    ///
    /// # Errors
    ///
    /// Why it never will be.
    pub fn open(config: WebSocketConfig) -> Result<Self, CloseReason> {
        let mut socket = Self::new(config);
        socket.opened()?;
        Ok(socket)
    }

    /// Waits until a connection is open; at once when one is. Its events follow from [`next`](Iterator::next), the first of them
    /// [`WebSocketEvent::Opened`]; attempts that fail meanwhile are not told there, but by [`Handle::status`].
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub fn opened(&mut self) -> Result<(), CloseReason> {
        self.driver.opened()
    }

    /// Waits for the next message. None when it is over and [complete](CloseReason::is_complete). What happens in between, such as a
    /// reconnection, is told by [`Handle::status`] and to the hook of the configuration.
    ///
    /// # Errors
    ///
    /// Why it is over, where it was not complete; the same again when called again.
    pub fn next_message(&mut self) -> Result<Option<Message>, CloseReason> {
        for event in self.by_ref() {
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
    pub fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, NextError<WebSocketEvent>> {
        for event in self.by_ref() {
            match event.json() {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(NextError::Json { event: Box::new(event), error }),
            }
        }
        self.driver.outcome().map(|()| None).map_err(NextError::Closed)
    }

    /// Waits until the message is written to the connection. Events that come meanwhile are kept for [`next`](Iterator::next): 1,024 of
    /// them, or 1 MiB; beyond that no more is read before it is written.
    ///
    /// # Errors
    ///
    /// When the message was not accepted: above all [`SendError::NotOpen`], at once when no connection is open; and when that ends before
    /// all is written.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message)?;
        self.flush()
    }

    /// Waits until there is room for the message, and writes nothing unless that is full: messages that are fed one after the other leave
    /// in one write, with the next wait of any other kind.
    ///
    /// # Errors
    ///
    /// When the message was not accepted, as by [`send`](Self::send).
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        loop {
            match self.driver.machine_mut().send(&message) {
                Err(SendError::Connection(ws::SendError::Full { .. })) => self.keep(),
                taken => return taken,
            }
        }
    }

    /// Waits until all that was accepted is written to the connection. Events are kept meanwhile as by [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] or [`SendError::Over`] when the connection ended before.
    pub fn flush(&mut self) -> Result<(), SendError> {
        loop {
            match self.state() {
                State::Connecting => return Err(SendError::NotOpen),
                State::Closed => return Err(SendError::Over),
                State::Open => {}
            }
            if self.driver.has_written() && self.driver.machine_mut().is_written() {
                return Ok(());
            }
            self.keep();
        }
    }

    /// Sends a ping with at most 125 bytes, which come back with [`WebSocketEvent::Pong`]; it leaves with the next wait.
    ///
    /// # Errors
    ///
    /// When it was not accepted.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.driver.machine_mut().ping(payload)
    }

    /// Begins to close it for good, with this code and a reason of at most 123 bytes, when what was accepted has left. Go on until
    /// [`next`](Iterator::next) has nothing more: so the peer's answer is waited for, as long as [`ws::Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// When the reason is too long, or it closes already.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), ws::SendError> {
        self.driver.machine_mut().close_with(code, reason)
    }

    /// Returns a sender, to send from elsewhere while [`next`](Iterator::next) waits here.
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

    /// Does one thing, and keeps the event if there is one.
    fn keep(&mut self) {
        // Who sends is at work on what it was told: what it says leaves before the answer to a close.
        self.driver.machine_mut().machine_mut().set_at_work(true);
        let has_room = self.kept.len() < MAX_KEPT && self.kept_bytes < MAX_KEPT_BYTES;
        if let Step::Event(event) = self.driver.step(has_room) {
            self.kept_bytes += len(&event);
            self.kept.push_back(event);
        }
    }
}

/// The events until the end; none after [`WebSocketEvent::Closed`].
impl Iterator for WebSocket {
    type Item = WebSocketEvent;

    /// Waits for the next event.
    fn next(&mut self) -> Option<WebSocketEvent> {
        match self.kept.pop_front() {
            Some(event) => {
                self.kept_bytes -= len(&event);
                Some(event)
            }
            None => {
                self.driver.machine_mut().machine_mut().set_at_work(false);
                self.driver.next()
            }
        }
    }
}

fn len(event: &WebSocketEvent) -> usize {
    if let WebSocketEvent::Message(message) = event { message.len() } else { 0 }
}

/// Events, and bytes of them, that are kept while something is sent, before no more is read.
const MAX_KEPT: usize = 1024;
const MAX_KEPT_BYTES: usize = 1 << 20;
