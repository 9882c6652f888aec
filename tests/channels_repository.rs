//! The replay from a repository, and its hand-over to live: case by case, and at every interleaving.

use std::time::Duration;

use tidewire_core::channels::{
    Batch, ChannelConfig, Channels, Config, Guest, Load, Memory, MemoryConfig, PublishError, Read, Replay, Subscribe,
    SubscribeError, Subscribed, Unregister,
};
use tidewire_core::log::{self, GapReason, LagPolicy, OnLag, ReaderId};
use tidewire_core::sse::{EventId, Message};
use tidewire_core::{Instant, SplitMix64};
use tidewire_tests::fuzz_channels;

const NOW: Instant = Instant::START;

struct Site {
    channels: Channels,
    guest: Guest,
    store: Memory,
}

fn site(change: impl FnOnce(&mut Config, &mut ChannelConfig)) -> Site {
    let (mut config, mut channel) = (Config::default(), ChannelConfig::default());
    channel.repository = true;
    change(&mut config, &mut channel);
    let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), NOW);
    channels.register("o", channel).unwrap();
    let guest = channels.admit(None).unwrap();
    Site { channels, guest, store: Memory::new(MemoryConfig::default()) }
}

impl Site {
    fn store(&mut self, ids: &[&str]) {
        for id in ids {
            self.store.add(NOW, "o", &message(id)).unwrap();
        }
    }

    fn publish(&mut self, ids: &[&str]) {
        for id in ids {
            self.channels.publish(NOW, ["o"], &message(id)).unwrap();
        }
    }

    fn both(&mut self, ids: &[&str]) {
        for id in ids {
            self.store(&[id]);
            self.publish(&[id]);
        }
    }

    fn subscribe(&mut self, last_event_id: Option<&str>) -> Subscribed {
        self.channels.subscribe(NOW, Subscribe { guest: self.guest, channels: &["o"], last_event_id }).unwrap()
    }

    fn resume(&mut self, last_event_id: &str) -> ReaderId {
        self.subscribe(Some(last_event_id)).reader
    }

    /// What a reader is given until it loads, ends or has everything: ids, and gaps as `[reason next]`.
    fn read(&mut self, reader: ReaderId) -> (String, Option<Load>) {
        let mut got = Vec::new();
        let mut next = None;
        while let Some(read) = self.channels.read(NOW, reader, 1) {
            match read {
                Read::Burst { burst, .. } => got.push(show(&burst.bytes())),
                Read::Load(load) => {
                    next = Some(load);
                    break;
                }
                Read::End(end) => {
                    got.push(format!("[end {:?}]", end.reason));
                    break;
                }
            }
        }
        (got.join(" "), next)
    }

    /// What a reader is given, with its loads answered at once.
    fn read_all(&mut self, reader: ReaderId) -> String {
        let mut all = Vec::new();
        loop {
            let (text, load) = self.read(reader);
            all.extend((!text.is_empty()).then_some(text));
            let Some(load) = load else { return all.join(" ") };
            let batch = self.store.load(NOW, &load);
            self.channels.handle_loaded(NOW, reader, Ok(batch));
        }
    }
}

fn message(id: &str) -> Message {
    Message::new("x").with_id(EventId::new(id.to_owned()).unwrap())
}

fn show(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).unwrap();
    if text.contains("event: gap") {
        let mut texts = text.split('"').skip(3).step_by(4);
        let (reason, after, next) = (texts.next().unwrap(), texts.next().unwrap(), texts.next().unwrap_or("-"));
        assert!(!text.contains("id: "), "the reader keeps the id it has");
        return format!("[{reason} {after}→{next}]");
    }
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_the_log_has_comes_from_there_and_nobody_is_asked() {
    let mut site = site(|_, _| {});
    site.both(&["9", "10", "11"]);
    let reader = site.resume("9");
    assert_eq!(site.read(reader), ("10 11".into(), None));
}

