use std::time::{Duration, Instant as StdInstant, SystemTime};

use tidewire_core::{Instant, UnixTime};

/// The driver's clock: the machines' [`Instant`]s are counted from its start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: StdInstant,
}

impl Clock {
    /// Starts a clock; one clock serves any number of machines.
    pub fn start() -> Self {
        Self { start: StdInstant::now() }
    }

    /// Starts a clock that shows `now`, for a driver whose time is another's.
    pub fn showing(now: Instant) -> Self {
        let start = StdInstant::now();
        Self { start: start.checked_sub(now.since_start()).unwrap_or(start) }
    }

    /// Returns the time since the start, monotonic.
    pub fn now(&self) -> Instant {
        Instant::from_start(self.start.elapsed())
    }

    /// Returns the wall time; a clock set before 1970 reads as 1970.
    pub fn unix(&self) -> UnixTime {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        UnixTime::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// Returns the wall time at the start, for machines that count from there.
    pub fn unix_at_start(&self) -> UnixTime {
        let since_start = u64::try_from(self.now().since_start().as_millis()).unwrap_or(u64::MAX);
        UnixTime::from_millis(self.unix().as_millis().saturating_sub(since_start))
    }

    /// Returns `at` as the standard library's instant, for a runtime's timer; none when that cannot hold it.
    pub fn to_std(&self, at: Instant) -> Option<StdInstant> {
        self.start.checked_add(at.since_start())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_never_goes_back_and_unix_is_this_century() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(clock.unix() > UnixTime::from_millis(1_700_000_000_000));
    }

    #[test]
    fn a_clock_can_show_what_another_one_does() {
        let second = Instant::START + Duration::from_secs(1);
        let shown = Clock::showing(second).now();
        assert!(second <= shown && shown < second + Duration::from_secs(60), "{shown:?}");
    }

    #[test]
    fn an_instant_too_far_away_has_no_counterpart() {
        let clock = Clock::start();
        assert_eq!(clock.to_std(Instant::from_start(Duration::MAX)), None);
        assert!(clock.to_std(Instant::START).is_some());
    }
}
