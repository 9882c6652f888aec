//! The log again, written for clarity: lists, and a search through all of them for every question.

use std::collections::BTreeSet;

use tidewire_core::Instant;
use tidewire_core::log::{Config, Epoch, EventId, Gap, GapReason, OpenError, Position, PublishError, Start};

/// Publications in one list, topics in another, readers in a third.
#[derive(Debug)]
pub struct NaiveLog {
    config: Config,
    epoch: Epoch,
    head: u64,
    kept: Vec<Kept>,
    topics: Vec<Topic>,
    readers: Vec<Reader>,
    forgotten: u64,
}

#[derive(Debug)]
struct Kept {
    position: u64,
    topic: String,
    text: String,
    at: Instant,
}

#[derive(Debug)]
struct Topic {
    name: String,
    evicted: u64,
    last: u64,
}

#[derive(Debug)]
struct Reader {
    topics: BTreeSet<String>,
    cursor: u64,
    /// What it was told evicted, of each topic.
    told: Vec<(String, u64)>,
}

impl NaiveLog {
    /// Opens an empty log.
    pub fn new(config: &Config, epoch: Epoch) -> Self {
        Self {
            config: config.clone(),
            epoch,
            head: 0,
            kept: Vec::new(),
            topics: Vec::new(),
            readers: Vec::new(),
            forgotten: 0,
        }
    }

