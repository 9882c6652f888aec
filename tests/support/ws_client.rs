//! A driver without sockets and clock for `client::WebSocket`, with a server that the test plays by hand; on the way it holds the
//! machine to the contract.

use core::time::Duration;

use tidewire_core::client::{
    CloseReason, Config as HttpConfig, Connect, ConnectError, Progress, Reason, Restart, State, WebSocket,
    WebSocketConfig, WebSocketEvent,
};
use tidewire_core::http::{HeadLimits, HeadReader, RequestHead, Url};
use tidewire_core::ws::{Config, Connection, Message, Role, Upgrade};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};

use crate::naive_peer::{Peer, Seen};
use crate::vectors_ws::Frame;

/// A client whose network and time are played by the test.
#[derive(Debug)]
pub struct Client {
    /// The machine.
    pub machine: WebSocket,
    /// The time.
    pub now: Instant,
    /// What the machine told, not taken yet.
    pub events: Vec<WebSocketEvent>,
    /// The connections that it asked for.
    pub connects: Vec<Connect>,
    /// Whether there is a socket and the machine did not say to drop it.
    pub connected: bool,
    /// Whether the driver takes what is to be sent; otherwise the socket is full.
    pub writes: bool,
    /// What it sent on the socket and nobody looked at.
    sent: Vec<u8>,
    /// The server's side of the frames.
    peer: Peer,
    /// The request of the last connection.
    request: String,
    /// How far the machine is after the events taken.
    state: State,
    /// What the machine said last about the socket of its connection.
    closing: Closing,
}

impl Client {
    /// Starts the client of `config`: its first connection is asked for.
    pub fn new(config: WebSocketConfig) -> Self {
        Self::with_seed(config, 1)
    }

    /// Starts the client of `config` with the randomness of `seed`.
    pub fn with_seed(config: WebSocketConfig, seed: u64) -> Self {
        let random = Box::new(SplitMix64::new(seed));
        let mut client = Self {
            machine: WebSocket::new(config, random, Instant::START),
            now: Instant::START,
            events: Vec::new(),
            connects: Vec::new(),
            connected: false,
            writes: true,
            sent: Vec::new(),
            peer: Peer::new(Role::Server),
            request: String::new(),
            state: State::Connecting,
            closing: Closing::Abort,
        };
        assert_eq!(client.machine.state(), State::Connecting);
        assert_eq!(client.machine.closing(), Closing::Abort, "there is no socket yet");
        client.settle();
        client
    }

    /// Starts a client and opens its connection; the events so far are taken.
    pub fn open(config: WebSocketConfig) -> Self {
        let mut client = Self::new(config);
        client.accept();
        client.agree("");
        assert!(matches!(client.events.as_slice(), [WebSocketEvent::Opened(_)]), "{:?}", client.events);
        client.events.clear();
        client
    }

    /// Lets the connection that is being made succeed and returns the request; there is room in its socket.
    pub fn accept(&mut self) -> String {
        let connect = self.connects.last().expect("a connection is asked for");
        assert_eq!(self.machine.closing(), Closing::No, "a connection is being made");
        assert!(!self.connected, "not connected twice");
        let attempt = connect.attempt;
        (self.connected, self.writes) = (true, true);
        self.sent.clear();
        self.peer = Peer::new(Role::Server);
        self.machine.handle_connected(self.now, attempt);
        self.settle();
        self.request = String::from_utf8(std::mem::take(&mut self.sent)).expect("a request is text");
        self.request.clone()
    }

    /// Lets the connection that is being made fail.
    pub fn refuse(&mut self, error: ConnectError) {
        let attempt = self.connects.last().expect("a connection is asked for").attempt;
        self.machine.handle_connect_failed(self.now, attempt, error);
        self.settle();
    }

    /// Returns the answer that agrees to what was asked for last, with more fields.
    pub fn agreement(&self, fields: &str) -> Vec<u8> {
        agreement(&self.request, fields)
    }

    /// Returns that answer, or nothing if what was asked for last is no WebSocket.
    pub fn last_agreement(&self, fields: &str) -> Vec<u8> {
        if self.request.is_empty() { Vec::new() } else { self.agreement(fields) }
    }

    /// Lets the server agree.
    pub fn agree(&mut self, fields: &str) {
        let answer = self.agreement(fields);
        self.receive(answer);
    }

    /// Lets bytes come in.
    pub fn receive(&mut self, bytes: impl AsRef<[u8]>) {
        self.machine.handle_input(self.now, bytes.as_ref());
        self.settle();
    }

    /// Lets a frame come in.
    pub fn receive_frame(&mut self, opcode: u8, payload: &[u8]) {
        self.receive(frame(opcode, payload));
    }

    /// Lets a text come in.
    pub fn receive_text(&mut self, text: &str) {
        self.receive_frame(TEXT, text.as_bytes());
    }

    /// Lets the server close and, once it is answered, end its side.
    pub fn close_by_server(&mut self, code: u16, reason: &str) {
        self.receive(close_frame(code, reason));
        self.eof();
    }

