//! ```text
//!  Requests ── start_stream ──► Stream ── linger ──► aborted
//!     │    └─ upgrade ──► WebSocket ── its close ──► aborted
//!     │ refused, done, idle, shut down
//!     └──► Finishing ── linger ──► Closed
//! ```

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::event_stream::goodbye;
use super::linger::Linger;
use super::output::join;
use super::replies::Replies;
use super::requests::{Came, Exchange, Requests};
use super::{
    AnswerError, CloseReason, Config, End, Event, EventStream, Framing, Heartbeat, Outlet, Reply, Request, SendError,
    StreamHead, refusal,
};
use crate::http::{Fields, ResponseHead, Version};
use crate::log::Burst;
use crate::sse::ToMessage;
use crate::ws::{self, Accepted, CloseCode, Connection};
use crate::{Closing, Instant, Protocol, Random, SplitMix64, UnixTime};

/// One accepted connection. See the [module](super) for how it is used.
pub struct Session {
    config: Arc<Config>,
    state: State,
    replies: Replies,
    /// What the application is still to be told.
    request: Option<Box<Request>>,
    closed: Option<CloseReason>,
    random: SplitMix64,
    clock: (Instant, UnixTime),
    now: Instant,
    /// Bytes that the peer has sent since its stream, or the end, began.
    ignored: usize,
    shutting_down: bool,
    peer_ended: bool,
    flooded: bool,
}

enum State {
    /// Requests are read and answered.
    Requests(Requests),
    /// The application gives a stream, or has ended it.
    Stream(EventStream),
    /// Frames go both ways, or have.
    WebSocket(Box<WebSocket>),
    /// All is said; the peer is to read it.
    Finishing(Linger),
    /// The socket is to be dropped.
    Closed,
}

struct WebSocket {
    connection: Connection,
    /// What is told at the end, if it began here.
    reason: CloseReason,
}

