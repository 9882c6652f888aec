use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use futures_core::Stream;
#[cfg(feature = "json")]
use serde::de::DeserializeOwned;
use tidewire_core::Instant;
#[cfg(feature = "json")]
use tidewire_core::client::NextError;
use tidewire_core::client::{self, CloseReason, Config, Event, Reason, Reconnect as _, Source, State};
use tidewire_core::sse::Message;
use tidewire_std::trace::{self, Event as _};
use tidewire_std::{Asked, Clock, Control, Handle, Turns, seed};

use crate::exchange::{Exchange, Receiving, head_of, in_words};
use crate::{BoxError, Timer, Transport};

/// Follows an event stream over somebody else's HTTP, reconnecting as `config` says and resuming where it was.
///
/// Nothing moves unless [`next`](Self::next) is awaited: it sends, reads and keeps the time until there is an event. Its wait
/// may be given up at any point, as in a `select`; nothing is lost by it. At most one frame of the body waits undecoded, and no
/// other is read before: an application that takes its time slows the server down. Dropping the source cancels its request.
///
/// Of [`Config`] all counts but what is the stack's: `proxies`, `unix_socket`, `head_limits` and the timeouts of the steps of
/// connecting (`resolve_timeout`, `connect_timeout`, `tunnel_timeout`, `tls_timeout`). A stack has its own; else connecting is part
/// of `head_timeout`.
pub struct EventSource<T: Transport, S> {
    transport: T,
    timer: S,
    source: Source,
    exchange: Exchange<T>,
    /// When the stack was last asked: the time of what comes of it.
    now: Instant,
    /// The event that [`opened`](Self::opened) waited for.
    ahead: Option<Event>,
    ended: Option<Box<CloseReason>>,
    control: Control,
    turns: Turns,
    /// Whether the application had an event since the stack was asked for more.
    resumed: bool,
    error: Option<BoxError>,
}

#[cfg(feature = "tokio")]
impl<T: Transport> EventSource<T, crate::TokioTimer> {
    /// Prepares to follow the stream, with the timers of tokio; the first wait sends the request.
    pub fn new(transport: T, config: Config) -> Self {
        Self::with_timer(transport, config, crate::TokioTimer::default())
    }
}

impl<T: Transport, S: Timer> EventSource<T, S> {
    /// Prepares to follow the stream, with timers of one's choice; the first wait sends the request.
    pub fn with_timer(transport: T, config: Config, timer: S) -> Self {
        let source = Source::new(config, seed());
        let now = timer.now();
        let control = Control::new(&source, Clock::showing(now));
        Self {
            transport,
            timer,
            source,
            exchange: Exchange::None,
            now,
            ahead: None,
            ended: None,
            control,
            turns: Turns::default(),
            resumed: false,
            error: None,
        }
    }

