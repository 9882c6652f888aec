use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::slice;

use super::roster::MAX_SLOT;
use super::{Position, room};

/// Names one reader of a log, and never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId {
    pub(crate) slot: u32,
    pub(super) generation: u32,
}

impl ReaderId {
    /// Returns its place among the readers that are open, for a table beside the log: a small number, and another reader's after
    /// this one was closed.
    pub const fn index(self) -> usize {
        self.slot as usize
    }
}

/// A reader, or the place of one.
#[derive(Debug)]
pub(super) struct Reader {
    /// Everything up to here was given or told missing.
    pub(super) cursor: Position,
    /// No publication up to here waits for this reader to write it: it was written, or stood there before the reader came.
    pub(super) written: Position,
    subscriptions: Subscriptions,
    generation: u32,
    flags: u8,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) topic: u32,
    /// Its place among the topic's readers.
    pub(super) at: u32,
    /// How many of the publications that the topic ever had are behind the reader: given, told missing, or before its time.
    pub(super) seen: u64,
}

/// One is the usual case, and costs no allocation.
#[derive(Debug)]
enum Subscriptions {
    /// The place is free.
    None,
    One(Subscription),
    Many(Box<[Subscription]>),
}

impl Reader {
    pub(super) fn subscriptions(&self) -> &[Subscription] {
        match &self.subscriptions {
            Subscriptions::None => &[],
            Subscriptions::One(one) => slice::from_ref(one),
            Subscriptions::Many(many) => many,
        }
    }

    pub(super) fn subscriptions_mut(&mut self) -> &mut [Subscription] {
        match &mut self.subscriptions {
            Subscriptions::None => &mut [],
            Subscriptions::One(one) => slice::from_mut(one),
            Subscriptions::Many(many) => many,
        }
    }

    /// Returns its subscription when it has only one.
    #[inline]
    pub(super) fn only(&mut self) -> Option<&mut Subscription> {
        match &mut self.subscriptions {
            Subscriptions::One(one) => Some(one),
            Subscriptions::None | Subscriptions::Many(_) => None,
        }
    }

    pub(super) fn reads(&self, topic: u32) -> bool {
        self.subscriptions().iter().any(|one| one.topic == topic)
    }

    /// Notes that it has read everything.
    #[inline]
    pub(super) fn sleep(&mut self) {
        self.flags &= !(AWAKE | CALLED | NAMED);
    }

    /// Tells whether a reader of several topics is awake.
    pub(super) fn is_awake(&self) -> bool {
        self.has(AWAKE)
    }

