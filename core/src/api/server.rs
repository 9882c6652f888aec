use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use serde::Serialize;

use super::Config;
use super::envelope::{Connected, Envelope, encode_event, timestamp};
use super::events::{asked_channels, check_channel, user};
use super::problem::Problem;
use super::publish::Publication;
use super::reply::{add, reply};
use super::route::Route;
use crate::channels::{Answer, Channels, Guest, PublishError, Subscribe, SubscribeError, Subscribed};
use crate::http::{Method, Target};
use crate::log::{self, EventId};
use crate::server::{Reply, Request};
use crate::{Instant, UnixTime, sse};

/// The routes of the program to its channels.
#[derive(Clone, Debug)]
pub struct Api {
    config: Config,
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The connection.
    pub guest: Guest,
    /// The time.
    pub now: Instant,
    /// The wall time.
    pub unix: UnixTime,
}

impl Api {
    /// Makes the routes.
    pub const fn new(config: Config) -> Self {
        Self { config }
    }

    /// Decides what becomes of a request. [`Channels::poll_wake`] tells who has something to read afterwards.
    pub fn handle_request(&self, channels: &mut Channels, caller: Caller, request: &Request) -> Answer {
        let head = &request.head;
        let mut answer =
            self.answer(channels, caller, request).unwrap_or_else(|problem| Answer::Reply(problem.reply()));
        let fields = match &mut answer {
            Answer::Reply(reply) => &mut reply.fields,
            Answer::Stream { head, .. } => &mut head.fields,
        };
        self.config.endpoint.access.share(head, fields);
        answer
    }

    /// Appends a publication to a channel, as a request to the route does, and returns its id.
    ///
    /// # Errors
    ///
    /// As the route answers.
    pub fn publish_text(
        &self,
        channels: &mut Channels,
        (now, unix): (Instant, UnixTime),
        channel: &str,
        user: &str,
        text: &str,
    ) -> Result<EventId, Problem> {
        check_channel(channel)?;
        let publication = Publication::from_text(text, self.config.max_message)?;
        append(channels, (now, unix), channel, user, &publication)
    }

    /// Returns the limits.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    fn answer(&self, channels: &mut Channels, caller: Caller, request: &Request) -> Result<Answer, Problem> {
        let head = &request.head;
        let endpoint = &self.config.endpoint;
        endpoint.access.check(head)?;
        let target = head.parse_target().map_err(|_| Problem::InvalidTarget)?;
        let route = Route::find(&target)?;
        if let Some(reply) = endpoint.access.preflight(head, route.allowed()) {
            return Ok(Answer::Reply(reply));
        }
        if !route.allowed().split(", ").any(|method| method == head.method.as_str()) {
            return Err(Problem::MethodNotAllowed(route.allowed()));
        }
        if caller.guest.limit().is_some() && route != Route::Events {
            return Err(Problem::Overloaded(channels.draw_retry(caller.now)));
        }
        Ok(Answer::Reply(match route {
            Route::Page(page) => page.reply(),
            Route::Live => health(200, "ok"),
            Route::Ready if channels.is_closed() => health(503, "draining"),
            Route::Ready => health(200, "ok"),
            Route::Publish { channel } => self.publish(channels, caller, &channel, &target, request)?,
            Route::Events => return self.stream(channels, caller, &target, request),
        }))
    }

    fn publish(
        &self,
        channels: &mut Channels,
        caller: Caller,
        channel: &str,
        target: &Target<'_>,
        request: &Request,
    ) -> Result<Reply, Problem> {
        check_channel(channel)?;
        let word = channels.draw_word();
        let user = user(target, short(&word))?;
        let publication = Publication::read(&request.head.fields, &request.body, self.config.max_message)?;
        let id = append(channels, (caller.now, caller.unix), channel, &user, &publication)?;
        let published = Published { id: id.to_string(), nonce: publication.nonce.as_deref() };
        let body = serde_json::to_vec(&published).unwrap_or_default();
        Ok(reply(200, "application/json", body))
    }

    fn stream(
        &self,
        channels: &mut Channels,
        Caller { guest, now, .. }: Caller,
        target: &Target<'_>,
        request: &Request,
    ) -> Result<Answer, Problem> {
        let endpoint = &self.config.endpoint;
        let head = &request.head;
        if !endpoint.accepts(head) {
            return Err(Problem::NotAcceptable);
        }
        let names = asked_channels(target, self.config.max_channels)?;
        let (connection_id, session_id) = (channels.draw_word(), channels.draw_word());
        let user_id = user(target, short(&connection_id))?;
        if head.method == Method::HEAD {
            return Ok(Answer::Reply(endpoint.stream_head(head, None).into_reply()));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let last_event_id = endpoint.last_event_id(head);
        let asked = Subscribe { guest, channels: &names, last_event_id: last_event_id.as_deref() };
        let subscribed = match channels.subscribe(now, asked) {
            Ok(subscribed) => subscribed,
            Err(SubscribeError::Busy(_) | SubscribeError::Closed) if channels.config().busy.is_stream(head) => {
                let retry = channels.draw_retry(now);
                return Ok(Answer::Reply(channels.config().busy.reply(head, retry, "")));
            }
            Err(error) => return Err(Self::refused(channels, now, error)),
        };
        let heartbeat = channels.config().heartbeat.clone();
        let connected = Connected {
            connection_id: &connection_id,
            session_id: &session_id,
            user_id: &user_id,
            resumed: subscribed.resumed,
            heartbeat_ms: heartbeat.as_ref().map_or(0, |heartbeat| heartbeat.every.as_millis() as u64),
        };
        let first = first(channels, &connected, &subscribed);
        let head = endpoint.stream_head(head, heartbeat);
        channels.set_coding(subscribed.reader, head.coding);
        Ok(Answer::Stream { reader: subscribed.reader, head, first })
    }

    fn refused(channels: &mut Channels, now: Instant, error: SubscribeError) -> Problem {
        match error {
            SubscribeError::Closed => Problem::Draining(channels.draw_retry(now)),
            SubscribeError::Busy(_) => Problem::Overloaded(channels.draw_retry(now)),
            SubscribeError::NoChannels => Problem::ChannelMissing,
            SubscribeError::UnknownChannel => Problem::ChannelNotFound,
            SubscribeError::TooManyChannels { limit } => Problem::TooManyChannels(limit),
            SubscribeError::NameTooLong { .. } => Problem::InvalidChannel,
            SubscribeError::NotAlone => Problem::TooManyChannels(1),
        }
    }
}

