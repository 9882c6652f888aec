use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::coded::Coded;
use super::connect::Step;
use super::policy::Refused;
use super::web_socket::Upgrade;
use super::{CloseReason, Config, Event, Reason, Request, Restart, State};
use crate::backoff::Backoff;
use crate::http::{Method, ResponseHead, Url};
use crate::sse::{self, EventId, Parser};
use crate::{Instant, UnixTime};

mod answered;
mod ending;
mod reading;

use ending::Deadlines;

/// Decides for a stream: what to ask where, whether the answer is a stream, what its bytes say, when to ask again.
///
/// It is told what happens in an order like this: [`poll_request`](Self::poll_request),
/// [`handle_connected`](Self::handle_connected), [`handle_head`](Self::handle_head), [`read`](Self::read) for the body, then
/// [`handle_end`](Self::handle_end) or [`handle_failure`](Self::handle_failure). Anything that comes out of order, or after
/// [`is_attempting`](Self::is_attempting) has become false, is ignored.
#[derive(Debug)]
pub struct Source {
    config: Config,
    /// What is asked for if it is no event stream but a WebSocket.
    upgrade: Option<Box<Upgrade>>,
    backoff: Backoff,
    parser: Parser,
    phase: Phase,
    /// What undoes the coding of the body that is read.
    coded: Option<Box<Coded>>,
    /// The request of the attempt that is made or was made last.
    request: Request,
    /// The method of the attempt before any redirect.
    method: Method,
    /// How many redirects led to it.
    redirects: u32,
    /// How many attempts there were.
    attempt: u64,
    /// Whether a request was sent since the last event that told of an end.
    sent: bool,
    /// The deadlines over all attempts, once the first has begun.
    deadlines: Option<Deadlines>,
    /// Whether the stream was ever open.
    has_opened: bool,
    /// The head of the last response that was the stream.
    response: Option<Box<ResponseHead>>,
    last_error: Option<Box<Reason>>,
    /// The wall time, and when it was that.
    clock: Option<(Instant, UnixTime)>,
    events: VecDeque<Event>,
    /// When there came an event that nobody expects, since nothing was handled: a request that cannot be made.
    told_at: Option<Instant>,
}

impl Source {
    /// Returns the source that `config` describes; the first request is due at once. `seed` is that of the delays.
    pub fn new(config: Config, seed: u64) -> Self {
        Self::with_upgrade(config, seed, None)
    }

    /// Returns the source of the WebSocket that `upgrade` describes, or else of a stream.
    pub(super) fn with_upgrade(config: Config, seed: u64, upgrade: Option<Box<Upgrade>>) -> Self {
        let mut parser = Parser::with_limits(config.limits.clone());
        let resumed = config.fields.get_str("last-event-id").filter(|_| config.last_event_id.is_none());
        if let Some(id) = resumed.or(config.last_event_id.as_ref().map(EventId::as_str)) {
            parser.set_last_event_id(id);
        }
        Self {
            backoff: Backoff::new(config.backoff, seed),
            request: Request::new(&config, parser.last_event_id()),
            method: config.method.clone(),
            config,
            upgrade,
            parser,
            phase: Phase::Due { redirected: false },
            coded: None,
            redirects: 0,
            attempt: 0,
            sent: false,
            deadlines: None,
            has_opened: false,
            response: None,
            last_error: None,
            clock: None,
            events: VecDeque::new(),
            told_at: None,
        }
    }

