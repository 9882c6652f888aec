//! A driver without sockets and clock for `client::EventSource`; on the way it holds the machine to the contract.

use core::time::Duration;

use bytes::Bytes;
use tidewire_core::client::{
    CloseReason, Config, Connect, ConnectError, Event, EventSource, Peer, Progress, Reason, Restart, State,
};
use tidewire_core::http::Url;
use tidewire_core::{Closing, Instant, Protocol};

/// Head of a response that is a stream, chunked.
pub const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Head of a response that is a stream until the connection ends.
pub const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// A client whose network and time are played by the test.
#[derive(Debug)]
pub struct Client {
    /// The machine.
    pub machine: EventSource,
    /// The time.
    pub now: Instant,
    /// What the machine told, not taken yet.
    pub events: Vec<Event>,
    /// The connections that it asked for.
    pub connects: Vec<Connect>,
    /// What it sent on the socket.
    pub sent: Vec<u8>,
    /// Whether there is a socket and the machine did not say to drop it.
    pub connected: bool,
    /// Whether the addresses of a host are known as soon as they are asked for.
    resolves: bool,
    /// Whether the stream was ever open.
    opened: bool,
    /// How far the machine is after the events taken.
    state: State,
    /// Whether the machine said to drop the socket of its last connection.
    dropped: bool,
}

impl Client {
    /// Starts the client of `config`: its first connection is asked for.
    pub fn new(config: Config) -> Self {
        Self::with_seed(config, 1)
    }

    /// Starts the client of `config` with the delays of `seed`.
    pub fn with_seed(config: Config, seed: u64) -> Self {
        Self::start(config, seed, true)
    }

    /// Starts the client of `config`; the test tells each step of connecting itself, also that a name was resolved.
    pub fn stepwise(config: Config) -> Self {
        Self::start(config, 1, false)
    }

    fn start(config: Config, seed: u64, resolves: bool) -> Self {
        let mut client = Self {
            machine: EventSource::new(config, seed, Instant::START),
            now: Instant::START,
            events: Vec::new(),
            connects: Vec::new(),
            sent: Vec::new(),
            connected: false,
            resolves,
            opened: false,
            state: State::Connecting,
            dropped: true,
        };
        assert_eq!(client.machine.state(), State::Connecting);
        assert_eq!(client.machine.closing(), Closing::Abort, "there is no socket yet");
        client.settle();
        client
    }

    /// Starts a client and lets its first connection succeed.
    pub fn accepted(config: Config) -> Self {
        let mut client = Self::new(config);
        client.accept();
        client
    }

    /// Starts a client and opens its stream, until the connection ends; the events so far are taken.
    pub fn open(config: Config) -> Self {
        let mut client = Self::accepted(config);
        client.receive(UNTIL_CLOSE);
        assert!(matches!(client.events.as_slice(), [Event::Opened { .. }]), "{:?}", client.events);
        client.events.clear();
        client
    }

    /// Lets the connection that is being made succeed and returns the request.
    pub fn accept(&mut self) -> String {
        let connect = self.connects.last().expect("a connection is asked for");
        assert_eq!(self.machine.closing(), Closing::No, "a connection is being made");
        assert!(!self.connected, "not connected twice");
        let attempt = connect.attempt;
        self.connected = true;
        self.sent.clear();
        self.machine.handle_connected(self.now, attempt);
        self.settle();
        String::from_utf8_lossy(&self.sent).into_owned()
    }

    /// Lets the connection that is being made fail.
    pub fn refuse(&mut self, error: ConnectError) {
        let attempt = self.connects.last().expect("a connection is asked for").attempt;
        self.machine.handle_connect_failed(self.now, attempt, error);
        self.settle();
    }

