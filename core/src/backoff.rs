//! How long a client waits before it connects again.
//!
//! ```text
//! fail ──► healthy since the last failure? ──yes──► failures = 0
//!              │ no                                     │
//!              ▼                                        ▼
//!          delay(failures, retry, random) ──► failures += 1
//! ```
//!
//! [`Config::delay`] is a pure function; [`Backoff`] adds what has to be remembered: how many failures there were in a
//! row, whether the connection was healthy, and the server's `retry`.
//!
//! A connection was *healthy* when it delivered an event ([`Config::reset_on_event`]) or stayed open for
//! [`Config::reset_after`], measured from the moment it opened. One that opened and ended without either is a failure
//! like any other, so that a server that accepts and hangs up is not asked again and again at full speed.

use core::time::Duration;

use crate::{Instant, Random, SplitMix64};

/// LaunchDarkly's delay before the first reconnection (`DefaultInitialRetry`).
pub const LAUNCHDARKLY_INITIAL_RETRY: Duration = Duration::from_secs(3);

/// How long a connection of LaunchDarkly's client has to be good for the growth to start over
/// (`DefaultRetryResetInterval`).
pub const LAUNCHDARKLY_RETRY_RESET_INTERVAL: Duration = Duration::from_secs(60);

/// Where the growth starts when the base is zero: the first reconnection is at once, the second after this.
pub const STEP_AFTER_ZERO: Duration = Duration::from_millis(100);

/// The rules of a [`Backoff`]. Each can be switched off.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Delay after the first failure, until the server sends a `retry`. Default 1 s (browsers 3 to 5 s). Zero: the first
    /// reconnection is at once, the next ones after [`STEP_AFTER_ZERO`] × 1, 2, 4, …
    pub base: Duration,
    /// Whether the delay doubles with each failure in a row. Default true. False: the delay is always the base, also when
    /// that is zero.
    pub doubling: bool,
    /// Where the doubling stops. Default 30 s. `None`: nowhere. A server's `retry` above it still holds.
    pub max: Option<Duration>,
    /// Which part of the delay chance takes away at most, from 0 (none) to 1; other numbers count as the nearest of these.
    /// Default 0.5: a delay of 8 s becomes one in (4 s, 8 s]. Keeps the clients of a restarted server from coming back
    /// all at once.
    pub jitter: f64,
    /// How long a connection has to stay open for the growth to start over. Default 60 s (LaunchDarkly's). `None`: time
    /// alone is no health.
    pub reset_after: Option<Duration>,
    /// Whether a connection that delivered an event starts the growth over, however short it was. Default true: some
    /// servers end each connection after a few events. LaunchDarkly: false.
    pub reset_on_event: bool,
    /// What becomes of a server's `retry`. Default [`Retry::Floor`].
    pub retry: Retry,
    /// Longest `retry` that is believed; a longer one counts as this. Default 1 h, so that a slip in a server (seconds
    /// for milliseconds and the like) does not silence its clients for days. `None`: any.
    pub max_retry: Option<Duration>,
}

/// What becomes of the reconnection time that a server sends (`retry:`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is the base and a floor: no delay is shorter. Chance then only adds, at most a tenth. The growth goes on.
    Floor,
    /// It is the base, chance takes away, and the growth starts over; zero is ignored. LaunchDarkly's rule.
    Base,
    /// Nothing.
    Ignore,
}

/// Counts failures and says how long to wait; see the [module](self).
///
/// ```
/// use core::time::Duration;
/// use tidewire_core::Instant;
/// use tidewire_core::backoff::{Backoff, Config};
///
/// let mut config = Config::default();
/// config.jitter = 0.0;
/// let mut backoff = Backoff::new(config, 7);
/// let now = Instant::START;
/// assert_eq!(backoff.fail(now), Duration::from_secs(1));
/// assert_eq!(backoff.fail(now), Duration::from_secs(2));
/// backoff.opened(now);
/// backoff.delivered();
/// assert_eq!(backoff.fail(now), Duration::from_secs(1));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    config: Config,
    random: SplitMix64,
    failures: u32,
    retry: Option<Duration>,
    opened_at: Option<Instant>,
    delivered: bool,
}

impl Config {
    /// Returns the defaults of LaunchDarkly's client: 3 s each time, without doubling and jitter; once these are switched
    /// on, health is 60 s of being open, and a server's `retry` starts the growth over.
    ///
    /// Its client measures the health from the last event, so that a busy connection never counts as healthy; here it
    /// is measured from the opening, as its documentation says.
    pub const fn launchdarkly() -> Self {
        Self {
            base: LAUNCHDARKLY_INITIAL_RETRY,
            doubling: false,
            max: None,
            jitter: 0.0,
            reset_after: Some(LAUNCHDARKLY_RETRY_RESET_INTERVAL),
            reset_on_event: false,
            retry: Retry::Base,
            max_retry: None,
        }
    }

    /// Returns the delay after `failures` earlier failures in a row, when the server has sent `retry` and chance says
    /// `random` (its upper 32 bits count).
    ///
    /// With `start` = the `retry`, else the base, and `span` = `start` × 2^`failures`, at most `max`, at least the
    /// `retry`: the delay is in (`span` × (1 − `jitter`), `span`]; with a `retry` under [`Retry::Floor`] it is in
    /// [`span`, `span` × 1.1), or less far if the jitter is under a tenth. Saturates at [`Duration::MAX`].
    pub fn delay(&self, failures: u32, retry: Option<Duration>, random: u64) -> Duration {
        let retry = retry.and_then(|retry| self.believed(retry));
        let floor = retry.filter(|_| self.retry == Retry::Floor);
        let span = self.span(failures, retry.unwrap_or(self.base)).max(floor.unwrap_or_default().as_nanos());
        let jitter = ratio(self.jitter);
        let chance = u128::from(random >> 32);
        if floor.is_some() {
            return self.above(span, random);
        }
        duration(span - part(part(span, jitter), chance))
    }

