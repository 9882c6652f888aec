use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Channels, Guest, Limit, Subscribe, SubscribeError, Subscribed};
use crate::Instant;
use crate::http::{Coding, Method, RequestHead, accept};
use crate::log::ReaderId;
use crate::server::{Access, Heartbeat, Reply, StreamHead, WebSocketEndpoint};
use crate::sse::{self, EventName, Fields};
use crate::ws::{self, Accepted, Upgrade};

/// How a path answers with the stream of channels, whatever carries it: which requests it takes, and how the stream begins.
///
/// | request | answer |
/// |---|---|
/// | of a host or a page that may not ask | 403 |
/// | `OPTIONS` | 204 with `Allow`, and to a browser's preflight what its page may do |
/// | of another method | 405 with `Allow` |
/// | that does not accept `text/event-stream` | 406 |
/// | `HEAD` | 200, the head of the stream; nobody subscribes |
/// | for a channel that is not there | 404 |
/// | for no channel, too many, or a name too long | 400 |
/// | when a limit is reached or the server closes | as [`Busy`](super::Busy) says |
/// | `GET` | 200, the stream |
///
/// A stream begins with one block that dispatches nothing: the reconnection time, and the id where the stream starts, so that a reader
/// that is cut before its first publication resumes there; then comes a gap, if there is one.
///
/// With [`web_socket`](Self::web_socket) a request for a WebSocket is answered, too: by 101, or by what
/// [`WebSocketEndpoint`] says, and else as above, before the upgrade. Its reader is given the same blocks as
/// [messages](crate::log::Messages), resumes by the same ids, and says the last one in the query, because a page cannot set fields there. What it
/// sends is nobody's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Endpoint {
    /// Who may ask. Default: any host, and pages of the server itself.
    pub access: Access,
    /// The name under which the query may bring the last event ID, for who cannot send fields; `None`: it may not. The field
    /// `Last-Event-ID` comes before it. Default `last_event_id`.
    pub query: Option<Box<str>>,
    /// Whether POST asks for the stream, too. Default `false`.
    pub post: bool,
    /// Whether the stream is compressed for who asks for it. Default `false`: it costs memory and time for each reader.
    pub gzip: bool,
    /// How a reader is told of the heartbeat. Default [`Opening::Comment`].
    pub opening: Opening,
    /// Whether a comment of 2 KiB opens the stream, for proxies that hold back what is shorter. Default `false`.
    pub padding: bool,
    /// How a request for a WebSocket is answered, and who may ask then: by who calls [`answer_web_socket`](Self::answer_web_socket), as
    /// `EventServer` does. `None`: as any other request. Default `None`.
    pub web_socket: Option<WebSocketEndpoint>,
}

/// How a reader is told at the start after how much silence it may take its stream for dead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opening {
    /// It is not.
    None,
    /// By a comment, `:heartbeat_ms=15000`, which programs can see; by none when there is no heartbeat.
    Comment,
    /// By an event of this type with the data `{"heartbeat_ms":15000,"resumed":false}`, which pages can see, too. Its id is where the
    /// stream starts.
    Event(EventName<'static>),
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            access: Access { hosts: None, ..Access::default() },
            query: Some("last_event_id".into()),
            post: false,
            gzip: false,
            opening: Opening::Comment,
            padding: false,
            web_socket: None,
        }
    }
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Answer {
    /// Answer and go on with the connection.
    Reply(Reply),
    /// Begin a stream.
    Stream {
        /// Whose publications are to be read with [`Channels::read`], until [`Channels::close`].
        reader: ReaderId,
        /// The head of the answer.
        head: StreamHead,
        /// The first bytes of the stream.
        first: Bytes,
    },
}

/// A WebSocket that begins, to be given what is published.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// Whose publications are to be read with [`Channels::read`], until [`Channels::close`].
    pub reader: ReaderId,
    /// The answer, and what it agrees to.
    pub accepted: Accepted,
    /// Limits and timing of the connection.
    pub config: Arc<ws::Config>,
    /// The first events, for [`Outlet::send`](crate::server::Outlet::send).
    pub first: Bytes,
}

