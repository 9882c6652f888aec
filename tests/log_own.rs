//! Topics whose publications carry ids of the application's own.

use tidewire_core::log::{Log, OpenError, PublishError, Read, Start, TopicConfig};
use tidewire_tests::logs::{NOW, id, log_of, open, publish, publish_own, read_all, resume};

fn own() -> Log {
    log_of(|topic| (topic.own_ids, topic.max_publications) = (true, 3))
}

#[test]
fn readers_come_back_with_the_applications_ids() {
    let mut log = own();
    for own_id in ["9", "10", "x"] {
        publish_own(&mut log, "a", own_id);
    }
    // In the order they were added, and exclusively.
    assert_eq!(resume(&mut log, &["a"], "9"), "a2 a3");
    assert_eq!(resume(&mut log, &["a"], "10"), "a3");
    assert_eq!(resume(&mut log, &["a"], "x"), "");
    assert_eq!(log.find_own("a", "10"), Some(id(2).position));
    assert_eq!(log.find_own("a", "11"), None);
    assert_eq!(log.find_own("b", "10"), None);
}

#[test]
fn an_own_id_that_is_not_kept_is_evicted_and_all_that_is_kept_comes() {
    let mut log = own();
    for own_id in ["1", "2", "3", "4"] {
        publish_own(&mut log, "a", own_id);
    }
    assert_eq!(resume(&mut log, &["a"], "1"), "[evicted 1→2 at 1] a2 a3 a4");
    assert_eq!(resume(&mut log, &["a"], "never"), "[evicted never→2 at 1] a2 a3 a4");
    // The id to go on from that a gap names.
    assert_eq!(resume(&mut log, &["a"], "100-1"), "a2 a3 a4");
    assert_eq!(resume(&mut log, &["a"], "2"), "a3 a4");
}

#[test]
fn the_same_id_again_takes_the_place_of_the_earlier() {
    let mut log = own();
    publish_own(&mut log, "a", "1");
    let (seen, _) = open(&mut log, &["a"], Start::Oldest);
    assert_eq!(read_all(&mut log, seen), "a1");
    publish_own(&mut log, "a", "2");
    publish_own(&mut log, "a", "1");
    assert_eq!(read_all(&mut log, seen), "a2 a3");
    let (new, _) = open(&mut log, &["a"], Start::Oldest);
    assert_eq!(log.next_own_id(new), Some("2"));
    assert_eq!(read_all(&mut log, new), "a2 a3");
    assert_eq!(resume(&mut log, &["a"], "1"), "", "after its new place");
    // The earlier goes first, and takes nothing of the later with it.
    publish_own(&mut log, "a", "3");
    assert_eq!(resume(&mut log, &["a"], "1"), "a4");
}

#[test]
fn replacing_gives_bytes_back() {
    let mut log = own();
    let big = |log: &mut Log| log.publish_own(NOW, &["a"], "1", |_, out| out.resize(10_000, b'x')).unwrap();
    big(&mut log);
    let one = log.stats().bytes;
    big(&mut log);
    assert_eq!(log.stats().bytes, one + 192 + 1 + 128);
    log.remove_topic("a");
    assert_eq!(log.stats().bytes, 0);
}

#[test]
fn a_burst_that_was_put_together_before_is_not_given_with_what_was_replaced() {
    let mut log = log_of(|topic| topic.own_ids = true);
    for own_id in ["1", "2", "3"] {
        publish_own(&mut log, "a", own_id);
    }
    let (first, _) = open(&mut log, &["a"], Start::Oldest);
    let (second, _) = open(&mut log, &["a"], Start::Oldest);
    let two = |log: &mut Log, reader| match log.read(NOW, reader, 6) {
        Some(Read::Burst { burst, .. }) => burst.bytes(),
        other => panic!("{other:?}"),
    };
    assert_eq!(two(&mut log, first), "a1 a2 ");
    log.publish_own(NOW, &["a"], "2", |_, out| out.extend_from_slice(b"again ")).unwrap();
    assert_eq!(two(&mut log, second), "a1 a3 ");
    assert_eq!(read_all(&mut log, second), "again");
}

#[test]
fn own_ids_are_only_for_their_topics() {
    let mut log = log_of(|_| {});
    log.configure("own", config()).unwrap();
    let mut to = |topics: &[&str], own_id: &str| log.publish_own(NOW, topics, own_id, |_, out| out.push(b'x'));
    assert_eq!(to(&["own", "a"], "1"), Err(PublishError::NoOwnIds));
    assert_eq!(to(&["own"], &"x".repeat(1_025)), Err(PublishError::IdTooLong));
    assert_eq!(to(&["own"], &"x".repeat(1_024)), Ok(id(1)));
    assert_eq!(log.open_reader(NOW, ["own", "a"], Start::Live), Err(OpenError::OwnIdsNotAlone));
    assert_eq!(log.stats().topics, 1);
}

#[test]
fn a_comment_without_an_id_keeps_its_place() {
    let mut log = own();
    publish_own(&mut log, "a", "1");
    publish(&mut log, "a", 1);
    let (reader, _) = open(&mut log, &["a"], Start::After("1"));
    assert_eq!(log.next_own_id(reader), None);
    assert_eq!(read_all(&mut log, reader), "a2");
}

#[test]
fn a_reader_is_handed_over_where_everything_that_follows_is_kept() {
    let mut log = own();
    for own_id in ["1", "2", "3", "4"] {
        publish_own(&mut log, "a", own_id);
    }
    let (reader, gap) = open(&mut log, &["a"], Start::After("1"));
    assert!(gap.is_some());
    // Out of a store it was given up to 1, which is gone, and then up to 3.
    assert!(!log.seek(reader, "1"));
    assert!(!log.seek(reader, "never"));
    assert!(log.seek(reader, "3"));
    assert_eq!(read_all(&mut log, reader), "a4");
    // Something is missing between the start and the second.
    assert!(!log.seek_to(reader, id(0).position));
    assert!(log.seek_to(reader, id(1).position));
    assert_eq!(log.poll_wake(), Some(reader));
    assert_eq!(read_all(&mut log, reader), "a2 a3 a4");
}

#[test]
fn what_a_reader_was_given_otherwise_is_skipped() {
    let mut log = own();
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    for own_id in ["1", "2", "3"] {
        publish_own(&mut log, "a", own_id);
    }
    // Loaded out of a store were 1 and 2, which come again.
    while log.next_own_id(reader).is_some_and(|own_id| ["1", "2"].contains(&own_id)) {
        log.skip_next(reader);
    }
    assert_eq!(read_all(&mut log, reader), "a3");
    assert_eq!(log.next_own_id(reader), None);
}

fn config() -> TopicConfig {
    let mut config = TopicConfig::default();
    config.own_ids = true;
    config
}
