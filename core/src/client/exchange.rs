//! Requests with one bounded answer each, one after another over one connection: for everything that is not a stream.
//!
//! ```text
//!  Idle ──request()──► Head ──head──► Body ──end of body──► Idle, or Ended if the connection is not kept
//!    └──────────────────┴──────────────┴──── end of stream, broken rule, limit, deadline ────► Ended
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use core::{error, fmt, mem};

use bytes::Bytes;

use super::Connect;
use super::connect::Route;
use crate::http::{
    BodyError, BodyReader, FramingError, HeadError, HeadLimits, HeadReader, Method, RequestHead, ResponseHead, Url,
};
use crate::{Closing, Instant, Protocol, client, http};

/// Limits and timing of an [`Exchange`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Limits of the answer's head; beyond them the exchange ends with [`CloseReason::Head`]. Default 16 KiB, 100 fields.
    pub head: HeadLimits,
    /// Longest body of an answer, in bytes; beyond it the exchange ends with [`CloseReason::TooLong`]. Default 1 MiB (ours: no
    /// answer of the program's interface comes near).
    pub max_body: usize,
    /// Time from a request to the end of its answer; after it the exchange ends with [`CloseReason::TimedOut`]. Default 30 s
    /// (that of most HTTP libraries).
    pub timeout: Duration,
    /// How many answers may be awaited at once; one request more is [`RequestError::Busy`]. Default 1. With more, requests are
    /// pipelined (RFC 9112 §9.3.2): only for what may be sent again, or need not be, because of those that are awaited when the
    /// connection ends nobody knows whether they were heard.
    pub max_awaited: usize,
}

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status and fields.
    pub head: ResponseHead,
    /// The body, without its framing.
    pub body: Bytes,
}

/// What an [`Exchange`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The answer to the oldest request that has none; the next one may be sent, unless `Closed` follows.
    Answered(Answer),
    /// The connection is of no more use.
    Closed(CloseReason),
}

/// Why an [`Exchange`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server ends the connection with its answer.
    Done,
    /// The server ended the connection between two requests.
    Idle,
    /// The server ended the connection before the end of its answer.
    Cut,
    /// The answer took longer than [`Config::timeout`].
    TimedOut,
    /// The server sent something that no request asked for.
    Unasked,
    /// The answer's head breaks the rules or a limit.
    Head(HeadError),
    /// The length of the answer's body cannot be told.
    Framing(FramingError),
    /// The answer's body breaks the rules.
    Body(BodyError),
    /// The answer's body is longer than this, [`Config::max_body`].
    TooLong(usize),
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// As many answers as [`Config::max_awaited`] allows are still awaited.
    Busy,
    /// The connection is of no more use.
    Ended,
}

/// The client's end of one connection, for requests whose answers are kept whole.
pub struct Exchange {
    config: Config,
    state: State,
    /// The requests without an answer, oldest first.
    awaited: VecDeque<Awaited>,
    transmit: Vec<u8>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Awaited {
    method: Method,
    deadline: Instant,
}

#[derive(Debug)]
enum State {
    Idle,
    Head(HeadReader<ResponseHead>),
    Body { head: ResponseHead, reader: BodyReader, body: Vec<u8> },
    Ended,
}

/// Returns the connection that a request to `url` needs, and the request's head as the way to there wants it: by the proxies or the
/// Unix socket of `config`, of which all else is for streams.
pub fn route(url: &Url, head: RequestHead, config: &client::Config) -> (Connect, RequestHead) {
    let route = Route::to(url, config);
    (route.connect(1, url, &head.fields, config), route.head(head, url, config))
}

impl Exchange {
    /// Returns an exchange for a connection just made.
    pub fn new(config: Config) -> Self {
        Self { config, state: State::Idle, awaited: VecDeque::new(), transmit: Vec::new(), events: VecDeque::new() }
    }

    /// Sends a request; its answer is an event. `head` says how long `body` is, which is the caller's to see to.
    ///
    /// # Errors
    ///
    /// When as many answers as may be are still awaited, or the connection has ended: an event says why.
    pub fn request(&mut self, now: Instant, head: &RequestHead, body: &[u8]) -> Result<(), RequestError> {
        if matches!(self.state, State::Ended) {
            return Err(RequestError::Ended);
        }
        if self.awaited.len() >= self.config.max_awaited.max(1) {
            return Err(RequestError::Busy);
        }
        head.encode(&mut self.transmit);
        self.transmit.extend_from_slice(body);
        self.awaited.push_back(Awaited { method: head.method.clone(), deadline: now + self.config.timeout });
        if self.is_idle() {
            self.state = State::Head(HeadReader::new(self.config.head));
        }
        Ok(())
    }

