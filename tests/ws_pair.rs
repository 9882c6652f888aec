//! Two ends of a WebSocket back to back, cut and lost at every byte of what they say.

use std::time::Duration;

use tidewire_core::ws::{CloseCode, CloseReason, Config, Connection, Event, Message};
use tidewire_core::{Instant, Protocol};
use tidewire_tests::ws_end::event_line;
use tidewire_tests::ws_pair::{CLIENT, Pair, SERVER};

const START: Instant = Instant::START;

/// A conversation: the server says welcome and pings, the client says five things and pings, the server repeats each, and then the
/// client closes.
struct Conversation {
    pair: Pair,
    /// The messages that each end was allowed to send.
    accepted: [Vec<Message>; 2],
    echoes: usize,
}

impl Conversation {
    fn begin() -> Self {
        let mut config = Config::default();
        config.fragment = Some(40);
        let mut conversation = Self { pair: Pair::new(config.clone(), config), accepted: [vec![], vec![]], echoes: 0 };
        let said: [Message; 5] = [
            "hello".into(),
            Message::Binary(vec![0xff; 130].into()),
            "".into(),
            "grüße in mehreren teilen, die in einem zeichen enden: ä".into(),
            "last".into(),
        ];
        for message in said {
            conversation.say(CLIENT, message);
        }
        conversation.say(SERVER, "welcome".into());
        for (side, payload) in conversation.pair.ends.iter_mut().zip([b"c", b"s"]) {
            side.machine.ping(START, payload).unwrap();
        }
        conversation
    }

    fn say(&mut self, place: usize, message: Message) {
        self.pair.ends[place].machine.send(START, &message).unwrap();
        self.accepted[place].push(message);
    }

    /// Goes on; returns whether anything moved.
    fn step(&mut self, most: [usize; 2]) -> bool {
        let Self { pair, accepted, echoes } = self;
        pair.step(&mut |place, event, machine| answer(place, event, machine, accepted, echoes), most)
    }

    fn run(&mut self) {
        while self.step([usize::MAX; 2]) {}
    }

    /// Goes on until the other end has been given `at` bytes of `from`; returns whether there were so many.
    fn run_to(&mut self, from: usize, at: usize) -> bool {
        loop {
            let mut most = [usize::MAX; 2];
            most[from] = at - self.pair.ends[from].delivered;
            if most[from] == 0 {
                return true;
            }
            if !self.step(most) {
                return false;
            }
        }
    }

    fn finish(&mut self) {
        self.run();
        let Self { pair, accepted, echoes } = self;
        let mut application = |place: usize, event: &Event, machine: &mut Connection| {
            answer(place, event, machine, accepted, echoes);
        };
        pair.advance(Duration::from_secs(200), &mut application);
    }

