//! The whole system by chance: many clients, a server of channels, and a network between them that does what it likes. Whatever happens,
//! each reader is given exactly what was published from its place on, or told of a gap; nothing comes twice; and the server keeps to the
//! memory that it says it takes.
//!
//! A failure names its seed: `TIDEWIRE_SEED=17 cargo nextest run -p tidewire-tests --test fleet` plays it again, and
//! `TIDEWIRE_SEEDS=10000` plays more of them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use tidewire_core::log::{Config, LagPolicy, OnLag};
use tidewire_tests::fleet::{Fleet, Plan, most_a_second};
use tidewire_tests::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap;

#[test]
fn whatever_happens_each_reader_has_its_log_or_is_told_of_a_gap() {
    let (mut messages, mut gaps, mut arrivals) = (0, 0, 0);
    for seed in seeds() {
        let fleet = played(seed, Plan::default());
        messages += fleet.readers.iter().map(|reader| reader.seen.messages).sum::<usize>();
        gaps += fleet.readers.iter().map(|reader| reader.seen.gaps).sum::<usize>();
        arrivals += fleet.arrivals.len();
    }
    assert!(messages > 0 && gaps > 0 && arrivals > 0, "{messages} messages, {gaps} gaps, {arrivals} connections");
    println!("{messages} messages, {gaps} gaps, {arrivals} connections");
}

#[test]
fn whatever_happens_holds_whatever_becomes_of_slow_readers() {
    let policies: [fn(&mut Plan); 5] = [
        |plan| plan.channels.channel.topic.lag = LagPolicy::new(4, OnLag::Gap),
        |plan| plan.channels.channel.topic.lag = LagPolicy::new(4, OnLag::End),
        |plan| plan.channels.channel.topic.lag = LagPolicy::new(4, OnLag::Latest),
        |plan| plan.channels.channel.topic.max_replay = 3,
        |plan| plan.channels.max_time = Some(Duration::from_secs(20)),
    ];
    for policy in policies {
        let mut plan = Plan::default();
        policy(&mut plan);
        let lagging = seeds().take(4).map(|seed| played(seed, plan.clone()).lagging).sum::<usize>();
        assert_eq!(lagging > 0, plan.channels.channel.topic.lag.then == OnLag::End, "{lagging}");
    }
}

#[test]
fn what_is_held_back_is_replaced_by_what_comes_later_and_the_last_of_it_comes() {
    let mut replaced = 0;
    for seed in seeds() {
        let mut plan = Plan::default();
        plan.channels.channel.debounce = Some(Duration::from_millis(400));
        let fleet = played(seed, plan);
        replaced += fleet.readers.iter().map(|reader| reader.seen.replaced).sum::<usize>();
    }
    assert!(replaced > 0);
}

#[test]
fn readers_of_a_store_have_all_of_it_once_and_in_order_over_every_restart() {
    let (mut messages, mut gaps) = (0, 0);
    for seed in seeds() {
        let fleet = played(seed, Plan { store: true, ..Plan::default() });
        let of_the_store = fleet.readers.iter().filter(|reader| reader.names == ["orders"]);
        let seen = of_the_store.map(|reader| (reader.seen.messages, reader.seen.gaps));
        (messages, gaps) = seen.fold((messages, gaps), |(messages, gaps), one| (messages + one.0, gaps + one.1));
    }
    assert!(messages > 0 && gaps > 0, "{messages} messages, {gaps} gaps");
}

#[test]
fn whatever_happens_holds_in_gzip_too() {
    let coded = seeds().map(|seed| played(seed, Plan { gzip: true, ..Plan::default() }).coded);
    assert!(coded.sum::<usize>() > 0);
}

