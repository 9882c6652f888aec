//! The client and the server machine back to back: whatever is lost on the way, what was published arrives once and in order.

use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::client::{Event, State};
use tidewire_tests::world::{Wire, World};

/// Publishes before, between and after; then gives the client time to come back.
fn play(wire: Wire) -> World {
    let mut world = World::new("channel=a&channel=b", wire);
    for (channel, text) in SCRIPT {
        world.publish(channel, text);
    }
    world.publish("elsewhere", "not for us");
    world.advance(Duration::from_secs(60));
    world.publish("a", "last");
    world.advance(Duration::from_secs(60));
    world
}

const SCRIPT: [(&str, &str); 5] = [("a", "one"), ("b", "two\nlines"), ("a", ""), ("b", "四"), ("a", "five")];
const EXPECTED: [&str; 6] = ["one", "two\nlines", "", "四", "five", "last"];

/// Tells whether these are the last of what was expected, and the very last among them.
fn ends(texts: &[String]) -> bool {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    EXPECTED.ends_with(&texts) && !texts.is_empty()
}

#[test]
fn undisturbed_everything_arrives_over_one_connection() {
    let world = play(Wire::default());
    assert_eq!(world.texts(), EXPECTED);
    assert_eq!(world.connections, 1);
    assert_eq!(world.count("gap"), 0);
}

#[test]
fn loss_at_every_byte_to_the_client_loses_doubles_and_reorders_nothing() {
    let connected = World::new("channel=a&channel=b", Wire::default()).carried.to_client;
    let whole = play(Wire::default()).carried.to_client;
    assert!(connected > 200 && whole > connected + 1000, "the stream is there: {connected}, {whole}");
    for clean in [false, true] {
        for at in 0..whole {
            let world = play(Wire { break_to_client: Some(at), clean, ..Wire::default() });
            let texts = world.texts();
            if at < connected {
                // A client that was not connected yet has not missed what was published meanwhile.
                assert!(ends(&texts), "broken after {at} bytes, clean {clean}: {texts:?}");
            } else {
                assert_eq!(texts, EXPECTED, "broken after {at} bytes, clean {clean}");
            }
            assert_eq!(world.count("gap"), 0, "broken after {at} bytes, clean {clean}");
            assert_ne!(world.client.state(), State::Closed);
        }
    }
}

#[test]
fn loss_at_every_byte_to_the_server_loses_doubles_and_reorders_nothing() {
    let whole = play(Wire::default()).carried.to_server;
    for at in 0..whole {
        let world = play(Wire { break_to_server: Some(at), ..Wire::default() });
        // A client that never got through to the server has not missed what was published before.
        let texts = world.texts();
        assert!(
            EXPECTED.ends_with(&texts.iter().map(String::as_str).collect::<Vec<_>>()),
            "broken after {at}: {texts:?}"
        );
        assert!(!texts.is_empty(), "broken after {at}");
        assert_ne!(world.client.state(), State::Closed);
    }
}

#[test]
fn one_byte_at_a_time_makes_no_difference() {
    let whole = play(Wire::default());
    let bytewise = play(Wire { piece: 1, ..Wire::default() });
    assert_eq!(bytewise.events, whole.events);
}

#[test]
fn server_that_is_away_is_tried_again_until_it_is_back() {
    let mut world = World::new("channel=a", Wire::default());
    world.publish("a", "seen");
    world.wire.down = true;
    world.wire.break_to_client = Some(world.carried.to_client);
    for n in 0..20 {
        world.publish("a", &n.to_string());
    }
    world.advance(Duration::from_secs(600));
    assert_eq!(world.client.state(), State::Connecting);
    world.wire.down = false;
    world.advance(Duration::from_secs(60));
    let expected: Vec<String> = ["seen".to_owned()].into_iter().chain((0..20).map(|n| n.to_string())).collect();
    assert_eq!(world.texts(), expected);
}

#[test]
fn what_was_evicted_meanwhile_is_a_gap_told_once_when_the_stream_is_open_again() {
    let mut world = World::new("channel=a", Wire::default());
    world.publish("a", "seen");
    world.wire.down = true;
    world.wire.break_to_client = Some(world.carried.to_client);
    world.publish("a", "missed");
    // Longer than publications are kept.
    world.advance(Duration::from_secs(25 * 60 * 60));
    world.publish("a", "kept");
    assert_eq!(world.count("gap"), 0);
    world.wire.down = false;
    world.advance(Duration::from_secs(60));

    let opened = world.events.iter().rposition(|event| matches!(event, Event::Opened { .. })).expect("it is back");
    let types = world.events.iter().skip(opened).filter_map(|event| match event {
        Event::Message(message) => Some(message.event_type()),
        _ => None,
    });
    assert_eq!(types.collect::<Vec<_>>(), ["connected", "gap", "message"]);
    assert_eq!(world.count("gap"), 1);
    assert_eq!(world.texts(), ["seen", "kept"]);
}

#[test]
fn shutdown_says_goodbye_and_the_client_comes_back_later() {
    let mut world = World::new("channel=a", Wire::default());
    world.publish("a", "one");
    world.shutdown();
    let told = world.events.iter().any(|event| matches!(event, Event::Disconnected { .. }));
    assert!(told, "{:?}", world.events);
    assert_eq!(world.texts(), ["one"]);
    assert_eq!(world.client.state(), State::Connecting);
}

#[test]
fn idle_stream_stays_open_for_a_day() {
    let mut world = World::new("channel=a", Wire::default());
    world.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(world.connections, 1);
    let comments = world.events.iter().filter(|event| matches!(event, Event::Comment(_))).count();
    assert_eq!(comments, 24 * 60 * 4, "one keep-alive each 15 s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_losses_lose_nothing(
        losses in prop::collection::vec((0_usize..400, any::<bool>()), 1..12),
        piece in 1_usize..200,
        texts in prop::collection::vec(".{0,40}", 1..30),
    ) {
        let mut world = World::new("channel=a,b", Wire { piece, ..Wire::default() });
        let mut losses = losses.into_iter();
        for (n, text) in texts.iter().enumerate() {
            if n % 2 == 0 && let Some((after, clean)) = losses.next() {
                world.wire.break_to_client = Some(world.carried.to_client + after);
                world.wire.clean = clean;
            }
            world.publish(if n % 3 == 0 { "b" } else { "a" }, text);
            world.advance(Duration::from_secs((n % 5) as u64));
        }
        world.advance(Duration::from_secs(600));
        prop_assert_eq!(world.texts(), texts);
    }
}
