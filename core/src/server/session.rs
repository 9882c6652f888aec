//! ```text
//!          head            body             reply
//!  Head ─────────► Body ─────────► Answer ─────────► Head
//!   │                │               │ start_stream
//!   │                │               ▼
//!   │                │             Stream
//!   └────────────────┴───────────────┤ refused, done, idle, ended, shut down
//!                                    ▼
//!                                Finishing ── linger ──► Closed
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::event_stream::goodbye;
use super::linger::Linger;
use super::output::join;
use super::replies::Replies;
use super::{
    AnswerError, CloseReason, Config, End, Event, EventStream, Framing as StreamFraming, Heartbeat, Outlet, Refusal,
    Reply, Request, SendError, StreamHead, refusal,
};
use crate::http::{
    BodyReader, Expectation, Fields, Framing, HeadReader, Method, RequestHead, ResponseHead, Version, request_framing,
};
use crate::log::Burst;
use crate::sse::ToMessage;
use crate::{Closing, Instant, Protocol, Random, SplitMix64, UnixTime};

/// One accepted connection. See the [module](super) for how it is used.
pub struct Session {
    config: Arc<Config>,
    state: State,
    heads: HeadReader<RequestHead>,
    /// What came of later requests before this one was answered.
    pipelined: Vec<u8>,
    events: VecDeque<Event>,
    replies: Replies,
    random: SplitMix64,
    clock: (Instant, UnixTime),
    now: Instant,
    shutting_down: bool,
    peer_ended: bool,
    flooded: bool,
}

enum State {
    /// Waiting for a head, or inside one.
    Head { deadline: Instant, begun: bool },
    /// Inside a body.
    Body(Box<Body>),
    /// The application has the request.
    Answer(Exchange),
    /// The application gives a stream, or has ended it.
    Stream {
        stream: Box<EventStream>,
        /// Bytes that the peer has sent meanwhile.
        ignored: usize,
    },
    /// All is said; the peer is to read it.
    Finishing(Linger),
    /// The socket is to be dropped.
    Closed,
}

struct Body {
    head: RequestHead,
    reader: BodyReader,
    bytes: Vec<u8>,
    deadline: Instant,
}

/// What the answer must know of its request.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    head_only: bool,
    version: Version,
    keep_alive: bool,
}

impl Session {
    /// Begins a connection that was accepted `now`, at wall time `unix`. `seed` is for its jitter and nothing else.
    ///
    /// An `Arc` of the config is shared by all sessions; a config alone is taken too.
    pub fn new(config: impl Into<Arc<Config>>, now: Instant, unix: UnixTime, seed: u64) -> Self {
        let config = config.into();
        Self {
            state: State::Head { deadline: now + config.head_timeout, begun: true },
            heads: HeadReader::new(config.head),
            pipelined: Vec::new(),
            events: VecDeque::new(),
            replies: Replies::default(),
            random: SplitMix64::new(seed),
            clock: (now, unix),
            now,
            shutting_down: false,
            peer_ended: false,
            flooded: false,
            config,
        }
    }

