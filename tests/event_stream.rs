//! A stream without its connection: what leaves, when, how it ends, plain and in gzip.

use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::http::coding::Limits;
use tidewire_core::http::{self, BodyReader, Coding, Fields};
use tidewire_core::log::{Burst, Packer};
use tidewire_core::server::{
    CloseReason, Config, End, EventStream, Framing, Heartbeat, KeepAlive, Outlet, SendError, Session, StreamHead, When,
};
use tidewire_core::sse::{EventName, Message};
use tidewire_core::{Closing, Instant, Protocol, UnixTime};
use tidewire_tests::coding::{decode, decoder, feed};
use tidewire_tests::served::head_of;

const START: Instant = Instant::START;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn head(change: impl FnOnce(&mut StreamHead)) -> StreamHead {
    let mut head = StreamHead::default();
    change(&mut head);
    head
}

fn gzip() -> StreamHead {
    head(|head| head.coding = Some(Coding::Gzip))
}

fn stream(head: &StreamHead, framing: Framing) -> EventStream {
    EventStream::new(Config::default(), head, framing, START, 1)
}

/// Takes all that is to leave.
fn sent(stream: &mut EventStream) -> Vec<u8> {
    std::iter::from_fn(|| stream.poll_transmit()).flatten().collect()
}

fn text(stream: &mut EventStream) -> String {
    String::from_utf8(sent(stream)).unwrap()
}

fn burst(text: &str) -> Burst {
    Burst::new(text.as_bytes())
}

// Plain

#[test]
fn the_body_alone_is_what_was_given() {
    let mut stream = stream(&StreamHead::default(), Framing::Bare);
    assert_eq!((text(&mut stream).as_str(), stream.closing()), ("", Closing::No));
    stream.push_burst(START, &burst("data: 1\n\n")).unwrap();
    stream.send_message(START, &Message::new("first")).unwrap();
    assert_eq!(text(&mut stream), "data: first\n\ndata: 1\n\n", "what is for this reader alone leaves first");
    stream.end(START, End { last: Some(b"data: bye\n\n"), retry: Some(millis(2_500)), ..End::default() });
    assert_eq!((stream.poll_event(), stream.poll_event()), (Some(CloseReason::StreamEnded), None));
    assert_eq!(stream.closing(), Closing::Finish);
    assert_eq!(text(&mut stream), "retry: 2500\n\ndata: bye\n\n");
    assert_eq!(stream.send(START, b":\n"), Err(SendError::NoStream));
    assert_eq!(stream.push_burst(START, &burst(":\n")), Err(SendError::NoStream));
    stream.end(START, End::new(CloseReason::Shutdown));
    assert_eq!(stream.poll_event(), None, "it has ended already");
    stream.handle_timeout(START + millis(5_000));
    assert_eq!((stream.closing(), stream.poll_timeout()), (Closing::Abort, None));
}

#[test]
fn chunks_end_with_the_last_one() {
    let mut stream = stream(&StreamHead::default(), Framing::Chunked);
    stream.push_burst(START, &burst("data: 1\n\n")).unwrap();
    stream.end(START, End::default());
    assert_eq!(text(&mut stream), "9\r\ndata: 1\n\n\r\n0\r\n\r\n");
}

#[test]
fn padding_is_a_comment_of_2_kib_before_everything() {
    let mut stream = stream(&head(|head| head.padding = true), Framing::Bare);
    assert!(!stream.wants_publications());
    assert_eq!(stream.push_burst(START, &burst("x")), Err(SendError::Full), "the opening leaves first");
    stream.send(START, b"data: 1\n\n").unwrap();
    let piece = stream.poll_transmit().unwrap();
    let comment = piece.strip_suffix(b"data: 1\n\n").expect("one piece with what comes first");
    assert_eq!((comment.len(), comment[0], &comment[2_048..]), (2_050, b':', &b"\n\n"[..]));
    assert!(comment[1..2_048].iter().all(|byte| *byte == b' '));
    assert!(stream.wants_publications());
}