#[test]
fn what_the_log_does_not_have_is_asked_of_the_repository() {
    let mut site = site(|_, channel| channel.topic.max_publications = 1);
    site.both(&["9", "10", "11"]);
    let reader = site.resume("9");
    let (text, load) = site.read(reader);
    let load = load.unwrap();
    assert_eq!((&*text, &*load.channel, load.after.as_deref(), load.max_publications), ("", "o", Some("9"), 256));
    assert_eq!(site.read(reader), (String::new(), None), "it is asked once");
    let batch = site.store.load(NOW, &load);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    assert_eq!(site.channels.poll_wake(), Some(reader));
    assert_eq!(site.read(reader), ("10 11".into(), None));
    site.both(&["12"]);
    assert_eq!(site.read(reader), ("12".into(), None));
}

#[test]
fn a_restarted_server_resumes_from_the_repository() {
    let mut old = site(|_, _| {});
    old.both(&["a", "b", "c"]);
    let mut new = site(|_, _| {});
    new.store = old.store;
    let reader = new.resume("a");
    assert_eq!(new.read_all(reader), "b c");
    new.both(&["d"]);
    assert_eq!(new.read_all(reader), "d");
}

#[test]
fn replay_all_asks_for_everything_without_an_id() {
    let mut site = site(|_, channel| channel.replay = Replay::All);
    site.store(&["a", "b"]);
    let reader = site.subscribe(None).reader;
    let load = site.read(reader).1.unwrap();
    assert_eq!(load.after, None);
    let batch = site.store.load(NOW, &load);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    assert_eq!(site.read_all(reader), "a b");
}

#[test]
fn without_an_id_and_replay_all_nobody_is_asked() {
    let mut site = site(|_, _| {});
    site.store(&["a"]);
    let reader = site.subscribe(None).reader;
    assert_eq!(site.read(reader), (String::new(), None));
}

#[test]
fn batches_are_asked_for_one_by_one_as_the_socket_takes_them() {
    let mut site = site(|config, _| config.load_publications = 2);
    site.store(&["0", "1", "2", "3", "4"]);
    let reader = site.resume("0");
    for (after, given) in [("0", "1 2"), ("2", "3 4")] {
        let load = site.read(reader).1.unwrap();
        assert_eq!(load.after.as_deref(), Some(after));
        let batch = site.store.load(NOW, &load);
        assert_eq!(batch.publications.len(), 2);
        site.channels.handle_loaded(NOW, reader, Ok(batch));
        // The next is not asked for before these are taken.
        for expected in given.split(' ') {
            let Some(Read::Burst { burst, more: true }) = site.channels.read(NOW, reader, 1) else { panic!("{given}") };
            assert_eq!(show(&burst.bytes()), expected);
        }
    }
    assert_eq!(site.read(reader), (String::new(), None));
}

#[test]
fn a_repository_that_fails_is_a_gap_and_then_live() {
    let mut site = site(|_, _| {});
    site.store(&["a", "b"]);
    let reader = site.resume("a");
    site.read(reader).1.unwrap();
    site.channels.handle_loaded(NOW, reader, Err(()));
    assert_eq!(site.read(reader), ("[unavailable a→-]".into(), None));
    site.both(&["c"]);
    assert_eq!(site.read(reader), ("c".into(), None));
    assert_eq!(site.channels.stats().totals.gaps_of(GapReason::Unavailable), 1);
}

#[test]
fn a_repository_that_does_not_answer_in_time_has_failed_and_its_answer_is_ignored() {
    let mut site = site(|config, _| config.load_timeout = Duration::from_secs(3));
    site.store(&["a", "b"]);
    let reader = site.resume("a");
    let load = site.read(reader).1.unwrap();
    let due = NOW + Duration::from_secs(3);
    assert_eq!(site.channels.poll_timeout(), Some(due));
    site.channels.handle_timeout(due);
    assert_eq!(site.channels.poll_wake(), Some(reader));
    let batch = site.store.load(NOW, &load);
    site.channels.handle_loaded(due, reader, Ok(batch));
    assert_eq!(site.read(reader), ("[unavailable a→-]".into(), None));
    assert_eq!(site.channels.poll_timeout(), None);
}

#[test]
fn an_id_that_the_repository_does_not_know_is_a_gap_and_then_all_that_there_is() {
    let mut site = site(|_, _| {});
    site.store(&["a", "b"]);
    let reader = site.resume("z");
    assert_eq!(site.read_all(reader), "[evicted z→a] a b");
}

