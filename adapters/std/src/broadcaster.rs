//! Publications to those who wait for them.
//!
//! ```text
//!  publisher ──► lock: append, mark who sleeps ──► unlock ──► wake, 32 at a time
//!  reader    ──► its flag: nothing? done, no lock
//!            └─► lock: lend the burst to the outlet (one count), sleep again ──► unlock ──► one write
//! ```
//!
//! A reader's flag and its waker change under the lock only, and together: the flag is down exactly while the waker stands
//! in the table and the reader sleeps in the log. So a publication between a reader's look and its sleep is never missed: either the
//! look saw it, or it found the waker.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tidewire_core::Instant;
use tidewire_core::channels::{Channels, Guest, Limit};
use tidewire_core::log::{ReaderId, Watch, Written};
use tidewire_core::sse::ToMessage;

use crate::delivery::{DeliverError, Deliveries, Delivery};
use crate::{Clock, Seat, trace};

/// The channels of a server behind one short lock, and who is to be woken. A clone is another handle of the same.
///
/// A publisher takes the lock once per burst and once more for each 32 that are woken, a reader once per burst; it is never held over a
/// wait, nor while somebody is woken. A delivery allocates nothing: the burst is lent to the outlet, which counts one reference and
/// writes once.
///
/// # Memory
///
/// At most `A · connections + B · subscriptions + history + bursts + stalled · burst` bytes, which a test holds by counting what is
/// allocated: `A` is 896 with a [`Session`](tidewire_core::server::Session), without the task of the runtime; `B` is 128; `history` is
/// `max_bytes` of the log's configuration, overhead included; `bursts` are 16 of `max_burst` (64 KiB), put together once for all
/// readers; and each reader that does not read holds at most one `burst`, and in the kernel what a low `TCP_NOTSENT_LOWAT` lets in:
/// 16 KiB, or one segment of up to 64 KiB where it is that long already.
#[derive(Clone)]
pub struct Broadcaster {
    inner: Arc<Inner>,
}

struct Inner {
    locked: Mutex<Locked>,
    phase: AtomicU8,
    /// Whether somebody waits for a message to be written, so that seats are to tell when it is.
    has_deliveries: AtomicBool,
    clock: Clock,
}

