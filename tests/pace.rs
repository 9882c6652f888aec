//! That readers who are sent away come back at no more than the rate, that nobody waits longer than need be, and what a jitter of the
//! readers' own does to it.

use core::time::Duration;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;
use tidewire_core::backoff::{Backoff, Config as BackoffConfig};
use tidewire_core::channels::{self, Channels, Read, Subscribe};
use tidewire_core::client::Event;
use tidewire_core::server::Pace;
use tidewire_core::{Instant, Random, SplitMix64};
use tidewire_tests::client::{Client, config};
use tidewire_tests::fleet::most_a_second;

const FLEET: usize = 100_000;
const SECOND: Duration = Duration::from_secs(1);
/// More than any fleet here needs.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

// A shutdown: everybody draws at once.

#[test]
fn fleet_that_is_shut_down_comes_back_at_no_more_than_the_rate() {
    for rate in [1, 7, 100, 1_000, 3_333, 10_000, 100_000, 1_000_000] {
        let mut pace = Pace::new(rate).with_spread(FOR_EVER);
        let least = millis(1_000);
        let now = Instant::from_start(Duration::from_nanos(12_345_678_901));
        let waits: Vec<Duration> = (0..FLEET).map(|_| pace.draw(now, least)).collect();
        for (others, wait) in (0..).zip(&waits) {
            let longest = least + whole(interval(rate) * others);
            assert!((least..=longest).contains(wait), "rate {rate}, after {others} others: {wait:?}");
        }
        let arrivals: Vec<Instant> = waits.iter().map(|wait| now + *wait).collect();
        let most = most_a_second(&arrivals);
        assert!(most <= rate as usize, "rate {rate}: {most} in a second");
        assert!(most >= FLEET.min(rate as usize * 998 / 1000), "the rate is made use of: {most} of {rate}");
    }
}

#[test]
fn readers_that_leave_in_the_meantime_make_it_no_more() {
    let mut random = SplitMix64::new(7);
    let mut pace = Pace::new(500);
    let mut arrivals = Vec::new();
    let mut now = Instant::START;
    for _ in 0..FLEET {
        // Half of them are sent away one by one, half of them a hundred at a time; every third never comes back.
        now = now + if random.next_u64().is_multiple_of(100) { millis(40) } else { Duration::from_nanos(123_457) };
        let wait = pace.draw(now, millis(2_000));
        if !random.next_u64().is_multiple_of(3) {
            arrivals.push(now + wait);
        }
    }
    assert!(most_a_second(&arrivals) <= 500, "{}", most_a_second(&arrivals));
}

// The longest time of a stream: it comes round again and again.

#[test]
fn streams_that_had_their_longest_time_come_back_at_no_more_than_the_rate() {
    let together = |_: &mut SplitMix64| Duration::ZERO;
    let spread = |random: &mut SplitMix64| Duration::from_nanos(random.next_u64() % 600_000_000_000);
    for (opened, rate) in [(together as fn(&mut SplitMix64) -> Duration, 150), (spread, 400)] {
        let arrivals = after_their_longest_time(opened, rate);
        assert_eq!(arrivals.len(), 2 * FLEET);
        assert!(most_a_second(&arrivals) <= rate as usize, "rate {rate}: {} in a second", most_a_second(&arrivals));
    }
}

/// Twice over: each stream has its longest time, ten minutes less up to a tenth, and comes back at its place.
fn after_their_longest_time(opened: fn(&mut SplitMix64) -> Duration, rate: u32) -> Vec<Instant> {
    let mut random = SplitMix64::new(1);
    let mut pace = Pace::new(rate);
    let mut ends = BinaryHeap::new();
    let end = |random: &mut SplitMix64| Duration::from_nanos(600_000_000_000 - random.next_u64() % 60_000_000_000);
    for _ in 0..FLEET {
        ends.push(Reverse((Instant::START + opened(&mut random) + end(&mut random), 0)));
    }
    let mut arrivals = Vec::new();
    while let Some(Reverse((now, round))) = ends.pop() {
        let back = now + pace.draw(now, millis(1_000));
        arrivals.push(back);
        if round < 1 {
            ends.push(Reverse((back + end(&mut random), round + 1)));
        }
    }
    arrivals
}

