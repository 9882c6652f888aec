use super::burst::BurstBuilder;
use super::topic::Topic;
use super::{Burst, Position};

/// The bursts of several publications that were put together last: readers that stand at the same place share them.
#[derive(Debug, Default)]
pub(super) struct MergedBursts {
    slots: [Option<Merged>; SLOTS],
    next: usize,
}

#[derive(Debug)]
struct Merged {
    first: Position,
    last: Position,
    max_bytes: usize,
    burst: Burst,
}

impl MergedBursts {
    /// Returns what stands in `topic` from index `start` on, at most `max_bytes` but at least one publication, and the last
    /// position of it.
    pub(super) fn read(&mut self, topic: &Topic, start: usize, max_bytes: usize) -> Option<(Burst, Position)> {
        let first = topic.ring.get(start)?;
        let Some(second) = topic.ring.get(start + 1) else { return Some((first.burst.clone(), first.position)) };
        let mut len = first.burst.len();
        if len + second.burst.len() > max_bytes {
            return Some((first.burst.clone().with_more(true), first.position));
        }

        let head = topic.last();
        let same = |merged: &&Merged| {
            merged.first == first.position
                && merged.max_bytes == max_bytes
                // What was cut off by `max_bytes` stays so; what reached the head does so until the next publication.
                && (merged.last == head || merged.burst.more())
        };
        if let Some(merged) = self.slots.iter().flatten().find(same) {
            return Some((merged.burst.clone(), merged.last));
        }

        let mut count = 1;
        let mut last = first.position;
        for entry in topic.ring.range(start + 1..) {
            if len + entry.burst.len() > max_bytes {
                break;
            }
            len += entry.burst.len();
            last = entry.position;
            count += 1;
        }
        let mut builder = BurstBuilder::new(len);
        for entry in topic.ring.range(start..).take(count) {
            builder.push(entry.burst.payload());
        }
        let burst = builder.finish().with_more(last < head);
        if let Some(slot) = self.slots.get_mut(self.next) {
            *slot = Some(Merged { first: first.position, last, max_bytes, burst: burst.clone() });
        }
        self.next = (self.next + 1) % SLOTS;
        Some((burst, last))
    }
}

/// Bounds the memory of the cache: this many bursts of `max_burst` bytes.
const SLOTS: usize = 16;
