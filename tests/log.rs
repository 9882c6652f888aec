//! The log: positions, cursors, eviction, gaps and wake-ups, case by case and against a naive model.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::Instant;
use tidewire_core::log::{
    Config, ConfigureError, EventId, Gap, GapReason, Log, OpenError, PublishError, Read, ReaderId, Start, TopicConfig,
};
use tidewire_tests::log_play::{AnyStart, Step, play};
use tidewire_tests::logs::{EPOCH, NOW, id, log, open, publish_to, read_all, resume};

fn publish(log: &mut Log, topic: &str) -> EventId {
    publish_to(log, &[topic])
}

/// The bytes of a publication are its topic and position.
fn publish_at(log: &mut Log, now: Instant, topic: &str) -> EventId {
    let encode = |id: EventId, out: &mut Vec<u8>| out.extend_from_slice(format!("{topic}{} ", id.position).as_bytes());
    log.publish(now, topic, encode).unwrap()
}

fn lag(log: &Log, reader: ReaderId) -> Option<usize> {
    log.lag(reader).map(|lag| lag.messages)
}

// seeds §4E, event log

#[test]
fn ids_are_ordered_over_all_topics() {
    let mut log = log(|_| {});
    let ids = [publish(&mut log, "a"), publish(&mut log, "b"), publish(&mut log, "a")];
    assert_eq!(ids, [id(1), id(2), id(3)]);
    assert_eq!(log.head(), id(3));
    assert_eq!(id(3).to_string(), "100-3");
}

#[test]
fn replay_is_in_order_and_exclusive() {
    let mut log = log(|_| {});
    for _ in 0..4 {
        publish(&mut log, "a");
    }
    assert_eq!(resume(&mut log, &["a"], "100-0"), "a1 a2 a3 a4");
    assert_eq!(resume(&mut log, &["a"], "100-2"), "a3 a4");
}

#[test]
fn resume_at_the_head_is_no_gap_and_empty() {
    let mut log = log(|_| {});
    publish(&mut log, "a");
    assert_eq!(resume(&mut log, &["a"], "100-1"), "");
}

#[test]
fn one_before_the_oldest_resumes_and_two_before_does_not() {
    let mut log = log(|config| config.topic.max_publications = 2);
    for _ in 0..5 {
        publish(&mut log, "a");
    }
    assert_eq!(resume(&mut log, &["a"], "100-3"), "a4 a5");
    assert_eq!(resume(&mut log, &["a"], "100-2"), "[evicted 100-2→4 at 3] a4 a5");
}

#[test]
fn eviction_by_age_is_told() {
    let mut log = log(|config| config.max_age = Some(Duration::from_secs(10)));
    publish_at(&mut log, NOW, "a");
    publish_at(&mut log, NOW + Duration::from_secs(5), "a");
    assert_eq!(log.poll_timeout(), Some(NOW + Duration::from_secs(10)));
    log.handle_timeout(NOW + Duration::from_millis(9_999));
    assert_eq!(resume(&mut log, &["a"], "100-0"), "a1 a2");
    log.handle_timeout(NOW + Duration::from_secs(10));
    assert_eq!(resume(&mut log, &["a"], "100-0"), "[evicted 100-0→2 at 1] a2");
    assert_eq!(log.poll_timeout(), Some(NOW + Duration::from_secs(15)));
    log.handle_timeout(NOW + Duration::from_secs(15));
    assert_eq!(resume(&mut log, &["a"], "100-0"), "[evicted 100-0→- at 2]");
    assert_eq!(log.poll_timeout(), None);
    assert_eq!((log.stats().publications, log.stats().bytes), (0, 0));
}

#[test]
fn age_is_held_without_a_timer_too() {
    let mut log = log(|config| config.max_age = Some(Duration::from_secs(10)));
    publish_at(&mut log, NOW, "a");
    let (reader, _) = open(&mut log, &["a"], Start::Oldest);
    let late = log.read(NOW + Duration::from_secs(10), reader, 100);
    assert!(matches!(late, Some(Read::Gap(Gap { reason: GapReason::Lag, .. }))), "{late:?}");
}

