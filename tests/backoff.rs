//! How long a client waits. Where the plan of the house deviates from LaunchDarkly's rules, the test says so.

use core::time::Duration;

use proptest::prelude::*;
use tidewire_core::backoff::{
    Backoff, Config, LAUNCHDARKLY_INITIAL_RETRY, LAUNCHDARKLY_RETRY_RESET_INTERVAL, Retry, STEP_AFTER_ZERO,
};
use tidewire_core::{Instant, Random, SplitMix64};

const NO_CHANCE: u64 = 0;
const MOST_CHANCE: u64 = u64::MAX;

// The table of LaunchDarkly's tests.

#[test]
fn without_doubling_and_jitter_the_delay_is_the_base() {
    let mut backoff = Backoff::new(fixed(secs(10)), 1);
    assert_eq!(delays(&mut backoff, 3), [secs(10), secs(10), secs(10)]);
}

#[test]
fn doubling_ends_at_the_maximum() {
    let mut backoff = Backoff::new(doubling(secs(10), secs(60)), 1);
    assert_eq!(delays(&mut backoff, 5), [secs(10), secs(20), secs(40), secs(60), secs(60)]);
}

#[test]
fn jitter_takes_away_up_to_half() {
    let config = with(fixed(secs(1)), |c| c.jitter = 0.5);
    let mut backoff = Backoff::new(config, 3);
    for _ in 0..1000 {
        let delay = backoff.fail(Instant::START);
        assert!(delay > millis(500) && delay <= secs(1), "{delay:?}");
    }
}

#[test]
fn jitter_of_a_doubled_delay_takes_away_up_to_half_of_that() {
    let config = with(doubling(secs(1), secs(30)), |c| c.jitter = 0.5);
    let mut backoff = Backoff::new(config, 3);
    for most in [1, 2, 4, 8, 16, 30, 30] {
        let delay = backoff.fail(Instant::START);
        assert!(delay > secs(most) / 2 && delay <= secs(most), "{delay:?} of {most} s");
    }
}

#[test]
fn jitter_reaches_both_ends() {
    let config = with(fixed(secs(8)), |c| c.jitter = 0.5);
    assert_eq!(config.delay(0, None, NO_CHANCE), secs(8));
    assert_eq!(config.delay(0, None, MOST_CHANCE).as_millis(), 4000);
    assert!(config.delay(0, None, MOST_CHANCE) > secs(4));
    assert_eq!(config.delay(0, None, 1 << 63), secs(6));
}

#[test]
fn same_seed_gives_the_same_sequence_and_another_another() {
    let sequence = |seed| delays(&mut Backoff::new(Config::default(), seed), 8);
    assert_eq!(sequence(5), sequence(5));
    assert_ne!(sequence(5), sequence(6));
}

#[test]
fn health_is_the_time_since_the_connection_opened() {
    let config = with(doubling(secs(10), secs(600)), |c| {
        c.reset_after = Some(secs(45));
        c.reset_on_event = false;
    });
    let mut backoff = Backoff::new(config, 1);
    let mut now = Instant::START;
    let mut live = |time| {
        backoff.opened(now);
        now = now + time;
        backoff.fail(now)
    };
    assert_eq!(live(secs(1)), secs(10));
    assert_eq!(live(secs(10)), secs(20));
    assert_eq!(live(secs(45)), secs(10));
}

#[test]
fn health_begins_at_its_time_and_not_before() {
    for (time, expected) in [(millis(59_999), secs(2)), (secs(60), secs(1)), (millis(60_001), secs(1))] {
        let mut backoff = Backoff::new(doubling(secs(1), secs(30)), 1);
        backoff.fail(Instant::START);
        backoff.opened(Instant::START);
        assert_eq!(backoff.fail(Instant::START + time), expected, "{time:?}");
    }
}

#[test]
fn health_of_one_connection_does_not_count_for_the_next() {
    let mut backoff = Backoff::new(doubling(secs(1), secs(30)), 1);
    backoff.opened(Instant::START);
    backoff.delivered();
    let later = Instant::START + secs(3600);
    assert_eq!([backoff.fail(later), backoff.fail(later), backoff.fail(later)], [secs(1), secs(2), secs(4)]);
}

