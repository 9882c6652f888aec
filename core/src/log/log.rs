use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::burst::BurstBuilder;
use super::merged::MergedBursts;
use super::reader::{Reader, Readers, State, Subscription};
use super::topic::{self, Topic};
use super::topics::Topics;
use super::{Burst, Config, Epoch, EventId, Gap, GapReason, OpenError, ParseIdError, Position, PublishError, ReaderId};
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
    topics: Topics,
    readers: Readers,
    merged: MergedBursts,
    scratch: Vec<u8>,
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
        self.topics.evict_aged(now, &self.config);
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

        let slot = self.topics.find_or_add(topic, self.config.max_topics).ok_or(PublishError::TooManyTopics)?;
        self.head = position;
        if let Some(topic) = self.topics.get_mut(slot) {
            let asleep = core::mem::take(&mut topic.asleep);
            for reader in topic.readers.iter().take(asleep) {
                self.readers.wake(*reader);
            }
        }
        self.topics.append(now, slot, position, burst, &self.config);
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
            let slot = self.topics.find_or_add(name, self.config.max_topics);
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
    /// [`more`](Burst::more), it sleeps until [`poll_wake`](Self::poll_wake) returns it.
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<Read> {
        self.topics.evict_aged(now, &self.config);
        let entry = self.readers.get_mut(reader)?;
        if self.topics.missed(entry) {
            let entry = self.readers.get(reader)?;
            let gap = self.gap(entry, GapReason::Lag, Gap::id(self.id(entry.cursor)));
            tell(&self.topics, self.readers.get_mut(reader)?, gap.resume.position);
            return Some(Read::Gap(gap));
        }

        let max_bytes = max_bytes.min(self.config.max_burst);
        let found = match entry.subscriptions() {
            [one] => {
                let topic = self.topics.get(one.topic)?;
                self.merged.read(topic, topic.index_after(entry.cursor), max_bytes)
            }
            many => read_many(&self.topics, &mut self.merged, many, entry.cursor, max_bytes),
        };
        if let Some((_, last)) = &found {
            entry.cursor = *last;
        }
        if !found.as_ref().is_some_and(|(burst, _)| burst.more()) {
            entry.state = State::Asleep;
            if !self.topics.add_asleep(entry) {
                self.move_asleep(reader);
            }
        }
        found.map(|(burst, _)| Read::Burst(burst))
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

    /// Returns how many publications of its topics `reader` has still to read.
    pub fn lag(&self, reader: ReaderId) -> Option<usize> {
        let reader = self.readers.get(reader)?;
        let behind = |subscription: &Subscription| {
            let topic = self.topics.get(subscription.topic)?;
            Some(topic.ring.len() - topic.index_after(reader.cursor))
        };
        Some(reader.subscriptions().iter().filter_map(behind).sum())
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

/// Reads on over several topics, in the order of positions.
fn read_many(
    topics: &Topics,
    merged: &mut MergedBursts,
    subscriptions: &[Subscription],
    cursor: Position,
    max_bytes: usize,
) -> Option<(Burst, Position)> {
    let behind = subscriptions.iter().filter_map(|one| {
        let topic = topics.get(one.topic)?;
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

/// A buffer for encoding that has grown beyond this is given back.
const MAX_SCRATCH: usize = 64 << 10;