#[test]
fn server_keeps_to_its_memory_though_readers_stall() {
    let mut fleet = Fleet::new(3, Plan { readers: 200, ..Plan::default() });
    fleet.advance(Duration::from_secs(1));
    fleet.check_memory();
    let resting = fleet.meter.held / 200;
    assert!((300..2_500).contains(&resting), "{resting} bytes a reader that rests");
    for reader in 0..150 {
        fleet.stall(reader, Duration::from_secs(15));
    }
    for number in 0..200 {
        fleet.publish(vec![["news", "sport", "weather"][number % 3]], "x".repeat(200));
        fleet.settle();
        fleet.check_memory();
    }
    let stalled = fleet.meter.held / 200;
    assert!(stalled < resting + 4 * 700, "{stalled} bytes a reader, most of which read nothing");
    fleet.heal();
    fleet.check_all_given();
    assert!(fleet.readers.iter().any(|reader| reader.seen.gaps > 0), "they were slower than the history is long");
}

#[test]
fn everybody_has_everything_at_shutdown_and_comes_back_at_the_rate() {
    let mut fleet = Fleet::new(1, paced());
    fleet.advance(Duration::from_secs(5));
    for number in 0..20 {
        fleet.publish(vec![["news", "sport", "weather"][number % 3]], format!("{number}"));
    }
    fleet.arrivals.clear();
    fleet.say_goodbye(Duration::from_millis(500));
    fleet.check_all_given();
    fleet.crash(Duration::ZERO, false);
    let back = fleet.now;
    fleet.advance(Duration::from_secs(60));
    assert_eq!(fleet.arrivals.len(), READERS, "each comes back once");
    assert!(most_a_second(&fleet.arrivals) <= RATE, "{} in a second", most_a_second(&fleet.arrivals));
    let last = *fleet.arrivals.iter().max().unwrap() - back;
    assert!(last <= Duration::from_secs(1 + READERS as u64 / RATE as u64 + 1), "{last:?}");
}

#[test]
fn streams_that_had_their_longest_time_come_back_at_the_rate() {
    let mut plan = paced();
    plan.channels.max_time = Some(Duration::from_secs(8));
    let mut fleet = Fleet::new(2, plan);
    fleet.arrivals.clear();
    for number in 0..120 {
        // A stream that brought no event counts as a failure to our clients, which wait longer after several.
        fleet.publish(vec![["news", "sport", "weather"][number % 3]], format!("{number}"));
        fleet.advance(Duration::from_millis(250));
    }
    assert!(fleet.arrivals.len() > READERS * 3 / 2, "{}", fleet.arrivals.len());
    assert!(most_a_second(&fleet.arrivals) <= RATE, "{} in a second", most_a_second(&fleet.arrivals));
    // Who is away comes back after 10 s.
    fleet.advance(Duration::from_secs(20));
    fleet.check_all_given();
    assert_eq!(fleet.readers.iter().map(|reader| reader.seen.gaps).sum::<usize>(), 0, "nothing was missed");
}

/// Many readers that wait exactly as long as they are told, and a log that keeps everything.
fn paced() -> Plan {
    let mut plan = Plan { readers: READERS, exact: true, ..Plan::default() };
    plan.channels.log = Config::default();
    plan.channels.return_rate = RATE as u32;
    plan
}

const READERS: usize = 120;
const RATE: usize = 20;

#[test]
fn same_seed_plays_the_same_story() {
    let [first, second] = [5, 5].map(|seed| played(seed, Plan { gzip: true, ..Plan::default() }));
    assert!(first.trace.len() > 300);
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace, played(6, Plan { gzip: true, ..Plan::default() }).trace);
}

/// Plays the story of a seed; a failure says how to play it again.
fn played(seed: u64, plan: Plan) -> Fleet {
    let mut fleet = Fleet::new(seed, plan);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| fleet.play())) {
        for line in fleet.trace.iter().rev().take(25).rev() {
            eprintln!("{line}");
        }
        eprintln!("again: TIDEWIRE_SEED={seed} cargo nextest run -p tidewire-tests --test fleet");
        resume_unwind(panic);
    }
    fleet
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("TIDEWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEWIRE_SEEDS").unwrap_or(15),
    }
}
