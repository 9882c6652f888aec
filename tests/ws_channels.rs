//! Channels read over WebSocket: the same as over event streams, made messages of once for all.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidewire_core::channels::{Answer, Batch, ChannelConfig, Channels, Config, Endpoint, Read, Subscribe, Unregister};
use tidewire_core::http::{Fields, HeadLimits, HeadReader, Method, RequestHead, ResponseHead};
use tidewire_core::log::{Framer, LagPolicy, OnLag, ReaderId};
use tidewire_core::server::{self, EventStream, Framing, Session, WebSocketEndpoint};
use tidewire_core::sse::{EventId, EventName, Item, Message, MessageRef, Parser};
use tidewire_core::ws::deflate::{self, Context};
use tidewire_core::ws::{self, Agreed, Connection, Event, FrameHeader, Offer, Prepared};
use tidewire_core::{Instant, Protocol, SplitMix64, UnixTime};

const NOW: Instant = Instant::START;

#[test]
fn a_reader_is_given_each_block_as_an_object() {
    let mut channels = channels(|_| {});
    let mut reader = Reader::open(&mut channels, "", None);
    let start = reader.told();
    assert_eq!(start.len(), 1);
    assert_eq!(start[0]["retry"], 1000);
    let start = start[0]["id"].as_str().unwrap().to_owned();
    let id = channels.publish(NOW, ["news"], &Message::new("The tide\nis \"high\"")).unwrap().to_string();
    assert_eq!(reader.feed(&mut channels), 1);
    assert_eq!(reader.told(), [json!({ "id": id, "data": "The tide\nis \"high\"" })]);
    let trade = Message::new("grüße").with_event(EventName::new("trade").unwrap());
    let id = channels.publish(NOW, ["news"], &trade).unwrap().to_string();
    reader.feed(&mut channels);
    assert_eq!(reader.told(), [json!({ "id": id, "event": "trade", "data": "grüße" })]);
    assert!(start < id);
    // Comments are for who cannot see pings.
    channels.comment(NOW, ["news"], "still here").unwrap();
    assert_eq!(reader.feed(&mut channels), 0);
    assert_eq!(reader.told(), [Value::Null; 0]);
    // With an id of one reader's own it is text as any other.
    reader.session.send_message(NOW, &Message::new("for you")).unwrap();
    assert_eq!(reader.told(), [json!({ "data": "for you" })]);
}

#[test]
fn a_burst_is_one_piece_for_one_write() {
    let mut channels = channels(|_| {});
    let mut reader = Reader::open(&mut channels, "", None);
    reader.told();
    for number in 0..5 {
        channels.publish(NOW, ["news"], &Message::new(number.to_string())).unwrap();
    }
    assert_eq!(reader.feed(&mut channels), 1, "burst");
    let piece = reader.session.poll_transmit().unwrap();
    assert_eq!(reader.session.poll_transmit(), None);
    assert_eq!(frames(&piece).len(), 5);
    reader.client.handle_input(NOW, &piece);
    let data: Vec<_> = reader.told().iter().map(|object| object["data"].clone()).collect();
    assert_eq!(data, ["0", "1", "2", "3", "4"]);
}

#[test]
fn thousand_readers_share_one_encoding_and_those_who_agreed_one_compression() {
    let mut channels = channels(|_| {});
    let mut readers: Vec<_> = (0..1_000)
        .map(|number| Reader::open(&mut channels, "", (number % 2 == 0).then(deflate::Config::default)))
        .collect();
    readers.iter_mut().for_each(|reader| drop(reader.told()));
    for round in 0..3 {
        let text = format!("the same again and again {round} ").repeat(60);
        channels.publish(NOW, ["news"], &Message::new(&text)).unwrap();
        let (mut plain, mut small) = (BTreeSet::new(), BTreeSet::new());
        for reader in &mut readers {
            assert_eq!(reader.feed(&mut channels), 1);
            let piece = reader.session.poll_transmit().unwrap();
            let is_small = frames(&piece)[0].compressed;
            assert_eq!(is_small, reader.agreed.deflate.is_some());
            assert_eq!(piece.len() < text.len() / 3, is_small);
            if is_small { &mut small } else { &mut plain }.insert((piece.as_ptr() as usize, piece.len()));
            reader.client.handle_input(NOW, &piece);
            assert_eq!(reader.told()[0]["data"], text);
        }
        assert_eq!((plain.len(), small.len()), (1, 1), "the same memory for all");
    }
}