impl Broadcaster {
    /// Shares `channels`, which were told the time of `clock`.
    pub fn new(channels: Channels, clock: Clock) -> Self {
        let locked = Locked {
            channels,
            seats: Seats::default(),
            deliveries: Deliveries::default(),
            keeper: None,
            keeper_at: None,
        };
        let inner = Inner {
            locked: Mutex::new(locked),
            phase: AtomicU8::new(Phase::Serving as u8),
            has_deliveries: AtomicBool::new(false),
            clock,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Does something with the channels behind the lock, and wakes, when it is free again, all whom that concerns.
    ///
    /// What is done there must be short, and must not come back to this broadcaster.
    pub fn with<T>(&self, act: impl FnOnce(&mut Channels, Instant) -> T) -> T {
        let mut locked = self.lock();
        let result = act(&mut locked.channels, self.inner.clock.now());
        self.wake(locked);
        result
    }

    /// Takes a seat for a connection from `peer`.
    ///
    /// # Errors
    ///
    /// When there are too many connections, in all or from there.
    pub fn seat(&self, peer: Option<IpAddr>) -> Result<Seat, Limit> {
        let mut locked = self.lock();
        let guest = locked.channels.admit(peer)?;
        let flag = Arc::new(Flag::default());
        let number = locked.seats.insert(Arc::clone(&flag));
        drop(locked);
        trace::seated(peer, guest);
        Ok(Seat::new(self.clone(), flag, number, guest))
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// Returns the number of seats taken.
    pub fn connections(&self) -> usize {
        self.lock().seats.len
    }

    /// Does what is due by now, and has the task woken when there may be more to do; returns when there is more for sure.
    pub fn poll_keep(&self, context: &Context<'_>) -> Option<Instant> {
        let mut locked = self.lock();
        let now = self.inner.clock.now();
        if locked.channels.poll_timeout().is_some_and(|at| at <= now) {
            locked.channels.handle_timeout(now);
        }
        let next = locked.channels.poll_timeout();
        locked.keep(context, next);
        self.wake(locked);
        next
    }

    /// Is ready when no seat is taken.
    pub fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        let mut locked = self.lock();
        if locked.seats.len == 0 {
            return Poll::Ready(());
        }
        let next = locked.keeper_at;
        locked.keep(context, next);
        Poll::Pending
    }

    /// Begins to end: nothing new begins, and streams are told goodbye.
    pub fn shutdown(&self) {
        self.with(|channels, now| channels.shutdown(now));
        self.enter(Phase::Draining);
    }

    /// Has the connections dropped that are left.
    pub fn abort(&self) {
        self.enter(Phase::Over);
    }

    /// Publishes a message, and tells when it is written to the socket of every reader.
    pub(crate) fn deliver<'c>(
        &self,
        channels: impl IntoIterator<Item = &'c str>,
        message: &(impl ToMessage + ?Sized),
    ) -> Result<Delivery, DeliverError> {
        let now = self.inner.clock.now();
        let mut locked = self.lock();
        let id = locked.channels.publish(now, channels, message).map_err(DeliverError::Publish)?;
        // Before anybody reads it.
        let watch = locked.channels.watch(id);
        if let Ok(watch) = watch {
            locked.deliveries.begin(watch);
            self.inner.has_deliveries.store(true, Ordering::Release);
        }
        self.wake(locked);
        watch.map(|watch| Delivery::new(self.clone(), id, watch)).map_err(|error| DeliverError::Watch(id, error))
    }

    pub(crate) fn poll_delivery(&self, watch: Watch, context: &Context<'_>) -> Poll<Written> {
        self.lock().deliveries.poll(watch, context)
    }

    pub(crate) fn forget_delivery(&self, watch: Watch) {
        let mut locked = self.lock();
        let waker = locked.deliveries.forget(watch);
        self.inner.has_deliveries.store(locked.deliveries.are_waited_for(), Ordering::Release);
        drop(locked);
        // Dropping a waker may run code of its runtime, as waking does.
        drop(waker);
    }

    pub(crate) fn has_deliveries(&self) -> bool {
        self.inner.has_deliveries.load(Ordering::Acquire)
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_number(self.inner.phase.load(Ordering::Acquire))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Locked> {
        // Nothing that holds the lock panics, so what a poisoned lock guards is whole.
        self.inner.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn leave(&self, number: u32, reader: Option<ReaderId>, guest: Guest) {
        let mut locked = self.lock();
        if let Some(reader) = reader {
            locked.close_reader(reader, number);
        }
        locked.channels.leave(guest);
        let woken = locked.seats.remove(number);
        let keeper = (locked.seats.len == 0).then(|| locked.keeper.take()).flatten();
        self.wake(locked);
        // Dropping a waker may run code of its runtime, as waking does.
        drop(woken);
        keeper.into_iter().for_each(Waker::wake);
    }

    fn enter(&self, phase: Phase) {
        if self.inner.phase.fetch_max(phase as u8, Ordering::AcqRel) >= phase as u8 {
            return;
        }
        let mut next = 0;
        loop {
            let mut batch = Batch::default();
            next = self.lock().seats.take_from(next, &mut batch);
            if !batch.wake() {
                return;
            }
        }
    }

    /// Wakes whom the channels name, in batches, without the lock.
    pub(crate) fn wake<'a>(&'a self, mut locked: MutexGuard<'a, Locked>) {
        loop {
            let mut batch = Batch::default();
            locked.fill(&mut batch);
            drop(locked);
            if !batch.wake() {
                return;
            }
            locked = self.lock();
        }
    }
}

impl fmt::Debug for Broadcaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcaster").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    Draining,
    Over,
}

impl Phase {
    fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Serving,
            1 => Self::Draining,
            _ => Self::Over,
        }
    }
}

/// What a seat looks at without the lock: whether to take it, because there may be something to read, or the phase has changed, or no
/// waker stands in the table.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

