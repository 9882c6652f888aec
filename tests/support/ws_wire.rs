//! Ends of a WebSocket of ours over blocking sockets: the machines with nothing around them, so that a test can have them agree on
//! anything, and say anything.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{self, Duration};

use tidewire_core::http::{Head, HeadLimits, HeadReader, Method, RequestHead, ResponseHead};
use tidewire_core::server::WebSocketEndpoint;
use tidewire_core::ws::{Agreed, CloseCode, Closed, Config, Connection, Event, Message, Offer};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};

/// One end of an open connection.
#[derive(Debug)]
pub struct Wire {
    socket: TcpStream,
    machine: Connection,
    /// What was agreed on.
    pub agreed: Agreed,
    began: time::Instant,
}

impl Wire {
    /// Connects to a server, which has to accept.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn connect(address: SocketAddr, target: &str, protocols: &[&str], config: Config) -> Self {
        let mut socket = TcpStream::connect(address).expect("it listens");
        let offer = Offer::new(protocols, &config, &mut SplitMix64::new(1)).expect("an offer");
        let mut head = RequestHead::new(Method::GET, target);
        head.fields.append("host", address.to_string()).expect("a field");
        offer.set_fields(&mut head.fields);
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        socket.write_all(&bytes).expect("writes");
        let answer = read::<ResponseHead>(&mut socket);
        let agreed = offer.check(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        let masks = Box::new(SplitMix64::new(2));
        let machine = Connection::client(config, &agreed, Instant::START, masks);
        Self::open(socket, machine, agreed)
    }

    /// Accepts a connection as `endpoint` says; one that it refuses is answered, and the next is waited for.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn accept(listener: &TcpListener, endpoint: &WebSocketEndpoint) -> Self {
        loop {
            let (mut socket, _) = listener.accept().expect("a connection");
            let head = read::<RequestHead>(&mut socket);
            let mut bytes = Vec::new();
            match endpoint.answer(&head) {
                Ok(entry) => {
                    let agreed = entry.accepted.agreed().clone();
                    entry.accepted.into_head().encode(&mut bytes);
                    socket.write_all(&bytes).expect("writes");
                    let machine = Connection::server(endpoint.config.clone(), &agreed, Instant::START);
                    return Self::open(socket, machine, agreed);
                }
                Err(reply) => {
                    let head = format!("HTTP/1.1 {} No\r\ncontent-length: {}\r\n\r\n", reply.status, reply.body.len());
                    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&reply.body)).expect("writes");
                }
            }
        }
    }

    fn open(socket: TcpStream, machine: Connection, agreed: Agreed) -> Self {
        Self { socket, machine, agreed, began: time::Instant::now() }
    }

    /// Sends a message.
    ///
    /// # Panics
    ///
    /// If it is not taken.
    pub fn send(&mut self, message: &Message) {
        self.machine.send(self.now(), message).expect("it takes a message");
    }

    /// Sends a ping.
    ///
    /// # Panics
    ///
    /// If it is not taken.
    pub fn ping(&mut self, payload: &[u8]) {
        self.machine.ping(self.now(), payload).expect("it takes a ping");
    }

    /// Closes.
    ///
    /// # Panics
    ///
    /// If that is no code, or it is closed already.
    pub fn close(&mut self, code: Option<u16>, reason: &str) {
        let code = code.map(|code| CloseCode::new(code).expect("a code"));
        self.machine.close(self.now(), code, reason).expect("it can be closed");
    }

    /// Waits for the next event; none after the last.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    pub fn event(&mut self) -> Option<Event> {
        let deadline = time::Instant::now() + PATIENCE;
        loop {
            let event = self.machine.poll_event();
            // Also what answers it leaves at once.
            self.write();
            if event.is_some() {
                return event;
            }
            match self.machine.closing() {
                Closing::No => {}
                // The other end may be gone already.
                Closing::Finish => drop(self.socket.shutdown(Shutdown::Write)),
                Closing::Abort => return None,
            }
            assert!(time::Instant::now() < deadline, "nothing happens: {:?}", self.machine);
            self.read();
        }
    }

    /// Sends back every message until the other end closes, and tells how it ended.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn echo(mut self) -> Closed {
        loop {
            match self.event().expect("it tells its end") {
                Event::Message(message) => self.send(&message),
                Event::Closed(closed) => {
                    // The rest leaves, and the other end goes.
                    while self.event().is_some() {}
                    return closed;
                }
                _ => {}
            }
        }
    }

    fn write(&mut self) {
        while let Some(piece) = self.machine.poll_transmit() {
            let written = self.socket.write_all(&piece);
            if written.is_err() {
                self.machine.handle_reset(self.now());
            }
        }
    }

    fn read(&mut self) {
        let now = self.now();
        let wait =
            self.machine.poll_timeout().map_or(PATIENCE, |at| at.since_start().saturating_sub(now.since_start()));
        if wait.is_zero() {
            return self.machine.handle_timeout(now);
        }
        self.socket.set_read_timeout(Some(wait.min(PATIENCE))).expect("a socket");
        let mut buffer = [0; 16 * 1024];
        let read = self.socket.read(&mut buffer);
        let now = self.now();
        match read {
            Ok(0) => self.machine.handle_eof(now),
            Ok(count) => self.machine.handle_input(now, &buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.machine.handle_timeout(now);
            }
            Err(_) => self.machine.handle_reset(now),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_start(self.began.elapsed())
    }
}

fn read<H: Head>(socket: &mut TcpStream) -> H {
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut heads = HeadReader::<H>::new(HeadLimits::default());
    loop {
        // A byte at a time, so that nothing of what follows is taken.
        let mut byte = [0];
        assert_eq!(socket.read(&mut byte).expect("reads"), 1, "the connection ended before the head");
        if let Some((head, _)) = heads.feed(&byte).expect("a head that reads") {
            return head;
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
