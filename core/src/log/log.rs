use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::merged::MergedBursts;
use super::reader::{Reader, Readers, State, Subscription};
use super::topic::{self, Topic};
use super::topics::Topics;
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
    /// With the oldest that is kept.
    Oldest,
    /// Exclusively after the id, as text from the reader. Empty is [`Live`](Self::Live).
    After(&'a str),
}

/// What [`Log::read`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// Publications, to be written as they are.
    Burst {
        /// Their bytes, which all readers share.
        burst: &'a Burst,
        /// Whether there is more to read already: the reader is not woken again before it has read it.
        more: bool,
    },
    /// Something is missing here. There may be more to read: go on.
    Gap(Gap),
}

/// Publications by topic, and the cursors of those who read them.
#[derive(Debug)]
pub struct Log {
    config: Config,
    epoch: Epoch,
    head: Position,
    topics: Topics,
    readers: Readers,
    merged: MergedBursts,
    scratch: Vec<u8>,
    search: Search,
}

/// Room for what a search over several topics goes through.
#[derive(Debug, Default)]
struct Search {
    behind: Vec<(u32, usize)>,
    picked: Vec<(u32, usize)>,
}

impl Log {
    /// Opens an empty log. The epoch must be one that no log of this name had before.
    pub fn new(config: Config, epoch: Epoch) -> Self {
        Self {
            config,
            epoch,
            head: Position::START,
            topics: Topics::new(),
            readers: Readers::default(),
            merged: MergedBursts::default(),
            scratch: Vec::new(),
            search: Search::default(),
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
        self.publish_to(now, &[topic], encode)
    }

    /// Appends one publication to several topics at one position: who reads several of them is given it once. A name that stands
    /// there twice counts once. `encode` is given its id and appends its bytes, once for all readers.
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
        self.topics.evict_aged(now, &self.config);
        let mut names = topics.to_vec();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err(PublishError::NoTopics);
        }
        if names.len() > self.config.max_subscriptions {
            return Err(PublishError::TooManyTopics);
        }
        if names.iter().any(|name| name.len() > self.config.max_name) {
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
        let size = topic::size_of(burst.chunk().len());
        if size > self.config.topic.max_bytes || size.saturating_mul(names.len()) > self.config.max_bytes {
            return Err(PublishError::TooLarge);
        }

        let mut slots = Vec::with_capacity(names.len());
        for name in names {
            slots.push(self.topics.find_or_add(name, &self.config).ok_or(PublishError::TooManyTopics)?);
        }
        self.head = position;
        for slot in slots {
            if let Some(topic) = self.topics.get_mut(slot) {
                let asleep = core::mem::take(&mut topic.asleep);
                for reader in topic.readers.iter().take(asleep) {
                    self.readers.wake(*reader);
                }
            }
            self.topics.append(now, slot, position, burst.clone(), &self.config);
        }
        Ok(id)
    }

    /// Gives a topic bounds of its own. From then on it is known, and never forgotten, until it is [removed](Self::remove_topic).
    ///
    /// # Errors
    ///
    /// When the topic would be one too many, or its name is too long.
    pub fn configure(&mut self, topic: &str, config: TopicConfig) -> Result<(), ConfigureError> {
        if topic.len() > self.config.max_name {
            return Err(ConfigureError::NameTooLong);
        }
        let slot = self.topics.find_or_add(topic, &self.config).ok_or(ConfigureError::TooManyTopics)?;
        self.topics.configure(slot, config);
        Ok(())
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
        self.topics.evict_aged(now, &self.config);
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
            let slot = self.topics.find_or_add(name, &self.config);
            let Some((topic, at)) = slot.and_then(|slot| Some((slot, self.topics.add_reader(slot)?))) else {
                self.release(&subscriptions);
                return Err(OpenError::TooManyTopics);
            };
            subscriptions.push(Subscription { topic, at: at as u32, told: Position::START });
        }

