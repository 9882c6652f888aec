use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::reader::{Reader, Subscription};
use super::topic::Topic;
use super::{Burst, Config, Position, TopicConfig};
use crate::Instant;

/// The topics by name, and what of all that was published is kept.
#[derive(Debug)]
pub(super) struct Topics {
    names: BTreeMap<Box<str>, u32>,
    slots: Vec<Option<Topic>>,
    free: Vec<u32>,
    /// Topics without readers by their last position: the first is forgotten first.
    idle: BTreeSet<(Position, u32)>,
    /// The last position that a forgotten topic may have had.
    forgotten: Position,
    /// What is kept, oldest first, over all topics; with what was evicted already, as long as that is the smaller part.
    order: VecDeque<Kept>,
    kept: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    position: Position,
    topic: u32,
    at: Instant,
}

impl Topics {
    pub(super) fn new() -> Self {
        Self {
            names: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            idle: BTreeSet::new(),
            forgotten: Position::START,
            order: VecDeque::new(),
            kept: 0,
            bytes: 0,
        }
    }

    /// Returns the slot of the topic, which is new if need be; `None` when there is no room for it.
    pub(super) fn find_or_add(&mut self, name: &str, config: &Config) -> Option<u32> {
        if let Some(slot) = self.names.get(name) {
            return Some(*slot);
        }
        if self.names.len() >= config.max_topics {
            let (_, slot) = self.idle.first().copied()?;
            self.forget(slot);
        }
        let topic = Topic::new(name, self.forgotten, config.topic);
        let last = topic.last();
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(None);
                slot
            }
        };
        *self.slots.get_mut(slot as usize)? = Some(topic);
        self.names.insert(name.into(), slot);
        self.idle.insert((last, slot));
        Some(slot)
    }

    /// Appends a publication and evicts what there is no more room for.
    pub(super) fn append(&mut self, now: Instant, slot: u32, position: Position, burst: Burst, config: &Config) {
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        if topic.readers.is_empty() && !topic.configured {
            self.idle.remove(&(topic.last(), slot));
            self.idle.insert((position, slot));
        }
        self.bytes += topic.push(position, burst);
        self.kept += 1;
        self.order.push_back(Kept { position, topic: slot, at: now });

        while let Some(topic) = self.get(slot)
            && (topic.is_over())
        {
            self.evict(slot);
        }
        while self.bytes > config.max_bytes
            && let Some(oldest) = self.order.front()
        {
            self.evict(oldest.topic);
        }
    }

    /// Gives the topic bounds of its own, and keeps it for them.
    pub(super) fn configure(&mut self, slot: u32, config: TopicConfig) {
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        self.idle.remove(&(topic.last(), slot));
        (topic.config, topic.configured) = (config, true);
        while self.get(slot).is_some_and(Topic::is_over) {
            self.evict(slot);
        }
    }

    /// Throws away what the topic keeps, and the topic when nobody reads it.
    pub(super) fn remove(&mut self, name: &str, config: &Config) {
        let Some(slot) = self.find(name) else { return };
        while self.get(slot).is_some_and(|topic| !topic.ring.is_empty()) {
            self.evict(slot);
        }
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        (topic.config, topic.configured) = (config.topic, false);
        if topic.readers.is_empty() {
            self.forget(slot);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// Adds a place for a reader and returns its index.
    pub(super) fn add_reader(&mut self, slot: u32) -> Option<usize> {
        let topic = self.slots.get_mut(slot as usize)?.as_mut()?;
        if topic.readers.is_empty() {
            self.idle.remove(&(topic.last(), slot));
        }
        topic.readers.push(u32::MAX);
        Some(topic.readers.len() - 1)
    }

    /// Notes that the topic has lost its last reader.
    pub(super) fn rest(&mut self, slot: u32) {
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        topic.readers = Vec::new();
        if topic.configured {
            return;
        }
        let last = topic.last();
        self.idle.insert((last, slot));
        // What nothing is known of is forgotten at once: a name that is only asked for leaves nothing behind.
        if last <= self.forgotten {
            self.forget(slot);
        }
    }

    pub(super) fn evict_aged(&mut self, now: Instant, config: &Config) {
        let Some(max_age) = config.max_age else { return };
        while let Some(oldest) = self.order.front()
            && oldest.at + max_age <= now
        {
            self.evict(oldest.topic);
        }
    }

    /// Counts the reader among the sleeping ones of its topics. Returns whether that was all: `false` when in one of them it must
    /// be moved there first.
    pub(super) fn add_asleep(&mut self, reader: &Reader) -> bool {
        let mut all = true;
        for one in reader.subscriptions() {
            match self.get_mut(one.topic) {
                Some(topic) if topic.asleep == one.at as usize => topic.asleep += 1,
                Some(topic) => all &= topic.asleep > one.at as usize,
                None => {}
            }
        }
        all
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Topic> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Topic> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Returns the topics of a reader, with its subscriptions to them.
    pub(super) fn of<'a>(&'a self, reader: &'a Reader) -> impl Iterator<Item = (&'a Subscription, &'a Topic)> {
        reader.subscriptions().iter().filter_map(|one| Some((one, self.get(one.topic)?)))
    }

    /// Tells whether a topic has evicted what the reader has neither been given nor been told of.
    pub(super) fn missed(&self, reader: &Reader) -> bool {
        self.of(reader).any(|(one, topic)| topic.evicted > reader.cursor.max(one.told))
    }

    /// Returns when the oldest that is kept was published.
    pub(super) fn oldest_at(&self) -> Option<Instant> {
        self.order.front().map(|oldest| oldest.at)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) const fn publications(&self) -> usize {
        self.kept
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget(&mut self, slot: u32) {
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        self.forgotten = self.forgotten.max(topic.last());
        self.idle.remove(&(topic.last(), slot));
        self.names.remove(&topic.name);
        self.kept = self.kept.saturating_sub(topic.ring.len());
        self.bytes = self.bytes.saturating_sub(topic.bytes);
        self.free.push(slot);
        self.trim();
    }

    fn evict(&mut self, slot: u32) {
        if let Some(topic) = self.get_mut(slot)
            && !topic.ring.is_empty()
        {
            let bytes = topic.evict();
            self.bytes = self.bytes.saturating_sub(bytes);
            self.kept = self.kept.saturating_sub(1);
        }
        self.trim();
    }

    /// Keeps the front of the order true, so that it is the oldest publication kept, and its length in proportion.
    fn trim(&mut self) {
        while let Some(front) = self.order.front()
            && !is_kept(&self.slots, front)
        {
            self.order.pop_front();
        }
        let enough = 2 * self.kept + 64;
        if self.order.len() > enough {
            self.order.retain(|item| is_kept(&self.slots, item));
            self.order.shrink_to(enough);
        }
    }
}

fn is_kept(slots: &[Option<Topic>], item: &Kept) -> bool {
    // Positions are never used again, so that a newer topic in the same slot has none that are this old.
    let front = slots.get(item.topic as usize).and_then(Option::as_ref).and_then(|topic| topic.ring.front());
    front.is_some_and(|front| front.position <= item.position)
}
