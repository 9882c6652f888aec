//! Channels: publish, subscribe, replay, limits and ends, case by case.

use std::time::Duration;

use tidewire_core::channels::{
    ChannelConfig, Channels, Config, Guest, Limit, PublishError, Read, Replay, Subscribe, SubscribeError, Subscribed,
    Unregister,
};
use tidewire_core::log::{ConfigureError, GapReason, LagPolicy, OnLag, ReaderId};
use tidewire_core::server::{CloseReason, Heartbeat};
use tidewire_core::sse::{EventId, Message};
use tidewire_core::{Instant, SplitMix64};

const NOW: Instant = Instant::START;

fn channels(change: impl FnOnce(&mut Config)) -> (Channels, Guest) {
    let mut config = Config::default();
    change(&mut config);
    let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), NOW);
    let guest = channels.admit(None).unwrap();
    (channels, guest)
}

fn channel(change: impl FnOnce(&mut ChannelConfig)) -> ChannelConfig {
    let mut config = ChannelConfig::default();
    change(&mut config);
    config
}

fn subscribe(channels: &mut Channels, guest: Guest, names: &[&str], last_event_id: Option<&str>) -> Subscribed {
    channels.subscribe(NOW, Subscribe { guest, channels: names, last_event_id }).unwrap()
}

fn refused(channels: &mut Channels, guest: Guest, names: &[&str]) -> SubscribeError {
    channels.subscribe(NOW, Subscribe { guest, channels: names, last_event_id: None }).unwrap_err()
}

/// All that a reader reads at `now`, in one text.
fn read_at(channels: &mut Channels, now: Instant, reader: ReaderId) -> String {
    let mut text = String::new();
    while let Some(read) = channels.read(now, reader, usize::MAX) {
        match read {
            Read::Burst { burst, .. } => text += std::str::from_utf8(&burst.bytes()).unwrap(),
            Read::Load(load) => return text + &format!("[load after {:?}]", load.after),
            Read::End(end) => return text + &format!("[end {:?}]", end.reason),
        }
    }
    text
}

fn read(channels: &mut Channels, reader: ReaderId) -> String {
    read_at(channels, NOW, reader)
}

/// The data of the events that a reader reads at `now`.
fn data_at(channels: &mut Channels, now: Instant, reader: ReaderId) -> Vec<String> {
    let text = read_at(channels, now, reader);
    let rest = |line: &str| Some(line.strip_prefix("data: ").or(line.strip_prefix('['))?.to_owned());
    text.lines().filter_map(rest).collect()
}

fn data(channels: &mut Channels, reader: ReaderId) -> Vec<String> {
    data_at(channels, NOW, reader)
}

fn publish(channels: &mut Channels, texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| channels.publish(NOW, ["news"], *text).unwrap().to_string()).collect()
}

fn woken(channels: &mut Channels) -> Vec<ReaderId> {
    std::iter::from_fn(|| channels.poll_wake()).collect()
}

fn after(millis: u64) -> Instant {
    NOW + Duration::from_millis(millis)
}

// seeds §4E, publishing

#[test]
fn every_reader_of_a_channel_gets_what_is_published() {
    let (mut channels, guest) = channels(|_| {});
    let [a, b] = [(); 2].map(|()| subscribe(&mut channels, guest, &["news"], None).reader);
    let other = subscribe(&mut channels, guest, &["other"], None).reader;
    let id = channels.publish(NOW, ["news"], "hello").unwrap();
    for reader in [a, b] {
        assert_eq!(read(&mut channels, reader), format!("id: {id}\ndata: hello\n\n"));
    }
    assert_eq!(read(&mut channels, other), "");
}

#[test]
fn a_publication_to_several_channels_comes_once() {
    let (mut channels, guest) = channels(|_| {});
    let both = subscribe(&mut channels, guest, &["a", "b"], None).reader;
    let b = subscribe(&mut channels, guest, &["b", "b"], None).reader;
    let id = channels.publish(NOW, ["a", "b", "a"], "x").unwrap();
    for reader in [both, b] {
        assert_eq!(read(&mut channels, reader), format!("id: {id}\ndata: x\n\n"));
    }
}

#[test]
fn a_comment_comes_in_order_and_without_an_id() {
    let (mut channels, guest) = channels(|_| {});
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    channels.comment(NOW, ["news"], "my comment").unwrap();
    let id = channels.publish(NOW, ["news"], "my-event").unwrap();
    assert_eq!(read(&mut channels, reader), format!(":my comment\nid: {id}\ndata: my-event\n\n"));
}

