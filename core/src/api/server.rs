use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write as _;

use bytes::Bytes;
use serde::Serialize;

use super::Config;
use super::envelope::{Connected, Envelope, encode_event, encode_gap, timestamp};
use super::events::{Asked, check_channel, user};
use super::problem::Problem;
use super::publish::Publication;
use super::reply::{add, reply};
use super::route::Route;
use crate::http::{Method, Target};
use crate::log::{Burst, Epoch, EventId, Gap, Log, OpenError, PublishError, Read, ReaderId, Start};
use crate::server::{Heartbeat, Reply, Request, StreamHead};
use crate::{Instant, Random, UnixTime, channels, sse};

/// What all connections of a server share: the log and the routes to it.
pub struct Api {
    config: Config,
    log: Log,
    random: Box<dyn Random + Send>,
    /// The wall time and when it was told.
    clock: (UnixTime, Instant),
    draining: bool,
    /// The gap that was told last.
    gap: Option<Burst>,
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Answer {
    /// Answer and go on with the connection.
    Reply(Reply),
    /// Begin a stream.
    Stream {
        /// Whose publications are to be read with [`Api::read`], until [`Api::close_reader`].
        reader: ReaderId,
        /// The head of the answer.
        head: StreamHead,
        /// The first bytes of the stream.
        first: Bytes,
    },
}

impl Api {
    /// Opens an empty log of a new epoch.
    pub fn new(config: Config, mut random: Box<dyn Random + Send>, now: Instant, unix: UnixTime) -> Self {
        let log = Log::new(config.log.clone(), Epoch::random(&mut *random));
        Self { config, log, random, clock: (unix, now), draining: false, gap: None }
    }

    /// Notes the wall time; told now and then, it keeps timestamps true while the system's clock is set.
    pub fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.clock = (unix, now);
    }

    /// Decides what becomes of a request. [`poll_wake`](Self::poll_wake) tells who has something to read afterwards.
    pub fn handle_request(&mut self, now: Instant, request: &Request) -> Answer {
        let head = &request.head;
        let mut answer = self.answer(now, request).unwrap_or_else(|problem| Answer::Reply(problem.reply()));
        let fields = match &mut answer {
            Answer::Reply(reply) => &mut reply.fields,
            Answer::Stream { head, .. } => &mut head.fields,
        };
        self.config.access.share(head, fields);
        answer
    }

    /// Appends a publication to a channel, as a request to the route does, and returns its id.
    ///
    /// # Errors
    ///
    /// As the route answers.
    pub fn publish_text(&mut self, now: Instant, channel: &str, user: &str, text: &str) -> Result<EventId, Problem> {
        check_channel(channel)?;
        let publication = Publication::from_text(text, self.config.max_message)?;
        self.append(now, channel, user, &publication)
    }