#[test]
fn eviction_by_bytes_of_the_topic_and_of_the_log_is_told() {
    let of_topic = |max| log(|config| config.topic.max_bytes = max);
    // "a1 " as a chunk is 3 + 3 + 2 bytes, and counts 192 more.
    let mut two = of_topic(400);
    let mut almost_two = of_topic(399);
    for log in [&mut two, &mut almost_two] {
        publish(log, "a");
        publish(log, "a");
    }
    assert_eq!(resume(&mut two, &["a"], "100-0"), "a1 a2");
    assert_eq!(resume(&mut almost_two, &["a"], "100-0"), "[evicted 100-0→2 at 1] a2");

    let mut of_log = log(|config| config.max_bytes = 400);
    for topic in ["a", "b", "c"] {
        publish(&mut of_log, topic);
    }
    assert_eq!(resume(&mut of_log, &["a", "b", "c"], "100-0"), "[evicted 100-0→2 at 1] b2 c3");
    assert_eq!(of_log.stats().bytes, 400);
}

#[test]
fn beyond_max_topics_the_one_published_to_least_recently_is_forgotten() {
    let mut log = log(|config| config.max_topics = 2);
    for topic in ["a", "b", "a", "c"] {
        publish(&mut log, topic);
    }
    assert_eq!(log.stats().topics, 2);
    assert_eq!(resume(&mut log, &["a"], "100-0"), "a1 a3");
    assert_eq!(resume(&mut log, &["c"], "100-2"), "c4");
}

#[test]
fn a_forgotten_topic_is_a_gap_and_never_silence() {
    let mut log = log(|config| config.max_topics = 1);
    publish(&mut log, "a");
    publish(&mut log, "b");
    assert_eq!(resume(&mut log, &["a"], "100-0"), "[evicted 100-0→- at 2]");
    // What was read before it was forgotten is not missing.
    assert_eq!(resume(&mut log, &["a"], "100-1"), "[evicted 100-1→- at 2]");
    assert_eq!(resume(&mut log, &["a"], "100-2"), "");
}

#[test]
fn a_recreated_topic_never_reissues_ids() {
    let mut log = log(|config| config.max_topics = 1);
    let mut ids: Vec<EventId> = ["a", "b", "a", "b", "a"].iter().map(|topic| publish(&mut log, topic)).collect();
    ids.dedup();
    assert_eq!(ids, [id(1), id(2), id(3), id(4), id(5)]);
    assert_eq!(resume(&mut log, &["a"], "100-3"), "[evicted 100-3→5 at 4] a5");
}

#[test]
fn names_that_are_only_asked_for_leave_nothing_behind() {
    let mut log = log(|config| config.max_topics = 2);
    publish(&mut log, "a");
    for number in 0..100 {
        let name = format!("asked-{number}");
        let (reader, gap) = open(&mut log, &[&name], Start::After("100-0"));
        assert_eq!(gap, None);
        log.close_reader(reader);
    }
    assert_eq!(log.stats().topics, 1);
    assert_eq!(resume(&mut log, &["a"], "100-0"), "a1");
}

#[test]
fn topics_with_readers_are_not_forgotten() {
    let mut log = log(|config| config.max_topics = 2);
    let (a, _) = open(&mut log, &["a"], Start::Live);
    let (_b, _) = open(&mut log, &["b"], Start::Live);
    assert_eq!(log.publish(NOW, "c", |_, out| out.push(b'x')), Err(PublishError::TooManyTopics));
    assert_eq!(log.open_reader(NOW, ["a", "c"], Start::Live), Err(OpenError::TooManyTopics));
    assert_eq!(log.head(), id(0));
    log.close_reader(a);
    assert_eq!(publish(&mut log, "c"), id(1));
}

#[test]
fn ids_that_cannot_be_resumed_are_told_why() {
    let mut log = log(|config| config.topic.max_publications = 3);
    for _ in 0..4 {
        publish(&mut log, "a");
    }
    for malformed in ["x", "100", "100-", "-3", "100-+3", "0100-3", "100-03", "100-3 ", "100-18446744073709551616"] {
        assert_eq!(resume(&mut log, &["a"], malformed), format!("[malformed {malformed}→- at 4]"));
    }
    // All that is kept was published after an id of an earlier life.
    assert_eq!(resume(&mut log, &["a"], "zz-3"), "[epoch zz-3→2 at 1] a2 a3 a4");
    assert_eq!(resume(&mut log, &["a"], "100-4"), "");
    assert_eq!(resume(&mut log, &["a"], "100-5"), "[ahead 100-5→- at 4]");
    assert_eq!(resume(&mut log, &["a"], ""), "");
}

