use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

use super::room;

/// The application's own ids of the publications in a ring, and where each stands.
#[derive(Debug, Default)]
pub(super) struct OwnIds {
    /// Of each publication of the ring, oldest first; a comment has none.
    ids: VecDeque<Option<Arc<str>>>,
    /// The number that the topic's count had come to with it.
    numbers: BTreeMap<Arc<str>, u64>,
}

impl OwnIds {
    /// Adds the id of the publication with that number. Returns the number of the one before that had the same id, which this one
    /// takes the place of.
    pub(super) fn push(&mut self, id: Option<&str>, number: u64) -> Option<u64> {
        let id: Option<Arc<str>> = id.map(Arc::from);
        room::for_one_more_in(&mut self.ids);
        self.ids.push_back(id.clone());
        self.numbers.insert(id?, number)
    }

    /// Lets go of the oldest, whose number this is, and returns the bytes it counted.
    pub(super) fn pop(&mut self, number: u64) -> usize {
        let oldest = self.ids.pop_front();
        room::give_back(&mut self.ids);
        let Some(id) = oldest.flatten() else { return 0 };
        if self.numbers.get(&id) == Some(&number) {
            self.numbers.remove(&id);
        }
        size_of(&id)
    }

    pub(super) fn number(&self, id: &str) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    /// Returns the id of the publication at that index of the ring.
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        self.ids.get(index)?.as_deref()
    }
}

/// What an id counts: its text, and its places in the list and in the map.
pub(super) const fn size_of(id: &str) -> usize {
    id.len() + 128
}
