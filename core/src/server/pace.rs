use alloc::vec::Vec;
use core::time::Duration;

use crate::Instant;

/// Gives each reader that is sent away its own time to come back, so that all of them together come back at no more than a rate.
///
/// Every reader draws a wait, its `retry:`, and each wait leads to a place of its own in a row of places that stand one interval
/// apart. Of readers that wait exactly what they are told, from when they are told, as browsers do, no more than the rate come back in
/// any one second, whatever the order, the times and the number of the draws. A reader that adds jitter of its own, as
/// [`client::EventSource`](crate::client::EventSource) adds up to a tenth, leaves its place: then the rate is that of the mean, and a
/// second has so many more as chance puts there, about the square root of the rate. So does one that waits longer after several
/// streams that brought it nothing. And `Retry-After` knows whole seconds only: those who are told so come at twice the rate at most.
///
/// It is fair: with one least wait for all, a reader waits at most one interval longer for each of those that are still to come back;
/// and a place that is free before those that others were given further off is found. After a pause nothing is made up for: a burst
/// after idle is spread like any other.
///
/// ```
/// use core::time::Duration;
/// use tidewire_core::Instant;
/// use tidewire_core::server::Pace;
///
/// let mut pace = Pace::new(10);
/// let least = Duration::from_secs(1);
/// let waits: Vec<u128> = (0..4).map(|_| pace.draw(Instant::START, least).as_millis()).collect();
/// assert_eq!(waits, [1000, 1101, 1201, 1301]);
/// ```
#[derive(Clone, Debug)]
pub struct Pace {
    /// From one place to the next; zero: no pace is kept.
    every: Duration,
    spread: Duration,
    /// Where places are free, in order; all of it before the last place that was given, or else without an end.
    free: Vec<Free>,
}

/// Places are free from `from` on, such that each is an interval before `to`.
#[derive(Clone, Copy, Debug)]
struct Free {
    from: Instant,
    to: Instant,
}

impl Pace {
    /// Lets at most `rate` readers come back in any one second; with 0 each comes back after its least wait.
    ///
    /// They are spread over 59 minutes at most: see [`with_spread`](Self::with_spread).
    pub const fn new(rate: u32) -> Self {
        let every = match rate {
            0 => Duration::ZERO,
            // A wait is whole milliseconds, rounded up: what comes back within a second has places within a second and one of these.
            rate => Duration::from_nanos(1_001_000_000_u64.div_ceil(rate as u64)),
        };
        Self { every, spread: SPREAD, free: Vec::new() }
    }

    /// Sets over how long readers are spread at most, after their least wait.
    ///
    /// When more wait than there are places in this time, places are given a second time, and then a third: the rate is exceeded by
    /// as many times, evenly, instead of somebody being sent away for hours. So a flood of requests that are refused cannot keep
    /// others out.
    pub const fn with_spread(mut self, spread: Duration) -> Self {
        self.spread = spread;
        self
    }

    /// Returns how long a reader that is sent away at `now` has to wait, in whole milliseconds: `least`, or longer.
    pub fn draw(&mut self, now: Instant, least: Duration) -> Duration {
        let soonest = now + least;
        if self.every.is_zero() {
            return whole_millis(least);
        }
        self.free.retain(|free| free.to > now);
        let fits = |free: &Free| soonest.max(free.from) + self.every <= free.to;
        let found = self.free.iter().position(fits);
        let place = match found.and_then(|at| self.free.get(at)) {
            Some(free) if soonest.max(free.from) <= soonest + self.spread => soonest.max(free.from),
            _ => {
                self.free.clear();
                self.free.push(Free { from: now, to: END });
                soonest
            }
        };
        self.take(place);
        whole_millis(place - now)
    }

    /// Splits the free time that has `place`.
    fn take(&mut self, place: Instant) {
        let Some(at) = self.free.iter().position(|free| free.from <= place && place <= free.to) else { return };
        let free = self.free.remove(at);
        let behind = Free { from: place + self.every, to: free.to };
        if behind.from + self.every <= behind.to {
            self.free.insert(at, behind);
        }
        let before = Free { from: free.from, to: place };
        if before.from + self.every <= before.to {
            self.free.insert(at, before);
        }
        if self.free.len() > MAX_FREE {
            self.free.remove(0);
        }
    }
}

/// A part of a millisecond counts as a whole one, as `retry:` has no less.
fn whole_millis(wait: Duration) -> Duration {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).map_or(Duration::MAX, Duration::from_millis)
}

/// With a minute to begin with it is the hour up to which [`client::EventSource`](crate::client::EventSource) heeds a server's `retry:`.
const SPREAD: Duration = Duration::from_secs(59 * 60);

/// Stretches of free time that are remembered; of more the earliest is left unused.
const MAX_FREE: usize = 16;

const END: Instant = Instant::from_start(Duration::MAX);