    /// Waits until the stream is open; at once when it is. Its events follow from [`next`](Self::next), the first of them
    /// [`Event::Opened`]; attempts that fail meanwhile are not told there, but by [`Handle::status`].
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
    pub async fn next_json<M: DeserializeOwned>(&mut self) -> Result<Option<M>, NextError> {
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
        if let Some(event) = self.ahead.take() {
            return Poll::Ready(Some(event));
        }
        loop {
            match self.control.take(&self.source) {
                Some(Asked::Close) => self.source.close(),
                Some(Asked::Restart(restart)) => self.source.restart(self.timer.now(), restart),
                None => {}
            }
            // Before the clock: a look at it costs as much as a short event.
            let event = self.decode();
            if !self.source.is_attempting() {
                self.exchange = Exchange::None;
            }
            if let Some(event) = event {
                event.log();
                self.control.tell(&self.source, client::EventSource::change(&event));
                if let Event::Closed(reason) = &event {
                    self.ended = Some(Box::new(reason.clone()));
                }
                self.resumed = true;
                return Poll::Ready(Some(event));
            }
            if self.source.state() == State::Closed {
                return Poll::Ready(None);
            }
            let now = self.timer.now();
            self.now = now;
            if std::mem::take(&mut self.resumed) {
                self.source.handle_resumed(now);
            }
            if !self.begin() {
                continue;
            }
            ready!(self.turns.poll(context));
            let moved = self.poll_exchange(context);
            // After reading: what came while the caller was busy is no silence.
            let deadline = if self.has_unread() { self.source.poll_last_timeout() } else { self.source.poll_timeout() };
            if deadline.is_some_and(|at| at <= now) {
                self.source.handle_timeout(now);
            } else if moved.is_pending()
                && deadline.is_none_or(|at| self.timer.poll_until(context, at).is_pending())
                && !self.control.watch(context, &self.source)
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
    pub fn machine(&self) -> &Source {
        &self.source
    }

    /// Returns the configuration to change, such as a token that runs out, from the next request on. The rules of the delays,
    /// the limits of the stream and the last event ID stay as they were: see [`Source::config_mut`].
    pub fn config_mut(&mut self) -> &mut Config {
        self.source.config_mut()
    }

    /// Returns how far the source is.
    pub fn state(&self) -> State {
        self.source.state()
    }

    /// Returns the stack's own error of the last [`Reason::Stack`], to look into; none once a later attempt is answered.
    pub fn stack_error(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.error.as_deref()
    }

    /// Tells how it ended, once it has.
    fn outcome(&self) -> Result<(), CloseReason> {
        self.ended.as_deref().cloned().map_or(Ok(()), CloseReason::into_result)
    }

    fn poll_opened(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        while self.source.state() != State::Open && self.ahead.is_none() && self.ended.is_none() {
            let event = ready!(self.poll_next(context));
            self.ahead = event.filter(|event| !matches!(event, Event::Disconnected { .. }));
        }
        Poll::Ready(self.ended.as_deref().cloned().map_or(Ok(()), Err))
    }

    /// Returns the next event of what was received.
    fn decode(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.source.poll_event() {
                return Some(event);
            }
            let Exchange::Receiving(response) = &mut self.exchange else { return None };
            let data = response.unread()?;
            let (used, event) = self.source.read(self.now, data.chunk());
            data.advance(used);
            if event.is_some() {
                return event;
            }
        }
    }

    /// Returns whether something was received that is not decoded.
    fn has_unread(&self) -> bool {
        matches!(&self.exchange, Exchange::Receiving(response) if response.has_unread())
    }

    /// Sends the request that is due, if one is; false when that failed at once, which the source has to tell.
    fn begin(&mut self) -> bool {
        let now = self.now;
        let Some(request) = self.source.poll_request(now) else { return true };
        let begun = Exchange::begin(&mut self.transport, request);
        self.source.handle_clock(now, self.timer.unix());
        trace::request(self.source.attempt(), self.source.url());
        match begun {
            Ok(exchange) => {
                self.exchange = exchange;
                // The stack connects when it likes and does not tell.
                self.source.handle_connected(now);
                true
            }
            Err(error) => {
                self.fail(false, error.into());
                false
            }
        }
    }

    fn poll_exchange(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.exchange {
            Exchange::None => return Poll::Pending,
            Exchange::Sending(response) => match ready!(response.as_mut().poll(context)) {
                Ok(response) => {
                    self.error = None;
                    self.source.handle_head(self.now, Box::new(head_of(&response)));
                    self.exchange = Exchange::Receiving(Receiving::new(response.into_body()));
                }
                Err(error) => self.fail(!T::is_unsent(&error), error.into()),
            },
            Exchange::Receiving(response) => match ready!(response.poll_data(context)) {
                Ok(true) => self.source.handle_activity(self.now),
                Ok(false) => {
                    self.exchange = Exchange::None;
                    self.source.handle_end(self.now);
                }
                Err(error) => self.fail(true, error.into()),
            },
        }
        Poll::Ready(())
    }

    fn fail(&mut self, sent: bool, error: BoxError) {
        self.exchange = Exchange::None;
        let reason = Reason::Stack { sent, error: in_words(&error) };
        self.error = Some(error);
        self.source.handle_failure(self.now, reason);
    }
}

/// What is pinned stands in boxes.
impl<T: Transport, S> Unpin for EventSource<T, S> {}

/// The events as [`EventSource::next`] gives them.
impl<T: Transport, S: Timer> Stream for EventSource<T, S> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_next(context)
    }
}

impl<T: Transport, S: fmt::Debug> fmt::Debug for EventSource<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("source", &self.source)
            .field("exchange", &self.exchange)
            .field("timer", &self.timer)
            .finish_non_exhaustive()
    }
}
