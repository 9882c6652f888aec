//! Topics, positions and cursors: what is published is appended once and read by many.
//!
//! A [`Log`] has one counter of positions over all its topics, and an [`Epoch`] that is new whenever its history was lost.
//! Together they are the [`EventId`] of a publication, so that *one* id resumes exactly over every topic that a reader
//! reads. Each topic keeps its own ring, bounded by count, bytes and age, and knows how far it has evicted.
//!
//! ```text
//!  position   1    2    3    4    5    6    7    8 = head
//!  topic a    x    x         x              x
//!  topic b              x         x    x         x
//!                            ^ cursor of a reader of a and b: 5, 6, 7, 8 come next
//! ```
//!
//! A reader holds a cursor, not a queue. Live and replay are the same reading from different cursors: there is no seam
//! between them, where a publication could be lost, doubled or come out of order. What a reader can no longer be given,
//! because it was evicted before it was read, is told as a [`Gap`] *before* anything that follows; then reading goes on with the
//! oldest that is kept. Nothing is dropped without a word.
//!
//! After a gap of reason `evicted`, `lag` or `epoch` that is the oldest that the reader cannot have seen; after `ahead` and
//! `malformed`, where that cannot be told, what is published from there on.
//!
//! Waking: [`poll_wake`](Log::poll_wake) returns each reader that has something to read once, and again only after it has read
//! everything; a burst of publications costs one wake-up a reader. A new reader is woken once, too.
//!
//! Memory: at most `max_bytes` of publications, `max_topics` topics, 16 merged bursts of `max_burst`, and 44 bytes a reader plus 20 a
//! subscription, whatever readers do.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::Instant;

mod burst;
mod gap;
mod id;
mod merged;
mod reader;
mod topic;

pub use burst::Burst;
pub use gap::{Gap, GapReason};
pub use id::{Epoch, EventId, ParseIdError, Position};
pub use reader::ReaderId;

use burst::BurstBuilder;
use merged::MergedBursts;
use reader::{Reader, Readers, State, Subscription};
use topic::Topic;

/// Bounds of a [`Log`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Publications kept in a topic, at least 1; beyond it the oldest is evicted. Default 10,000 (forge's event log 1,024).
    pub max_publications: usize,
    /// Bytes kept in a topic, with 192 for each publication; beyond it the oldest is evicted. Default 8 MiB.
    pub max_topic_bytes: usize,
    /// Bytes kept in all topics, counted alike; beyond it the oldest of all is evicted. Default 256 MiB.
    pub max_bytes: usize,
    /// Age at which a publication is evicted, if any. Default 24 h (forge's event log 5 min): a laptop's night.
    pub max_age: Option<Duration>,
    /// Topics known at once; beyond it that one without readers is forgotten that was published to least recently, and
    /// when all have readers the new one is refused. A reader of a topic that may have been forgotten is told a gap. Default 100,000.
    pub max_topics: usize,
    /// Bytes of a topic's name; a longer one is refused. Default 1024.
    pub max_name: usize,
    /// Topics one reader reads; more are refused. Default 100.
    pub max_subscriptions: usize,
    /// Readers at once; one more is refused. Default 1,000,000.
    pub max_readers: usize,
    /// Bytes of one burst, unless a single publication is longer; what [`Log::read`] is asked for beyond it is not
    /// given. Default 64 KiB.
    pub max_burst: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_publications: 10_000,
            max_topic_bytes: 8 << 20,
            max_bytes: 256 << 20,
            max_age: Some(Duration::from_secs(24 * 60 * 60)),
            max_topics: 100_000,
            max_name: 1024,
            max_subscriptions: 100,
            max_readers: 1_000_000,
            max_burst: 64 << 10,
        }
    }
}

/// Where a new reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// At the head: only what is published from here on.
    Live,
    /// With the oldest that is kept.
    Oldest,
    /// Exclusively after the id, as text from the reader. Empty is [`Live`](Self::Live).
    After(&'a str),
}

/// What [`Log::read`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Publications, to be written as they are.
    Burst(Burst),
    /// Something is missing here. There may be more to read: go on.
    Gap(Gap),
}

