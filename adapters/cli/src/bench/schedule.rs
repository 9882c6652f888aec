//! When each message is to be published, whether the server keeps up or not.

use std::time::Duration;

/// A rate, kept in bursts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Messages a second.
    pub(super) rate: f64,
    /// How many at once.
    pub(super) burst: u64,
}

impl Schedule {
    /// Returns when a message is planned, counted from the first one.
    pub(super) fn at(&self, number: u64) -> Duration {
        let first_of_burst = number - number % self.burst;
        Duration::from_secs_f64(first_of_burst as f64 / self.rate)
    }

    /// Returns how many messages there are in `time`, at least one burst.
    pub(super) fn count(&self, time: Duration) -> u64 {
        let bursts = (time.as_secs_f64() * self.rate / self.burst as f64).round() as u64;
        bursts.max(1) * self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_asked_for_in_bursts_as_well() {
        for burst in [1, 4, 16] {
            let schedule = Schedule { rate: 32.0, burst };
            assert_eq!(schedule.count(Duration::from_secs(10)), 320);
            assert_eq!(schedule.at(320), Duration::from_secs(10));
            assert_eq!(schedule.at(burst - 1), Duration::ZERO, "the first burst is one");
            assert_eq!(schedule.at(burst), Duration::from_secs_f64(burst as f64 / 32.0));
        }
        assert_eq!(Schedule { rate: 0.1, burst: 1 }.count(Duration::from_secs(1)), 1);
    }
}
