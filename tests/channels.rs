//! Channels: publish, subscribe, replay, limits and ends, case by case.

use std::time::Duration;

use tidewire_core::channels::{Channels, Config, Guest, PublishError, Read, Subscribe, Subscribed, Unregister};
use tidewire_core::log::ReaderId;
use tidewire_core::server::CloseReason;
use tidewire_core::{Instant, SplitMix64};

const NOW: Instant = Instant::START;

fn channels(change: impl FnOnce(&mut Config)) -> (Channels, Guest) {
    let mut config = Config::default();
    change(&mut config);
    let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), NOW);
    let guest = channels.admit(None).unwrap();
    (channels, guest)
}

fn subscribe(channels: &mut Channels, guest: Guest, names: &[&str], last_event_id: Option<&str>) -> Subscribed {
    channels.subscribe(NOW, Subscribe { guest, channels: names, last_event_id }).unwrap()
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
fn shutdown_gives_what_was_published_before_and_then_the_end() {
    let (mut channels, guest) = channels(|_| {});
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    let id = channels.publish(NOW, ["news"], "hello").unwrap();
    channels.shutdown(NOW);
    assert_eq!(channels.publish(NOW, ["news"], "late"), Err(PublishError::Closed));
    assert_eq!(read(&mut channels, reader), format!("id: {id}\ndata: hello\n\n[end {:?}]", CloseReason::Shutdown));
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
    channels.handle_timeout(end);
    assert_eq!(read_at(&mut channels, end, reader), format!("[end {:?}]", CloseReason::MaxStreamTime));
    channels.close(reader);
    assert_eq!(channels.poll_timeout(), None);
}

#[test]
fn unregister_with_force_gives_the_first_event_and_the_end() {
    let (mut channels, guest) = channels(|_| {});
    channels.register("news", Default::default());
    let reader = subscribe(&mut channels, guest, &["news"], None).reader;
    let id = channels.publish(NOW, ["news"], "1").unwrap();
    assert!(channels.unregister(NOW, "news", Unregister::EndReaders));
    assert_eq!(read(&mut channels, reader), format!("id: {id}\ndata: 1\n\n[end {:?}]", CloseReason::StreamEnded));
}
