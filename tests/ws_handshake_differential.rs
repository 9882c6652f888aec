//! The opening handshake beside tungstenite's, at both ends: each change to a good head is told apart by whom it is refused, and what
//! several of them lead to follows from that. Where tungstenite is laxer or stricter the row says why.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read, Write};

use proptest::prelude::*;
use tidewire_core::SplitMix64;
use tidewire_core::http::{HeadLimits, HeadReader, RequestHead, ResponseHead};
use tidewire_core::ws::{Config, Offer, Upgrade};
use tidewire_tests::ws_handshake::{KEY, fields_of, offer, request, response};
use tungstenite::handshake::client::generate_key;
use tungstenite::{ClientHandshake, HandshakeError};

/// A change to the head, and whether the handshake goes on: here, and at tungstenite.
struct Row {
    changes: &'static [(&'static str, Option<&'static str>)],
    here: bool,
    there: bool,
}

const fn same(changes: &'static [(&'static str, Option<&'static str>)], goes_on: bool) -> Row {
    Row { changes, here: goes_on, there: goes_on }
}

const fn differs(changes: &'static [(&'static str, Option<&'static str>)], here: bool) -> Row {
    Row { changes, here, there: !here }
}

const REQUESTS: &[Row] = &[
    same(&[("x-other", Some("1"))], true),
    same(&[("upgrade", None)], false),
    same(&[("upgrade", Some("h2c"))], false),
    same(&[("upgrade", Some("WebSocket"))], true),
    // A list (RFC 9110 §7.8), which tungstenite does not read.
    differs(&[("upgrade", Some("h2c, websocket"))], true),
    same(&[("connection", None)], false),
    same(&[("connection", Some("keep-alive"))], false),
    same(&[("connection", Some("keep-alive, UPGRADE"))], true),
    // Of several fields it reads the first.
    differs(&[("connection", Some("keep-alive")), ("connection", Some("upgrade"))], true),
    // It takes what is no list.
    differs(&[("connection", Some("keep alive upgrade"))], false),
    same(&[("sec-websocket-version", None)], false),
    same(&[("sec-websocket-version", Some("8"))], false),
    same(&[("sec-websocket-version", Some("013"))], false),
    // RFC 6455 §11.3.5: not more than once.
    differs(&[("sec-websocket-version", Some("13")), ("sec-websocket-version", Some("13"))], false),
    same(&[("sec-websocket-key", None)], false),
    same(&[("sec-websocket-key", Some(""))], false),
    same(&[("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25j"))], false),
    same(&[("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZTE="))], false),
    same(&[("sec-websocket-key", Some("-_-_-_-_-_-_-_-_-_-_-w=="))], false),
    // As RFC 6455 §4.1 prints one.
    differs(&[("sec-websocket-key", Some("AQIDBAUGBwgJCgsMDQ4PEC=="))], true),
    // RFC 6455 §11.3.1: not more than once.
    differs(&[("sec-websocket-key", Some(KEY)), ("sec-websocket-key", Some(KEY))], false),
    // RFC 6455 §4.2.1: the Host field is required.
    differs(&[("host", None)], false),
    same(&[("sec-websocket-protocol", Some("chat, superchat"))], true),
    // What tungstenite's callback gets as it stands.
    differs(&[("sec-websocket-protocol", Some("chat, chat"))], false),
    same(&[("sec-websocket-extensions", Some("permessage-deflate; client_max_window_bits"))], true),
    differs(&[("sec-websocket-extensions", Some("permessage-deflate; ="))], false),
    differs(&[("content-length", Some("1"))], false),
];

const RESPONSES: &[Row] = &[
    same(&[("x-other", Some("1"))], true),
    same(&[("upgrade", None)], false),
    same(&[("upgrade", Some("h2c"))], false),
    same(&[("upgrade", Some("websocket, h2c"))], false),
    same(&[("upgrade", Some("WebSocket"))], true),
    same(&[("connection", None)], false),
    same(&[("connection", Some("close"))], false),
    same(&[("connection", Some("UPGRADE"))], true),
    // A list of tokens (RFC 6455 §4.1), which tungstenite does not read.
    differs(&[("connection", Some("keep-alive, upgrade"))], true),
    same(&[("sec-websocket-accept", None)], false),
    same(&[("sec-websocket-accept", Some(""))], false),
    same(&[("sec-websocket-accept", Some(KEY))], false),
    same(&[("sec-websocket-accept", Some("HSmrc0sMlYUkAGmm5OPpG2HaGWk="))], false),
    same(&[("sec-websocket-protocol", Some("chat"))], true),
    same(&[("sec-websocket-protocol", Some("Chat"))], false),
    same(&[("sec-websocket-protocol", Some("chat, superchat"))], false),
    // RFC 6455 §4.2.2: a server may choose none.
    differs(&[("sec-websocket-protocol", None)], true),
    // RFC 6455 §11.3.4: not more than once.
    differs(&[("sec-websocket-protocol", Some("chat")), ("sec-websocket-protocol", Some("chat"))], false),
    // Which tungstenite leaves to do.
    differs(&[("sec-websocket-extensions", Some("permessage-deflate"))], false),
];