#[test]
fn a_framer_makes_and_compresses_a_burst_once() {
    let mut channels = channels(|_| {});
    let guest = channels.admit(None).unwrap();
    let asked = Subscribe { guest, channels: &["news"], last_event_id: None };
    let reader = channels.subscribe(NOW, asked).unwrap().reader;
    let mut framer = Framer::new();
    let mut bursts = Vec::new();
    for number in 0..10 {
        channels.publish(NOW, ["news"], &Message::new(format!("{number} ").repeat(600))).unwrap();
        let Some(Read::Burst { burst, .. }) = channels.read(NOW, reader, usize::MAX) else { panic!("nothing") };
        bursts.push(burst.clone());
    }
    for compress in [false, true, true, false] {
        for burst in &bursts {
            let framed = framer.frame(burst, compress).messages().unwrap();
            assert_eq!(framed.len(), 1);
        }
    }
    assert_eq!((framer.framed(), framer.compressed()), (10, 10));
}

#[test]
fn short_messages_of_a_compressed_burst_go_as_they_are() {
    let mut channels = channels(|_| {});
    let mut reader = Reader::open(&mut channels, "", Some(deflate::Config::default()));
    reader.told();
    let long = "the same again and again ".repeat(60);
    for text in ["short", &long, "short"] {
        channels.publish(NOW, ["news"], &Message::new(text)).unwrap();
    }
    reader.feed(&mut channels);
    let piece = reader.session.poll_transmit().unwrap();
    let compressed: Vec<_> = frames(&piece).iter().map(|header| header.compressed).collect();
    assert_eq!(compressed, [false, true, false]);
    reader.client.handle_input(NOW, &piece);
    let data: Vec<_> = reader.told().iter().map(|object| object["data"].clone()).collect();
    assert_eq!(data, ["short", &long, "short"]);
}

#[test]
fn a_window_that_goes_on_takes_bursts_and_own_messages_in_any_order() {
    let mut config = deflate::Config::default();
    (config.send, config.receive, config.min_len) = (Context::SHARED, Context::SHARED, 0);
    let mut channels = channels(|channels| channels.deflate.min_len = 0);
    let mut reader = Reader::open(&mut channels, "", Some(config));
    assert!(reader.agreed.deflate.is_some_and(|params| params.server.takeover));
    reader.told();
    let text = |number: usize| format!("the tide is {number} feet high ").repeat(5);
    for number in 0..30 {
        channels.publish(NOW, ["news"], &Message::new(text(number))).unwrap();
        let mut expected = vec![text(number)];
        if number % 3 == 0 {
            reader.feed(&mut channels);
        }
        // What is sent before the burst is taken leaves before it.
        let own = json!({ "data": text(number + 1) }).to_string();
        let prepared = Prepared::text(&own);
        let connection = reader.session.web_socket().unwrap();
        if number % 2 == 0 {
            connection.send_text(NOW, &own).unwrap();
        } else {
            connection.send_shared(NOW, &prepared).unwrap();
        }
        expected.insert(0, text(number + 1));
        let mut told = reader.told();
        if number % 3 != 0 {
            reader.feed(&mut channels);
            told.extend(reader.told());
        }
        let data: Vec<_> = told.iter().map(|object| object["data"].clone()).collect();
        assert_eq!(data, expected, "{number}");
    }
}