#[test]
fn a_thousand_comments_that_nobody_reads_keep_nobody() {
    let (mut channels, _) = channels(|_| {});
    for _ in 0..1000 {
        channels.comment(NOW, ["news"], "x").unwrap();
    }
    assert_eq!((channels.stats().totals.published, channels.stats().readers), (1000, 0));
}

#[test]
fn an_own_id_on_a_channel_of_ours_is_refused() {
    let (mut channels, _) = channels(|_| {});
    let message = Message::new("x").with_id(EventId::new("7").unwrap());
    assert_eq!(channels.publish(NOW, ["news"], &message), Err(PublishError::OwnId));
    assert_eq!(channels.publish(NOW, [], "x"), Err(PublishError::NoChannels));
    assert_eq!(channels.stats().totals.published, 0);
}

#[test]
fn a_message_that_cannot_be_sent_is_refused_whole() {
    struct Forged;
    impl tidewire_core::sse::ToMessage for Forged {
        fn raw_event_type(&self) -> Option<&str> {
            Some("a\ndata: forged")
        }
        fn data(&self) -> std::borrow::Cow<'_, str> {
            "x".into()
        }
    }
    let (mut channels, guest) = channels(|_| {});
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    assert!(matches!(channels.publish(NOW, ["news"], &Forged), Err(PublishError::Name(_))));
    assert_eq!(read(&mut channels, reader), "");
}

#[test]
fn a_publication_is_written_when_all_its_readers_say_so() {
    let (mut channels, guest) = channels(|_| {});
    let [a, b] = [(); 2].map(|()| subscribe(&mut channels, guest, &["news"], None).reader);
    let id = channels.publish(NOW, ["news"], "x").unwrap();
    let watch = channels.watch(id).unwrap();
    for (reader, is_last) in [(a, false), (b, true)] {
        read(&mut channels, reader);
        assert_eq!(channels.poll_written(), None);
        channels.note_written(reader);
        let written = channels.poll_written();
        assert_eq!(written.map(|it| (it.watch, it.written, it.left)), is_last.then_some((watch, 2, 0)));
    }
}

// seeds §4E, replay

#[test]
fn replay_is_none_without_an_id() {
    let (mut channels, guest) = channels(|_| {});
    publish(&mut channels, &["1", "2"]);
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    assert_eq!(data(&mut channels, reader), [""; 0]);
}

#[test]
fn replay_all_gives_all_without_an_id() {
    let (mut channels, guest) = channels(|config| config.channel.replay = Replay::All);
    publish(&mut channels, &["1", "2"]);
    let subscribed = subscribe(&mut channels, guest, &["news"], None);
    assert!(!subscribed.resumed);
    assert_eq!(data(&mut channels, subscribed.reader), ["1", "2"]);
}

#[test]
fn one_channel_of_several_that_replays_all_gives_all_of_all() {
    let (mut channels, guest) = channels(|_| {});
    channels.register("all", channel(|config| config.replay = Replay::All)).unwrap();
    publish(&mut channels, &["1"]);
    channels.publish(NOW, ["all"], "2").unwrap();
    let reader = subscribe(&mut channels, guest, &["news", "all"], None).reader;
    assert_eq!(data(&mut channels, reader), ["1", "2"]);
}

#[test]
fn replay_is_exclusive_after_the_id() {
    let (mut channels, guest) = channels(|_| {});
    let ids = publish(&mut channels, &["1", "2", "3"]);
    let subscribed = subscribe(&mut channels, guest, &["news"], Some(&ids[0]));
    assert!(subscribed.resumed);
    assert_eq!(data(&mut channels, subscribed.reader), ["2", "3"]);
}

#[test]
fn replay_of_a_channel_that_was_unregistered_is_none_but_a_gap() {
    let (mut channels, guest) = channels(|_| {});
    channels.register("news", channel(|_| {})).unwrap();
    let ids = publish(&mut channels, &["1", "2"]);
    assert!(channels.unregister(NOW, "news", Unregister::EndReaders));
    let subscribed = subscribe(&mut channels, guest, &["news"], Some(&ids[0]));
    assert_eq!(subscribed.gap.map(|gap| gap.reason), Some(GapReason::Evicted));
    assert_eq!(data(&mut channels, subscribed.reader), [""; 0]);
}

#[test]
fn a_reader_that_is_cut_before_its_first_publication_resumes_from_its_start() {
    let (mut channels, guest) = channels(|_| {});
    publish(&mut channels, &["1"]);
    let start = subscribe(&mut channels, guest, &["news"], None).start.unwrap();
    publish(&mut channels, &["2"]);
    let reader = subscribe(&mut channels, guest, &["news"], Some(&start)).reader;
    assert_eq!(data(&mut channels, reader), ["2"]);
}

