use std::fmt;
use std::net::Shutdown;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use socket2::Socket;
use tidewire_core::client::{Change, CloseReason, Connect, ConnectError, Progress, Reconnect, State, Tunnel};
use tidewire_core::{Closing, Instant, Protocol};

use crate::dial::{Note, dial};
use crate::trace::{self, Event as _};
use crate::transport::{Transport, Turn};
use crate::{Asked, Clock, Control, Handle, connect_error};

/// Drives a machine that reconnects, by blocking sockets.
#[derive(Debug)]
pub(crate) struct Reconnecting<M: Reconnect> {
    machine: M,
    #[cfg(feature = "tls")]
    tls: Option<tidewire_tls::Client>,
    socket: Stage,
    /// Whether something is said while it waits: then the bell must not harm the connection, which is read by a thread of its own.
    listens_apart: bool,
    /// Rings when the application asks for something.
    bell: Waker,
    /// What the thread that connects tells, and the bell.
    notes: (Sender<Note>, Receiver<Note>),
    /// The event that [`opened`](Self::opened) waited for.
    ahead: Option<M::Event>,
    ended: Option<Box<CloseReason>>,
    control: Control,
    clock: Clock,
}

impl<M: Reconnect<Event: trace::Event>> Reconnecting<M> {
    /// Drives `machine`, which is told the time of `clock`.
    pub(crate) fn new(machine: M, clock: Clock) -> Self {
        let notes = mpsc::channel();
        Self {
            control: Control::new(machine.source(), clock),
            machine,
            #[cfg(feature = "tls")]
            tls: None,
            socket: Stage::None,
            listens_apart: false,
            bell: Bell::waker(&notes.0, None),
            notes,
            ahead: None,
            ended: None,
            clock,
        }
    }

    /// Has each connection read by a thread of its own, so that it can be spoken on while it waits.
    pub(crate) const fn listen_apart(&mut self) {
        self.listens_apart = true;
    }

    #[cfg(feature = "tls")]
    pub(crate) fn set_tls(&mut self, client: tidewire_tls::Client) {
        self.tls = Some(client);
    }

    /// Waits until it is open; at once when it is.
    pub(crate) fn opened(&mut self) -> Result<(), CloseReason> {
        while self.machine.source().state() != State::Open && self.ahead.is_none() && self.ended.is_none() {
            let event = self.next();
            self.ahead = event.filter(|event| !matches!(M::change(event), Some(Change::Disconnected { .. })));
        }
        self.ended.as_deref().cloned().map_or(Ok(()), Err)
    }

    /// Waits for the next event; none after the last.
    pub(crate) fn next(&mut self) -> Option<M::Event> {
        if self.ahead.is_some() {
            return self.ahead.take();
        }
        loop {
            match self.step(true) {
                Step::Event(event) => return Some(event),
                Step::Over => return None,
                Step::Turned => {}
            }
        }
    }

    /// Does one thing, waiting for it if need be; takes an event, if there is one and it is wanted.
    pub(crate) fn step(&mut self, takes: bool) -> Step<M::Event> {
        match self.control.take(self.machine.source()) {
            Some(Asked::Close) => self.machine.close(self.clock.now()),
            Some(Asked::Restart(restart)) => self.machine.restart(self.clock.now(), restart),
            None => {}
        }
        let takes = takes || self.machine.closing() == Closing::Abort;
        let event = if takes { self.machine.poll_event() } else { None };
        if self.machine.closing() == Closing::Abort {
            self.leave();
        }
        if let Some(event) = event {
            event.log();
            let change = M::change(&event);
            self.control.tell(self.machine.source(), change);
            if let Some(Change::Closed(reason)) = change {
                self.ended = Some(Box::new(reason.clone()));
            }
            return Step::Event(event);
        }
        if self.machine.source().state() == State::Closed {
            return Step::Over;
        }
        let now = self.clock.now();
        if let Some(wanted) = self.machine.poll_connect(now) {
            self.dial(now, wanted);
        }
        self.turn();
        Step::Turned
    }

    /// Tells whether all that the machine wants to send on its connection is written.
    pub(crate) fn has_written(&mut self) -> bool {
        match &mut self.socket {
            Stage::Connected(transport) => transport.has_written(&mut self.machine),
            _ => true,
        }
    }

    /// Returns a handle to close, restart and watch it from elsewhere.
    pub(crate) fn handle(&self) -> Handle {
        self.control.handle()
    }

