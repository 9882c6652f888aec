use std::task::{Context, Poll};

use tidewire_core::Instant;

use crate::Timer;

/// A timer that is told the deadlines of another clock.
#[derive(Debug)]
pub(super) struct Alarm<S> {
    timer: S,
    /// What the timer and the other clock showed at one moment.
    same: (Instant, Instant),
}

impl<S: Timer> Alarm<S> {
    /// Uses `timer` for the deadlines of a clock that shows `now`.
    pub(super) fn new(timer: S, now: Instant) -> Self {
        Self { same: (timer.now(), now), timer }
    }

    /// Is ready at `deadline`, or before; never without one.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let (own, theirs) = self.same;
        match deadline {
            Some(deadline) => self.timer.poll_until(context, own + (deadline - theirs)),
            None => Poll::Pending,
        }
    }
}