#[test]
fn a_replay_of_5000_comes_in_few_bursts_and_in_order() {
    let (mut channels, guest) = channels(|_| {});
    let texts: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let start = subscribe(&mut channels, guest, &["news"], None).start.unwrap();
    publish(&mut channels, &texts);
    let reader = subscribe(&mut channels, guest, &["news"], Some(&start)).reader;
    let mut bursts = 0;
    let mut text = String::new();
    while let Some(Read::Burst { burst, .. }) = channels.read(NOW, reader, usize::MAX) {
        bursts += 1;
        text += std::str::from_utf8(&burst.bytes()).unwrap();
    }
    let got: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(got, texts);
    assert!(bursts <= 3, "{bursts}");
}

#[test]
fn more_than_is_replayed_is_a_gap_of_reason_limit() {
    let (mut channels, guest) = channels(|config| config.channel.topic.max_replay = 2);
    let ids = publish(&mut channels, &["1", "2", "3", "4"]);
    let subscribed = subscribe(&mut channels, guest, &["news"], Some(&ids[1]));
    assert_eq!((subscribed.gap, data(&mut channels, subscribed.reader)), (None, vec!["3".into(), "4".into()]));
    let subscribed = subscribe(&mut channels, guest, &["news"], Some(&ids[0]));
    let gap = subscribed.gap.unwrap();
    assert_eq!((gap.reason, gap.next.unwrap().to_string()), (GapReason::Limit, ids[2].clone()));
    assert_eq!(data(&mut channels, subscribed.reader), ["3", "4"]);
}

#[test]
fn a_restarted_server_resumes_in_the_same_epoch_and_tells_a_gap_in_a_new_one() {
    let (mut old, _) = channels(|_| {});
    let ids = publish(&mut old, &["1", "2"]);
    let restarted = |after| {
        let (mut new, guest) = channels(|config| config.after = after);
        let told = |new: &mut Channels, id: &str| {
            let subscribed = subscribe(new, guest, &["news"], Some(id));
            (subscribed.gap.map(|gap| gap.reason), subscribed.reader)
        };
        let ([behind, there], [_, reader]) = {
            let (behind, first) = told(&mut new, &ids[0]);
            let (there, second) = told(&mut new, &ids[1]);
            ([behind, there], [first, second])
        };
        publish(&mut new, &["3"]);
        (behind, there, data(&mut new, reader))
    };
    let three = vec!["3".to_owned()];
    assert_eq!(restarted(Some(old.log().head())), (Some(GapReason::Evicted), None, three.clone()));
    let other_epoch = Some("1-0".parse().unwrap());
    assert_eq!(restarted(other_epoch), (Some(GapReason::Epoch), Some(GapReason::Epoch), three));
}

// seeds §4E, register and unregister

#[test]
fn unregister_with_force_gives_the_first_event_and_the_end() {
    let (mut channels, guest) = channels(|_| {});
    channels.register("news", channel(|_| {})).unwrap();
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    let id = channels.publish(NOW, ["news"], "1").unwrap();
    assert!(channels.unregister(NOW, "news", Unregister::EndReaders));
    channels.publish(NOW, ["news"], "2").unwrap();
    assert_eq!(read(&mut channels, reader), format!("id: {id}\ndata: 1\n\n[end {:?}]", CloseReason::Unregistered));
}

#[test]
fn unregister_without_force_leaves_readers_open_and_silent() {
    let (mut channels, guest) = channels(|_| {});
    channels.register("news", channel(|_| {})).unwrap();
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    publish(&mut channels, &["1"]);
    assert!(channels.unregister(NOW, "news", Unregister::KeepReaders));
    assert_eq!(data(&mut channels, reader), ["1"]);
    publish(&mut channels, &["2"]);
    channels.register("news", channel(|_| {})).unwrap();
    publish(&mut channels, &["3"]);
    assert_eq!(data(&mut channels, reader), [""; 0]);
    let anew = subscribe(&mut channels, guest, &["news"], None).reader;
    publish(&mut channels, &["4"]);
    assert_eq!((data(&mut channels, anew), data(&mut channels, reader)), (vec!["4".to_owned()], vec![]));
    channels.close(reader);
    channels.close(anew);
    assert_eq!((channels.stats().readers, channels.log().stats().topics), (0, 1));
}