#[test]
fn what_was_stored_and_is_published_later_comes_once() {
    let mut site = site(|_, _| {});
    site.store(&["a", "b"]);
    let reader = site.resume("a");
    assert_eq!(site.read_all(reader), "b");
    site.publish(&["a", "b"]);
    assert_eq!(site.read_all(reader), "");
    site.both(&["c"]);
    assert_eq!(site.read_all(reader), "c");
}

#[test]
fn what_was_stored_and_is_published_later_comes_once_behind_a_gap_too() {
    let mut site = site(|_, channel| channel.topic.max_publications = 2);
    site.store(&["a", "b", "c"]);
    let reader = site.resume("a");
    assert_eq!(site.read_all(reader), "b c");
    site.publish(&["b", "c"]);
    site.both(&["d"]);
    let text = site.read_all(reader);
    assert!(text.starts_with("[lag ") && text.ends_with("→c] d"), "{text}");
}

#[test]
fn publishers_that_overtake_each_other_double_nothing() {
    let mut site = site(|_, _| {});
    site.store(&["a", "b", "c"]);
    let reader = site.resume("a");
    site.publish(&["c"]);
    assert_eq!(site.read_all(reader), "b c");
    site.publish(&["b"]);
    assert_eq!(site.read_all(reader), "");
}

#[test]
fn a_gap_of_a_slow_reader_names_no_id_but_the_applications() {
    let mut site = site(|_, channel| channel.topic.max_publications = 2);
    site.both(&["a"]);
    let reader = site.resume("a");
    assert_eq!(site.read_all(reader), "");
    site.both(&["b", "c", "d"]);
    assert_eq!(site.read_all(reader), "[lag →c] c d");
}

#[test]
fn what_is_never_published_holds_nobody_up() {
    let mut site = site(|_, _| {});
    site.store(&["a", "lost"]);
    let reader = site.resume("a");
    assert_eq!(site.read_all(reader), "lost");
    let ids: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    site.both(&ids);
    assert_eq!(site.read_all(reader), ids.join(" "));
}

#[test]
fn a_live_buffer_that_overflows_meanwhile_is_read_from_the_repository() {
    let mut site = site(|_, channel| {
        channel.topic.max_publications = 2;
        channel.topic.lag = LagPolicy::new(2, OnLag::End);
    });
    site.both(&["0", "1", "2", "3"]);
    let reader = site.resume("0");
    let load = site.read(reader).1.unwrap();
    let batch = site.store.load(NOW, &load);
    site.both(&["4", "5", "6", "7"]);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    assert!(site.channels.poll_end(NOW, reader).is_none());
    assert_eq!(site.read_all(reader), "1 2 3 4 5 6 7");
}

#[test]
fn a_hand_over_that_would_be_too_far_behind_goes_on_with_the_repository() {
    let mut site = site(|_, channel| {
        channel.topic.max_publications = 6;
        channel.topic.lag = LagPolicy::new(2, OnLag::End);
    });
    site.both(&["0", "1", "2", "3", "4", "5", "6"]);
    let reader = site.resume("0");
    let load = site.read(reader).1.unwrap();
    let batch = site.store.load(NOW, &load);
    // The log has 4 to 9, and 6 is the last of the batch; behind it are more than a reader may be behind.
    site.both(&["7", "8", "9"]);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    let (text, load) = site.read(reader);
    assert_eq!((&*text, load.unwrap().after.as_deref()), ("1 2 3 4 5 6", Some("6")));
    assert!(site.channels.poll_end(NOW, reader).is_none());
}

#[test]
fn what_is_published_after_a_failing_repository_was_asked_is_given() {
    let mut site = site(|_, _| {});
    site.both(&["a", "b"]);
    let reader = site.resume("unknown");
    site.read(reader).1.unwrap();
    site.both(&["c"]);
    site.channels.handle_loaded(NOW, reader, Err(()));
    assert_eq!(site.read(reader), ("[unavailable unknown→-] c".into(), None));
}

