//! An application that sends each message back, on a connection that is tested by [`Peer`].

use tidewire_core::ws::{Agreed, CloseReason, Closed, Config, Connection, Event, Role};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};

use crate::naive_peer::{Peer, Seen};
use crate::vectors_ws::{Answer, Frame};
use crate::ws_script::answers;

/// A connection under test, whose application sends each message back, and the peer that tests it.
#[derive(Debug)]
pub struct Echo {
    /// Which end is tested.
    pub role: Role,
    /// It.
    pub machine: Connection,
    /// The other end.
    pub peer: Peer,
    /// The frames that went out.
    pub frames: Vec<Seen>,
    /// What the application was told.
    pub events: Vec<Event>,
}

impl Echo {
    /// Begins the end of this role.
    pub fn new(role: Role, config: Config) -> Self {
        Self::agreed(role, config, &Agreed::default())
    }

    /// Begins it with what was agreed on.
    pub fn agreed(role: Role, config: Config, agreed: &Agreed) -> Self {
        let machine = match role {
            Role::Server => Connection::server(config, agreed, NOW),
            Role::Client => Connection::client(config, agreed, NOW, Box::new(SplitMix64::new(5))),
        };
        Self { role, machine, peer: Peer::new(other(role)), frames: Vec::new(), events: Vec::new() }
    }

    /// Hands over `bytes`, and then all that there is to do is done, as a driver does it.
    ///
    /// # Panics
    ///
    /// If an answer is not taken to be sent, or what goes out is no frame.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.machine.handle_input(NOW, bytes);
        self.drive();
    }

    fn drive(&mut self) {
        loop {
            if let Some(event) = self.machine.poll_event() {
                if let Event::Message(message) = &event {
                    self.machine.send(NOW, message).expect("there is room for an answer");
                }
                self.events.push(event);
            } else if let Some(bytes) = self.machine.poll_transmit() {
                self.peer.take(&bytes);
            } else {
                break;
            }
        }
        while let Some(frame) = self.peer.read() {
            self.frames.push(frame);
        }
    }

    /// Returns what has gone out, messages whole.
    pub fn answers(&self) -> Vec<Answer> {
        answers(&self.frames)
    }

    /// The peer closes with 1000, and is answered with that alone.
    ///
    /// # Panics
    ///
    /// If it is answered otherwise.
    pub fn close(&mut self) {
        let mut stream = Vec::new();
        let payload = 1000_u16.to_be_bytes().to_vec();
        self.peer.write(&Frame { fin: true, opcode: 8, payload, ..Frame::default() }, &mut stream);
        self.feed(&stream);
        assert_eq!(self.answers(), [Answer::Close(vec![1000])]);
    }

    /// The peer ends the connection, after a close frame of ours went out; the application is told of it once, and last.
    ///
    /// # Panics
    ///
    /// If not, or if it was the peer's fault and should not be, or the other way round.
    pub fn finish(&mut self, name: &str, fault: bool) {
        assert!(!self.peer.is_in_a_frame(), "{name}: part of a frame went out");
        // RFC 6455 §7.1.1: "in most normal cases … the server … closes the TCP connection first".
        if self.role == Role::Server {
            assert_eq!(self.machine.closing(), Closing::Finish, "{name}");
        }
        self.machine.handle_eof(NOW);
        self.drive();
        assert_ne!(self.machine.closing(), Closing::No, "{name}");
        let closed = self.events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        assert_eq!(closed, 1, "{name}");
        let Some(Event::Closed(Closed { why, is_clean, .. })) = self.events.last() else {
            panic!("{name}: {:?}", self.events.last())
        };
        match why {
            CloseReason::Fault(_) => assert!(fault, "{name}: {why}"),
            CloseReason::Peer => assert!(!fault && *is_clean, "{name}: {why}"),
            other => panic!("{name}: {other}"),
        }
    }
}

/// Returns a message in frames of so many octets; `rsv` stands on the first.
pub fn fragments(opcode: u8, payload: &[u8], each: usize, rsv: u8) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        payload.chunks(each).map(|part| Frame { payload: part.to_vec(), ..Frame::default() }).collect();
    if frames.is_empty() {
        frames.push(Frame::default());
    }
    if let Some(first) = frames.first_mut() {
        (first.opcode, first.rsv) = (opcode, rsv);
    }
    if let Some(last) = frames.last_mut() {
        last.fin = true;
    }
    frames
}

/// Returns the role of the other end.
pub fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

const NOW: Instant = Instant::START;
