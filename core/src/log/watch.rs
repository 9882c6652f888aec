use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use core::fmt;

use super::reader::Reader;
use super::topics::Topics;
use super::{EventId, Log, Position, ReaderId};

/// Names one watched publication of a log, and never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watch(u64);

/// What became of a watched publication: of those who read one of its topics when it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The watch, which is over.
    pub watch: Watch,
    /// Readers whose sockets took it.
    pub written: usize,
    /// Readers that were told a gap, or moved on, instead of being given it.
    pub missed: usize,
    /// Readers that left before it was written.
    pub left: usize,
}

/// Why a publication is not watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchError {
    /// It is not kept, or never was published.
    Unknown,
    /// `max_watches` publications are watched.
    TooManyWatches,
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the log does not keep the publication",
            Self::TooManyWatches => "max_watches of the log are watched",
        })
    }
}

impl core::error::Error for WatchError {}

impl Log {
    /// Watches a publication: [`poll_written`](Self::poll_written) tells when every reader that read one of its topics at that time
    /// has [written](Self::note_written) it, or cannot any more.
    ///
    /// Ask right after publishing, before anybody has read: who was told a gap before it is not known to have missed it. It looks at each
    /// reader of the topics once, and each of them is counted once more when it has written.
    ///
    /// # Errors
    ///
    /// When it is not kept, or too many are watched.
    pub fn watch(&mut self, id: EventId) -> Result<Watch, WatchError> {
        let topics: Box<[u32]> = self.topics.at(id.position).collect();
        if id.epoch != self.epoch || topics.is_empty() {
            return Err(WatchError::Unknown);
        }
        if self.watches.len() >= self.config.max_watches {
            return Err(WatchError::TooManyWatches);
        }
        let mut waiting = 0;
        for slot in &topics {
            let Some(topic) = self.topics.get(*slot) else { continue };
            let readers = topic.roster.iter().filter_map(|reader| self.readers.at(reader));
            // Who reads several of them counts with the first.
            let first = |reader: &Reader| topics.iter().find(|topic| reader.reads(**topic)) == Some(slot);
            waiting += readers.filter(|reader| reader.written < id.position && first(reader)).count();
        }
        Ok(self.watches.add(id.position, topics, waiting))
    }

    /// Notes that `reader` has written to its socket all that it was given.
    pub fn note_written(&mut self, reader: ReaderId) {
        let Some(entry) = self.readers.get_mut(reader) else { return };
        let from = entry.written;
        if entry.cursor <= from {
            return;
        }
        entry.written = entry.cursor;
        if !self.watches.is_empty() {
            self.watches.settle(entry, reader.slot, from, Some(entry.cursor));
        }
    }

    /// Returns the next watched publication that nobody has still to write.
    pub fn poll_written(&mut self) -> Option<Written> {
        self.watches.done.pop_front()
    }
}

/// The publications that are watched, by position.
#[derive(Debug, Default)]
pub(super) struct Watches {
    open: VecDeque<Watched>,
    done: VecDeque<Written>,
    next: u64,
}

#[derive(Debug)]
struct Watched {
    position: Position,
    topics: Box<[u32]>,
    waiting: usize,
    /// Slots of readers that have missed it, and are counted, but have not come past it yet.
    missed: BTreeSet<u32>,
    so_far: Written,
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Notes that a reader has moved past what follows `from`: what it has not before it to read any more, it misses.
    pub(super) fn note_skipped(&mut self, topics: &Topics, reader: &Reader, slot: u32, from: Position) {
        let from = self.open.partition_point(|watched| watched.position <= from.max(reader.written));
        let mut over = 0;
        for watched in self.open.iter_mut().skip(from).filter(|watched| watched.is_for(reader)) {
            let ahead = topics.of(reader).any(|(one, topic)| {
                let index = topic.ring.partition_point(|entry| entry.position < watched.position);
                topic.ring.get(index).is_some_and(|entry| entry.position == watched.position)
                    && index >= topic.index(one.seen)
            });
            if !ahead && watched.missed.insert(slot) {
                watched.so_far.missed += 1;
                watched.waiting = watched.waiting.saturating_sub(1);
                over += usize::from(watched.waiting == 0);
            }
        }
        self.finish(over);
    }

    /// Notes that a reader has nothing more to write of what follows `from`: up to `until`, or because it left.
    pub(super) fn settle(&mut self, reader: &Reader, slot: u32, from: Position, until: Option<Position>) {
        let first = self.open.partition_point(|watched| watched.position <= from);
        let mut over = 0;
        for watched in self.open.iter_mut().skip(first) {
            if until.is_some_and(|until| watched.position > until) {
                break;
            }
            if !watched.is_for(reader) {
                continue;
            }
            if watched.missed.remove(&slot) {
                continue;
            }
            watched.waiting = watched.waiting.saturating_sub(1);
            over += usize::from(watched.waiting == 0);
            if until.is_some() {
                watched.so_far.written += 1;
            } else {
                watched.so_far.left += 1;
            }
        }
        self.finish(over);
    }

    /// Takes out those that nobody has still to write; they are mostly the first ones.
    fn finish(&mut self, mut over: usize) {
        while over > 0
            && let Some(first) = self.open.front().filter(|first| first.waiting == 0)
        {
            self.done.push_back(first.so_far);
            self.open.pop_front();
            over -= 1;
        }
        if over > 0 {
            self.done.extend(self.open.iter().filter(|watched| watched.waiting == 0).map(|watched| watched.so_far));
            self.open.retain(|watched| watched.waiting > 0);
        }
    }

    fn len(&self) -> usize {
        self.open.len() + self.done.len()
    }

    fn add(&mut self, position: Position, topics: Box<[u32]>, waiting: usize) -> Watch {
        let watch = Watch(self.next);
        self.next += 1;
        let so_far = Written { watch, written: 0, missed: 0, left: 0 };
        if waiting == 0 {
            self.done.push_back(so_far);
        } else {
            let index = self.open.partition_point(|watched| watched.position <= position);
            self.open.insert(index, Watched { position, topics, waiting, missed: BTreeSet::new(), so_far });
        }
        watch
    }
}

impl Watched {
    fn is_for(&self, reader: &Reader) -> bool {
        self.topics.iter().any(|topic| reader.reads(*topic))
    }
}
