//! Two ends of a WebSocket back to back: the test is their network and their clock. On the way it holds both machines to the contract.

use std::collections::VecDeque;
use std::time::Duration;

use tidewire_core::ws::{Agreed, Closed, Config, Connection, Event};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};

/// Both ends. `CLIENT` and `SERVER` are their places.
#[derive(Debug)]
pub struct Pair {
    /// The ends.
    pub ends: [Side; 2],
    /// The time; see [`advance`](Self::advance).
    pub now: Instant,
}

/// One end, its application and its socket.
#[derive(Debug)]
pub struct Side {
    /// It.
    pub machine: Connection,
    /// What the application was told.
    pub told: Vec<Event>,
    /// Whether the application takes events.
    pub takes: bool,
    /// Whether the socket takes what is to be sent.
    pub writes: bool,
    /// How it ended, when that was told.
    pub closed: Option<Closed>,
    /// How many bytes the other end was given.
    pub delivered: usize,
    /// What was written and not delivered.
    wire: VecDeque<u8>,
    /// Whether nothing is behind it.
    is_finished: bool,
    /// Whether it was told that the other end has finished.
    has_heard_end: bool,
    closing: Closing,
}

/// The client's place.
pub const CLIENT: usize = 0;
/// The server's place.
pub const SERVER: usize = 1;

/// What an application does with what it is told.
pub type Application<'a> = &'a mut dyn FnMut(usize, &Event, &mut Connection);

impl Pair {
    /// Connects two ends, each as its config has it.
    pub fn new(client: Config, server: Config) -> Self {
        let (agreed, now) = (Agreed::default(), Instant::START);
        let client = Connection::client(client, &agreed, now, Box::new(SplitMix64::new(7)));
        let server = Connection::server(server, &agreed, now);
        Self { ends: [client, server].map(Side::new), now }
    }

    /// Lets the ends do what they can, and delivers everything, until nothing moves.
    pub fn run(&mut self, application: Application<'_>) {
        while self.step(application, [usize::MAX; 2]) {}
    }

    /// Lets the ends do what they can, and delivers at most so many bytes of each end; tells whether anything moved.
    pub fn step(&mut self, application: Application<'_>, most: [usize; 2]) -> bool {
        let mut has_moved = false;
        for place in [CLIENT, SERVER] {
            has_moved |= self.settle(place, application);
        }
        for from in [CLIENT, SERVER] {
            has_moved |= self.deliver(from, most[from]);
        }
        has_moved
    }

    /// Lets one end do what it can: its application take events, its socket take pieces.
    pub fn settle(&mut self, place: usize, application: Application<'_>) -> bool {
        let side = &mut self.ends[place];
        let mut has_moved = false;
        let mut is_silent = false;
        loop {
            let closing = side.machine.closing();
            assert!(closing >= side.closing, "never back: {:?} {closing:?}", side.closing);
            side.closing = closing;
            if closing == Closing::Abort {
                // What is in the socket still arrives; nothing is behind it.
                side.is_finished = true;
            }
            if let Some(event) = side.takes.then(|| side.machine.poll_event()).flatten() {
                assert_eq!(side.closed, None, "nothing is told after the end: {event:?}");
                application(place, &event, &mut side.machine);
                if let Event::Closed(closed) = &event {
                    side.closed = Some(closed.clone());
                }
                side.told.push(event);
                is_silent = false;
            } else if is_silent || !side.writes {
                return has_moved;
            } else if let Some(piece) = side.machine.poll_transmit() {
                assert!(!piece.is_empty() && !side.is_finished, "{:?}", side.machine);
                side.wire.extend(piece);
            } else {
                is_silent = true;
                side.is_finished |= side.machine.closing() == Closing::Finish;
                continue;
            }
            has_moved = true;
        }
    }

    /// Gives what one end has written to the other, at most so many bytes, and its end if nothing is behind them.
    pub fn deliver(&mut self, from: usize, most: usize) -> bool {
        let now = self.now;
        let [client, server] = &mut self.ends;
        let (from, to) = if from == CLIENT { (client, server) } else { (server, client) };
        if to.machine.closing() == Closing::Abort {
            let had = !from.wire.is_empty();
            from.wire.clear();
            return had;
        }
        if !to.machine.wants_input() || most == 0 {
            return false;
        }
        if from.wire.is_empty() {
            if !from.is_finished || to.has_heard_end {
                return false;
            }
            to.has_heard_end = true;
            to.machine.handle_eof(now);
            return true;
        }
        let len = from.wire.len().min(most);
        let bytes: Vec<u8> = from.wire.drain(..len).collect();
        from.delivered += len;
        to.machine.handle_input(now, &bytes);
        true
    }

    /// Breaks the connection for one end, or ends it for it as if the other had; what was not delivered to it is lost. The other end
    /// hears of it behind what was delivered to it.
    pub fn lose(&mut self, place: usize, is_reset: bool) {
        let now = self.now;
        self.ends[1 - place].wire.clear();
        let side = &mut self.ends[place];
        side.has_heard_end = true;
        if is_reset {
            side.machine.handle_reset(now);
        } else {
            side.machine.handle_eof(now);
        }
    }

    /// Lets time pass, deadline by deadline.
    pub fn advance(&mut self, time: Duration, application: Application<'_>) {
        let end = self.now + time;
        loop {
            let next = self.ends.iter().filter_map(|side| side.machine.poll_timeout()).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            for side in &mut self.ends {
                side.machine.handle_timeout(self.now);
            }
            self.step(application, [usize::MAX; 2]);
        }
        self.now = end;
    }

    /// Tells whether both ends have dropped their sockets.
    pub fn is_over(&self) -> bool {
        self.ends.iter().all(|side| side.machine.closing() == Closing::Abort)
    }
}

impl Side {
    fn new(machine: Connection) -> Self {
        Self {
            machine,
            told: Vec::new(),
            takes: true,
            writes: true,
            closed: None,
            delivered: 0,
            wire: VecDeque::new(),
            is_finished: false,
            has_heard_end: false,
            closing: Closing::No,
        }
    }
}