#[test]
fn the_longest_time_ends_a_replay_from_the_repository_in_the_middle() {
    let mut site = site(|config, _| {
        config.max_time = Some(Duration::from_secs(2));
        config.load_publications = 1;
    });
    site.store(&["0", "1", "2"]);
    let reader = site.resume("0");
    let load = site.read(reader).1.unwrap();
    let batch = site.store.load(NOW, &load);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    let late = NOW + Duration::from_secs(2);
    site.channels.handle_timeout(late);
    assert_eq!(site.read(reader).0, "[end MaxStreamTime]");
}

#[test]
fn shutdown_ends_a_replay_after_the_batch_that_it_has() {
    let mut site = site(|config, _| config.load_publications = 1);
    site.store(&["0", "1", "2"]);
    let [given, asking, new] = [(); 3].map(|()| site.resume("0"));
    let load = site.read(given).1.unwrap();
    site.read(asking).1.unwrap();
    let batch = site.store.load(NOW, &load);
    site.channels.handle_loaded(NOW, given, Ok(batch));
    site.channels.shutdown(NOW);
    assert_eq!(site.read(given).0, "1 [end Shutdown]");
    assert_eq!(site.read(asking).0, "[end Shutdown]");
    assert_eq!(site.read(new).0, "[end Shutdown]");
}

#[test]
fn a_channel_unregistered_during_a_replay_ends_it_or_leaves_it_silent() {
    for (how, expected) in
        [(Unregister::EndReaders, "[end Unregistered]"), (Unregister::KeepReaders, "[unavailable 0→-]")]
    {
        let mut site = site(|_, _| {});
        site.both(&["0", "1"]);
        let reader = site.resume("unknown");
        let waiting = site.resume("0x");
        site.read(waiting).1.unwrap();
        site.channels.unregister(NOW, "o", how);
        let expected = expected.replace('0', "unknown");
        assert_eq!(site.read(reader), (expected, None), "{how:?}");
        site.channels.handle_loaded(NOW, waiting, Ok(Batch::default()));
        assert!(site.read(waiting).1.is_none());
    }
}

#[test]
fn a_reader_that_has_its_answer_loses_nothing_when_its_channel_is_unregistered() {
    let mut site = site(|_, _| {});
    site.store(&["1", "2", "3"]);
    let reader = site.resume("1");
    let load = site.read(reader).1.unwrap();
    let batch = site.store.load(NOW, &load);
    site.both(&["4", "5"]);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    site.channels.unregister(NOW, "o", Unregister::KeepReaders);
    // Another channel of the name, with an id that the reader had.
    let mut again = ChannelConfig::default();
    again.repository = true;
    site.channels.register("o", again).unwrap();
    site.publish(&["3"]);
    assert_eq!(site.read(reader), ("2 3 4 5".into(), None));
}

#[test]
fn a_reader_that_would_have_to_ask_again_is_told_a_gap_behind_what_it_has() {
    let mut site = site(|config, _| config.load_publications = 1);
    site.store(&["1", "2", "3"]);
    let reader = site.resume("1");
    let load = site.read(reader).1.unwrap();
    let batch = site.store.load(NOW, &load);
    site.both(&["4"]);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    site.channels.unregister(NOW, "o", Unregister::KeepReaders);
    assert_eq!(site.read(reader), ("2 [unavailable 2→-] 4".into(), None));
}

#[test]
fn a_repository_without_what_was_published_is_not_asked_for_ever() {
    let mut site = site(|_, channel| channel.topic.lag = LagPolicy::new(2, OnLag::Gap));
    site.store(&["0"]);
    let reader = site.resume("0");
    let load = site.read(reader).1.unwrap();
    // Against the rule, its publisher stores the first only.
    site.store(&["1"]);
    site.publish(&["1", "2", "3", "4", "5"]);
    let batch = site.store.load(NOW, &load);
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    let (text, load) = site.read(reader);
    let batch = site.store.load(NOW, &load.unwrap());
    assert_eq!((&*text, batch.publications.len()), ("1", 0));
    site.channels.handle_loaded(NOW, reader, Ok(batch));
    assert_eq!(site.read(reader), ("[lag →4] 4 5".into(), None));
}