#[test]
fn a_kept_reader_of_two_channels_goes_on_with_the_other() {
    let (mut channels, guest) = channels(|_| {});
    let reader = subscribe(&mut channels, guest, &["news", "other"], None).reader;
    channels.unregister(NOW, "news", Unregister::KeepReaders);
    publish(&mut channels, &["1"]);
    channels.publish(NOW, ["other"], "2").unwrap();
    assert_eq!(data(&mut channels, reader), ["2"]);
}

#[test]
fn a_kept_reader_is_none_of_the_channel_registered_anew() {
    let (mut channels, guest) = channels(|_| {});
    let of_one = channel(|config| config.max_readers = 1);
    channels.register("news", of_one.clone()).unwrap();
    let kept = subscribe(&mut channels, guest, &["news"], None).reader;
    channels.unregister(NOW, "news", Unregister::KeepReaders);
    channels.register("news", of_one).unwrap();
    subscribe(&mut channels, guest, &["news"], None);
    channels.close(kept);
    assert_eq!(refused(&mut channels, guest, &["news"]), SubscribeError::Busy(Limit::ReadersOfChannel));
}

#[test]
fn unregistering_a_channel_takes_nothing_from_another() {
    let (mut channels, guest) = channels(|_| {});
    let subscribed = subscribe(&mut channels, guest, &["news"], None);
    let start = subscribed.start.unwrap();
    publish(&mut channels, &["1"]);
    let other = subscribe(&mut channels, guest, &["other"], None).reader;
    channels.publish(NOW, ["other"], "2").unwrap();
    channels.unregister(NOW, "other", Unregister::KeepReaders);
    channels.close(subscribed.reader);
    channels.close(other);
    let subscribed = subscribe(&mut channels, guest, &["news"], Some(&start));
    assert_eq!((subscribed.gap, data(&mut channels, subscribed.reader)), (None, vec!["1".to_owned()]));
}

#[test]
fn unregister_tells_whether_the_channel_was_registered() {
    let (mut channels, guest) = channels(|_| {});
    assert!(!channels.unregister(NOW, "news", Unregister::EndReaders));
    subscribe(&mut channels, guest, &["news"], None);
    assert!(!channels.unregister(NOW, "news", Unregister::EndReaders));
    channels.register("news", channel(|_| {})).unwrap();
    assert!(channels.unregister(NOW, "news", Unregister::EndReaders));
}

#[test]
fn only_registered_channels_are_there_when_none_are_made_on_demand() {
    let (mut channels, guest) = channels(|config| config.on_demand = false);
    assert_eq!(refused(&mut channels, guest, &["news"]), SubscribeError::UnknownChannel);
    assert_eq!(channels.publish(NOW, ["news"], "x"), Err(PublishError::UnknownChannel));
    channels.register("news", channel(|_| {})).unwrap();
    assert_eq!(refused(&mut channels, guest, &["news", "other"]), SubscribeError::UnknownChannel);
    subscribe(&mut channels, guest, &["news"], None);
    channels.publish(NOW, ["news"], "x").unwrap();
    channels.unregister(NOW, "news", Unregister::KeepReaders);
    assert_eq!(refused(&mut channels, guest, &["news"]), SubscribeError::UnknownChannel);
}

// shutdown and the longest time

#[test]
fn shutdown_gives_what_was_published_before_and_then_the_end() {
    let (mut channels, guest) = channels(|config| config.last_event = Some("event: bye\ndata: \n\n".into()));
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    let sleeping = subscribe(&mut channels, guest, &["other"], None).reader;
    assert_eq!(read(&mut channels, sleeping), "");
    woken(&mut channels);
    let id = channels.publish(NOW, ["news"], "hello").unwrap();
    channels.shutdown(NOW);
    assert_eq!(channels.publish(NOW, ["news"], "late"), Err(PublishError::Closed));
    assert_eq!(channels.comment(NOW, ["news"], "late"), Err(PublishError::Closed));
    assert_eq!(refused(&mut channels, guest, &["news"]), SubscribeError::Closed);
    assert!(woken(&mut channels).contains(&sleeping));
    assert_eq!(read(&mut channels, reader), format!("id: {id}\ndata: hello\n\n[end {:?}]", CloseReason::Shutdown));
    let Some(Read::End(end)) = channels.read(NOW, sleeping, 1) else { panic!("an end") };
    assert_eq!(end.last, Some(&b"event: bye\ndata: \n\n"[..]));
}