impl Default for Flag {
    fn default() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl Flag {
    pub(crate) fn is_called(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

pub(crate) struct Locked {
    pub(crate) channels: Channels,
    pub(crate) seats: Seats,
    deliveries: Deliveries,
    /// The task that keeps the time of the channels and waits for the end, and the time it knows of.
    keeper: Option<Waker>,
    keeper_at: Option<Instant>,
}

impl Locked {
    pub(crate) fn close_reader(&mut self, reader: ReaderId, seat: u32) {
        self.seats.forget_reader(reader, seat);
        self.channels.close(reader);
    }

    fn keep(&mut self, context: &Context<'_>, at: Option<Instant>) {
        match &mut self.keeper {
            Some(keeper) => keeper.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        self.keeper_at = at;
    }

    fn fill(&mut self, batch: &mut Batch) {
        while !batch.is_full()
            && let Some(reader) = self.channels.poll_wake()
        {
            if let Some(waker) = self.seats.call(reader) {
                batch.push(waker);
            }
        }
        while !batch.is_full()
            && let Some(written) = self.channels.poll_written()
        {
            if let Some(waker) = self.deliveries.end(written) {
                batch.push(waker);
            }
        }
        if let Some(at) = self.channels.poll_timeout()
            && self.keeper_at.is_none_or(|known| at < known)
        {
            self.keeper_at = Some(at);
            batch.keeper = self.keeper.take();
        }
    }
}

/// The seats by number, and by the slots of their readers.
#[derive(Default)]
pub(crate) struct Seats {
    seats: Vec<Option<Entry>>,
    free: Vec<u32>,
    readers: Vec<u32>,
    len: usize,
}

struct Entry {
    flag: Arc<Flag>,
    /// There while the flag is down.
    waker: Option<Waker>,
}

impl Seats {
    fn insert(&mut self, flag: Arc<Flag>) -> u32 {
        self.len += 1;
        let entry = Some(Entry { flag, waker: None });
        let number = self.free.pop().unwrap_or(self.seats.len() as u32);
        match self.seats.get_mut(number as usize) {
            Some(seat) => *seat = entry,
            None => self.seats.push(entry),
        }
        number
    }

    fn remove(&mut self, number: u32) -> Option<Waker> {
        let entry = self.seats.get_mut(number as usize)?.take()?;
        self.len -= 1;
        self.free.push(number);
        entry.waker
    }

    /// Notes whose a reader is.
    pub(crate) fn set_reader(&mut self, reader: ReaderId, seat: u32) {
        let slot = reader.index();
        if slot >= self.readers.len() {
            self.readers.resize(slot + 1, NOBODY);
        }
        if let Some(place) = self.readers.get_mut(slot) {
            *place = seat;
        }
    }

    /// Notes that a reader is nobody's, unless its slot has become another's.
    fn forget_reader(&mut self, reader: ReaderId, seat: u32) {
        if let Some(place) = self.readers.get_mut(reader.index()).filter(|place| **place == seat) {
            *place = NOBODY;
        }
    }

    /// Lets the seat sleep until it is called.
    pub(crate) fn sleep(&mut self, number: u32, waker: Waker) -> Option<Waker> {
        let entry = self.seats.get_mut(number as usize)?.as_mut()?;
        entry.flag.0.store(false, Ordering::Release);
        entry.waker.replace(waker)
    }

    /// Calls the seat of a reader.
    fn call(&mut self, reader: ReaderId) -> Option<Waker> {
        let number = *self.readers.get(reader.index())?;
        self.seats.get_mut(number as usize)?.as_mut()?.call()
    }

    /// Calls all seats from `next` on while there is room; returns where to go on.
    fn take_from(&mut self, next: usize, batch: &mut Batch) -> usize {
        let mut at = next;
        while !batch.is_full()
            && let Some(entry) = self.seats.get_mut(at)
        {
            at += 1;
            if let Some(waker) = entry.as_mut().and_then(Entry::call) {
                batch.push(waker);
            }
        }
        at
    }
}

impl Entry {
    fn call(&mut self) -> Option<Waker> {
        self.flag.0.store(true, Ordering::Release);
        self.waker.take()
    }
}

/// Who is woken when the lock is free.
#[derive(Default)]
struct Batch {
    wakers: [Option<Waker>; 32],
    len: usize,
    keeper: Option<Waker>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.len == self.wakers.len()
    }

    fn push(&mut self, waker: Waker) {
        if let Some(place) = self.wakers.get_mut(self.len) {
            *place = Some(waker);
            self.len += 1;
        }
    }

    /// Wakes them; returns whether there may be more.
    fn wake(self) -> bool {
        let full = self.is_full();
        let wakers = self.wakers.into_iter().take(self.len).flatten();
        wakers.chain(self.keeper).for_each(Waker::wake);
        full
    }
}

const NOBODY: u32 = u32::MAX;