// Through the channels, as a server does it.

#[test]
fn readers_of_channels_are_sent_away_at_the_pace_of_the_configuration() {
    let mut channels = served(|_| {});
    let now = Instant::from_start(Duration::from_nanos(987_654_321));
    channels.shutdown(now);
    let arrivals = sent_away(&mut channels, now);
    assert_eq!(arrivals.len(), FLEET);
    let most = most_a_second(&arrivals);
    assert!((RATE * 99 / 100..=RATE).contains(&most), "{most} in a second");
    let last = *arrivals.iter().max().unwrap() - now;
    assert!(last <= channels.config().retry_after + whole(interval(RATE as u32) * FLEET as u32), "{last:?}");
}

#[test]
fn readers_of_channels_that_had_their_longest_time_come_back_at_the_pace_of_the_configuration() {
    // A jitter of 3 s alone would send away 33,000 a second.
    let mut channels = served(|config| config.max_time = Some(Duration::from_secs(30)));
    let mut arrivals = Vec::new();
    while let Some(now) = channels.poll_timeout().filter(|_| arrivals.len() < FLEET) {
        channels.handle_timeout(now);
        arrivals.extend(sent_away(&mut channels, now));
    }
    assert_eq!(arrivals.len(), FLEET);
    assert!(most_a_second(&arrivals) <= RATE, "{} in a second", most_a_second(&arrivals));
}

/// A hundred thousand readers of one channel.
fn served(change: impl FnOnce(&mut channels::Config)) -> Channels {
    let mut config = channels::Config::default();
    config.return_rate = RATE as u32;
    change(&mut config);
    let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), Instant::START);
    for _ in 0..FLEET {
        let guest = channels.admit(None).expect("there is room");
        let asked = Subscribe { guest, channels: &["news"], last_event_id: None };
        channels.subscribe(Instant::START, asked).expect("it begins");
    }
    channels
}

/// Returns when the readers come back that are to end.
fn sent_away(channels: &mut Channels, now: Instant) -> Vec<Instant> {
    let mut arrivals = Vec::new();
    while let Some(reader) = channels.poll_wake() {
        if let Some(Read::End(end)) = channels.read(now, reader, usize::MAX) {
            arrivals.push(now + end.retry.expect("a time of its own"));
            channels.close(reader);
        }
    }
    arrivals
}

const RATE: usize = 1_000;

// Fairness.

#[test]
fn reader_after_a_pause_waits_its_least() {
    let mut pace = Pace::new(10);
    for _ in 0..50 {
        pace.draw(Instant::START, millis(1_000));
    }
    let later = Instant::START + Duration::from_secs(7);
    assert_eq!(pace.draw(later, millis(1_000)), millis(1_000));
    assert_eq!(pace.draw(later, millis(1_000)), millis(1_101), "a burst after idle is spread like any other");
}

#[test]
fn place_before_those_of_the_far_off_is_found() {
    let mut pace = Pace::new(10);
    assert_eq!(pace.draw(Instant::START, millis(60_000)), millis(60_000));
    assert_eq!(pace.draw(Instant::START, millis(1_000)), millis(1_000));
    assert_eq!(pace.draw(Instant::START, millis(1_000)), millis(1_101));
    assert_eq!(pace.draw(Instant::START, millis(60_000)), millis(60_101));
    // There is room for one between the two of these, and no more.
    let mut pace = Pace::new(10);
    let waits = [1_000, 1_210, 1_000, 1_000].map(|least| pace.draw(Instant::START, millis(least)));
    assert_eq!(waits, [millis(1_000), millis(1_210), millis(1_101), millis(1_311)]);
}

#[test]
fn without_a_rate_everybody_waits_the_least() {
    let mut pace = Pace::new(0);
    for _ in 0..1000 {
        assert_eq!(pace.draw(Instant::START, millis(1_500)), millis(1_500));
    }
    assert_eq!(pace.draw(Instant::START, Duration::from_nanos(1)), millis(1), "`retry:` knows whole milliseconds");
}