    /// Returns whether no answer is awaited and [`request`](Self::request) would take a request.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Takes a piece from the front of `input`.
    fn step(&mut self, input: &mut &[u8]) -> Result<(), CloseReason> {
        match &mut self.state {
            State::Idle => Err(CloseReason::Unasked),
            State::Head(reader) => {
                let Some((head, consumed)) = reader.feed(input).map_err(CloseReason::Head)? else {
                    *input = &[];
                    return Ok(());
                };
                *input = input.get(consumed..).unwrap_or_default();
                // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final response"
                if matches!(head.status, 100 | 102..200) {
                    self.state = State::Head(HeadReader::new(self.config.head));
                    return Ok(());
                }
                let method = self.awaited.front().map_or(Method::GET, |awaited| awaited.method.clone());
                let framing = http::response_framing(&method, &head).map_err(CloseReason::Framing)?;
                let reader = BodyReader::new(framing);
                let done = reader.is_done();
                self.state = State::Body { head, reader, body: Vec::new() };
                if done {
                    self.answered();
                }
                Ok(())
            }
            State::Body { reader, body, .. } => {
                let step = reader.read(input).map_err(CloseReason::Body)?;
                *input = input.get(step.consumed..).unwrap_or_default();
                if step.data.len() > self.config.max_body.saturating_sub(body.len()) {
                    return Err(CloseReason::TooLong(self.config.max_body));
                }
                body.extend_from_slice(step.data);
                if step.done {
                    self.answered();
                }
                Ok(())
            }
            State::Ended => {
                *input = &[];
                Ok(())
            }
        }
    }

    fn answered(&mut self) {
        let State::Body { head, body, .. } = mem::replace(&mut self.state, State::Idle) else { return };
        self.awaited.pop_front();
        if !self.awaited.is_empty() {
            self.state = State::Head(HeadReader::new(self.config.head));
        }
        let kept = head.keep_alive();
        self.events.push_back(Event::Answered(Answer { head, body: body.into() }));
        if !kept {
            self.end(CloseReason::Done);
        }
    }

    fn end(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Ended) {
            return;
        }
        self.state = State::Ended;
        self.awaited.clear();
        self.transmit.clear();
        self.events.push_back(Event::Closed(reason));
    }
}

impl Protocol for Exchange {
    type Event = Event;

    fn handle_input(&mut self, _now: Instant, bytes: &[u8]) {
        let mut input = bytes;
        while !input.is_empty() {
            if let Err(reason) = self.step(&mut input) {
                self.end(reason);
            }
        }
    }

    fn handle_eof(&mut self, _now: Instant) {
        let whole = match &mut self.state {
            State::Body { reader, .. } => reader.finish().is_ok(),
            _ => false,
        };
        if whole {
            self.answered();
        }
        self.end(match self.state {
            State::Idle if whole => CloseReason::Done,
            State::Idle => CloseReason::Idle,
            _ => CloseReason::Cut,
        });
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.end(CloseReason::TimedOut);
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        (!self.transmit.is_empty()).then(|| mem::take(&mut self.transmit).into())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.awaited.front().map(|awaited| awaited.deadline)
    }

    fn closing(&self) -> Closing {
        if matches!(self.state, State::Ended) { Closing::Abort } else { Closing::No }
    }
}

/// Without what waits to be sent: the fields of a request prove an identity.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, state, awaited, transmit, events } = self;
        let mut shown = f.debug_struct("Exchange");
        shown.field("config", config).field("state", state).field("awaited", awaited).field("unsent", &transmit.len());
        shown.field("events", events).finish()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { head: HeadLimits::default(), max_body: 1 << 20, timeout: Duration::from_secs(30), max_awaited: 1 }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("the server ended the connection after its answer"),
            Self::Idle => f.write_str("the server ended the idle connection"),
            Self::Cut => f.write_str("the connection ended before the answer was complete"),
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::Unasked => f.write_str("the server sent something that was not asked for"),
            Self::Head(error) => write!(f, "bad answer: {error}"),
            Self::Framing(error) => write!(f, "bad answer: {error}"),
            Self::Body(error) => write!(f, "bad answer: {error}"),
            Self::TooLong(limit) => write!(f, "the answer is longer than {limit} bytes (`max_body`)"),
        }
    }
}