#[test]
fn nothing_overflows_in_two_hundred_years() {
    let config = with(Config::default(), |c| {
        c.base = secs(1);
        c.doubling = true;
        c.max = Some(secs(200 * 365 * 86_400));
        c.jitter = 0.5;
        c.reset_after = None;
    });
    let mut backoff = Backoff::new(config, 1);
    let all = delays(&mut backoff, 40);
    assert!(all[35] > secs(1 << 32) / 2 && all[35] <= secs(200 * 365 * 86_400), "{:?}", all[35]);
    assert_eq!(config.delay(u32::MAX, None, NO_CHANCE), secs(200 * 365 * 86_400));
    let endless = with(config, |c| c.max = None);
    assert_eq!(endless.delay(35, None, NO_CHANCE), secs(1 << 35));
    assert_eq!(endless.delay(63, None, NO_CHANCE), secs(1 << 63));
    assert_eq!(endless.delay(64, None, NO_CHANCE), Duration::MAX);
    assert_eq!(endless.delay(u32::MAX, Some(Duration::MAX), MOST_CHANCE), Duration::MAX);
}

#[test]
fn zero_and_one_nanosecond_with_jitter_do_not_panic() {
    let config = with(fixed(Duration::ZERO), |c| c.jitter = 0.5);
    assert_eq!(config.delay(0, None, MOST_CHANCE), Duration::ZERO);
    let config = with(fixed(Duration::from_nanos(1)), |c| c.jitter = 0.5);
    assert_eq!(config.delay(0, None, MOST_CHANCE), Duration::from_nanos(1));
    let config = with(fixed(Duration::from_nanos(1)), |c| c.jitter = 1.0);
    assert_eq!(config.delay(0, None, MOST_CHANCE), Duration::from_nanos(1));
}

/// LaunchDarkly: `retry` also starts the growth over. Ours does not (a server that fails after each
/// `retry` would be asked at full speed), unless the rule is chosen.
#[test]
fn retry_of_the_server_is_the_next_delay() {
    let mut backoff = Backoff::new(with(doubling(secs(1), secs(30)), |c| c.max = None), 1);
    backoff.set_retry(millis(3000));
    assert_eq!(delays(&mut backoff, 2), [secs(3), secs(6)]);
    backoff.set_retry(millis(5000));
    assert_eq!(backoff.fail(Instant::START), secs(20));

    let mut backoff = Backoff::new(with(doubling(secs(1), secs(30)), |c| c.retry = Retry::Base), 1);
    assert_eq!(delays(&mut backoff, 3), [secs(1), secs(2), secs(4)]);
    backoff.set_retry(millis(3000));
    assert_eq!(backoff.failures(), 0);
    assert_eq!(delays(&mut backoff, 2), [secs(3), secs(6)]);
}

#[test]
fn busy_connection_is_as_healthy_as_one_with_comments_only() {
    let hour = Instant::START + secs(3600);
    for events in [360, 0] {
        for reset_on_event in [true, false] {
            let mut backoff = Backoff::new(with(doubling(secs(1), secs(30)), |c| c.reset_on_event = reset_on_event), 1);
            delays(&mut backoff, 4);
            backoff.opened(Instant::START);
            (0..events).for_each(|_| backoff.delivered());
            assert_eq!(backoff.fail(hour), secs(1), "{events} events");
        }
    }
}

// The rules of the house.

#[test]
fn defaults_are_those_of_the_plan() {
    let config = Config::default();
    assert_eq!((config.base, config.doubling, config.max, config.jitter), (secs(1), true, Some(secs(30)), 0.5));
    assert_eq!((config.reset_after, config.reset_on_event), (Some(secs(60)), true));
    assert_eq!((config.retry, config.max_retry), (Retry::Floor, Some(secs(3600))));
    assert_eq!(STEP_AFTER_ZERO, millis(100));
}