/// Publications by topic, and the cursors of those who read them.
#[derive(Debug)]
pub struct Log {
    config: Config,
    epoch: Epoch,
    head: Position,
    names: BTreeMap<Box<str>, u32>,
    topics: Vec<Option<Topic>>,
    free: Vec<u32>,
    /// Topics without readers by their last position: the first is forgotten first.
    idle: BTreeSet<(Position, u32)>,
    /// The last position that a forgotten topic may have had.
    forgotten: Position,
    /// What is kept, oldest first, over all topics; with what was evicted already, as long as that is the smaller part.
    order: VecDeque<Kept>,
    kept: usize,
    bytes: usize,
    readers: Readers,
    merged: MergedBursts,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Kept {
    position: Position,
    topic: u32,
    at: Instant,
}

impl Log {
    /// Opens an empty log. The epoch must be one that no log of this name had before.
    pub fn new(config: Config, epoch: Epoch) -> Self {
        Self {
            config,
            epoch,
            head: Position::START,
            names: BTreeMap::new(),
            topics: Vec::new(),
            free: Vec::new(),
            idle: BTreeSet::new(),
            forgotten: Position::START,
            order: VecDeque::new(),
            kept: 0,
            bytes: 0,
            readers: Readers::default(),
            merged: MergedBursts::default(),
            scratch: Vec::new(),
        }
    }

    /// Appends one publication to `topic`: `encode` is given its id and appends its bytes, once for all readers.
    ///
    /// # Errors
    ///
    /// When the topic would be one too many, its name too long, or the publication larger than all that is kept. No position
    /// is used then, and nobody is woken.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &str,
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        self.evict_aged(now);
        if topic.len() > self.config.max_name {
            return Err(PublishError::NameTooLong);
        }
        let position = self.head.following();
        let id = self.id(position);

        let mut scratch = core::mem::take(&mut self.scratch);
        scratch.clear();
        encode(id, &mut scratch);
        let burst = (!scratch.is_empty()).then(|| Burst::new(&scratch));
        if scratch.capacity() <= MAX_SCRATCH {
            self.scratch = scratch;
        }
        let burst = burst.ok_or(PublishError::Empty)?;
        if topic::size_of(burst.chunk().len()) > self.config.max_topic_bytes.min(self.config.max_bytes) {
            return Err(PublishError::TooLarge);
        }

        let slot = self.topic_slot(topic).ok_or(PublishError::TooManyTopics)?;
        let Some(entry) = self.topics.get_mut(slot as usize).and_then(Option::as_mut) else {
            return Err(PublishError::TooManyTopics);
        };
        if entry.readers.is_empty() {
            self.idle.remove(&(entry.last(), slot));
            self.idle.insert((position, slot));
        }
        self.head = position;
        self.bytes += entry.push(position, burst);
        self.kept += 1;
        let asleep = core::mem::take(&mut entry.asleep);
        for reader in entry.readers.iter().take(asleep) {
            self.readers.wake(*reader);
        }
        self.order.push_back(Kept { position, topic: slot, at: now });
        self.evict_beyond_bounds(slot);
        Ok(id)
    }

