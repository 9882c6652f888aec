//! The bound of a log's memory that stands in its documentation, whatever is published and whoever reads.

use std::collections::VecDeque;

use tidewire_core::log::{Config, Log, OnLag, Read, ReaderId, Start};
use tidewire_core::{Random, SplitMix64};
use tidewire_tests::heap::Heap;
use tidewire_tests::logs::{EPOCH, NOW};

#[global_allocator]
static HEAP: Heap = Heap;

/// The terms of the bound: readers, subscriptions and topics at their most, publications as they are counted, watches as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    readers: usize,
    subscriptions: usize,
    topics: usize,
}

/// `A·readers + B·subscriptions + C·topics + Σ history + write budget + watches`.
fn bound(peak: Peak, log: &Log, config: &Config, watches: usize) -> usize {
    let names = 2 * config.max_name;
    80 * peak.readers
        + 24 * peak.subscriptions
        + (1_024 + names) * peak.topics
        + log.stats().bytes
        + 17 * (config.max_burst + (16 << 10))
        + (96 << 10)
        + watches * (256 + 12 * peak.readers)
}

fn small() -> Config {
    let mut config = Config::default();
    config.max_name = 32;
    config.max_burst = 4 << 10;
    config
}

/// Holds the bound while `run` goes on; `run` tells the readers it has, their subscriptions and its watches.
struct Held {
    config: Config,
    log: Log,
    peak: Peak,
    before: isize,
    most: f64,
}

impl Held {
    fn new(config: Config) -> Self {
        let before = Heap::live();
        Self { log: Log::new(config.clone(), EPOCH), config, peak: Peak::default(), before, most: 0.0 }
    }

    fn check(&mut self, subscriptions: usize, watches: usize) {
        let stats = self.log.stats();
        self.peak.readers = self.peak.readers.max(stats.readers);
        self.peak.topics = self.peak.topics.max(stats.topics);
        self.peak.subscriptions = self.peak.subscriptions.max(subscriptions);
        let live = usize::try_from(Heap::live() - self.before).unwrap_or(0);
        let bound = bound(self.peak, &self.log, &self.config, watches);
        self.most = self.most.max(live as f64 / bound as f64);
        assert!(live <= bound, "{live} bytes live, at most {bound}: {:?}, {stats:?}, {watches} watches", self.peak);
    }
}

#[test]
fn readers_cost_what_is_written() {
    for topics in [1, 3] {
        let mut held = Held::new(small());
        let names: Vec<String> = (0..topics).map(|number| format!("topic {number}")).collect();
        let mut ids: VecDeque<ReaderId> = VecDeque::with_capacity(100_000);
        held.before = Heap::live();
        for count in [10_usize, 1_000, 100_000] {
            while ids.len() < count {
                let names = names.iter().map(String::as_str);
                ids.push_back(held.log.open_reader(NOW, names, Start::Live).unwrap().0);
            }
            held.check(topics * ids.len(), 0);
            held.log.publish(NOW, &names[0], |_, out| out.push(b'x')).unwrap();
            while let Some(woken) = held.log.poll_wake() {
                assert!(held.log.read(NOW, woken, 1 << 16).is_some());
            }
            held.check(topics * ids.len(), 0);
            let live = (Heap::live() - held.before) as usize;
            if topics == 1 && count > 100 {
                assert!(live / count <= 64, "{} bytes a subscription", live / count);
            }
        }
        // They go, and others come.
        for _ in 0..100_000 {
            held.log.close_reader(ids.pop_front().unwrap());
            let names = names.iter().map(String::as_str);
            ids.push_back(held.log.open_reader(NOW, names, Start::Oldest).unwrap().0);
        }
        held.check(topics * ids.len(), 0);
    }
}

