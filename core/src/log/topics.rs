use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use super::reader::{Reader, Subscription};
use super::topic::Topic;
use super::{Burst, Config, Position, TopicConfig, room};
use crate::Instant;

/// The topics by name, what of all that was published is kept, and which topics have readers to wake.
#[derive(Debug)]
pub(super) struct Topics {
    names: BTreeMap<Box<str>, u32>,
    slots: Vec<Option<Box<Topic>>>,
    free: Vec<u32>,
    /// Topics that nobody reads or configured, by their last position and their age: the first is forgotten first.
    idle: BTreeMap<(Position, u64), u32>,
    /// How many topics there ever were.
    made: u64,
    /// The last position that a forgotten topic may have had.
    forgotten: Position,
    /// What is kept, oldest first, over all topics; with what was evicted already, as long as that is a small part.
    order: VecDeque<Kept>,
    kept: usize,
    bytes: usize,
    max_age: Option<Duration>,
    /// When the oldest that is kept will be too old.
    due: Option<Instant>,
    /// Topics with readers to wake, and the one whose turn it is.
    waking: VecDeque<u32>,
    turn: u32,
}

#[derive(Debug)]
struct Kept {
    position: Position,
    topic: u32,
    at: Instant,
}

impl Topics {
    pub(super) fn new(max_age: Option<Duration>) -> Self {
        Self {
            names: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            idle: BTreeMap::new(),
            made: 0,
            forgotten: Position::START,
            order: VecDeque::new(),
            kept: 0,
            bytes: 0,
            max_age,
            due: None,
            waking: VecDeque::new(),
            turn: 0,
        }
    }