    /// Opens a reader of `topics`; a name that stands there twice counts once. Returns with it the gap that it must be told
    /// before anything else.
    ///
    /// # Errors
    ///
    /// When there are no topics, more than allowed, too many readers, or a topic would be one too many.
    pub fn open_reader<'t>(
        &mut self,
        now: Instant,
        topics: impl IntoIterator<Item = &'t str>,
        start: Start<'_>,
    ) -> Result<(ReaderId, Option<Gap>), OpenError> {
        self.evict_aged(now);
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

        let mut subscriptions = Vec::with_capacity(names.len());
        for name in names {
            // The topics that this reader has got are not idle, so that none of them is forgotten for the next one.
            let Some(slot) = self.topic_slot(name) else {
                self.release(&subscriptions);
                return Err(OpenError::TooManyTopics);
            };
            if let Some(topic) = self.topics.get_mut(slot as usize).and_then(Option::as_mut) {
                if topic.readers.is_empty() {
                    self.idle.remove(&(topic.last(), slot));
                }
                subscriptions.push(Subscription { topic: slot, at: topic.readers.len() as u32, told: Position::START });
                topic.readers.push(u32::MAX);
            }
        }

        let (cursor, reason) = self.start(start);
        let mut reader = Reader::new(cursor, subscriptions.clone());
        let gap = match (start, reason) {
            (Start::After(after), Some(reason)) => Some(self.gap(&reader, reason, Gap::text(after))),
            (Start::After(after), None) if self.missed(&reader) => {
                Some(self.gap(&reader, GapReason::Evicted, Gap::text(after)))
            }
            _ => None,
        };
        let cursor = gap.as_ref().map_or(cursor, |gap| gap.resume.position);
        tell(&self.topics, &mut reader, cursor);
        let Some(id) = self.readers.insert(reader) else {
            self.release(&subscriptions);
            return Err(OpenError::TooManyReaders);
        };
        for subscription in &subscriptions {
            if let Some(topic) = self.topics.get_mut(subscription.topic as usize).and_then(Option::as_mut)
                && let Some(place) = topic.readers.get_mut(subscription.at as usize)
            {
                *place = id.slot;
            }
        }
        Ok((id, gap))
    }

    /// Returns what `reader` is to be given next, about `max_bytes` of it but at least one publication, and moves its
    /// cursor behind it.
    ///
    /// `None` when it has read everything, or is not open. From then on, or when the burst says that there is no
    /// [`more`](Burst::more), it sleeps until [`poll_wake`](Self::poll_wake) returns it.
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<Read> {
        self.evict_aged(now);
        let entry = self.readers.get(reader)?;
        if self.missed(entry) {
            let gap = self.gap(entry, GapReason::Lag, Gap::id(self.id(entry.cursor)));
            tell(&self.topics, self.readers.get_mut(reader)?, gap.resume.position);
            return Some(Read::Gap(gap));
        }

        let max_bytes = max_bytes.min(self.config.max_burst);
        let found = match entry.subscriptions() {
            [one] => {
                let topic = self.topics.get(one.topic as usize)?.as_ref()?;
                self.merged.read(topic, topic.index_after(entry.cursor), max_bytes)
            }
            many => read_many(&self.topics, &mut self.merged, many, entry.cursor, max_bytes),
        };
        let Some((burst, last)) = found else {
            let cursor = entry.cursor;
            self.sleep(reader, cursor);
            return None;
        };
        if burst.more() {
            self.readers.get_mut(reader)?.cursor = last;
        } else {
            self.sleep(reader, last);
        }
        Some(Read::Burst(burst))
    }

    /// Closes `reader`; closing it again does nothing.
    pub fn close_reader(&mut self, reader: ReaderId) {
        if let Some(reader) = self.readers.remove(reader) {
            self.release(reader.subscriptions());
        }
    }

    /// Returns the next reader that has something to read and was not returned since it last had read everything.
    pub fn poll_wake(&mut self) -> Option<ReaderId> {
        self.readers.poll_wake()
    }

    /// Evicts what is too old by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.evict_aged(now);
    }

    /// Returns when the oldest publication will be too old.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.order.front()?.at + self.config.max_age?)
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

    /// Returns how many publications of its topics `reader` has still to read.
    pub fn lag(&self, reader: ReaderId) -> Option<usize> {
        let reader = self.readers.get(reader)?;
        let behind = |subscription: &Subscription| {
            let topic = self.topics.get(subscription.topic as usize)?.as_ref()?;
            Some(topic.ring.len() - topic.index_after(reader.cursor))
        };
        Some(reader.subscriptions().iter().filter_map(behind).sum())
    }

    /// Returns the plain numbers of this moment.
    pub fn stats(&self) -> Stats {
        Stats { topics: self.names.len(), readers: self.readers.len(), publications: self.kept, bytes: self.bytes }
    }

    fn id(&self, position: Position) -> EventId {
        EventId { epoch: self.epoch, position }
    }

    fn start(&self, start: Start<'_>) -> (Position, Option<GapReason>) {
        let after = match start {
            Start::Live | Start::After("") => return (self.head, None),
            Start::Oldest => return (Position::START, None),
            Start::After(after) => after,
        };
        match after.parse::<EventId>() {
            Err(ParseIdError) => (self.head, Some(GapReason::Malformed)),
            Ok(id) if id.epoch != self.epoch => (Position::START, Some(GapReason::Epoch)),
            Ok(id) if id.position > self.head => (self.head, Some(GapReason::Ahead)),
            Ok(id) => (id.position, None),
        }
    }

    fn subscribed<'a>(&'a self, reader: &'a Reader) -> impl Iterator<Item = (&'a Subscription, &'a Topic)> {
        let topic = |slot: u32| self.topics.get(slot as usize).and_then(Option::as_ref);
        reader.subscriptions().iter().filter_map(move |one| Some((one, topic(one.topic)?)))
    }

    /// Tells whether a topic has evicted what the reader has neither been given nor been told of.
    fn missed(&self, reader: &Reader) -> bool {
        self.subscribed(reader).any(|(one, topic)| topic.evicted > reader.cursor.max(one.told))
    }

    /// Makes the gap that the reader is told at its cursor; reading goes on from just before what is kept.
    fn gap(&self, reader: &Reader, reason: GapReason, after: Box<str>) -> Gap {
        let evicted = self.subscribed(reader).map(|(_, topic)| topic.evicted).max().unwrap_or_default();
        let first_after =
            |cursor: Position| self.subscribed(reader).filter_map(|(_, topic)| topic.first_after(cursor)).min();
        let next = first_after(reader.cursor.max(evicted)).map(|position| self.id(position));
        let resume = self.id(first_after(reader.cursor).map_or(self.head, Position::preceding));
        Gap { reason, after, next, resume }
    }

    /// Moves the cursor of a reader that has read everything, and itself among the sleeping ones of each of its topics.
    fn sleep(&mut self, id: ReaderId, cursor: Position) {
        let Some(reader) = self.readers.get_mut(id) else { return };
        reader.cursor = cursor;
        reader.state = State::Asleep;
        let mut index = 0;
        while let Some(one) = self.readers.get(id).and_then(|reader| reader.subscriptions().get(index)).copied() {
            index += 1;
            let Some(topic) = self.topics.get_mut(one.topic as usize).and_then(Option::as_mut) else { continue };
            let at = one.at as usize;
            if at > topic.asleep {
                swap(topic, &mut self.readers, one.topic, at, topic.asleep);
            }
            if at >= topic.asleep {
                topic.asleep += 1;
            }
        }
    }

    /// Takes a reader out of its topics.
    fn release(&mut self, subscriptions: &[Subscription]) {
        for one in subscriptions {
            let Some(topic) = self.topics.get_mut(one.topic as usize).and_then(Option::as_mut) else { continue };
            let mut at = one.at as usize;
            if at < topic.asleep {
                topic.asleep -= 1;
                swap(topic, &mut self.readers, one.topic, at, topic.asleep);
                at = topic.asleep;
            }
            let last = topic.readers.len().saturating_sub(1);
            swap(topic, &mut self.readers, one.topic, at, last);
            topic.readers.pop();
            if !topic.readers.is_empty() {
                continue;
            }
            topic.readers = Vec::new();
            self.idle.insert((topic.last(), one.topic));
            // What nothing is known of is forgotten at once: a name that is only asked for leaves nothing behind.
            if topic.last() <= self.forgotten {
                self.forget(one.topic);
            }
        }
    }

    /// Returns the slot of the topic, which is new if need be; `None` when there is no room for it.
    fn topic_slot(&mut self, name: &str) -> Option<u32> {
        if let Some(slot) = self.names.get(name) {
            return Some(*slot);
        }
        if self.names.len() >= self.config.max_topics {
            let (_, slot) = self.idle.first().copied()?;
            self.forget(slot);
        }
        let topic = Topic::new(name, self.forgotten);
        let last = topic.last();
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.topics.len()).ok()?;
                self.topics.push(None);
                slot
            }
        };
        *self.topics.get_mut(slot as usize)? = Some(topic);
        self.names.insert(name.into(), slot);
        self.idle.insert((last, slot));
        Some(slot)
    }

    fn forget(&mut self, slot: u32) {
        let Some(topic) = self.topics.get_mut(slot as usize).and_then(Option::take) else { return };
        self.forgotten = self.forgotten.max(topic.last());
        self.idle.remove(&(topic.last(), slot));
        self.names.remove(&topic.name);
        self.kept = self.kept.saturating_sub(topic.ring.len());
        self.bytes = self.bytes.saturating_sub(topic.bytes);
        self.free.push(slot);
        self.trim_order();
    }

    fn evict_beyond_bounds(&mut self, slot: u32) {
        while let Some(topic) = self.topics.get(slot as usize).and_then(Option::as_ref)
            && (topic.ring.len() > self.config.max_publications.max(1) || topic.bytes > self.config.max_topic_bytes)
        {
            self.evict(slot);
        }
        while self.bytes > self.config.max_bytes
            && let Some(oldest) = self.order.front()
        {
            self.evict(oldest.topic);
        }
    }

    fn evict_aged(&mut self, now: Instant) {
        let Some(max_age) = self.config.max_age else { return };
        while let Some(oldest) = self.order.front()
            && oldest.at + max_age <= now
        {
            self.evict(oldest.topic);
        }
    }

    fn evict(&mut self, slot: u32) {
        if let Some(topic) = self.topics.get_mut(slot as usize).and_then(Option::as_mut)
            && !topic.ring.is_empty()
        {
            self.bytes = self.bytes.saturating_sub(topic.evict());
            self.kept = self.kept.saturating_sub(1);
        }
        self.trim_order();
    }

    /// Keeps the front of the order true, so that it is the oldest publication kept, and its length in proportion.
    fn trim_order(&mut self) {
        while let Some(front) = self.order.front()
            && !is_kept(&self.topics, front)
        {
            self.order.pop_front();
        }
        if self.order.len() > 2 * self.kept + 64 {
            self.order.retain(|item| is_kept(&self.topics, item));
            self.order.shrink_to(2 * self.kept + 64);
        }
    }
}

