use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::own::{self, OwnIds};
use super::roster::Roster;
use super::{Burst, Lag, OnLag, Position, TopicConfig, room};

/// One name's publications, oldest first, and who reads them.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Box<str>,
    /// How many topics there were before it.
    number: u64,
    pub(super) ring: VecDeque<Entry>,
    /// How many publications it had before those of the ring. A topic that may have been forgotten had one.
    pub(super) first: u64,
    /// What the ring counts in bytes, overhead included.
    pub(super) bytes: usize,
    /// The bytes of all that it ever had.
    end: u64,
    /// Up to here, this position included, something may be missing.
    pub(super) evicted: Position,
    last: Position,
    /// The newest publication, which most readers read: what it brought the count to, and its bytes. 0 and none when it is not kept.
    newest_count: u64,
    newest: Burst,
    pub(super) roster: Roster,
    /// Whether it stands among those that have readers to wake.
    pub(super) is_waking: bool,
    /// Whether it is kept for its configuration.
    pub(super) configured: bool,
    /// Whether it has lost its name, and is there for its readers only.
    pub(super) detached: bool,
    pub(super) config: TopicConfig,
    pub(super) own: Option<OwnIds>,
    /// From which count and bytes on a reader may be too far behind for a policy that ends it.
    pub(super) scan_at: (u64, u64),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) position: Position,
    /// Without bytes when a later one with the same own id took its place.
    pub(super) burst: Burst,
    /// The bytes of all that the topic ever had, up to here.
    end: u64,
}

impl Topic {
    /// A topic that is not known may be one that was forgotten: what was published up to `forgotten` may have been its.
    pub(super) fn new(name: &str, number: u64, forgotten: Position, config: TopicConfig) -> Self {
        let mut topic = Self {
            name: name.into(),
            number,
            ring: VecDeque::new(),
            first: u64::from(forgotten > Position::START),
            bytes: 0,
            end: 0,
            evicted: forgotten,
            last: forgotten,
            newest_count: 0,
            newest: Burst::new(b""),
            roster: Roster::default(),
            is_waking: false,
            configured: false,
            detached: false,
            config,
            own: None,
            scan_at: (0, 0),
        };
        topic.set_config(config);
        topic
    }

    pub(super) fn set_config(&mut self, config: TopicConfig) {
        self.config = config;
        self.config.max_publications = config.max_publications.max(1);
        // Nobody can be further behind than what is kept.
        self.config.lag.max_behind = config.lag.max_behind.clamp(1, self.config.max_publications);
        self.config.lag.max_behind_bytes = config.lag.max_behind_bytes.min(config.max_bytes);
        self.scan_at = (0, 0);
        if !config.own_ids {
            self.own = None;
            self.bytes = self.ring.iter().map(|entry| size_of(entry.burst.chunk().len(), None)).sum();
        } else if self.own.is_none() {
            let mut own = OwnIds::default();
            self.ring.iter().for_each(|_| _ = own.push(None, 0));
            self.own = Some(own);
        }
    }

    /// Returns its place in the order in which idle topics are forgotten.
    pub(super) fn key(&self) -> (Position, u64) {
        (self.last(), self.number)
    }

    /// Returns how many publications it ever had.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// Returns the bytes of all that it ever had.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Returns the newest publication.
    #[inline]
    pub(super) fn newest(&self) -> &Burst {
        &self.newest
    }

    /// Tells whether the newest publication alone comes after the first `seen`.
    #[inline]
    pub(super) fn is_newest_next(&self, seen: u64) -> bool {
        seen + 1 == self.newest_count
    }