#[test]
fn a_reader_resumes_behind_the_id_that_it_brings_and_is_told_a_gap() {
    let mut channels = channels(|config| config.channel.topic.max_publications = 3);
    let ids: Vec<_> = (0..5)
        .map(|number| channels.publish(NOW, ["news"], &Message::new(number.to_string())).unwrap().to_string())
        .collect();
    let mut reader = Reader::open(&mut channels, &format!("?last_event_id={}", ids[2]), None);
    reader.feed(&mut channels);
    let told = reader.told();
    assert_eq!(told[0]["id"], *ids[2], "it starts where it was");
    let rest: Vec<_> = told[1..].iter().map(|object| (object["id"].clone(), object["data"].clone())).collect();
    assert_eq!(rest, [(json!(ids[3]), json!("3")), (json!(ids[4]), json!("4"))]);

    let mut reader = Reader::open(&mut channels, &format!("?last_event_id={}", ids[0]), None);
    reader.feed(&mut channels);
    let told = reader.told();
    assert_eq!(told[1]["event"], "gap");
    let gap: Value = serde_json::from_str(told[1]["data"].as_str().unwrap()).unwrap();
    assert_eq!(gap, json!({ "reason": "evicted", "after": ids[0], "next": ids[2] }));
    assert_eq!(told[1]["id"], *ids[1], "where to go on from");
    assert_eq!(told.len(), 2 + 3);

    // Live, too.
    let mut late = Reader::open(&mut channels, "", None);
    late.told();
    for number in 0..7 {
        channels.publish(NOW, ["news"], &Message::new(number.to_string())).unwrap();
    }
    while late.feed(&mut channels) > 0 {
        late.flush();
    }
    let told = late.told();
    assert_eq!((told[0]["event"].as_str(), told[1]["data"].as_str(), told.len()), (Some("gap"), Some("4"), 4));
}

#[test]
fn what_a_repository_answers_is_given_too() {
    for deflate in [None, Some(deflate::Config::default())] {
        let mut channels = channels(|_| {});
        let mut config = ChannelConfig::default();
        config.repository = true;
        channels.register("news", config).unwrap();
        let mut reader = Reader::open(&mut channels, "?last_event_id=7", deflate);
        let Some(Read::Load(load)) = channels.read(NOW, reader.id, usize::MAX) else { panic!("it is asked") };
        assert_eq!((&*load.after.unwrap_or_default(), &*load.channel), ("7", "news"));
        let text = "the same again and again ".repeat(60);
        let mut batch = Batch::default();
        batch.push(&Message::new(&text).with_id(EventId::new("8").unwrap())).unwrap();
        channels.handle_loaded(NOW, reader.id, Ok(batch));
        while reader.feed(&mut channels) > 0 {}
        let told = reader.told();
        assert_eq!(told.last(), Some(&json!({ "id": "8", "data": text })));
    }
}

#[test]
fn a_request_that_may_not_be_answered_is_refused_before_the_upgrade() {
    let mut channels = channels(|config| {
        config.on_demand = false;
        config.max_connections = 1;
    });
    channels.register("news", ChannelConfig::default()).unwrap();
    let guest = channels.admit(None).unwrap();
    let refused = channels.admit(None).unwrap();
    let endpoint = endpoint(None);
    let mut status = |guest, names: &[&str], change: &dyn Fn(&mut RequestHead)| {
        let (_, mut head) = request("/news", None);
        change(&mut head);
        let web_socket = endpoint.web_socket_for(&head).expect("it asks for one");
        match endpoint.answer_web_socket(web_socket, &mut channels, NOW, guest, &head, names) {
            Ok(opened) => {
                channels.close(opened.reader);
                101
            }
            Err(reply) => reply.status,
        }
    };
    assert_eq!(status(guest, &["news"], &|_| {}), 101);
    assert_eq!(
        status(guest, &["news"], &|head| head.fields.append("origin", "https://elsewhere.example").unwrap()),
        403
    );
    assert_eq!(status(guest, &["news"], &|head| head.fields.set("sec-websocket-version", "8").unwrap()), 426);
    assert_eq!(status(guest, &["other"], &|_| {}), 404);
    assert_eq!(status(guest, &[], &|_| {}), 400);
    assert_eq!(status(refused, &["news"], &|_| {}), 503);
    assert_eq!(channels.stats().readers, 0);

    // What asks for no WebSocket is answered as ever; and where there is none, nobody is.
    let mut head = RequestHead::new(Method::GET, "/news");
    head.fields.append("host", "localhost").unwrap();
    assert!(endpoint.web_socket_for(&head).is_none());
    assert!(matches!(endpoint.answer(&mut channels, NOW, guest, &head, &["news"]), Answer::Stream { .. }));
    assert!(Endpoint::default().web_socket_for(&request("/news", None).1).is_none());
}

