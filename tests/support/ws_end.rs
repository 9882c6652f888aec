//! One end of a WebSocket whose driver, application, peer and clock are played by the test; on the way it holds the machine to the
//! contract.

use std::time::Duration;

use bytes::Bytes;
use tidewire_core::ws::{Agreed, Closed, Config, Connection, Event, Message, Role};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};

use crate::naive_peer::{Peer, Seen};
use crate::vectors_ws::Frame;

/// A connection and what came out of it.
#[derive(Debug)]
pub struct End {
    /// It.
    pub machine: Connection,
    /// The time; see [`advance`](Self::advance).
    pub now: Instant,
    /// Whether the application takes events.
    pub takes: bool,
    /// Whether the socket takes what is to be sent.
    pub writes: bool,
    /// What the application was told, and nobody looked at.
    pub events: Vec<Event>,
    /// The pieces that were written, and nobody looked at.
    pub pieces: Vec<Bytes>,
    /// What came of the connection, when that was told.
    pub closed: Option<Closed>,
    peer: Peer,
    closing: Closing,
}

impl End {
    /// The server's end of a connection.
    pub fn server(change: impl FnOnce(&mut Config)) -> Self {
        Self::new(Role::Server, change)
    }

    /// The client's end of a connection.
    pub fn client(change: impl FnOnce(&mut Config)) -> Self {
        Self::new(Role::Client, change)
    }

    /// Both ends, each for itself, with nothing but that set.
    pub fn both(change: impl Fn(&mut Config)) -> [Self; 2] {
        [Self::server(&change), Self::client(&change)]
    }

    /// The end of this role.
    pub fn new(role: Role, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let (agreed, now) = (Agreed::default(), Instant::START);
        let (machine, other) = match role {
            Role::Server => (Connection::server(config, &agreed, now), Role::Client),
            Role::Client => (Connection::client(config, &agreed, now, Box::new(SplitMix64::new(1))), Role::Server),
        };
        Self {
            machine,
            now,
            takes: true,
            writes: true,
            events: Vec::new(),
            pieces: Vec::new(),
            closed: None,
            peer: Peer::new(other),
            closing: Closing::No,
        }
    }

    /// Lets bytes come in, and runs.
    pub fn input(&mut self, bytes: &[u8]) {
        self.machine.handle_input(self.now, bytes);
        self.run();
    }

    /// Returns a frame of the peer.
    pub fn frame(&mut self, opcode: u8, payload: &[u8]) -> Vec<u8> {
        self.frame_of(&Frame { fin: true, opcode, payload: payload.to_vec(), ..Frame::default() })
    }

    /// Returns a frame of the peer.
    pub fn frame_of(&mut self, frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.peer.write(frame, &mut bytes);
        bytes
    }

    /// Lets the peer send a frame, and runs.
    pub fn hear(&mut self, opcode: u8, payload: &[u8]) {
        let frame = self.frame(opcode, payload);
        self.input(&frame);
    }

    /// Lets the peer close, and runs.
    pub fn hear_close(&mut self, code: u16, reason: &str) {
        self.hear(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    }

    /// Lets the peer end its side, and runs.
    pub fn eof(&mut self) {
        self.machine.handle_eof(self.now);
        self.run();
    }

    /// Lets the connection break, and runs.
    pub fn reset(&mut self) {
        self.machine.handle_reset(self.now);
        self.run();
    }

    /// Lets time pass, deadline by deadline.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "a deadline that has passed was dealt with");
            self.now = at;
            self.machine.handle_timeout(at);
            self.run();
            assert!(self.machine.poll_timeout() != Some(at), "what was due is done");
        }
        self.now = end;
        // Early: nothing happens.
        self.machine.handle_timeout(end);
        self.run();
    }

    /// Takes events and pieces until there are no more.
    pub fn run(&mut self) {
        let mut is_silent = false;
        loop {
            let closing = self.machine.closing();
            assert!(closing >= self.closing, "never back: {:?} {closing:?}", self.closing);
            self.closing = closing;
            if let Some(event) = self.takes.then(|| self.machine.poll_event()).flatten() {
                assert_eq!(self.closed, None, "nothing is told after the end: {event:?}");
                if let Event::Closed(closed) = &event {
                    self.closed = Some(closed.clone());
                }
                self.events.push(event);
            } else if is_silent {
                break;
            } else if let Some(piece) = self.writes.then(|| self.machine.poll_transmit()).flatten() {
                assert!(!piece.is_empty());
                self.peer.take(&piece);
                self.pieces.push(piece);
            } else {
                // Having said all may have made it go on.
                is_silent = true;
            }
        }
        if self.machine.closing() == Closing::Abort {
            assert_eq!((self.machine.poll_timeout(), self.machine.poll_transmit()), (None, None));
        }
    }

    /// Lets the socket take one piece.
    pub fn write_a_piece(&mut self) {
        let piece = self.machine.poll_transmit().expect("something waits");
        self.peer.take(&piece);
        self.pieces.push(piece);
    }

    /// Takes what the peer has read, frame by frame.
    pub fn frames(&mut self) -> Vec<Seen> {
        self.pieces.clear();
        std::iter::from_fn(|| self.peer.read()).collect()
    }

    /// Takes what the peer has read, a line for each frame, such as `text hello`, `part of text` and `close 1000 bye`.
    pub fn written(&mut self) -> Vec<String> {
        self.frames().iter().map(line).collect()
    }

    /// Takes what the application was told, a line for each event.
    pub fn told(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| event_line(&event)).collect()
    }

    /// Returns what is to be done with the socket.
    pub fn closing(&self) -> Closing {
        self.machine.closing()
    }
}

/// Returns a frame in words.
pub fn line(frame: &Seen) -> String {
    let opcode = match frame.opcode {
        0 => "more",
        TEXT => "text",
        BINARY => "binary",
        CLOSE => return close_line(&frame.payload),
        PING => "ping",
        PONG => "pong",
        _ => "unknown",
    };
    let part = if frame.fin { "" } else { "part of " };
    format!("{part}{opcode} {}", shown(&frame.payload))
}

/// Returns an event in words.
pub fn event_line(event: &Event) -> String {
    match event {
        Event::Message(Message::Text(text)) => format!("text {}", shown(text.as_bytes())),
        Event::Message(Message::Binary(bytes)) => format!("binary {}", shown(bytes)),
        Event::Ping(payload) => format!("ping {}", shown(payload)),
        Event::Pong(payload) => format!("pong {}", shown(payload)),
        Event::Closing(None) => String::from("closing"),
        Event::Closing(Some(frame)) => format!("closing {} {}", frame.code, frame.reason),
        Event::Closed(Closed { why, code, reason, is_clean, unsent, .. }) => {
            let clean = if *is_clean { "clean" } else { "unclean" };
            format!("closed {why:?} {code} {reason:?} {clean} {unsent}")
        }
        other => format!("{other:?}"),
    }
}

fn close_line(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        None => String::from("close"),
        Some((code, reason)) => format!("close {} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason)),
    }
}

/// Text as it is if it is short, and else its length.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= 40 => text.to_owned(),
        _ => format!("[{}]", bytes.len()),
    }
}

/// Opcodes.
pub const TEXT: u8 = 1;
/// Opcodes.
pub const BINARY: u8 = 2;
/// Opcodes.
pub const CLOSE: u8 = 8;
/// Opcodes.
pub const PING: u8 = 9;
/// Opcodes.
pub const PONG: u8 = 10;
