use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
#[cfg(feature = "json")]
use serde::de::DeserializeOwned;
#[cfg(feature = "json")]
use tidewire_core::client::NextError;
use tidewire_core::client::{self, CloseReason, Config, Event, State};
use tidewire_core::sse::Message;
use tidewire_core::{Closing, Protocol};
use tidewire_std::{Asked, Clock, Control, Handle, Turns, seed, trace};

use crate::alarm::Alarm;
use crate::connector::{Connecting, Connector, Steps, Transport};
use crate::link::Link;

/// Follows an event stream, reconnecting as `config` says and resuming where it was.
///
/// Nothing moves unless [`next`](Self::next) is awaited: it connects, reads, writes and keeps the time until there is an event.
/// Its wait may be given up at any point, as in a `select`; nothing is lost by it. Dropping the source drops the connection.
/// It is a [`Stream`] of its events, too.
#[derive(Debug)]
pub struct EventSource {
    machine: client::EventSource,
    connector: Connector,
    socket: Socket,
    /// The event that [`opened`](Self::opened) waited for.
    ahead: Option<Event>,
    ended: Option<Box<CloseReason>>,
    control: Control,
    clock: Clock,
    alarm: Alarm,
    turns: Turns,
}

impl EventSource {
    /// Prepares to follow the stream; the first wait connects.
    pub fn new(config: Config) -> Self {
        Self::with_connector(config, Connector::new())
    }

    /// Prepares to follow the stream over connections made by `connector`: with a CA of one's own, over a transport of one's
    /// own.
    pub fn with_connector(config: Config, connector: Connector) -> Self {
        let clock = Clock::start();
        let machine = client::EventSource::new(config, seed(), clock.now());
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

    /// Follows the stream and waits until it is [open](Self::opened).
    ///
    /// # Errors
    ///
    /// Why it never will be. How long it is tried, [`Config::first_connection`] says.
    pub async fn open(config: Config) -> Result<Self, CloseReason> {
        let mut source = Self::new(config);
        source.opened().await?;
        Ok(source)
    }

    /// Waits until the stream is open; at once when it is. Its events follow from [`next`](Self::next), the first of them
    /// [`Event::Opened`]; attempts that fail meanwhile are not told there, but to [`Config::on_failure`] and by
    /// [`Handle::status`].
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub async fn opened(&mut self) -> Result<(), CloseReason> {
        poll_fn(|context| self.poll_opened(context)).await
    }

    /// Waits for the next event; none after [`Event::Closed`].
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Waits for the next message; an answer in one piece counts as one. None when the stream is over and
    /// [complete](CloseReason::is_complete). What happens in between, such as a reconnection, is told by [`Handle::status`] and
    /// to the hook of the configuration.
    ///
    /// # Errors
    ///
    /// Why it is over, where it was not complete; the same again when called again.
    pub async fn next_message(&mut self) -> Result<Option<Message>, CloseReason> {
        while let Some(event) = self.next().await {
            if let Some(message) = event.into_message() {
                return Ok(Some(message));
            }
        }
        self.outcome().map(|()| None)
    }

    /// Waits for the next message and decodes its data as JSON, as [`next_message`](Self::next_message) would return it; one
    /// without data is passed over.
    ///
    /// # Errors
    ///
    /// See [`NextError`].
    #[cfg(feature = "json")]
    pub async fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, NextError> {
        while let Some(event) = self.next().await {
            match event.json() {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(NextError::Json { event: Box::new(event), error }),
            }
        }
        self.outcome().map(|()| None).map_err(NextError::Closed)
    }

    /// Does what [`next`](Self::next) does, for those who wait for several things in one `poll`.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.ahead.is_some() {
            return Poll::Ready(self.ahead.take());
        }
        loop {
            match self.control.take(self.machine.source()) {
                Some(Asked::Close) => self.machine.close(self.clock.now()),
                Some(Asked::Restart(restart)) => self.machine.restart(self.clock.now(), restart),
                None => {}
            }
            // Before the clock: a look at it costs as much as a short event.
            let event = self.machine.poll_event();
            if self.machine.closing() == Closing::Abort {
                self.leave();
            }
            if let Some(event) = event {
                trace::client(&event);
                self.control.tell(self.machine.source(), &event);
                if let Event::Closed(reason) = &event {
                    self.ended = Some(Box::new(reason.clone()));
                }
                return Poll::Ready(Some(event));
            }
            if self.machine.state() == State::Closed {
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

    /// Returns a handle to close, restart and watch the source from elsewhere.
    pub fn handle(&self) -> Handle {
        self.control.handle()
    }

    /// Returns the machine: its state, attempt, address, last event ID.
    pub fn machine(&self) -> &client::EventSource {
        &self.machine
    }

    /// Returns the configuration to change, such as a token that runs out, from the next request on. The rules of the delays,
    /// the limits of the stream and the last event ID stay as they were: see [`client::Source::config_mut`].
    pub fn config_mut(&mut self) -> &mut Config {
        self.machine.config_mut()
    }

    /// Returns how far the source is.
    pub fn state(&self) -> State {
        self.machine.state()
    }

    /// Tells how it ended, once it has.
    fn outcome(&self) -> Result<(), CloseReason> {
        self.ended.as_deref().cloned().map_or(Ok(()), CloseReason::into_result)
    }

    fn poll_opened(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        while self.machine.state() != State::Open && self.ahead.is_none() && self.ended.is_none() {
            let event = ready!(self.poll_next(context));
            self.ahead = event.filter(|event| !matches!(event, Event::Disconnected { .. }));
        }
        Poll::Ready(self.ended.as_deref().cloned().map_or(Ok(()), Err))
    }

    /// Drops the connection, or the making of it.
    fn leave(&mut self) {
        if let Socket::Connected(link) = &mut self.socket {
            link.leave();
        }
        self.socket = Socket::None;
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

impl Stream for EventSource {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_next(context)
    }
}

impl Drop for EventSource {
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