#[test]
fn each_reader_that_ends_is_given_a_time_of_its_own_to_come_back() {
    let (mut channels, guest) = channels(|config| config.return_rate = 10);
    let readers: Vec<ReaderId> = (0..30).map(|_| subscribe(&mut channels, guest, &["news"], None).reader).collect();
    channels.shutdown(NOW);
    let mut retries = Vec::new();
    for reader in readers {
        let Some(Read::End(end)) = channels.read(NOW, reader, 1) else { panic!("an end") };
        retries.push(end.retry.unwrap());
    }
    retries.sort_unstable();
    assert!(retries[0] >= Duration::from_secs(5), "{retries:?}");
    for ten in retries.windows(11) {
        assert!(ten[10] - ten[0] >= Duration::from_secs(1), "more than 10 within a second: {ten:?}");
    }
}

#[test]
fn longest_time_ends_a_reader() {
    let (mut channels, guest) = channels(|config| {
        config.max_time = Some(Duration::from_secs(10));
        config.max_time_jitter = 0;
    });
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    let end = NOW + Duration::from_secs(10);
    assert_eq!(channels.poll_timeout(), Some(end));
    channels.handle_timeout(after(9_999));
    assert_eq!(read_at(&mut channels, after(9_999), reader), "");
    channels.handle_timeout(end);
    assert!(woken(&mut channels).contains(&reader));
    assert_eq!(read_at(&mut channels, end, reader), format!("[end {:?}]", CloseReason::MaxStreamTime));
    channels.close(reader);
    assert_eq!(channels.poll_timeout(), None);
}

#[test]
fn longest_time_is_off_by_default() {
    let (mut channels, guest) = channels(|_| {});
    subscribe(&mut channels, guest, &["news"], None);
    assert_eq!(channels.poll_timeout(), None);
}

#[test]
fn longest_time_ends_a_replay_in_the_middle() {
    let (mut channels, guest) = channels(|config| config.max_time = Some(Duration::from_secs(10)));
    let start = subscribe(&mut channels, guest, &["news"], None).start.unwrap();
    publish(&mut channels, &["1", "2", "3"]);
    let reader = subscribe(&mut channels, guest, &["news"], Some(&start)).reader;
    let Some(Read::Burst { more: true, .. }) = channels.read(NOW, reader, 1) else { panic!("one of three") };
    assert!(channels.poll_end(NOW, reader).is_none());
    channels.handle_timeout(after(10_000));
    let end = channels.poll_end(after(10_000), reader).map(|end| end.reason);
    assert_eq!(end, Some(CloseReason::MaxStreamTime), "also for a socket that takes nothing");
    assert_eq!(data_at(&mut channels, after(10_000), reader), ["end MaxStreamTime]"]);
}

#[test]
fn longest_times_are_spread_by_the_jitter() {
    let (mut channels, guest) = channels(|config| config.max_time = Some(Duration::from_secs(100)));
    for _ in 0..1000 {
        subscribe(&mut channels, guest, &["news"], None);
    }
    let mut ended = [0; 11];
    for second in 89..=100 {
        channels.handle_timeout(NOW + Duration::from_secs(second));
        let count = woken(&mut channels).len();
        match second {
            89 => {}
            90 => assert_eq!(count, 0, "too early"),
            second => ended[second as usize - 90] = count,
        }
    }
    assert_eq!(ended.iter().sum::<usize>(), 1000);
    assert!(ended[1..].iter().all(|count| (50..150).contains(count)), "{ended:?}");
}

// slow readers

#[test]
fn a_reader_too_far_behind_is_ended_and_comes_back_without_a_loss() {
    let policy = LagPolicy::new(3, OnLag::End);
    let (mut channels, guest) = channels(|config| config.channel.topic.lag = policy);
    let subscribed = subscribe(&mut channels, guest, &["news"], None);
    let (reader, start) = (subscribed.reader, subscribed.start.unwrap());
    read(&mut channels, reader);
    publish(&mut channels, &["1", "2", "3"]);
    assert!(channels.poll_end(NOW, reader).is_none(), "as far behind as it may be");
    publish(&mut channels, &["4"]);
    assert!(woken(&mut channels).contains(&reader));
    assert_eq!(channels.poll_end(NOW, reader).map(|end| end.reason), Some(CloseReason::Lagging));
    assert_eq!(data(&mut channels, reader), ["end Lagging]"]);
    assert_eq!(channels.stats().totals.ended_for_lag, 1);
    channels.close(reader);
    let reader = subscribe(&mut channels, guest, &["news"], Some(&start)).reader;
    assert_eq!(data(&mut channels, reader), ["1", "2", "3", "4"]);
}