    fn is_open(&self) -> bool {
        !matches!(self.subscriptions, Subscriptions::None)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The reader of several topics was told that there is something to read, and has not read everything since.
const AWAKE: u8 = 1;
/// It is to be woken for itself, and not for one of its topics.
const CALLED: u8 = 2;
/// Its slot stands in the queue of the called; it does so at most once, whoever has the slot.
const IN_CALLED: u8 = 4;
/// It was found too far behind, and has not read everything since.
const NAMED: u8 = 8;
/// Its slot stands in the queue of the lagging.
const IN_LAGGING: u8 = 16;
const OF_THE_SLOT: u8 = IN_CALLED | IN_LAGGING;

/// The readers, and those of them that are called for themselves.
#[derive(Debug, Default)]
pub(super) struct Readers {
    slots: Vec<Reader>,
    free: Vec<u32>,
    called: VecDeque<u32>,
    lagging: VecDeque<u32>,
    len: usize,
}

impl Readers {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a reader.
    pub(super) fn insert(
        &mut self,
        cursor: Position,
        written: Position,
        subscriptions: Vec<Subscription>,
    ) -> Option<ReaderId> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok().filter(|slot| *slot < MAX_SLOT)?;
                room::for_one_more(&mut self.slots);
                let none = Subscriptions::None;
                self.slots.push(Reader { cursor, written, subscriptions: none, generation: 0, flags: 0 });
                slot
            }
        };
        let reader = self.slots.get_mut(slot as usize)?;
        (reader.cursor, reader.written) = (cursor, written);
        reader.subscriptions = match subscriptions.as_slice() {
            [one] => Subscriptions::One(*one),
            _ => Subscriptions::Many(subscriptions.into()),
        };
        self.len += 1;
        Some(ReaderId { slot, generation: reader.generation })
    }

    /// Frees the place of a reader, and returns the reader.
    pub(super) fn remove(&mut self, id: ReaderId) -> Option<Reader> {
        let place = self.get_mut(id)?;
        let subscriptions = core::mem::replace(&mut place.subscriptions, Subscriptions::None);
        let reader = Reader { subscriptions, ..*place };
        place.flags &= OF_THE_SLOT;
        // A slot whose generations are used up is left alone: an id never names another reader.
        if let Some(generation) = place.generation.checked_add(1) {
            place.generation = generation;
            self.free.push(id.slot);
        }
        self.len -= 1;
        Some(reader)
    }

    #[inline]
    pub(super) fn id(&self, slot: u32) -> Option<ReaderId> {
        Some(ReaderId { slot, generation: self.slots.get(slot as usize)?.generation })
    }

    pub(super) fn get(&self, id: ReaderId) -> Option<&Reader> {
        self.at(id.slot).filter(|reader| reader.generation == id.generation && reader.is_open())
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ReaderId) -> Option<&mut Reader> {
        let reader = self.slots.get_mut(id.slot as usize)?;
        (reader.generation == id.generation && reader.is_open()).then_some(reader)
    }

    /// Returns a reader, or the place that it had and nobody has since.
    #[inline]
    pub(super) fn get_place(&mut self, id: ReaderId) -> Option<&mut Reader> {
        self.slots.get_mut(id.slot as usize).filter(|reader| reader.generation == id.generation)
    }

    pub(super) fn at(&self, slot: u32) -> Option<&Reader> {
        self.slots.get(slot as usize)
    }

    /// Notes that the subscription to `topic` of the reader in `slot` stands at `at` among the topic's readers.
    pub(super) fn note_place(&mut self, slot: u32, topic: u32, at: usize) {
        let Some(reader) = self.slots.get_mut(slot as usize) else { return };
        if let Some(subscription) = reader.subscriptions_mut().iter_mut().find(|one| one.topic == topic) {
            subscription.at = at as u32;
        }
    }

    /// Wakes the reader of several topics in `slot`, unless it is awake.
    #[inline]
    pub(super) fn wake(&mut self, slot: u32) -> Option<ReaderId> {
        let reader = self.slots.get_mut(slot as usize).filter(|reader| !reader.has(AWAKE) && reader.is_open())?;
        reader.flags = reader.flags & !CALLED | AWAKE;
        Some(ReaderId { slot, generation: reader.generation })
    }

    /// Has a reader that sleeps woken for itself.
    pub(super) fn call(&mut self, id: ReaderId) {
        let Some(reader) = self.get_mut(id) else { return };
        reader.flags |= CALLED;
        if !reader.has(IN_CALLED) {
            reader.flags |= IN_CALLED;
            self.called.push_back(id.slot);
        }
    }

    #[inline]
    pub(super) fn has_called(&self) -> bool {
        !self.called.is_empty()
    }

    /// Returns the next that was called and has not read everything since.
    pub(super) fn poll_called(&mut self) -> Option<ReaderId> {
        while let Some(slot) = self.called.pop_front() {
            let Some(reader) = self.slots.get_mut(slot as usize) else { continue };
            reader.flags &= !IN_CALLED;
            if reader.has(CALLED) && reader.is_open() {
                reader.flags &= !CALLED;
                return Some(ReaderId { slot, generation: reader.generation });
            }
        }
        // Who comes back at once with a large fleet is called once.
        self.called = VecDeque::new();
        None
    }

    /// Names the reader in `slot` as too far behind, once until it has read everything.
    pub(super) fn name_lagging(&mut self, slot: u32) {
        let Some(reader) = self.slots.get_mut(slot as usize).filter(|reader| !reader.has(NAMED)) else { return };
        reader.flags |= NAMED;
        if !reader.has(IN_LAGGING) {
            reader.flags |= IN_LAGGING;
            self.lagging.push_back(slot);
        }
    }

    pub(super) fn poll_lagging(&mut self) -> Option<ReaderId> {
        while let Some(slot) = self.lagging.pop_front() {
            let Some(reader) = self.slots.get_mut(slot as usize) else { continue };
            reader.flags &= !IN_LAGGING;
            if reader.has(NAMED) && reader.is_open() {
                return Some(ReaderId { slot, generation: reader.generation });
            }
        }
        None
    }
}