    /// Appends a publication.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &str,
        text: impl Fn(EventId) -> String,
    ) -> Result<EventId, PublishError> {
        self.evict_aged(now);
        let id = self.id(self.head + 1);
        let text = text(id);
        if size(&text) > self.config.topic.max_bytes.min(self.config.max_bytes) {
            return Err(PublishError::TooLarge);
        }
        if !self.make_topic(topic, &[]) {
            return Err(PublishError::TooManyTopics);
        }
        self.head += 1;
        self.kept.push(Kept { position: self.head, topic: topic.to_owned(), text, at: now });
        let head = self.head;
        self.topic(topic).last = head;
        while self.of(topic).count() > self.config.topic.max_publications
            || self.of(topic).map(|kept| size(&kept.text)).sum::<usize>() > self.config.topic.max_bytes
        {
            let oldest = self.kept.iter().position(|kept| kept.topic == topic).unwrap();
            self.evict(oldest);
        }
        while self.kept.iter().map(|kept| size(&kept.text)).sum::<usize>() > self.config.max_bytes {
            self.evict(0);
        }
        Ok(id)
    }

    /// Opens a reader, which is the last one from then on.
    pub fn open(&mut self, now: Instant, topics: &[String], start: Start<'_>) -> Result<Option<Gap>, OpenError> {
        self.evict_aged(now);
        let names: BTreeSet<String> = topics.iter().cloned().collect();
        if self.readers.len() >= self.config.max_readers {
            return Err(OpenError::TooManyReaders);
        }
        let mut held = Vec::new();
        for name in &names {
            if !self.make_topic(name, &held) {
                for name in &held {
                    self.drop_if_unknown(name);
                }
                return Err(OpenError::TooManyTopics);
            }
            held.push(name.clone());
        }
        let (cursor, reason, after) = match start {
            Start::Live | Start::After("") => (self.head, None, ""),
            Start::Oldest => (0, None, ""),
            Start::After(after) => match after.parse::<EventId>() {
                Err(_) => (self.head, Some(GapReason::Malformed), after),
                Ok(id) if id.epoch != self.epoch => (0, Some(GapReason::Epoch), after),
                Ok(id) if id.position.number() > self.head => (self.head, Some(GapReason::Ahead), after),
                Ok(id) => (id.position.number(), None, after),
            },
        };
        self.readers.push(Reader { topics: names, cursor, told: Vec::new() });
        let index = self.readers.len() - 1;
        if start == Start::Oldest {
            self.readers[index].told = self.evicted(index);
        }
        let reason = reason.or_else(|| self.misses(index).then_some(GapReason::Evicted));
        Ok(reason.map(|reason| self.tell(index, reason, after.to_owned())))
    }

    /// Reads on: the text, or the gap, and whether there may be more.
    pub fn read(&mut self, now: Instant, reader: usize, max_bytes: usize) -> Option<(Result<String, Gap>, bool)> {
        self.evict_aged(now);
        if self.misses(reader) {
            let after = self.id(self.readers[reader].cursor).to_string();
            return Some((Err(self.tell(reader, GapReason::Lag, after)), true));
        }
        let mut text = String::new();
        for kept in &self.kept {
            let it = &mut self.readers[reader];
            if !it.topics.contains(&kept.topic) || kept.position <= it.cursor {
                continue;
            }
            if !text.is_empty() && text.len() + kept.text.len() > max_bytes {
                return Some((Ok(text), true));
            }
            text += &kept.text;
            it.cursor = kept.position;
        }
        (!text.is_empty()).then_some((Ok(text), false))
    }

    /// Closes a reader; those behind it move up.
    pub fn close(&mut self, reader: usize) {
        let reader = self.readers.remove(reader);
        for name in &reader.topics {
            self.drop_if_unknown(name);
        }
    }

    /// Evicts what is too old.
    pub fn evict_aged(&mut self, now: Instant) {
        let Some(max_age) = self.config.max_age else { return };
        while self.kept.first().is_some_and(|kept| kept.at + max_age <= now) {
            self.evict(0);
        }
    }

    /// Returns how many publications a reader has still to read.
    pub fn lag(&self, reader: usize) -> usize {
        let it = &self.readers[reader];
        self.kept.iter().filter(|kept| it.topics.contains(&kept.topic) && kept.position > it.cursor).count()
    }

    /// Returns up to where something may be missing in these topics.
    pub fn oldest_missing(&self, topics: &[String]) -> u64 {
        let of = self.topics.iter().filter(|topic| topics.contains(&topic.name));
        of.map(|topic| topic.evicted).max().unwrap_or(0)
    }

    /// Returns publications, bytes and topics.
    pub fn stats(&self) -> (usize, usize, usize) {
        (self.kept.len(), self.kept.iter().map(|kept| size(&kept.text)).sum(), self.topics.len())
    }

    fn id(&self, position: u64) -> EventId {
        EventId { epoch: self.epoch, position: Position::new(position) }
    }

    fn of<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a Kept> {
        self.kept.iter().filter(move |kept| kept.topic == topic)
    }

    fn topic(&mut self, name: &str) -> &mut Topic {
        self.topics.iter_mut().find(|topic| topic.name == name).unwrap()
    }

    fn evict(&mut self, index: usize) {
        let kept = self.kept.remove(index);
        self.topic(&kept.topic).evicted = kept.position;
    }

    fn is_read(&self, name: &str) -> bool {
        self.readers.iter().any(|reader| reader.topics.contains(name))
    }

    fn make_topic(&mut self, name: &str, held: &[String]) -> bool {
        if self.topics.iter().any(|topic| topic.name == name) {
            return true;
        }
        if self.topics.len() >= self.config.max_topics {
            let idle = self.topics.iter().filter(|topic| !self.is_read(&topic.name) && !held.contains(&topic.name));
            // Of those that nothing was ever published to, any will do: they are dropped when their last reader goes.
            let Some(oldest) = idle.min_by_key(|topic| topic.last).map(|topic| topic.name.clone()) else {
                return false;
            };
            self.forget(&oldest);
        }
        self.topics.push(Topic { name: name.to_owned(), evicted: self.forgotten, last: self.forgotten });
        true
    }

    fn forget(&mut self, name: &str) {
        let last = self.topic(name).last;
        self.forgotten = self.forgotten.max(last);
        self.kept.retain(|kept| kept.topic != name);
        self.topics.retain(|topic| topic.name != name);
    }

    fn drop_if_unknown(&mut self, name: &str) {
        let forgotten = self.forgotten;
        if !self.is_read(name) && self.topics.iter().any(|topic| topic.name == name && topic.last <= forgotten) {
            self.forget(name);
        }
    }

    fn evicted(&self, reader: usize) -> Vec<(String, u64)> {
        let topics = self.topics.iter().filter(|topic| self.readers[reader].topics.contains(&topic.name));
        topics.map(|topic| (topic.name.clone(), topic.evicted)).collect()
    }

    fn misses(&self, reader: usize) -> bool {
        let it = &self.readers[reader];
        let told = |name: &str| it.told.iter().find(|(topic, _)| topic == name).map_or(0, |(_, told)| *told);
        self.evicted(reader).iter().any(|(name, evicted)| *evicted > it.cursor && *evicted > told(name))
    }

    fn tell(&mut self, reader: usize, reason: GapReason, after: String) -> Gap {
        let evicted = self.evicted(reader);
        let until = evicted.iter().map(|(_, evicted)| *evicted).max().unwrap_or(0);
        let it = &mut self.readers[reader];
        it.told = evicted;
        let mut positions = self.kept.iter().filter(|kept| it.topics.contains(&kept.topic)).map(|kept| kept.position);
        let first = positions.clone().find(|position| *position > it.cursor);
        let next = positions.find(|position| *position > it.cursor && *position > until);
        it.cursor = first.map_or(self.head, |position| position - 1);
        let cursor = it.cursor;
        Gap { reason, after: after.into(), next: next.map(|next| self.id(next)), resume: self.id(cursor) }
    }
}

/// What a publication counts: its chunk, and 192.
fn size(text: &str) -> usize {
    format!("{:x}\r\n{text}\r\n", text.len()).len() + 192
}