#[test]
fn channels_of_own_ids_are_followed_alone_and_their_messages_have_one() {
    let mut site = site(|_, _| {});
    let asked = Subscribe { guest: site.guest, channels: &["o", "news"], last_event_id: None };
    assert_eq!(site.channels.subscribe(NOW, asked).unwrap_err(), SubscribeError::NotAlone);
    assert_eq!(site.channels.publish(NOW, ["o"], "x"), Err(PublishError::NoOwnId));
    assert_eq!(site.channels.publish(NOW, ["o", "news"], &message("1")), Err(PublishError::MixedIds));
    site.channels.comment(NOW, ["o"], "a comment has none").unwrap();
}

#[test]
fn own_ids_resume_without_a_repository_as_far_as_the_log_goes() {
    let mut site = site(|_, channel| {
        channel.repository = false;
        channel.topic.own_ids = true;
        channel.topic.max_publications = 2;
    });
    site.publish(&["9", "10", "11"]);
    let subscribed = site.subscribe(Some("10"));
    assert_eq!((subscribed.gap, site.read(subscribed.reader)), (None, ("11".into(), None)));
    let subscribed = site.subscribe(Some("9"));
    assert_eq!(subscribed.gap.map(|gap| gap.reason), Some(GapReason::Evicted));
    assert_eq!(site.read(subscribed.reader), ("10 11".into(), None));
}

#[test]
fn the_start_of_a_live_reader_is_the_last_id_of_the_application() {
    let mut site = site(|_, _| {});
    assert_eq!(site.subscribe(None).start, None);
    site.both(&["a", "b"]);
    assert_eq!(site.subscribe(None).start.as_deref(), Some("b"));
}

// every interleaving, by the scripts of the naive model

/// All orders in which the steps of two scripts can come.
fn merges(a: &str, b: &str, done: &str, out: &mut Vec<String>) {
    if a.is_empty() || b.is_empty() {
        out.push([done, a, b].concat());
        return;
    }
    merges(&a[1..], b, &format!("{done}{}", &a[..1]), out);
    merges(a, &b[1..], &format!("{done}{}", &b[..1]), out);
}