    /// Notes the wall time; between two calls it goes on by itself.
    pub fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.clock = (now, unix);
    }

    /// Answers the request that was told last.
    ///
    /// # Errors
    ///
    /// When no request waits for an answer.
    pub fn reply(&mut self, now: Instant, reply: Reply) -> Result<(), AnswerError> {
        self.now = self.now.max(now);
        let State::Answer(exchange) = self.state else { return Err(AnswerError::NoRequest) };
        let last = self.last_answer(exchange);
        self.write_reply(now, exchange, reply, last.is_some());
        match last {
            Some(reason) => self.finish(now, reason),
            None => self.state = State::Head { deadline: now + self.config.idle_timeout, begun: false },
        }
        Ok(())
    }

    /// Answers the request that was told last with an event stream, which is the last answer of its connection. Its head leaves
    /// at once, before the first event.
    ///
    /// A HEAD request gets the head only, and no stream is open then.
    ///
    /// # Errors
    ///
    /// When no request waits for an answer.
    pub fn start_stream(&mut self, now: Instant, head: StreamHead) -> Result<(), AnswerError> {
        self.now = self.now.max(now);
        let State::Answer(exchange) = self.state else { return Err(AnswerError::NoRequest) };
        if exchange.head_only {
            return self.reply(now, head.into_reply());
        }
        let framing = match exchange.version {
            Version::Http11 => StreamFraming::Chunked,
            Version::Http10 => StreamFraming::Bare,
        };
        let mut stream = EventStream::new(Arc::clone(&self.config), &head, framing, now, self.random.next_u64());
        let mut fields = head.into_fields();
        match framing {
            StreamFraming::Chunked => put(&mut fields, "transfer-encoding", "chunked"),
            StreamFraming::Bare => drop(fields.remove("transfer-encoding")),
        }
        fields.remove("content-length");
        let head = self.encode_head(now, 200, fields, exchange, true);
        stream.open_with(now, join(self.replies.take_all(), head));
        self.pipelined = Vec::new();
        self.state = State::Stream { stream: Box::new(stream), ignored: 0 };
        if self.flooded {
            self.end(now, CloseReason::Flooded);
        } else if self.peer_ended {
            self.end(now, CloseReason::Peer);
        } else if self.shutting_down {
            self.end(now, CloseReason::Shutdown);
        }
        Ok(())
    }

    /// Sends bytes on the open stream: whole events or comments, and no publications of the log. They leave before a burst that
    /// was pushed and not yet taken.
    ///
    /// # Errors
    ///
    /// When no stream is open, or too much waits already; nothing is sent then.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.stream_mut()?.send(now, bytes)
    }

    /// Sends a message on the open stream, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As `send`, and when its event type or id cannot be sent.
    pub fn send_message(&mut self, now: Instant, message: &(impl ToMessage + ?Sized)) -> Result<(), SendError> {
        self.stream_mut()?.send_message(now, message)
    }

    /// Gives the open stream a burst of publications: one piece for one write.
    ///
    /// # Errors
    ///
    /// When no stream is open, or its head or the last burst was not taken yet: ask
    /// [`wants_publications`](Self::wants_publications) first.
    pub fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError> {
        self.stream_mut()?.push_burst(now, burst)
    }

    /// Puts another heartbeat in the place of the one that the open stream has, from here on; `None` stops it.
    ///
    /// # Errors
    ///
    /// When no stream is open.
    pub fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>) -> Result<(), SendError> {
        self.stream_mut()?.set_heartbeat(now, heartbeat);
        Ok(())
    }

    /// Ends the open stream, and its connection; without a stream it does nothing.
    pub fn end_stream(&mut self, now: Instant, end: End<'_>) {
        self.now = self.now.max(now);
        if let Ok(stream) = self.stream_mut() {
            stream.end(now, end);
        }
    }

    /// Says goodbye: a stream ends after a new reconnection time, drawn so that the readers do not come back together; a request
    /// that has begun is answered, and that is the last answer.
    pub fn shutdown(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.shutting_down = true;
        match &self.state {
            State::Stream { .. } => self.end(now, CloseReason::Shutdown),
            State::Head { .. } if self.heads.is_empty() && self.pipelined.is_empty() => {
                self.finish(now, CloseReason::Shutdown);
            }
            State::Head { .. } | State::Body(_) | State::Answer(_) | State::Finishing(_) | State::Closed => {}
        }
    }

    /// Tells whether a stream is open and all that it was given was taken: time to read the log.
    pub fn wants_publications(&self) -> bool {
        self.stream().is_some_and(EventStream::wants_publications)
    }

    /// Tells whether all that the stream was given has left: taken, and written whole, as the driver showed by asking for more.
    pub fn is_written(&self) -> bool {
        self.stream().is_some_and(EventStream::is_written)
    }

    /// Tells whether a stream is open.
    pub fn is_streaming(&self) -> bool {
        self.stream().is_some_and(EventStream::is_open)
    }

    /// Returns the stream, if there is one, also when it has ended.
    pub fn stream(&self) -> Option<&EventStream> {
        match &self.state {
            State::Stream { stream, .. } => Some(stream),
            _ => None,
        }
    }

    fn stream_mut(&mut self) -> Result<&mut EventStream, SendError> {
        match &mut self.state {
            State::Stream { stream, .. } => Ok(stream),
            _ => Err(SendError::NoStream),
        }
    }

    /// Reads heads and bodies out of `input` until one request is whole.
    fn advance(&mut self, now: Instant, input: &[u8]) {
        let mut rest = input;
        while !rest.is_empty() {
            match &mut self.state {
                // The next request is read when the last answer was taken: a peer that asks and does not read cannot pile up
                // answers.
                State::Head { .. } if !self.replies.is_empty() => {
                    return self.keep(now, rest);
                }
                State::Head { deadline, begun } => match self.heads.feed(rest) {
                    Ok(Some((head, used))) => {
                        rest = rest.get(used..).unwrap_or_default();
                        self.begin(now, head, rest.is_empty());
                    }
                    Ok(None) => {
                        if !*begun && !self.heads.is_empty() {
                            *begun = true;
                            *deadline = now + self.config.head_timeout;
                        }
                        return;
                    }
                    Err(error) => return self.refuse(now, Refusal::Head(error)),
                },
                State::Body(body) => {
                    let step = match body.reader.read(rest) {
                        Ok(step) => step,
                        Err(error) => return self.refuse(now, Refusal::Body(error)),
                    };
                    if step.data.len() > self.config.max_body.saturating_sub(body.bytes.len()) {
                        return self.refuse(now, Refusal::BodyTooLong { limit: self.config.max_body });
                    }
                    body.bytes.extend_from_slice(step.data);
                    rest = rest.get(step.consumed..).unwrap_or_default();
                    if step.done {
                        self.tell_request();
                    }
                }
                State::Answer(_) => return self.keep(now, rest),
                State::Stream { ignored, .. } => {
                    *ignored = ignored.saturating_add(rest.len());
                    if *ignored > self.config.max_ignored {
                        self.end(now, CloseReason::Flooded);
                    }
                    return;
                }
                State::Finishing(_) | State::Closed => return,
            }
        }
    }

    /// Keeps what came before its time.
    fn keep(&mut self, now: Instant, rest: &[u8]) {
        if rest.len() <= self.config.max_pipelined.saturating_sub(self.pipelined.len()) {
            self.pipelined.extend_from_slice(rest);
            return;
        }
        self.pipelined = Vec::new();
        self.flooded = true;
        if matches!(self.state, State::Head { .. }) {
            self.finish(now, CloseReason::Flooded);
        }
    }

    fn begin(&mut self, now: Instant, head: RequestHead, wait: bool) {
        let head_only = head.method == Method::HEAD;
        let framing = match request_framing(&head) {
            Ok(framing) => framing,
            Err(error) => return self.refuse_to(now, head_only, Refusal::Framing(error)),
        };
        let limit = self.config.max_body;
        if matches!(framing, Framing::Length(length) if length > limit as u64) {
            return self.refuse_to(now, head_only, Refusal::BodyTooLong { limit });
        }
        let expectation = head.expectation();
        if expectation == Expectation::Unknown {
            return self.refuse_to(now, head_only, Refusal::Expectation);
        }
        let reader = BodyReader::new(framing);
        let done = reader.is_done();
        // RFC 9110 §10.1.1: "A server MAY omit sending a 100 (Continue) response if it has already received some or all of the
        // content for the corresponding request".
        if expectation == Expectation::Continue && !done && wait {
            let go_on = Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.replies.push(now, &self.config, go_on);
        }
        let deadline = now + self.config.body_timeout;
        self.state = State::Body(Box::new(Body { head, reader, bytes: Vec::new(), deadline }));
        if done {
            self.tell_request();
        }
    }

    fn tell_request(&mut self) {
        let State::Body(body) = core::mem::replace(&mut self.state, State::Closed) else { return };
        self.state = State::Answer(Exchange {
            head_only: body.head.method == Method::HEAD,
            version: body.head.version,
            keep_alive: body.head.keep_alive(),
        });
        self.events.push_back(Event::Request(Request { head: body.head, body: body.bytes.into() }));
    }

    /// Returns why the answer to this request is the last, if it is.
    fn last_answer(&self, exchange: Exchange) -> Option<CloseReason> {
        match () {
            () if self.flooded => Some(CloseReason::Flooded),
            () if self.shutting_down => Some(CloseReason::Shutdown),
            () if self.peer_ended && self.pipelined.is_empty() => Some(CloseReason::Peer),
            () if !exchange.keep_alive => Some(CloseReason::Done),
            () => None,
        }
    }

    /// Refuses the request that is being read.
    fn refuse(&mut self, now: Instant, refusal: Refusal) {
        let head_only = matches!(&self.state, State::Body(body) if body.head.method == Method::HEAD);
        self.refuse_to(now, head_only, refusal);
    }

    fn refuse_to(&mut self, now: Instant, head_only: bool, refusal: Refusal) {
        let exchange = Exchange { head_only, version: Version::Http11, keep_alive: false };
        self.write_reply(now, exchange, refusal::reply(refusal), true);
        self.finish(now, CloseReason::Refused(refusal));
    }

    fn write_reply(&mut self, now: Instant, exchange: Exchange, reply: Reply, last: bool) {
        let Reply { status, mut fields, body } = reply;
        let status = if (200..=999).contains(&status) { status } else { 500 };
        fields.remove("transfer-encoding");
        fields.remove("content-length");
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
        // (Informational) or 204 (No Content)." Of a 304, and of a HEAD without a body at hand, the length is not known here.
        let bodiless = matches!(status, 204 | 304);
        let length_unknown = bodiless || (exchange.head_only && body.is_empty());
        if !length_unknown {
            put(&mut fields, "content-length", body.len().to_string());
        }
        let head = self.encode_head(now, status, fields, exchange, last);
        self.replies.push(now, &self.config, head);
        if !bodiless && !exchange.head_only {
            self.replies.push(now, &self.config, body);
        }
    }

    fn encode_head(&self, now: Instant, status: u16, mut fields: Fields, exchange: Exchange, last: bool) -> Bytes {
        if !fields.contains("date") {
            let (at, unix) = self.clock;
            let millis = u64::try_from((now - at).as_millis()).unwrap_or(u64::MAX);
            let date = UnixTime::from_millis(unix.as_millis().saturating_add(millis)).http_date().to_string();
            put(&mut fields, "date", date);
        }
        fields.remove("connection");
        if last {
            put(&mut fields, "connection", "close");
        } else if exchange.version == Version::Http10 {
            put(&mut fields, "connection", "keep-alive");
        }
        let mut bytes = Vec::with_capacity(256);
        ResponseHead { fields, ..ResponseHead::new(status) }.encode(&mut bytes);
        bytes.into()
    }

    /// Ends the open stream in the way that its reason asks for.
    fn end(&mut self, now: Instant, reason: CloseReason) {
        let retry = (reason == CloseReason::Shutdown).then(|| goodbye(&self.config, &mut self.random));
        self.end_stream(now, End { retry, ..End::new(reason) });
    }

    fn finish(&mut self, now: Instant, reason: CloseReason) {
        if matches!(self.state, State::Stream { .. } | State::Finishing(_) | State::Closed) {
            return;
        }
        self.state = State::Finishing(Linger::new(now, &self.config));
        self.heads = HeadReader::new(self.config.head);
        self.pipelined = Vec::new();
        self.replies.forget_stall();
        self.events.push_back(Event::Closed(reason));
    }

    fn abort(&mut self) {
        self.state = State::Closed;
        self.replies = Replies::default();
    }
}

