//! The log again, written for clarity: lists, and a search through all of them for every question.

use std::collections::{BTreeMap, BTreeSet};

use tidewire_core::Instant;
use tidewire_core::log::{
    Config, ConfigureError, Epoch, EventId, Gap, GapReason, Lag, OnLag, OpenError, Position, PublishError, Start,
    TopicConfig, WatchError,
};

/// Publications in one list, topics in another, readers in a third.
#[derive(Debug)]
pub struct NaiveLog {
    config: Config,
    epoch: Epoch,
    head: u64,
    kept: Vec<Kept>,
    topics: Vec<Topic>,
    readers: Vec<Reader>,
    watches: Vec<Watched>,
    next_reader: u64,
    forgotten: u64,
}

/// One publication in one topic.
#[derive(Debug)]
struct Kept {
    position: u64,
    topic: String,
    text: String,
    own_id: Option<String>,
    /// A later one has taken its place.
    replaced: bool,
    at: Instant,
}

#[derive(Debug)]
struct Topic {
    name: String,
    evicted: u64,
    last: u64,
    config: TopicConfig,
    configured: bool,
}

#[derive(Debug)]
struct Reader {
    key: u64,
    cursor: u64,
    /// The head when it was opened: what it had to read then is its replay.
    joined: u64,
    /// Of each topic, up to where everything is behind it.
    passed: BTreeMap<String, u64>,
    given: BTreeSet<u64>,
}

#[derive(Debug)]
struct Watched {
    position: u64,
    waiting: BTreeSet<u64>,
    counts: Counts,
}