#[test]
fn replay_is_handed_over_to_live_at_every_interleaving() {
    let mut count = 0;
    // A store of three, of which the last may be on its way; a reader that comes back with the first, another that is live.
    for (kept, before) in [("", "ooo"), ("!", "oos"), ("!", "ooo"), ("", "ooss")] {
        for publishers in ["spsp", "sspp", "ooo"] {
            for answers in ["qlqq", "qmqq", "qnqnq", "qfqq", "qlqxLOqlq"] {
                let mut scripts = Vec::new();
                merges(publishers, answers, "", &mut scripts);
                for script in scripts {
                    // It had the first, and was cut.
                    let script = format!("{kept}O0oqqx{before}LO0{script}");
                    fuzz_channels::channels(script.as_bytes());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 2_000, "{count}");
}

// the built-in repository

fn memory(change: impl FnOnce(&mut MemoryConfig)) -> Memory {
    let mut config = MemoryConfig::default();
    change(&mut config);
    Memory::new(config)
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.publications.iter().map(|(id, _)| &**id).collect()
}

#[test]
fn adding_an_id_again_replaces_its_message_in_its_place() {
    let mut memory = memory(|_| {});
    for (id, data) in [("1", "a"), ("2", "b"), ("1", "c")] {
        let message = Message::new(data).with_id(EventId::new(id).unwrap());
        memory.add(NOW, "news", &message).unwrap();
    }
    let batch = memory.load(NOW, &Load::all("news"));
    let texts: Vec<&[u8]> = batch.publications.iter().map(|(_, bytes)| &bytes[..]).collect();
    assert_eq!(texts, [&b"id: 1\ndata: c\n\n"[..], b"id: 2\ndata: b\n\n"]);
    assert_eq!(memory.bytes(), 2 * (15 + 192));
}

#[test]
fn replay_of_the_built_in_repository_is_exclusive_and_in_the_order_of_adding() {
    let mut memory = memory(|_| {});
    for id in ["9", "10", "2"] {
        memory.add(NOW, "news", &message(id)).unwrap();
    }
    assert_eq!(ids(&memory.load(NOW, &Load::after("news", "9"))), ["10", "2"]);
    assert_eq!(ids(&memory.load(NOW, &Load::all("news"))), ["9", "10", "2"]);
    let last = memory.load(NOW, &Load::after("news", "2"));
    assert_eq!((ids(&last), last.missed, last.more), (vec![], false, false));
}

#[test]
fn batches_of_the_built_in_repository_are_as_large_as_asked() {
    let mut memory = memory(|_| {});
    for id in ["1", "2", "3"] {
        memory.add(NOW, "news", &message(id)).unwrap();
    }
    let asked = |max_publications, max_bytes| Load { max_publications, max_bytes, ..Load::all("news") };
    for (load, got, more) in [
        (asked(2, usize::MAX), &["1", "2"][..], true),
        (asked(3, usize::MAX), &["1", "2", "3"], false),
        (asked(usize::MAX, 30), &["1", "2"], true),
        (asked(usize::MAX, 29), &["1"], true),
        (asked(0, 0), &["1"], true),
    ] {
        let batch = memory.load(NOW, &load);
        assert_eq!((ids(&batch), batch.more), (got.to_vec(), more));
    }
}

#[test]
fn the_built_in_repository_is_bounded_by_count_bytes_age_and_channels() {
    let secs = |secs| NOW + Duration::from_secs(secs);
    let mut by_count = memory(|config| config.max_publications = 2);
    let mut by_bytes = memory(|config| config.max_channel_bytes = 2 * (15 + 192));
    let mut by_total = memory(|config| config.max_bytes = 2 * (15 + 192));
    for memory in [&mut by_count, &mut by_bytes, &mut by_total] {
        for (count, id) in [(1, "1"), (2, "2"), (2, "3")] {
            memory.add(NOW, "news", &message(id)).unwrap();
            assert_eq!(memory.len(), count);
        }
        let batch = memory.load(NOW, &Load::after("news", "1"));
        assert_eq!((ids(&batch), batch.missed), (vec!["2", "3"], false), "nothing after it is gone");
        memory.add(NOW, "news", &message("4")).unwrap();
        let batch = memory.load(NOW, &Load::after("news", "1"));
        assert_eq!((ids(&batch), batch.missed), (vec!["3", "4"], true));
    }
    by_total.add(NOW, "other", &message("5")).unwrap();
    assert_eq!(ids(&by_total.load(NOW, &Load::all("news"))), ["4"], "the oldest of all goes");

    let mut by_age = memory(|config| config.max_age = Some(Duration::from_secs(10)));
    by_age.add(secs(0), "news", &message("1")).unwrap();
    by_age.add(secs(5), "news", &message("2")).unwrap();
    assert_eq!(ids(&by_age.load(secs(9), &Load::all("news"))), ["1", "2"]);
    assert_eq!(ids(&by_age.load(secs(10), &Load::all("news"))), ["2"]);
    assert_eq!((by_age.load(secs(15), &Load::all("news")).publications, by_age.bytes()), (vec![], 0));

    let mut by_channels = memory(|config| config.max_channels = 2);
    for channel in ["a", "b", "a", "c"] {
        by_channels.add(NOW, channel, &message(channel)).unwrap();
    }
    assert_eq!(by_channels.len(), 2);
    assert!(by_channels.load(NOW, &Load::after("b", "b")).missed, "b was added to least recently");
    by_channels.remove("a");
    by_channels.remove("c");
    assert!(by_channels.is_empty() && by_channels.bytes() == 0);
}

#[test]
fn what_the_built_in_repository_cannot_keep_is_refused() {
    let mut memory = memory(|config| config.max_channel_bytes = 15 + 192 - 1);
    let too_large = PublishError::Log(log::PublishError::TooLarge);
    assert_eq!(memory.add(NOW, "news", &message("1")), Err(too_large));
    assert_eq!(memory.add(NOW, "news", "no id"), Err(PublishError::NoOwnId));
    assert!(memory.is_empty());
}