    /// Lets bytes come in.
    pub fn receive(&mut self, bytes: impl AsRef<[u8]>) {
        self.machine.handle_input(self.now, bytes.as_ref());
        self.settle();
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

    /// Lets time pass; each deadline on the way is told when it is there.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.machine.handle_timeout(at);
            self.settle();
        }
        self.now = end;
        // Early: nothing happens.
        self.machine.handle_timeout(end);
        self.settle();
    }

    /// Lets time pass until a connection is being made.
    pub fn await_connect(&mut self) {
        while self.machine.closing() != Closing::No {
            let at = self.machine.poll_timeout().expect("something is waited for");
            self.advance(at - self.now);
        }
    }

    /// Lets time pass until a connection is being made, and accepts it; returns the request.
    pub fn reconnect(&mut self) -> String {
        self.await_connect();
        self.accept()
    }

    /// Takes the events, one line each.
    pub fn lines(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| line(&event)).collect()
    }

    /// Takes the events and returns why the stream was lost, the last of them.
    pub fn lost(&mut self) -> Reason {
        match self.events.drain(..).next_back() {
            Some(Event::Disconnected { reason, .. }) => reason,
            other => panic!("{other:?} is not a disconnection"),
        }
    }

    /// Takes the events and returns why it is over, the last of them.
    pub fn ended(&mut self) -> CloseReason {
        match self.events.drain(..).next_back() {
            Some(Event::Closed(reason)) => reason,
            other => panic!("{other:?} is not the end"),
        }
    }

    /// Does what a driver does after each thing it told.
    pub fn settle(&mut self) {
        for _ in 0..100 {
            self.take_events();
            if let Some(connect) = self.machine.poll_connect(self.now) {
                assert_eq!(self.state, State::Connecting, "no connection while one is open or after the end");
                assert!(self.dropped, "no connection while one is wanted");
                assert_eq!(self.machine.closing(), Closing::No);
                assert_eq!(connect.attempt, self.machine.attempt());
                assert_eq!(connect.attempt, self.connects.last().map_or(1, |last| last.attempt + 1));
                (self.connected, self.dropped) = (false, false);
                if self.resolves {
                    self.machine.handle_progress(self.now, connect.attempt, Progress::Resolved);
                }
                self.connects.push(connect);
                assert!(self.machine.poll_connect(self.now).is_none(), "asked for once");
            }
            while let Some(bytes) = self.machine.poll_transmit() {
                assert!(self.connected, "nothing is sent without a socket");
                assert!(!bytes.is_empty());
                self.sent.extend_from_slice(&bytes);
            }
            match self.machine.poll_timeout() {
                Some(at) if at <= self.now => self.machine.handle_timeout(self.now),
                Some(at) => {
                    let last = self.machine.source().poll_last_timeout();
                    assert!(last.is_none_or(|last| at <= last), "nothing outlives the deadline over all");
                    return;
                }
                None => {
                    let config = self.machine.source().config();
                    let timeouts = [
                        config.resolve_timeout,
                        config.connect_timeout,
                        config.tunnel_timeout,
                        config.tls_timeout,
                        config.head_timeout,
                        config.read_timeout,
                    ];
                    let forever = self.state == State::Closed || timeouts.contains(&None);
                    assert!(forever, "something is always waited for");
                    return;
                }
            }
        }
        panic!("the machine does not come to rest at one instant");
    }

    /// Takes one event, if there is one, checking that it makes sense after those before.
    pub fn take_event(&mut self) {
        let Some(event) = self.machine.poll_event() else { return };
        assert!(!event.to_string().is_empty());
        match (&event, self.state) {
            (_, State::Closed) => panic!("{event:?} after the end"),
            (Event::Opened { head, .. }, State::Connecting) => {
                assert_eq!(self.machine.response(), Some(&**head));
                self.state = State::Open;
                self.opened = true;
            }
            (Event::Answer(_), State::Connecting) => {}
            (Event::Message(_) | Event::Comment(_) | Event::Retry(_), State::Open) => {}
            (Event::Disconnected { reason, retry_at, retry_in }, _) => {
                assert!(*retry_at <= self.now + *retry_in);
                assert!(*reason == Reason::Restart || self.machine.last_error() == Some(reason));
                self.state = State::Connecting;
            }
            (Event::Closed(_), _) => self.state = State::Closed,
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
        assert!(!self.opened || self.machine.response().is_some());
        if self.machine.retry_at().is_some() {
            assert_eq!((self.state, self.machine.closing()), (State::Connecting, Closing::Abort));
        }
        match self.machine.closing() {
            Closing::Abort => (self.connected, self.dropped) = (false, true),
            _ => assert!(!self.dropped, "once dropped is dropped"),
        }
        if self.state == State::Closed {
            assert_eq!(self.machine.closing(), Closing::Abort);
            assert_eq!(self.machine.poll_timeout(), None);
            assert_eq!(self.machine.poll_transmit(), None);
            assert!(self.machine.poll_connect(self.now).is_none());
        }
    }
}

/// Returns the configuration of tests: no chance in the delays, `http://example.test/events`.
pub fn config() -> Config {
    config_of("http://example.test/events")
}

/// Returns the configuration of tests for another URL.
pub fn config_of(url: &str) -> Config {
    let mut config = Config::new(Url::parse(url).expect("a good URL"));
    config.backoff.jitter = 0.0;
    config
}

/// Returns the configuration of tests for a POST of `body`.
pub fn config_post(body: &'static str) -> Config {
    let mut config = config();
    config.method = tidewire_core::http::Method::POST;
    config.body = Some(Bytes::from_static(body.as_bytes()));
    config.fields.append("Content-Type", "application/json").expect("a good field");
    config
}

/// Returns host and port of a connection, and whether it is to be secured.
pub fn target(connect: &Connect) -> (&str, u16, bool) {
    match &connect.peer {
        Peer::Tcp { host, port } => (host, *port, connect.tls.is_some()),
        other => panic!("{other} is no host"),
    }
}

/// Returns a response with a body.
pub fn response(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n{body}", body.len())
}

/// Returns a redirect.
pub fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// Returns `data` as one chunk.
pub fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// Returns an event as one line.
pub fn line(event: &Event) -> String {
    match event {
        Event::Opened { status, url, .. } => format!("open {status} {url}"),
        Event::Answer(answer) => format!("answer {} {:?}", answer.head.status, String::from_utf8_lossy(&answer.body)),
        Event::Message(message) => {
            format!("{} {:?} id {:?}", message.event_type(), message.data(), message.last_event_id())
        }
        Event::Comment(text) => format!("comment {text:?}"),
        Event::Retry(time) => format!("retry {time:?}"),
        Event::Disconnected { reason, retry_in, .. } => format!("lost ({reason}) retry in {retry_in:?}"),
        Event::Closed(reason) => format!("closed ({reason})"),
        other => panic!("{other:?} is new"),
    }
}

/// Returns the value of a field in a request, or `None` if it is not there.
pub fn field<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let head = request.split("\r\n\r\n").next()?;
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
