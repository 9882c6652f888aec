//! A log and the connections that read it: what LaunchDarkly's server tests ask for (its names where they are its), and more.

use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::Instant;
use tidewire_core::log::{self, Epoch, EventId, Log, Read, ReaderId, Start};
use tidewire_core::server::{CloseReason, Config};
use tidewire_tests::served::{Served, dechunk};

const NOW: Instant = Instant::START;
const STREAM: &str = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n";

/// A log and its readers, each on a connection of its own.
struct Server {
    log: Log,
    readers: Vec<Reader>,
}

struct Reader {
    id: ReaderId,
    served: Served,
    /// Whether there may be more to read.
    awake: bool,
    pieces: usize,
}

impl Server {
    fn new(change: impl FnOnce(&mut log::Config)) -> Self {
        let mut config = log::Config::default();
        change(&mut config);
        Self { log: Log::new(config, Epoch::new(1)), readers: Vec::new() }
    }

    fn connect(&mut self, start: Start<'_>, change: impl FnOnce(&mut Config)) -> usize {
        let mut config = Config::default();
        change(&mut config);
        let mut served = Served::new(config);
        served.input(STREAM);
        served.take_output();
        let (id, gap) = self.log.open_reader(NOW, ["channel"], start).unwrap();
        if let Some(gap) = gap {
            served.session.send(NOW, format!(": {}\n", gap.reason).as_bytes()).unwrap();
        }
        self.readers.push(Reader { id, served, awake: false, pieces: 0 });
        self.readers.len() - 1
    }

    fn publish(&mut self, text: &str) {
        self.log.publish(NOW, "channel", |_, out| out.extend_from_slice(text.as_bytes())).unwrap();
    }

    fn publish_number(&mut self) {
        let encode =
            |id: EventId, out: &mut Vec<u8>| out.extend_from_slice(format!("data: {}\n\n", id.position).as_bytes());
        self.log.publish(NOW, "channel", encode).unwrap();
    }

    /// Does what a driver does, until nothing moves.
    fn run(&mut self) {
        while let Some(woken) = self.log.poll_wake() {
            self.readers.iter_mut().filter(|reader| reader.id == woken).for_each(|reader| reader.awake = true);
        }
        for reader in &mut self.readers {
            while reader.awake && reader.served.session.wants_publications() {
                let now = reader.served.now;
                match self.log.read(now, reader.id, usize::MAX) {
                    Some(Read::Burst { burst, more }) => {
                        reader.awake = more;
                        reader.pieces += 1;
                        reader.served.session.push_burst(now, burst).unwrap();
                    }
                    Some(Read::Gap(gap)) => {
                        reader.served.session.send(now, format!(": {}\n", gap.reason).as_bytes()).unwrap();
                    }
                    None => reader.awake = false,
                }
                reader.served.run();
            }
        }
    }