    fn received(&self, place: usize) -> Vec<Message> {
        let messages = self.pair.ends[place].told.iter().filter_map(|event| match event {
            Event::Message(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    /// What an end was told: messages and the end in their order, and pings and pongs in theirs.
    fn told(&self, place: usize) -> [Vec<String>; 2] {
        let told = &self.pair.ends[place].told;
        let lines = |control| {
            told.iter()
                .filter(|event| matches!(event, Event::Ping(_) | Event::Pong(_)) == control)
                .map(event_line)
                .collect()
        };
        [lines(false), lines(true)]
    }

    /// What holds whatever happens.
    fn check(&self, what: &str) {
        assert!(self.pair.is_over(), "{what}: {:?}", self.pair);
        for place in [CLIENT, SERVER] {
            let side = &self.pair.ends[place];
            let closed = side.closed.as_ref().unwrap_or_else(|| panic!("{what}: no end was told"));
            let sent = &self.accepted[place];
            let received = self.received(1 - place);
            assert!(sent.starts_with(&received), "{what}: once each, and in order");
            let is_sure = closed.is_clean && closed.why == CloseReason::Local;
            assert!(!is_sure || received.len() == sent.len(), "{what}: who closes knows that all has arrived");
            assert!(closed.unsent <= sent.len() - received.len(), "{what}: what arrived had left");
        }
    }
}

fn answer(place: usize, event: &Event, machine: &mut Connection, accepted: &mut [Vec<Message>; 2], echoes: &mut usize) {
    let Event::Message(message) = event else { return };
    if place == SERVER {
        if machine.send(START, message).is_ok() {
            accepted[SERVER].push(message.clone());
        }
        return;
    }
    *echoes += 1;
    if *echoes == 1 + 5 {
        machine.close(START, CloseCode::new(4000), "bye").unwrap();
    }
}

/// Returns how many bytes each end says.
fn lengths() -> [usize; 2] {
    let mut conversation = Conversation::begin();
    conversation.run();
    [CLIENT, SERVER].map(|place| conversation.pair.ends[place].delivered)
}

#[test]
fn a_conversation_ends_clean_on_both_ends() {
    let mut conversation = Conversation::begin();
    conversation.run();
    conversation.check("without a loss");
    let [client, server] = [CLIENT, SERVER].map(|place| conversation.told(place));
    let echo = ["text hello", "binary [130]", "text ", "text [58]", "text last"];
    let [said, pings] = client;
    assert_eq!(said[1..6], echo);
    assert_eq!((said[0].as_str(), said[6].as_str()), ("text welcome", "closed Local 4000 \"\" clean 0"));
    assert_eq!(pings, ["ping s", "pong c"]);
    let [said, pings] = server;
    assert_eq!(said[..5], echo);
    assert_eq!(said[5..], ["closing 4000 bye", "closed Peer 4000 \"bye\" clean 0"]);
    assert_eq!(pings, ["ping c", "pong s"]);
}

#[test]
fn where_it_is_cut_changes_nothing() {
    let mut whole = Conversation::begin();
    whole.run();
    for (from, len) in lengths().into_iter().enumerate() {
        for at in 1..len {
            let mut cut = Conversation::begin();
            assert!(cut.run_to(from, at), "{from} {at}");
            cut.run();
            cut.check("cut");
            for place in [CLIENT, SERVER] {
                assert_eq!(cut.told(place), whole.told(place), "{from} cut at {at}");
            }
        }
    }
}

#[test]
fn octet_by_octet_changes_nothing() {
    let mut whole = Conversation::begin();
    whole.run();
    let mut cut = Conversation::begin();
    while cut.step([1, 1]) {}
    for place in [CLIENT, SERVER] {
        assert_eq!(cut.told(place), whole.told(place));
    }
}

#[test]
fn a_loss_at_any_byte_is_told_on_both_ends_and_loses_nothing_in_silence() {
    let mut clean = 0;
    let mut lost = 0;
    for (from, len) in lengths().into_iter().enumerate() {
        for at in 0..=len {
            for is_reset in [false, true] {
                let mut conversation = Conversation::begin();
                conversation.run_to(from, at);
                conversation.pair.lose(1 - from, is_reset);
                conversation.finish();
                let what = format!("{from} lost at {at}, reset: {is_reset}");
                conversation.check(&what);
                let ends = conversation.pair.ends.iter().map(|side| side.closed.clone().unwrap());
                for closed in ends {
                    if closed.is_clean {
                        clean += 1;
                    } else {
                        lost += 1;
                        // Who heard a close frame, and could not answer it, tells what it said.
                        let said = if closed.why == CloseReason::Peer { (4000, "bye") } else { (1006, "") };
                        assert_eq!((closed.code, closed.reason.as_str()), said, "{what}");
                    }
                }
            }
        }
    }
    assert!(clean > 0 && lost > 1_000, "{clean} {lost}");
}

#[test]
fn a_loss_that_nobody_hears_of_is_noticed_by_both_ends() {
    for (from, len) in lengths().into_iter().enumerate() {
        for at in (0..len).step_by(7) {
            let mut conversation = Conversation::begin();
            conversation.run_to(from, at);
            let begun = conversation.pair.now;
            conversation.step([0, 0]);
            // Nothing is delivered any more.
            loop {
                let next = conversation.pair.ends.iter().filter_map(|side| side.machine.poll_timeout()).min();
                let Some(next) = next else { break };
                conversation.pair.now = next;
                for side in &mut conversation.pair.ends {
                    side.machine.handle_timeout(next);
                }
                conversation.step([0, 0]);
            }
            conversation.check("silence");
            assert!(conversation.pair.now - begun <= Duration::from_secs(50), "{:?}", conversation.pair.now);
        }
    }
}
