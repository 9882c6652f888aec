use alloc::boxed::Box;
use alloc::vec::Vec;

use super::merged::{Found, MergedBursts, Place};
use super::reader::{Reader, Subscription};
use super::topic::Topic;
use super::topics::Topics;
use super::{Burst, EventId, Gap, GapReason, Log, Position, ReaderId, Start};
use crate::Instant;

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

impl Log {
    /// Returns what `reader` is to be given next, about `max_bytes` of it but at least one publication, and moves its
    /// cursor behind it.
    ///
    /// `None` when it has read everything, or is not open. From then on, or when the burst says that there is no
    /// [`more`](Read::Burst::more), it sleeps until [`poll_wake`](Self::poll_wake) returns it.
    #[inline]
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<Read<'_>> {
        self.topics.evict_aged(now);
        if let Some(topic) = self.read_one(reader) {
            let burst = self.topics.get(topic)?.newest();
            return Some(Read::Burst { burst, more: false });
        }
        self.read_on(reader, max_bytes)
    }

    #[inline(never)]
    fn read_on(&mut self, reader: ReaderId, max_bytes: usize) -> Option<Read<'_>> {
        if let Some(gap) = self.heed_lag(reader) {
            return Some(Read::Gap(gap));
        }
        let entry = self.readers.get_mut(reader)?;
        let max_bytes = max_bytes.min(self.config.max_burst);
        let found = find(&self.topics, &mut self.merged, &mut self.search, entry.subscriptions_mut(), max_bytes);
        if let Some(found) = &found {
            entry.cursor = found.last;
        }
        if !found.as_ref().is_some_and(|found| found.more) {
            self.put_asleep(reader);
        }
        let Found { place, more, .. } = found?;
        let burst = match place {
            Place::Ring(topic, index) => &self.topics.get(topic)?.ring.get(index)?.burst,
            Place::Merged(slot) => self.merged.get(slot)?,
        };
        Some(Read::Burst { burst, more })
    }

    /// Tells whether [`read`](Self::read) would give something.
    pub fn has_next(&self, reader: ReaderId) -> bool {
        let reader = self.readers.get(reader);
        reader.is_some_and(|reader| self.topics.of(reader).any(|(one, topic)| one.seen < topic.count()))
    }

    /// Returns the application's own id of what `reader` is to be given next, when it has one.
    pub fn next_own_id(&self, reader: ReaderId) -> Option<&str> {
        let (one, topic) = self.topics.of(self.readers.get(reader)?).next()?;
        let index = topic.index(one.seen);
        let skipped =
            topic.ring.range(index.min(topic.ring.len())..).take_while(|entry| entry.burst.is_empty()).count();
        topic.own.as_ref()?.get(index + skipped)
    }

    /// Returns where the publication with an id of the application's own stands, if it is kept.
    pub fn find_own(&self, topic: &str, own_id: &str) -> Option<Position> {
        let topic = self.topics.get(self.topics.find(topic)?)?;
        Some(topic.position_of(topic.own.as_ref()?.number(own_id)?))
    }

    /// Returns where it stands in the topic of `reader`, also in one that has [lost its name](Self::detach_topic).
    pub fn find_own_of(&self, reader: ReaderId, own_id: &str) -> Option<Position> {
        let (_, topic) = self.topics.of(self.readers.get(reader)?).next()?;
        Some(topic.position_of(topic.own.as_ref()?.number(own_id)?))
    }

    /// Moves the cursor of `reader` to after an id, as [`Start::After`] does, if everything that follows it is kept; else it stays
    /// where it is, and the answer is `false`.
    ///
    /// For who gave the reader something else meanwhile, out of a store: watched publications before it count as written.
    pub fn seek(&mut self, reader: ReaderId, after: &str) -> bool {
        let Some(entry) = self.readers.get(reader) else { return false };
        let (position, reason) = self.resolve(entry.subscriptions(), Start::After(after));
        let is_kept = reason.is_none() && self.topics.of(entry).all(|(_, topic)| topic.evicted <= position);
        is_kept && self.seek_to(reader, position)
    }

    /// Moves the cursor of `reader` to after a position if everything that follows it is kept, as [`seek`](Self::seek) does.
    pub fn seek_to(&mut self, reader: ReaderId, position: Position) -> bool {
        let position = position.min(self.head().position);
        let Some(entry) = self.readers.get_mut(reader) else { return false };
        if !self.topics.of(entry).all(|(_, topic)| topic.evicted <= position) {
            return false;
        }
        for one in entry.subscriptions_mut() {
            if let Some(topic) = self.topics.get(one.topic) {
                one.seen = topic.seen_at(position);
            }
        }
        entry.cursor = position;
        self.wake(reader);
        true
    }

    /// Skips everything that `reader` has to read but the last publication, and returns how many that were. No gap is told for them: this
    /// is for whom only the latest matters, and who knows it.
    pub fn skip_to_latest(&mut self, reader: ReaderId) -> usize {
        let Some(before) = self.lag(reader).map(|lag| lag.messages) else { return 0 };
        let last =
            self.readers.get(reader).and_then(|entry| self.topics.of(entry).map(|(_, topic)| topic.last()).max());
        let Some(last) = last.filter(|_| before > 1) else { return 0 };
        self.skip(reader, |topic, one| {
            let rest = u64::from(topic.last() == last && !topic.ring.is_empty());
            one.seen.max(topic.count() - rest)
        });
        before - self.lag(reader).map_or(0, |lag| lag.messages)
    }

    /// Skips the next publication of `reader` without a word: it was given it in another way.
    pub fn skip_next(&mut self, reader: ReaderId) {
        let Some(entry) = self.readers.get_mut(reader) else { return };
        if let Some(found) = find(&self.topics, &mut self.merged, &mut self.search, entry.subscriptions_mut(), 0) {
            entry.cursor = found.last;
        }
    }

    /// Begins to read: counts what is behind a new reader, and returns the gap that it must be told.
    pub(super) fn begin(
        &mut self,
        id: ReaderId,
        position: Position,
        reason: Option<GapReason>,
        start: Start<'_>,
    ) -> Option<Gap> {
        let reader = self.readers.get_mut(id)?;
        let mut evicted = false;
        for one in reader.subscriptions_mut() {
            let Some(topic) = self.topics.get(one.topic) else { continue };
            one.seen = topic.seen_at(position);
            if start == Start::Oldest {
                one.seen = one.seen.max(topic.first);
            }
            evicted |= one.seen < topic.first;
        }
        let until = self.skip(id, |topic, one| {
            let max_replay = topic.config.max_replay as u64;
            one.seen.max(topic.first).max(topic.count().saturating_sub(max_replay))
        });
        let reason = match (reason, evicted, until) {
            (Some(reason), _, _) => reason,
            (None, true, _) => GapReason::Evicted,
            (None, false, Some(_)) if start != Start::Oldest => GapReason::Limit,
            _ if start == Start::Oldest => {
                let resume = self.resume(self.readers.get(id)?).position;
                self.readers.get_mut(id)?.cursor = resume;
                return None;
            }
            _ => return None,
        };
        let Start::After(after) = start else { return None };
        self.tell(id, reason, Gap::text(after), until)
    }

    /// Moves the counts of a reader to what `seen` says, and returns the position of the last that it loses by that.
    pub(super) fn skip(&mut self, id: ReaderId, seen: impl Fn(&Topic, &Subscription) -> u64) -> Option<Position> {
        let reader = self.readers.get_mut(id)?;
        let cursor = reader.cursor;
        let mut last = None;
        for one in reader.subscriptions_mut() {
            let Some(topic) = self.topics.get(one.topic) else { continue };
            let seen = seen(topic, one);
            if seen > one.seen {
                one.seen = seen;
                last = last.max(Some(topic.position_of(seen)));
            }
        }
        if last.is_some() {
            let resume = self.resume(self.readers.get(id)?).position;
            let reader = self.readers.get_mut(id)?;
            reader.cursor = reader.cursor.max(resume);
            if !self.watches.is_empty() {
                self.watches.note_skipped(&self.topics, reader, id.slot, cursor);
            }
        }
        last
    }

    /// Makes the gap of a reader that was made to [skip](Self::skip) what stood up to `until`.
    pub(super) fn tell(
        &mut self,
        id: ReaderId,
        reason: GapReason,
        after: Box<str>,
        until: Option<Position>,
    ) -> Option<Gap> {
        let reader = self.readers.get(id)?;
        let resume = self.resume(reader);
        let from = reader.cursor.max(until.unwrap_or_default());
        let next = self.topics.of(reader).filter_map(|(one, topic)| {
            let seen = one.seen.max(topic.seen_at(from));
            Some(topic.next(seen)?.position)
        });
        let next = next.min().map(|position| self.id(position));
        self.readers.get_mut(id)?.cursor = resume.position;
        Some(Gap { reason, after, next, resume })
    }

    /// Returns the id just before the next publication of a reader.
    fn resume(&self, reader: &Reader) -> EventId {
        let next = self.topics.of(reader).filter_map(|(one, topic)| Some(topic.next(one.seen)?.position)).min();
        self.id(next.map_or(self.head().position, Position::preceding))
    }

    /// The usual case: the reader of one topic that has only its last publication still to read. Returns the topic.
    #[inline]
    fn read_one(&mut self, id: ReaderId) -> Option<u32> {
        let reader = self.readers.get_place(id)?;
        let one = reader.only()?;
        let (slot, at) = (one.topic, one.at);
        let topic = self.topics.get_mut(slot)?;
        if !topic.is_newest_next(one.seen) {
            return None;
        }
        one.seen += 1;
        reader.cursor = topic.last();
        reader.sleep();
        let readers = &mut self.readers;
        topic.roster.put_asleep(at as usize, |moved, at| readers.note_place(moved, slot, at));
        Some(slot)
    }

    fn put_asleep(&mut self, id: ReaderId) {
        let Some(reader) = self.readers.get_mut(id) else { return };
        reader.sleep();
        let mut index = 0;
        while let Some(one) = self.readers.get(id).and_then(|reader| reader.subscriptions().get(index)).copied() {
            index += 1;
            let Some(topic) = self.topics.get_mut(one.topic) else { continue };
            let readers = &mut self.readers;
            topic.roster.put_asleep(one.at as usize, |moved, at| readers.note_place(moved, one.topic, at));
        }
    }
}