impl Endpoint {
    /// Decides what becomes of a request for the stream of the channels `names`.
    pub fn answer(
        &self,
        channels: &mut Channels,
        now: Instant,
        guest: Guest,
        head: &RequestHead,
        names: &[&str],
    ) -> Answer {
        if let Some(reply) = self.reply(head) {
            return Answer::Reply(reply);
        }
        let last_event_id = self.last_event_id(head);
        let asked = Subscribe { guest, channels: names, last_event_id: last_event_id.as_deref() };
        match channels.subscribe(now, asked) {
            Ok(subscribed) => {
                let head = self.head(head, channels.config().heartbeat.clone());
                channels.set_coding(subscribed.reader, head.coding);
                Answer::Stream { reader: subscribed.reader, first: self.first(channels, &subscribed), head }
            }
            Err(error) => Answer::Reply(self.refusal(channels, now, head, error)),
        }
    }

    /// Returns how a request is answered that asks for a WebSocket; `None`: it asks for none, or is answered as any other.
    pub fn web_socket_for(&self, head: &RequestHead) -> Option<&WebSocketEndpoint> {
        self.web_socket.as_ref().filter(|_| Upgrade::is_asked(head))
    }

    /// Decides what becomes of a request for a WebSocket with the publications of the channels `names`.
    ///
    /// # Errors
    ///
    /// The answer, where none begins.
    pub fn answer_web_socket(
        &self,
        web_socket: &WebSocketEndpoint,
        channels: &mut Channels,
        now: Instant,
        guest: Guest,
        head: &RequestHead,
        names: &[&str],
    ) -> Result<Opened, Reply> {
        let accepted = web_socket.answer(head)?.accepted;
        let last_event_id = self.last_event_id(head);
        let asked = Subscribe { guest, channels: names, last_event_id: last_event_id.as_deref() };
        let subscribed = channels.subscribe(now, asked).map_err(|error| self.refusal(channels, now, head, error))?;
        let reader = subscribed.reader;
        channels.set_web_socket(reader, accepted.agreed());
        let first = self.first(channels, &subscribed);
        Ok(Opened { reader, accepted, config: Arc::clone(&web_socket.config), first })
    }

    /// Decides what becomes of a request for a stream of the application's own: returns its head, or the answer that there is none.
    ///
    /// # Errors
    ///
    /// The answer, where no stream begins.
    pub fn open(
        &self,
        channels: &mut Channels,
        now: Instant,
        guest: Guest,
        head: &RequestHead,
    ) -> Result<StreamHead, Reply> {
        if let Some(reply) = self.reply(head) {
            return Err(reply);
        }
        let closed = channels.is_closed().then_some(SubscribeError::Closed);
        match closed.or_else(|| guest.limit().map(SubscribeError::Busy)) {
            Some(error) => Err(self.refusal(channels, now, head, error)),
            None => Ok(self.head(head, channels.config().heartbeat.clone())),
        }
    }

    /// Returns the answer to a request on a connection that was not [admitted](Channels::admit) at all.
    pub fn refuse(&self, channels: &mut Channels, now: Instant, head: &RequestHead, limit: Limit) -> Reply {
        self.refusal(channels, now, head, SubscribeError::Busy(limit))
    }

    /// Returns the answer to a request that is none for a stream to begin, or for one that its sender cannot take.
    pub fn reply(&self, head: &RequestHead) -> Option<Reply> {
        let mut reply = self.plain_reply(head)?;
        self.access.share(head, &mut reply.fields);
        Some(reply)
    }

    /// Tells whether the sender of a request can take the stream, by its media type and its content coding.
    pub fn accepts(&self, head: &RequestHead) -> bool {
        Self::accepts_type(head) && self.coding(head).is_ok()
    }

    /// Returns the head of the stream that a request is answered with.
    pub fn head(&self, head: &RequestHead, heartbeat: Option<Heartbeat>) -> StreamHead {
        let mut stream = self.stream_head(head, heartbeat);
        self.access.share(head, &mut stream.fields);
        stream
    }

    /// Returns the head of the stream without what it says to pages of other origins.
    pub(crate) fn stream_head(&self, head: &RequestHead, heartbeat: Option<Heartbeat>) -> StreamHead {
        let mut stream = StreamHead {
            heartbeat: Some(heartbeat.unwrap_or_else(Heartbeat::never)),
            coding: self.coding(head).ok().flatten(),
            padding: self.padding,
            ..StreamHead::default()
        };
        if self.gzip {
            add(&mut stream.fields, "vary", "accept-encoding");
        }
        stream
    }

