//! Random commands on both ends of a WebSocket, against a model that knows what was accepted and nothing else: every message that was
//! accepted arrives once and in order, or who sent it is told that it may not have.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use tidewire_core::ws::{CloseCode, CloseReason, Config, Connection, Event, Message, SendError};
use tidewire_core::{Instant, Protocol};
use tidewire_tests::ws_pair::{CLIENT, Pair, SERVER};

/// What happens. `place` is an end.
#[derive(Clone, Debug)]
enum Command {
    /// Its application sends a message of `len` bytes.
    Send { place: usize, is_text: bool, len: usize },
    /// Its application pings.
    Ping { place: usize },
    /// Its application closes.
    Close { place: usize, code: Option<u16> },
    /// Its application begins or stops to take events.
    Take { place: usize, takes: bool },
    /// Its socket begins or stops to take what is written.
    Write { place: usize, writes: bool },
    /// Its bytes are delivered, so many.
    Deliver { place: usize, most: usize },
    /// Time passes.
    Wait { millis: u64 },
    /// Its connection breaks, or ends.
    Lose { place: usize, is_reset: bool },
}

fn command() -> impl Strategy<Value = Command> {
    let place = || select(vec![CLIENT, SERVER]);
    let len = prop_oneof![4 => 0..200_usize, 1 => 0..2_000_usize, 1 => 60_000..140_000_usize];
    let most = prop_oneof![0..20_usize, 0..5_000_usize, Just(usize::MAX)];
    prop_oneof![
        20 => (place(), any::<bool>(), len).prop_map(|(place, is_text, len)| Command::Send { place, is_text, len }),
        3 => place().prop_map(|place| Command::Ping { place }),
        1 => (place(), select(vec![None, Some(1000), Some(4321)])).prop_map(|(place, code)| Command::Close { place, code }),
        4 => (place(), prop::bool::weighted(0.7)).prop_map(|(place, takes)| Command::Take { place, takes }),
        4 => (place(), prop::bool::weighted(0.7)).prop_map(|(place, writes)| Command::Write { place, writes }),
        20 => (place(), most).prop_map(|(place, most)| Command::Deliver { place, most }),
        3 => select(vec![10, 1_000, 6_000, 25_000, 40_000]).prop_map(|millis| Command::Wait { millis }),
        1 => (place(), any::<bool>()).prop_map(|(place, is_reset)| Command::Lose { place, is_reset }),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let limits = (select(vec![2_usize, 8, 256]), select(vec![300_usize, 5_000, 1 << 20]));
    (select(vec![None, Some(1), Some(50), Some(100_000)]), limits, select(vec![None, Some(30)])).prop_map(
        |(fragment, (frames, bytes), interval)| {
            let mut config = Config::default();
            // A byte a frame is slow for long messages, and hits the limit.
            config.limits.max_fragments = usize::MAX;
            config.fragment = fragment;
            (config.max_queued_frames, config.max_queued_bytes) = (frames, bytes);
            config.ping_interval = interval.map(Duration::from_secs);
            config
        },
    )
}

/// What was accepted at an end and has not arrived at the other.
#[derive(Default)]
struct Model {
    accepted: [VecDeque<Message>; 2],
    /// Whether an end has said that it closes.
    has_closed: [bool; 2],
    numbers: u64,
}

impl Model {
    fn hear(&mut self, place: usize, event: &Event) {
        match event {
            Event::Message(message) => {
                let expected = self.accepted[1 - place].pop_front().expect("it was sent once");
                assert!(*message == expected, "in order");
            }
            Event::Closing(_) => assert!(self.has_closed[1 - place], "somebody closed"),
            Event::Ping(payload) => assert!(payload.is_empty() || payload == "ping"),
            Event::Pong(payload) => assert!(payload.is_empty() || payload == "ping"),
            _ => {}
        }
    }

    fn send(&mut self, place: usize, is_text: bool, len: usize, machine: &mut Connection, now: Instant) {
        self.numbers += 1;
        let mut bytes = format!("{} ", self.numbers).into_bytes();
        bytes.resize(len.max(bytes.len()), b'.');
        let message: Message = match String::from_utf8(bytes) {
            Ok(text) if is_text => text.into(),
            Ok(text) => Message::Binary(text.into_bytes().into()),
            Err(_) => unreachable!("it is ASCII"),
        };
        let was_open = machine.is_open();
        let waiting = machine.unsent_bytes();
        match machine.send(now, &message) {
            Ok(()) => {
                assert!(was_open);
                self.accepted[place].push_back(message);
            }
            Err(SendError::Closing) => assert!(!was_open),
            Err(SendError::Full { .. }) => {
                assert!(machine.unsent() >= machine.config().max_queued_frames || waiting > 0, "there was nothing")
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn play(commands: &[Command], configs: [Config; 2]) {
    let [client, server] = configs;
    let mut pair = Pair::new(client, server);
    let mut model = Model::default();
    let mut is_lost = false;
    for command in commands {
        let now = pair.now;
        match *command {
            Command::Send { place, is_text, len } => {
                // In one byte a frame the long ones take too long.
                let len = if pair.ends[place].machine.config().fragment == Some(1) { len % 1_000 } else { len };
                model.send(place, is_text, len, &mut pair.ends[place].machine, now);
            }
            Command::Ping { place } => {
                let machine = &mut pair.ends[place].machine;
                assert_eq!(machine.is_open(), machine.ping(now, b"ping") != Err(SendError::Closing));
            }
            Command::Close { place, code } => {
                let machine = &mut pair.ends[place].machine;
                let was_open = machine.is_open();
                assert_eq!(was_open, machine.close(now, code.and_then(CloseCode::new), "").is_ok());
                model.has_closed[place] |= was_open;
            }
            Command::Take { place, takes } => pair.ends[place].takes = takes,
            Command::Write { place, writes } => pair.ends[place].writes = writes,
            Command::Deliver { place, most } => {
                pair.deliver(place, most);
            }
            Command::Wait { millis } => {
                pair.advance(Duration::from_millis(millis), &mut |place, event, _| model.hear(place, event));
            }
            Command::Lose { place, is_reset } => {
                is_lost = true;
                pair.lose(place, is_reset);
            }
        }
        for place in [CLIENT, SERVER] {
            pair.settle(place, &mut |place, event, _| model.hear(place, event));
            let machine = &pair.ends[place].machine;
            let config = machine.config();
            assert!(machine.unsent() <= config.max_queued_frames.saturating_add(256 + 64_000), "bounded");
        }
    }
    finish(&mut pair, &mut model, is_lost);
}

/// Everybody takes what is there, and the client closes.
fn finish(pair: &mut Pair, model: &mut Model, is_lost: bool) {
    for side in &mut pair.ends {
        (side.takes, side.writes) = (true, true);
    }
    pair.run(&mut |place, event, _| model.hear(place, event));
    let was_whole = !is_lost && pair.ends.iter().all(|side| side.closed.is_none() && side.machine.is_open());
    if was_whole {
        assert_eq!(model.accepted.iter().map(VecDeque::len).sum::<usize>(), 0, "all has arrived");
    }
    let now = pair.now;
    let _ = pair.ends[CLIENT].machine.close(now, Some(CloseCode::NORMAL), "");
    model.has_closed[CLIENT] = true;
    pair.run(&mut |place, event, _| model.hear(place, event));
    pair.advance(Duration::from_secs(200), &mut |place, event, _| model.hear(place, event));
    assert!(pair.is_over(), "{pair:?}");
    for place in [CLIENT, SERVER] {
        let closed = pair.ends[place].closed.as_ref().expect("the end was told");
        let missing = model.accepted[place].len();
        assert!(closed.unsent <= missing, "what arrived had left: {closed:?} {missing}");
        if was_whole {
            assert!(closed.is_clean && missing == 0, "{closed:?}");
        }
        // Closes that cross are no answers.
        let heard = pair.ends[1 - place].closed.as_ref().expect("the end was told");
        let is_answered = closed.is_clean && closed.why == CloseReason::Local && heard.why == CloseReason::Peer;
        assert!(!is_answered || missing == 0, "who closes knows that all has arrived: {closed:?} {heard:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_once_and_in_order_or_the_sender_is_told(
        commands in prop::collection::vec(command(), 1..80),
        client in config(),
        server in config(),
    ) {
        play(&commands, [client, server]);
    }
}

#[test]
fn with_nothing_lost_all_arrives() {
    // Not by chance: a run of each kind without a loss, with every pair of configs that matters.
    for fragment in [None, Some(1), Some(100_000)] {
        let mut config = Config::default();
        config.limits.max_fragments = usize::MAX;
        config.fragment = fragment;
        let sends = (0..40).map(|number| Command::Send {
            place: number % 2,
            is_text: number % 3 > 0,
            len: [0, 5, 20_000, 130_000][number % 4],
        });
        play(&sends.collect::<Vec<_>>(), [config.clone(), config]);
    }
}

#[test]
fn a_server_that_stops_reading_holds_its_peer_back() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let mut model = Model::default();
    pair.ends[SERVER].takes = false;
    for _ in 0..100 {
        model.send(CLIENT, true, 10_000, &mut pair.ends[CLIENT].machine, Instant::START);
        pair.run(&mut |place, event, _| model.hear(place, event));
    }
    assert!(!pair.ends[SERVER].machine.wants_input());
    assert!(pair.ends[CLIENT].delivered < 11_000, "one chunk: {}", pair.ends[CLIENT].delivered);
    finish(&mut pair, &mut model, false);
}