impl Session {
    /// Begins a connection that was accepted `now`, at wall time `unix`. `seed` is for its jitter and nothing else.
    ///
    /// An `Arc` of the config is shared by all sessions; a config alone is taken too.
    pub fn new(config: impl Into<Arc<Config>>, now: Instant, unix: UnixTime, seed: u64) -> Self {
        let config = config.into();
        Self {
            state: State::Requests(Requests::new(now, &config)),
            replies: Replies::default(),
            request: None,
            closed: None,
            random: SplitMix64::new(seed),
            clock: (now, unix),
            now,
            ignored: 0,
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
        let exchange = self.exchange()?;
        let last = self.last_answer(exchange);
        self.write_reply(now, exchange, reply, last.is_some());
        match (last, &mut self.state) {
            (Some(reason), _) => self.finish(now, reason),
            (None, State::Requests(requests)) => requests.next(now, &self.config),
            (None, _) => {}
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
        let exchange = self.exchange()?;
        if exchange.head_only {
            return self.reply(now, head.into_reply());
        }
        let framing = match exchange.version {
            Version::Http11 => Framing::Chunked,
            Version::Http10 => Framing::Bare,
        };
        let mut stream = EventStream::new(Arc::clone(&self.config), &head, framing, now, self.random.next_u64());
        let mut fields = head.into_fields();
        match framing {
            Framing::Chunked => put(&mut fields, "transfer-encoding", "chunked"),
            Framing::Bare => drop(fields.remove("transfer-encoding")),
        }
        fields.remove("content-length");
        let head = self.encode_head(now, 200, fields, exchange, true);
        stream.open_with(now, join(self.replies.take_all(), head));
        self.state = State::Stream(stream);
        if self.flooded {
            self.end(now, CloseReason::Flooded);
        } else if self.peer_ended {
            self.end(now, CloseReason::Peer);
        } else if self.shutting_down {
            self.end(now, CloseReason::Shutdown);
        }
        Ok(())
    }

    /// Accepts the request that was told last as a WebSocket, which the connection is from here on: with these limits and times, and with
    /// no more requests. What the peer has sent behind its request is read as frames, and what the application sends at once leaves
    /// with the head of the answer, as one piece.
    ///
    /// ```
    /// use tidewire_core::server::{self, Event, Session};
    /// use tidewire_core::{Instant, Protocol, UnixTime, ws};
    ///
    /// let now = Instant::START;
    /// let mut session = Session::new(server::Config::default(), now, UnixTime::default(), 1);
    /// session.handle_input(now, b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    /// let Some(Event::Request(request)) = session.poll_event() else { unreachable!() };
    ///
    /// let config = ws::Config::default();
    /// match ws::Upgrade::of(&request.head) {
    ///     Ok(upgrade) => session.upgrade(now, upgrade.accept(None, &config)?, config)?,
    ///     Err(error) => session.reply(now, error.reply())?,
    /// }
    /// let Some(connection) = session.web_socket() else { unreachable!() };
    /// connection.send_text(now, "hello")?;
    /// let written = session.poll_transmit().unwrap_or_default();
    /// assert!(written.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n") && written.ends_with(b"\r\n\r\n\x81\x05hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no request waits for an answer, or it did not ask for a WebSocket.
    pub fn upgrade(
        &mut self,
        now: Instant,
        accepted: Accepted,
        config: impl Into<Arc<ws::Config>>,
    ) -> Result<(), AnswerError> {
        self.now = self.now.max(now);
        if !self.exchange()?.asks_upgrade {
            return Err(AnswerError::NoUpgrade);
        }
        let State::Requests(requests) = &mut self.state else { return Err(AnswerError::NoRequest) };
        let ahead = requests.take_pipelined();
        let mut connection = Connection::server(config, accepted.agreed(), now);
        let mut head = Vec::with_capacity(256);
        accepted.into_head().encode(&mut head);
        connection.open_with(now, join(self.replies.take_all(), head.into()));
        connection.handle_input(now, &ahead);
        let mut web_socket = Box::new(WebSocket { connection, reason: CloseReason::WebSocket });
        if self.flooded {
            // What is missing of its frames cannot be made up for.
            web_socket.close(now, CloseReason::Flooded, CloseCode::POLICY);
        } else if self.shutting_down {
            web_socket.close(now, CloseReason::Shutdown, CloseCode::GOING_AWAY);
        }
        if self.peer_ended {
            web_socket.connection.handle_eof(now);
        }
        self.state = State::WebSocket(web_socket);
        Ok(())
    }

    /// Sends bytes on the open stream: whole events or comments, and no publications of the log. They leave before a burst that
    /// was pushed and not yet taken. On a WebSocket they are [messages](crate::log::Messages).
    ///
    /// # Errors
    ///
    /// When no stream is open, or too much waits already; nothing is sent then.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.outlet()?.send(now, bytes)
    }

    /// Sends a message on the open stream, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As `send`, and when its event type or id cannot be sent.
    pub fn send_message(&mut self, now: Instant, message: &(impl ToMessage + ?Sized)) -> Result<(), SendError> {
        let mut bytes = Vec::new();
        message.encode_to(&mut bytes).map_err(SendError::Name)?;
        self.send(now, &bytes)
    }

    /// Gives the open stream, or the WebSocket, a burst of publications: one piece for one write.
    ///
    /// # Errors
    ///
    /// When none is open, or its head or the last burst was not taken yet: ask
    /// [`wants_publications`](Self::wants_publications) first.
    pub fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError> {
        match &mut self.state {
            State::Stream(stream) => stream.push_burst(now, burst),
            State::WebSocket(web_socket) => Outlet::push_burst(&mut web_socket.connection, now, burst),
            _ => Err(SendError::NoStream),
        }
    }

    /// Puts another heartbeat in the place of the one that the open stream has, from here on; `None` stops it. A WebSocket has pings
    /// instead.
    ///
    /// # Errors
    ///
    /// When no stream is open.
    pub fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>) -> Result<(), SendError> {
        self.outlet()?.set_heartbeat(now, heartbeat);
        Ok(())
    }

    /// Ends the open stream, and its connection, or closes the WebSocket; without one it does nothing.
    pub fn end_stream(&mut self, now: Instant, end: End<'_>) {
        self.now = self.now.max(now);
        if let State::WebSocket(web_socket) = &mut self.state {
            web_socket.note_reason(end.reason);
        }
        if let Ok(outlet) = self.outlet() {
            outlet.end_stream(now, end);
        }
    }

    /// Says goodbye: a stream ends after a new reconnection time, drawn so that the readers do not come back together; a WebSocket is
    /// closed with 1001; a request that has begun is answered, and that is the last answer.
    pub fn shutdown(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.shutting_down = true;
        match &self.state {
            State::Requests(requests) if requests.is_idle() => self.finish(now, CloseReason::Shutdown),
            State::Stream(_) => self.end(now, CloseReason::Shutdown),
            State::Requests(_) | State::WebSocket(_) | State::Finishing(_) | State::Closed => {}
        }
        if let State::WebSocket(web_socket) = &mut self.state {
            web_socket.close(now, CloseReason::Shutdown, CloseCode::GOING_AWAY);
        }
    }

    /// Tells whether a stream or a WebSocket is open and all that it was given was taken: time to read the log.
    pub fn wants_publications(&self) -> bool {
        match &self.state {
            State::Stream(stream) => stream.wants_publications(),
            State::WebSocket(web_socket) => web_socket.connection.wants_publications(),
            _ => false,
        }
    }

    /// Tells whether all that it was given has left: taken, and written whole, as the driver showed by asking for more.
    pub fn is_written(&self) -> bool {
        match &self.state {
            State::Stream(stream) => stream.is_written(),
            State::WebSocket(web_socket) => web_socket.connection.is_written(),
            _ => false,
        }
    }