/// Notes that the reader knows of everything that its topics have evicted, and goes on after `cursor`.
fn tell(topics: &[Option<Topic>], reader: &mut Reader, cursor: Position) {
    reader.cursor = cursor;
    for one in reader.subscriptions_mut() {
        if let Some(topic) = topics.get(one.topic as usize).and_then(Option::as_ref) {
            one.told = topic.evicted;
        }
    }
}

fn is_kept(topics: &[Option<Topic>], item: &Kept) -> bool {
    // Positions are never used again, so that a newer topic in the same slot has none that are this old.
    let front = topics.get(item.topic as usize).and_then(Option::as_ref).and_then(|topic| topic.ring.front());
    front.is_some_and(|front| front.position <= item.position)
}

/// Reads on over several topics, in the order of positions.
fn read_many(
    topics: &[Option<Topic>],
    merged: &mut MergedBursts,
    subscriptions: &[Subscription],
    cursor: Position,
    max_bytes: usize,
) -> Option<(Burst, Position)> {
    let behind = subscriptions.iter().filter_map(|one| {
        let topic = topics.get(one.topic as usize)?.as_ref()?;
        let start = topic.index_after(cursor);
        (start < topic.ring.len()).then_some((topic, start))
    });
    let mut behind: Vec<(&Topic, usize)> = behind.collect();
    if let [(topic, start)] = behind.as_slice() {
        return merged.read(topic, *start, max_bytes);
    }

    let mut picked: Vec<&Burst> = Vec::new();
    let mut len = 0;
    let mut last = cursor;
    let mut more = false;
    loop {
        let next = behind.iter_mut().filter_map(|(topic, at)| Some((topic.ring.get(*at)?, at)));
        let Some((entry, at)) = next.min_by_key(|(entry, _)| entry.position) else { break };
        if !picked.is_empty() && len + entry.burst.len() > max_bytes {
            more = true;
            break;
        }
        len += entry.burst.len();
        last = entry.position;
        picked.push(&entry.burst);
        *at += 1;
    }
    let burst = match picked.as_slice() {
        [] => return None,
        [one] => (*one).clone(),
        many => {
            let mut builder = BurstBuilder::new(len);
            for one in many {
                builder.push(one.payload());
            }
            builder.finish()
        }
    };
    Some((burst.with_more(more), last))
}

