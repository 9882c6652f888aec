use std::sync::Arc;
use std::task::{Context, Waker};

use tidewire_core::channels::{Batch, Channels, Guest, Load};
use tidewire_core::log::ReaderId;
use tidewire_core::server::Outlet;

use crate::Broadcaster;
use crate::broadcaster::{Flag, Phase};
use crate::source::{Given, Source};

/// One connection's place at a [`Broadcaster`]: feeds its stream with the publications of its reader. Dropping it leaves.
#[derive(Debug)]
pub struct Seat<C: Source = Channels> {
    broadcaster: Broadcaster<C>,
    flag: Arc<Flag>,
    number: u32,
    guest: Option<Guest>,
    reader: Option<ReaderId>,
    /// Whether there may be more to read, of which the log says nothing by itself.
    has_more: bool,
    /// Whom the broadcaster wakes.
    waker: Option<Waker>,
    phase: Phase,
}

impl Seat {
    /// Returns the connection as the channels know it.
    pub fn guest(&self) -> Option<Guest> {
        self.guest
    }

    /// Hands over what the application's repository answered to [`Fed::Load`]. Feed next.
    pub fn loaded(&mut self, answer: Result<Batch, ()>) {
        if let Some(reader) = self.reader {
            self.has_more = true;
            self.broadcaster.with(|channels, now| channels.handle_loaded(now, reader, answer));
        }
    }
}

impl<C: Source> Seat<C> {
    pub(crate) fn new(broadcaster: Broadcaster<C>, flag: Arc<Flag>, number: u32, guest: Option<Guest>) -> Self {
        Self { broadcaster, flag, number, guest, reader: None, has_more: false, waker: None, phase: Phase::Serving }
    }

    /// Returns whose seat it is.
    pub fn broadcaster(&self) -> &Broadcaster<C> {
        &self.broadcaster
    }

    /// Feeds from `reader` from here on, which is closed with the seat or by [`close_reader`](Self::close_reader). Feed next: what there
    /// is to read already calls nobody.
    pub fn subscribed(&mut self, reader: ReaderId) {
        self.close_reader();
        self.reader = Some(reader);
        self.has_more = true;
        self.broadcaster.lock().seats.set_reader(reader, self.number);
    }

    /// Ends the reading.
    pub fn close_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            let mut locked = self.broadcaster.lock();
            locked.close_reader(reader, self.number);
            self.broadcaster.wake(locked);
        }
    }

    /// Tells whether the server has begun to end; streams are told so by the channels.
    pub fn is_draining(&self) -> bool {
        self.phase >= Phase::Draining
    }

    /// Gives `outlet` what it is to send next, or has the task woken when there is something.
    pub fn feed(&mut self, context: &Context<'_>, outlet: &mut impl Outlet) -> Fed {
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        let sleeps = known && !self.flag.is_called();
        if sleeps && !(self.has_more && outlet.wants_publications()) {
            return Fed::None;
        }
        if !known {
            self.waker = Some(context.waker().clone());
        }
        let now = self.broadcaster.clock().now();
        let mut locked = self.broadcaster.lock();
        // Behind the lock: a change of phase either is seen here, or finds the waker.
        match self.broadcaster.phase() {
            Phase::Over => return Fed::Over,
            phase => self.phase = phase,
        }
        let fed = match self.reader {
            // The socket says when there is room.
            Some(_) if !outlet.wants_publications() => {
                self.has_more = true;
                Fed::None
            }
            Some(reader) => match locked.channels.feed(now, reader, outlet) {
                Given::Some { more } => {
                    self.has_more = more;
                    Fed::Some
                }
                Given::None => {
                    self.has_more = false;
                    Fed::None
                }
                Given::Load(load) => {
                    self.has_more = false;
                    Fed::Load(load)
                }
            },
            None => Fed::None,
        };
        let old = if sleeps { None } else { locked.seats.sleep(self.number, context.waker().clone()) };
        drop(locked);
        // May run code of its runtime, as waking does.
        drop(old);
        fed
    }
}

impl<C: Source> Drop for Seat<C> {
    fn drop(&mut self) {
        self.broadcaster.leave(self.number, self.reader.take(), self.guest.take());
    }
}

/// What became of [`Seat::feed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fed {
    /// The stream was given something.
    Some,
    /// There is nothing for it; the task is woken when there is.
    None,
    /// The application's repository is asked for what comes next; [`Seat::loaded`] takes the answer. A [`Place`](crate::Place) sees to
    /// that itself.
    Load(Load),
    /// The server is over: drop the connection.
    Over,
}