    /// Returns the last position that was, or may have been, published here.
    #[inline]
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Returns the index in the ring of what comes after the first `seen` publications, if there is something.
    pub(super) fn index(&self, seen: u64) -> usize {
        usize::try_from(seen.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }

    /// Returns what comes after the first `seen` publications.
    pub(super) fn next(&self, seen: u64) -> Option<&Entry> {
        self.ring.get(self.index(seen))
    }

    /// Returns the position of the last of the first `seen` publications.
    pub(super) fn position_of(&self, seen: u64) -> Position {
        match self.index(seen).checked_sub(1) {
            Some(index) => self.ring.get(index).map_or(self.last(), |entry| entry.position),
            None => self.evicted,
        }
    }

    /// Returns how many publications are behind somebody who knows everything up to `position`; less than were evicted when some of
    /// those are not.
    pub(super) fn seen_at(&self, position: Position) -> u64 {
        if position < self.evicted {
            return self.first.saturating_sub(1);
        }
        if position >= self.last() {
            return self.count();
        }
        self.first + self.ring.partition_point(|entry| entry.position <= position) as u64
    }

    /// Returns how much comes after the first `seen` publications and is kept.
    pub(super) fn lag(&self, seen: u64) -> Lag {
        let Some(next) = self.next(seen) else { return Lag::default() };
        let bytes = self.end - next.end + next.burst.len() as u64;
        Lag { messages: self.ring.len() - self.index(seen), bytes: usize::try_from(bytes).unwrap_or(usize::MAX) }
    }

    /// Tells whether a reader of which `seen` publications are behind is further behind than it may be. One publication is never too far.
    pub(super) fn is_too_far(&self, seen: u64) -> bool {
        let (policy, behind) = (&self.config.lag, self.count().saturating_sub(seen));
        behind > 1
            && (behind > policy.max_behind as u64
                // Replaced ones count until they are evicted: what is ahead does not come closer by that.
                || self.lag(seen).bytes > policy.max_behind_bytes)
    }

    /// Returns how many publications a reader has behind it that goes on as the policy says after it was too far behind.
    pub(super) fn seen_after_lag(&self) -> u64 {
        let last = self.count().saturating_sub(1).max(self.first);
        if self.config.lag.then == OnLag::Latest {
            return last;
        }
        let by_count = self.count().saturating_sub(self.config.lag.max_behind as u64);
        let max_bytes = self.config.lag.max_behind_bytes as u64;
        let by_bytes =
            self.ring.partition_point(|entry| self.end - entry.end + entry.burst.len() as u64 > max_bytes) as u64;
        by_count.max(self.first + by_bytes).clamp(self.first, last)
    }

    pub(super) fn push(&mut self, position: Position, burst: Burst, own_id: Option<&str>) -> (usize, usize) {
        let counted = size_of(burst.chunk().len(), own_id);
        self.bytes += counted;
        self.end += burst.len() as u64;
        self.last = position;
        self.newest_count = self.count() + 1;
        self.newest = burst.clone();
        room::for_one_more_in(&mut self.ring);
        self.ring.push_back(Entry { position, burst, end: self.end });
        let replaced = self.own.as_mut().and_then(|own| own.push(own_id, self.first + self.ring.len() as u64));
        let replaced = replaced.map_or(0, |number| self.empty(number));
        (counted, replaced)
    }

    /// Lets go of the oldest entry and returns the bytes that it counted.
    pub(super) fn evict(&mut self) -> usize {
        let Some(entry) = self.ring.pop_front() else { return 0 };
        self.evicted = entry.position;
        self.first += 1;
        let own = self.own.as_mut().map_or(0, |own| own.pop(self.first));
        let counted = size_of(entry.burst.chunk().len(), None) + own;
        self.bytes = self.bytes.saturating_sub(counted);
        if self.ring.is_empty() {
            self.newest_count = 0;
            self.newest = Burst::new(b"");
        }
        room::give_back(&mut self.ring);
        counted
    }

    /// Tells whether it keeps more than it may.
    pub(super) fn is_over(&self) -> bool {
        self.ring.len() > self.config.max_publications || (self.bytes > self.config.max_bytes && !self.ring.is_empty())
    }

    /// Lets go of the bytes of one that a later one takes the place of.
    fn empty(&mut self, number: u64) -> usize {
        let index = self.index(number.saturating_sub(1));
        let Some(entry) = self.ring.get_mut(index).filter(|_| number > self.first) else { return 0 };
        let freed = entry.burst.chunk().len();
        entry.burst = Burst::new(b"");
        self.bytes = self.bytes.saturating_sub(freed);
        freed
    }
}

/// What a publication of `chunk` bytes counts.
pub(super) fn size_of(chunk: usize, own_id: Option<&str>) -> usize {
    chunk + OVERHEAD + own_id.map_or(0, own::size_of)
}

/// An entry in its ring, its place in the order of all, and the count of its references, each with the room that is left beside it.
const OVERHEAD: usize = 192;