#[test]
fn preset_has_launchdarklys_defaults() {
    assert_eq!(LAUNCHDARKLY_INITIAL_RETRY, secs(3));
    assert_eq!(LAUNCHDARKLY_RETRY_RESET_INTERVAL, secs(60));
    let config = Config::launchdarkly();
    assert_eq!((config.base, config.doubling, config.max, config.jitter), (secs(3), false, None, 0.0));
    assert_eq!((config.reset_after, config.reset_on_event), (Some(secs(60)), false));
    assert_eq!((config.retry, config.max_retry), (Retry::Base, None));
    let mut backoff = Backoff::new(config, 1);
    assert_eq!(delays(&mut backoff, 3), [secs(3); 3]);
}

#[test]
fn connection_that_delivered_starts_over_unless_the_rule_is_off() {
    for (reset_on_event, expected) in [(true, secs(1)), (false, secs(4))] {
        let mut backoff = Backoff::new(with(doubling(secs(1), secs(30)), |c| c.reset_on_event = reset_on_event), 1);
        delays(&mut backoff, 2);
        backoff.opened(Instant::START);
        backoff.delivered();
        assert_eq!(backoff.fail(Instant::START), expected);
    }
}

#[test]
fn connections_that_end_at_once_back_off() {
    let mut backoff = Backoff::new(doubling(secs(1), secs(30)), 1);
    let mut now = Instant::START;
    let mut all = Vec::new();
    for _ in 0..7 {
        backoff.opened(now);
        let delay = backoff.fail(now + millis(1));
        all.push(delay.as_secs());
        now = now + delay;
    }
    assert_eq!(all, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn time_without_a_connection_is_no_health() {
    let mut backoff = Backoff::new(doubling(secs(1), secs(30)), 1);
    assert_eq!(backoff.fail(Instant::START + secs(100)), secs(1));
    assert_eq!(backoff.fail(Instant::START + secs(1000)), secs(2));
}

#[test]
fn without_reset_after_time_is_no_health() {
    let mut backoff = Backoff::new(with(doubling(secs(1), secs(30)), |c| c.reset_after = None), 1);
    backoff.fail(Instant::START);
    backoff.opened(Instant::START);
    assert_eq!(backoff.fail(Instant::START + secs(1_000_000)), secs(2));
}

#[test]
fn spoiled_connection_is_not_healthy() {
    let mut backoff = Backoff::new(doubling(secs(1), secs(30)), 1);
    backoff.fail(Instant::START);
    backoff.opened(Instant::START);
    backoff.delivered();
    backoff.spoiled();
    assert_eq!(backoff.fail(Instant::START + secs(1000)), secs(2));
}

#[test]
fn base_zero_is_at_once_and_then_from_100_ms() {
    let mut backoff = Backoff::new(doubling(Duration::ZERO, secs(30)), 1);
    let all = delays(&mut backoff, 6);
    assert_eq!(all, [0, 100, 200, 400, 800, 1600].map(millis));
    assert_eq!(delays(&mut backoff, 10).last(), Some(&secs(30)));
    assert_eq!(delays(&mut Backoff::new(fixed(Duration::ZERO), 1), 3), [Duration::ZERO; 3]);
}

#[test]
fn maximum_of_zero_is_no_delay() {
    let mut backoff = Backoff::new(doubling(secs(1), Duration::ZERO), 1);
    assert_eq!(delays(&mut backoff, 3), [Duration::ZERO; 3]);
    let fixed = with(fixed(secs(9)), |c| c.max = Some(secs(1)));
    assert_eq!(fixed.delay(0, None, NO_CHANCE), secs(1));
}

#[test]
fn retry_is_a_floor_to_which_chance_adds_a_tenth() {
    let config = Config::default();
    assert_eq!(config.delay(0, Some(secs(5)), NO_CHANCE), secs(5));
    assert_eq!(config.delay(0, Some(secs(5)), MOST_CHANCE).as_millis(), 5499);
    assert_eq!(config.delay(1, Some(secs(5)), MOST_CHANCE).as_millis(), 10_999);
    // The maximum does not undo it.
    assert_eq!(config.delay(9, Some(secs(5)), NO_CHANCE), secs(30));
    assert_eq!(config.delay(9, Some(secs(50)), NO_CHANCE), secs(50));
    // A jitter of less adds less, and none adds nothing.
    let less = with(config, |c| c.jitter = 0.0625);
    assert_eq!(less.delay(0, Some(secs(16)), MOST_CHANCE).as_millis(), 16_999);
    let none = with(config, |c| c.jitter = 0.0);
    assert_eq!(none.delay(0, Some(secs(16)), MOST_CHANCE), secs(16));
}

#[test]
fn retry_of_zero_is_at_once_and_then_from_100_ms() {
    let mut backoff = Backoff::new(doubling(secs(1), secs(30)), 1);
    backoff.set_retry(Duration::ZERO);
    assert_eq!(delays(&mut backoff, 3), [0, 100, 200].map(millis));
    // LaunchDarkly ignores it.
    let mut backoff = Backoff::new(Config::launchdarkly(), 1);
    backoff.set_retry(Duration::ZERO);
    assert_eq!(backoff.fail(Instant::START), secs(3));
}

#[test]
fn retry_is_believed_up_to_a_maximum() {
    let config = with(Config::default(), |c| c.jitter = 0.0);
    let next = |config, retry| {
        let mut backoff = Backoff::new(config, 1);
        backoff.set_retry(retry);
        backoff.fail(Instant::START)
    };
    assert_eq!(next(config, millis(3_599_999)), millis(3_599_999));
    assert_eq!(next(config, secs(3600)), secs(3600));
    assert_eq!(next(config, millis(3_600_001)), secs(3600));
    assert_eq!(next(with(config, |c| c.max_retry = None), secs(86_400)), secs(86_400));
    assert_eq!(next(with(config, |c| c.max_retry = None), Duration::MAX), Duration::MAX);
    assert_eq!(next(with(config, |c| c.retry = Retry::Ignore), secs(5)), secs(1));
}

#[test]
fn odd_jitters_count_as_the_nearest_that_is_none() {
    let delay = |jitter| with(fixed(secs(8)), |c| c.jitter = jitter).delay(0, None, MOST_CHANCE);
    assert_eq!(delay(-1.0), secs(8));
    assert_eq!(delay(f64::NAN), secs(8));
    assert_eq!(delay(f64::INFINITY).as_millis(), 0);
    assert_eq!(delay(7.0), delay(1.0));
}

#[test]
fn failures_and_reconnection_time_can_be_read() {
    let mut backoff = Backoff::new(Config::default(), 1);
    assert_eq!((backoff.failures(), backoff.reconnection_time()), (0, secs(1)));
    delays(&mut backoff, 3);
    backoff.set_retry(secs(7));
    assert_eq!((backoff.failures(), backoff.reconnection_time()), (3, secs(7)));
    backoff.delivered();
    backoff.fail(Instant::START);
    assert_eq!(backoff.failures(), 1);
}

proptest! {
    #[test]
    fn delay_is_always_in_its_bounds(config in configs(), failures in failure_counts(), retry in retries(), random: u64) {
        let delay = config.delay(failures, retry, random);
        let believed = retry.map(|retry| config.max_retry.map_or(retry, |max| retry.min(max)));
        let retry = match config.retry {
            Retry::Floor => believed,
            Retry::Base => believed.filter(|retry| !retry.is_zero()),
            Retry::Ignore => None,
        };
        let start = retry.unwrap_or(config.base);
        let max = config.max.unwrap_or(Duration::MAX);
        let doublings = if config.doubling { failures.min(200) } else { 0 };
        let span = naive_span(start, doublings, config.doubling).min(max);
        let floor = if config.retry == Retry::Floor { retry } else { None };
        if let Some(floor) = floor {
            let span = span.max(floor);
            prop_assert!(delay >= span && delay <= span.saturating_add(span / 10));
        } else {
            prop_assert!(delay <= span);
            let least = span.as_nanos() as f64 * (1.0 - config.jitter.clamp(0.0, 1.0));
            prop_assert!(delay.as_nanos() as f64 >= least * (1.0 - 1e-9) - 1.0, "{delay:?} of {span:?}");
        }
    }

    #[test]
    fn chance_only_ever_takes_away_more_or_adds_more(config in configs(), failures in 0u32..70, a: u64, b: u64) {
        let (a, b) = (a.min(b), a.max(b));
        prop_assert!(config.delay(failures, None, a) >= config.delay(failures, None, b));
        let floored = with(config, |c| c.retry = Retry::Floor);
        prop_assert!(floored.delay(failures, Some(secs(3)), a) <= floored.delay(failures, Some(secs(3)), b));
    }

    #[test]
    fn same_seed_and_calls_give_the_same_delays(config in configs(), seed: u64, steps in prop::collection::vec(0u8..6, 0..40)) {
        prop_assert_eq!(play(config, seed, &steps), play(config, seed, &steps));
    }

    #[test]
    fn failure_that_asks_to_wait_is_waited_for_and_leaves_the_growth_as_it_is(
        config in configs(), seed: u64, floors in prop::collection::vec(durations(), 0..20)
    ) {
        let (mut asked, mut plain) = (Backoff::new(config, seed), Backoff::new(config, seed));
        for floor in floors {
            let (delay, usual) = (asked.fail_and_wait(Instant::START, floor), plain.fail(Instant::START));
            prop_assert!(delay >= floor);
            prop_assert!(delay == usual || (usual < floor && delay <= floor.saturating_add(floor / 10)));
        }
        prop_assert_eq!(asked.failures(), plain.failures());
    }

    #[test]
    fn connections_without_events_never_come_faster_than_the_growth(seed: u64, lives in prop::collection::vec(0u64..59_999, 1..30)) {
        let mut backoff = Backoff::new(Config::default(), seed);
        let mut now = Instant::START;
        for (count, life) in lives.into_iter().enumerate() {
            backoff.opened(now);
            now = now + millis(life);
            let delay = backoff.fail(now);
            let span = secs(1 << count.min(10)).min(secs(30));
            prop_assert!(delay > span / 2 && delay <= span);
            now = now + delay;
        }
    }
}

fn naive_span(start: Duration, doublings: u32, doubling: bool) -> Duration {
    let (mut span, doublings) = match (start.is_zero() && doubling, doublings) {
        (true, 0) => return Duration::ZERO,
        (true, doublings) => (STEP_AFTER_ZERO, doublings - 1),
        (false, doublings) => (start, doublings),
    };
    for _ in 0..doublings {
        span = span.saturating_mul(2);
    }
    span
}

fn play(config: Config, seed: u64, steps: &[u8]) -> Vec<Duration> {
    let mut backoff = Backoff::new(config, seed);
    let mut chance = SplitMix64::new(seed);
    let mut now = Instant::START;
    let mut delays = Vec::new();
    for step in steps {
        now = now + millis(chance.next_u64() % 100_000);
        match step {
            0 => backoff.opened(now),
            1 => backoff.delivered(),
            2 => backoff.set_retry(millis(chance.next_u64() % 10_000)),
            3 => backoff.spoiled(),
            _ => delays.push(backoff.fail(now)),
        }
    }
    delays
}

fn configs() -> impl Strategy<Value = Config> {
    let retry = prop_oneof![Just(Retry::Floor), Just(Retry::Base), Just(Retry::Ignore)];
    (durations(), any::<bool>(), prop::option::of(durations()), -0.5f64..1.5, retry, prop::option::of(durations()))
        .prop_map(|(base, doubling, max, jitter, retry, max_retry)| {
            with(Config::default(), |c| {
                c.base = base;
                c.doubling = doubling;
                c.max = max;
                c.jitter = jitter;
                c.retry = retry;
                c.max_retry = max_retry;
            })
        })
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::MAX),
        (0u64..100_000).prop_map(millis),
        (any::<u64>(), 0u32..1_000_000_000).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)),
    ]
}

fn failure_counts() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..10, 0u32..200, any::<u32>(), Just(u32::MAX)]
}

fn retries() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of(durations())
}

fn with(mut config: Config, change: impl FnOnce(&mut Config)) -> Config {
    change(&mut config);
    config
}

fn fixed(base: Duration) -> Config {
    with(Config::default(), |c| {
        c.base = base;
        c.doubling = false;
        c.max = None;
        c.jitter = 0.0;
    })
}

fn doubling(base: Duration, max: Duration) -> Config {
    with(Config::default(), |c| {
        c.base = base;
        c.max = Some(max);
        c.jitter = 0.0;
    })
}

fn delays(backoff: &mut Backoff, count: usize) -> Vec<Duration> {
    (0..count).map(|_| backoff.fail(Instant::START)).collect()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
