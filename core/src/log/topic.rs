use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Burst, Position, TopicConfig};

/// One name's publications, oldest first, and who reads them.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Box<str>,
    pub(super) ring: VecDeque<Entry>,
    /// What the ring counts in bytes, overhead included.
    pub(super) bytes: usize,
    /// Up to here, this position included, something may be missing.
    pub(super) evicted: Position,
    /// Slots of the readers: those that sleep first, then those that are awake.
    pub(super) readers: Vec<u32>,
    pub(super) asleep: usize,
    pub(super) config: TopicConfig,
    /// Whether it is kept for its configuration.
    pub(super) configured: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) burst: Burst,
}

impl Topic {
    /// A topic that is not known may be one that was forgotten: what was published up to `forgotten` may have been its.
    pub(super) fn new(name: &str, forgotten: Position, config: TopicConfig) -> Self {
        Self {
            name: name.into(),
            ring: VecDeque::new(),
            bytes: 0,
            evicted: forgotten,
            readers: Vec::new(),
            asleep: 0,
            config,
            configured: false,
        }
    }

    /// Returns the last position that was, or may have been, published here.
    pub(super) fn last(&self) -> Position {
        self.ring.back().map_or(self.evicted, |entry| entry.position)
    }

    /// Returns the index of the first entry behind `cursor`.
    pub(super) fn index_after(&self, cursor: Position) -> usize {
        // Most readers are at the head or one publication behind it.
        let len = self.ring.len();
        let behind = |back: usize| self.ring.get(len.wrapping_sub(back)).is_none_or(|entry| entry.position <= cursor);
        if behind(1) {
            return len;
        }
        if behind(2) {
            return len - 1;
        }
        self.ring.partition_point(|entry| entry.position <= cursor)
    }

    pub(super) fn first_after(&self, cursor: Position) -> Option<Position> {
        self.ring.get(self.index_after(cursor)).map(|entry| entry.position)
    }

    pub(super) fn push(&mut self, position: Position, burst: Burst) -> usize {
        let size = size_of_burst(&burst);
        self.bytes += size;
        self.ring.push_back(Entry { position, burst });
        size
    }

    /// Tells whether it keeps more than it may.
    pub(super) fn is_over(&self) -> bool {
        self.ring.len() > self.config.max_publications.max(1)
            || (self.bytes > self.config.max_bytes && !self.ring.is_empty())
    }

    /// Lets go of the oldest entry and returns the bytes that it counted.
    pub(super) fn evict(&mut self) -> usize {
        let Some(entry) = self.ring.pop_front() else { return 0 };
        let size = size_of_burst(&entry.burst);
        self.bytes = self.bytes.saturating_sub(size);
        self.evicted = entry.position;
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
        size
    }
}

/// What a publication of `chunk` bytes counts.
pub(super) const fn size_of(chunk: usize) -> usize {
    chunk + OVERHEAD
}

fn size_of_burst(burst: &Burst) -> usize {
    size_of(burst.chunk().len())
}

/// An entry in its ring, its place in the order of all, and the count of its references, with room for rings that grow by doubling.
const OVERHEAD: usize = 192;