    pub(crate) const fn machine(&self) -> &M {
        &self.machine
    }

    pub(crate) const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// Tells how it ended, once it has.
    pub(crate) fn outcome(&self) -> Result<(), CloseReason> {
        self.ended.as_deref().cloned().map_or(Ok(()), CloseReason::into_result)
    }

    /// Waits for what is next: bytes, a step of connecting, a deadline, or the bell.
    fn turn(&mut self) {
        if self.control.watch(&Context::from_waker(&self.bell), self.machine.source()) {
            return;
        }
        let deadline = self.machine.poll_timeout();
        let wait = deadline.map(|at| at - self.clock.now());
        match std::mem::replace(&mut self.socket, Stage::None) {
            Stage::None => drop(self.note(wait)),
            Stage::Dialing(then) => match self.note(wait) {
                Some(Note::Connected(Ok(socket))) => self.connected(socket, then),
                Some(Note::Connected(Err(error))) => self.failed(then.attempt, error),
                Some(Note::Step(step)) => {
                    self.progress(then.attempt, step);
                    self.socket = Stage::Dialing(then);
                }
                Some(Note::Asked | Note::Heard(_)) | None => self.socket = Stage::Dialing(then),
            },
            Stage::Tunnelling(transport, tunnel, then) => self.tunnel(transport, tunnel, then, wait),
            Stage::Securing(transport, attempt) => self.shake(transport, attempt, wait),
            Stage::Connected(transport) => self.carry(transport, wait),
        }
        // After reading: what came while the caller was busy is no silence.
        if deadline.is_some_and(|at| at <= self.clock.now()) {
            self.machine.handle_timeout(self.clock.now());
        }
    }

    fn dial(&mut self, now: Instant, wanted: Connect) {
        self.machine.handle_clock(now, self.clock.unix());
        trace::connect(&wanted);
        // What an attempt that was given up tells goes nowhere.
        self.notes = mpsc::channel();
        self.bell = Bell::waker(&self.notes.0, None);
        let Connect { attempt, peer, tunnel, tls, .. } = wanted;
        dial(peer, self.machine.source().config().connect_timeout, self.notes.0.clone());
        self.socket = Stage::Dialing(Then { attempt, tunnel: tunnel.map(Box::new), tls });
    }

    fn note(&self, wait: Option<Duration>) -> Option<Note> {
        let notes = &self.notes.1;
        wait.map_or_else(|| notes.recv().ok(), |wait| notes.recv_timeout(wait).ok())
    }

    fn connected(&mut self, socket: Socket, mut then: Then) {
        let transport = Transport::new(socket);
        self.bell = Bell::waker(&self.notes.0, Some(transport.socket()));
        self.progress(then.attempt, Progress::Connected);
        match then.tunnel.take() {
            Some(tunnel) => self.socket = Stage::Tunnelling(transport, tunnel, then),
            None => self.reached(transport, then),
        }
    }

    /// Goes on when the peer is the server.
    fn reached(&mut self, transport: Transport, then: Then) {
        match then.tls {
            None => self.established(transport, then.attempt),
            Some(host) => match self.secure(transport, &host) {
                Ok(transport) => self.socket = Stage::Securing(transport, then.attempt),
                Err(error) => self.failed(then.attempt, error),
            },
        }
    }

    fn established(&mut self, mut transport: Transport, attempt: u64) {
        if self.listens_apart {
            match transport.listen_apart() {
                Ok(notes) => self.bell = Bell::waker(&notes, None),
                Err(error) => return self.failed(attempt, connect_error(&error)),
            }
        }
        self.machine.handle_connected(self.clock.now(), attempt);
        self.socket = Stage::Connected(transport);
    }

    fn failed(&mut self, attempt: u64, error: ConnectError) {
        self.machine.handle_connect_failed(self.clock.now(), attempt, error);
    }

    fn progress(&mut self, attempt: u64, step: Progress) {
        self.machine.handle_progress(self.clock.now(), attempt, step);
    }

    fn tunnel(&mut self, mut transport: Transport, mut tunnel: Box<Tunnel>, then: Then, wait: Option<Duration>) {
        let turn = transport.turn(|| self.clock.now(), &mut *tunnel, wait);
        if self.is_asked() {
            return self.socket = Stage::Tunnelling(transport, tunnel, then);
        }
        match turn {
            Ok(Turn::Done) => {}
            Ok(Turn::Ended) => tunnel.handle_eof(self.clock.now()),
            Err(error) => return self.failed(then.attempt, connect_error(&error)),
        }
        match tunnel.poll_event() {
            None => self.socket = Stage::Tunnelling(transport, tunnel, then),
            Some(Ok(())) => {
                self.progress(then.attempt, Progress::Tunnelled);
                self.reached(transport, then);
            }
            Some(Err(error)) => self.failed(then.attempt, error),
        }
    }

