//! The body of the fuzz target of a WebSocket after its handshake: any input, any order of what application, peer, socket and clock do.

use std::time::Duration;

use tidewire_core::ws::{Agreed, CloseCode, Closed, Config, Connection, Event, Message, Role, SendError};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};

use crate::fuzz::split_line;
use crate::naive_peer::{Peer, Seen};
use crate::vectors_ws::Frame;

/// The first line says what happens, a letter each; the rest is what the peer sends. When the letters are used up, the peer sends all
/// that is left, ends its side, and reads everything.
///
/// `C`, as the first letter: it is a client; `a`…`p`: the peer sends 1, 2, 4, … 32,768 bytes of the rest, `t`: a good text, `u`: a part of one,
/// `z`: a close frame; `q`: it reads one piece, `Q`: all; `v`: the application takes an event, `E`: all; `0`…`9`: 0, 1, 2, 4, … 256 s
/// pass; `M`: a message is sent, `L`: a long one, `B`: frames for many, `P`: a ping; `X`: the application closes, `S`: it shuts down; `F`: the
/// peer ends its side, `R`: the connection breaks.
pub fn connection(input: &[u8]) {
    let (steps, mut sent) = split_line(input);
    let (role, steps) = match steps {
        [b'C', steps @ ..] => (Role::Client, steps),
        steps => (Role::Server, steps),
    };
    let mut machine = Machine::new(role);
    for step in steps.iter().take(500) {
        match step {
            b'a'..=b'p' => {
                let (piece, rest) = sent.split_at(sent.len().min(1 << (step - b'a')));
                machine.hear(piece);
                sent = rest;
            }
            b't' => machine.hear_frame(true, 1, b"good"),
            b'u' => machine.hear_frame(false, 1, "ä".as_bytes()),
            b'z' => machine.hear_frame(true, 8, b"\x03\xe8"),
            b'q' => drop(machine.read()),
            b'Q' => machine.read_all(),
            b'v' => drop(machine.take()),
            b'E' => machine.take_all(),
            b'0'..=b'9' => machine.wait(Duration::from_secs((1 << (step - b'0')) / 2)),
            b'M' => machine.send(30),
            b'L' => machine.send(70_000),
            b'B' => machine.push(),
            b'P' => {
                let result = machine.connection.ping(machine.now, b"p");
                assert_eq!(result == Err(SendError::Closing), !machine.connection.is_open());
            }
            b'X' => {
                let was_open = machine.connection.is_open();
                let result = machine.connection.close(machine.now, Some(CloseCode::NORMAL), "x");
                assert_eq!(result.is_ok(), was_open);
            }
            b'S' => machine.connection.shutdown(machine.now, None),
            b'F' => machine.connection.handle_eof(machine.now),
            b'R' => machine.connection.handle_reset(machine.now),
            _ => {}
        }
        machine.check();
    }
    machine.hear(sent);
    machine.connection.handle_eof(machine.now);
    machine.finish();
}

struct Machine {
    connection: Connection,
    peer: Peer,
    now: Instant,
    closing: Closing,
    closed: Option<Closed>,
    /// The frames that the peer has read.
    seen: Vec<Seen>,
    /// Messages that were accepted, and frames for many.
    accepted: Vec<Vec<u8>>,
    pushed: usize,
}

