use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Channels, Guest, Limit, Subscribe, SubscribeError, encode_gap};
use crate::http::{Method, RequestHead};
use crate::log::ReaderId;
use crate::server::{Heartbeat, Reply, StreamHead};
use crate::{Instant, sse};

/// How a path answers with the stream of channels, whatever carries it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Endpoint {
    /// The name under which the query may bring the last event ID, for who cannot send fields; `None`: it may not. The field
    /// `Last-Event-ID` comes before it. Default `last_event_id`.
    pub query: Option<Box<str>>,
    /// Whether POST asks for the stream, too. Default `false`.
    pub post: bool,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { query: Some("last_event_id".into()), post: false }
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
        let subscribed = match channels.subscribe(now, asked) {
            Ok(subscribed) => subscribed,
            Err(error) => return Answer::Reply(refuse(channels, now, head, error)),
        };
        let mut first = Vec::new();
        if let Some(retry) = channels.config().retry {
            sse::encode_retry(retry, &mut first);
        }
        if let Some(gap) = &subscribed.gap {
            encode_gap(gap, &mut first);
        }
        Answer::Stream { reader: subscribed.reader, head: stream_head(channels), first: first.into() }
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
            Some(error) => Err(refuse(channels, now, head, error)),
            None => Ok(stream_head(channels)),
        }
    }

    /// Returns the answer to a request that is none for a stream to begin: of another method, or for the head alone.
    pub fn reply(&self, head: &RequestHead) -> Option<Reply> {
        let allowed = if self.post { "GET, HEAD, POST, OPTIONS" } else { "GET, HEAD, OPTIONS" };
        if !allowed.split(", ").any(|method| method == head.method.as_str()) {
            return Some(with_allow(Reply::new(405), allowed));
        }
        if head.method == Method::OPTIONS {
            return Some(with_allow(Reply::new(204), allowed));
        }
        (head.method == Method::HEAD).then(|| StreamHead::default().into_reply())
    }

    /// Returns the answer to a request on a connection that was not [admitted](Channels::admit) at all.
    pub fn refuse(&self, channels: &mut Channels, now: Instant, head: &RequestHead, limit: Limit) -> Reply {
        refuse(channels, now, head, SubscribeError::Busy(limit))
    }

    /// Returns the last event ID that a request brings, if it is not empty: the field is what a browser has seen since, the query
    /// stays as it was when the page opened the stream.
    pub fn last_event_id(&self, head: &RequestHead) -> Option<String> {
        let id = match head.fields.get("last-event-id") {
            Some(field) => String::from_utf8_lossy(field).into_owned(),
            None => {
                let name = self.query.as_deref()?;
                let target = head.parse_target().ok()?;
                let (_, value) = target.query_pairs().filter(|(found, _)| found == name).last()?;
                value.into_owned()
            }
        };
        Some(id).filter(|id| !id.is_empty())
    }
}

fn stream_head(channels: &Channels) -> StreamHead {
    StreamHead { heartbeat: channels.config().heartbeat.map(Heartbeat::new), ..StreamHead::default() }
}

fn refuse(channels: &mut Channels, now: Instant, head: &RequestHead, error: SubscribeError) -> Reply {
    let status = match error {
        SubscribeError::Closed | SubscribeError::Busy(_) => {
            let retry = channels.draw_retry(now);
            return channels.config().busy.reply(head, retry, &error.to_string());
        }
        SubscribeError::UnknownChannel => 404,
        _ => 400,
    };
    let mut reply = Reply::new(status);
    set_text(&mut reply, &error.to_string());
    reply
}

fn with_allow(mut reply: Reply, allowed: &str) -> Reply {
    // Literals that are well formed.
    let _ = reply.fields.append("allow", allowed);
    reply
}

/// Gives an answer a line of text.
pub(super) fn set_text(reply: &mut Reply, text: &str) {
    // Literals that are well formed.
    let _ = reply.fields.append("content-type", "text/plain; charset=utf-8");
    let _ = reply.fields.append("cache-control", "no-store");
    reply.body = [text, "\n"].concat().into();
}