    fn carry(&mut self, mut transport: Transport, wait: Option<Duration>) {
        let turn = transport.turn(|| self.clock.now(), &mut self.machine, wait);
        if !self.is_asked() {
            match turn {
                Ok(Turn::Done) => {}
                Ok(Turn::Ended) => self.machine.handle_eof(self.clock.now()),
                Err(_) => return self.machine.handle_reset(self.clock.now()),
            }
        }
        self.socket = Stage::Connected(transport);
    }

    /// Returns whether the bell rang: then it may be what ended the connection, and the machine is told what is asked instead.
    fn is_asked(&self) -> bool {
        self.control.is_asked()
    }
}

#[cfg(feature = "tls")]
impl<M: Reconnect<Event: trace::Event>> Reconnecting<M> {
    fn secure(&mut self, transport: Transport, host: &str) -> Result<Transport, ConnectError> {
        let client = self.tls.get_or_insert_with(tidewire_tls::Client::webpki);
        let name = tidewire_tls::server_name(host).map_err(|error| ConnectError::Tls(error.to_string().into()))?;
        match rustls::ClientConnection::new(Arc::clone(client.config()), name) {
            Ok(connection) => Ok(transport.secure(connection)),
            Err(error) => Err(ConnectError::Tls(tidewire_tls::explain(&error))),
        }
    }

    fn shake(&mut self, mut transport: Transport, attempt: u64, wait: Option<Duration>) {
        let done = transport.shake(wait);
        if self.is_asked() {
            return self.socket = Stage::Securing(transport, attempt);
        }
        match done {
            Ok(true) => self.established(transport, attempt),
            Ok(false) => self.socket = Stage::Securing(transport, attempt),
            Err(error) => self.failed(attempt, ConnectError::Tls(tidewire_tls::explain_io(&error))),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl<M: Reconnect<Event: trace::Event>> Reconnecting<M> {
    fn secure(&mut self, _transport: Transport, _host: &str) -> Result<Transport, ConnectError> {
        Err(ConnectError::NoTls)
    }

    fn shake(&mut self, transport: Transport, attempt: u64, _wait: Option<Duration>) {
        self.established(transport, attempt);
    }
}

impl<M: Reconnect> Reconnecting<M> {
    /// Drops the connection, or the making of it.
    fn leave(&mut self) {
        if let Stage::Connected(transport) = &mut self.socket {
            transport.leave();
        }
        self.socket = Stage::None;
    }
}

impl<M: Reconnect> Drop for Reconnecting<M> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a step came to.
pub(crate) enum Step<E> {
    Event(E),
    /// There may be an event next.
    Turned,
    Over,
}

/// How far the connection of an attempt is.
#[derive(Debug)]
enum Stage {
    None,
    /// A thread connects.
    Dialing(Then),
    Tunnelling(Transport, Box<Tunnel>, Then),
    /// For this attempt.
    Securing(Transport, u64),
    Connected(Transport),
}

/// What is to be done once the peer took the connection.
#[derive(Debug)]
struct Then {
    attempt: u64,
    tunnel: Option<Box<Tunnel>>,
    tls: Option<Box<str>>,
}

/// Ends the wait of the source, whatever it waits for. Each connection has its own, so that one that rings late shuts no
/// younger connection down.
struct Bell {
    notes: Sender<Note>,
    socket: Option<Weak<Socket>>,
}

impl Bell {
    fn waker(notes: &Sender<Note>, socket: Option<&Arc<Socket>>) -> Waker {
        Arc::new(Self { notes: notes.clone(), socket: socket.map(Arc::downgrade) }).into()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(socket) = self.socket.as_ref().and_then(Weak::upgrade) {
            let _ = socket.shutdown(HOW);
        }
        // Nobody receives it when the attempt is another already, which has looked for what is asked.
        let _ = self.notes.send(Note::Asked);
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").finish_non_exhaustive()
    }
}

/// What ends a wait for bytes: of the end that reads alone, where that does, so that TLS can still say goodbye.
const HOW: Shutdown = if cfg!(windows) { Shutdown::Both } else { Shutdown::Read };
