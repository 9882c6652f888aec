//! How far readers of a log are behind, and what becomes of those that are too far.

use tidewire_core::log::{Lag, LagPolicy, Log, OnLag, ReaderId, Start, TopicConfig};
use tidewire_tests::logs::{NOW, log_of, open, policy, publish, publish_to, read_all, resume};

fn lag(messages: usize, bytes: usize) -> Option<Lag> {
    Some(Lag { messages, bytes })
}

fn lagging(log: &mut Log) -> Vec<ReaderId> {
    std::iter::from_fn(|| log.poll_lagging()).collect()
}

#[test]
fn lag_is_exact_in_publications_and_bytes() {
    let mut log = log_of(|topic| topic.max_publications = 3);
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    assert_eq!(log.lag(reader), lag(0, 0));
    for (messages, bytes) in [(1, 3), (2, 6), (3, 9), (3, 9)] {
        publish(&mut log, "a", 1);
        assert_eq!(log.lag(reader), lag(messages, bytes), "what is kept of it");
    }
    publish(&mut log, "a", 6);
    assert_eq!(log.lag(reader), lag(3, 10), "a8, a9, a10");
    read_all(&mut log, reader);
    assert_eq!(log.lag(reader), lag(0, 0));
    publish(&mut log, "b", 1);
    assert_eq!(log.lag(reader), lag(0, 0));
    log.close_reader(reader);
    assert_eq!(log.lag(reader), None);
}

#[test]
fn bounds_as_large_as_they_can_be_overflow_nothing() {
    for then in [OnLag::Gap, OnLag::End, OnLag::Latest] {
        let mut log = log_of(|topic| {
            (topic.max_publications, topic.max_bytes) = (usize::MAX, usize::MAX);
            topic.lag = LagPolicy::new(usize::MAX, then);
            topic.lag.max_behind_bytes = 1;
        });
        let (reader, _) = open(&mut log, &["a"], Start::Live);
        publish(&mut log, "a", 2);
        assert_eq!(lagging(&mut log), if then == OnLag::End { vec![reader] } else { vec![] });
    }
}

#[test]
fn lag_over_several_topics_is_their_sum() {
    let mut log = log_of(|_| {});
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    publish(&mut log, "a", 2);
    publish_to(&mut log, &["a", "b"]);
    assert_eq!(log.lag(reader), lag(4, 12));
    assert_eq!(read_all(&mut log, reader), "a1 a2 a3");
}

#[test]
fn launchdarkly_buffers_128_and_ends_who_is_further_behind() {
    let policy = LagPolicy::launch_darkly();
    assert_eq!((policy.max_behind, policy.max_behind_bytes, policy.then), (128, usize::MAX, OnLag::End));
    let mut log = log_of(|topic| topic.lag = policy);
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a", 128);
    assert_eq!(lagging(&mut log), []);
    // It is found at most a sixteenth later.
    publish(&mut log, "a", 8);
    assert_eq!(lagging(&mut log), [reader]);
}

#[test]
fn a_gap_policy_holds_at_minus_one_at_and_plus_one() {
    for (published, expected) in
        [(2, "a1 a2"), (3, "a1 a2 a3"), (4, "[lag 100-0→2 at 1] a2 a3 a4"), (9, "[lag 100-0→7 at 6] a7 a8 a9")]
    {
        let mut log = log_of(|topic| topic.lag = policy(3, OnLag::Gap));
        let (reader, _) = open(&mut log, &["a"], Start::Live);
        publish(&mut log, "a", published);
        assert_eq!(read_all(&mut log, reader), expected);
        publish(&mut log, "a", 1);
        assert_eq!(read_all(&mut log, reader), format!("a{}", published + 1));
    }
}

#[test]
fn bytes_hold_at_minus_one_at_and_plus_one_and_never_for_one_publication() {
    // Each is three bytes.
    for (max_behind_bytes, expected) in [
        (9, "a1 a2 a3"),
        (10, "a1 a2 a3"),
        (8, "[lag 100-0→2 at 1] a2 a3"),
        (5, "[lag 100-0→3 at 2] a3"),
        (0, "[lag 100-0→3 at 2] a3"),
    ] {
        let mut log = log_of(|topic| topic.lag.max_behind_bytes = max_behind_bytes);
        let (reader, _) = open(&mut log, &["a"], Start::Live);
        publish(&mut log, "a", 3);
        assert_eq!(read_all(&mut log, reader), expected, "{max_behind_bytes}");
        publish(&mut log, "a", 1);
        assert_eq!(read_all(&mut log, reader), "a4", "{max_behind_bytes}");
    }
}

#[test]
fn who_was_told_of_a_lag_and_comes_back_is_not_told_again() {
    let mut log = log_of(|topic| topic.lag = policy(2, OnLag::Gap));
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a", 5);
    assert!(log.read(NOW, reader, usize::MAX).is_some());
    let cursor = log.cursor(reader).unwrap();
    assert_eq!(resume(&mut log, &["a"], &cursor.to_string()), "a4 a5");
}