    /// Tells whether a stream is open.
    pub fn is_streaming(&self) -> bool {
        self.stream().is_some_and(EventStream::is_open)
    }

    /// Returns the stream, if there is one, also when it has ended.
    pub const fn stream(&self) -> Option<&EventStream> {
        match &self.state {
            State::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// Returns the WebSocket, if the connection has become one, also when it is closed: to send, to ping, to close. Its input and output
    /// go through the session.
    pub fn web_socket(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::WebSocket(web_socket) => Some(&mut web_socket.connection),
            _ => None,
        }
    }

    fn outlet(&mut self) -> Result<&mut dyn Outlet, SendError> {
        match &mut self.state {
            State::Stream(stream) => Ok(stream),
            State::WebSocket(web_socket) => Ok(&mut web_socket.connection),
            _ => Err(SendError::NoStream),
        }
    }

    fn exchange(&self) -> Result<Exchange, AnswerError> {
        match &self.state {
            State::Requests(requests) => requests.exchange().ok_or(AnswerError::NoRequest),
            _ => Err(AnswerError::NoRequest),
        }
    }

    /// Tells whether the next request may be read: the last one was told and answered, and the answer taken. So a peer that asks and
    /// does not read cannot pile up answers.
    fn may_read(&self) -> bool {
        match &self.state {
            State::Requests(requests) if requests.wants_head() => self.replies.is_empty() && self.request.is_none(),
            State::Requests(requests) => requests.exchange().is_none(),
            _ => false,
        }
    }

    /// Reads requests out of `input` until one is whole.
    fn advance(&mut self, now: Instant, input: &[u8]) {
        let mut rest = input;
        while !rest.is_empty() {
            let may_read = self.may_read();
            let State::Requests(requests) = &mut self.state else { break };
            if !may_read {
                if !requests.keep(&self.config, rest) {
                    self.flood(now);
                }
                return;
            }
            let (used, came) = requests.read(now, &self.config, rest);
            rest = rest.get(used..).unwrap_or_default();
            if let Some(came) = came {
                self.note(now, came);
            }
        }
        self.ignored = self.ignored.saturating_add(rest.len());
        if self.ignored > self.config.max_ignored {
            self.end(now, CloseReason::Flooded);
        }
    }

    fn note(&mut self, now: Instant, came: Came) {
        match came {
            Came::Continue => {
                let go_on = Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");
                self.replies.push(now, &self.config, go_on);
            }
            Came::Request(request) => self.request = Some(Box::new(request)),
            Came::Refused { refusal, head_only } => {
                let exchange = Exchange { head_only, version: Version::Http11, keep_alive: false, asks_upgrade: false };
                self.write_reply(now, exchange, refusal::reply(refusal), true);
                self.finish(now, CloseReason::Refused(refusal));
            }
        }
    }

    /// Notes that more came than is kept: the driver did not heed [`wants_input`](Protocol::wants_input).
    fn flood(&mut self, now: Instant) {
        self.flooded = true;
        if self.exchange().is_err() {
            self.finish(now, CloseReason::Flooded);
        }
    }

    /// Returns why the answer to this request is the last, if it is.
    fn last_answer(&self, exchange: Exchange) -> Option<CloseReason> {
        match () {
            () if self.flooded => Some(CloseReason::Flooded),
            () if self.shutting_down => Some(CloseReason::Shutdown),
            () if self.peer_ended && self.pipelined() == 0 => Some(CloseReason::Peer),
            () if !exchange.keep_alive => Some(CloseReason::Done),
            () => None,
        }
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
        let lasts = match exchange.version {
            _ if last => "close",
            Version::Http11 => "",
            Version::Http10 => "keep-alive",
        };
        // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option in the Connection header field".
        let upgrades = if fields.contains("upgrade") { "upgrade" } else { "" };
        for option in [lasts, upgrades].into_iter().filter(|option| !option.is_empty()) {
            // A literal that is well formed.
            let _ = fields.append("connection", option);
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
        if !matches!(self.state, State::Requests(_)) {
            return;
        }
        self.state = State::Finishing(Linger::new(now, &self.config));
        self.replies.forget_stall();
        self.closed = Some(reason);
    }

    const fn pipelined(&self) -> usize {
        match &self.state {
            State::Requests(requests) => requests.pipelined(),
            _ => 0,
        }
    }

    fn abort(&mut self) {
        self.state = State::Closed;
        self.replies = Replies::default();
    }
}

impl WebSocket {
    fn close(&mut self, now: Instant, reason: CloseReason, code: CloseCode) {
        self.note_reason(reason);
        self.connection.shutdown(now, Some(code));
    }

    /// Notes why it is about to be closed, unless it is already.
    const fn note_reason(&mut self, reason: CloseReason) {
        if self.connection.is_open() {
            self.reason = reason;
        }
    }
}

impl Protocol for Session {
    type Event = Event;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.now = self.now.max(now);
        match &mut self.state {
            State::WebSocket(web_socket) => web_socket.connection.handle_input(now, bytes),
            _ => self.advance(now, bytes),
        }
    }

    /// A peer that ends its side in the middle of a stream has gone: no reader of streams does so and reads on.
    fn handle_eof(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.peer_ended = true;
        match &mut self.state {
            // RFC 9112 §9.6 lets a client end its side after its last request, and read on.
            State::Requests(requests) if requests.exchange().is_some() || requests.pipelined() > 0 => {}
            State::Requests(requests) if requests.is_idle() => self.finish(now, CloseReason::Peer),
            State::Requests(_) => self.finish(now, CloseReason::PeerMidRequest),
            State::Stream(_) => self.end(now, CloseReason::Peer),
            State::WebSocket(web_socket) => web_socket.connection.handle_eof(now),
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
            State::Requests(requests) if due(requests.deadline()) => match requests.late() {
                Some(came) => self.note(now, came),
                None => self.finish(now, CloseReason::Idle),
            },
            State::Stream(stream) => stream.handle_timeout(now),
            State::WebSocket(web_socket) => web_socket.connection.handle_timeout(now),
            State::Finishing(linger) => {
                if linger.has_passed(now, &self.config) {
                    self.abort();
                }
            }
            State::Requests(_) | State::Closed => {}
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        if let Some(request) = self.request.take() {
            return Some(Event::Request(*request));
        }
        if let State::WebSocket(web_socket) = &mut self.state
            && let Some(event) = web_socket.connection.poll_event()
        {
            if let ws::Event::Closed(closed) = &event {
                let began_here = closed.why == ws::CloseReason::Local;
                self.closed = Some(if began_here { web_socket.reason } else { CloseReason::WebSocket });
            }
            return Some(Event::WebSocket(event));
        }
        let ended = self.closed.take().or_else(|| match &mut self.state {
            State::Stream(stream) => stream.poll_event(),
            _ => None,
        });
        ended.map(Event::Closed)
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        match &mut self.state {
            State::Stream(stream) => return stream.poll_transmit(),
            State::WebSocket(web_socket) => return web_socket.connection.poll_transmit(),
            State::Requests(_) | State::Finishing(_) | State::Closed => {}
        }
        let piece = self.replies.take(self.now, &self.config);
        if let State::Finishing(linger) = &mut self.state {
            linger.note_taken(piece.is_some() && !self.replies.is_empty());
        }
        if self.may_read()
            && let State::Requests(requests) = &mut self.state
            && requests.pipelined() > 0
        {
            let pipelined = requests.take_pipelined();
            self.advance(self.now, &pipelined);
            if self.peer_ended {
                self.handle_eof(self.now);
            }
        }
        piece
    }

    /// Not more than one read ahead of the answers; nor more than a body would be of what comes beside a stream or after the end.
    fn wants_input(&self) -> bool {
        match &self.state {
            State::Requests(requests) => requests.pipelined() == 0,
            State::Stream(_) => self.ignored < self.config.max_ignored,
            State::WebSocket(web_socket) => web_socket.connection.wants_input(),
            State::Finishing(_) => self.ignored < self.config.max_body.max(self.config.max_ignored),
            State::Closed => false,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Requests(requests) => requests.deadline(),
            State::Stream(stream) => stream.poll_timeout(),
            State::WebSocket(web_socket) => web_socket.connection.poll_timeout(),
            State::Finishing(linger) => Some(linger.until()),
            State::Closed => None,
        };
        [state, self.replies.stall_at()].into_iter().flatten().min()
    }

    fn closing(&self) -> Closing {
        match &self.state {
            State::Requests(_) => Closing::No,
            State::Stream(stream) => stream.closing(),
            State::WebSocket(web_socket) => web_socket.connection.closing(),
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
            State::Requests(requests) => requests.name(),
            State::Stream(_) => "Stream",
            State::WebSocket(_) => "WebSocket",
            State::Finishing(_) => "Finishing",
            State::Closed => "Closed",
        };
        f.debug_struct("Session")
            .field("state", &state)
            .field("stream", &self.stream())
            .field("pipelined", &self.pipelined())
            .field("unsent", &self.replies.len())
            .field("shutting_down", &self.shutting_down)
            .finish_non_exhaustive()
    }
}

fn put(fields: &mut Fields, name: &str, value: impl AsRef<[u8]>) {
    // Our own names and values are well formed.
    let _ = fields.set(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_with_an_idle_stream_is_less_than_400_bytes() {
        assert!(size_of::<Session>() < 400, "{}", size_of::<Session>());
    }
}