#[test]
fn all_is_written_when_the_driver_asks_for_more_than_there_is() {
    let mut stream = stream(&StreamHead::default(), Framing::Bare);
    assert!(stream.is_written(), "nothing was given");
    stream.push_burst(START, &burst("data: 1\n\n")).unwrap();
    assert!(!stream.is_written());
    assert!(stream.poll_transmit().is_some());
    assert!(stream.wants_publications() && !stream.is_written(), "it was taken, and may not be written");
    stream.send(START, b":\n").unwrap();
    assert!(stream.poll_transmit().is_some());
    assert!(!stream.is_written(), "the last piece is on its way");
    assert_eq!(stream.poll_transmit(), None);
    assert!(stream.is_written());
}

#[test]
fn who_lags_is_reset() {
    let mut stream = stream(&StreamHead::default(), Framing::Chunked);
    stream.push_burst(START, &burst("data: 1\n\n")).unwrap();
    stream.end(START, End { last: Some(b"data: bye\n\n"), ..End::new(CloseReason::Lagging) });
    assert_eq!(stream.closing(), Closing::Abort);
    assert_eq!((stream.poll_event(), stream.poll_transmit()), (Some(CloseReason::Lagging), None));
    assert_eq!(stream.poll_timeout(), None);
}

#[test]
fn every_reason_says_what_happened() {
    let reasons = [
        CloseReason::Lagging,
        CloseReason::Unregistered,
        CloseReason::Busy,
        CloseReason::Stalled,
        CloseReason::Shutdown,
        CloseReason::MaxStreamTime,
    ];
    let mut texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), reasons.len());
}

#[test]
fn an_outlet_is_a_stream_or_its_connection() {
    fn give(outlet: &mut impl Outlet) {
        assert!(outlet.wants_publications() && outlet.is_written());
        outlet.push_burst(START, &burst("data: 1\n\n")).unwrap();
        outlet.send(START, b":\n").unwrap();
        assert!(!outlet.wants_publications() && !outlet.is_written());
        outlet.end_stream(START, End::new(CloseReason::Unregistered));
        assert_eq!(outlet.send(START, b":\n"), Err(SendError::NoStream));
    }
    let mut alone = stream(&StreamHead::default(), Framing::Chunked);
    give(&mut alone);
    let mut session = session(StreamHead::default(), "HTTP/1.1");
    assert!(session.poll_transmit().is_some());
    assert_eq!(session.poll_transmit(), None);
    give(&mut session);
    let all: Vec<u8> = std::iter::from_fn(|| session.poll_transmit()).flatten().collect();
    assert_eq!(all, sent(&mut alone));
    assert_eq!(session.poll_event(), Some(tidewire_core::server::Event::Closed(CloseReason::Unregistered)));
}

// Heartbeats

/// Returns when beats come within a minute, with what they are.
fn beats(stream: &mut EventStream, until: Duration) -> Vec<(Duration, String)> {
    let mut beats = Vec::new();
    while let Some(at) = stream.poll_timeout().filter(|at| at.since_start() <= until) {
        stream.handle_timeout(at);
        let text = text(stream);
        if !text.is_empty() {
            beats.push((at.since_start(), text));
        }
    }
    beats
}

#[test]
fn beats_come_always_or_only_into_silence() {
    for (when, expected) in [(When::Idle, vec![25_000, 35_000]), (When::Always, vec![10_000, 20_000, 30_000])] {
        let mut heartbeat = Heartbeat::new(millis(10_000));
        heartbeat.when = when;
        let mut stream = stream(&head(|head| head.heartbeat = Some(heartbeat)), Framing::Bare);
        // Events at 5 s, 10 s and 15 s.
        let mut at = Vec::new();
        for second in 1..=35 {
            let now = START + millis(second * 1_000);
            stream.handle_timeout(now);
            at.extend((!sent(&mut stream).is_empty()).then_some(second * 1_000));
            if [5, 10, 15].contains(&second) {
                stream.push_burst(now, &burst("data: 1\n\n")).unwrap();
                assert!(!sent(&mut stream).is_empty());
            }
        }
        assert_eq!(at, expected, "{when:?}");
    }
}