/// The rows at these places, but for those that change a field that another one has changed.
fn chosen(rows: &'static [Row], places: &[prop::sample::Index]) -> Vec<&'static Row> {
    let mut names = BTreeSet::new();
    let mut chosen = Vec::new();
    for place in places {
        let row = &rows[place.index(rows.len())];
        if names.insert(row.changes[0].0) {
            chosen.push(row);
        }
    }
    chosen
}

fn changes(rows: &[&Row]) -> Vec<(&'static str, Option<&'static str>)> {
    rows.iter().flat_map(|row| row.changes).copied().collect()
}

/// A peer that has said all it will say.
struct Peer {
    said: Cursor<Vec<u8>>,
    heard: Vec<u8>,
}

impl Peer {
    fn new(said: Vec<u8>) -> Self {
        Self { said: Cursor::new(said), heard: Vec::new() }
    }
}

impl Read for Peer {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.said.read(out)
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.heard.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite's server answers, if it accepts.
fn their_answer(asked: &RequestHead) -> Option<ResponseHead> {
    let mut said = Vec::new();
    asked.encode(&mut said);
    let socket = tungstenite::accept(Peer::new(said)).ok()?;
    let (head, _) = HeadReader::new(HeadLimits::default()).feed(&socket.get_ref().heard).unwrap().unwrap();
    Some(head)
}

/// Whether tungstenite's client, which asked with this head, goes on after the answer.
fn they_go_on(asked: &RequestHead, answer: &ResponseHead) -> bool {
    let mut request = http::Request::builder().uri("ws://server.example.com/chat");
    for (name, value) in asked.fields.iter() {
        request = request.header(name, value);
    }
    let mut said = Vec::new();
    answer.encode(&mut said);
    let begun = ClientHandshake::start(Peer::new(said), request.body(()).unwrap(), None).expect("a good request");
    match begun.handshake() {
        Ok(_) => true,
        Err(HandshakeError::Failure(_)) => false,
        Err(HandshakeError::Interrupted(_)) => panic!("all is there"),
    }
}

fn asked(offer: &Offer) -> RequestHead {
    let mut head = request(&[]);
    for (name, value) in fields_of(offer).iter() {
        head.fields.set(name, value).unwrap();
    }
    head
}

#[test]
fn each_request_is_judged_as_its_row_says() {
    for row in REQUESTS {
        let head = request(row.changes);
        assert_eq!(Upgrade::of(&head).is_ok(), row.here, "here: {:?}", row.changes);
        assert_eq!(their_answer(&head).is_some(), row.there, "there: {:?}", row.changes);
    }
}

#[test]
fn each_answer_is_judged_as_its_row_says() {
    let offer = offer(&["chat", "superchat"], &Config::default());
    let asked = asked(&offer);
    for row in RESPONSES {
        let mut answer = response(row.changes);
        if row.changes[0].0 != "sec-websocket-protocol" {
            answer.fields.append("sec-websocket-protocol", "superchat").unwrap();
        }
        assert_eq!(offer.check(&answer).is_ok(), row.here, "here: {:?}", row.changes);
        assert_eq!(they_go_on(&asked, &answer), row.there, "there: {:?}", row.changes);
    }
}

proptest! {
    #[test]
    fn several_changes_are_judged_as_each_of_them(places in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let rows = chosen(REQUESTS, &places);
        let head = request(&changes(&rows));
        prop_assert_eq!(Upgrade::of(&head).is_ok(), rows.iter().all(|row| row.here));
        prop_assert_eq!(their_answer(&head).is_some(), rows.iter().all(|row| row.there));

        let rows = chosen(RESPONSES, &places);
        let offer = offer(&["chat"], &Config::default());
        let mut answer = response(&changes(&rows));
        if rows.iter().all(|row| row.changes[0].0 != "sec-websocket-protocol") {
            answer.fields.append("sec-websocket-protocol", "chat").unwrap();
        }
        prop_assert_eq!(offer.check(&answer).is_ok(), rows.iter().all(|row| row.here));
        prop_assert_eq!(they_go_on(&asked(&offer), &answer), rows.iter().all(|row| row.there));
    }

    #[test]
    fn our_client_goes_on_with_their_server(seed: u64) {
        let offer = Offer::new([""; 0], &Config::default(), &mut SplitMix64::new(seed)).unwrap();
        let answer = their_answer(&asked(&offer)).expect("it accepts");
        prop_assert!(offer.check(&answer).is_ok());
    }

    #[test]
    fn their_client_goes_on_with_our_server(_ in 0..100_u8) {
        let asked = request(&[("sec-websocket-key", Some(&*generate_key()))]);
        let accepted = Upgrade::of(&asked).unwrap().accept(None, &Config::default()).unwrap();
        prop_assert!(they_go_on(&asked, &accepted.into_head()));
    }
}