#[test]
fn a_replay_longer_than_the_lag_allowed_is_given_and_what_overflows_meanwhile_ends_it() {
    let policy = LagPolicy::new(3, OnLag::End);
    let (mut channels, guest) = channels(|config| config.channel.topic.lag = policy);
    let start = subscribe(&mut channels, guest, &["news"], None).start.unwrap();
    publish(&mut channels, &["1", "2", "3", "4", "5"]);
    let reader = subscribe(&mut channels, guest, &["news"], Some(&start)).reader;
    let Some(Read::Burst { more: true, .. }) = channels.read(NOW, reader, 1) else { panic!("the first") };
    publish(&mut channels, &["6", "7", "8"]);
    assert!(channels.poll_end(NOW, reader).is_none());
    publish(&mut channels, &["9"]);
    woken(&mut channels);
    assert_eq!(channels.poll_end(NOW, reader).map(|end| end.reason), Some(CloseReason::Lagging));
}

#[test]
fn a_reader_too_far_behind_is_told_a_gap_where_the_policy_says_so() {
    let policy = LagPolicy::new(2, OnLag::Gap);
    let (mut channels, guest) = channels(|config| config.channel.topic.lag = policy);
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    read(&mut channels, reader);
    let ids = publish(&mut channels, &["1", "2", "3", "4"]);
    let text = read(&mut channels, reader);
    let expected = format!(
        "id: {}\nevent: gap\ndata: {{\"reason\":\"lag\",\"after\":\"{}\",\"next\":\"{}\"}}\n\n",
        ids[1],
        ids[0].replace("-1", "-0"),
        ids[2]
    );
    assert!(text.starts_with(&expected), "{text}\n{expected}");
    assert!(text.ends_with("data: 4\n\n"));
    assert_eq!(channels.stats().totals.gaps_of(GapReason::Lag), 1);
    assert_eq!(channels.reader_stats(reader).unwrap().gaps, 1);
}

#[test]
fn only_the_latest_is_given_where_the_policy_says_so() {
    let policy = LagPolicy::new(2, OnLag::Latest);
    let (mut channels, guest) = channels(|config| config.channel.topic.lag = policy);
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    read(&mut channels, reader);
    publish(&mut channels, &["1", "2", "3"]);
    let got = data(&mut channels, reader);
    assert!(got[0].contains("\"lag\""));
    assert_eq!(got[1..], ["3"]);
}

#[test]
fn numbers_name_the_connection() {
    let (mut channels, _) = channels(|_| {});
    let guest = channels.admit(None).unwrap();
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    read(&mut channels, reader);
    publish(&mut channels, &["1", "2"]);
    let stats = channels.reader_stats(reader).unwrap();
    assert_eq!((stats.guest.number(), stats.behind, stats.bytes), (2, 2, 0));
    let len = read(&mut channels, reader).len() as u64;
    let totals = channels.stats().totals;
    assert_eq!((totals.published, totals.subscribed, totals.bursts, totals.bytes), (2, 1, 1, len));
    let stats = channels.reader_stats(reader).unwrap();
    assert_eq!((stats.behind, stats.bytes), (0, len));
    assert_eq!(channels.channels_of(reader).collect::<Vec<_>>(), ["news"]);
    assert_eq!(channels.readers().collect::<Vec<_>>(), [reader]);
}

#[test]
fn ten_thousand_connections_have_numbers_of_their_own() {
    let (mut channels, _) = channels(|_| {});
    let mut numbers = std::collections::BTreeSet::new();
    for round in 0..10_000 {
        let guest = channels.admit(None).unwrap();
        assert!(numbers.insert(guest.number()), "{guest:?}");
        // Neither are those of who is gone given again.
        if round % 2 == 0 {
            channels.leave(guest);
        }
    }
    assert_eq!(numbers.len(), 10_000);
}

#[test]
fn another_heartbeat_is_told_to_its_reader_once() {
    let (mut channels, guest) = channels(|_| {});
    let [one, other] = [(); 2].map(|()| subscribe(&mut channels, guest, &["news"], None).reader);
    woken(&mut channels);
    assert!(channels.set_heartbeat(one, Some(Heartbeat::default())));
    assert!(channels.set_heartbeat(one, None), "the last word counts");
    assert_eq!(woken(&mut channels), [one]);
    assert_eq!(channels.poll_heartbeat(other), None);
    assert_eq!(channels.poll_heartbeat(one), Some(None));
    assert_eq!(channels.poll_heartbeat(one), None);
    assert!(channels.set_heartbeat(other, None));
    channels.close(other);
    assert_eq!(channels.poll_heartbeat(other), None, "nothing is kept of who has left");
    assert!(!channels.set_heartbeat(other, None));
}

// debounce: LaunchDarkly's jitter server

const DEBOUNCE: Duration = Duration::from_millis(200);