        let (cursor, reason) = self.start(start);
        let mut reader = Reader::new(cursor, subscriptions.clone());
        let gap = match (start, reason) {
            (Start::After(after), Some(reason)) => Some(self.gap(&reader, reason, Gap::text(after))),
            (Start::After(after), None) if self.topics.missed(&reader) => {
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
        for one in &subscriptions {
            let place = self.topics.get_mut(one.topic).and_then(|topic| topic.readers.get_mut(one.at as usize));
            if let Some(place) = place {
                *place = id.slot;
            }
        }
        Ok((id, gap))
    }

    /// Returns what `reader` is to be given next, about `max_bytes` of it but at least one publication, and moves its
    /// cursor behind it.
    ///
    /// `None` when it has read everything, or is not open. From then on, or when the burst says that there is no
    /// [`more`](Read::Burst::more), it sleeps until [`poll_wake`](Self::poll_wake) returns it.
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<Read<'_>> {
        self.topics.evict_aged(now, &self.config);
        let entry = self.readers.get_mut(reader)?;
        if self.topics.missed(entry) {
            let entry = self.readers.get(reader)?;
            let gap = self.gap(entry, GapReason::Lag, Gap::id(self.id(entry.cursor)));
            tell(&self.topics, self.readers.get_mut(reader)?, gap.resume.position);
            return Some(Read::Gap(gap));
        }

        let max_bytes = max_bytes.min(self.config.max_burst);
        let found =
            find(&self.topics, &mut self.merged, &mut self.search, entry.subscriptions(), entry.cursor, max_bytes);
        if let Some(found) = &found {
            entry.cursor = found.last;
        }
        if !found.as_ref().is_some_and(|found| found.more) {
            entry.state = State::Asleep;
            if !self.topics.add_asleep(entry) {
                self.move_asleep(reader);
            }
        }
        let found = found?;
        let burst = match found.place {
            Place::Ring(topic, at) => &self.topics.get(topic)?.ring.get(at)?.burst,
            Place::Merged(slot) => self.merged.get(slot)?,
        };
        Some(Read::Burst { burst, more: found.more })
    }

    /// Throws away what a topic keeps, and the bounds that it was [configured](Self::configure) with. Its readers stay; those that had
    /// not read everything are told a gap.
    pub fn remove_topic(&mut self, topic: &str) {
        self.topics.remove(topic, &self.config);
    }

    /// Returns the readers of a topic.
    pub fn readers_of(&self, topic: &str) -> impl Iterator<Item = ReaderId> {
        let readers =
            self.topics.find(topic).and_then(|slot| self.topics.get(slot)).map(|topic| topic.readers.as_slice());
        readers.unwrap_or_default().iter().filter_map(|slot| self.readers.id(*slot))
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
        self.topics.evict_aged(now, &self.config);
    }

    /// Returns when the oldest publication will be too old.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.topics.oldest_at()? + self.config.max_age?)
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

    /// Tells whether [`read`](Self::read) would give something.
    pub fn has_next(&self, reader: ReaderId) -> bool {
        self.readers.get(reader).is_some_and(|entry| self.topics.missed(entry))
            || self.lag(reader).is_some_and(|lag| lag.messages > 0)
    }

