use super::{Config, EventId, Gap, Log, Position, ReaderId};
use crate::Instant;

impl Log {
    /// Opens a log that goes on where another one ended, whose last publication had this id: its epoch and its positions. What it had is
    /// told as evicted; who was given everything resumes without a gap.
    pub fn after(config: Config, last: EventId) -> Self {
        let mut log = Self::new(config, last.epoch);
        log.go_on_after(last.position);
        log
    }

    /// Parts a topic from its name: those who read it are given what they have still to read, and nothing after that. A topic of this
    /// name that is made from here on is another one, and has nothing.
    pub fn detach_topic(&mut self, topic: &str) {
        if let Some(slot) = self.topics.find(topic) {
            self.topics.detach(slot);
        }
    }

    /// Returns the position of the last publication in the topics of `reader`, also of one that is not kept any more.
    pub fn last_of(&self, reader: ReaderId) -> Position {
        let reader = self.readers.get(reader);
        reader.and_then(|reader| self.topics.of(reader).map(|(_, topic)| topic.last()).max()).unwrap_or_default()
    }

    /// Returns the application's own id of the last publication in the topic of `reader`, when it has one and is kept.
    pub fn last_own_id(&self, reader: ReaderId) -> Option<&str> {
        let (_, topic) = self.topics.of(self.readers.get(reader)?).next()?;
        topic.own.as_ref()?.get(topic.ring.len().checked_sub(1)?)
    }

    /// Tells whether `reader` has lost what it was to be given next, of which the next [`read`](Self::read) tells.
    pub fn has_missed(&self, reader: ReaderId) -> bool {
        self.readers.get(reader).is_some_and(|reader| self.topics.of(reader).any(|(one, topic)| one.seen < topic.first))
    }

    /// Returns the gap that `reader` is to be told before it is given anything else, as [`read`](Self::read) does, and nothing but that.
    pub fn read_gap(&mut self, now: Instant, reader: ReaderId) -> Option<Gap> {
        self.topics.evict_aged(now);
        self.heed_lag(reader)
    }

    /// Tells whether the ids of what `reader` reads belong to the application.
    pub fn has_own_ids(&self, reader: ReaderId) -> bool {
        self.readers.get(reader).is_some_and(|reader| self.topics.of(reader).any(|(_, topic)| topic.own.is_some()))
    }
}