impl Protocol for Session {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.now = self.now.max(now);
        self.advance(now, bytes);
    }

    /// A peer that ends its side in the middle of a stream has gone: no reader of streams does so and reads on.
    fn handle_eof(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.peer_ended = true;
        match &self.state {
            State::Head { .. } if !self.pipelined.is_empty() => {}
            State::Head { .. } if self.heads.is_empty() => self.finish(now, CloseReason::Peer),
            State::Head { .. } | State::Body(_) => self.finish(now, CloseReason::PeerMidRequest),
            // RFC 9112 §9.6 lets a client end its side after its last request, and read on.
            State::Answer(_) => {}
            State::Stream { .. } => self.end(now, CloseReason::Peer),
            State::Finishing(_) | State::Closed => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.replies.stall_at()) {
            self.finish(now, CloseReason::Stalled);
            return self.abort();
        }
        match &mut self.state {
            State::Head { deadline, begun } if *deadline <= now => {
                if *begun && !self.heads.is_empty() {
                    self.refuse(now, Refusal::HeadTimeout);
                } else {
                    self.finish(now, CloseReason::Idle);
                }
            }
            State::Body(body) if body.deadline <= now => self.refuse(now, Refusal::BodyTimeout),
            State::Stream { stream, .. } => stream.handle_timeout(now),
            State::Finishing(linger) => {
                if linger.has_passed(now, &self.config) {
                    self.abort();
                }
            }
            State::Head { .. } | State::Body(_) | State::Answer(_) | State::Closed => {}
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        event.or_else(|| self.stream_mut().ok()?.poll_event().map(Event::Closed))
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        if let State::Stream { stream, .. } = &mut self.state {
            return stream.poll_transmit();
        }
        let piece = self.replies.take(self.now, &self.config);
        if let State::Finishing(linger) = &mut self.state {
            linger.note_taken(piece.is_some() && !self.replies.is_empty());
        }
        if matches!(self.state, State::Head { .. }) && !self.pipelined.is_empty() && self.replies.is_empty() {
            let pipelined = core::mem::take(&mut self.pipelined);
            self.advance(self.now, &pipelined);
            if self.peer_ended {
                self.handle_eof(self.now);
            }
        }
        piece
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Head { deadline, .. } => Some(*deadline),
            State::Body(body) => Some(body.deadline),
            State::Stream { stream, .. } => stream.poll_timeout(),
            State::Finishing(linger) => Some(linger.until()),
            State::Answer(_) | State::Closed => None,
        };
        [state, self.replies.stall_at()].into_iter().flatten().min()
    }

    fn closing(&self) -> Closing {
        match &self.state {
            State::Head { .. } | State::Body(_) | State::Answer(_) => Closing::No,
            State::Stream { stream, .. } => stream.closing(),
            State::Finishing(_) => Closing::Finish,
            State::Closed => Closing::Abort,
        }
    }
}

impl Outlet for Session {
    fn wants_publications(&self) -> bool {
        self.wants_publications()
    }

    fn is_written(&self) -> bool {
        self.is_written()
    }

    fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError> {
        self.push_burst(now, burst)
    }

    fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.send(now, bytes)
    }

    fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>) {
        // Without a stream there is none to set.
        let _ = self.set_heartbeat(now, heartbeat);
    }

    fn end_stream(&mut self, now: Instant, end: End<'_>) {
        self.end_stream(now, end);
    }
}

/// Without what peer and application have said, which may prove an identity.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Head { .. } => "Head",
            State::Body(_) => "Body",
            State::Answer(_) => "Answer",
            State::Stream { .. } => "Stream",
            State::Finishing(_) => "Finishing",
            State::Closed => "Closed",
        };
        f.debug_struct("Session")
            .field("state", &state)
            .field("stream", &self.stream())
            .field("pipelined", &self.pipelined.len())
            .field("unsent", &self.replies.len())
            .field("shutting_down", &self.shutting_down)
            .finish_non_exhaustive()
    }
}

fn put(fields: &mut Fields, name: &str, value: impl AsRef<[u8]>) {
    // Our own names and values are well formed.
    let _ = fields.set(name, value);
}
