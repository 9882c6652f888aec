use std::task::{Context, Poll, ready};

use tidewire_core::Instant;
use tidewire_std::Clock;

use crate::runtime::Timer;

/// One timer for a deadline that moves with every byte: a later deadline does not touch it, it goes off early and is set anew.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    timer: Option<Timer>,
    at: Option<Instant>,
}

impl Alarm {
    /// Is ready at `deadline` or before: look at the clock then, and ask again.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, clock: &Clock, deadline: Option<Instant>) -> Poll<()> {
        let Some((deadline, time)) = deadline.and_then(|at| Some((at, clock.to_std(at)?))) else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| {
            self.at = Some(deadline);
            Timer::at(time)
        });
        if self.at.is_none_or(|at| at > deadline) {
            self.at = Some(deadline);
            timer.set(time);
        }
        ready!(timer.poll(context));
        self.at = None;
        Poll::Ready(())
    }
}
