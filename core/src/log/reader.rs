use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::slice;

use super::Position;

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

#[derive(Debug)]
pub(super) struct Reader {
    /// Everything up to here was given or told missing.
    pub(super) cursor: Position,
    pub(super) state: State,
    subscriptions: Subscriptions,
}

/// ```text
/// Queued --poll_wake--> Awake --read all--> Asleep --publish--> Queued
///    \-------------------read all------------^
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Asleep,
    Queued,
    Awake,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) topic: u32,
    /// Its index among the topic's readers.
    pub(super) at: u32,
    /// How far the topic had evicted when the reader was last told of it.
    pub(super) told: Position,
}

/// One is the usual case, and costs no allocation.
#[derive(Debug)]
enum Subscriptions {
    One(Subscription),
    Many(Box<[Subscription]>),
}

impl Reader {
    pub(super) fn new(cursor: Position, subscriptions: Vec<Subscription>) -> Self {
        let subscriptions = match subscriptions.as_slice() {
            [one] => Subscriptions::One(*one),
            _ => Subscriptions::Many(subscriptions.into()),
        };
        Self { cursor, state: State::Queued, subscriptions }
    }

    pub(super) fn subscriptions(&self) -> &[Subscription] {
        match &self.subscriptions {
            Subscriptions::One(one) => slice::from_ref(one),
            Subscriptions::Many(many) => many,
        }
    }

    pub(super) fn subscriptions_mut(&mut self) -> &mut [Subscription] {
        match &mut self.subscriptions {
            Subscriptions::One(one) => slice::from_mut(one),
            Subscriptions::Many(many) => many,
        }
    }
}

/// The readers, and those of them that have something to read.
#[derive(Debug, Default)]
pub(super) struct Readers {
    slots: Vec<Slot>,
    free: Vec<u32>,
    wake: VecDeque<u32>,
    len: usize,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// Whether the slot stands in the queue; it does so at most once.
    in_queue: bool,
    reader: Option<Reader>,
}

impl Readers {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, reader: Reader) -> Option<ReaderId> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot { generation: 0, in_queue: false, reader: None });
                slot
            }
        };
        let entry = self.slots.get_mut(slot as usize)?;
        entry.reader = Some(reader);
        self.len += 1;
        let id = ReaderId { slot, generation: entry.generation };
        self.queue(slot);
        Some(id)
    }

    pub(super) fn remove(&mut self, id: ReaderId) -> Option<Reader> {
        let entry = self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?;
        let reader = entry.reader.take()?;
        self.len -= 1;
        // A slot whose generations are used up is left alone: an id never names another reader.
        if let Some(generation) = entry.generation.checked_add(1) {
            entry.generation = generation;
            self.free.push(id.slot);
        }
        Some(reader)
    }

    pub(super) fn id(&self, slot: u32) -> Option<ReaderId> {
        Some(ReaderId { slot, generation: self.slots.get(slot as usize)?.generation })
    }

    pub(super) fn get(&self, id: ReaderId) -> Option<&Reader> {
        self.slots.get(id.slot as usize).filter(|slot| slot.generation == id.generation)?.reader.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: ReaderId) -> Option<&mut Reader> {
        self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?.reader.as_mut()
    }

    /// Notes that the subscription to `topic` of the reader in `slot` stands at `at` among the topic's readers.
    pub(super) fn note_place(&mut self, slot: u32, topic: u32, at: usize) {
        let reader = self.slots.get_mut(slot as usize).and_then(|slot| slot.reader.as_mut());
        let subscription = reader
            .and_then(|reader| reader.subscriptions_mut().iter_mut().find(|subscription| subscription.topic == topic));
        if let Some(subscription) = subscription {
            subscription.at = at as u32;
        }
    }

    /// Queues the reader in `slot` unless it is awake already.
    pub(super) fn wake(&mut self, slot: u32) {
        let reader = self.slots.get_mut(slot as usize).and_then(|slot| slot.reader.as_mut());
        let Some(reader) = reader.filter(|reader| reader.state == State::Asleep) else { return };
        reader.state = State::Queued;
        self.queue(slot);
    }

    pub(super) fn poll_wake(&mut self) -> Option<ReaderId> {
        while let Some(slot) = self.wake.pop_front() {
            let Some(entry) = self.slots.get_mut(slot as usize) else { continue };
            entry.in_queue = false;
            if let Some(reader) = entry.reader.as_mut().filter(|reader| reader.state == State::Queued) {
                reader.state = State::Awake;
                return Some(ReaderId { slot, generation: entry.generation });
            }
        }
        None
    }

    fn queue(&mut self, slot: u32) {
        if let Some(entry) = self.slots.get_mut(slot as usize).filter(|entry| !entry.in_queue) {
            entry.in_queue = true;
            self.wake.push_back(slot);
        }
    }
}
