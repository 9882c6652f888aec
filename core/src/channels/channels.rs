use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use super::guests::Guests;
use super::places::{Ending, Names, Place, Places};
use super::read::{Batch, End, Read};
use super::subscribe::{Subscribe, Subscribed, start};
use super::{
    ChannelConfig, Config, Guest, Limit, PublishError, ReaderStats, Replay, Stats, SubscribeError, Unregister,
    encode_gap,
};
use crate::log::{self, Burst, Epoch, EventId, Log, OpenError, ReaderId, Start};
use crate::server::{CloseReason, Pace};
use crate::sse::{self, EventName, Fields, ToMessage};
use crate::{Instant, Random};

/// The channels of a server, and all who read them. See the [module](super) for how they are used.
pub struct Channels {
    config: Config,
    log: Log,
    random: Box<dyn Random + Send>,
    channels: BTreeMap<Arc<str>, Channel>,
    guests: Guests,
    places: Places,
    /// When readers have had their longest time.
    ends: BTreeSet<(Instant, ReaderId)>,
    wake: VecDeque<ReaderId>,
    /// What the last read lends.
    lent: Burst,
    pace: Pace,
    published: u64,
    closed: bool,
}

/// A channel that is registered, or has readers.
#[derive(Debug, Default)]
struct Channel {
    /// `None`: not registered, there on demand.
    config: Option<ChannelConfig>,
    readers: usize,
}

impl Channels {
    /// Opens channels without any publication, in a log of a new epoch.
    pub fn new(config: Config, mut random: Box<dyn Random + Send>, _now: Instant) -> Self {
        let pace = Pace::new(config.return_rate);
        let log = Log::new(config.log.clone(), Epoch::random(&mut *random));
        Self {
            config,
            log,
            random,
            channels: BTreeMap::new(),
            guests: Guests::default(),
            places: Places::default(),
            ends: BTreeSet::new(),
            wake: VecDeque::new(),
            lent: Burst::new(b""),
            pace,
            published: 0,
            closed: false,
        }
    }

    /// Registers a channel; one that is registered already takes the new configuration for what comes.
    pub fn register(&mut self, name: &str, config: ChannelConfig) {
        self.channels.entry(name.into()).or_default().config = Some(config);
    }

    /// Unregisters a channel and tells whether it was there.
    pub fn unregister(&mut self, _now: Instant, name: &str, readers: Unregister) -> bool {
        let Some(channel) = self.channels.get_mut(name) else { return false };
        channel.config = None;
        let known = channel.readers > 0;
        if !known {
            self.channels.remove(name);
        }
        let of: Vec<ReaderId> = self
            .places
            .iter()
            .filter(|place| place.channels.as_slice().iter().any(|one| **one == *name))
            .map(|p| p.id)
            .collect();
        for reader in of {
            if readers == Unregister::EndReaders {
                self.end(reader, Ending { reason: CloseReason::StreamEnded, drain: true });
            }
        }
        true
    }