/// Bounds what is remembered of a burst over several topics: this many publications.
const MAX_CHOSEN: usize = 1_024;

/// Room for what a search over several topics goes through.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The topics, and how much of each is behind.
    seen: Vec<(u32, u64)>,
    /// The publications chosen: topic and index.
    chosen: Vec<(u32, usize)>,
}

/// Finds what comes next in these topics, in the order of positions and what stands in several of them once, and counts it as seen.
fn find(
    topics: &Topics,
    merged: &mut MergedBursts,
    search: &mut Search,
    subscriptions: &mut [Subscription],
    max_bytes: usize,
) -> Option<Found> {
    let is_behind = |one: &&mut Subscription| topics.get(one.topic).is_some_and(|topic| one.seen < topic.count());
    let mut behind = subscriptions.iter_mut().filter(is_behind);
    let first = behind.next()?;
    if behind.next().is_none() {
        let (found, seen) = merged.read(first.topic, topics.get(first.topic)?, first.seen, max_bytes)?;
        first.seen = seen;
        return Some(found);
    }

    let Search { seen, chosen } = search;
    seen.clear();
    chosen.clear();
    seen.extend(subscriptions.iter().map(|one| (one.topic, one.seen)));
    let next = |(topic, seen): (u32, u64)| topics.get(topic)?.next(seen);
    let (mut len, mut last, mut more) = (0, Position::START, false);
    while let Some((slot, count, entry)) = seen
        .iter()
        .filter_map(|(slot, count)| Some((*slot, *count, next((*slot, *count))?)))
        .min_by_key(|(_, _, entry)| entry.position)
    {
        if chosen.len() >= MAX_CHOSEN || (!chosen.is_empty() && len + entry.burst.len() > max_bytes) {
            more = true;
            break;
        }
        len += entry.burst.len();
        last = entry.position;
        chosen.push((slot, topics.get(slot).map_or(0, |topic| topic.index(count))));
        for (slot, count) in seen.iter_mut() {
            if next((*slot, *count)).is_some_and(|entry| entry.position == last) {
                *count += 1;
            }
        }
    }
    for (one, (_, seen)) in subscriptions.iter_mut().zip(seen) {
        one.seen = *seen;
    }
    let place = match chosen.as_slice() {
        [] => return None,
        [one] => Place::Ring(one.0, one.1),
        many => {
            let entries = many.iter().filter_map(|(slot, index)| topics.get(*slot)?.ring.get(*index));
            let positions = many.iter().map(|(slot, index)| {
                topics
                    .get(*slot)
                    .and_then(|topic| topic.ring.get(*index))
                    .map_or(Position::START, |entry| entry.position)
            });
            merged.collect(positions, len, entries.map(|entry| entry.burst.payload()))
        }
    };
    Some(Found { place, last, more })
}
