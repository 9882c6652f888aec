//! A server's connection that becomes a WebSocket: what came before, what follows at once, and how it ends.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tidewire_core::http::{HeadLimits, HeadReader, Method, RequestHead, ResponseHead};
use tidewire_core::log::Burst;
use tidewire_core::server::{self, AnswerError, CloseReason, End, Event, Reply, Request, Session, StreamHead};
use tidewire_core::ws::{self, CloseCode, Config, Connection, Message, Offer, SendError, Upgrade};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64, UnixTime};
use tidewire_tests::naive_ws;

const ASKED: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ANSWERED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const PLAIN: &str = "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n";

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A session whose application answers WebSockets, and plain requests with their path.
struct Site {
    session: Session,
    config: Config,
    now: Instant,
    /// Whether requests are answered at once.
    answers: bool,
    /// Whether the peer reads.
    reads: bool,
    waiting: Option<Request>,
    events: Vec<Event>,
    output: Vec<u8>,
}

impl Site {
    fn new() -> Self {
        Self::with(server::Config::default(), Config::default())
    }

    fn with(server: server::Config, config: Config) -> Self {
        let now = Instant::START;
        Self {
            session: Session::new(server, now, UnixTime::default(), 1),
            config,
            now,
            answers: true,
            reads: true,
            waiting: None,
            events: Vec::new(),
            output: Vec::new(),
        }
    }

    /// One that is a WebSocket already, and whose head was read.
    fn open() -> Self {
        let mut site = Self::new();
        site.input(ASKED.as_bytes());
        assert_eq!(site.text(), ANSWERED);
        site
    }

    fn input(&mut self, bytes: &[u8]) {
        self.session.handle_input(self.now, bytes);
        self.run();
    }

    fn eof(&mut self) {
        self.session.handle_eof(self.now);
        self.run();
    }

    fn run(&mut self) {
        loop {
            if let Some(event) = self.session.poll_event() {
                self.note(event);
            } else if let Some(piece) = self.reads.then(|| self.session.poll_transmit()).flatten() {
                self.output.extend_from_slice(&piece);
            } else {
                // That nothing was left to take may be told.
                let Some(event) = self.session.poll_event() else { return };
                self.note(event);
            }
        }
    }

    fn note(&mut self, event: Event) {
        assert!(!matches!(self.events.last(), Some(Event::Closed(_))), "nothing after the end: {event:?}");
        match event {
            Event::Request(request) => {
                self.waiting = Some(request);
                if self.answers {
                    self.answer();
                }
            }
            event => self.events.push(event),
        }
    }

    fn answer(&mut self) {
        let head = self.waiting.take().expect("a request waits").head;
        match Upgrade::of(&head) {
            Ok(upgrade) => {
                let accepted = upgrade.accept(None, &self.config).expect("no subprotocol is none too many");
                self.session.upgrade(self.now, accepted, self.config.clone()).expect("it asks for one");
            }
            Err(_) if head.target.starts_with("/plain") => {
                let mut reply = Reply::new(200);
                reply.body = Bytes::from(head.target.into_string());
                self.session.reply(self.now, reply).expect("a request waits");
            }
            Err(error) => self.session.reply(self.now, error.reply()).expect("a request waits"),
        }
    }

    fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.session.handle_timeout(at);
            self.run();
            assert_ne!(self.session.poll_timeout(), Some(at), "what was due is done");
        }
        self.now = until;
    }

    fn connection(&mut self) -> &mut Connection {
        self.session.web_socket().expect("it is a WebSocket")
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.take()).unwrap()
    }

    fn closed(&self) -> Option<CloseReason> {
        match self.events.last() {
            Some(Event::Closed(reason)) => Some(*reason),
            _ => None,
        }
    }

    fn messages(&self) -> Vec<&str> {
        let text = |event| match event {
            &Event::WebSocket(ws::Event::Message(Message::Text(ref text))) => Some(text.as_str()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }

    fn end(&self) -> &ws::Closed {
        let mut ends = self.events.iter().filter_map(|event| match event {
            Event::WebSocket(ws::Event::Closed(closed)) => Some(closed),
            _ => None,
        });
        let end = ends.next().expect("its end was told");
        assert!(ends.next().is_none(), "told once");
        end
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    naive_ws::frame(first, Some([1, 2, 3, 4]), payload)
}

fn close(code: u16) -> Vec<u8> {
    masked(CLOSE, &code.to_be_bytes())
}

// The beginning

#[test]
fn a_request_becomes_a_websocket() {
    let mut site = Site::new();
    assert!(site.session.web_socket().is_none());
    site.input(ASKED.as_bytes());
    assert_eq!(site.text(), ANSWERED);
    assert_eq!((site.session.closing(), site.session.wants_input()), (Closing::No, true));
    site.input(&masked(TEXT, b"hello"));
    assert_eq!(site.messages(), ["hello"]);
    let now = site.now;
    site.connection().send_text(now, "welcome").unwrap();
    site.run();
    assert_eq!(site.take(), b"\x81\x07welcome");
    assert!(format!("{:?}", site.session).contains("WebSocket"));
}

#[test]
fn what_is_sent_at_once_leaves_with_the_head_as_one_piece() {
    let mut site = Site::new();
    site.answers = false;
    site.input(ASKED.as_bytes());
    site.answer();
    let now = site.now;
    site.connection().send_text(now, "one").unwrap();
    site.connection().send_text(now, "two").unwrap();
    site.connection().ping(now, b"p").unwrap();
    let piece = site.session.poll_transmit().unwrap();
    assert_eq!(piece, [ANSWERED.as_bytes(), b"\x89\x01p\x81\x03one\x81\x03two"].concat());
    assert_eq!(site.session.poll_transmit(), None);
}

#[test]
fn a_long_message_that_is_sent_at_once_follows_the_head() {
    for len in [100, 20 << 10, 200 << 10] {
        let mut site = Site::new();
        site.answers = false;
        site.input(ASKED.as_bytes());
        site.answer();
        let now = site.now;
        site.connection().send(now, &Message::Binary(vec![7; len].into())).unwrap();
        site.run();
        let output = site.take();
        let frames = output.strip_prefix(ANSWERED.as_bytes()).expect("the head is first");
        let read = naive_ws::read(frames, false, naive_ws::NO_LIMIT);
        assert_eq!(read.told, [naive_ws::Told::Binary(vec![7; len])]);
    }
}

#[test]
fn frames_behind_the_head_are_read_at_once() {
    let mut site = Site::new();
    site.input(
        &[ASKED.as_bytes(), &masked(TEXT, b"one"), &masked(TEXT, b"two"), &masked(TEXT, b"three")[..4]].concat(),
    );
    assert_eq!(site.messages(), ["one", "two"]);
    site.input(&masked(TEXT, b"three")[4..]);
    assert_eq!(site.messages(), ["one", "two", "three"]);
    assert_eq!(site.text(), ANSWERED);
}

#[test]
fn frames_that_come_before_the_answer_wait_for_it() {
    let mut site = Site::new();
    site.answers = false;
    site.input(&[ASKED.as_bytes(), &masked(TEXT, b"one")].concat());
    assert!(!site.session.wants_input(), "the peer is held back");
    site.input(&masked(TEXT, b"two"));
    assert!(site.events.is_empty());
    site.answer();
    site.run();
    assert_eq!(site.messages(), ["one", "two"]);
}

#[test]
fn requests_before_it_are_answered_first() {
    let mut site = Site::new();
    site.input(&[PLAIN, PLAIN, ASKED].concat().into_bytes());
    let output = site.text();
    assert_eq!(output.matches("HTTP/1.1 200 OK").count(), 2);
    assert!(output.ends_with(ANSWERED), "{output}");
    assert!(site.session.web_socket().is_some());
}

#[test]
fn what_follows_is_no_request() {
    let mut site = Site::new();
    site.input(&[ASKED, PLAIN].concat().into_bytes());
    // `G` has a reserved bit and a reserved opcode.
    assert!(matches!(site.end().why, ws::CloseReason::Fault(_)), "{:?}", site.end());
    let output = site.take();
    let frames = output.strip_prefix(ANSWERED.as_bytes()).expect("the head is first, also where frames are wrong");
    assert_eq!(frames[..4], [CLOSE, (frames.len() - 2) as u8, 0x03, 0xea]);
    assert_eq!((site.session.closing(), site.closed()), (Closing::Finish, Some(CloseReason::WebSocket)));
}

/// A driver that does not heed what is wanted.
#[test]
fn more_ahead_than_is_kept_ends_it_with_1008() {
    let mut config = server::Config::default();
    config.max_pipelined = 100;
    let mut site = Site::with(config, Config::default());
    site.answers = false;
    site.input(&[ASKED.as_bytes(), &masked(0x82, &[0; 200])].concat());
    site.answer();
    site.run();
    assert_eq!(site.take(), [ANSWERED.as_bytes(), &[CLOSE, 2, 0x03, 0xf0]].concat());
    site.input(&close(1008));
    assert_eq!(site.closed(), Some(CloseReason::Flooded));
}

#[test]
fn a_refused_request_leaves_its_connection_to_the_next() {
    let mut site = Site::new();
    site.input(ASKED.replace("Version: 13", "Version: 8").as_bytes());
    let refused = site.text();
    assert!(refused.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{refused}");
    for field in ["\r\nupgrade: websocket\r\n", "\r\nsec-websocket-version: 13\r\n", "\r\nconnection: upgrade\r\n"] {
        assert!(refused.contains(field), "{refused}");
    }
    site.input(ASKED.as_bytes());
    assert_eq!(site.text(), ANSWERED);
}

#[test]
fn the_last_refusal_of_a_connection_says_both() {
    let mut site = Site::new();
    site.input(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let refused = site.text();
    assert!(refused.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{refused}");
    assert!(refused.contains("\r\nconnection: close\r\nconnection: upgrade\r\n"), "{refused}");
    assert_eq!(site.closed(), Some(CloseReason::Done));
}

#[test]
fn what_did_not_ask_for_it_becomes_none() {
    let accepted = || {
        let (head, _) = HeadReader::<RequestHead>::new(HeadLimits::default()).feed(ASKED.as_bytes()).unwrap().unwrap();
        Upgrade::of(&head).unwrap().accept(None, &Config::default()).unwrap()
    };
    for (asked, status) in [
        (ASKED.replace("GET", "HEAD"), "405"),
        (ASKED.replace("GET", "POST"), "405"),
        (ASKED.replace("HTTP/1.1", "HTTP/1.0"), "426"),
        (ASKED.replace("Upgrade: websocket", "Upgrade: h2c"), "426"),
        ("GET /chat HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "426"),
    ] {
        let mut site = Site::new();
        site.answers = false;
        site.input(asked.as_bytes());
        assert_eq!(
            site.session.upgrade(site.now, accepted(), Config::default()),
            Err(AnswerError::NoUpgrade),
            "{asked}"
        );
        site.answer();
        site.run();
        assert!(site.text().starts_with(&format!("HTTP/1.1 {status} ")), "{asked}");
        assert!(site.session.web_socket().is_none());
    }
    let mut site = Site::new();
    assert_eq!(site.session.upgrade(site.now, accepted(), Config::default()), Err(AnswerError::NoRequest));
    site.input(ASKED.as_bytes());
    assert_eq!(site.session.upgrade(site.now, accepted(), Config::default()), Err(AnswerError::NoRequest));
    assert_eq!(site.session.reply(site.now, Reply::new(200)), Err(AnswerError::NoRequest));
    assert_eq!(site.session.start_stream(site.now, StreamHead::default()), Err(AnswerError::NoRequest));
    assert!(site.session.stream().is_none() && !site.session.is_streaming());
}

/// As `HEAD` asks for the head of what `GET` gives.
#[test]
fn head_is_told_what_may_be_done() {
    let mut site = Site::new();
    site.input(ASKED.replace("GET", "HEAD").as_bytes());
    let answer = site.text();
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nallow: GET\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
}

// The end

#[test]
fn a_close_of_the_peer_is_answered_and_told() {
    let mut site = Site::open();
    site.input(&close(1000));
    assert_eq!(site.take(), [CLOSE, 2, 0x03, 0xe8]);
    // RFC 6455 §7.1.1: the server ends the connection first.
    assert_eq!(site.session.closing(), Closing::Finish);
    let [
        Event::WebSocket(ws::Event::Closing(Some(frame))),
        Event::WebSocket(ws::Event::Closed(closed)),
        Event::Closed(reason),
    ] = &site.events[..]
    else {
        panic!("{:?}", site.events)
    };
    assert_eq!(
        (frame.code, closed.code, closed.is_clean, *reason),
        (CloseCode::NORMAL, 1000, true, CloseReason::WebSocket)
    );
    site.eof();
    assert_eq!(site.session.closing(), Closing::Abort);
}

#[test]
fn a_close_of_the_application_waits_for_the_answer() {
    let mut site = Site::open();
    let now = site.now;
    site.connection().close(now, Some(CloseCode::NORMAL), "bye").unwrap();
    site.run();
    assert_eq!(site.take(), b"\x88\x05\x03\xe8bye");
    assert_eq!((site.closed(), site.session.closing()), (None, Closing::No));
    site.input(&[masked(TEXT, b"late"), close(1000)].concat());
    assert_eq!(site.messages(), ["late"]);
    assert_eq!((site.end().why, site.closed()), (ws::CloseReason::Local, Some(CloseReason::WebSocket)));
    let now = site.now;
    assert_eq!(site.connection().send_text(now, "x"), Err(SendError::Closing));
}

#[test]
fn shutdown_closes_with_1001() {
    let mut site = Site::open();
    site.session.shutdown(site.now);
    site.run();
    assert_eq!(site.take(), [CLOSE, 2, 0x03, 0xe9]);
    site.session.shutdown(site.now);
    site.run();
    assert_eq!(site.take(), b"", "once");
    site.input(&close(1001));
    assert_eq!((site.end().why, site.closed()), (ws::CloseReason::Local, Some(CloseReason::Shutdown)));
    assert_eq!(site.session.closing(), Closing::Finish);
}

#[test]
fn a_stream_that_is_ended_tells_why() {
    for (reason, code) in [
        (CloseReason::StreamEnded, 1000_u16),
        (CloseReason::Unregistered, 1000),
        (CloseReason::Lagging, 1008),
        (CloseReason::Busy, 1013),
        (CloseReason::MaxStreamTime, 1001),
    ] {
        let mut site = Site::open();
        site.session.end_stream(site.now, End::new(reason));
        // What comes too late changes nothing.
        site.session.end_stream(site.now, End::default());
        site.session.shutdown(site.now);
        site.run();
        let output = site.take();
        assert_eq!((output[0], &output[2..4]), (CLOSE, &code.to_be_bytes()[..]), "{reason:?}");
        site.input(&close(code));
        assert_eq!((site.end().why, site.closed()), (ws::CloseReason::Local, Some(reason)));
    }
    // Nor does what the peer has said before.
    let mut site = Site::open();
    site.input(&close(1000));
    site.session.end_stream(site.now, End::default());
    assert_eq!((site.end().why, site.closed()), (ws::CloseReason::Peer, Some(CloseReason::WebSocket)));
}

#[test]
fn a_comment_is_no_message_and_holds_nothing_back() {
    let mut site = Site::open();
    let now = site.now;
    site.reads = false;
    site.session.push_burst(now, &Burst::new(b"data: tide\n\n")).unwrap();
    site.session.send(now, b": comment\n\n").unwrap();
    assert!(site.session.poll_transmit().is_some_and(|piece| piece.ends_with(br#"{"data":"tide"}"#)));
    assert_eq!(site.session.poll_transmit(), None);

    site.session.send(now, b": comment\n\n").unwrap();
    assert!(site.session.wants_publications() && site.session.is_written());
}

#[test]
fn shutdown_of_a_peer_that_never_answers_ends_in_time() {
    let mut site = Site::open();
    site.session.shutdown(site.now);
    site.run();
    site.advance(secs(5));
    assert_eq!((site.closed(), site.session.closing()), (Some(CloseReason::Shutdown), Closing::Abort));
    assert_eq!(site.session.poll_timeout(), None);
}

#[test]
fn what_is_accepted_while_shutting_down_is_closed_at_once() {
    let mut site = Site::new();
    site.answers = false;
    site.input(ASKED.as_bytes());
    site.session.shutdown(site.now);
    assert_eq!(site.session.closing(), Closing::No, "the request is answered");
    site.answer();
    site.run();
    assert_eq!(site.take(), [ANSWERED.as_bytes(), &[CLOSE, 2, 0x03, 0xe9]].concat());
}

#[test]
fn a_peer_that_ends_before_the_answer_is_gone() {
    let mut site = Site::new();
    site.answers = false;
    site.input(&[ASKED.as_bytes(), &masked(TEXT, b"one")].concat());
    site.eof();
    site.answer();
    site.run();
    assert_eq!(site.messages(), ["one"], "what it sent before counts");
    assert_eq!((site.end().why, site.end().code), (ws::CloseReason::Ended, 1006));
    assert_eq!((site.closed(), site.session.closing()), (Some(CloseReason::WebSocket), Closing::Abort));
}

#[test]
fn a_peer_that_ends_without_a_close_is_lost() {
    let mut site = Site::open();
    site.eof();
    assert_eq!((site.end().why, site.closed()), (ws::CloseReason::Ended, Some(CloseReason::WebSocket)));
    assert_eq!(site.session.closing(), Closing::Abort);
}

// Time

#[test]
fn the_deadlines_are_those_of_the_websocket() {
    let mut site = Site::open();
    site.advance(secs(29));
    assert_eq!(site.take(), b"");
    site.advance(secs(1));
    assert_eq!(site.take(), [PING, 0], "30 s of silence");
    site.input(&masked(0x8a, b""));
    // Ten minutes, far beyond the idle time between requests.
    for _ in 0..20 {
        site.advance(secs(30));
        assert_eq!(site.take(), [PING, 0]);
        site.input(&masked(0x8a, b""));
    }
    assert_eq!(site.closed(), None);
    site.advance(secs(50));
    assert_eq!((site.end().why, site.closed()), (ws::CloseReason::PongTimeout, Some(CloseReason::WebSocket)));
}

#[test]
fn without_pings_there_is_no_deadline() {
    let mut config = Config::default();
    config.ping_interval = None;
    let mut site = Site::with(server::Config::default(), config);
    site.input(ASKED.as_bytes());
    assert_eq!(site.session.poll_timeout(), None);
}

#[test]
fn who_does_not_take_the_head_is_dropped() {
    let mut config = Config::default();
    config.ping_interval = None;
    let mut site = Site::with(server::Config::default(), config);
    site.reads = false;
    site.input(ASKED.as_bytes());
    site.advance(secs(30));
    assert_eq!((site.end().why, site.session.closing()), (ws::CloseReason::WriteTimeout, Closing::Abort));
}

#[test]
fn who_is_not_listened_to_is_held_back() {
    let mut site = Site::open();
    site.session.handle_input(site.now, &[masked(TEXT, b"one"), masked(TEXT, b"two")].concat());
    assert!(!site.session.wants_input());
    site.run();
    assert!(site.session.wants_input());
    assert_eq!(site.messages(), ["one", "two"]);
}

// Both ends

/// A client with nothing but a handshake and a connection.
struct Client {
    offer: Offer,
    heads: HeadReader<ResponseHead>,
    connection: Option<Connection>,
    told: Vec<ws::Event>,
}

impl Client {
    fn new(config: &Config) -> Self {
        let offer = Offer::new(["chat"], config, &mut SplitMix64::new(3)).unwrap();
        Self { offer, heads: HeadReader::new(HeadLimits::default()), connection: None, told: Vec::new() }
    }

    fn request(&self) -> Vec<u8> {
        let mut head = RequestHead::new(Method::GET, "/chat");
        head.fields.append("host", "a").unwrap();
        self.offer.set_fields(&mut head.fields);
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        bytes
    }

    fn input(&mut self, config: &Config, bytes: &[u8]) {
        let now = Instant::START;
        match &mut self.connection {
            Some(connection) => connection.handle_input(now, bytes),
            None => {
                let Some((head, used)) = self.heads.feed(bytes).unwrap() else { return };
                let agreed = self.offer.check(&head).unwrap();
                let masks = Box::new(SplitMix64::new(4));
                let mut connection = Connection::client(config.clone(), &agreed, now, masks);
                connection.handle_input(now, &bytes[used..]);
                self.connection = Some(connection);
            }
        }
        let connection = self.connection.as_mut().expect("made above");
        self.told.extend(std::iter::from_fn(|| connection.poll_event()));
    }
}

/// Carries what a session has to say in pieces of these lengths.
fn carry(site: &mut Site, client: &mut Client, cuts: &mut impl Iterator<Item = usize>) -> bool {
    let from_server = site.take();
    let mut rest = &from_server[..];
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cuts.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
        client.input(&site.config, piece);
        rest = later;
    }
    let connection = client.connection.as_mut();
    let from_client: Vec<u8> = connection
        .into_iter()
        .flat_map(|connection| std::iter::from_fn(|| connection.poll_transmit()))
        .flatten()
        .collect();
    let mut rest = &from_client[..];
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cuts.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
        site.input(piece);
        rest = later;
    }
    !from_server.is_empty() || !from_client.is_empty()
}

proptest! {
    #[test]
    fn two_ends_say_the_same_wherever_they_are_cut(
        deflates: bool,
        from_client in prop::collection::vec(".{0,200}", 0..8),
        from_server in prop::collection::vec(".{0,200}", 0..8),
        cuts in prop::collection::vec(1_usize..60, 0..200),
    ) {
        let mut config = Config::default();
        config.deflate = deflates.then(ws::deflate::Config::default);
        let mut site = Site::with(server::Config::default(), config.clone());
        let mut client = Client::new(&config);
        let mut cuts = cuts.into_iter();
        let asked = client.request();
        let at = cuts.next().unwrap_or_default().min(asked.len());
        site.input(&asked[..at]);
        site.input(&asked[at..]);
        let now = site.now;
        for text in &from_server {
            site.connection().send_text(now, text).unwrap();
        }
        site.run();
        carry(&mut site, &mut client, &mut cuts);
        let connection = client.connection.as_mut().expect("the whole head came");
        for text in &from_client {
            connection.send_text(now, text).unwrap();
        }
        connection.close(now, Some(CloseCode::NORMAL), "").unwrap();
        while carry(&mut site, &mut client, &mut cuts) {}

        prop_assert_eq!(site.messages(), from_client.iter().map(String::as_str).collect::<Vec<_>>());
        let received = client.told.iter().filter_map(|event| match event {
            ws::Event::Message(Message::Text(text)) => Some(text.as_str()),
            _ => None,
        });
        prop_assert!(received.eq(from_server.iter().map(String::as_str)));
        prop_assert!(site.end().is_clean);
        prop_assert_eq!(site.closed(), Some(CloseReason::WebSocket));
    }
}

/// The same events wherever a conversation is cut, and one end whatever becomes of it.
#[test]
fn cut_or_lost_at_every_byte_it_ends_once() {
    let said = [ASKED.as_bytes(), &masked(TEXT, b"one"), &masked(TEXT, b"two"), &close(1000)].concat();
    let whole = {
        let mut site = Site::new();
        site.input(&said);
        (site.events, site.output)
    };
    assert_eq!(whole.0.len(), 5);
    for at in 0..=said.len() {
        let mut site = Site::new();
        site.input(&said[..at]);
        site.input(&said[at..]);
        assert_eq!((&site.events, &site.output), (&whole.0, &whole.1), "cut at {at}");

        let mut site = Site::new();
        site.input(&said[..at]);
        let was_open = site.session.web_socket().is_some();
        site.eof();
        let expected = match at {
            0 => CloseReason::Peer,
            _ if !was_open => CloseReason::PeerMidRequest,
            _ => CloseReason::WebSocket,
        };
        assert_eq!(site.closed(), Some(expected), "lost at {at}");
        if was_open {
            assert_eq!(site.end().is_clean, at == said.len(), "lost at {at}");
        }
    }
}