#[test]
fn latest_gives_the_last_alone() {
    for (published, expected) in [(2, "a1 a2"), (3, "[lag 100-0→3 at 2] a3"), (7, "[lag 100-0→7 at 6] a7")] {
        let mut log = log_of(|topic| (topic.lag, topic.max_publications) = (policy(2, OnLag::Latest), 4));
        let (reader, _) = open(&mut log, &["a"], Start::Live);
        publish(&mut log, "a", published);
        assert_eq!(read_all(&mut log, reader), expected);
    }
}

#[test]
fn a_lag_in_one_topic_leaves_the_others_whole() {
    let mut log = log_of(|_| {});
    let mut two = TopicConfig::default();
    two.lag = policy(2, OnLag::Gap);
    log.configure("a", two).unwrap();
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    for topic in ["a", "b", "a", "b", "a", "b"] {
        publish(&mut log, topic, 1);
    }
    assert_eq!(read_all(&mut log, reader), "[lag 100-0→2 at 1] b2 a3 b4 a5 b6");
}

#[test]
fn a_reader_that_never_reads_again_is_named_once() {
    let mut log = log_of(|topic| topic.lag = policy(3, OnLag::End));
    let (stalled, _) = open(&mut log, &["a"], Start::Live);
    let (other, _) = open(&mut log, &["b"], Start::Live);
    publish(&mut log, "a", 3);
    assert_eq!(lagging(&mut log), []);
    publish(&mut log, "a", 1);
    assert_eq!(lagging(&mut log), [stalled]);
    publish(&mut log, "a", 10);
    assert_eq!(lagging(&mut log), [], "until it has read everything");
    assert!(read_all(&mut log, stalled).starts_with("a1 a2"), "nothing is skipped before it is ended");
    publish(&mut log, "a", 4);
    assert_eq!(lagging(&mut log), [stalled]);
    log.close_reader(stalled);
    assert_eq!(read_all(&mut log, other), "");
}

#[test]
fn who_reads_in_time_is_never_named() {
    let mut log = log_of(|topic| topic.lag = policy(3, OnLag::End));
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    for _ in 0..100 {
        publish(&mut log, "a", 3);
        read_all(&mut log, reader);
    }
    assert_eq!(lagging(&mut log), []);
}

#[test]
fn a_named_reader_that_caught_up_or_left_is_not_ended() {
    let mut log = log_of(|topic| topic.lag = policy(1, OnLag::End));
    let (caught_up, _) = open(&mut log, &["a"], Start::Live);
    let (left, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a", 2);
    read_all(&mut log, caught_up);
    log.close_reader(left);
    let (new, _) = open(&mut log, &["a"], Start::Live);
    assert_ne!(new, left);
    assert_eq!(lagging(&mut log), []);
}

#[test]
fn bytes_end_a_reader_too() {
    let mut log = log_of(|topic| (topic.lag, topic.lag.max_behind_bytes) = (policy(100, OnLag::End), 6));
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a", 2);
    assert_eq!(lagging(&mut log), []);
    publish(&mut log, "a", 1);
    assert_eq!(lagging(&mut log), [reader]);
}

#[test]
fn a_stalled_reader_is_named_at_most_a_sixteenth_late_whenever_it_stalls() {
    for stalls_after in 0..40 {
        let mut log = log_of(|topic| topic.lag = policy(64, OnLag::End));
        let (reads, _) = open(&mut log, &["a"], Start::Live);
        let (stalled, _) = open(&mut log, &["a"], Start::Live);
        for _ in 0..stalls_after {
            publish(&mut log, "a", 1);
            read_all(&mut log, reads);
            read_all(&mut log, stalled);
        }
        let named = (1..200).find_map(|behind| {
            publish(&mut log, "a", 1);
            read_all(&mut log, reads);
            Some((behind, log.poll_lagging()?))
        });
        let (behind, named) = named.expect("a stalled reader is named");
        assert_eq!(named, stalled);
        assert!((65..=65 + 4).contains(&behind), "{behind} after {stalls_after}");
    }
}

#[test]
fn a_replay_is_not_a_lag_but_what_comes_meanwhile_is() {
    for then in [OnLag::Gap, OnLag::End] {
        let mut log = log_of(|topic| topic.lag = policy(2, then));
        publish(&mut log, "a", 10);
        let (reader, gap) = open(&mut log, &["a"], Start::After("100-0"));
        assert_eq!(gap, None);
        assert!(log.read(NOW, reader, 1).is_some());
        publish(&mut log, "a", 2);
        assert!(log.read(NOW, reader, 1).is_some());
        assert_eq!((log.cursor(reader).unwrap().position.number(), log.poll_lagging()), (2, None), "{then:?}");
        // The live buffer overflows during the replay.
        publish(&mut log, "a", 1);
        if then == OnLag::End {
            assert_eq!(log.poll_lagging(), Some(reader));
            assert_eq!(read_all(&mut log, reader), "a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13");
        } else {
            assert_eq!(read_all(&mut log, reader), "[lag 100-2→12 at 11] a12 a13");
        }
    }
}

#[test]
fn new_bounds_name_who_is_too_far_behind_already() {
    let mut log = log_of(|_| {});
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    publish(&mut log, "a", 3);
    let mut config = TopicConfig::default();
    config.lag = policy(2, OnLag::End);
    log.configure("a", config).unwrap();
    assert_eq!(lagging(&mut log), [reader]);
}