    /// Returns a delay in [`floor`, `floor` × 1.1), or less far if the jitter is under a tenth.
    fn above(&self, floor: u128, random: u64) -> Duration {
        let most = part(floor, ratio(self.jitter)).min(floor / 10);
        duration(floor.saturating_add(part(most, u128::from(random >> 32))))
    }

    /// Returns what counts of a server's `retry`.
    fn believed(&self, retry: Duration) -> Option<Duration> {
        let retry = self.max_retry.map_or(retry, |max| retry.min(max));
        match self.retry {
            Retry::Floor => Some(retry),
            Retry::Base => Some(retry).filter(|retry| !retry.is_zero()),
            Retry::Ignore => None,
        }
    }

    /// Returns the delay before chance, in nanoseconds.
    fn span(&self, failures: u32, start: Duration) -> u128 {
        let max = self.max.unwrap_or(Duration::MAX).as_nanos();
        let start = start.as_nanos();
        if !self.doubling {
            return start.min(max);
        }
        let doubled = match (start, failures.checked_sub(1)) {
            (0, None) => 0,
            (0, Some(doublings)) => double(STEP_AFTER_ZERO.as_nanos(), doublings),
            (start, _) => double(start, failures),
        };
        doubled.min(max)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            doubling: true,
            max: Some(Duration::from_secs(30)),
            jitter: 0.5,
            reset_after: Some(Duration::from_secs(60)),
            reset_on_event: true,
            retry: Retry::Floor,
            max_retry: Some(Duration::from_secs(60 * 60)),
        }
    }
}

impl Backoff {
    /// Starts with no failure behind it. The same `seed` and the same calls give the same delays.
    pub const fn new(config: Config, seed: u64) -> Self {
        Self { config, random: SplitMix64::new(seed), failures: 0, retry: None, opened_at: None, delivered: false }
    }

    /// Notes that a connection opened: its health counts from here.
    pub fn opened(&mut self, now: Instant) {
        self.opened_at = Some(now);
    }

    /// Notes that the open connection delivered an event.
    pub fn delivered(&mut self) {
        self.delivered = true;
    }

    /// Notes that the open connection is not to count as healthy, whatever it delivered: its end is a failure that the
    /// next connection would meet again.
    pub fn spoiled(&mut self) {
        self.opened_at = None;
        self.delivered = false;
    }

    /// Notes the reconnection time that the server sent.
    pub fn set_retry(&mut self, retry: Duration) {
        let Some(believed) = self.config.believed(retry) else { return };
        self.retry = Some(believed);
        if self.config.retry == Retry::Base {
            self.failures = 0;
        }
    }

    /// Notes that an attempt failed or a connection ended, and returns how long to wait before the next attempt.
    pub fn fail(&mut self, now: Instant) -> Duration {
        self.fail_and_wait(now, Duration::ZERO)
    }

    /// Does what [`fail`](Self::fail) does, for a failure that asks to wait for `floor` at least (`Retry-After`). Where the
    /// delay would be shorter it is in [`floor`, `floor` × 1.1), or less far if the jitter is under a tenth.
    pub fn fail_and_wait(&mut self, now: Instant, floor: Duration) -> Duration {
        if self.is_healthy(now) {
            self.failures = 0;
        }
        self.opened_at = None;
        self.delivered = false;
        let random = self.random.next_u64();
        let delay = self.config.delay(self.failures, self.retry, random);
        self.failures = self.failures.saturating_add(1);
        if delay < floor { self.config.above(floor.as_nanos(), random) } else { delay }
    }

    /// Returns how many failures in a row there were; the last [`fail`](Self::fail) is among them.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the delay after a first failure, before chance: the server's `retry`, else the base.
    pub fn reconnection_time(&self) -> Duration {
        self.retry.unwrap_or(self.config.base)
    }

    fn is_healthy(&self, now: Instant) -> bool {
        let delivered = self.config.reset_on_event && self.delivered;
        let lasted = match (self.opened_at, self.config.reset_after) {
            (Some(opened_at), Some(reset_after)) => now - opened_at >= reset_after,
            _ => false,
        };
        delivered || lasted
    }
}

/// Returns `nanos` × 2^`doublings`.
fn double(nanos: u128, doublings: u32) -> u128 {
    nanos.saturating_mul(1u128.checked_shl(doublings).unwrap_or(u128::MAX))
}

/// Returns `ratio`, between 0 and 1, in parts of 2^32.
fn ratio(ratio: f64) -> u128 {
    (ratio.clamp(0.0, 1.0) * ONE as f64) as u128
}

/// Returns `parts` parts of 2^32 of `nanos`.
fn part(nanos: u128, parts: u128) -> u128 {
    // `nanos` of a Duration is below 2^94, and `parts` at most 2^32.
    nanos.saturating_mul(parts) / ONE
}

fn duration(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND);
    seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, (nanos % NANOS_PER_SECOND) as u32))
}

const ONE: u128 = 1 << 32;
const NANOS_PER_SECOND: u128 = 1_000_000_000;