#[test]
fn more_readers_than_places_are_spread_evenly_a_second_time() {
    let (rate, spread) = (100, Duration::from_secs(10));
    let mut pace = Pace::new(rate).with_spread(spread);
    let waits: Vec<Duration> = (0..2_500).map(|_| pace.draw(Instant::START, SECOND)).collect();
    assert!(waits.iter().all(|wait| (SECOND..=SECOND + spread).contains(wait)), "{:?}", waits.iter().max());
    let arrivals: Vec<Instant> = waits.iter().map(|wait| Instant::START + *wait).collect();
    let most = |arrivals: &[Instant]| most_a_second(arrivals);
    assert!(most(&arrivals[..999]) <= 100, "while there are places");
    assert!((200..=300).contains(&most(&arrivals)), "three for each place: {}", most(&arrivals));
}

#[test]
fn readers_that_are_told_whole_seconds_come_at_twice_the_rate_at_most() {
    let mut random = SplitMix64::new(3);
    let mut pace = Pace::new(200);
    let mut now = Instant::START;
    let mut arrivals = Vec::new();
    for _ in 0..FLEET {
        now = now + Duration::from_nanos(random.next_u64() % 9_000_000);
        let wait = pace.draw(now, millis(5_000));
        arrivals.push(now + Duration::from_secs(wait.as_millis().div_ceil(1_000) as u64));
    }
    let most = most_a_second(&arrivals);
    assert!((200..=400).contains(&most), "{most} in a second");
}

// Readers of our own.

#[test]
fn clients_of_ours_without_jitter_come_back_at_their_very_place() {
    let mut pace = Pace::new(50);
    let mut arrivals = Vec::new();
    for seed in 0..2_000 {
        let mut config = config();
        config.backoff.jitter = 0.0;
        let now = Instant::from_start(Duration::from_nanos(seed * 777));
        let wait = pace.draw(now, millis(1_000));
        arrivals.push(comes_back(config, seed, now, wait));
        assert_eq!(*arrivals.last().unwrap(), now + wait);
    }
    assert!(most_a_second(&arrivals) <= 50, "{}", most_a_second(&arrivals));
}

#[test]
fn jitter_of_our_clients_leaves_the_mean_and_adds_what_chance_does() {
    for rate in [100, 1_000] {
        let mut pace = Pace::new(rate);
        let jittered = |seed, wait| {
            let mut backoff = Backoff::new(BackoffConfig::default(), seed);
            backoff.set_retry(wait);
            backoff.fail(Instant::START)
        };
        let mut arrivals = Vec::new();
        for seed in 0..FLEET as u64 {
            let wait = pace.draw(Instant::START, millis(1_000));
            let back = Instant::START + jittered(seed, wait);
            // The machine waits as its rules say; one in a hundred of the fleet is a real one.
            if seed.is_multiple_of(100) {
                assert!((wait..wait + wait / 10).contains(&(back - Instant::START)), "a floor and up to a tenth");
                let machine = comes_back(config(), seed, Instant::START, wait);
                assert!((wait..=wait + wait / 10).contains(&(machine - Instant::START)));
                arrivals.push(machine);
            } else {
                arrivals.push(back);
            }
        }
        // Places are at most the rate a second; each reader is thrown by itself, so a second has a sum of independent chances of this
        // mean: six deviations above it are one in a thousand million, over a thousand seconds one in a million.
        let bound = rate as usize + 6 * rate.isqrt() as usize;
        let most = most_a_second(&arrivals);
        assert!(most <= bound, "rate {rate}: {most} in a second");
        // They are spread further, so that the mean is below the rate.
        let took = *arrivals.iter().max().unwrap() - *arrivals.iter().min().unwrap();
        assert!(FLEET as f64 / took.as_secs_f64() <= f64::from(rate), "{took:?}");
    }
}

