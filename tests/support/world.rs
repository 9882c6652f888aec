//! One client and one server, back to back under fake time, over a wire that breaks where it is told to.

use std::time::Duration;

use bytes::Bytes;
use tidewire_core::api::{self, Api, Caller};
use tidewire_core::channels::{self, Answer, Channels, Guest, Read};
use tidewire_core::client::{self, EventSource};
use tidewire_core::http::Url;
use tidewire_core::log::ReaderId;
use tidewire_core::server::{self, Session};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64, UnixTime};

/// The client, the server and the time between them.
#[derive(Debug)]
pub struct World {
    /// The time of both ends.
    pub now: Instant,
    /// What the client told its application, in order.
    pub events: Vec<client::Event>,
    /// The machine that follows.
    pub client: EventSource,
    /// What all connections of the server share.
    pub channels: Channels,
    guest: Guest,
    api: Api,
    /// Connections made so far.
    pub connections: u64,
    /// How the wire treats bytes.
    pub wire: Wire,
    /// Bytes carried so far over all connections.
    pub carried: Carried,
    connection: Option<Connection>,
}

/// How the wire treats bytes; counted over all connections.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The connection breaks after this many bytes from server to client.
    pub break_to_client: Option<usize>,
    /// The connection breaks after this many bytes from client to server.
    pub break_to_server: Option<usize>,
    /// The break is told to the client as a clean end of input, not as an error.
    pub clean: bool,
    /// Most bytes handed over at once.
    pub piece: usize,
    /// Nobody can connect.
    pub down: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self { break_to_client: None, break_to_server: None, clean: false, piece: usize::MAX, down: false }
    }
}

/// Bytes over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// From server to client.
    pub to_client: usize,
    /// From client to server.
    pub to_server: usize,
}

#[derive(Debug)]
struct Connection {
    session: Session,
    reader: Option<ReaderId>,
    awake: bool,
}

impl World {
    /// A client that has connected to follow `query`, if the wire lets it, on a server with nothing published yet.
    ///
    /// # Panics
    ///
    /// If the query makes no URL.
    pub fn new(query: &str, wire: Wire) -> Self {
        let url = Url::parse(&format!("http://localhost:8080/v1/events?{query}")).expect("a URL");
        let now = Instant::START;
        let mut channels = Channels::new(channels::Config::default(), Box::new(SplitMix64::new(2)), now);
        let guest = channels.admit(None).expect("the first one");
        let mut world = Self {
            now,
            events: Vec::new(),
            client: EventSource::new(client::Config::new(url), 1, now),
            channels,
            guest,
            api: Api::new(api::Config::default()),
            connections: 0,
            wire,
            carried: Carried::default(),
            connection: None,
        };
        world.settle();
        world
    }

    /// Publishes a text and lets everything happen that follows at once.
    ///
    /// # Panics
    ///
    /// If the server does not take it.
    pub fn publish(&mut self, channel: &str, text: &str) {
        let at = (self.now, self.unix());
        self.api.publish_text(&mut self.channels, at, channel, "test", text).expect("it is taken");
        self.settle();
    }

