use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use tidewire_core::Closing;
use tidewire_core::client::{Change, CloseReason, Reconnect, State};

use tidewire_std::trace::Event as _;
use tidewire_std::{Asked, Clock, Control, Handle, Turns, trace};

use crate::alarm::Alarm;
use crate::connector::{Connecting, Connector, Steps, Transport};
use crate::link::Link;

/// Drives a machine that reconnects, over one socket after the other.
#[derive(Debug)]
pub(crate) struct Reconnecting<M: Reconnect> {
    machine: M,
    connector: Connector,
    socket: Socket,
    /// The event that [`opened`](Self::opened) waited for.
    ahead: Option<M::Event>,
    ended: Option<Box<CloseReason>>,
    control: Control,
    clock: Clock,
    alarm: Alarm,
    turns: Turns,
}

impl<M: Reconnect<Event: trace::Event>> Reconnecting<M> {
    /// Drives `machine`, which is told the time of `clock`.
    pub(crate) fn new(machine: M, connector: Connector, clock: Clock) -> Self {
        let control = Control::new(machine.source(), clock);
        Self {
            machine,
            connector,
            socket: Socket::None,
            ahead: None,
            ended: None,
            control,
            clock,
            alarm: Alarm::default(),
            turns: Turns::default(),
        }
    }

    /// Waits until it is open; at once when it is.
    pub(crate) async fn opened(&mut self) -> Result<(), CloseReason> {
        poll_fn(|context| self.poll_opened(context)).await
    }

    /// Waits for the next event; none after the last.
    pub(crate) async fn next(&mut self) -> Option<M::Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<M::Event>> {
        if self.ahead.is_some() {
            return Poll::Ready(self.ahead.take());
        }
        self.poll(context, true)
    }

    /// Goes on without taking events of a connection.
    pub(crate) fn poll_on(&mut self, context: &mut Context<'_>) -> Poll<Option<M::Event>> {
        self.poll(context, false)
    }

    fn poll(&mut self, context: &mut Context<'_>, takes: bool) -> Poll<Option<M::Event>> {
        loop {
            match self.control.take(self.machine.source()) {
                Some(Asked::Close) => self.machine.close(self.clock.now()),
                Some(Asked::Restart(restart)) => self.machine.restart(self.clock.now(), restart),
                None => {}
            }
            // Before the clock: a look at it costs as much as a short event.
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
                return Poll::Ready(Some(event));
            }
            if self.machine.source().state() == State::Closed {
                return Poll::Ready(None);
            }
            let now = self.clock.now();
            if let Some(wanted) = self.machine.poll_connect(now) {
                self.machine.handle_clock(now, self.clock.unix());
                trace::connect(&wanted);
                let (attempt, steps) = (wanted.attempt, Steps::default());
                let connecting = Box::pin(self.connector.clone().connect(wanted, steps.clone(), self.clock));
                self.socket = Socket::Connecting { attempt, steps, connecting };
            }
            ready!(self.turns.poll(context));
            let moved = self.poll_socket(context);
            // After reading: what came while the caller was busy is no silence.
            let deadline = self.machine.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.machine.handle_timeout(now);
            } else if moved.is_pending()
                && self.alarm.poll(context, &self.clock, now, deadline).is_pending()
                && !self.control.watch(context, self.machine.source())
            {
                self.turns.rest();
                return Poll::Pending;
            }
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

    fn poll_opened(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        while self.machine.source().state() != State::Open && self.ahead.is_none() && self.ended.is_none() {
            let event = ready!(self.poll_next(context));
            self.ahead = event.filter(|event| !matches!(M::change(event), Some(Change::Disconnected { .. })));
        }
        Poll::Ready(self.ended.as_deref().cloned().map_or(Ok(()), Err))
    }

    fn poll_socket(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.socket {
            Socket::None => return Poll::Pending,
            Socket::Connecting { attempt, steps, connecting } => {
                let (attempt, connected) = (*attempt, connecting.as_mut().poll(context));
                let now = self.clock.now();
                for step in steps.take() {
                    self.machine.handle_progress(now, attempt, step);
                }
                match ready!(connected) {
                    Ok(stream) => {
                        self.socket = Socket::Connected(Link::new(stream));
                        self.machine.handle_connected(now, attempt);
                    }
                    Err(error) => {
                        self.socket = Socket::None;
                        self.machine.handle_connect_failed(now, attempt, error);
                    }
                }
            }
            Socket::Connected(link) => {
                let now = self.clock.now();
                if ready!(link.poll_turn(context, now, &mut self.machine)).is_err() {
                    self.socket = Socket::None;
                    self.machine.handle_reset(now);
                }
            }
        }
        Poll::Ready(())
    }
}

impl<M: Reconnect> Reconnecting<M> {
    /// Drops the connection, or the making of it.
    fn leave(&mut self) {
        if let Socket::Connected(link) = &mut self.socket {
            link.leave();
        }
        self.socket = Socket::None;
    }
}

impl<M: Reconnect> Drop for Reconnecting<M> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Where a machine's bytes go.
enum Socket {
    None,
    Connecting { attempt: u64, steps: Steps, connecting: Connecting },
    Connected(Link<Transport>),
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Connecting { .. } => "Connecting",
            Self::Connected(_) => "Connected",
        })
    }
}