impl error::Error for CloseReason {}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the answers to requests before are still awaited",
            Self::Ended => "the connection has ended",
        })
    }
}

impl error::Error for RequestError {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn answers_come_whole_and_in_order_wherever_the_bytes_are_cut() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none";
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let mut exchange = asked(Method::POST);
            exchange.handle_input(NOW, first);
            exchange.handle_input(NOW, second);
            assert_eq!(bodies(&mut exchange), [Ok(Bytes::from_static(b"one"))], "cut at {cut}");
            assert_eq!(exchange.closing(), Closing::No);
            assert_eq!(exchange.poll_timeout(), None);

            exchange.request(NOW, &RequestHead::new(Method::POST, "/"), b"").expect("it is idle");
            exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
            assert_eq!(bodies(&mut exchange), [Ok(Bytes::from_static(b"two"))], "cut at {cut}");
        }
    }

    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing() {
        for bytes in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none and more",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\non\r\n1\r\ne\r\n0\r\nt: u\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\none\r\n",
            "HTTP/1.0 200 OK\r\n\r\nto the end",
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
            "HTTP/1.1 200 OK\r\nbad field\r\n\r\n",
        ] {
            let told = |pieces: &[&[u8]]| {
                let mut exchange = asked(Method::GET);
                pieces.iter().for_each(|piece| exchange.handle_input(NOW, piece));
                exchange.handle_eof(NOW);
                bodies(&mut exchange)
            };
            let whole = told(&[bytes.as_bytes()]);
            assert!(!whole.is_empty(), "{bytes}");
            for first in 0..=bytes.len() {
                let (head, rest) = bytes.as_bytes().split_at(first);
                for second in 0..=rest.len() {
                    let (middle, tail) = rest.split_at(second);
                    assert_eq!(told(&[head, middle, tail]), whole, "{bytes} cut at {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn a_request_is_one_piece() {
        let mut exchange = Exchange::new(Config::default());
        exchange.request(NOW, &RequestHead::new(Method::POST, "/a"), b"body").expect("it is idle");
        assert_eq!(exchange.poll_transmit().as_deref(), Some(&b"POST /a HTTP/1.1\r\n\r\nbody"[..]));
        assert_eq!(exchange.poll_transmit(), None);
    }

    #[test]
    fn one_request_at_a_time() {
        let head = RequestHead::new(Method::GET, "/");
        let mut exchange = asked(Method::GET);
        assert_eq!(exchange.request(NOW, &head, b""), Err(RequestError::Busy));
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\n");
        assert_eq!(exchange.request(NOW, &head, b""), Err(RequestError::Busy));
        exchange.handle_eof(NOW);
        assert_eq!(exchange.request(NOW, &head, b""), Err(RequestError::Ended));
    }

    #[test]
    fn pipelined_requests_are_answered_in_order_and_as_many_as_allowed() {
        let config = Config { max_awaited: 2, ..Config::default() };
        let mut exchange = Exchange::new(config);
        let (head, get) = (RequestHead::new(Method::HEAD, "/1"), RequestHead::new(Method::GET, "/2"));
        exchange.request(NOW, &head, b"").expect("it is idle");
        let later = NOW + Duration::from_secs(1);
        exchange.request(later, &get, b"").expect("two may be awaited");
        assert_eq!(exchange.request(later, &get, b""), Err(RequestError::Busy));
        assert_eq!(exchange.poll_timeout(), Some(NOW + Duration::from_secs(30)), "the older one is due first");
        exchange.handle_input(later, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200 OK\r\n");
        assert_eq!(bodies(&mut exchange), [Ok(Bytes::new())], "that to HEAD has no body");
        assert_eq!(exchange.poll_timeout(), Some(later + Duration::from_secs(30)));
        exchange.request(later, &get, b"").expect("one is answered");
        exchange.handle_input(later, b"content-length: 1\r\n\r\n2");
        assert_eq!(bodies(&mut exchange), [Ok(Bytes::from_static(b"2"))]);
        assert!(!exchange.is_idle(), "the third is awaited");
        exchange.handle_eof(later);
        assert_eq!(bodies(&mut exchange), [Err(CloseReason::Cut)]);
    }

    #[test]
    fn an_answer_without_a_body_is_whole_with_its_head() {
        let mut exchange = asked(Method::HEAD);
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
        assert_eq!(bodies(&mut exchange), [Ok(Bytes::new())]);
        assert!(exchange.is_idle());
    }

    #[test]
    fn an_answer_may_end_with_the_connection() {
        let mut exchange = asked(Method::GET);
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\n\r\nall of it");
        exchange.handle_eof(NOW);
        assert_eq!(bodies(&mut exchange), [Ok(Bytes::from_static(b"all of it")), Err(CloseReason::Done)]);
        assert_eq!(exchange.closing(), Closing::Abort);
    }

    #[test]
    fn a_server_that_keeps_no_connection_is_done_after_its_answer() {
        let mut exchange = asked(Method::GET);
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx and more");
        assert_eq!(bodies(&mut exchange), [Ok(Bytes::from_static(b"x")), Err(CloseReason::Done)]);
        exchange.handle_eof(NOW);
        assert_eq!(exchange.poll_event(), None);
    }

    #[test]
    fn a_connection_that_ends_early_is_told_from_an_idle_one() {
        let mut exchange = Exchange::new(Config::default());
        exchange.handle_eof(NOW);
        assert_eq!(bodies(&mut exchange), [Err(CloseReason::Idle)]);
        for part in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\non"] {
            let mut exchange = asked(Method::GET);
            exchange.handle_input(NOW, part.as_bytes());
            exchange.handle_eof(NOW);
            assert_eq!(bodies(&mut exchange), [Err(CloseReason::Cut)], "{part}");
        }
    }

    #[test]
    fn what_nobody_asked_for_ends_it() {
        let mut exchange = Exchange::new(Config::default());
        exchange.handle_input(NOW, b"HTTP/1.1 408 Request Timeout\r\n\r\n");
        assert_eq!(bodies(&mut exchange), [Err(CloseReason::Unasked)]);
    }

    #[test]
    fn broken_rules_end_it_with_their_name() {
        let mut exchange = asked(Method::GET);
        exchange.handle_input(NOW, b"SSH-2.0-x\r\n\r\n");
        assert!(matches!(bodies(&mut exchange)[..], [Err(CloseReason::Head(_))]));
        let mut exchange = asked(Method::GET);
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n");
        assert!(matches!(bodies(&mut exchange)[..], [Err(CloseReason::Framing(_))]));
        let mut exchange = asked(Method::GET);
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n");
        assert!(matches!(bodies(&mut exchange)[..], [Err(CloseReason::Body(_))]));
    }

    #[test]
    fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
        for (body, fits) in [("12", true), ("123", true), ("1234", false)] {
            let mut exchange = Exchange::new(Config { max_body: 3, ..Config::default() });
            exchange.request(NOW, &RequestHead::new(Method::GET, "/"), b"").expect("it is idle");
            exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\n\r\n");
            for byte in body.as_bytes().chunks(1) {
                exchange.handle_input(NOW, byte);
            }
            exchange.handle_eof(NOW);
            let expected = if fits {
                vec![Ok(Bytes::from(body)), Err(CloseReason::Done)]
            } else {
                vec![Err(CloseReason::TooLong(3))]
            };
            assert_eq!(bodies(&mut exchange), expected, "{body}");
        }
    }

    #[test]
    fn an_answer_that_takes_too_long_ends_it() {
        let mut exchange = asked(Method::GET);
        let deadline = exchange.poll_timeout().expect("it waits for an answer");
        assert_eq!(deadline, NOW + Duration::from_secs(30));
        exchange.handle_input(NOW, b"HTTP/1.1 200 OK\r\n");
        exchange.handle_timeout(NOW + Duration::from_millis(29_999));
        assert_eq!(exchange.poll_event(), None);
        exchange.handle_timeout(deadline);
        assert_eq!(bodies(&mut exchange), [Err(CloseReason::TimedOut)]);
        assert_eq!(exchange.poll_timeout(), None);
    }

    fn asked(method: Method) -> Exchange {
        let mut exchange = Exchange::new(Config::default());
        exchange.request(NOW, &RequestHead::new(method, "/"), b"").expect("it is idle");
        exchange
    }

    fn bodies(exchange: &mut Exchange) -> Vec<Result<Bytes, CloseReason>> {
        let mut bodies = Vec::new();
        while let Some(event) = exchange.poll_event() {
            bodies.push(match event {
                Event::Answered(answer) => Ok(answer.body),
                Event::Closed(reason) => Err(reason),
            });
        }
        bodies
    }

    const NOW: Instant = Instant::START;
}