    /// Lets time pass, and everything happen that falls due.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle();
        while let Some(at) = self.next_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.client.handle_timeout(self.now);
            self.channels.handle_timeout(self.now);
            if let Some(connection) = &mut self.connection {
                connection.session.handle_timeout(self.now);
            }
            self.settle();
        }
        self.now = end;
    }

    /// Lets everything happen that needs no time.
    ///
    /// # Panics
    ///
    /// If it does not come to rest.
    pub fn settle(&mut self) {
        for _ in 0..1_000_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the machines never come to rest: {self:?}");
    }

    /// Begins the goodbye of the server.
    pub fn shutdown(&mut self) {
        self.channels.shutdown(self.now);
        if let Some(connection) = &mut self.connection {
            connection.session.shutdown(self.now);
        }
        self.settle();
    }

    /// The texts of the messages that the client got, in order.
    ///
    /// # Panics
    ///
    /// If one is no envelope.
    pub fn texts(&self) -> Vec<String> {
        let messages = self.events.iter().filter_map(|event| match event {
            client::Event::Message(message) if message.event_type() == "message" => Some(message.data()),
            _ => None,
        });
        messages
            .map(|data| {
                let envelope: serde_json::Value = serde_json::from_str(data).expect("an envelope");
                envelope["data"].as_str().expect("a text").to_owned()
            })
            .collect()
    }

    /// The events of this type that the client got.
    pub fn count(&self, event_type: &str) -> usize {
        let is = |event: &&client::Event| matches!(event, client::Event::Message(it) if it.event_type() == event_type);
        self.events.iter().filter(is).count()
    }

    fn next_timeout(&self) -> Option<Instant> {
        let session = self.connection.as_ref().and_then(|connection| connection.session.poll_timeout());
        [self.client.poll_timeout(), self.channels.poll_timeout(), session].into_iter().flatten().min()
    }

    fn step(&mut self) -> bool {
        if let Some(event) = self.client.poll_event() {
            self.events.push(event);
            return true;
        }
        self.wake();
        self.connect() || self.client_sends() || self.server_acts() || self.server_sends() || self.ends()
    }

    fn wake(&mut self) {
        while let Some(reader) = self.channels.poll_wake() {
            if let Some(connection) = self.connection.as_mut().filter(|connection| connection.reader == Some(reader)) {
                connection.awake = true;
            }
        }
    }

    fn connect(&mut self) -> bool {
        let Some(connect) = self.client.poll_connect(self.now) else { return false };
        self.lose();
        if self.wire.down {
            self.client.handle_connect_failed(self.now, connect.attempt, client::ConnectError::Refused);
            return true;
        }
        self.connections += 1;
        self.client.handle_connected(self.now, connect.attempt);
        let session = Session::new(server::Config::default(), self.now, UnixTime::default(), self.connections);
        self.connection = Some(Connection { session, reader: None, awake: false });
        true
    }

    fn client_sends(&mut self) -> bool {
        if self.connection.is_none() {
            return false;
        }
        let Some(bytes) = self.client.poll_transmit() else { return false };
        let (whole, broken) = cut(&bytes, &mut self.carried.to_server, self.wire.break_to_server);
        for piece in whole.chunks(self.wire.piece) {
            if let Some(connection) = &mut self.connection {
                connection.session.handle_input(self.now, piece);
            }
        }
        if broken {
            self.wire.break_to_server = None;
            self.break_wire();
        }
        true
    }

    fn server_acts(&mut self) -> bool {
        let unix = self.unix();
        let Some(connection) = &mut self.connection else { return false };
        let Some(event) = connection.session.poll_event() else { return false };
        let server::Event::Request(request) = event else { return true };
        let caller = Caller { guest: self.guest, now: self.now, unix };
        match self.api.handle_request(&mut self.channels, caller, &request) {
            Answer::Reply(reply) => connection.session.reply(self.now, reply).expect("a request waits"),
            Answer::Stream { reader, head, first } => {
                connection.session.start_stream(self.now, head).expect("a request waits");
                connection.session.send(self.now, &first).expect("the stream is open");
                connection.reader = Some(reader);
            }
        }
        true
    }

    fn server_sends(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        if let Some(reader) = connection.reader
            && connection.awake
            && connection.session.wants_publications()
        {
            match self.channels.read(self.now, reader, 1 << 16) {
                Some(Read::Burst { burst, .. }) => {
                    connection.session.push_burst(self.now, burst).expect("it was wanted");
                }
                Some(Read::End(end)) => connection.session.end_stream(self.now, end),
                Some(other) => unreachable!("the program does not load: {other:?}"),
                None => connection.awake = false,
            }
        }
        let Some(bytes) = connection.session.poll_transmit() else { return false };
        let (whole, broken) = cut(&bytes, &mut self.carried.to_client, self.wire.break_to_client);
        for piece in whole.chunks(self.wire.piece) {
            self.client.handle_input(self.now, piece);
            while let Some(event) = self.client.poll_event() {
                self.events.push(event);
            }
        }
        if broken {
            self.wire.break_to_client = None;
            self.break_wire();
        }
        true
    }

    fn ends(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        if self.client.closing() == Closing::Abort {
            self.lose();
            return true;
        }
        match connection.session.closing() {
            Closing::No => false,
            Closing::Finish => {
                self.client.handle_eof(self.now);
                self.lose();
                true
            }
            Closing::Abort => {
                self.client.handle_reset(self.now);
                self.lose();
                true
            }
        }
    }

    fn unix(&self) -> UnixTime {
        UnixTime::from_millis(1_720_000_000_000 + self.now.since_start().as_millis() as u64)
    }

    fn break_wire(&mut self) {
        if self.wire.clean {
            self.client.handle_eof(self.now);
        } else {
            self.client.handle_reset(self.now);
        }
        self.lose();
    }

    fn lose(&mut self) {
        if let Some(Connection { mut session, reader, .. }) = self.connection.take() {
            session.handle_eof(self.now);
            if let Some(reader) = reader {
                self.channels.close(reader);
            }
        }
    }
}

/// Returns what of `bytes` still gets through, and whether the wire breaks behind it.
fn cut(bytes: &Bytes, carried: &mut usize, break_after: Option<usize>) -> (Bytes, bool) {
    let left = break_after.map_or(usize::MAX, |at| at.saturating_sub(*carried));
    let through = bytes.slice(..bytes.len().min(left));
    *carried += through.len();
    (through, bytes.len() >= left)
}
