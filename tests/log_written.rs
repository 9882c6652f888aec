//! When a publication was written to every socket: watches.

use tidewire_core::log::{Log, Read, Start, Watch, WatchError};
use tidewire_tests::logs::{NOW, id, log, log_of, open, publish, publish_own, publish_to, read_all};

/// Written, missed, left.
fn done(log: &mut Log, watch: Watch) -> Option<[usize; 3]> {
    let written = log.poll_written()?;
    assert_eq!((written.watch, log.poll_written()), (watch, None));
    Some([written.written, written.missed, written.left])
}

#[test]
fn written_is_when_the_last_reader_has_written() {
    let mut log = log(|_| {});
    let (one, _) = open(&mut log, &["a"], Start::Live);
    let (two, _) = open(&mut log, &["a"], Start::Live);
    let (_other, _) = open(&mut log, &["b"], Start::Live);
    let published = publish_to(&mut log, &["a"]);
    let watch = log.watch(published).unwrap();
    log.note_written(one);
    assert_eq!(done(&mut log, watch), None, "it has not read it");
    read_all(&mut log, one);
    assert_eq!(done(&mut log, watch), None, "it has not written it");
    log.note_written(one);
    log.note_written(one);
    assert_eq!(done(&mut log, watch), None, "another has not");
    read_all(&mut log, two);
    log.note_written(two);
    assert_eq!(done(&mut log, watch), Some([2, 0, 0]));
}

#[test]
fn with_nobody_to_write_it_is_written_at_once() {
    let mut log = log(|_| {});
    let published = publish_to(&mut log, &["a"]);
    let (_later, _) = open(&mut log, &["a"], Start::After("100-0"));
    let watch = log.watch(published).unwrap();
    assert_eq!(done(&mut log, watch), Some([0, 0, 0]), "who came later was not there");
}

#[test]
fn who_leaves_is_not_waited_for() {
    let mut log = log(|_| {});
    let (reads, _) = open(&mut log, &["a"], Start::Live);
    let (leaves, _) = open(&mut log, &["a"], Start::Live);
    let published = publish_to(&mut log, &["a"]);
    let watch = log.watch(published).unwrap();
    read_all(&mut log, leaves);
    log.close_reader(leaves);
    // Its place is another's.
    let (new, _) = open(&mut log, &["a"], Start::Oldest);
    read_all(&mut log, new);
    log.note_written(new);
    assert_eq!(done(&mut log, watch), None);
    read_all(&mut log, reads);
    log.note_written(reads);
    assert_eq!(done(&mut log, watch), Some([1, 0, 1]));
}

#[test]
fn who_is_told_a_gap_has_missed_it() {
    let mut log = log_of(|topic| topic.max_publications = 1);
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    let published = publish_to(&mut log, &["a"]);
    let watch = log.watch(published).unwrap();
    publish(&mut log, "a", 1);
    assert_eq!(done(&mut log, watch), None);
    assert!(matches!(log.read(NOW, reader, 1), Some(Read::Gap(_))));
    assert_eq!(done(&mut log, watch), Some([0, 1, 0]));
    read_all(&mut log, reader);
    log.note_written(reader);
    assert_eq!(done(&mut log, watch), None, "it counts once");
}

#[test]
fn what_is_skipped_in_one_topic_but_comes_in_another_is_not_missed() {
    let mut log = log(|_| {});
    let mut one = tidewire_core::log::TopicConfig::default();
    one.max_publications = 1;
    log.configure("a", one).unwrap();
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    let published = publish_to(&mut log, &["a", "b"]);
    let watch = log.watch(published).unwrap();
    publish(&mut log, "a", 1);
    assert_eq!(read_all(&mut log, reader), "[lag 100-0→2 at 0] a1 a2");
    log.note_written(reader);
    assert_eq!(done(&mut log, watch), Some([1, 0, 0]));
}

#[test]
fn a_reader_of_several_topics_counts_once() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a", "b"], Start::Live);
    let published = publish_to(&mut log, &["a", "b"]);
    let watch = log.watch(published).unwrap();
    read_all(&mut log, reader);
    log.note_written(reader);
    assert_eq!(done(&mut log, watch), Some([1, 0, 0]));
}

#[test]
fn several_are_written_as_they_are_read() {
    let mut log = log(|_| {});
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    let watches: Vec<Watch> = (0..3)
        .map(|_| {
            let published = publish_to(&mut log, &["a"]);
            log.watch(published).unwrap()
        })
        .collect();
    for watch in watches {
        assert!(matches!(log.read(NOW, reader, 1), Some(Read::Burst { .. })));
        assert_eq!(done(&mut log, watch), None);
        log.note_written(reader);
        assert_eq!(done(&mut log, watch), Some([1, 0, 0]));
    }
}

#[test]
fn what_is_not_kept_cannot_be_watched() {
    let mut log = log(|config| (config.topic.max_publications, config.max_watches) = (2, 2));
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    assert_eq!(log.watch(id(1)), Err(WatchError::Unknown));
    publish(&mut log, "a", 3);
    assert_eq!(log.watch(id(1)), Err(WatchError::Unknown));
    assert_eq!(log.watch("zz-2".parse().unwrap()), Err(WatchError::Unknown));
    assert!(log.watch(id(2)).is_ok());
    assert!(log.watch(id(3)).is_ok());
    assert_eq!(log.watch(id(3)), Err(WatchError::TooManyWatches));
    log.close_reader(reader);
    assert!(log.poll_written().is_some());
    assert!(log.watch(id(3)).is_ok());
}

#[test]
fn what_another_took_the_place_of_is_passed_over_as_written() {
    let mut log = log_of(|topic| topic.own_ids = true);
    let (reader, _) = open(&mut log, &["a"], Start::Live);
    let published = publish_own(&mut log, "a", "1");
    let watch = log.watch(published).unwrap();
    publish_own(&mut log, "a", "1");
    assert_eq!(read_all(&mut log, reader), "a2");
    log.note_written(reader);
    assert_eq!(done(&mut log, watch), Some([1, 0, 0]));
}
