use std::task::{Context, Poll, Waker};

use tidewire_core::Instant;
use tidewire_std::Clock;

use crate::runtime::Timer;

/// One timer for a deadline that moves with every byte: a later deadline does not touch it, it goes off early and is set anew.
///
/// Nor is a timer touched that has not gone off and knows whom to wake: a delivery would pay for its memory.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    timer: Option<Timer>,
    at: Option<Instant>,
    /// Whom the timer wakes.
    waker: Option<Waker>,
}

impl Alarm {
    /// Is ready at `deadline` or before: look at the clock then, and ask again. `now` may be somewhat old.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        clock: &Clock,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        let knows = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if knows && self.at.is_some_and(|at| now < at && at <= deadline) {
            return Poll::Pending;
        }
        let Some(time) = clock.to_std(deadline) else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| {
            self.at = Some(deadline);
            Timer::at(time)
        });
        if self.at.is_none_or(|at| at > deadline) {
            self.at = Some(deadline);
            timer.set(time);
        }
        if timer.poll(context).is_pending() {
            if !knows {
                self.waker = Some(context.waker().clone());
            }
            return Poll::Pending;
        }
        (self.at, self.waker) = (None, None);
        Poll::Ready(())
    }
}