impl Machine {
    fn new(role: Role) -> Self {
        let mut config = Config::default();
        config.fragment = Some(40_000);
        (config.max_queued_frames, config.max_queued_bytes, config.max_unread) = (8, 200_000, 1_000);
        (config.limits.max_frame, config.limits.max_message, config.limits.max_fragments) = (1_000, 2_000, 20);
        let (agreed, now) = (Agreed::default(), Instant::START);
        let (connection, other) = match role {
            Role::Server => (Connection::server(config, &agreed, now), Role::Client),
            Role::Client => (Connection::client(config, &agreed, now, Box::new(SplitMix64::new(1))), Role::Server),
        };
        Self {
            connection,
            peer: Peer::new(other),
            now,
            closing: Closing::No,
            closed: None,
            seen: Vec::new(),
            accepted: Vec::new(),
            pushed: 0,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.connection.handle_input(self.now, bytes);
    }

    fn hear_frame(&mut self, fin: bool, opcode: u8, payload: &[u8]) {
        let mut bytes = Vec::new();
        self.peer.write(&Frame { fin, opcode, payload: payload.to_vec(), ..Frame::default() }, &mut bytes);
        self.hear(&bytes);
    }

    fn take(&mut self) -> bool {
        let Some(event) = self.connection.poll_event() else { return false };
        assert_eq!(self.closed, None, "nothing is told after the end: {event:?}");
        match event {
            Event::Message(Message::Text(text)) => assert!(text.len() <= 2_000),
            Event::Message(Message::Binary(bytes)) => assert!(bytes.len() <= 2_000),
            Event::Ping(payload) | Event::Pong(payload) => assert!(payload.len() <= 125),
            Event::Closed(closed) => self.closed = Some(closed),
            _ => {}
        }
        true
    }

    fn take_all(&mut self) {
        while self.take() {}
    }

    fn read(&mut self) -> bool {
        let Some(piece) = self.connection.poll_transmit() else { return false };
        assert!(!piece.is_empty() && piece.len() < 200_000);
        self.peer.take(&piece);
        while let Some(frame) = self.peer.read() {
            let is_over = self.seen.last().is_some_and(|last| last.opcode == 8);
            assert!(!is_over, "nothing follows the close frame: {frame:?}");
            assert!(frame.rsv == 0 && matches!(frame.opcode, 0..=2 | 8..=10), "{frame:?}");
            self.seen.push(frame);
        }
        true
    }

    fn read_all(&mut self) {
        while self.read() {}
    }

    fn send(&mut self, len: usize) {
        let message = vec![self.accepted.len() as u8; len];
        let was_open = self.connection.is_open();
        match self.connection.send_binary(self.now, &message) {
            Ok(()) => self.accepted.push(message),
            Err(SendError::Closing) => assert!(!was_open),
            Err(SendError::Full { .. }) => assert!(self.connection.unsent() + self.connection.unsent_bytes() > 0),
            Err(error) => panic!("{error}"),
        }
    }

    fn push(&mut self) {
        let wanted = self.connection.wants_publications();
        match self.connection.push_frames(self.now, b"\x81\x01b\x81\x01b"[..].into()) {
            Ok(()) => self.pushed += 2,
            Err(SendError::Closing) => assert!(!self.connection.is_open()),
            Err(SendError::Unmasked) => assert_eq!(self.connection.role(), Role::Client),
            Err(error) => assert!(!wanted, "{error}"),
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.connection.handle_timeout(self.now);
        let due = self.connection.poll_timeout().is_some_and(|at| at <= self.now);
        assert!(!due, "what was due is done: {:?}", self.connection);
    }

    fn check(&mut self) {
        let closing = self.connection.closing();
        assert!(closing >= self.closing, "never back");
        self.closing = closing;
        let connection = &self.connection;
        assert!(connection.unsent_bytes() < 300_000 && connection.unsent() <= 64);
        if closing == Closing::Abort {
            assert!(connection.poll_timeout().is_none() && !connection.wants_input());
        }
    }

    fn finish(&mut self) {
        loop {
            self.take_all();
            self.read_all();
            self.check();
            if !self.take() {
                break;
            }
        }
        for _ in 0..4 {
            self.wait(Duration::from_secs(100));
            self.take_all();
            self.read_all();
        }
        self.take_all();
        self.check();
        assert_eq!(self.closing, Closing::Abort, "{:?}", self.connection);
        let closed = self.closed.as_ref().expect("the end is told");
        assert!(closed.unsent <= self.accepted.len());
        self.check_messages(closed.unsent);
    }

    /// What the peer has read are the first messages that were accepted, all but those that are told as unsent.
    fn check_messages(&self, unsent: usize) {
        let (mut whole, mut pushed, mut open): (Vec<Vec<u8>>, usize, Option<Vec<u8>>) = (Vec::new(), 0, None);
        for frame in &self.seen {
            match frame.opcode {
                1 => pushed += 1,
                2 => assert!(open.replace(frame.payload.clone()).is_none(), "one message at a time"),
                0 => open.as_mut().expect("a message has begun").extend(&frame.payload),
                _ => continue,
            }
            if frame.fin {
                whole.extend(open.take());
            }
        }
        assert!(self.accepted.starts_with(&whole), "once each, and in order");
        assert!(pushed <= self.pushed && pushed % 2 == 0 || self.peer.is_in_a_frame());
        assert!(whole.len() + unsent >= self.accepted.len(), "{} {unsent} {}", whole.len(), self.accepted.len());
    }
}
