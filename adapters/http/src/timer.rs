use std::task::{Context, Poll};

use tidewire_core::{Instant, UnixTime};
use tidewire_std::Clock;

/// The time as some runtime keeps it.
pub trait Timer {
    /// Returns the time since some start; it never goes back.
    fn now(&self) -> Instant;

    /// Returns the wall time, by default the system's.
    fn unix(&self) -> UnixTime {
        Clock::start().unix()
    }

    /// Is ready at `until`, or before; who waits looks at the clock and asks again. Each call takes the place of the one before.
    fn poll_until(&mut self, context: &mut Context<'_>, until: Instant) -> Poll<()>;
}

impl<T: Timer + ?Sized> Timer for Box<T> {
    fn now(&self) -> Instant {
        T::now(self)
    }

    fn unix(&self) -> UnixTime {
        T::unix(self)
    }

    fn poll_until(&mut self, context: &mut Context<'_>, until: Instant) -> Poll<()> {
        T::poll_until(self, context, until)
    }
}

#[cfg(feature = "smol")]
mod smol {
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use tidewire_core::{Instant, UnixTime};
    use tidewire_std::Clock;

    use super::Timer;

    /// Timers of smol, which work on any runtime: a thread of their own keeps them.
    #[derive(Debug, Default)]
    pub struct SmolTimer {
        clock: Clock,
        timer: Option<async_io::Timer>,
        /// What the timer is set to.
        at: Option<Instant>,
    }

    impl Timer for SmolTimer {
        fn now(&self) -> Instant {
            self.clock.now()
        }

        fn unix(&self) -> UnixTime {
            self.clock.unix()
        }

        fn poll_until(&mut self, context: &mut Context<'_>, until: Instant) -> Poll<()> {
            let Some(time) = self.clock.to_std(until) else { return Poll::Pending };
            // A later deadline does not touch it: it goes off early and is set anew.
            let timer = self.timer.get_or_insert_with(async_io::Timer::never);
            if self.at.is_none_or(|at| at > until) {
                self.at = Some(until);
                timer.set_at(time);
            }
            ready!(Pin::new(timer).poll(context));
            self.at = None;
            Poll::Ready(())
        }
    }
}

#[cfg(feature = "smol")]
pub use smol::SmolTimer;

#[cfg(feature = "tokio")]
mod tokio {
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use tidewire_core::Instant;
    use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

    use super::Timer;

    /// Timers of tokio, whose clock stands still where a test pauses it.
    #[derive(Debug)]
    pub struct TokioTimer {
        start: TokioInstant,
        sleep: Option<Pin<Box<Sleep>>>,
        /// What the sleep is set to.
        at: Option<Instant>,
    }

    impl Default for TokioTimer {
        fn default() -> Self {
            Self { start: TokioInstant::now(), sleep: None, at: None }
        }
    }

    impl Timer for TokioTimer {
        fn now(&self) -> Instant {
            Instant::from_start(self.start.elapsed())
        }

        fn poll_until(&mut self, context: &mut Context<'_>, until: Instant) -> Poll<()> {
            let Some(time) = self.start.checked_add(until.since_start()) else { return Poll::Pending };
            // A later deadline does not touch it: it goes off early and is set anew.
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(time)));
            if self.at.is_none_or(|at| at > until) {
                self.at = Some(until);
                sleep.as_mut().reset(time);
            }
            ready!(sleep.as_mut().poll(context));
            self.at = None;
            Poll::Ready(())
        }
    }
}

#[cfg(feature = "tokio")]
pub use tokio::TokioTimer;