#[test]
fn beats_are_jittered_below_their_time() {
    let mut heartbeat = Heartbeat::new(millis(10_000));
    heartbeat.jitter = 50;
    let mut stream = stream(&head(|head| head.heartbeat = Some(heartbeat.clone())), Framing::Bare);
    let times: Vec<Duration> = beats(&mut stream, millis(1_000_000)).into_iter().map(|(at, _)| at).collect();
    let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| (millis(5_000)..=millis(10_000)).contains(pause)), "{pauses:?}");
    let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(*least < millis(5_500) && *most > millis(9_500), "{least:?} {most:?}");
    let again =
        beats(&mut self::stream(&head(|head| head.heartbeat = Some(heartbeat)), Framing::Bare), millis(1_000_000));
    assert!(again.iter().map(|(at, _)| at).eq(&times), "the same seed, the same times");
}

#[test]
fn a_heartbeat_is_changed_and_stopped_on_the_way() {
    let mut stream = stream(&StreamHead::default(), Framing::Bare);
    assert_eq!(stream.heartbeat().map(|heartbeat| heartbeat.every), Some(millis(15_000)));
    assert_eq!(beats(&mut stream, millis(20_000)), [(millis(15_000), ":\n\n".to_owned())]);

    let mut named = Heartbeat::new(millis(1_000));
    named.form = KeepAlive::Event(EventName::new("beat").unwrap());
    stream.set_heartbeat(START + millis(20_000), Some(named));
    let every_second: Vec<(Duration, String)> =
        (21..=23).map(|second| (millis(second * 1_000), "event: beat\ndata: \n\n".to_owned())).collect();
    assert_eq!(beats(&mut stream, millis(23_000)), every_second);

    for none in [None, Some(Heartbeat::never())] {
        stream.set_heartbeat(START + millis(23_500), none);
        assert_eq!((stream.heartbeat(), stream.poll_timeout()), (None, None));
    }
    stream.push_burst(START + millis(24_000), &burst("data: 1\n\n")).unwrap();
    assert_eq!(text(&mut stream), "data: 1\n\n");
    assert_eq!(stream.poll_timeout(), None, "what is sent does not begin it anew");
    stream.set_heartbeat(START + millis(30_000), Some(Heartbeat::new(millis(500))));
    assert_eq!(stream.poll_timeout(), Some(START + millis(30_500)));
    stream.end(START + millis(30_100), End::default());
    stream.set_heartbeat(START + millis(30_200), Some(Heartbeat::new(millis(1))));
    assert_eq!(beats(&mut stream, millis(60_000)), [], "an ended stream beats no more");
}

// In gzip

/// The content of a body in gzip that has ended.
fn gunzip(body: &[u8]) -> String {
    let (content, error) = decode(decoder("gzip", Limits::default()), &[body]);
    assert_eq!(error, None);
    String::from_utf8(content).unwrap()
}

#[test]
fn order_on_the_wire_is_the_order_of_the_checksum() {
    let mut stream = stream(&gzip(), Framing::Bare);
    let mut body = stream.poll_transmit().unwrap().to_vec();
    // Pushed first, and leaves last.
    stream.push_burst(START, &burst("data: burst\n\n")).unwrap();
    stream.send(START, b"data: mine\n\n").unwrap();
    stream.end(START, End { retry: Some(millis(1)), ..End::default() });
    body.extend(sent(&mut stream));
    assert_eq!(gunzip(&body), "data: mine\n\ndata: burst\n\nretry: 1\n\n");
}

#[test]
fn what_is_refused_does_not_count_in_the_checksum() {
    let mut config = Config::default();
    config.max_queued_frames = 1;
    let mut stream = EventStream::new(config, &gzip(), Framing::Bare, START, 1);
    let mut body = stream.poll_transmit().unwrap().to_vec();
    stream.send(START, b"data: 1\n\n").unwrap();
    assert_eq!(stream.send(START, b"data: 2\n\n"), Err(SendError::Full));
    stream.push_burst(START, &burst("data: 3\n\n")).unwrap();
    assert_eq!(stream.push_burst(START, &burst("data: 4\n\n")), Err(SendError::Full));
    stream.end(START, End::default());
    body.extend(sent(&mut stream));
    assert_eq!(gunzip(&body), "data: 1\n\ndata: 3\n\n");
}