#[test]
fn the_end_is_told_by_a_message_and_a_close_code() {
    let mut channels = channels(|config| {
        config.last_event = Some("event: bye\ndata: come back\n\n".into());
        config.max_time = Some(Duration::from_secs(60));
        config.channel.topic.lag = LagPolicy::new(2, OnLag::End);
    });
    // Too slow.
    let mut slow = Reader::open(&mut channels, "", None);
    slow.told();
    for _ in 0..5 {
        channels.publish(NOW, ["news"], &Message::new("x")).unwrap();
    }
    assert_eq!(channels.poll_wake(), Some(slow.id));
    slow.feed(&mut channels);
    assert_eq!(slow.closed(), (1008, "the reader was too far behind".into()));

    // Its channel is gone.
    channels.register("fleeting", ChannelConfig::default()).unwrap();
    let mut left = Reader::open_on(&mut channels, "fleeting", "", None);
    channels.unregister(NOW, "fleeting", Unregister::EndReaders);
    left.feed(&mut channels);
    assert_eq!(left.closed().0, 1000);

    // Its time is over.
    let mut old = Reader::open(&mut channels, "", None);
    old.told();
    channels.handle_timeout(NOW + Duration::from_secs(61));
    old.feed(&mut channels);
    assert!(old.told()[0]["retry"].as_u64() >= Some(5000));
    assert_eq!(old.closed().0, 1001);

    // The server goes down: what was published before comes first.
    let mut last = Reader::open(&mut channels, "", None);
    last.told();
    channels.publish(NOW, ["news"], &Message::new("the last")).unwrap();
    channels.shutdown(NOW);
    while last.feed(&mut channels) > 0 {
        last.flush();
    }
    let told = last.told();
    assert_eq!((told[0]["data"].as_str(), told.len()), (Some("the last"), 3));
    assert_eq!(told[1], json!({ "event": "bye", "data": "come back" }));
    assert!(told[2]["retry"].as_u64() >= Some(5000));
    assert_eq!(last.closed(), (1001, "the server shuts down".into()));
}

#[test]
fn what_a_reader_says_is_nobodys_and_its_close_ends_it() {
    let mut channels = channels(|_| {});
    let mut reader = Reader::open(&mut channels, "", None);
    reader.told();
    reader.client.send_text(NOW, "hello?").unwrap();
    reader.client.close(NOW, None, "").unwrap();
    reader.flush();
    assert!(!reader.session.wants_publications());
    channels.publish(NOW, ["news"], &Message::new("x")).unwrap();
    assert_eq!(reader.feed(&mut channels), 0);
}