    /// Takes the frames that the machine sent.
    pub fn seen(&mut self) -> Vec<Seen> {
        self.peer.take(&std::mem::take(&mut self.sent));
        std::iter::from_fn(|| self.peer.read()).collect()
    }

    /// Takes the frames that the machine sent, a line each.
    pub fn said(&mut self) -> Vec<String> {
        self.seen().into_iter().map(|frame| said(&frame)).collect()
    }

    /// Lets the server end its side.
    pub fn eof(&mut self) {
        self.machine.handle_eof(self.now);
        self.settle();
    }

    /// Lets the connection break.
    pub fn reset(&mut self) {
        self.machine.handle_reset(self.now);
        self.settle();
    }

    /// Restarts the client.
    pub fn restart(&mut self, restart: Restart) {
        self.machine.restart(self.now, restart);
        self.settle();
    }

    /// Closes the client.
    pub fn close(&mut self) {
        self.machine.close(self.now);
        self.settle();
    }

    /// Sends a text, which is taken.
    pub fn send(&mut self, text: &str) {
        self.machine.send_text(self.now, text).expect("it is taken");
        self.settle();
    }

    /// Lets time pass; each deadline on the way is told when it is there.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.machine.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
        // Early: nothing happens.
        self.machine.handle_timeout(end);
        self.settle();
    }

    /// Lets time pass until a connection is being made.
    pub fn await_connect(&mut self) {
        while self.connects.last().is_none_or(|last| last.attempt != self.machine.attempt())
            || self.closing != Closing::No
        {
            let at = self.machine.poll_timeout().expect("something is waited for");
            self.advance(at - self.now);
        }
    }

    /// Lets time pass until a connection is being made, accepts it and agrees; returns the request.
    pub fn reconnect(&mut self) -> String {
        self.await_connect();
        let request = self.accept();
        self.agree("");
        request
    }

    /// Takes the events, one line each.
    pub fn lines(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| line(&event)).collect()
    }

    /// Takes the events and returns why the connection was lost, the last of them.
    pub fn lost(&mut self) -> Reason {
        match self.events.drain(..).next_back() {
            Some(WebSocketEvent::Disconnected { reason, .. }) => reason,
            other => panic!("{other:?} is not a disconnection"),
        }
    }

    /// Takes the events and returns why it is over, the last of them.
    pub fn ended(&mut self) -> CloseReason {
        match self.events.drain(..).next_back() {
            Some(WebSocketEvent::Closed { reason, .. }) => reason,
            other => panic!("{other:?} is not the end"),
        }
    }

    /// Does what a driver does after each thing it told.
    pub fn settle(&mut self) {
        for _ in 0..1000 {
            self.take_events();
            if let Some(connect) = self.machine.poll_connect(self.now) {
                assert_eq!(self.state, State::Connecting, "no connection while one is open or after the end");
                assert_eq!(self.closing, Closing::Abort, "no connection while one is wanted");
                assert_eq!(self.machine.closing(), Closing::No);
                assert_eq!(connect.attempt, self.machine.attempt());
                assert_eq!(connect.attempt, self.connects.last().map_or(1, |last| last.attempt + 1));
                (self.connected, self.closing) = (false, Closing::No);
                self.machine.handle_progress(self.now, connect.attempt, Progress::Resolved);
                self.connects.push(connect);
                assert!(self.machine.poll_connect(self.now).is_none(), "asked for once");
            }
            while let Some(bytes) = self.writes.then(|| self.machine.poll_transmit()).flatten() {
                assert!(self.connected, "nothing is sent without a socket");
                assert!(!bytes.is_empty());
                self.sent.extend_from_slice(&bytes);
            }
            self.take_events();
            match self.machine.poll_timeout() {
                Some(at) if at <= self.now => self.machine.handle_timeout(self.now),
                Some(_) => return,
                None => {
                    let no_ping = |connection: &Connection| connection.config().ping_interval.is_none();
                    let forever = self.state == State::Closed || self.machine.connection().is_some_and(no_ping);
                    assert!(forever, "something is always waited for");
                    return;
                }
            }
        }
        panic!("the machine does not come to rest at one instant");
    }

    /// Takes one event, if there is one, checking that it makes sense after those before.
    fn take_event(&mut self) {
        let Some(event) = self.machine.poll_event() else { return };
        assert!(!event.to_string().is_empty());
        match (&event, self.state) {
            (_, State::Closed) => panic!("{event:?} after the end"),
            (WebSocketEvent::Opened(opened), State::Connecting) => {
                assert_eq!(self.machine.response(), Some(&opened.head));
                self.state = State::Open;
            }
            (
                WebSocketEvent::Message(_)
                | WebSocketEvent::Ping(_)
                | WebSocketEvent::Pong(_)
                | WebSocketEvent::Closing(_),
                State::Open,
            ) => {}
            (WebSocketEvent::Disconnected { reason, retry_at, retry_in, .. }, _) => {
                assert!(*retry_at <= self.now + *retry_in);
                assert!(*reason == Reason::Restart || self.machine.last_error() == Some(reason));
                self.state = State::Connecting;
            }
            (WebSocketEvent::Closed { .. }, _) => self.state = State::Closed,
            (_, state) => panic!("{event:?} while {state}"),
        }
        self.events.push(event);
    }

    /// Takes all events, and looks whether what the machine says of itself goes with them.
    fn take_events(&mut self) {
        let mut count = self.events.len();
        loop {
            self.take_event();
            if self.events.len() == count {
                break;
            }
            count = self.events.len();
        }
        assert_eq!(self.state, self.machine.state());
        assert_eq!(self.machine.connection().is_some(), self.state == State::Open);
        let closing = self.machine.closing();
        assert!(self.closing <= closing, "never back: {:?}, {closing:?}", self.closing);
        self.closing = closing;
        if closing == Closing::Abort {
            self.connected = false;
        }
        if self.machine.retry_at().is_some() {
            assert_eq!((self.state, closing), (State::Connecting, Closing::Abort));
        }
        if self.state == State::Closed {
            assert_eq!(closing, Closing::Abort);
            assert_eq!(self.machine.poll_timeout(), None);
            assert_eq!(self.machine.poll_transmit(), None);
            assert!(self.machine.poll_connect(self.now).is_none());
        }
    }
}