fn debounced(seed: u64) -> (Channels, ReaderId) {
    let mut config = Config::default();
    config.channel.debounce = Some(DEBOUNCE);
    let mut channels = Channels::new(config, Box::new(SplitMix64::new(seed)), NOW);
    let guest = channels.admit(None).unwrap();
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    assert!(woken(&mut channels).is_empty(), "nothing to read yet");
    (channels, reader)
}

#[test]
fn the_first_after_a_pause_is_held_back_for_more_than_half_of_the_time_and_at_most_all_of_it() {
    let mut delays = Vec::new();
    for seed in 0..200 {
        let (mut channels, reader) = debounced(seed);
        channels.comment(NOW, ["news"], "1").unwrap();
        assert!(woken(&mut channels).is_empty());
        let due = channels.poll_timeout().unwrap();
        assert_eq!(read(&mut channels, reader), "");
        channels.handle_timeout(due);
        assert_eq!(woken(&mut channels), [reader]);
        assert_eq!(read_at(&mut channels, due, reader), ":1\n");
        delays.push(due - NOW);
    }
    delays.sort_unstable();
    assert!(delays[0] > DEBOUNCE / 2 && delays[199] <= DEBOUNCE, "{delays:?}");
    assert!(delays[0] < DEBOUNCE * 6 / 10 && delays[199] > DEBOUNCE * 9 / 10, "they are spread: {delays:?}");
}

#[test]
fn what_comes_while_one_is_held_back_replaces_it() {
    let (mut channels, reader) = debounced(1);
    publish(&mut channels, &["1", "2", "3"]);
    woken(&mut channels);
    let due = channels.poll_timeout().unwrap();
    channels.handle_timeout(due);
    assert_eq!(woken(&mut channels), [reader]);
    assert_eq!(data_at(&mut channels, due, reader), ["3"]);
    channels.publish(due, ["news"], "4").unwrap();
    assert!(woken(&mut channels).is_empty());
    let next = channels.poll_timeout().unwrap();
    assert!(next > due + DEBOUNCE / 2);
    channels.handle_timeout(next);
    assert_eq!(data_at(&mut channels, next, reader), ["4"]);
    assert_eq!(channels.stats().totals.gaps, [], "what is replaced is no gap");
}

#[test]
fn what_is_kept_for_a_reader_is_given_at_once_before_it_is_debounced() {
    let (mut channels, _) = debounced(1);
    let guest = channels.admit(None).unwrap();
    let ids = publish(&mut channels, &["1", "2", "3"]);
    let reader = subscribe(&mut channels, guest, &["news"], Some(&ids[0])).reader;
    assert_eq!(data(&mut channels, reader), ["2", "3"]);
    publish(&mut channels, &["4"]);
    assert_eq!(data(&mut channels, reader), [""; 0]);
}

#[test]
fn a_debounced_reader_is_never_too_far_behind() {
    for then in [OnLag::End, OnLag::Gap] {
        let mut config = Config::default();
        config.channel.debounce = Some(DEBOUNCE);
        config.channel.topic.lag = LagPolicy::new(2, then);
        config.channel.topic.max_publications = 3;
        let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), NOW);
        let guest = channels.admit(None).unwrap();
        let reader = subscribe(&mut channels, guest, &["news"], None).reader;
        woken(&mut channels);
        publish(&mut channels, &["1", "2", "3", "4", "5"]);
        assert!(woken(&mut channels).is_empty() && channels.poll_end(NOW, reader).is_none());
        channels.handle_timeout(NOW + DEBOUNCE);
        assert_eq!(data_at(&mut channels, NOW + DEBOUNCE, reader), ["5"], "{then:?}");
    }
}

#[test]
fn what_is_held_back_leaves_before_the_end() {
    let (mut channels, reader) = debounced(1);
    publish(&mut channels, &["1", "2"]);
    channels.shutdown(NOW);
    assert_eq!(data(&mut channels, reader), ["2", "end Shutdown]"]);
}

#[test]
fn no_debounce_holds_nothing_back() {
    let (mut channels, guest) = channels(|config| config.channel.debounce = Some(Duration::ZERO));
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    publish(&mut channels, &["1", "2"]);
    assert_eq!(data(&mut channels, reader), ["1", "2"]);
}

#[test]
fn a_reader_that_leaves_leaves_no_deadline_behind() {
    let (mut channels, reader) = debounced(1);
    publish(&mut channels, &["1"]);
    woken(&mut channels);
    channels.close(reader);
    channels.handle_timeout(after(0));
    let age = NOW + Duration::from_secs(24 * 60 * 60);
    assert_eq!(channels.poll_timeout(), Some(age), "but for the age of what was published");
}