    /// Returns what the stream of `reader` is to be given next, about `max_bytes` of it; `None` until it is woken again.
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<channels::Read<'_>> {
        Some(match self.log.read(now, reader, max_bytes)? {
            Read::Burst { burst, more } => channels::Read::Burst { burst, more },
            Read::Gap(gap) => {
                let mut bytes = Vec::new();
                encode_gap(&gap, &mut bytes);
                channels::Read::Burst { burst: self.gap.insert(Burst::new(&bytes)), more: true }
            }
        })
    }

    /// Returns the next reader that has something to read.
    pub fn poll_wake(&mut self) -> Option<ReaderId> {
        self.log.poll_wake()
    }

    /// Ends a reader whose stream has ended.
    pub fn close_reader(&mut self, reader: ReaderId) {
        self.log.close_reader(reader);
    }

    /// Evicts what is too old.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.log.handle_timeout(now);
    }

    /// Returns when something will be too old.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.log.poll_timeout()
    }

    /// Notes that the server closes: nothing new begins, and `/health/ready` says so.
    pub fn shutdown(&mut self) {
        self.draining = true;
    }

    /// Returns the limits and timing.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    fn answer(&mut self, now: Instant, request: &Request) -> Result<Answer, Problem> {
        let head = &request.head;
        self.config.access.check(head)?;
        let target = head.parse_target().map_err(|_| Problem::InvalidTarget)?;
        let route = Route::find(&target)?;
        if let Some(reply) = self.config.access.preflight(head, route.allowed()) {
            return Ok(Answer::Reply(reply));
        }
        if !route.allowed().split(", ").any(|method| method == head.method.as_str()) {
            return Err(Problem::MethodNotAllowed(route.allowed()));
        }
        Ok(Answer::Reply(match route {
            Route::Page(page) => page.reply(),
            Route::Live => health(200, "ok"),
            Route::Ready if self.draining => health(503, "draining"),
            Route::Ready => health(200, "ok"),
            Route::Publish { channel } => self.publish(now, &channel, &target, request)?,
            Route::Events => return self.stream(now, &target, request),
        }))
    }

    fn publish(
        &mut self,
        now: Instant,
        channel: &str,
        target: &Target<'_>,
        request: &Request,
    ) -> Result<Reply, Problem> {
        check_channel(channel)?;
        let word = self.word();
        let user = user(target, short(&word))?;
        let publication = Publication::read(&request.head.fields, &request.body, self.config.max_message)?;
        let id = self.append(now, channel, &user, &publication)?;
        let published = Published { id: id.to_string(), nonce: publication.nonce.as_deref() };
        let body = serde_json::to_vec(&published).unwrap_or_default();
        Ok(reply(200, "application/json", body))
    }

    fn append(&mut self, now: Instant, channel: &str, user: &str, it: &Publication<'_>) -> Result<EventId, Problem> {
        let time = timestamp(self.unix(now));
        let published = self.log.publish(now, &topic(channel), |id, out| {
            let envelope = Envelope {
                id: id.to_string(),
                r#type: "message",
                event: it.event.as_deref(),
                channel_id: channel,
                user_id: user,
                data: &it.data,
                content_type: it.content_type,
                metadata: it.metadata,
                timestamp: time,
                thread_id: it.thread_id.as_deref(),
            };
            envelope.encode(out);
        });
        published.map_err(|error| match error {
            PublishError::TooLarge => Problem::LongerThanHistory,
            PublishError::NameTooLong
            | PublishError::NoTopics
            | PublishError::Empty
            | PublishError::NoOwnIds
            | PublishError::IdTooLong => Problem::InvalidChannel,
            PublishError::TooManyTopics => Problem::Overloaded(self.config.retry_after),
        })
    }

    fn stream(&mut self, now: Instant, target: &Target<'_>, request: &Request) -> Result<Answer, Problem> {
        let asked = Asked::read(&request.head, target, self.config.max_channels)?;
        let (connection_id, session_id) = (self.word(), self.word());
        let user_id = user(target, short(&connection_id))?;
        if request.head.method == Method::HEAD {
            return Ok(Answer::Reply(StreamHead::default().into_reply()));
        }
        if self.draining {
            return Err(Problem::Draining(self.config.retry_after));
        }
        let topics: Vec<String> = asked.channels.iter().map(|channel| topic(channel)).collect();
        let start = asked.after.as_deref().map_or(Start::Live, Start::After);
        let opened = self.log.open_reader(now, topics.iter().map(String::as_str), start);
        let (reader, gap) = opened.map_err(|error| match error {
            OpenError::TooManyReaders | OpenError::TooManyTopics | OpenError::OwnIdsNotAlone => {
                Problem::Overloaded(self.config.retry_after)
            }
            OpenError::TooManySubscriptions => Problem::TooManyChannels(self.config.log.max_subscriptions),
            OpenError::NoTopics => Problem::ChannelMissing,
            OpenError::NameTooLong => Problem::InvalidChannel,
        })?;
        let connected = Connected {
            connection_id: &connection_id,
            session_id: &session_id,
            user_id: &user_id,
            resumed: asked.after.is_some() && gap.is_none(),
            heartbeat_ms: u64::try_from(self.config.keep_alive.as_millis()).unwrap_or(u64::MAX),
        };
        let first = self.first(&connected, self.log.cursor(reader), gap.as_ref());
        let head = StreamHead { heartbeat: Some(Heartbeat::new(self.config.keep_alive)), ..StreamHead::default() };
        Ok(Answer::Stream { reader, head, first })
    }

    /// Returns the first bytes of a stream. The id of `connected` is where the stream starts, so that a reader resumes from there
    /// even if it is cut before its first publication. Before a gap it has none: a reader that is cut between the two still has
    /// the id it came with, and is told of the gap when it comes back.
    fn first(&self, connected: &Connected<'_>, start: Option<EventId>, gap: Option<&Gap>) -> Bytes {
        let mut out = Vec::new();
        sse::encode_retry(self.config.retry, &mut out);
        let json = serde_json::to_string(connected).unwrap_or_default();
        let start = start.filter(|_| gap.is_none()).map(|id| id.to_string());
        encode_event(start.as_deref(), "connected", &json, &mut out);
        if let Some(gap) = gap {
            encode_gap(gap, &mut out);
        }
        out.into()
    }

    fn unix(&self, now: Instant) -> UnixTime {
        let (unix, at) = self.clock;
        let since = u64::try_from((now - at).as_millis()).unwrap_or(u64::MAX);
        UnixTime::from_millis(unix.as_millis().saturating_add(since))
    }

    /// Returns 128 random bits as text.
    fn word(&mut self) -> String {
        let mut word = String::with_capacity(32);
        for _ in 0..2 {
            // Writing to memory does not fail.
            let _ = write!(word, "{:016x}", self.random.next_u64());
        }
        word
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("config", &self.config).field("log", &self.log.stats()).finish_non_exhaustive()
    }
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

/// Returns the topic of a channel; other kinds of topics will have other prefixes.
fn topic(channel: &str) -> String {
    format!("channel/{channel}")
}

fn health(status: u16, text: &str) -> Reply {
    let mut reply = reply(status, "text/plain; charset=utf-8", Vec::from(text));
    add(&mut reply.fields, "cache-control", "no-store");
    reply
}