/// Returns when a client that was told to wait, and then sent away at `now`, asks for its next connection.
fn comes_back(config: tidewire_core::client::Config, seed: u64, now: Instant, wait: Duration) -> Instant {
    let mut client = Client::with_seed(config, seed);
    client.now = now;
    client.accept();
    client.receive(tidewire_tests::client::UNTIL_CLOSE);
    client.receive(format!("retry: {}\n\n", wait.as_millis()));
    client.eof();
    let disconnected = client.events.iter().find_map(|event| match event {
        Event::Disconnected { retry_at, .. } => Some(*retry_at),
        _ => None,
    });
    disconnected.expect("it was sent away")
}

// Whatever is asked of it.

#[derive(Clone, Debug)]
struct Draw {
    after: Duration,
    least: Duration,
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let after = prop_oneof![3 => Just(0), 3 => 0..2_000_000_u64, 1 => 0..3_000_000_000_u64];
    let least = prop_oneof![2 => Just(1_000_000_000), 1 => 0..1_000_000_000_u64, 1 => 0..60_000_000_000_u64];
    let one = (after, least);
    let draw =
        one.prop_map(|(after, least)| Draw { after: Duration::from_nanos(after), least: Duration::from_nanos(least) });
    prop::collection::vec(draw, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_drawn_no_second_has_more_than_the_rate(rate in 1..80_u32, draws in draws()) {
        let mut pace = Pace::new(rate).with_spread(FOR_EVER);
        let mut now = Instant::START;
        let mut arrivals = Vec::new();
        for (others, draw) in draws.iter().enumerate() {
            now = now + draw.after;
            let wait = pace.draw(now, draw.least);
            prop_assert!(wait >= draw.least, "{wait:?} of {:?}", draw.least);
            prop_assert_eq!(wait.subsec_nanos() % 1_000_000, 0);
            // A place keeps two intervals from others at most, and sixteen stretches between places are remembered.
            let all_alike = draws.iter().all(|one| one.least == draw.least);
            if all_alike {
                prop_assert!(wait <= whole(draw.least + interval(rate) * others as u32));
            }
            arrivals.push(now + wait);
        }
        prop_assert!(most_a_second(&arrivals) <= rate as usize, "{}", most_a_second(&arrivals));
    }

    #[test]
    fn with_one_least_wait_each_waits_an_interval_for_each_that_is_to_come(rate in 1..80_u32, afters in prop::collection::vec(0..100_000_000_u64, 1..300)) {
        let least = millis(700);
        let mut pace = Pace::new(rate).with_spread(FOR_EVER);
        let mut now = Instant::START;
        let mut arrivals: Vec<Instant> = Vec::new();
        for after in afters {
            now = now + Duration::from_nanos(after);
            let to_come = arrivals.iter().filter(|at| **at + interval(rate) > now + least).count();
            let wait = pace.draw(now, least);
            prop_assert!(wait <= whole(least + interval(rate) * to_come as u32), "{wait:?} behind {to_come}");
            arrivals.push(now + wait);
        }
    }

    #[test]
    fn nothing_that_is_asked_makes_it_panic(
        rate in prop_oneof![Just(0), Just(1), Just(u32::MAX), any::<u32>()],
        spread in any::<Duration>(),
        asked in prop::collection::vec((any::<Duration>(), any::<Duration>()), 0..50),
    ) {
        let edges = [(Duration::MAX, Duration::MAX), (Duration::MAX, Duration::ZERO), (Duration::ZERO, Duration::MAX)];
        let mut pace = Pace::new(rate).with_spread(spread);
        for (now, least) in asked.into_iter().chain(edges).chain(edges) {
            pace.draw(Instant::from_start(now), least);
        }
    }
}

/// From one place to the next: a second, with the millisecond to which waits are rounded, by the rate.
fn interval(rate: u32) -> Duration {
    Duration::from_nanos(1_001_000_000_u64.div_ceil(rate.into()))
}

fn whole(wait: Duration) -> Duration {
    millis(wait.as_nanos().div_ceil(1_000_000) as u64)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