#[test]
fn a_heartbeat_and_padding_stand_inside_the_coding() {
    let mut stream = stream(&head(|head| (head.coding, head.padding) = (Some(Coding::Gzip), true)), Framing::Bare);
    let mut body = sent(&mut stream);
    assert!(body.len() > 2_048, "padding that became short would be none");
    stream.handle_timeout(START + millis(15_000));
    body.extend(sent(&mut stream));
    stream.end(START, End::default());
    body.extend(sent(&mut stream));
    let content = gunzip(&body);
    assert_eq!((content.len(), content.trim_start_matches([':', ' '])), (2_053, "\n\n:\n\n"));
}

#[test]
fn thousand_readers_in_gzip_share_the_bytes_of_a_burst() {
    let mut packer = Packer::new();
    let shared = burst(&"data: the same again\n".repeat(50));
    let mut pieces = std::collections::BTreeSet::new();
    for seed in 0..1_000 {
        let mut stream = EventStream::new(Config::default(), &gzip(), Framing::Chunked, START, seed);
        assert!(stream.poll_transmit().is_some(), "the header");
        // Readers began at different places.
        for _ in 0..seed % 3 {
            stream.push_burst(START, packer.pack(&shared)).unwrap();
            assert!(stream.poll_transmit().is_some());
        }
        stream.push_burst(START, packer.pack(&shared)).unwrap();
        pieces.insert(stream.poll_transmit().unwrap().as_ptr() as usize);
    }
    assert_eq!((pieces.len(), packer.compressed()), (1, 1));
    assert!(packer.pack(&shared).segment().unwrap().len() < shared.len() / 10);
}

fn session(head: StreamHead, version: &str) -> Session {
    let mut session = Session::new(Config::default(), START, UnixTime::default(), 1);
    session.handle_input(START, format!("GET / {version}\r\nHost: a\r\n\r\n").as_bytes());
    assert!(session.poll_event().is_some());
    session.start_stream(START, head).unwrap();
    session
}

#[test]
fn the_head_names_the_coding_in_either_version() {
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let mut session = session(gzip(), version);
        session.push_burst(START, &burst("x")).unwrap_err();
        let mut all = session.poll_transmit().unwrap().to_vec();
        let at = all.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let text = String::from_utf8(all[..at].to_vec()).unwrap();
        let (fields, _) = head_of(&text);
        assert_eq!(fields.fields.get_str("content-encoding"), Some("gzip"));
        assert_eq!(fields.fields.get_str("vary"), Some("accept-encoding"));
        assert_eq!(fields.fields.get_str("cache-control"), Some("no-cache, no-store, no-transform"));
        assert_eq!(fields.fields.get_str("x-accel-buffering"), Some("no"));
        session.push_burst(START, &burst("data: 1\n\n")).unwrap();
        all.extend(session.poll_transmit().unwrap());
        session.shutdown(START);
        all.extend(std::iter::from_fn(|| session.poll_transmit()).flatten());
        let body = if version == "HTTP/1.1" { dechunk(&all[at..]) } else { all[at..].to_vec() };
        let content = gunzip(&body);
        assert!(content.starts_with("data: 1\n\nretry: ") && content.ends_with("\n\n"), "{content}");
    }
}

#[test]
fn the_coding_is_negotiated_and_vary_says_so() {
    for (accept, coding) in [(Some("gzip"), Some("gzip")), (Some("gzip;q=0"), None), (None, None)] {
        let mut request = Fields::new();
        if let Some(accept) = accept {
            request.append("accept-encoding", accept).unwrap();
        }
        let mut own = Fields::new();
        own.append("Vary", "Origin").unwrap();
        let mut head = StreamHead::new(own);
        head.negotiate(&request).unwrap();
        let fields = head.clone().into_fields();
        assert_eq!(fields.get_str("content-encoding"), coding);
        assert_eq!(fields.members("vary").collect::<Vec<_>>(), [&b"Origin"[..], b"accept-encoding"], "{accept:?}");
        assert_eq!(head.into_reply().fields, fields, "HEAD is told the same");
    }
    let mut neither = Fields::new();
    neither.append("accept-encoding", "identity;q=0, br").unwrap();
    assert!(StreamHead::default().negotiate(&neither).is_err());
}