fn swap(topic: &mut Topic, readers: &mut Readers, slot: u32, a: usize, b: usize) {
    if a == b || a.max(b) >= topic.readers.len() {
        return;
    }
    topic.readers.swap(a, b);
    for at in [a, b] {
        if let Some(reader) = topic.readers.get(at) {
            readers.note_place(*reader, slot, at);
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
    /// Publications kept.
    pub publications: usize,
    /// Bytes that they count, with 192 for each.
    pub bytes: usize,
}

/// Why nothing was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The publication has no bytes.
    Empty,
    /// It is larger than all that the topic, or the log, may keep.
    TooLarge,
    /// The name of the topic is longer than `max_name`.
    NameTooLong,
    /// The topic would be one more than `max_topics`, and all others have readers.
    TooManyTopics,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the publication has no bytes",
            Self::TooLarge => "the publication is larger than max_topic_bytes or max_bytes of the log",
            Self::NameTooLong => "the name of the topic is longer than max_name of the log",
            Self::TooManyTopics => "max_topics of the log are in use, and all of them have readers",
        })
    }
}

impl core::error::Error for PublishError {}

/// Why no reader was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// No topic was named.
    NoTopics,
    /// More topics than `max_subscriptions` were named.
    TooManySubscriptions,
    /// A name is longer than `max_name`.
    NameTooLong,
    /// A topic would be one more than `max_topics`, and all others have readers.
    TooManyTopics,
    /// `max_readers` are open.
    TooManyReaders,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTopics => "no topic was named",
            Self::TooManySubscriptions => "more topics than max_subscriptions of the log were named",
            Self::NameTooLong => "the name of a topic is longer than max_name of the log",
            Self::TooManyTopics => "max_topics of the log are in use, and all of them have readers",
            Self::TooManyReaders => "max_readers of the log are open",
        })
    }
}

impl core::error::Error for OpenError {}

/// A buffer for encoding that has grown beyond this is given back.
const MAX_SCRATCH: usize = 64 << 10;