/// Returns the first bytes of a stream. The id of `connected` is where the stream starts, so that a reader resumes from there
/// even if it is cut before its first publication. Before a gap it has none: a reader that is cut between the two still has
/// the id it came with, and is told of the gap when it comes back.
fn first(channels: &Channels, connected: &Connected<'_>, subscribed: &Subscribed) -> Bytes {
    let mut out = Vec::new();
    if let Some(retry) = channels.config().retry {
        sse::encode_retry(retry, &mut out);
    }
    let json = serde_json::to_string(connected).unwrap_or_default();
    encode_event(subscribed.start.as_deref(), "connected", &json, &mut out);
    subscribed.encode_gap(&mut out);
    out.into()
}

fn append(
    channels: &mut Channels,
    (now, unix): (Instant, UnixTime),
    channel: &str,
    user: &str,
    it: &Publication<'_>,
) -> Result<EventId, Problem> {
    let published = channels.publish_with(now, [channel], |id, out| {
        let envelope = Envelope {
            id: id.to_string(),
            r#type: "message",
            event: it.event.as_deref(),
            channel_id: channel,
            user_id: user,
            data: &it.data,
            content_type: it.content_type,
            metadata: it.metadata,
            timestamp: timestamp(unix),
            thread_id: it.thread_id.as_deref(),
        };
        envelope.encode(out);
    });
    published.map_err(|error| match error {
        PublishError::Closed => Problem::Draining(channels.draw_retry(now)),
        PublishError::UnknownChannel => Problem::ChannelNotFound,
        PublishError::Log(log::PublishError::TooLarge) => Problem::LongerThanHistory,
        PublishError::Log(log::PublishError::TooManyTopics) => Problem::Overloaded(channels.draw_retry(now)),
        _ => Problem::InvalidChannel,
    })
}

/// The answer to a publication.
#[derive(Debug, Serialize)]
struct Published<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// Returns enough of a random word to tell people apart.
fn short(word: &str) -> &str {
    word.get(..8).unwrap_or(word)
}

fn health(status: u16, text: &str) -> Reply {
    let mut reply = reply(status, "text/plain; charset=utf-8", Vec::from(text));
    add(&mut reply.fields, "cache-control", "no-store");
    reply
}
