use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::slice;

use super::Guest;
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
    /// Whether it stands in the queue of those to be woken.
    pub(super) queued: bool,
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
    pub(super) fn new(mut names: Vec<Arc<str>>) -> Self {
        match (names.len(), names.pop()) {
            (1, Some(one)) => Self::One(one),
            (_, last) => {
                names.extend(last);
                Self::Many(names.into())
            }
        }
    }

    pub(super) fn as_slice(&self) -> &[Arc<str>] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The places by the slots of their readers.
#[derive(Debug, Default)]
pub(super) struct Places {
    slots: Vec<Option<Place>>,
}

impl Places {
    pub(super) fn insert(&mut self, place: Place) {
        let slot = place.id.slot as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        if let Some(entry) = self.slots.get_mut(slot) {
            *entry = Some(place);
        }
    }

    pub(super) fn remove(&mut self, id: ReaderId) -> Option<Place> {
        self.get(id)?;
        self.slots.get_mut(id.slot as usize)?.take()
    }

    pub(super) fn get(&self, id: ReaderId) -> Option<&Place> {
        self.slots.get(id.slot as usize)?.as_ref().filter(|place| place.id == id)
    }

    pub(super) fn get_mut(&mut self, id: ReaderId) -> Option<&mut Place> {
        self.slots.get_mut(id.slot as usize)?.as_mut().filter(|place| place.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.slots.iter().flatten()
    }
}