#[test]
fn history_costs_what_it_counts_also_when_it_shrinks() {
    let mut config = small();
    config.max_bytes = 2 << 20;
    config.topic.own_ids = true;
    let mut held = Held::new(config);
    for round in 0..30 {
        // One topic takes all of it, then the next.
        let topic = format!("topic {}", round % 7);
        for number in 0..4_000 {
            let len = [1, 15, 100, 1_000][round % 4];
            let own_id = format!("{round} {number}");
            held.log.publish_own(NOW, &[&topic], &own_id, |_, out| out.resize(len, b'x')).unwrap();
            if number % 100 == 0 {
                held.check(0, 0);
            }
        }
    }
    for number in 0..7 {
        held.log.remove_topic(&format!("topic {number}"));
        held.check(0, 0);
    }
    assert_eq!(held.log.stats().bytes, 0);
}

#[test]
fn names_that_come_and_go_leave_nothing() {
    let mut config = small();
    config.max_topics = 1_000;
    let mut held = Held::new(config);
    for number in 0..50_000 {
        let (one, other) = (format!("{number} in thirty-two bytes, one.."), format!("{number} other"));
        held.log.publish_to(NOW, &[&one, &other], |_, out| out.push(b'x')).unwrap();
        let (reader, _) = held.log.open_reader(NOW, [other.as_str()], Start::Oldest).unwrap();
        if number % 3 == 0 {
            assert!(held.log.read(NOW, reader, 100).is_some());
        }
        held.log.close_reader(reader);
        if number % 500 == 0 {
            held.check(0, 0);
        }
    }
}

#[test]
fn the_bound_holds_whatever_happens() {
    for seed in 0..6 {
        let mut random = SplitMix64::new(seed);
        let mut draw = move |below: usize| usize::try_from(random.next_u64() % below as u64).unwrap();
        let mut config = small();
        config.max_bytes = 300 << 10;
        config.max_topics = 40;
        config.max_watches = 50;
        config.topic.max_publications = 500;
        config.topic.lag.max_behind = 100;
        config.topic.lag.then = [OnLag::Gap, OnLag::End, OnLag::Latest][draw(3)];
        let mut held = Held::new(config);
        let mut readers: Vec<(ReaderId, usize)> = Vec::with_capacity(1 << 12);
        let mut watches: usize = 0;
        let before_names = Heap::live();
        let names: Vec<String> = (0..60).map(|number| format!("topic {number}")).collect();
        held.before += Heap::live() - before_names;
        for step in 0..20_000 {
            match draw(20) {
                0..8 => {
                    let topics: [&str; 2] = [&names[draw(60)], &names[draw(60)]];
                    let most = [10, 200, 6_000][draw(3)];
                    let len = 1 + draw(most);
                    let published = held.log.publish_to(NOW, &topics[..1 + draw(2)], |_, out| out.resize(len, b'x'));
                    if let Ok(id) = published
                        && draw(10) == 0
                    {
                        watches += usize::from(held.log.watch(id).is_ok());
                    }
                }
                8..11 if readers.len() < 500 => {
                    let count = 1 + draw(4);
                    let first = draw(55);
                    let start = [Start::Live, Start::Oldest][draw(2)];
                    let topics = names[first..first + count].iter().map(String::as_str);
                    if let Ok((id, _)) = held.log.open_reader(NOW, topics, start) {
                        readers.push((id, count));
                    }
                }
                11..17 if !readers.is_empty() => {
                    let (reader, _) = readers[draw(readers.len())];
                    let max = draw(8_000);
                    while let Some(Read::Burst { more: true, .. }) = held.log.read(NOW, reader, max) {
                        if draw(3) == 0 {
                            break;
                        }
                    }
                    held.log.note_written(reader);
                }
                17 if !readers.is_empty() => held.log.close_reader(readers.swap_remove(draw(readers.len())).0),
                18 => while held.log.poll_wake().is_some() {},
                _ => {
                    while held.log.poll_lagging().is_some() {}
                    while held.log.poll_written().is_some() {
                        watches -= 1;
                    }
                }
            }
            if step % 20 == 0 {
                held.check(readers.iter().map(|(_, count)| count).sum(), watches);
            }
        }
        assert!(held.most > 0.2, "the bound is {} times what there ever is", 1.0 / held.most);
    }
}
