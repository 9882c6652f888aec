use alloc::vec::Vec;

use super::burst::BurstBuilder;
use super::{Burst, Position};

/// The bursts of several publications that were put together last: readers that stand at the same place share them.
#[derive(Debug, Default)]
pub(super) struct MergedBursts {
    slots: [Option<Merged>; SLOTS],
    next: usize,
}

#[derive(Debug)]
struct Merged {
    /// Positions are never used again, so they say what the bytes are.
    positions: Vec<Position>,
    burst: Burst,
}

impl MergedBursts {
    /// Returns the slot that holds the publications of these positions, whose bytes, `len` in all, are put together if need be.
    pub(super) fn find_or_make<'a>(
        &mut self,
        positions: impl Iterator<Item = Position> + Clone,
        count: usize,
        len: usize,
        payloads: impl Iterator<Item = &'a [u8]>,
    ) -> usize {
        let same = |merged: &Merged| merged.positions.iter().copied().eq(positions.clone());
        if let Some(found) = self.slots.iter().position(|slot| slot.as_ref().is_some_and(same)) {
            return found;
        }
        let mut builder = BurstBuilder::new(len);
        payloads.for_each(|payload| builder.push(payload));
        let found = self.next;
        if let Some(slot) = self.slots.get_mut(found) {
            // Its list is used again.
            let mut list = slot.take().map(|old| old.positions).unwrap_or_default();
            list.clear();
            list.reserve(count);
            list.extend(positions);
            *slot = Some(Merged { positions: list, burst: builder.finish() });
        }
        self.next = (found + 1) % SLOTS;
        found
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Burst> {
        self.slots.get(slot)?.as_ref().map(|merged| &merged.burst)
    }
}

/// Bounds the memory of the cache: this many bursts of `max_burst` bytes.
const SLOTS: usize = 16;
