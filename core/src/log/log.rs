use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::merged::MergedBursts;
use super::read::Search;
use super::reader::{Readers, Subscription};
use super::topic;
use super::topics::Topics;
use super::watch::Watches;
use super::{
    Burst, Config, ConfigureError, Epoch, EventId, Gap, GapReason, OpenError, ParseIdError, Position, PublishError,
    ReaderId, TopicConfig,
};
use crate::Instant;

/// Where a new reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// At the head: only what is published from here on.
    Live,
    /// With the oldest that is kept, or the first of the last `max_replay`.
    Oldest,
    /// Exclusively after the id, as text from the reader. Empty is [`Live`](Self::Live).
    ///
    /// In a topic with ids of the application it is one of those, or a position as [`Gap::resume`] gives it; one that is not kept is
    /// told as evicted.
    After(&'a str),
}

/// Publications by topic, and the cursors of those who read them.
#[derive(Debug)]
pub struct Log {
    pub(super) config: Config,
    pub(super) epoch: Epoch,
    head: Position,
    pub(super) topics: Topics,
    pub(super) readers: Readers,
    pub(super) merged: MergedBursts,
    pub(super) search: Search,
    pub(super) watches: Watches,
    scratch: Vec<u8>,
    slots: Vec<u32>,
}

impl Log {
    /// Opens an empty log. The epoch must be one that no log of this name had before.
    pub fn new(config: Config, epoch: Epoch) -> Self {
        Self {
            epoch,
            head: Position::START,
            topics: Topics::new(config.max_age),
            readers: Readers::default(),
            merged: MergedBursts::default(),
            search: Search::default(),
            watches: Watches::default(),
            scratch: Vec::new(),
            slots: Vec::new(),
            config,
        }
    }