    /// What a reader has received, without its framing.
    fn received(&mut self, reader: usize) -> String {
        self.run();
        self.readers[reader].served.run();
        dechunk(&self.readers[reader].served.take_output())
    }
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> String {
    range.map(|number| format!("data: {number}\n\n")).collect()
}

#[test]
fn two_clients_both_get_the_event() {
    let mut server = Server::new(|_| {});
    let (one, two) = (server.connect(Start::Live, |_| {}), server.connect(Start::Live, |_| {}));
    server.publish("data: my-event\n\n");
    assert_eq!(server.received(one), "data: my-event\n\n");
    assert_eq!(server.received(two), "data: my-event\n\n");
}

#[test]
fn comments_keep_their_place_among_events() {
    let mut server = Server::new(|_| {});
    let reader = server.connect(Start::Live, |_| {});
    server.publish(":my comment\n");
    server.publish("data: my-event\n\n");
    assert_eq!(server.received(reader), ":my comment\ndata: my-event\n\n");
}

#[test]
fn a_thousand_comments_with_nobody_reading_do_not_block() {
    let mut server = Server::new(|_| {});
    for _ in 0..1_000 {
        server.publish(":comment\n");
    }
    let reader = server.connect(Start::Live, |_| {});
    assert_eq!(server.received(reader), "");
}

#[test]
fn replay_is_none_without_an_id_all_when_asked_and_exclusive_from_an_id() {
    for (start, expected) in [
        (Start::Live, String::new()),
        (Start::Oldest, numbers(1..=3)),
        (Start::After("1-1"), numbers(2..=3)),
        (Start::After("1-3"), String::new()),
        (Start::After("nonsense"), ": malformed\n".to_owned()),
    ] {
        let mut server = Server::new(|_| {});
        (0..3).for_each(|_| server.publish_number());
        let reader = server.connect(start, |_| {});
        assert_eq!(server.received(reader), expected, "{start:?}");
        server.publish_number();
        assert_eq!(server.received(reader), numbers(4..=4), "{start:?}, then live");
    }
}

#[test]
fn a_batch_of_5000_is_few_writes_and_keeps_its_order() {
    let mut server = Server::new(|_| {});
    for _ in 0..5_000 {
        server.publish_number();
    }
    let reader = server.connect(Start::Oldest, |_| {});
    assert!(server.received(reader) == numbers(1..=5_000));
    assert!(server.readers[reader].pieces <= 2, "64 KiB each: {}", server.readers[reader].pieces);
}

#[test]
fn a_reader_that_falls_behind_while_it_replays_is_told_and_loses_nothing_that_is_kept() {
    let mut server = Server::new(|config| (config.topic.max_publications, config.max_burst) = (100, 50));
    for _ in 0..100 {
        server.publish_number();
    }
    let reader = server.connect(Start::Oldest, |_| {});
    server.readers[reader].served.reads = false;
    server.run();
    for _ in 0..200 {
        server.publish_number();
        server.run();
    }
    server.readers[reader].served.reads = true;
    server.readers[reader].served.run();
    // One burst of at most 50 bytes was on its way.
    let expected = numbers(1..=5) + ": lag\n" + &numbers(201..=300);
    assert_eq!(server.received(reader), expected);
}

#[test]
fn a_stalled_reader_costs_the_others_nothing() {
    let mut server = Server::new(|config| config.topic.max_publications = 10);
    let (stalled, other) = (server.connect(Start::Live, |_| {}), server.connect(Start::Live, |_| {}));
    server.readers[stalled].served.reads = false;
    let mut received = String::new();
    for _ in 0..100 {
        server.publish_number();
        received += &server.received(other);
    }
    assert_eq!(received, numbers(1..=100));
    assert_eq!(server.log.stats().publications, 10);
}

#[test]
fn a_stream_without_a_longest_time_is_open_and_one_with_it_ends_in_the_middle_of_a_replay() {
    let mut server = Server::new(|config| config.max_burst = 100);
    for _ in 0..1_000 {
        server.publish_number();
    }
    let off = server.connect(Start::Live, |_| {});
    let on = server.connect(Start::Oldest, |config| {
        (config.max_stream_time, config.max_stream_jitter) = (Some(Duration::from_millis(200)), 0);
    });
    let mut received = String::new();
    for _ in 0..40 {
        for reader in [off, on] {
            let served = &mut server.readers[reader].served;
            served.reads = true;
            served.run();
            served.reads = false;
            served.advance(Duration::from_millis(10));
        }
        received += &server.received(on);
    }
    assert_eq!(server.readers[off].served.closed(), None);
    assert_eq!(server.readers[on].served.closed(), Some(CloseReason::MaxStreamTime));
    let replayed = received.matches("data: ").count() as u64;
    assert!((10..=400).contains(&replayed), "{replayed}");
    assert_eq!(received, numbers(1..=replayed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Reconnecting with the id of the last whole event that arrived, after a cut anywhere: every event once and in order.
    #[test]
    fn replay_and_live_have_no_seam(
        steps in prop::collection::vec((0..4_u8, 0..30_usize), 1..60),
    ) {
        let mut server = Server::new(|config| config.max_burst = 64);
        let mut received = String::new();
        let mut reader = server.connect(Start::Live, |_| {});
        for (step, count) in steps {
            match step {
                0 => (0..count).for_each(|_| server.publish_number()),
                1 => server.run(),
                2 => server.readers[reader].served.reads ^= true,
                _ => {
                    // The connection is cut after so many bytes of what was under way.
                    server.run();
                    let output = server.readers[reader].served.take_output();
                    let arrived = dechunk(&output[..output.len().min(count * 3)]);
                    received += &arrived[..arrived.rfind("\n\n").map_or(0, |at| at + 2)];
                    server.log.close_reader(server.readers[reader].id);
                    let last = received.matches("data: ").count();
                    reader = server.connect(Start::After(&format!("1-{last}")), |_| {});
                }
            }
        }
        server.readers[reader].served.reads = true;
        server.readers[reader].served.run();
        received += &server.received(reader);
        let head = server.log.head().position.number();
        prop_assert_eq!(received, numbers(1..=head));
    }
}