    /// Tells the wall time, from which a date in `Retry-After` counts where the response has no `Date`. Tell it before each
    /// attempt, for wall clocks are set; where it is never told, such a date is not looked at.
    pub const fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.clock = Some((now, unix));
    }

    /// Returns the request to send, once it is due and all events are taken; connecting counts from here.
    pub fn poll_request(&mut self, now: Instant) -> Option<&Request> {
        let Phase::Due { redirected } = self.phase else { return None };
        if !self.events.is_empty() {
            return None;
        }
        self.attempt += 1;
        if !redirected {
            self.request = match &self.upgrade {
                None => Request::new(&self.config, self.parser.last_event_id()),
                Some(_) => Request::of_web_socket(&self.config),
            };
            self.request.prepare(&self.config, self.attempt);
            self.redirects = 0;
            self.sent = false;
        }
        let prepared = match &mut self.upgrade {
            Some(upgrade) => upgrade.prepare(&mut self.request, redirected).map_err(CloseReason::Offer),
            None if self.request.url.is_web_socket() => {
                Err(CloseReason::WebSocketUrl(Box::new(self.request.url.clone())))
            }
            None => Ok(()),
        };
        if let Err(reason) = prepared {
            self.told_at = Some(now);
            self.finish(reason);
            return None;
        }
        if !redirected {
            self.method = self.request.method.clone();
        }
        self.start_deadlines(now);
        let until = after(now, self.config.connect_timeout);
        self.phase = Phase::Connecting { step: Step::Connect, proxy: None, until };
        Some(&self.request)
    }

    /// Notes that a step of connecting begins, to a proxy if one is named.
    pub(super) fn handle_step(&mut self, now: Instant, step: Step, proxy: Option<Box<str>>) {
        if let Phase::Connecting { .. } = self.phase {
            self.phase = Phase::Connecting { step, proxy, until: after(now, step.timeout(&self.config)) };
        }
    }

    /// Returns what the making of a connection is about, while there is one made.
    pub(super) const fn step(&self) -> Option<Step> {
        if let Phase::Connecting { step, .. } = self.phase { Some(step) } else { None }
    }

    /// Notes that the connection stands and the request is about to be sent, or that somebody else's HTTP stack, which does
    /// not tell when it is connected, has the request: [`Config::head_timeout`] counts from here.
    pub fn handle_connected(&mut self, now: Instant) {
        if let Phase::Connecting { .. } = self.phase {
            self.phase = Phase::Head { until: after(now, self.config.head_timeout) };
        }
    }

    /// Notes that bytes came, whatever they were.
    pub fn handle_activity(&mut self, now: Instant) {
        if self.upgrade.is_some() {
            return;
        }
        if let Phase::Open { silent_at, untouched: false } | Phase::Answer { silent_at, untouched: false, .. } =
            &mut self.phase
        {
            *silent_at = after(now, self.config.read_timeout);
        }
    }

    /// Notes that the application waits again after it had an event: the silence of an open stream counts from here.
    ///
    /// For a driver whose HTTP stack reads only while it is asked: what came meanwhile may need a moment to arrive.
    pub fn handle_resumed(&mut self, now: Instant) {
        if let Phase::Open { silent_at, untouched: true } | Phase::Answer { silent_at, untouched: true, .. } =
            &mut self.phase
        {
            *silent_at = after(now, self.config.first_byte_timeout);
        }
        self.handle_activity(now);
    }

    /// Notes that the body of the response is complete.
    pub fn handle_end(&mut self, now: Instant) {
        if let Some(Err(reason)) = self.coded.take().map(|coded| coded.finish()) {
            return self.handle_failure(now, reason);
        }
        match self.phase {
            Phase::Open { .. } => {
                let mid_event = self.parser.finish() != sse::End::Clean;
                let unfinished = self.config.marks.must_end();
                self.lose(now, if unfinished { Reason::Unfinished { mid_event } } else { Reason::Ended { mid_event } });
            }
            Phase::Answer { .. } => self.answer(),
            Phase::Refused { .. } => self.settle(now, false),
            Phase::Connecting { .. } | Phase::Head { .. } => self.lose(now, Reason::NoResponse),
            Phase::Due { .. } | Phase::Waiting { .. } | Phase::Closed => {}
        }
    }

    /// Notes that the attempt failed, or that the response ended before its time.
    pub fn handle_failure(&mut self, now: Instant, reason: Reason) {
        match self.phase {
            Phase::Connecting { .. } | Phase::Head { .. } | Phase::Open { .. } | Phase::Answer { .. } => {
                self.lose(now, reason);
            }
            Phase::Refused { .. } => self.settle(now, true),
            Phase::Due { .. } | Phase::Waiting { .. } | Phase::Closed => {}
        }
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        let passed = Option::unwrap_or_default;
        if self.poll_last_timeout().is_some_and(|at| at <= now) {
            return self.run_out(now);
        }
        match self.phase {
            Phase::Connecting { step, ref mut proxy, .. } => {
                let proxy = proxy.take();
                self.lose(now, step.timed_out(passed(step.timeout(&self.config)), proxy));
            }
            Phase::Head { .. } => self.lose(now, Reason::HeadTimeout { after: passed(self.config.head_timeout) }),
            Phase::Refused { .. } => self.settle(now, true),
            Phase::Open { untouched: true, .. } | Phase::Answer { untouched: true, .. } => {
                self.lose(now, Reason::FirstByteTimeout { after: passed(self.config.first_byte_timeout) });
            }
            Phase::Open { .. } | Phase::Answer { .. } => {
                self.lose(now, Reason::ReadTimeout { after: passed(self.config.read_timeout) });
            }
            Phase::Waiting { .. } => self.phase = Phase::Due { redirected: false },
            Phase::Due { .. } | Phase::Closed => {}
        }
    }

    /// Drops the connection, if there is one, and connects again; after the end nothing.
    pub fn restart(&mut self, now: Instant, restart: Restart) {
        match (&self.phase, restart) {
            (Phase::Closed | Phase::Due { redirected: false }, _) | (Phase::Waiting { .. }, Restart::AfterDelay) => {}
            (Phase::Waiting { .. }, Restart::AtOnce) => self.phase = Phase::Due { redirected: false },
            (
                Phase::Due { redirected: true }
                | Phase::Connecting { .. }
                | Phase::Head { .. }
                | Phase::Refused { .. }
                | Phase::Answer { .. }
                | Phase::Open { .. },
                _,
            ) => {
                let _ = self.parser.finish();
                match restart {
                    Restart::AtOnce => {
                        self.disconnected(now, Reason::Restart, Duration::ZERO);
                        self.phase = Phase::Due { redirected: false };
                    }
                    Restart::AfterDelay => {
                        let delay = self.backoff.fail(now);
                        self.disconnected(now, Reason::Restart, delay);
                    }
                }
            }
        }
    }

    /// Ends it all; once more does nothing.
    pub fn close(&mut self) {
        if !matches!(self.phase, Phase::Closed) {
            self.finish(CloseReason::Requested);
        }
    }

    /// Returns the next event that waits.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() {
            self.told_at = None;
        }
        event
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.told_at.is_some() {
            return self.told_at;
        }
        let own = match self.phase {
            Phase::Connecting { until, .. }
            | Phase::Head { until }
            | Phase::Open { silent_at: until, .. }
            | Phase::Answer { silent_at: until, .. } => until,
            Phase::Refused { until, .. } | Phase::Waiting { until } => Some(until),
            Phase::Due { .. } | Phase::Closed => None,
        };
        [own, self.poll_last_timeout()].into_iter().flatten().min()
    }

    /// Returns when it is over whatever happens until then, events that nobody takes included: a deadline over all attempts.
    pub fn poll_last_timeout(&self) -> Option<Instant> {
        if matches!(self.phase, Phase::Closed) { None } else { self.last_deadline().map(|deadline| deadline.at) }
    }

    /// Returns how far the source is.
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Open { .. } => State::Open,
            Phase::Closed => State::Closed,
            Phase::Due { .. }
            | Phase::Connecting { .. }
            | Phase::Head { .. }
            | Phase::Refused { .. }
            | Phase::Answer { .. }
            | Phase::Waiting { .. } => State::Connecting,
        }
    }

    /// Returns whether an attempt is being made: whether the connection of the last request is wanted.
    pub const fn is_attempting(&self) -> bool {
        match self.phase {
            Phase::Connecting { .. }
            | Phase::Head { .. }
            | Phase::Refused { .. }
            | Phase::Answer { .. }
            | Phase::Open { .. } => true,
            Phase::Due { .. } | Phase::Waiting { .. } | Phase::Closed => false,
        }
    }

    /// Returns whether the connection of the last request is being made.
    pub(super) const fn is_connecting(&self) -> bool {
        matches!(self.phase, Phase::Connecting { .. })
    }

    /// Returns the request of the attempt that is made or was made last.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Returns how many attempts there were, each hop of a redirect counted.
    pub const fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Returns how the last attempt failed or connection ended, if any did; a restart that was asked for is no failure. It
    /// stays when the stream is open again, and after the end.
    pub fn last_error(&self) -> Option<&Reason> {
        self.last_error.as_deref()
    }

    /// Returns when the next attempt begins, while it is waited for.
    pub const fn retry_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// Returns the head of the response that the last event came over, or that of the stream now open.
    pub fn response(&self) -> Option<&ResponseHead> {
        self.response.as_deref()
    }

    /// Returns how many failures in a row there were.
    pub const fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// Returns the last event ID: what the next request resumes after.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Returns the reconnection time: the server's, else the configured base.
    pub fn reconnection_time(&self) -> Duration {
        self.backoff.reconnection_time()
    }

    /// Returns where the last request went.
    pub const fn url(&self) -> &Url {
        &self.request.url
    }

    /// Returns the configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the configuration to change: what is asked for where, and for how long, from the next request on. What was
    /// built at the start stays: the last event ID, the rules of the delays, the limits of the stream.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Notes that the open connection delivered something.
    pub(super) fn delivered(&mut self) {
        self.backoff.delivered();
    }

    /// Returns what makes this a source of a WebSocket.
    pub(super) fn web_socket(&self) -> Option<&Upgrade> {
        self.upgrade.as_deref()
    }

    /// Returns what makes this a source of a WebSocket.
    pub(super) fn web_socket_mut(&mut self) -> Option<&mut Upgrade> {
        self.upgrade.as_deref_mut()
    }
}

#[derive(Debug)]
enum Phase {
    /// A request is to be sent: the configured one, or that which a redirect led to.
    Due {
        redirected: bool,
    },
    Connecting {
        step: Step,
        /// The host and port of the proxy that it is about, if it is about one.
        proxy: Option<Box<str>>,
        until: Option<Instant>,
    },
    /// The request was sent.
    Head {
        until: Option<Instant>,
    },
    /// The response is not the stream; what it says is read.
    Refused {
        until: Instant,
        head: Box<ResponseHead>,
        /// Why it is not.
        refused: Refused,
        body: Vec<u8>,
    },
    Open {
        silent_at: Option<Instant>,
        /// Whether the first byte of the stream is waited for, for a time of its own.
        untouched: bool,
    },
    /// The response is no stream but an answer in one piece.
    Answer {
        silent_at: Option<Instant>,
        /// As of an open stream.
        untouched: bool,
        head: Box<ResponseHead>,
        body: Vec<u8>,
    },
    Waiting {
        until: Instant,
    },
    Closed,
}

fn after(now: Instant, time: Option<Duration>) -> Option<Instant> {
    time.map(|time| now + time)
}
