use alloc::vec::Vec;

use super::burst::BurstBuilder;
use super::topic::Topic;
use super::{Burst, Position};

/// The bursts of several publications that were put together last: readers that stand at the same place share them.
#[derive(Debug, Default)]
pub(super) struct MergedBursts {
    slots: [Option<Merged>; SLOTS],
    last: usize,
}

#[derive(Debug)]
struct Merged {
    of: Of,
    burst: Burst,
}

/// What was put together. Positions are never used again.
#[derive(Debug, PartialEq, Eq)]
enum Of {
    /// What follows the first `seen` of a topic, up to the first `until`: to the head, or cut off by `max_bytes`.
    Topic { topic: u32, seen: u64, until: u64, last: Position, max_bytes: usize, cut: bool },
    /// What stands at these positions.
    Topics(Vec<Position>),
}

/// What is read next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    /// The position of the last of it.
    pub(super) last: Position,
    pub(super) more: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In the ring of this topic, at this index.
    Ring(u32, usize),
    Merged(usize),
}

impl MergedBursts {
    /// Returns what follows the first `seen` of a topic, at most `max_bytes` but at least one publication, and how many are behind then.
    pub(super) fn read(&mut self, slot: u32, topic: &Topic, seen: u64, max_bytes: usize) -> Option<(Found, u64)> {
        if let Some(found) = self.find(slot, topic, seen, max_bytes) {
            return Some(found);
        }
        let start = topic.index(seen);
        let mut entries = topic.ring.range(start.min(topic.ring.len())..).enumerate();
        let mut range = None::<(usize, usize)>;
        let (mut len, mut last) = (0, Position::START);
        let mut end = start;
        for (index, entry) in entries.by_ref() {
            let bytes = entry.burst.len();
            if bytes == 0 {
                continue;
            }
            if range.is_some() && len + bytes > max_bytes {
                break;
            }
            len += bytes;
            last = entry.position;
            end = start + index + 1;
            let first = range.map_or(start + index, |(first, _)| first);
            range = Some((first, end - 1));
        }
        let (first, at) = range?;
        let until = topic.first + end as u64;
        let more = end < topic.ring.len();
        if first == at {
            return Some((Found { place: Place::Ring(slot, at), last, more }, until));
        }
        let mut builder = BurstBuilder::new(len);
        for entry in topic.ring.range(first..=at) {
            builder.push(entry.burst.payload());
        }
        let of = Of::Topic { topic: slot, seen, until, last, max_bytes, cut: more };
        let place = self.put(of, builder.finish());
        Some((Found { place, last, more }, until))
    }

    /// Returns the publications of these positions, whose bytes are `len` in all.
    pub(super) fn collect<'a>(
        &mut self,
        positions: impl ExactSizeIterator<Item = Position> + Clone,
        len: usize,
        payloads: impl Iterator<Item = &'a [u8]>,
    ) -> Place {
        let same = |of: &Of| matches!(of, Of::Topics(list) if list.iter().copied().eq(positions.clone()));
        if let Some(found) = self.slots.iter().position(|slot| slot.as_ref().is_some_and(|merged| same(&merged.of))) {
            return Place::Merged(found);
        }
        let mut builder = BurstBuilder::new(len);
        payloads.for_each(|payload| builder.push(payload));
        self.put(Of::Topics(positions.collect()), builder.finish())
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Burst> {
        self.slots.get(slot)?.as_ref().map(|merged| &merged.burst)
    }

    /// Forgets all: one of the publications was replaced.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn find(&self, slot: u32, topic: &Topic, from: u64, max: usize) -> Option<(Found, u64)> {
        let count = topic.count();
        let found = |index: usize| match self.slots.get(index)?.as_ref()?.of {
            Of::Topic { topic: of, seen, until, last, max_bytes, cut }
                if of == slot
                    && seen == from
                    && max_bytes == max
                    // What was cut off stays so; what reached the head does so until the next publication.
                    && (cut || until == count)
                    // Not of a topic that had the slot before.
                    && topic.position_of(until) == last =>
            {
                Some((Found { place: Place::Merged(index), last, more: cut }, until))
            }
            _ => None,
        };
        found(self.last).or_else(|| (0..SLOTS).find_map(found))
    }

    fn put(&mut self, of: Of, burst: Burst) -> Place {
        self.last = (self.last + 1) % SLOTS;
        if let Some(slot) = self.slots.get_mut(self.last) {
            *slot = Some(Merged { of, burst });
        }
        Place::Merged(self.last)
    }
}

/// Bounds the memory of the cache: this many bursts of `max_burst` bytes.
const SLOTS: usize = 16;