    /// Returns the slot of the topic, which is new if need be; `None` when there is no room for it. It is not forgotten before it is
    /// [let go](Self::let_go), which must happen.
    pub(super) fn hold(&mut self, name: &str, config: &Config) -> Option<u32> {
        if let Some(slot) = self.hold_known(name) {
            return Some(slot);
        }
        if self.names.len() >= config.max_topics {
            let (_, slot) = self.idle.first_key_value()?;
            self.forget(*slot);
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                room::for_one_more(&mut self.slots);
                self.slots.push(None);
                slot
            }
        };
        *self.slots.get_mut(slot as usize)? = Some(Box::new(Topic::new(name, self.made, self.forgotten, config.topic)));
        self.made += 1;
        self.names.insert(name.into(), slot);
        Some(slot)
    }

    /// Returns the slot of the topic if it is known; it is held as [`hold`](Self::hold) does.
    pub(super) fn hold_known(&mut self, name: &str) -> Option<u32> {
        let slot = self.find(name)?;
        if let Some(topic) = self.get(slot)
            && topic.roster.is_empty()
            && !topic.configured
        {
            let key = topic.key();
            self.idle.remove(&key);
        }
        Some(slot)
    }

    /// Notes that the topic may be forgotten as far as the caller is concerned.
    pub(super) fn let_go(&mut self, slot: u32) {
        let Some(topic) = self.get(slot) else { return };
        if topic.configured || !topic.roster.is_empty() {
            return;
        }
        if topic.detached {
            return self.forget(slot);
        }
        // What nothing is known of is forgotten at once: a name that is only asked for leaves nothing behind.
        let is_known = !topic.ring.is_empty() || topic.last() > self.forgotten;
        let key = topic.key();
        self.idle.insert(key, slot);
        if !is_known {
            self.forget(slot);
        }
    }

    /// Appends a publication to a topic that is held, and evicts what there is no more room for in it.
    pub(super) fn append(&mut self, now: Instant, slot: u32, position: Position, burst: Burst, own_id: Option<&str>) {
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        topic.roster.queue_all();
        if !topic.is_waking && topic.roster.has_queued() {
            topic.is_waking = true;
            self.waking.push_back(slot);
        }
        let (counted, freed) = topic.push(position, burst, own_id);
        self.bytes = self.bytes + counted - freed;
        self.kept += 1;
        room::for_one_more_in(&mut self.order);
        self.order.push_back(Kept { position, topic: slot, at: now });
        if self.due.is_none() {
            self.set_due();
        }
        while self.get(slot).is_some_and(Topic::is_over) {
            self.evict(slot);
        }
    }

    /// Evicts the oldest of all as long as they are more than `max_bytes`.
    pub(super) fn evict_excess(&mut self, max_bytes: usize) {
        while self.bytes > max_bytes
            && let Some(oldest) = self.order.front()
        {
            self.evict(oldest.topic);
        }
    }

    /// Gives the topic bounds of its own, and keeps it for them.
    pub(super) fn configure(&mut self, slot: u32, config: TopicConfig) {
        let Some(topic) = self.slots.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        topic.configured = true;
        let before = topic.bytes;
        topic.set_config(config);
        self.bytes = self.bytes - before + topic.bytes;
        while self.get(slot).is_some_and(Topic::is_over) {
            self.evict(slot);
        }
    }

    /// Throws away what the topic keeps and was configured with, and the topic when nobody reads it.
    pub(super) fn remove(&mut self, slot: u32, config: TopicConfig) {
        while self.get(slot).is_some_and(|topic| !topic.ring.is_empty()) {
            self.evict(slot);
        }
        let Some(topic) = self.get_mut(slot) else { return };
        topic.own = None;
        topic.configured = false;
        topic.set_config(config);
        if topic.roster.is_empty() {
            self.forget(slot);
        }
    }

    /// Parts the topic from its name, for as long as it has readers.
    pub(super) fn detach(&mut self, slot: u32) {
        let Some(topic) = self.get_mut(slot) else { return };
        topic.configured = false;
        if topic.roster.is_empty() {
            return self.forget(slot);
        }
        topic.detached = true;
        self.forgotten = self.forgotten.max(self.get(slot).map_or(Position::START, Topic::last));
        if let Some(topic) = self.slots.get(slot as usize).and_then(Option::as_ref) {
            self.names.remove(&topic.name);
        }
    }

    /// Notes that any topic may have had publications up to there.
    pub(super) fn forget_until(&mut self, position: Position) {
        self.forgotten = self.forgotten.max(position);
    }

    #[inline]
    pub(super) fn evict_aged(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.evict_due(now);
        }
    }

    #[cold]
    fn evict_due(&mut self, now: Instant) {
        while self.due.is_some_and(|due| due <= now)
            && let Some(oldest) = self.order.front()
        {
            self.evict(oldest.topic);
        }
    }

    /// Returns the slot of the next reader of a topic that something was published to, and whether it reads other topics, too: then it may
    /// be awake already.
    #[inline]
    pub(super) fn poll_wake(&mut self) -> Option<(u32, bool)> {
        if let Some(topic) = self.slots.get_mut(self.turn as usize).and_then(Option::as_deref_mut)
            && let Some(reader) = topic.roster.wake_next()
        {
            return Some(reader);
        }
        self.poll_next_topic()
    }

    #[inline(never)]
    fn poll_next_topic(&mut self) -> Option<(u32, bool)> {
        if self.waking.front() == Some(&self.turn) {
            self.waking.pop_front();
            if let Some(topic) = self.slots.get_mut(self.turn as usize).and_then(Option::as_deref_mut) {
                // What was queued meanwhile waits until the others had their turn.
                topic.is_waking = topic.roster.has_queued();
                if topic.is_waking {
                    self.waking.push_back(self.turn);
                }
            }
        }
        loop {
            self.turn = *self.waking.front()?;
            let topic = self.slots.get_mut(self.turn as usize).and_then(Option::as_deref_mut);
            if let Some(topic) = topic {
                topic.roster.begin_turn();
                if let Some(reader) = topic.roster.wake_next() {
                    return Some(reader);
                }
                topic.is_waking = false;
            }
            self.waking.pop_front();
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Topic> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Topic> {
        self.slots.get(slot as usize)?.as_deref()
    }

    /// Returns the topics of a reader, with its subscriptions to them.
    pub(super) fn of<'a>(&'a self, reader: &'a Reader) -> impl Iterator<Item = (&'a Subscription, &'a Topic)> {
        reader.subscriptions().iter().filter_map(|one| Some((one, self.get(one.topic)?)))
    }

    /// Returns the topics and the order of what is kept of the publication at `position`.
    pub(super) fn at(&self, position: Position) -> impl Iterator<Item = u32> {
        let from = self.order.partition_point(|kept| kept.position < position);
        let same = self.order.range(from..).take_while(move |kept| kept.position == position);
        same.filter(|kept| is_kept(&self.slots, kept)).map(|kept| kept.topic)
    }

    /// Returns when the oldest that is kept will be too old.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
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
        self.idle.remove(&topic.key());
        if !topic.detached {
            self.names.remove(&topic.name);
        }
        self.kept = self.kept.saturating_sub(topic.ring.len());
        self.bytes = self.bytes.saturating_sub(topic.bytes);
        if topic.is_waking {
            self.waking.retain(|waking| *waking != slot);
        }
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
        if self.order.len() > self.kept + self.kept / 4 + 64 {
            self.order.retain(|item| is_kept(&self.slots, item));
        }
        room::give_back(&mut self.order);
        self.set_due();
    }

    fn set_due(&mut self) {
        self.due = self.order.front().and_then(|oldest| Some(oldest.at + self.max_age?));
    }
}

fn is_kept(slots: &[Option<Box<Topic>>], item: &Kept) -> bool {
    // Positions are never used again, so that a newer topic in the same slot has none that are this old.
    let front = slots.get(item.topic as usize).and_then(Option::as_deref).and_then(|topic| topic.ring.front());
    front.is_some_and(|front| front.position <= item.position)
}