#[test]
fn an_unknown_topic_has_missed_nothing() {
    let mut log = log(|_| {});
    publish(&mut log, "a");
    assert_eq!(resume(&mut log, &["unknown"], "100-0"), "");
}

#[test]
fn what_a_gap_repeats_of_an_id_is_short() {
    let mut log = log(|_| {});
    let (_, gap) = open(&mut log, &["a"], Start::After(&"é".repeat(1_000)));
    assert_eq!(gap.unwrap().after.len(), 128);
    let (_, gap) = open(&mut log, &["a"], Start::After(&("x".to_owned() + &"é".repeat(1_000))));
    assert_eq!(gap.unwrap().after.len(), 127);
}

#[test]
fn live_sees_only_what_comes_and_oldest_all_that_is_kept() {
    let mut log = log(|config| config.topic.max_publications = 2);
    for _ in 0..3 {
        publish(&mut log, "a");
    }
    let (live, gap) = open(&mut log, &["a"], Start::Live);
    assert_eq!(gap, None);
    let (oldest, gap) = open(&mut log, &["a"], Start::Oldest);
    assert_eq!(gap, None);
    assert_eq!(read_all(&mut log, live), "");
    assert_eq!(read_all(&mut log, oldest), "a2 a3");
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, live), "a4");
    assert_eq!(read_all(&mut log, oldest), "a4");
}

#[test]
fn one_id_resumes_over_several_topics_in_their_common_order() {
    let mut log = log(|_| {});
    for topic in ["a", "b", "c", "b", "a", "a", "b"] {
        publish(&mut log, topic);
    }
    assert_eq!(resume(&mut log, &["b", "a", "b"], "100-1"), "b2 b4 a5 a6 b7");
    assert_eq!(resume(&mut log, &["a", "c"], "100-3"), "a5 a6");
    assert_eq!(resume(&mut log, &["c"], "100-1"), "c3");
}

#[test]
fn hand_over_from_replay_to_live_has_no_seam() {
    let mut log = log(|_| {});
    for _ in 0..3 {
        publish(&mut log, "a");
    }
    let (reader, _) = open(&mut log, &["a"], Start::After("100-0"));
    let mut text = String::new();
    // Each burst is one publication, and one more is published before each.
    for _ in 0..3 {
        publish(&mut log, "a");
        if let Some(Read::Burst { burst, .. }) = log.read(NOW, reader, 1) {
            text += std::str::from_utf8(&burst.bytes()).unwrap();
        }
    }
    text += &read_all(&mut log, reader);
    assert_eq!(text, "a1 a2 a3 a4 a5 a6");
}

#[test]
fn a_slow_reader_is_told_and_goes_on_with_the_oldest_kept() {
    let mut log = log(|config| config.topic.max_publications = 2);
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, reader), "a1");
    for _ in 0..4 {
        publish(&mut log, "a");
    }
    assert_eq!(read_all(&mut log, reader), "[lag 100-1→4 at 3] a4 a5");
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, reader), "a6");
}

#[test]
fn a_gap_of_one_topic_comes_before_what_the_others_have() {
    let mut log = log(|config| config.topic.max_publications = 2);
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    for topic in ["a", "b", "a", "a", "b", "a"] {
        publish(&mut log, topic);
    }
    // a1 and a3 are lost; from 4 on nothing is missing, and b2 is there besides.
    assert_eq!(read_all(&mut log, reader), "[lag 100-0→4 at 1] b2 a4 b5 a6");
    // The same told to a resume from inside: nothing before 3 is told twice.
    assert_eq!(resume(&mut log, &["a", "b"], "100-2"), "[evicted 100-2→4 at 3] a4 b5 a6");
    assert_eq!(resume(&mut log, &["a", "b"], "100-3"), "a4 b5 a6");
}

#[test]
fn a_second_loss_is_told_even_when_another_topic_lost_later_ones_before() {
    let mut log = log(|config| config.topic.max_publications = 1);
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    for topic in ["b", "a", "a", "a"] {
        publish(&mut log, topic);
    }
    let first = log.read(NOW, reader, 1);
    assert!(matches!(first, Some(Read::Gap(_))), "{first:?}");
    // b1 was kept when the gap was told, and goes before it is read.
    publish(&mut log, "b");
    assert_eq!(read_all(&mut log, reader), "[lag 100-0→4 at 3] a4 b5");
}

