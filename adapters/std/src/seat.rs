use std::sync::Arc;
use std::task::{Context, Waker};

use tidewire_core::log::ReaderId;
use tidewire_core::server::Session;

use crate::broadcaster::{Flag, Phase};
use crate::{Broadcaster, Fed};

/// One connection's place at a [`Broadcaster`]: feeds its stream with the publications of its reader. Dropping it leaves.
#[derive(Debug)]
pub struct Seat {
    broadcaster: Broadcaster,
    flag: Arc<Flag>,
    number: u32,
    reader: Option<ReaderId>,
    /// Whether there may be more to read, of which the log says nothing by itself.
    has_more: bool,
    /// Whom the broadcaster wakes.
    waker: Option<Waker>,
    phase: Phase,
}

impl Seat {
    pub(crate) fn new(broadcaster: Broadcaster, flag: Arc<Flag>, number: u32) -> Self {
        Self { broadcaster, flag, number, reader: None, has_more: false, waker: None, phase: Phase::Serving }
    }

    /// Returns whose seat it is.
    pub fn broadcaster(&self) -> &Broadcaster {
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

    /// Gives `session` what it is to send next, or has the task woken when there is something.
    pub fn feed(&mut self, context: &Context<'_>, session: &mut Session) -> Fed {
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        let sleeps = known && !self.flag.is_called();
        if sleeps && !(self.has_more && session.wants_publications()) {
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
            phase if phase > self.phase => {
                drop(locked);
                self.phase = phase;
                session.shutdown(now);
                return Fed::Some;
            }
            _ => {}
        }
        let fed = match self.reader {
            // The socket says when there is room.
            Some(_) if !session.wants_publications() => {
                self.has_more = true;
                Fed::None
            }
            Some(reader) => match locked.channels.read(now, reader, usize::MAX) {
                Some(burst) => {
                    // It was asked whether it wants it.
                    let _ = session.push_burst(now, &burst);
                    self.has_more = burst.more();
                    Fed::Some
                }
                None => {
                    self.has_more = false;
                    Fed::None
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

impl Drop for Seat {
    fn drop(&mut self) {
        self.broadcaster.leave(self.number, self.reader.take());
    }
}