#[test]
fn debug_shows_nothing_of_what_is_sent() {
    let secret = "s3cr3t";
    let mut session = Session::new(Config::default(), START, UnixTime::default(), 1);
    session.handle_input(
        START,
        format!("POST /{secret} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nX-Own: {secret}\r\n\r\n{secret}")
            .as_bytes(),
    );
    assert!(!format!("{session:?}").contains(secret), "{session:?}");
    session.handle_input(START, format!("abcGET /{secret}").as_bytes());
    for shown in [format!("{session:?}"), format!("{session:#?}")] {
        assert!(!shown.contains(secret) && shown.contains("Answer"), "{shown}");
    }
    assert!(session.poll_event().is_some());
    session.start_stream(START, StreamHead::default()).unwrap();
    session.send(START, secret.as_bytes()).unwrap();
    assert!(!format!("{session:?}").contains(secret), "{session:?}");
    assert!(session.poll_transmit().is_some());
    session.push_burst(START, &burst(secret)).unwrap();
    session.end_stream(START, End { last: Some(secret.as_bytes()), ..End::default() });
    let shown = format!("{session:?}");
    assert!(!shown.contains(secret) && shown.contains("Finish"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", secret.as_bytes())), "{shown}");
}

/// The bytes of a chunked body so far.
fn dechunk(body: &[u8]) -> Vec<u8> {
    let (mut reader, mut content, mut rest) = (BodyReader::new(http::Framing::Chunked), Vec::new(), body);
    while !rest.is_empty() {
        let step = reader.read(rest).unwrap();
        content.extend_from_slice(step.data);
        rest = &rest[step.consumed..];
    }
    content
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Send(usize),
    Take,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..2_000_usize).prop_map(Step::Push),
        (0..100_usize).prop_map(Step::Send),
        Just(Step::Take),
        (0..20_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..30)
}

proptest! {
    /// Whatever is done to both, a stream in gzip says what a plain one says; at every piece, all that has left can be read.
    #[test]
    fn gzip_says_what_plain_says(steps in steps(), packed in any::<bool>(), chunked in any::<bool>()) {
        let framing = if chunked { Framing::Chunked } else { Framing::Bare };
        let mut plain = stream(&StreamHead::default(), Framing::Bare);
        let mut coded = stream(&gzip(), framing);
        let mut packer = Packer::new();
        let (mut said, mut body) = (Vec::new(), sent(&mut coded));
        let mut now = START;
        for step in &steps {
            match step {
                Step::Push(len) => {
                    let burst = burst(&"data: xyz\n".repeat(len / 10 + 1));
                    let first = plain.push_burst(now, &burst);
                    let second = if packed { packer.pack(&burst) } else { &burst };
                    prop_assert_eq!(first, coded.push_burst(now, second));
                }
                Step::Send(len) => {
                    let bytes = vec![b'x'; *len];
                    prop_assert_eq!(plain.send(now, &bytes), coded.send(now, &bytes));
                }
                Step::Take => {
                    said.extend(plain.poll_transmit().unwrap_or_default());
                    body.extend(coded.poll_transmit().unwrap_or_default());
                }
                Step::Wait(seconds) => {
                    now = now + Duration::from_secs(*seconds);
                    plain.handle_timeout(now);
                    coded.handle_timeout(now);
                }
            }
            prop_assert_eq!(plain.closing(), coded.closing());
            prop_assert_eq!(plain.wants_publications(), coded.wants_publications());
        }
        if plain.is_open() {
            let end = End { retry: Some(millis(1)), last: Some(b"data: bye\n\n"), ..End::default() };
            plain.end(now, end);
            coded.end(now, end);
            said.extend(sent(&mut plain));
            body.extend(sent(&mut coded));
            let body = if chunked { dechunk(&body) } else { body };
            let (content, error) = decode(decoder("gzip", Limits::default()), &[&body]);
            prop_assert!(content == said && error.is_none(), "{:?}", error);
        } else {
            // It stalled: what has left is there nevertheless.
            let mut content = Vec::new();
            let body = if chunked { dechunk(&body) } else { body };
            feed(&mut decoder("gzip", Limits::default()), &body, &mut content).unwrap();
            prop_assert!(content == said);
        }
    }
}