/// Returns the configuration of tests: no chance in the delays, `ws://example.test/chat`.
pub fn config() -> WebSocketConfig {
    config_of("ws://example.test/chat")
}

/// Returns the configuration of tests for another URL.
pub fn config_of(url: &str) -> WebSocketConfig {
    let mut config = WebSocketConfig::new(Url::parse(url).expect("a good URL"));
    config.http.backoff.jitter = 0.0;
    config
}

/// Returns the configuration of tests, with changes to its HTTP part.
pub fn config_with(change: impl FnOnce(&mut HttpConfig)) -> WebSocketConfig {
    let mut config = config();
    change(&mut config.http);
    config
}

/// Returns the answer that agrees to `request`, with more fields.
pub fn agreement(request: &str, fields: &str) -> Vec<u8> {
    let mut reader = HeadReader::<RequestHead>::new(HeadLimits::default());
    let (head, _) = reader.feed(request.as_bytes()).expect("well formed").expect("whole");
    let accepted = Upgrade::of(&head).expect("a request for a WebSocket").accept(None, &Config::default());
    let accepted = accepted.expect("no subprotocol").into_head();
    let accept = accepted.fields.get_str("sec-websocket-accept").expect("an answer to the key");
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept";
    format!("{head}: {accept}\r\n{fields}\r\n").into_bytes()
}

/// Returns a frame of a server.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let frame = Frame { fin: true, opcode, payload: payload.to_vec(), ..Frame::default() };
    let mut bytes = Vec::new();
    Peer::new(Role::Server).write(&frame, &mut bytes);
    bytes
}

/// Returns a close frame of a server.
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Returns an event as one line.
pub fn line(event: &WebSocketEvent) -> String {
    match event {
        WebSocketEvent::Opened(opened) => {
            let protocol = opened.protocol.as_deref().map(|protocol| format!(" {protocol}")).unwrap_or_default();
            format!("open {}{protocol} #{}", opened.url, opened.reconnections)
        }
        WebSocketEvent::Message(Message::Text(text)) => format!("text {text:?}"),
        WebSocketEvent::Message(Message::Binary(bytes)) => format!("binary {bytes:?}"),
        WebSocketEvent::Ping(bytes) => format!("ping {bytes:?}"),
        WebSocketEvent::Pong(bytes) => format!("pong {bytes:?}"),
        WebSocketEvent::Closing(frame) => match frame {
            Some(frame) => format!("closing {} {:?}", frame.code, frame.reason),
            None => "closing".to_owned(),
        },
        WebSocketEvent::Disconnected { reason, unsent, retry_in, .. } => {
            format!("lost ({reason}) unsent {unsent} retry in {retry_in:?}")
        }
        WebSocketEvent::Closed { reason, unsent } => format!("closed ({reason}) unsent {unsent}"),
        other => panic!("{other:?} is new"),
    }
}

/// Returns a frame as one line.
pub fn said(frame: &Seen) -> String {
    let text = String::from_utf8_lossy(&frame.payload);
    match (frame.opcode, &*frame.payload) {
        (TEXT, _) => format!("text {text:?}"),
        (BINARY, bytes) => format!("binary {bytes:?}"),
        (CLOSE, []) => "close".to_owned(),
        (CLOSE, [high, low, reason @ ..]) => {
            format!("close {} {:?}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason))
        }
        (PING, _) => format!("ping {text:?}"),
        (PONG, _) => format!("pong {text:?}"),
        (opcode, bytes) => panic!("{opcode} {bytes:?}"),
    }
}

/// Opcodes (RFC 6455 §11.8).
pub const TEXT: u8 = 1;
/// Binary.
pub const BINARY: u8 = 2;
/// Close.
pub const CLOSE: u8 = 8;
/// Ping.
pub const PING: u8 = 9;
/// Pong.
pub const PONG: u8 = 10;