    /// Appends a message to channels, for all their readers; one that reads several of them is given it once. Returns its id: from
    /// then on it is accepted.
    ///
    /// # Errors
    ///
    /// After [`shutdown`](Self::shutdown), for a channel that is not there, and when it cannot be sent or kept. Nothing is published then.
    pub fn publish<'c>(
        &mut self,
        now: Instant,
        channels: impl IntoIterator<Item = &'c str>,
        message: &(impl ToMessage + ?Sized),
    ) -> Result<EventId, PublishError> {
        if message.own_id().is_some() {
            return Err(PublishError::OwnId);
        }
        let event = message.raw_event_type().filter(|name| !name.is_empty()).map(EventName::new).transpose();
        let event = event.map_err(PublishError::Name)?;
        let data = message.data();
        self.publish_with(now, channels, |id, out| {
            let id = alloc::format!("{id}");
            let id = sse::EventId::new(&*id).ok();
            Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data: &data }.encode(out);
        })
    }

    /// Appends a publication to channels as [`publish`](Self::publish) does; `encode` is given its id and appends its bytes, whole events.
    ///
    /// # Errors
    ///
    /// As `publish`.
    pub fn publish_with<'c>(
        &mut self,
        now: Instant,
        channels: impl IntoIterator<Item = &'c str>,
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        let names: Vec<&str> = channels.into_iter().collect();
        if !self.config.on_demand && names.iter().any(|name| !self.is_registered(name)) {
            return Err(PublishError::UnknownChannel);
        }
        let (first, others) = names.split_first().ok_or(PublishError::NoChannels)?;
        let mut copy = Vec::new();
        let id = self.log.publish(now, first, |id, out| {
            encode(id, out);
            copy.clone_from(out);
        });
        let id = id.map_err(PublishError::Log)?;
        for name in others {
            self.log.publish(now, name, |_, out| out.extend_from_slice(&copy)).map_err(PublishError::Log)?;
        }
        self.published += 1;
        Ok(id)
    }

    /// Appends a comment to channels, as [`publish`](Self::publish) does a message.
    ///
    /// # Errors
    ///
    /// As `publish`.
    pub fn comment<'c>(
        &mut self,
        now: Instant,
        channels: impl IntoIterator<Item = &'c str>,
        text: &str,
    ) -> Result<EventId, PublishError> {
        self.publish_with(now, channels, |_, out| sse::encode_comment(text, out))
    }

    /// Admits a connection, which [leaves](Self::leave) at its end.
    ///
    /// # Errors
    ///
    /// When there are too many, and `max_refused` more that are only told so: it is to be dropped. One that is to be told has a
    /// [limit](Guest::limit).
    pub fn admit(&mut self, peer: Option<IpAddr>) -> Result<Guest, Limit> {
        self.guests.admit(peer, &self.config)
    }

    /// Notes that a connection has ended; its readers are to be [closed](Self::close) before.
    pub fn leave(&mut self, guest: Guest) {
        self.guests.leave(guest);
    }

    /// Begins a stream.
    ///
    /// # Errors
    ///
    /// When it may not begin; nothing has begun then.
    pub fn subscribe(&mut self, now: Instant, asked: Subscribe<'_>) -> Result<Subscribed, SubscribeError> {
        if self.closed {
            return Err(SubscribeError::Closed);
        }
        if let Some(limit) = asked.guest.limit() {
            return Err(SubscribeError::Busy(limit));
        }
        let mut names: Vec<&str> = asked.channels.to_vec();
        names.sort_unstable();
        names.dedup();
        let mut all = false;
        for name in &names {
            let channel = self.channels.get(*name);
            let registered = channel.and_then(|channel| channel.config.as_ref());
            if registered.is_none() && !self.config.on_demand {
                return Err(SubscribeError::UnknownChannel);
            }
            let config = registered.unwrap_or(&self.config.channel);
            if channel.is_some_and(|channel| channel.readers >= config.max_readers) || config.max_readers == 0 {
                return Err(SubscribeError::Busy(Limit::ReadersOfChannel));
            }
            all |= config.replay == Replay::All;
        }
        let after = asked.last_event_id.filter(|id| !id.is_empty());
        let from = match after {
            Some(id) => Start::After(id),
            None if all => Start::Oldest,
            None => Start::Live,
        };
        let opened = self.log.open_reader(now, names.iter().copied(), from);
        let (reader, gap) = opened.map_err(|error| self.refused(error))?;
        let names = names.into_iter().map(|name| self.enter(name)).collect();
        let ends_at = self.draw_end(now);
        self.ends.extend(ends_at.map(|at| (at, reader)));
        self.places.insert(Place {
            id: reader,
            guest: asked.guest,
            since: now,
            channels: Names::new(names),
            ending: None,
            ends_at,
            queued: false,
        });
        let start = start(gap.as_ref(), self.log.cursor(reader));
        Ok(Subscribed { reader, resumed: after.is_some() && gap.is_none(), gap, start })
    }

    /// Returns what `reader` is to be given next, about `max_bytes` of it but at least one publication; `None` until it is
    /// [woken](Self::poll_wake).
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<Read<'_>> {
        let ending = self.places.get(reader)?.ending;
        if let Some(Ending { reason, drain: false }) = ending {
            return Some(Read::End(self.make_end(now, reason)));
        }
        if !self.log.has_next(reader)
            && let Some(ending) = ending
        {
            return Some(Read::End(self.make_end(now, ending.reason)));
        }
        Some(match self.log.read(now, reader, max_bytes)? {
            log::Read::Burst { burst, more } => Read::Burst { burst, more: more || ending.is_some() },
            log::Read::Gap(gap) => {
                let mut bytes = Vec::new();
                encode_gap(&gap, &mut bytes);
                self.lent = Burst::new(&bytes);
                Read::Burst { burst: &self.lent, more: true }
            }
        })
    }

    /// Takes the answer of the repository to a [`Load`](super::Load).
    pub fn handle_loaded(&mut self, _now: Instant, reader: ReaderId, answer: Result<Batch, ()>) {
        drop((reader, answer));
    }

    /// Notes that `reader` has had all that it was given written to its socket.
    pub fn note_written(&mut self, reader: ReaderId) {
        let _ = reader;
    }

    /// Closes a reader whose stream has ended; closing it again does nothing.
    pub fn close(&mut self, reader: ReaderId) {
        let Some(place) = self.places.remove(reader) else { return };
        self.log.close_reader(reader);
        if let Some(at) = place.ends_at {
            self.ends.remove(&(at, reader));
        }
        for name in place.channels.as_slice() {
            let Some(channel) = self.channels.get_mut(name) else { continue };
            channel.readers = channel.readers.saturating_sub(1);
            if channel.readers == 0 && channel.config.is_none() {
                self.channels.remove(name);
            }
        }
    }

    /// Returns the next reader that has something to read and was not returned since it last had read everything.
    pub fn poll_wake(&mut self) -> Option<ReaderId> {
        while let Some(reader) = self.wake.pop_front() {
            if let Some(place) = self.places.get_mut(reader) {
                place.queued = false;
                return Some(reader);
            }
        }
        self.log.poll_wake()
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.log.handle_timeout(now);
        while let Some((at, reader)) = self.ends.first().copied()
            && at <= now
        {
            self.ends.remove(&(at, reader));
            self.end(reader, Ending { reason: CloseReason::MaxStreamTime, drain: false });
        }
    }

    /// Returns when something is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.log.poll_timeout(), self.ends.first().map(|(at, _)| *at)].into_iter().flatten().min()
    }

    /// Notes that the server closes: nothing new begins, nothing more is published, and every reader ends after what was published
    /// before.
    pub fn shutdown(&mut self, _now: Instant) {
        if self.closed {
            return;
        }
        self.closed = true;
        let all: Vec<ReaderId> = self.places.iter().map(|place| place.id).collect();
        for reader in all {
            self.end(reader, Ending { reason: CloseReason::Shutdown, drain: true });
        }
    }

    /// Tells whether [`shutdown`](Self::shutdown) was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Draws when a reader that is refused, or ends, may come back.
    pub fn draw_retry(&mut self, now: Instant) -> Duration {
        self.pace.draw(now, self.config.retry_after)
    }

    /// Returns limits, timing and policy.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the plain numbers of this moment.
    pub fn stats(&self) -> Stats {
        Stats { connections: self.guests.len(), readers: self.log.stats().readers, published: self.published }
    }

    /// Returns the numbers of one reader.
    pub fn reader_stats(&self, reader: ReaderId) -> Option<ReaderStats> {
        let place = self.places.get(reader)?;
        let behind = self.log.lag(reader).unwrap_or_default().messages;
        Some(ReaderStats { reader, guest: place.guest, since: place.since, behind })
    }

    /// Returns the channels that `reader` reads.
    pub fn channels_of(&self, reader: ReaderId) -> impl Iterator<Item = &str> {
        self.places.get(reader).into_iter().flat_map(|place| place.channels.as_slice()).map(AsRef::as_ref)
    }

    /// Returns the end of a reader that is not to wait until its socket has taken what it was given: it lags too far behind, or has had
    /// its longest time. It is due when the reader was [woken](Self::poll_wake) and its socket wants nothing.
    pub fn poll_end(&mut self, now: Instant, reader: ReaderId) -> Option<End> {
        let Ending { reason, drain: false } = self.places.get(reader)?.ending? else { return None };
        Some(self.make_end(now, reason))
    }

    fn is_registered(&self, name: &str) -> bool {
        self.channels.get(name).is_some_and(|channel| channel.config.is_some())
    }

    /// Counts one more reader of a channel.
    fn enter(&mut self, name: &str) -> Arc<str> {
        if let Some((name, _)) = self.channels.get_key_value(name) {
            let name = Arc::clone(name);
            if let Some(channel) = self.channels.get_mut(&name) {
                channel.readers += 1;
            }
            return name;
        }
        let name: Arc<str> = name.into();
        self.channels.insert(Arc::clone(&name), Channel { config: None, readers: 1 });
        name
    }

    fn end(&mut self, reader: ReaderId, ending: Ending) {
        let Some(place) = self.places.get_mut(reader) else { return };
        if place.ending.is_some_and(|known| known.drain <= ending.drain) {
            return;
        }
        place.ending = Some(ending);
        if !place.queued {
            place.queued = true;
            self.wake.push_back(reader);
        }
    }

    fn make_end(&mut self, now: Instant, reason: CloseReason) -> End {
        let last = self.config.last_event.clone().filter(|_| reason == CloseReason::Shutdown);
        End { reason, retry: Some(self.draw_retry(now)), last }
    }

    fn draw_end(&mut self, now: Instant) -> Option<Instant> {
        let time = self.config.max_time?;
        let most = (time / 100).saturating_mul(self.config.max_time_jitter.min(100).into());
        Some(now + time.saturating_sub(part(most, self.random.next_u64())))
    }

    fn refused(&self, error: OpenError) -> SubscribeError {
        let log = &self.config.log;
        match error {
            OpenError::NoTopics => SubscribeError::NoChannels,
            OpenError::TooManySubscriptions => SubscribeError::TooManyChannels { limit: log.max_subscriptions },
            OpenError::NameTooLong => SubscribeError::NameTooLong { limit: log.max_name },
            OpenError::TooManyTopics | OpenError::TooManyReaders | OpenError::OwnIdsNotAlone => {
                SubscribeError::Busy(Limit::Log)
            }
        }
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("config", &self.config).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Returns the part of `whole` that `random` is of 2^64.
fn part(whole: Duration, random: u64) -> Duration {
    // Less than 2^94, times less than 2^32.
    let nanos = (whole.as_nanos() * u128::from(random >> 32)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