#[test]
fn a_burst_is_cut_at_max_bytes_but_never_empty() {
    let mut log = log(|_| {});
    for _ in 0..3 {
        publish(&mut log, "a");
    }
    let (reader, _) = open(&mut log, &["a"], Start::Oldest);
    let mut read = |max| match log.read(NOW, reader, max) {
        Some(Read::Burst { burst, more }) => Some((burst.bytes(), more)),
        other => panic!("{other:?}"),
    };
    assert_eq!(read(0), Some(("a1 ".into(), true)));
    assert_eq!(read(5), Some(("a2 ".into(), true)));
    assert_eq!(read(6), Some(("a3 ".into(), false)));
    assert_eq!(log.read(NOW, reader, 100), None);

    let (reader, _) = open(&mut log, &["a"], Start::Oldest);
    let Some(Read::Burst { burst, more: true }) = log.read(NOW, reader, 6) else { panic!() };
    assert_eq!((&burst.bytes()[..], &burst.chunk()[..]), (&b"a1 a2 "[..], &b"6\r\na1 a2 \r\n"[..]));
}

#[test]
fn readers_at_the_same_place_share_their_bytes() {
    let mut log = log(|_| {});
    let readers: Vec<ReaderId> = (0..3).map(|_| open(&mut log, &["a"], Start::Live).0).collect();
    let (both, _) = open(&mut log, &["a", "b"], Start::Live);
    for count in [1, 2, 7] {
        for _ in 0..count {
            publish(&mut log, "a");
        }
        let mut pointers = Vec::new();
        for reader in readers.iter().chain([&both]) {
            let Some(Read::Burst { burst, .. }) = log.read(NOW, *reader, usize::MAX) else { panic!() };
            pointers.push((burst.chunk().as_ptr(), burst.chunk().len()));
        }
        pointers.dedup();
        assert_eq!(pointers.len(), 1, "of {count}");
    }
}

#[test]
fn a_burst_read_before_is_not_taken_for_a_longer_one() {
    let mut log = log(|_| {});
    let (first, _) = open(&mut log, &["a"], Start::Live);
    let (second, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a");
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, first), "a1 a2");
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, second), "a1 a2 a3");
    assert_eq!(read_all(&mut log, first), "a3");
}

// Waking

#[test]
fn a_reader_is_woken_once_until_it_has_read_everything() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    assert_eq!(log.poll_wake(), Some(reader));
    assert_eq!(log.poll_wake(), None);
    publish(&mut log, "a");
    assert_eq!(log.poll_wake(), None, "awake until it has read");
    read_all(&mut log, reader);

    publish(&mut log, "a");
    publish(&mut log, "b");
    assert_eq!((log.poll_wake(), log.poll_wake()), (Some(reader), None));
    publish(&mut log, "c");
    assert!(matches!(log.read(NOW, reader, 1), Some(Read::Burst { more: true, .. })));
    publish(&mut log, "a");
    assert_eq!(log.poll_wake(), None, "more was announced");
    assert_eq!(read_all(&mut log, reader), "b3 a5");
    publish(&mut log, "c");
    assert_eq!(log.poll_wake(), None, "not its topic");
}

#[test]
fn a_burst_that_reached_the_head_is_enough_to_sleep() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    assert_eq!(log.poll_wake(), Some(reader));
    publish(&mut log, "a");
    assert!(matches!(log.read(NOW, reader, 100), Some(Read::Burst { more: false, .. })));
    publish(&mut log, "a");
    assert_eq!(log.poll_wake(), Some(reader));
}

#[test]
fn a_reader_that_has_read_before_it_was_woken_is_not_woken() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    assert_eq!(log.read(NOW, reader, 100), None);
    assert_eq!(log.poll_wake(), None);
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, reader), "a1");
    assert_eq!(log.poll_wake(), None);
    publish(&mut log, "a");
    assert_eq!((log.poll_wake(), log.poll_wake()), (Some(reader), None));
}

#[test]
fn a_closed_reader_is_neither_woken_nor_read() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    log.close_reader(reader);
    log.close_reader(reader);
    let (next, _) = open(&mut log, &["a"], Start::Live);
    assert_ne!(reader, next);
    publish(&mut log, "a");
    assert_eq!((log.poll_wake(), log.poll_wake()), (Some(next), None));
    assert_eq!(log.read(NOW, reader, 100), None);
    log.close_reader(reader);
    assert_eq!((log.stats().readers, lag(&log, next), lag(&log, reader)), (1, Some(1), None));
}