    /// Returns the answer to a request for a stream that may not begin.
    pub fn refusal(&self, channels: &mut Channels, now: Instant, head: &RequestHead, error: SubscribeError) -> Reply {
        let mut reply = match error {
            SubscribeError::Closed | SubscribeError::Busy(_) => {
                let retry = channels.draw_retry(now);
                channels.config().busy.reply(head, retry, &error.to_string())
            }
            SubscribeError::UnknownChannel => text(404, &error.to_string()),
            _ => text(400, &error.to_string()),
        };
        self.access.share(head, &mut reply.fields);
        reply
    }

    /// Returns the last event ID that a request brings, if it is not empty: the field is what a browser has seen since, the query
    /// stays as it was when the page opened the stream.
    pub fn last_event_id(&self, head: &RequestHead) -> Option<String> {
        let id: Cow<'_, str> = match head.fields.get("last-event-id") {
            Some(field) => String::from_utf8_lossy(field),
            None => {
                let name = self.query.as_deref()?;
                let target = head.parse_target().ok()?;
                let (_, value) = target.query_pairs().filter(|(found, _)| found == name).last()?;
                value
            }
        };
        Some(id.into_owned()).filter(|id| !id.is_empty())
    }

    fn plain_reply(&self, head: &RequestHead) -> Option<Reply> {
        let allowed = if self.post { "GET, HEAD, POST, OPTIONS" } else { "GET, HEAD, OPTIONS" };
        if let Err(error) = self.access.check(head) {
            return Some(text(403, &error.to_string()));
        }
        if let Some(reply) = self.access.preflight(head, allowed) {
            return Some(reply);
        }
        if !allowed.split(", ").any(|method| method == head.method.as_str()) {
            let mut reply = text(405, &format!("this path answers to {allowed} only"));
            add(&mut reply.fields, "allow", allowed);
            return Some(reply);
        }
        if !Self::accepts_type(head) {
            return Some(text(406, "this path answers with text/event-stream, which the Accept field excludes"));
        }
        if self.coding(head).is_err() {
            return Some(text(406, "this path answers with gzip or without a coding, which Accept-Encoding excludes"));
        }
        (head.method == Method::HEAD).then(|| self.stream_head(head, None).into_reply())
    }

    fn accepts_type(head: &RequestHead) -> bool {
        accept::media_type(&head.fields, sse::CONTENT_TYPE) > 0
    }

    fn coding(&self, head: &RequestHead) -> Result<Option<Coding>, accept::NotAcceptable> {
        if self.gzip { accept::coding(&head.fields) } else { Ok(None) }
    }

    fn first(&self, channels: &Channels, subscribed: &Subscribed) -> Bytes {
        let config = channels.config();
        let heartbeat = config.heartbeat.as_ref().map_or(0, |heartbeat| heartbeat.every.as_millis());
        let is_told = self.opening == Opening::Comment && heartbeat > 0;
        let start = subscribed.start.as_deref();
        let mut out = Vec::new();
        if is_told {
            sse::encode_comment(&format!("heartbeat_ms={heartbeat}"), &mut out);
        }
        if let Some(retry) = config.retry {
            sse::encode_retry(retry, &mut out);
            // What follows stands in its block.
            out.pop();
        }
        match &self.opening {
            Opening::Event(name) => {
                let data = format!("{{\"heartbeat_ms\":{heartbeat},\"resumed\":{}}}", subscribed.resumed);
                let id = start.and_then(|id| sse::EventId::new(id).ok());
                Fields { id: id.as_ref(), event: Some(name), retry: None, data: &data }.encode(&mut out);
            }
            Opening::None | Opening::Comment => {
                if let Some(id) = start {
                    sse::encode_field("id", id, &mut out);
                }
                if !out.is_empty() {
                    out.push(b'\n');
                }
            }
        }
        subscribed.encode_gap(&mut out);
        out.into()
    }
}

/// Makes an answer of one line of text.
pub(super) fn text(status: u16, line: &str) -> Reply {
    let mut reply = Reply::new(status);
    add(&mut reply.fields, "content-type", "text/plain; charset=utf-8");
    add(&mut reply.fields, "cache-control", "no-store");
    reply.body = [line, "\n"].concat().into();
    reply
}

/// Adds a field whose name and value are ours.
pub(super) fn add(fields: &mut crate::http::Fields, name: &str, value: &str) {
    let added = fields.append(name, value);
    debug_assert!(added.is_ok(), "{name}: {value}");
}