    /// Appends one publication to `topic`: `encode` is given its id and appends its bytes, once for all readers.
    ///
    /// # Errors
    ///
    /// As [`publish_to`](Self::publish_to).
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &str,
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        self.append(now, &[topic], None, encode)
    }

    /// Appends one publication to several topics at one position: who reads several of them is given it once. A name that stands
    /// there twice counts once. `encode` is given its id and appends its bytes, once for all readers.
    ///
    /// In each topic it counts with all its bytes, though they are the same.
    ///
    /// # Errors
    ///
    /// When no topic is named or too many, one would be one too many, its name is too long, or the publication is larger than all that is
    /// kept. No position is used then, and nobody is woken.
    pub fn publish_to(
        &mut self,
        now: Instant,
        topics: &[&str],
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        self.append(now, topics, None, encode)
    }

    /// Appends one publication with an id of the application's own to topics of [such](TopicConfig::own_ids): readers come back with that.
    ///
    /// A publication of the same id before is replaced: who has not read it yet is given only the later one, in its place.
    ///
    /// # Errors
    ///
    /// As [`publish_to`](Self::publish_to), and when a topic has no ids of the application's own, or this one is too long.
    pub fn publish_own(
        &mut self,
        now: Instant,
        topics: &[&str],
        own_id: &str,
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        if own_id.len() > self.config.max_name {
            return Err(PublishError::IdTooLong);
        }
        let own = |name: &&str| {
            self.topics
                .find(name)
                .and_then(|slot| self.topics.get(slot))
                .map_or(self.config.topic, |topic| topic.config)
        };
        if !topics.iter().all(|name| own(name).own_ids) {
            return Err(PublishError::NoOwnIds);
        }
        self.append(now, topics, Some(own_id), encode)
    }

    /// Gives a topic bounds of its own, which hold at once. From then on it is known, and never forgotten, until it is
    /// [removed](Self::remove_topic).
    ///
    /// # Errors
    ///
    /// When the topic would be one too many, or its name is too long.
    pub fn configure(&mut self, topic: &str, config: TopicConfig) -> Result<(), ConfigureError> {
        if topic.len() > self.config.max_name {
            return Err(ConfigureError::NameTooLong);
        }
        let slot = self.topics.hold(topic, &self.config).ok_or(ConfigureError::TooManyTopics)?;
        self.topics.configure(slot, config);
        self.scan_for_lag(slot);
        Ok(())
    }

    /// Throws away what a topic keeps, and the bounds that it was [configured](Self::configure) with. Its readers stay; those that had
    /// not read everything are told a gap.
    pub fn remove_topic(&mut self, topic: &str) {
        if let Some(slot) = self.topics.find(topic) {
            self.topics.remove(slot, self.config.topic);
        }
    }

    /// Opens a reader of `topics`; a name that stands there twice counts once. Returns with it the gap that it must be told
    /// before anything else.
    ///
    /// # Errors
    ///
    /// When there are no topics, more than allowed, too many readers, a topic would be one too many, or one with ids of the application
    /// is not alone.
    pub fn open_reader<'t>(
        &mut self,
        now: Instant,
        topics: impl IntoIterator<Item = &'t str>,
        start: Start<'_>,
    ) -> Result<(ReaderId, Option<Gap>), OpenError> {
        self.topics.evict_aged(now);
        let mut names = BTreeSet::new();
        for name in topics {
            if name.len() > self.config.max_name {
                return Err(OpenError::NameTooLong);
            }
            if names.insert(name) && names.len() > self.config.max_subscriptions {
                return Err(OpenError::TooManySubscriptions);
            }
        }
        if names.is_empty() {
            return Err(OpenError::NoTopics);
        }
        if self.readers.len() >= self.config.max_readers {
            return Err(OpenError::TooManyReaders);
        }

        let alone = names.len() == 1;
        if !alone {
            // Those that are known first, so that none of them is forgotten for another.
            names.iter().for_each(|name| _ = self.topics.hold_known(name));
        }
        let subscriptions = self.subscribe(&names);
        if !alone {
            for name in &names {
                self.topics.find(name).into_iter().for_each(|slot| self.topics.let_go(slot));
            }
        }
        let subscriptions = subscriptions?;
        let (position, reason) = self.resolve(&subscriptions, start);
        let places = subscriptions.clone();
        let Some(id) = self.readers.insert(position, self.head, subscriptions) else {
            self.release(&places);
            return Err(OpenError::TooManyReaders);
        };
        for one in &places {
            if let Some(topic) = self.topics.get_mut(one.topic) {
                let readers = &mut self.readers;
                let moved = |slot, at| readers.note_place(slot, one.topic, at);
                topic.roster.set(one.at as usize, id.slot, places.len() > 1, moved);
            }
        }
        self.readers.call(id);
        let gap = self.begin(id, position, reason, start);
        Ok((id, gap))
    }

    /// Closes `reader`; closing it again does nothing.
    pub fn close_reader(&mut self, reader: ReaderId) {
        let Some(entry) = self.readers.remove(reader) else { return };
        if !self.watches.is_empty() {
            self.watches.settle(&entry, reader.slot, entry.written, None);
        }
        self.release(entry.subscriptions());
    }

    /// Returns the next reader that has something to read and was not returned since it last had read everything.
    #[inline]
    pub fn poll_wake(&mut self) -> Option<ReaderId> {
        if self.readers.has_called()
            && let Some(called) = self.poll_called()
        {
            return Some(called);
        }
        loop {
            let (slot, many) = self.topics.poll_wake()?;
            let woken = if many { self.readers.wake(slot) } else { self.readers.id(slot) };
            if woken.is_some() {
                return woken;
            }
        }
    }

    /// Has [`poll_wake`](Self::poll_wake) return `reader` also when there is nothing for it, unless it is awake.
    pub fn wake(&mut self, reader: ReaderId) {
        if !self.is_awake(reader) {
            self.readers.call(reader);
        }
    }

    /// Evicts what is too old by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.topics.evict_aged(now);
    }

    /// Returns when the oldest publication will be too old.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.topics.due()
    }

    /// Returns the epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns the id of the last publication; of position 0 when there was none.
    pub fn head(&self) -> EventId {
        self.id(self.head)
    }

    /// Returns up to which id `reader` was given or told everything.
    pub fn cursor(&self, reader: ReaderId) -> Option<EventId> {
        Some(self.id(self.readers.get(reader)?.cursor))
    }

    /// Returns the readers of a topic.
    pub fn readers_of(&self, topic: &str) -> impl Iterator<Item = ReaderId> {
        let topic = self.topics.find(topic).and_then(|slot| self.topics.get(slot));
        topic.into_iter().flat_map(|topic| topic.roster.iter()).filter_map(|slot| self.readers.id(slot))
    }

    /// Returns the plain numbers of this moment.
    pub fn stats(&self) -> Stats {
        Stats {
            topics: self.topics.len(),
            readers: self.readers.len(),
            publications: self.topics.publications(),
            bytes: self.topics.bytes(),
        }
    }

    pub(super) fn id(&self, position: Position) -> EventId {
        EventId { epoch: self.epoch, position }
    }

    /// Returns up to which position a reader that begins like this knows everything, and why there is a gap behind that if it is
    /// not for what was evicted.
    pub(super) fn go_on_after(&mut self, last: Position) {
        self.head = last;
        self.topics.forget_until(last);
    }

    pub(super) fn resolve(&self, subscriptions: &[Subscription], start: Start<'_>) -> (Position, Option<GapReason>) {
        let after = match start {
            Start::Live | Start::After("") => return (self.head, None),
            Start::Oldest => return (Position::START, None),
            Start::After(after) => after,
        };
        let own = subscriptions.first().and_then(|one| self.topics.get(one.topic)).filter(|topic| topic.own.is_some());
        if let Some(topic) = own
            && let Some(number) = topic.own.as_ref().and_then(|own| own.number(after))
        {
            return (topic.position_of(number), None);
        }
        match after.parse::<EventId>() {
            Ok(id) if id.epoch == self.epoch && id.position <= self.head => (id.position, None),
            // It may be one of the application's that was evicted, or not published yet.
            _ if own.is_some() => (Position::START, Some(GapReason::Evicted)),
            Err(ParseIdError) => (self.head, Some(GapReason::Malformed)),
            Ok(id) if id.epoch != self.epoch => (Position::START, Some(GapReason::Epoch)),
            Ok(_) => (self.head, Some(GapReason::Ahead)),
        }
    }

    /// Tells whether a reader was woken and has not read everything since: the reader of one topic is where its place in the topic says so.
    fn is_awake(&self, reader: ReaderId) -> bool {
        let Some(entry) = self.readers.get(reader) else { return false };
        match entry.subscriptions() {
            [one] => self.topics.get(one.topic).is_some_and(|topic| topic.roster.is_awake(one.at as usize)),
            _ => entry.is_awake(),
        }
    }

    #[cold]
    fn poll_called(&mut self) -> Option<ReaderId> {
        while let Some(called) = self.readers.poll_called() {
            if self.is_awake(called) {
                continue;
            }
            let Some(entry) = self.readers.get(called) else { continue };
            let [one] = *entry.subscriptions() else { return self.readers.wake(called.slot) };
            if let Some(topic) = self.topics.get_mut(one.topic) {
                let readers = &mut self.readers;
                topic.roster.wake(one.at as usize, |slot, at| readers.note_place(slot, one.topic, at));
            }
            return Some(called);
        }
        None
    }

    /// Takes a place in each of the topics.
    fn subscribe(&mut self, names: &BTreeSet<&str>) -> Result<Vec<Subscription>, OpenError> {
        let mut subscriptions = Vec::with_capacity(names.len());
        for name in names {
            let slot = self.topics.hold(name, &self.config);
            let Some((slot, topic)) = slot.and_then(|slot| Some((slot, self.topics.get_mut(slot)?))) else {
                self.release(&subscriptions);
                return Err(OpenError::TooManyTopics);
            };
            let own_ids = topic.own.is_some();
            subscriptions.push(Subscription { topic: slot, at: topic.roster.push() as u32, seen: 0 });
            if own_ids && names.len() > 1 {
                self.release(&subscriptions);
                return Err(OpenError::OwnIdsNotAlone);
            }
        }
        Ok(subscriptions)
    }

    fn append(
        &mut self,
        now: Instant,
        names: &[&str],
        own_id: Option<&str>,
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        self.topics.evict_aged(now);
        let mut slots = core::mem::take(&mut self.slots);
        slots.clear();
        let appended = self.hold(names, &mut slots).and_then(|()| {
            let id = self.id(self.head.following());
            let burst = self.encode(id, encode).ok_or(PublishError::Empty)?;
            let size = topic::size_of(burst.chunk().len(), own_id);
            let fits = |slot: &u32| self.topics.get(*slot).is_some_and(|topic| size <= topic.config.max_bytes);
            if !slots.iter().all(fits) || size.saturating_mul(slots.len()) > self.config.max_bytes {
                return Err(PublishError::TooLarge);
            }
            self.head = id.position;
            if own_id.is_some() {
                self.merged.clear();
            }
            for slot in &slots {
                self.topics.append(now, *slot, id.position, burst.clone(), own_id);
            }
            self.topics.evict_excess(self.config.max_bytes);
            slots.iter().for_each(|slot| self.look_for_lag(*slot));
            Ok(id)
        });
        slots.iter().for_each(|slot| self.topics.let_go(*slot));
        self.slots = slots;
        appended
    }

    /// Finds or makes the topics, and holds them, those too that stand in `slots` when there is no room for the next one.
    fn hold(&mut self, names: &[&str], slots: &mut Vec<u32>) -> Result<(), PublishError> {
        if names.is_empty() {
            return Err(PublishError::NoTopics);
        }
        if names.iter().any(|name| name.len() > self.config.max_name) {
            return Err(PublishError::NameTooLong);
        }
        if let [name] = names {
            slots.push(self.topics.hold(name, &self.config).ok_or(PublishError::TooManyTopics)?);
            return Ok(());
        }
        // Those that are known first, so that none of them is forgotten for another.
        let held = slots;
        for name in names {
            held.extend(self.topics.hold_known(name));
        }
        for name in names {
            held.push(self.topics.hold(name, &self.config).ok_or(PublishError::TooManyTopics)?);
        }
        let known = held.len() - names.len();
        held.drain(..known);
        let mut once = BTreeSet::new();
        held.retain(|slot| once.insert(*slot));
        if held.len() > self.config.max_subscriptions { Err(PublishError::TooManyTopics) } else { Ok(()) }
    }

    fn encode(&mut self, id: EventId, encode: impl FnOnce(EventId, &mut Vec<u8>)) -> Option<Burst> {
        self.scratch.clear();
        encode(id, &mut self.scratch);
        let burst = (!self.scratch.is_empty()).then(|| Burst::new(&self.scratch));
        if self.scratch.capacity() > MAX_SCRATCH {
            self.scratch = Vec::new();
        }
        burst
    }

    /// Takes a reader out of its topics.
    fn release(&mut self, subscriptions: &[Subscription]) {
        for one in subscriptions {
            let Some(topic) = self.topics.get_mut(one.topic) else { continue };
            let readers = &mut self.readers;
            topic.roster.remove(one.at as usize, |slot, at| readers.note_place(slot, one.topic, at));
            self.topics.let_go(one.topic);
        }
    }
}

/// Plain numbers of a [`Log`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Topics known.
    pub topics: usize,
    /// Readers open.
    pub readers: usize,
    /// Publications kept; in several topics one counts in each.
    pub publications: usize,
    /// Bytes that they count, with 192 for each.
    pub bytes: usize,
}

/// A buffer for encoding that has grown beyond this is given back.
const MAX_SCRATCH: usize = 64 << 10;