// Limits, and callers' faults

#[test]
fn limits_of_readers_hold_at_minus_one_at_and_plus_one() {
    let mut log = log(|config| {
        config.max_subscriptions = 2;
        config.max_readers = 2;
        config.max_name = 3;
    });
    assert_eq!(log.open_reader(NOW, [], Start::Live), Err(OpenError::NoTopics));
    assert_eq!(log.open_reader(NOW, ["a", "b", "c"], Start::Live), Err(OpenError::TooManySubscriptions));
    assert_eq!(log.open_reader(NOW, ["abcd"], Start::Live), Err(OpenError::NameTooLong));
    assert!(log.open_reader(NOW, ["a", "a", "b", "a"], Start::Live).is_ok());
    assert!(log.open_reader(NOW, ["abc"], Start::Live).is_ok());
    assert_eq!(log.open_reader(NOW, ["a"], Start::Live), Err(OpenError::TooManyReaders));
    assert_eq!(log.stats().topics, 3);
}

#[test]
fn limits_of_publications_hold_at_minus_one_at_and_plus_one() {
    // 100 bytes as a chunk are 2 + 2 + 100 + 2.
    for (max, published) in [(297, false), (298, true), (299, true)] {
        let mut log = log(|config| config.topic.max_bytes = max);
        let result = log.publish(NOW, "a", |_, out| out.extend_from_slice(&[b'x'; 100]));
        assert_eq!(result.is_ok(), published, "{max}");
        assert_eq!(log.head(), id(published.into()));
    }
    let mut log = log(|config| config.max_name = 3);
    assert_eq!(log.publish(NOW, "abcd", |_, out| out.push(b'x')), Err(PublishError::NameTooLong));
    assert_eq!(log.publish(NOW, "abc", |_, _| {}), Err(PublishError::Empty));
    assert_eq!(log.stats(), Log::new(Config::default(), EPOCH).stats());
}

#[test]
fn memory_follows_the_bounds_and_not_the_publications() {
    let mut log = log(|config| {
        config.topic.max_publications = 10;
        config.max_topics = 20;
        config.max_bytes = 20_000;
    });
    publish(&mut log, "quiet");
    let (_never_reads, _) = open(&mut log, &["quiet", "t0"], Start::Live);
    for number in 0..20_000 {
        publish(&mut log, &format!("t{}", number % 37));
    }
    let stats = log.stats();
    assert!(stats.publications <= 200 && stats.bytes <= 20_000 && stats.topics <= 20, "{stats:?}");
}

// Several topics at once, and topics with bounds of their own

#[test]
fn a_publication_to_several_topics_is_one_position_and_comes_once() {
    let mut log = log(|_| {});
    let (both, _) = open(&mut log, &["a", "b"], Start::Live);
    let (only_b, _) = open(&mut log, &["b"], Start::Live);
    publish(&mut log, "a");
    assert_eq!(publish_to(&mut log, &["a", "b", "c", "a"]), id(2));
    publish(&mut log, "b");
    assert_eq!(read_all(&mut log, both), "a1 a2 b3");
    assert_eq!(read_all(&mut log, only_b), "a2 b3");
    assert_eq!(resume(&mut log, &["c", "b", "a"], "100-1"), "a2 b3");
    assert_eq!(log.stats().publications, 5, "it counts in each of its topics");
}

#[test]
fn a_publication_to_several_topics_wakes_a_reader_of_several_once() {
    let mut log = log(|_| {});
    let (both, _) = open(&mut log, &["a", "b"], Start::Live);
    assert_eq!(log.poll_wake(), Some(both));
    read_all(&mut log, both);
    publish_to(&mut log, &["a", "b"]);
    assert_eq!((log.poll_wake(), log.poll_wake()), (Some(both), None));
    assert_eq!(read_all(&mut log, both), "a1");
    assert_eq!(log.poll_wake(), None);
}