    /// Returns how much of its topics `reader` has still to read; what stands in several of them counts in each.
    pub fn lag(&self, reader: ReaderId) -> Option<Lag> {
        let reader = self.readers.get(reader)?;
        let mut lag = Lag::default();
        for one in reader.subscriptions() {
            let topic = self.topics.get(one.topic)?;
            for entry in topic.ring.range(topic.index_after(reader.cursor)..) {
                lag.messages += 1;
                lag.bytes += entry.burst.len();
            }
        }
        Some(lag)
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

    /// Makes the gap that the reader is told at its cursor; reading goes on from just before what is kept.
    fn gap(&self, reader: &Reader, reason: GapReason, after: Box<str>) -> Gap {
        let evicted = self.topics.of(reader).map(|(_, topic)| topic.evicted).max().unwrap_or_default();
        let first_after =
            |cursor: Position| self.topics.of(reader).filter_map(|(_, topic)| topic.first_after(cursor)).min();
        let next = first_after(reader.cursor.max(evicted)).map(|position| self.id(position));
        let resume = self.id(first_after(reader.cursor).map_or(self.head, Position::preceding));
        Gap { reason, after, next, resume }
    }

    /// Moves the reader among the sleeping ones of each of its topics where it does not stand next to them.
    fn move_asleep(&mut self, id: ReaderId) {
        let mut index = 0;
        while let Some(one) = self.readers.get(id).and_then(|reader| reader.subscriptions().get(index)).copied() {
            index += 1;
            let Some(topic) = self.topics.get_mut(one.topic) else { continue };
            let at = one.at as usize;
            if at >= topic.asleep {
                swap(topic, &mut self.readers, one.topic, at, topic.asleep);
                topic.asleep += 1;
            }
        }
    }

    /// Takes a reader out of its topics.
    fn release(&mut self, subscriptions: &[Subscription]) {
        for one in subscriptions {
            let Some(topic) = self.topics.get_mut(one.topic) else { continue };
            let mut at = one.at as usize;
            if at < topic.asleep {
                topic.asleep -= 1;
                swap(topic, &mut self.readers, one.topic, at, topic.asleep);
                at = topic.asleep;
            }
            let last = topic.readers.len().saturating_sub(1);
            swap(topic, &mut self.readers, one.topic, at, last);
            topic.readers.pop();
            if topic.readers.is_empty() {
                self.topics.rest(one.topic);
            }
        }
    }
}

/// Notes that the reader knows of everything that its topics have evicted, and goes on after `cursor`.
fn tell(topics: &Topics, reader: &mut Reader, cursor: Position) {
    reader.cursor = cursor;
    for one in reader.subscriptions_mut() {
        if let Some(topic) = topics.get(one.topic) {
            one.told = topic.evicted;
        }
    }
}

/// Finds what comes next in these topics, in the order of positions; what stands in several of them once.
fn find(
    topics: &Topics,
    merged: &mut MergedBursts,
    search: &mut Search,
    subscriptions: &[Subscription],
    cursor: Position,
    max_bytes: usize,
) -> Option<Found> {
    let Search { behind, picked } = search;
    behind.clear();
    picked.clear();
    for one in subscriptions {
        let topic = topics.get(one.topic)?;
        behind.push((one.topic, topic.index_after(cursor)));
    }
    let entry = |(topic, at): (u32, usize)| topics.get(topic)?.ring.get(at);
    let mut len = 0;
    let mut last = cursor;
    let mut more = false;
    while let Some((place, next)) =
        behind.iter().filter_map(|place| Some((*place, entry(*place)?))).min_by_key(|(_, entry)| entry.position)
    {
        if !picked.is_empty() && len + next.burst.len() > max_bytes {
            more = true;
            break;
        }
        len += next.burst.len();
        last = next.position;
        picked.push(place);
        for place in behind.iter_mut() {
            if entry(*place).is_some_and(|entry| entry.position == last) {
                place.1 += 1;
            }
        }
    }
    let place = match picked.as_slice() {
        [] => return None,
        [one] => Place::Ring(one.0, one.1),
        many => {
            let entries = many.iter().filter_map(|place| entry(*place));
            Place::Merged(merged.find_or_make(
                entries.clone().map(|entry| entry.position),
                many.len(),
                len,
                entries.map(|entry| entry.burst.payload()),
            ))
        }
    };
    Some(Found { place, last, more })
}

struct Found {
    place: Place,
    last: Position,
    more: bool,
}

enum Place {
    Ring(u32, usize),
    Merged(usize),
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

/// How far a reader is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Publications still to be read.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
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

/// A buffer for encoding that has grown beyond this is given back.
const MAX_SCRATCH: usize = 64 << 10;