#[test]
fn a_publication_is_written_when_the_socket_has_it() {
    let mut channels = channels(|_| {});
    let mut reader = Reader::open(&mut channels, "", None);
    reader.told();
    let id = channels.publish(NOW, ["news"], &Message::new("x")).unwrap();
    let watch = channels.watch(id).unwrap();
    reader.feed(&mut channels);
    assert!(!reader.session.is_written());
    assert!(reader.session.poll_transmit().is_some());
    assert!(!reader.session.is_written(), "nobody asked for more");
    assert_eq!(reader.session.poll_transmit(), None);
    assert!(reader.session.is_written());
    channels.note_written(reader.id);
    assert_eq!(channels.poll_written().map(|told| (told.watch, told.written, told.missed)), Some((watch, 1, 0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn both_transports_give_the_same(
        texts in proptest::collection::vec(("[a-c \"\\\\\n\u{e9}]{0,12}", 0..3_usize, 1..90_usize, any::<bool>()), 1..12),
        deflate in any::<Option<bool>>(),
        max in 1..4000_usize,
    ) {
        let mut channels = channels(|_| {});
        let deflate = deflate.map(|takeover| {
            let mut config = deflate::Config::default();
            config.send.takeover = takeover;
            config.receive.takeover = takeover;
            config
        });
        let mut reader = Reader::open(&mut channels, "", deflate);
        reader.told();
        let (stream_id, mut stream) = stream(&mut channels);
        while stream.poll_transmit().is_some() {}
        let (mut told, mut events) = (Vec::new(), Vec::new());
        let mut parser = Parser::new();
        for (text, event, times, reads) in texts {
            let mut message = Message::new(text.repeat(times));
            if event > 0 {
                message = message.with_event(EventName::new(["", "trade", "gap"][event]).unwrap());
            }
            channels.publish(NOW, ["news"], &message).unwrap();
            if !reads {
                continue;
            }
            while reader.feed_at_most(&mut channels, max) > 0 {
                reader.flush();
            }
            told.extend(reader.told());
            while let Some(Read::Burst { burst, .. }) = channels.read(NOW, stream_id, max) {
                stream.push_burst(NOW, burst).unwrap();
                let piece = stream.poll_transmit().unwrap();
                let mut items = parser.feed(&piece);
                while let Some(item) = items.next() {
                    if let Item::Message(message) = item.unwrap() {
                        events.push(object(message));
                    }
                }
            }
            prop_assert_eq!(&told, &events);
        }
    }
}

/// An event as it would be a message.
fn object(message: MessageRef<'_>) -> Value {
    let mut object = json!({ "id": message.last_event_id(), "data": message.data() });
    if message.event_type() != "message" {
        object["event"] = json!(message.event_type());
    }
    object
}

/// A reader on a WebSocket: the server's session, and the client.
struct Reader {
    id: ReaderId,
    session: Session,
    client: Connection,
    agreed: Agreed,
    /// What was told and not asked for.
    events: Vec<Event>,
}

impl Reader {
    fn open(channels: &mut Channels, query: &str, deflate: Option<deflate::Config>) -> Self {
        Self::open_on(channels, "news", query, deflate)
    }

    fn open_on(channels: &mut Channels, name: &str, query: &str, deflate: Option<deflate::Config>) -> Self {
        let endpoint = endpoint(deflate.clone());
        let config = config(deflate);
        let (offer, head) = request(&format!("/news{query}"), Some(&config));
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        let mut session = Session::new(server::Config::default(), NOW, UnixTime::default(), 1);
        session.handle_input(NOW, &bytes);
        let Some(server::Event::Request(request)) = session.poll_event() else { panic!("a request") };
        let web_socket = endpoint.web_socket_for(&request.head).expect("it asks for one");
        let guest = channels.admit(None).unwrap();
        let opened = endpoint
            .answer_web_socket(web_socket, channels, NOW, guest, &request.head, &[name])
            .unwrap_or_else(|reply| panic!("{reply:?}"));
        session.upgrade(NOW, opened.accepted, opened.config).unwrap();
        session.send(NOW, &opened.first).unwrap();

        let answer = session.poll_transmit().unwrap();
        let mut heads = HeadReader::<ResponseHead>::new(HeadLimits::default());
        let (head, used) = heads.feed(&answer).unwrap().unwrap();
        let agreed = offer.check(&head).unwrap();
        let mut client = Connection::client(config, &agreed, NOW, Box::new(SplitMix64::new(2)));
        client.handle_input(NOW, &answer[used..]);
        Self { id: opened.reader, session, client, agreed, events: Vec::new() }
    }

    /// Gives the session what it wants, and returns how many pieces that were.
    fn feed(&mut self, channels: &mut Channels) -> usize {
        self.feed_at_most(channels, usize::MAX)
    }

    fn feed_at_most(&mut self, channels: &mut Channels, max: usize) -> usize {
        if !self.session.wants_publications() {
            return 0;
        }
        match channels.read(NOW, self.id, max) {
            Some(Read::Burst { burst, .. }) => {
                self.session.push_burst(NOW, burst).unwrap();
                usize::from(!self.session.wants_publications())
            }
            Some(Read::End(end)) => {
                self.session.end_stream(NOW, end);
                0
            }
            other => {
                assert_eq!(other, None);
                0
            }
        }
    }

    /// Carries all both ways.
    fn flush(&mut self) {
        loop {
            if let Some(piece) = self.session.poll_transmit() {
                self.client.handle_input(NOW, &piece);
            } else if let Some(piece) = self.client.poll_transmit() {
                self.session.handle_input(NOW, &piece);
            } else if let Some(event) = self.client.poll_event() {
                self.events.push(event);
            } else if self.session.poll_event().is_none() {
                return;
            }
        }
    }

    /// Returns the messages that came.
    fn told(&mut self) -> Vec<Value> {
        self.flush();
        let mut told = Vec::new();
        self.events.retain(|event| match event {
            Event::Message(message) => {
                told.push(serde_json::from_str(message.as_text().expect("text")).expect("JSON"));
                false
            }
            _ => true,
        });
        told
    }

    /// Returns the code and the reason with which the server closed.
    fn closed(&mut self) -> (u16, String) {
        self.flush();
        let said = self.events.iter().find_map(|event| match event {
            Event::Closing(Some(frame)) => Some((frame.code.get(), frame.reason.clone())),
            _ => None,
        });
        said.unwrap_or_else(|| panic!("{:?}", self.events))
    }
}

fn channels(configure: impl FnOnce(&mut Config)) -> Channels {
    let mut config = Config::default();
    configure(&mut config);
    Channels::new(config, Box::new(SplitMix64::new(1)), NOW)
}

fn endpoint(deflate: Option<deflate::Config>) -> Endpoint {
    let mut web_socket = WebSocketEndpoint::default();
    *web_socket.config_mut() = config(deflate);
    let mut endpoint = Endpoint::default();
    endpoint.web_socket = Some(web_socket);
    endpoint
}

fn config(deflate: Option<deflate::Config>) -> ws::Config {
    let mut config = ws::Config::default();
    config.deflate = deflate;
    config
}

fn request(target: &str, config: Option<&ws::Config>) -> (Offer, RequestHead) {
    let default = ws::Config::default();
    let offer = Offer::new([""; 0], config.unwrap_or(&default), &mut SplitMix64::new(1)).unwrap();
    let mut head = RequestHead::new(Method::GET, target);
    let mut fields = Fields::new();
    fields.append("host", "localhost").unwrap();
    offer.set_fields(&mut fields);
    head.fields = fields;
    (offer, head)
}

/// Opens an event stream.
fn stream(channels: &mut Channels) -> (ReaderId, EventStream) {
    let mut head = RequestHead::new(Method::GET, "/news");
    head.fields.append("host", "localhost").unwrap();
    let guest = channels.admit(None).unwrap();
    let Answer::Stream { reader, head, .. } = endpoint(None).answer(channels, NOW, guest, &head, &["news"]) else {
        panic!("refused")
    };
    (reader, EventStream::new(server::Config::default(), &head, Framing::Bare, NOW, 1))
}

fn frames(mut bytes: &[u8]) -> Vec<FrameHeader> {
    let mut headers = Vec::new();
    while let Some((header, at)) = FrameHeader::decode(bytes).unwrap() {
        headers.push(header);
        bytes = &bytes[at + header.len as usize..];
    }
    assert!(bytes.is_empty());
    headers
}