#[test]
fn a_publication_that_one_of_its_topics_refuses_goes_to_none() {
    let mut log = log(|config| {
        config.max_topics = 2;
        config.max_subscriptions = 2;
    });
    let mut small = TopicConfig::default();
    small.max_bytes = 300;
    log.configure("small", small).unwrap();
    let mut to = |topics: &[&str], len| log.publish_to(NOW, topics, |_, out| out.resize(len, b'x'));
    assert_eq!(to(&[], 1), Err(PublishError::NoTopics));
    assert_eq!(to(&["a", "small"], 103), Err(PublishError::TooLarge));
    assert_eq!(to(&["a", "small", "b"], 1), Err(PublishError::TooManyTopics));
    assert_eq!(to(&["a", "b"], 1), Err(PublishError::TooManyTopics));
    assert_eq!(to(&["a", "small"], 102), Ok(id(1)));
    assert_eq!(log.stats().topics, 2);
}

#[test]
fn topics_named_together_do_not_push_each_other_out() {
    let mut log = log(|config| config.max_topics = 2);
    publish(&mut log, "a");
    publish(&mut log, "b");
    publish_to(&mut log, &["c", "a"]);
    assert_eq!(resume(&mut log, &["a"], "100-0"), "a1 c3");
    publish(&mut log, "c");
    let (reader, _) = open(&mut log, &["a", "d"], Start::Oldest);
    assert_eq!(read_all(&mut log, reader), "a1 c3");
}

#[test]
fn a_configured_topic_is_never_forgotten_until_it_is_removed() {
    let mut log = log(|config| config.max_topics = 2);
    log.configure("kept", TopicConfig::default()).unwrap();
    publish(&mut log, "kept");
    for topic in ["a", "b", "c"] {
        publish(&mut log, topic);
    }
    assert_eq!(resume(&mut log, &["kept"], "100-0"), "kept1");
    log.configure("c", TopicConfig::default()).unwrap();
    assert_eq!(log.configure("d", TopicConfig::default()), Err(ConfigureError::TooManyTopics));
    assert_eq!(log.configure(&"x".repeat(1_025), TopicConfig::default()), Err(ConfigureError::NameTooLong));
    log.remove_topic("kept");
    assert_eq!(log.stats().topics, 1);
    publish(&mut log, "d");
    assert_eq!(resume(&mut log, &["kept"], "100-0"), "[evicted 100-0→- at 5]");
}

#[test]
fn bounds_of_a_topic_hold_at_once_and_for_it_alone() {
    let mut log = log(|_| {});
    for topic in ["a", "b", "a", "b", "a"] {
        publish(&mut log, topic);
    }
    let mut two = TopicConfig::default();
    two.max_publications = 2;
    log.configure("a", two).unwrap();
    assert_eq!(resume(&mut log, &["a"], "100-0"), "[evicted 100-0→3 at 2] a3 a5");
    assert_eq!(resume(&mut log, &["b"], "100-0"), "b2 b4");
    publish(&mut log, "a");
    assert_eq!(resume(&mut log, &["a"], "100-3"), "a5 a6");
}

#[test]
fn readers_of_a_removed_topic_stay_and_are_told() {
    let mut log = log(|_| {});
    let (behind, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a");
    let (ahead, _) = open(&mut log, &["a"], Start::Live);
    log.remove_topic("a");
    log.remove_topic("unknown");
    assert_eq!(log.readers_of("a").collect::<BTreeSet<_>>(), BTreeSet::from([behind, ahead]));
    assert_eq!(log.readers_of("unknown").count(), 0);
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, behind), "[lag 100-0→2 at 1] a2");
    assert_eq!(read_all(&mut log, ahead), "a2");
}

#[test]
fn more_than_max_replay_is_told_as_limit_and_the_last_come() {
    for (max_replay, expected) in
        [(2, "[limit 100-1→3 at 2] a3 a4"), (3, "a2 a3 a4"), (4, "a2 a3 a4"), (0, "[limit 100-1→- at 4]")]
    {
        let mut log = log(|config| config.topic.max_replay = max_replay);
        (0..4).for_each(|_| _ = publish(&mut log, "a"));
        assert_eq!(resume(&mut log, &["a"], "100-1"), expected, "{max_replay}");
        assert_eq!(resume(&mut log, &["a"], "100-4"), "", "{max_replay}");
    }
    let mut log = log(|config| (config.topic.max_replay, config.topic.max_publications) = (1, 2));
    (0..4).for_each(|_| _ = publish(&mut log, "a"));
    assert_eq!(resume(&mut log, &["a"], "100-1"), "[evicted 100-1→4 at 3] a4", "one gap for both");
    assert_eq!(resume(&mut log, &["a"], "zz-1"), "[epoch zz-1→4 at 3] a4");
    let (oldest, gap) = open(&mut log, &["a"], Start::Oldest);
    assert_eq!((read_all(&mut log, oldest), gap), ("a4".to_owned(), None));
}