#[test]
fn a_debounced_channel_is_followed_alone() {
    let (mut channels, _) = debounced(1);
    let guest = channels.admit(None).unwrap();
    assert_eq!(refused(&mut channels, guest, &["a", "b"]), SubscribeError::NotAlone);
}

// limits at minus one, at and plus one

#[test]
fn connections_in_all_have_a_limit() {
    let (mut channels, first) = channels(|config| (config.max_connections, config.max_refused) = (2, 1));
    let second = channels.admit(None).unwrap();
    assert_eq!((first.limit(), second.limit()), (None, None));
    let third = channels.admit(None).unwrap();
    assert_eq!(third.limit(), Some(Limit::Connections), "it is told");
    assert_eq!(refused(&mut channels, third, &["news"]), SubscribeError::Busy(Limit::Connections));
    assert_eq!(channels.admit(None), Err(Limit::Connections), "it is not even told");
    assert_eq!(channels.stats().totals.refused_by(Limit::Connections), 2);
    channels.leave(third);
    assert!(channels.admit(None).unwrap().limit().is_some());
    channels.leave(second);
    channels.leave(second);
    assert_eq!(channels.stats().connections, 1);
    assert_eq!(channels.admit(None).unwrap().limit(), None);
}

#[test]
fn connections_of_an_address_have_a_limit() {
    let (mut channels, _) = channels(|config| config.max_connections_per_ip = 2);
    let mut admit = |address: &str| channels.admit(Some(address.parse().unwrap())).unwrap();
    let first = admit("10.0.0.1");
    assert_eq!(admit("10.0.0.1").limit(), None);
    assert_eq!(admit("10.0.0.1").limit(), Some(Limit::ConnectionsPerIp));
    assert_eq!(admit("::ffff:10.0.0.1").limit(), Some(Limit::ConnectionsPerIp), "the same in IPv6");
    assert_eq!(admit("10.0.0.2").limit(), None);
    for address in ["2001:db8::1", "2001:db8::ffff:2"] {
        assert_eq!(admit(address).limit(), None);
    }
    assert_eq!(admit("2001:db8:0:0:8000::3").limit(), Some(Limit::ConnectionsPerIp), "a /64 counts as one");
    assert_eq!(admit("2001:db8:0:1::1").limit(), None);
    channels.leave(first);
    assert_eq!(channels.admit(Some("10.0.0.1".parse().unwrap())).unwrap().limit(), None);
}

#[test]
fn readers_of_a_channel_have_a_limit() {
    let (mut channels, guest) = channels(|_| {});
    channels.register("news", channel(|config| config.max_readers = 2)).unwrap();
    let first = subscribe(&mut channels, guest, &["news"], None).reader;
    subscribe(&mut channels, guest, &["news", "other"], None);
    assert_eq!(refused(&mut channels, guest, &["other", "news"]), SubscribeError::Busy(Limit::ReadersOfChannel));
    assert_eq!(channels.stats().totals.refused_by(Limit::ReadersOfChannel), 1);
    subscribe(&mut channels, guest, &["other"], None);
    channels.close(first);
    channels.close(first);
    subscribe(&mut channels, guest, &["news"], None);
}

#[test]
fn channels_of_a_reader_and_their_names_have_a_limit() {
    let (mut channels, guest) = channels(|config| (config.log.max_subscriptions, config.log.max_name) = (2, 3));
    subscribe(&mut channels, guest, &["a", "abc"], None);
    let many = SubscribeError::TooManyChannels { limit: 2 };
    assert_eq!(refused(&mut channels, guest, &["a", "b", "c"]), many);
    assert_eq!(refused(&mut channels, guest, &["abcd"]), SubscribeError::NameTooLong { limit: 3 });
    assert_eq!(refused(&mut channels, guest, &[]), SubscribeError::NoChannels);
    assert_eq!(channels.register("abcd", channel(|_| {})), Err(ConfigureError::NameTooLong));
    assert_eq!(channels.log().stats().readers, 1);
}

#[test]
fn readers_in_all_have_a_limit() {
    let (mut channels, guest) = channels(|config| config.log.max_readers = 1);
    subscribe(&mut channels, guest, &["a"], None);
    assert_eq!(refused(&mut channels, guest, &["a"]), SubscribeError::Busy(Limit::Log));
}

#[test]
fn a_reader_that_was_refused_leaves_nothing_behind() {
    let (mut channels, guest) = channels(|config| config.log.max_readers = 0);
    refused(&mut channels, guest, &["a"]);
    assert_eq!((channels.stats().channels, channels.log().stats().topics), (0, 0));
}