/// What became of a watched publication: written, missed, left.
pub type Counts = [usize; 3];

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
            watches: Vec::new(),
            next_reader: 0,
            forgotten: 0,
        }
    }

    /// Appends a publication to topics.
    pub fn publish(
        &mut self,
        now: Instant,
        topics: &[String],
        own_id: Option<&str>,
        text: impl Fn(EventId) -> String,
    ) -> Result<EventId, PublishError> {
        let own = |name: &&String| !self.config_of(name).own_ids;
        if own_id.is_some() && topics.iter().any(|name| own(&name)) {
            return Err(PublishError::NoOwnIds);
        }
        self.evict_aged(now);
        let names: BTreeSet<String> = topics.iter().cloned().collect();
        let id = self.id(self.head + 1);
        let text = text(id);
        for name in topics {
            if !self.make_topic(name, topics) {
                self.drop_unknown(&names);
                return Err(PublishError::TooManyTopics);
            }
        }
        let size = size(&text, own_id);
        let fits = |name: &String| size <= self.config_of(name).max_bytes;
        if !names.iter().all(fits) || size * names.len() > self.config.max_bytes {
            self.drop_unknown(&names);
            return Err(PublishError::TooLarge);
        }
        self.head += 1;
        // In each topic by itself, in the order they were named.
        let mut done = BTreeSet::new();
        for name in topics.iter().filter(|name| done.insert((*name).clone())) {
            let same = |kept: &&mut Kept| kept.topic == *name && own_id.is_some() && kept.own_id.as_deref() == own_id;
            self.kept.iter_mut().filter(same).for_each(|kept| kept.replaced = true);
            let own_id = own_id.map(str::to_owned);
            let kept =
                Kept { position: self.head, topic: name.clone(), text: text.clone(), own_id, replaced: false, at: now };
            self.kept.push(kept);
            let head = self.head;
            self.topic(name).last = head;
            self.trim(name);
        }
        while self.kept.iter().map(Kept::size).sum::<usize>() > self.config.max_bytes {
            self.evict(0);
        }
        Ok(id)
    }

    /// Gives a topic bounds of its own.
    pub fn configure(&mut self, name: &str, config: TopicConfig) -> Result<(), ConfigureError> {
        if !self.make_topic(name, &[]) {
            return Err(ConfigureError::TooManyTopics);
        }
        let topic = self.topic(name);
        topic.config = config;
        topic.configured = true;
        if !config.own_ids {
            self.kept.iter_mut().filter(|kept| kept.topic == name).for_each(Kept::forget_own_id);
        }
        self.trim(name);
        Ok(())
    }

    /// Throws away what a topic keeps, and its bounds.
    pub fn remove_topic(&mut self, name: &str) {
        if !self.topics.iter().any(|topic| topic.name == name) {
            return;
        }
        while let Some(oldest) = self.kept.iter().position(|kept| kept.topic == name) {
            self.evict(oldest);
        }
        let config = self.config.topic;
        let topic = self.topic(name);
        (topic.config, topic.configured) = (config, false);
        if !self.is_read(name) {
            self.forget(name);
        }
    }

    /// Opens a reader, which is the last one from then on.
    pub fn open(&mut self, now: Instant, topics: &[String], start: Start<'_>) -> Result<Option<Gap>, OpenError> {
        self.evict_aged(now);
        let names: BTreeSet<String> = topics.iter().cloned().collect();
        if self.readers.len() >= self.config.max_readers {
            return Err(OpenError::TooManyReaders);
        }
        for name in &names {
            if !self.make_topic(name, topics) {
                self.drop_unknown(&names);
                return Err(OpenError::TooManyTopics);
            }
            if self.config_of(name).own_ids && names.len() > 1 {
                self.drop_unknown(&names);
                return Err(OpenError::OwnIdsNotAlone);
            }
        }
        let own = names.iter().all(|name| self.config_of(name).own_ids);
        let by_own_id = |text: &str| {
            let same =
                |kept: &&Kept| names.contains(&kept.topic) && kept.own_id.as_deref() == Some(text) && !kept.replaced;
            self.kept.iter().find(same).map(|kept| kept.position)
        };
        let (from, reason, after) = match start {
            Start::Live | Start::After("") => (self.head, None, ""),
            Start::Oldest => (0, None, ""),
            Start::After(after) => match (by_own_id(after), after.parse::<EventId>()) {
                (Some(position), _) => (position, None, after),
                (None, Ok(id)) if id.epoch == self.epoch && id.position.number() <= self.head => {
                    (id.position.number(), None, after)
                }
                _ if own => (0, Some(GapReason::Evicted), after),
                (None, Err(_)) => (self.head, Some(GapReason::Malformed), after),
                (None, Ok(id)) if id.epoch != self.epoch => (0, Some(GapReason::Epoch), after),
                (None, Ok(_)) => (self.head, Some(GapReason::Ahead), after),
            },
        };
        let passed = names.iter().map(|name| (name.clone(), from)).collect();
        let (key, joined) = (self.next_reader, self.head);
        self.next_reader += 1;
        self.readers.push(Reader { key, cursor: from, joined, passed, given: BTreeSet::new() });
        let index = self.readers.len() - 1;
        let evicted = names.iter().any(|name| self.misses(index, name));
        let mut lost = None;
        for name in &names {
            let max = self.config_of(name).max_replay;
            let unread = self.entries_after(index, name, from);
            let keep = unread.len().saturating_sub(max);
            lost = lost.max(self.pass(index, name, unread.get(keep).copied()));
        }
        if start == Start::Oldest {
            self.readers[index].cursor = self.resume(index);
            return Ok(None);
        }
        let reason = reason.or(evicted.then_some(GapReason::Evicted)).or(lost.map(|_| GapReason::Limit));
        Ok(reason.map(|reason| self.tell(index, reason, after.to_owned(), lost)))
    }

    /// Reads on: the text, or the gap, and whether there may be more.
    pub fn read(&mut self, now: Instant, reader: usize, max_bytes: usize) -> Option<(Result<String, Gap>, bool)> {
        self.evict_aged(now);
        if let Some(gap) = self.heed_lag(reader) {
            return Some((Err(gap), true));
        }
        let mut text = String::new();
        for position in self.unread(reader) {
            let kept = self.kept.iter().find(|kept| kept.position == position && !kept.replaced).unwrap();
            if !text.is_empty() && text.len() + kept.text.len() > max_bytes {
                return Some((Ok(text), true));
            }
            text += &kept.text;
            self.give(reader, position);
        }
        (!text.is_empty()).then_some((Ok(text), false))
    }

    /// Skips all but the last; returns how many publications of topics that were.
    pub fn skip_to_latest(&mut self, reader: usize) -> usize {
        let before = self.lag(reader).messages;
        if before <= 1 {
            return 0;
        }
        let names: Vec<String> = self.readers[reader].passed.keys().cloned().collect();
        let last = names.iter().map(|name| self.last(name)).max().unwrap();
        let mut lost = None;
        for name in names {
            let rest = self.kept.iter().any(|kept| kept.topic == name && kept.position == last);
            lost = lost.max(self.pass(reader, &name, rest.then_some(last)));
        }
        if lost.is_some() {
            self.readers[reader].cursor = self.resume(reader);
            self.note_missed(reader);
        }
        before - self.lag(reader).messages
    }

    /// Closes a reader; those behind it move up.
    pub fn close(&mut self, reader: usize) {
        let reader = self.readers.remove(reader);
        for watched in &mut self.watches {
            watched.counts[2] += usize::from(watched.waiting.remove(&reader.key));
        }
        self.drop_unknown(&reader.passed.keys().cloned().collect());
    }

    /// Watches a publication.
    pub fn watch(&mut self, id: EventId) -> Result<(), WatchError> {
        let position = id.position.number();
        let of = self.kept.iter().filter(|kept| kept.position == position);
        let topics: BTreeSet<String> = of.map(|kept| kept.topic.clone()).collect();
        if topics.is_empty() {
            return Err(WatchError::Unknown);
        }
        let waits =
            |reader: &&Reader| reader.joined < position && reader.passed.keys().any(|name| topics.contains(name));
        let waiting = self.readers.iter().filter(waits).map(|reader| reader.key).collect();
        self.watches.push(Watched { position, waiting, counts: [0; 3] });
        Ok(())
    }

    /// Notes that a reader has written all that it was given.
    pub fn note_written(&mut self, reader: usize) {
        let reader = &self.readers[reader];
        for watched in &mut self.watches {
            if reader.given.contains(&watched.position) && watched.waiting.remove(&reader.key) {
                watched.counts[0] += 1;
            }
        }
    }

    /// Returns what became of the watched publications that nobody has to write any more.
    pub fn take_written(&mut self) -> Vec<Counts> {
        let done = self.watches.iter().filter(|watched| watched.waiting.is_empty()).map(|watched| watched.counts);
        let mut done: Vec<Counts> = done.collect();
        done.sort_unstable();
        self.watches.retain(|watched| !watched.waiting.is_empty());
        done
    }

    /// Returns whether a reader is too far behind in a topic that ends such readers.
    pub fn is_to_end(&self, reader: usize) -> bool {
        let ends = |name: &&String| self.config_of(name).lag.then == OnLag::End && self.is_too_far(reader, name);
        self.readers[reader].passed.keys().any(|name| ends(&name))
    }

    /// Returns whether a reader has lost something that it was not told of.
    pub fn has_lost(&self, reader: usize) -> bool {
        self.readers[reader].passed.keys().any(|name| self.misses(reader, name))
    }

    /// Evicts what is too old.
    pub fn evict_aged(&mut self, now: Instant) {
        let Some(max_age) = self.config.max_age else { return };
        while self.kept.first().is_some_and(|kept| kept.at + max_age <= now) {
            self.evict(0);
        }
    }

    /// Returns how much a reader has still to read.
    pub fn lag(&self, reader: usize) -> Lag {
        let mut lag = Lag::default();
        for (name, passed) in &self.readers[reader].passed {
            lag.messages += self.entries_after(reader, name, *passed).len();
            lag.bytes += self.bytes_after(name, *passed);
        }
        lag
    }

    /// Returns the number of readers.
    pub fn readers(&self) -> usize {
        self.readers.len()
    }

    /// Returns publications, bytes and topics.
    pub fn stats(&self) -> (usize, usize, usize) {
        (self.kept.len(), self.kept.iter().map(Kept::size).sum(), self.topics.len())
    }

    fn id(&self, position: u64) -> EventId {
        EventId { epoch: self.epoch, position: Position::new(position) }
    }

    fn config_of(&self, name: &str) -> TopicConfig {
        self.topics.iter().find(|topic| topic.name == name).map_or(self.config.topic, |topic| topic.config)
    }

    fn topic(&mut self, name: &str) -> &mut Topic {
        self.topics.iter_mut().find(|topic| topic.name == name).unwrap()
    }

    /// Up to where something may be missing in a topic.
    fn evicted(&self, name: &str) -> u64 {
        self.topics.iter().find(|topic| topic.name == name).unwrap().evicted
    }

    fn last(&self, name: &str) -> u64 {
        self.topics.iter().find(|topic| topic.name == name).unwrap().last
    }

    fn trim(&mut self, name: &str) {
        let config = self.config_of(name);
        loop {
            let of: Vec<&Kept> = self.kept.iter().filter(|kept| kept.topic == name).collect();
            let bytes = of.iter().map(|kept| kept.size()).sum::<usize>();
            if of.len() <= config.max_publications && bytes <= config.max_bytes {
                return;
            }
            let oldest = self.kept.iter().position(|kept| kept.topic == name).unwrap();
            self.evict(oldest);
        }
    }

    fn evict(&mut self, index: usize) {
        let kept = self.kept.remove(index);
        self.topic(&kept.topic).evicted = kept.position;
    }

    fn is_read(&self, name: &str) -> bool {
        self.readers.iter().any(|reader| reader.passed.contains_key(name))
    }

    fn make_topic(&mut self, name: &str, held: &[String]) -> bool {
        if self.topics.iter().any(|topic| topic.name == name) {
            return true;
        }
        if self.topics.len() >= self.config.max_topics {
            let idle = self
                .topics
                .iter()
                .filter(|topic| !topic.configured && !self.is_read(&topic.name) && !held.contains(&topic.name));
            // Of those that nothing was ever published to, any will do: they are dropped when their last reader goes.
            let Some(oldest) = idle.min_by_key(|topic| topic.last).map(|topic| topic.name.clone()) else {
                return false;
            };
            self.forget(&oldest);
        }
        let (forgotten, config) = (self.forgotten, self.config.topic);
        self.topics.push(Topic {
            name: name.to_owned(),
            evicted: forgotten,
            last: forgotten,
            config,
            configured: false,
        });
        true
    }

    fn forget(&mut self, name: &str) {
        self.forgotten = self.forgotten.max(self.last(name));
        self.kept.retain(|kept| kept.topic != name);
        self.topics.retain(|topic| topic.name != name);
    }

    fn drop_unknown(&mut self, names: &BTreeSet<String>) {
        for name in names {
            let forgotten = self.forgotten;
            let unknown = |topic: &Topic| topic.name == *name && !topic.configured && topic.last <= forgotten;
            let is_empty = self.kept.iter().all(|kept| kept.topic != *name);
            if !self.is_read(name) && is_empty && self.topics.iter().any(unknown) {
                self.forget(name);
            }
        }
    }

    fn misses(&self, reader: usize, name: &str) -> bool {
        self.evicted(name) > self.readers[reader].passed[name]
    }

    /// The positions of what a topic keeps behind `from`, replaced ones too.
    fn entries_after(&self, reader: usize, name: &str, from: u64) -> Vec<u64> {
        let from = from.max(self.readers[reader].passed[name]);
        self.kept.iter().filter(|kept| kept.topic == name && kept.position > from).map(|kept| kept.position).collect()
    }

    /// The bytes of that; what was replaced counts unless it comes first.
    fn bytes_after(&self, name: &str, from: u64) -> usize {
        let after = self.kept.iter().filter(|kept| kept.topic == name && kept.position > from);
        after.enumerate().filter(|(index, kept)| *index > 0 || !kept.replaced).map(|(_, kept)| kept.text.len()).sum()
    }

    /// Returns what a reader has to read, in order and each once.
    pub fn unread(&self, reader: usize) -> BTreeSet<u64> {
        let passed = &self.readers[reader].passed;
        let ahead =
            |kept: &&Kept| passed.get(&kept.topic).is_some_and(|passed| kept.position > *passed) && !kept.replaced;
        self.kept.iter().filter(ahead).map(|kept| kept.position).collect()
    }

    fn give(&mut self, reader: usize, position: u64) {
        let it = &mut self.readers[reader];
        // What was replaced on the way has come in its new place, or will.
        it.given.extend(
            self.kept.iter().map(|kept| kept.position).filter(|other| *other > it.cursor && *other <= position),
        );
        it.cursor = position;
        it.passed.values_mut().for_each(|passed| *passed = position.max(*passed));
    }

    /// Has a reader go on in a topic with that position, or after all that it keeps; returns the last that it loses by that.
    fn pass(&mut self, reader: usize, name: &str, next: Option<u64>) -> Option<u64> {
        let passed = self.readers[reader].passed[name];
        let of = self.kept.iter().filter(|kept| kept.topic == name && next.is_none_or(|next| kept.position < next));
        let before = of.map(|kept| kept.position).max().unwrap_or(0).max(self.evicted(name));
        if before <= passed {
            return None;
        }
        self.readers[reader].passed.insert(name.to_owned(), before);
        Some(before)
    }

    fn resume(&self, reader: usize) -> u64 {
        let passed = &self.readers[reader].passed;
        let ahead = |kept: &&Kept| passed.get(&kept.topic).is_some_and(|passed| kept.position > *passed);
        self.kept.iter().filter(ahead).map(|kept| kept.position).min().map_or(self.head, |first| first - 1)
    }

    fn is_too_far(&self, reader: usize, name: &str) -> bool {
        let (policy, it) = (self.config_of(name).lag, &self.readers[reader]);
        let from = it.joined.max(it.passed[name]);
        let behind = self.entries_after(reader, name, from).len();
        behind > 1 && (behind > policy.max_behind || self.bytes_after(name, from) > policy.max_behind_bytes)
    }

    fn heed_lag(&mut self, reader: usize) -> Option<Gap> {
        let names: Vec<String> = self.readers[reader].passed.keys().cloned().collect();
        let mut lost = None;
        for name in names {
            let policy = self.config_of(&name).lag;
            let (evicted, too_far) = (self.misses(reader, &name), self.is_too_far(reader, &name));
            let all = self.entries_after(reader, &name, 0);
            let rest = match policy.then {
                OnLag::Latest if evicted || too_far => all.last().copied(),
                OnLag::Gap if too_far => {
                    let few = |from: &&u64| {
                        all.iter().filter(|one| one >= from).count() <= policy.max_behind
                            && self.bytes_of(&name, **from) <= policy.max_behind_bytes
                    };
                    all.iter().find(few).or(all.last()).copied()
                }
                _ if evicted => all.first().copied(),
                _ => continue,
            };
            lost = lost.max(self.pass(reader, &name, rest));
        }
        let after = self.id(self.readers[reader].cursor).to_string();
        lost.map(|lost| self.tell(reader, GapReason::Lag, after, Some(lost)))
    }

    /// The bytes of what a topic keeps from `first` on.
    fn bytes_of(&self, name: &str, first: u64) -> usize {
        self.bytes_after(name, first - 1)
    }

    fn tell(&mut self, reader: usize, reason: GapReason, after: String, lost: Option<u64>) -> Gap {
        let resume = self.resume(reader);
        let until = lost.unwrap_or(0).max(resume);
        let passed = &self.readers[reader].passed;
        let ahead = |kept: &&Kept| {
            passed.get(&kept.topic).is_some_and(|passed| kept.position > *passed) && kept.position > until
        };
        let next = self.kept.iter().filter(ahead).map(|kept| kept.position).min();
        self.readers[reader].cursor = resume;
        self.note_missed(reader);
        Gap { reason, after: after.into(), next: next.map(|next| self.id(next)), resume: self.id(resume) }
    }

    /// Counts what a reader will not be given any more.
    fn note_missed(&mut self, reader: usize) {
        let it = &self.readers[reader];
        let mut ahead = BTreeSet::new();
        for (name, passed) in &it.passed {
            ahead.extend(self.entries_after(reader, name, *passed));
        }
        for watched in &mut self.watches {
            if !it.given.contains(&watched.position)
                && !ahead.contains(&watched.position)
                && watched.waiting.remove(&it.key)
            {
                watched.counts[1] += 1;
            }
        }
    }
}

impl Kept {
    fn size(&self) -> usize {
        if self.replaced { size("", self.own_id.as_deref()) } else { size(&self.text, self.own_id.as_deref()) }
    }

    fn forget_own_id(&mut self) {
        self.own_id = None;
    }
}

/// What a publication counts: its chunk, 192, and its own id with 128.
fn size(text: &str, own_id: Option<&str>) -> usize {
    let chunk = if text.is_empty() { 0 } else { format!("{:x}\r\n{text}\r\n", text.len()).len() };
    chunk + 192 + own_id.map_or(0, |id| id.len() + 128)
}