#[test]
fn what_follows_a_limit_is_live_without_a_seam() {
    let mut log = log(|config| config.topic.max_replay = 1);
    (0..3).for_each(|_| _ = publish(&mut log, "a"));
    let (reader, _) = open(&mut log, &["a"], Start::After("100-0"));
    publish(&mut log, "a");
    assert_eq!(read_all(&mut log, reader), "a3 a4");
}

#[test]
fn a_reader_is_woken_for_itself() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    assert_eq!(log.poll_wake(), Some(reader));
    log.wake(reader);
    assert_eq!(log.poll_wake(), None, "it is awake");
    read_all(&mut log, reader);
    log.wake(reader);
    log.wake(reader);
    publish(&mut log, "a");
    assert_eq!((log.poll_wake(), log.poll_wake()), (Some(reader), None));
    log.close_reader(reader);
    log.wake(reader);
    assert_eq!(log.poll_wake(), None);
}

#[test]
fn a_busy_topic_does_not_keep_the_readers_of_others_asleep() {
    let mut log = log(|_| {});
    let (busy, _) = open(&mut log, &["busy"], Start::Live);
    let (quiet, _) = open(&mut log, &["quiet"], Start::Live);
    while log.poll_wake().is_some() {}
    read_all(&mut log, busy);
    read_all(&mut log, quiet);
    publish(&mut log, "busy");
    publish(&mut log, "quiet");
    for _ in 0..3 {
        if log.poll_wake() == Some(quiet) {
            return;
        }
        // It reads at once, and something new is there at once.
        read_all(&mut log, busy);
        publish(&mut log, "busy");
    }
    panic!("the busy topic's reader is woken again and again");
}

#[test]
fn only_the_latest_is_left_after_a_skip() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    assert_eq!(log.skip_to_latest(reader), 0);
    publish(&mut log, "a");
    assert_eq!(log.skip_to_latest(reader), 0, "it is the latest");
    for topic in ["b", "a", "b"] {
        publish(&mut log, topic);
    }
    assert_eq!(log.skip_to_latest(reader), 3);
    assert_eq!(log.cursor(reader), Some(id(3)));
    assert_eq!(read_all(&mut log, reader), "b4");
}

// Against the naive log

fn step() -> impl Strategy<Value = Step> {
    let start = prop_oneof![
        1 => Just(AnyStart::Live),
        1 => Just(AnyStart::Oldest),
        3 => any::<u8>().prop_map(AnyStart::After),
        1 => any::<u8>().prop_map(AnyStart::Own),
    ];
    let topics = prop_oneof![3 => prop::collection::vec(0..6_u8, 1..2), 1 => prop::collection::vec(0..6_u8, 1..4)];
    let own = prop_oneof![2 => Just(None), 1 => any::<u8>().prop_map(Some)];
    prop_oneof![
        16 => (topics.clone(), 1..60_u8, own, prop::bool::weighted(0.3))
            .prop_map(|(topics, len, own, watch)| Step::Publish { topics, len, own, watch }),
        4 => (topics, start).prop_map(|(topics, start)| Step::Open { topics, start }),
        10 => (any::<u8>(), any::<u8>()).prop_map(|(reader, max)| Step::Read { reader, max }),
        6 => any::<u8>().prop_map(|reader| Step::Write { reader }),
        1 => any::<u8>().prop_map(|reader| Step::Close { reader }),
        2 => any::<u8>().prop_map(|reader| Step::Resume { reader }),
        1 => any::<u8>().prop_map(|reader| Step::Skip { reader }),
        2 => (0..6_u8, any::<[u8; 5]>(), any::<u8>())
            .prop_map(|(topic, bounds, then)| Step::Configure { topic, bounds, then }),
        1 => (0..6_u8).prop_map(|topic| Step::Remove { topic }),
        1 => (0..4_u8).prop_map(|secs| Step::Wait { secs }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_reader_sees_what_the_model_says(steps in prop::collection::vec(step(), 0..150)) {
        play(steps);
    }
}
