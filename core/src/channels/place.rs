use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::slice;

use super::Guest;
use super::debounce::Debounce;
use super::load::{Given, Loading};
use crate::Instant;
use crate::log::ReaderId;
use crate::server::CloseReason;

/// What is known of one reader besides its cursor.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: ReaderId,
    pub(super) guest: Guest,
    pub(super) since: Instant,
    pub(super) channels: Names,
    pub(super) ending: Option<Ending>,
    /// When its longest time is over.
    pub(super) ends_at: Option<Instant>,
    pub(super) debounce: Option<Debounce>,
    /// Its replay from the repository, while it lasts.
    pub(super) loading: Option<Box<Loading>>,
    /// What came from the repository and may come once more, live.
    pub(super) given: Option<Box<Given>>,
    /// Whether the ids of what it reads belong to the application.
    pub(super) own_ids: bool,
    pub(super) form: Form,
    /// Whether it stands in the queue of those to be woken.
    pub(super) queued: bool,
    pub(super) bytes: u64,
    pub(super) gaps: u32,
}

impl Place {
    /// Counts a gap that it is told with these bytes.
    pub(super) fn note_gap(&mut self, bytes: &[u8]) {
        self.gaps = self.gaps.saturating_add(1);
        self.bytes += bytes.len() as u64;
    }
}

/// How it is given what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As events.
    Plain,
    /// Compressed, to stand in a stream of the coding gzip.
    #[cfg(feature = "deflate")]
    Gzip,
    /// As messages of WebSocket.
    Messages { compress: bool },
}

/// A reader that is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) reason: CloseReason,
    /// Whether it is first given what was published before.
    pub(super) drain: bool,
}

/// One is the usual case, and costs no allocation.
#[derive(Debug)]
pub(super) enum Names {
    One(Arc<str>),
    Many(Box<[Arc<str>]>),
}

impl Names {
    pub(super) fn new(names: Vec<Arc<str>>) -> Self {
        match <[Arc<str>; 1]>::try_from(names) {
            Ok([one]) => Self::One(one),
            Err(many) => Self::Many(many.into()),
        }
    }

    pub(super) fn as_slice(&self) -> &[Arc<str>] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The places, by the slots of their readers.
#[derive(Debug, Default)]
pub(super) struct Places {
    slots: Vec<Option<Place>>,
}

impl Places {
    pub(super) fn insert(&mut self, place: Place) {
        let slot = place.id.index();
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        if let Some(entry) = self.slots.get_mut(slot) {
            *entry = Some(place);
        }
    }

    pub(super) fn remove(&mut self, id: ReaderId) -> Option<Place> {
        self.get(id)?;
        self.slots.get_mut(id.index())?.take()
    }

    pub(super) fn get(&self, id: ReaderId) -> Option<&Place> {
        self.slots.get(id.index())?.as_ref().filter(|place| place.id == id)
    }

    pub(super) fn get_mut(&mut self, id: ReaderId) -> Option<&mut Place> {
        self.slots.get_mut(id.index())?.as_mut().filter(|place| place.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_as_small_as_the_module_says() {
        assert!(size_of::<Option<Place>>() <= 200, "{}", size_of::<Option<Place>>());
    }
}
