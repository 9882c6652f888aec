//! The client over somebody else's HTTP: what it asks of a stack and makes of what comes, without a socket and in fake time.

#[path = "support/http_fake.rs"]
mod http_fake;

use std::future::{Ready, ready};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_lite::future::{block_on, poll_once};
use futures_lite::stream::{self, StreamExt};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use http_fake::{Failure, Fake};
use proptest::collection::vec;
use proptest::prelude::*;
use tidewire_core::client::{CloseReason, Event, Marks, Reason, Resend, Restart, RetryStatus, State};
use tidewire_core::http::coding::Codings;
use tidewire_core::sse::{self, Limits, Parser};
use tidewire_http::{
    ByteStream, EventReader, EventSource, ReadError, RequestError, SmolTimer, TokioTimer, Transport, config_of, events,
};
use tidewire_tests::client::{self, config, config_post};
use tidewire_tests::coding::gzip;
use tidewire_tests::sse::cut;

// What is asked.

#[test]
fn stack_gets_a_whole_request_without_the_fields_of_a_connection() {
    let mut config = config_post("{}");
    for (name, value) in [
        ("Host", "elsewhere.test"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "7"),
        ("Upgrade", "h2c"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
        ("X-Obs", "caf\u{e9}"),
    ] {
        config.fields.append(name, value).unwrap();
    }
    let mut fake = Fake::new(config);
    fake.rests();
    let request = fake.stack.request();
    assert_eq!((request.method().as_str(), request.uri()), ("POST", &"http://example.test/events".parse().unwrap()));
    assert_eq!(&request.body()[..], b"{}");
    let mut names: Vec<_> = request.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "cache-control", "content-type", "user-agent", "x-obs", "x-twice"]);
    assert_eq!(request.headers().get_all("x-twice").iter().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(request.headers()["x-obs"].as_bytes(), "caf\u{e9}".as_bytes());
}

#[test]
fn request_of_reqwest_becomes_a_configuration() {
    let client = reqwest::Client::new();
    let request =
        client.post("http://example.test/chat?x=1").bearer_auth("secret").header("x-twice", "1").header("x-twice", "2");
    let config = config_of(&request.body("{}").timeout(Duration::from_secs(1)).build().unwrap()).unwrap();
    assert_eq!((config.method.as_str(), config.url.to_string().as_str()), ("POST", "http://example.test/chat?x=1"));
    assert_eq!(
        (config.body.as_deref(), config.fields.get_str("authorization")),
        (Some(&b"{}"[..]), Some("Bearer secret"))
    );
    assert_eq!(config.fields.get_all("x-twice").collect::<Vec<_>>(), [b"1", b"2"]);

    let config = config_of(&client.get("http://example.test/").build().unwrap()).unwrap();
    assert_eq!((config.method.as_str(), config.body), ("GET", None));

    let streaming = client.post("http://example.test/").body(reqwest::Body::wrap(full("endless"))).build().unwrap();
    assert_eq!(config_of(&streaming).unwrap_err(), RequestError::Streaming);
    let elsewhere = client.get("ftp://example.test/").build().unwrap();
    assert!(matches!(config_of(&elsewhere), Err(RequestError::Url(_))));
}

#[test]
fn request_that_the_types_cannot_hold_is_told_and_never_sent() {
    let mut fake = Fake::new(client::config_of(&format!("http://example.test/?{}", "x".repeat(70_000))));
    assert!(matches!(fake.lost(), Reason::Stack { sent: false, error } if error.contains("too long")));
    assert!(fake.source.stack_error().is_some_and(|error| error.is::<http::Error>()));
    assert_eq!(fake.stack.requests(), 0);
}

#[test]
fn nothing_moves_unless_it_is_awaited() {
    let mut fake = Fake::new(config());
    assert_eq!(fake.stack.requests(), 0);
    drop(fake.source.next());
    assert_eq!(fake.stack.requests(), 0);
    fake.rests();
    fake.rests();
    assert_eq!(fake.stack.requests(), 1);
}

#[test]
fn stream_resumes_after_its_last_event() {
    let mut fake = Fake::open(config());
    assert!(!fake.stack.request().headers().contains_key("last-event-id"));
    fake.stack.send("id: ü1\ndata: a\n\nid: 2\ndata: never ends\n");
    fake.stack.end();
    assert_eq!(fake.data(), "a");
    assert_eq!(fake.lost(), Reason::Ended { mid_event: true });
    fake.rests();
    assert_eq!(fake.stack.request().headers()["last-event-id"].as_bytes(), "ü1".as_bytes());
    assert_eq!((fake.source.machine().attempt(), fake.source.state()), (2, State::Connecting));
}

#[test]
fn redirects_are_followed_at_once_and_credentials_stay_at_their_origin() {
    let mut config = config_post("{}");
    config.fields.append("Authorization", "Bearer secret").unwrap();
    let mut fake = Fake::new(config);
    fake.stack.respond(307, &[("location", "/there")]);
    fake.rests();
    let request = fake.stack.request();
    assert_eq!((request.method().as_str(), request.uri().path(), &request.body()[..]), ("POST", "/there", &b"{}"[..]));
    assert!(request.headers().contains_key("authorization"));
    fake.stack.respond(303, &[("location", "https://other.test/stream")]);
    fake.rests();
    let request = fake.stack.request();
    assert_eq!((request.method().as_str(), request.uri().host(), request.body().len()), ("GET", Some("other.test"), 0));
    assert!(!request.headers().contains_key("authorization") && !request.headers().contains_key("content-type"));
    fake.stack.open();
    assert!(matches!(fake.event(), Event::Opened { url, .. } if url.to_string() == "https://other.test/stream"));
    assert_eq!(fake.stack.dropped(), 2);
}

// What comes.

#[test]
fn fields_of_the_response_come_as_often_as_they_were_sent() {
    let mut fake = Fake::new(config());
    fake.stack.respond(200, &[("content-type", "text/event-stream"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]);
    let Event::Opened { head, .. } = fake.event() else { panic!() };
    assert_eq!(head.fields.get_all("set-cookie").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
}

#[test]
fn responses_that_are_no_stream_end_it_with_what_they_say() {
    for status in [101, 204, 200, 404] {
        let mut fake = Fake::new(config());
        fake.stack.respond(status, &[("content-type", "text/html")]);
        if status != 204 {
            fake.rests();
            fake.stack.send("go ");
            fake.stack.send("away");
            fake.stack.trailers();
            fake.stack.end();
        }
        match (status, fake.closed()) {
            (204, CloseReason::NoContent) => {}
            (200, CloseReason::ContentType(refusal)) | (101 | 404, CloseReason::Status(refusal)) => {
                assert_eq!((refusal.text(), refusal.truncated), (Some("go away"), false));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(fake.stack.dropped(), 1, "{status}");
    }
}

#[test]
fn trailers_and_empty_frames_are_no_part_of_a_stream() {
    let mut fake = Fake::open(config());
    fake.stack.send("data: a\n");
    fake.stack.send("");
    fake.stack.trailers();
    fake.stack.send("\n");
    fake.stack.trailers();
    fake.stack.end();
    assert_eq!(fake.data(), "a");
    assert_eq!(fake.lost(), Reason::Ended { mid_event: false });
}

#[test]
fn frame_in_several_pieces_is_read_whole() {
    let pieces = || Bytes::from("data: o").chain(Bytes::from("ne\n\nda")).chain(Bytes::from("ta: two\n\n"));
    let stream = stream::iter([Ok::<_, io::Error>(Frame::data(pieces()))]);
    let mut reader = EventReader::new(StreamBody::new(stream));
    assert_eq!(collect(&mut reader).0, ["one", "two"]);
    let mut answer = Some(pieces());
    let transport =
        move |_: Request<Bytes>| respond(ByteStream::new(stream::iter(answer.take().map(Ok::<_, io::Error>))));
    let mut source = EventSource::with_timer(transport, config(), SmolTimer::default());
    assert_eq!(block_on(messages(&mut source, 2)), ["one", "two"]);
}

#[test]
fn coded_frame_is_decoded_event_by_event() {
    let plain: String = (0..1000).map(|number| format!("data: {number}\n\n")).collect();
    let coded = Bytes::from(gzip(plain.as_bytes()));
    let mut config = config();
    config.codings = Codings::ALL;
    for at in [0, 1, coded.len() / 2, coded.len() - 1] {
        let mut fake = Fake::new(config.clone());
        fake.stack.respond(200, &[("content-type", "text/event-stream"), ("content-encoding", "gzip")]);
        assert!(matches!(fake.event(), Event::Opened { .. }));
        assert_eq!(fake.stack.request().headers()["accept-encoding"], "gzip, deflate");
        fake.stack.send(coded.slice(..at));
        fake.stack.send(coded.slice(at..));
        for number in 0..1000 {
            assert_eq!(fake.data(), number.to_string());
        }
        assert!(fake.stack.asked() <= 2);
        fake.stack.end();
        assert_eq!(fake.lost(), Reason::Ended { mid_event: false });
    }
}

#[test]
fn messages_and_json_can_be_waited_for_alone() {
    let mut config = config();
    config.marks = Marks::openai();
    let mut fake = Fake::open(config);
    fake.stack.send(": hello\n\ndata: plain\n\ndata: {\"n\": 7}\n\ndata: [DONE]\n\n");
    let message = block_on(fake.source.next_message()).unwrap().unwrap();
    assert_eq!(message.data(), "plain");
    let number: std::collections::BTreeMap<String, u8> = block_on(fake.source.next_json()).unwrap().unwrap();
    assert_eq!(number["n"], 7);
    assert_eq!(block_on(fake.source.next_message()), Ok(None));
    assert_eq!(fake.stack.dropped(), 1);
}

#[test]
fn no_frame_is_asked_for_before_the_last_one_is_used() {
    let mut fake = Fake::open(config());
    for frame in ["data: 1\n\ndata: 2\n\n", "data: 3\n\ndata: 4\n\n"] {
        fake.stack.send(frame);
    }
    for (data, asked) in [("1", 1), ("2", 1), ("3", 2), ("4", 2)] {
        assert_eq!((fake.data().as_str(), fake.stack.asked()), (data, asked));
    }
}

#[test]
fn failures_come_in_the_words_of_the_stack_with_their_cause() {
    let mut fake = Fake::new(config());
    fake.stack.fail(true, io::Error::from(io::ErrorKind::ConnectionRefused));
    assert_eq!(fake.lost(), Reason::Stack { sent: false, error: "no response: connection refused".into() });
    let cause = fake.source.stack_error().and_then(|error| error.downcast_ref::<Failure>());
    assert!(cause.is_some_and(|failure| failure.unsent));
    fake.stack.open();
    fake.event();
    assert!(fake.source.stack_error().is_none());
    fake.stack.cut("reset by peer");
    let reason = fake.lost();
    assert_eq!(reason, Reason::Stack { sent: true, error: "reset by peer".into() });
    assert_eq!(reason.to_string(), "the connection failed: reset by peer");
}

#[test]
fn cause_that_was_named_already_is_not_named_again() {
    #[derive(Debug)]
    struct Outer(io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "outer: {}", self.0)
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let mut fake = Fake::new(config());
    fake.stack.fail(true, Outer(io::Error::other("inner")));
    assert!(matches!(fake.lost(), Reason::Stack { error, .. } if &*error == "no response: outer: inner"));
}

#[test]
fn post_is_sent_again_only_when_it_never_went_out() {
    let mut fake = Fake::new(config_post("{}"));
    fake.stack.fail(true, "refused");
    fake.lost();
    fake.stack.fail(false, "reset");
    assert!(matches!(fake.closed(), CloseReason::NotResent { .. }));
    assert_eq!(fake.stack.requests(), 2);

    let mut config = config_post("{}");
    config.resend = Resend::Always;
    let mut fake = Fake::open(config);
    fake.stack.cut("reset");
    fake.lost();
    fake.rests();
    assert_eq!(&fake.stack.request().body()[..], b"{}");
}

#[test]
fn stream_of_nothing_but_chaff_leaves_others_their_turn() {
    let chaff = stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(b"chaff: \n")));
    let transport = move |_: Request<Bytes>| respond(ByteStream::new(chaff.clone()));
    let mut source = EventSource::with_timer(transport, config(), SmolTimer::default());
    assert!(matches!(block_on(source.next()), Some(Event::Opened { .. })));
    for _ in 0..3 {
        assert_eq!(block_on(poll_once(source.next())), None);
    }
}

// Time.

#[test]
fn stack_has_so_long_for_the_head_and_is_dropped_then() {
    let mut fake = Fake::new(config());
    fake.rests();
    fake.time.advance(config().head_timeout.unwrap() - Duration::from_millis(1));
    fake.rests();
    assert_eq!(fake.stack.dropped(), 0);
    fake.time.advance_to_deadline();
    assert!(matches!(fake.lost(), Reason::HeadTimeout { .. }));
    assert_eq!(fake.stack.dropped(), 1);
}

#[test]
fn silence_is_noticed_and_any_byte_breaks_it() {
    let timeout = Duration::from_secs(60);
    let mut config = config();
    config.read_timeout = Some(timeout);
    let mut fake = Fake::open(config);
    for bytes in [":\n", "d", "ata: x\n"] {
        fake.rests();
        fake.time.advance(timeout - Duration::from_millis(1));
        fake.stack.send(bytes);
        while fake.poll().is_some() {}
    }
    fake.stack.send("");
    fake.stack.trailers();
    fake.time.advance(timeout);
    assert_eq!(fake.lost(), Reason::ReadTimeout { after: timeout });
    assert_eq!(fake.stack.dropped(), 1);
}

#[test]
fn first_byte_has_a_time_of_its_own_and_comes_before_it() {
    let mut config = config();
    config.first_byte_timeout = Some(Duration::from_secs(2));
    let mut fake = Fake::open(config.clone());
    fake.rests();
    fake.stack.send("data: there all the time\n\n");
    fake.time.advance_to_deadline();
    assert_eq!(fake.data(), "there all the time");
    fake.rests();
    fake.time.advance(Duration::from_secs(3));
    fake.rests();

    let mut fake = Fake::open(config);
    fake.rests();
    fake.time.advance_to_deadline();
    assert!(matches!(fake.lost(), Reason::FirstByteTimeout { .. }));
}

#[test]
fn retry_after_counts_by_seconds_and_by_the_wall_clock_of_the_timer() {
    for (field, expected) in [("7", 7), ("Thu, 01 Jan 1970 00:00:10 GMT", 10)] {
        let mut config = config();
        config.retry_status = RetryStatus::TRANSIENT;
        let mut fake = Fake::new(config);
        fake.stack.respond(503, &[("retry-after", field)]);
        fake.rests();
        fake.stack.end();
        let Event::Disconnected { retry_in, .. } = fake.event() else { panic!() };
        assert_eq!(retry_in.as_secs(), expected);
    }
}

#[test]
fn total_timeout_ends_a_stream_that_never_rests() {
    let mut config = config();
    config.total_timeout = Some(Duration::from_secs(10));
    let mut fake = Fake::open(config);
    for second in 1..10 {
        fake.time.advance(Duration::from_secs(1));
        fake.stack.send(format!("data: {second}\n\n"));
        assert_eq!(fake.data(), second.to_string());
    }
    fake.time.advance(Duration::from_secs(1));
    fake.stack.send("data: late\n\n");
    assert!(matches!(fake.closed(), CloseReason::TotalTimeout { .. }));
    assert_eq!(fake.stack.dropped(), 1);
}

#[test]
fn time_that_the_application_takes_is_no_silence() {
    let mut fake = Fake::open(config());
    fake.time.advance(Duration::from_secs(3600));
    fake.stack.send("data: 1\n\ndata: 2\n\n");
    for data in ["1", "2"] {
        assert_eq!(fake.data(), data);
        fake.time.advance(Duration::from_secs(3600));
    }
    // The stack may only look for more when it is asked.
    fake.rests();
    fake.stack.send("data: 3\n\n");
    assert_eq!(fake.data(), "3");
}

#[test]
fn refusal_that_never_ends_is_read_for_so_long() {
    let mut fake = Fake::new(config());
    fake.stack.respond(500, &[]);
    fake.rests();
    fake.stack.send("overloa");
    fake.rests();
    fake.time.advance_to_deadline();
    let CloseReason::Status(refusal) = fake.closed() else { panic!() };
    assert_eq!((refusal.text(), refusal.truncated), (Some("overloa"), true));
}

// Giving up.

#[test]
fn dropping_the_source_drops_what_it_waits_for() {
    let mut fake = Fake::new(config());
    fake.rests();
    drop(fake.source);
    assert_eq!(fake.stack.dropped(), 1);
    let fake = Fake::open(config());
    drop(fake.source);
    assert_eq!(fake.stack.dropped(), 1);
}

#[test]
fn handle_closes_restarts_and_watches() {
    let mut fake = Fake::open(config());
    let handle = fake.source.handle();
    fake.stack.send("data: 1\n\ndata: dropped\n\n");
    assert_eq!(fake.data(), "1");
    handle.restart(Restart::AtOnce);
    assert_eq!(fake.lost(), Reason::Restart);
    assert_eq!(fake.stack.dropped(), 1);
    fake.rests();
    assert_eq!((fake.stack.requests(), handle.state()), (2, State::Connecting));
    handle.close();
    assert_eq!(fake.closed(), CloseReason::Requested);
    assert_eq!((fake.stack.dropped(), handle.state()), (2, State::Closed));
}

#[test]
fn opening_can_be_waited_for_and_the_status_told() {
    let mut fake = Fake::new(config());
    let handle = fake.source.handle();
    fake.stack.fail(true, "no route");
    let opened = |fake: &mut Fake| block_on(poll_once(fake.source.opened()));
    assert_eq!(opened(&mut fake), None);
    let status = handle.status();
    assert_eq!((status.state, status.failures), (State::Connecting, 1));
    assert!(
        status.last_error.is_some_and(|error| error.ends_with("no response: no route")) && status.retry_at.is_some()
    );
    fake.time.advance_to_deadline();
    fake.stack.open();
    assert_eq!((opened(&mut fake), opened(&mut fake)), (Some(Ok(())), Some(Ok(()))));
    assert!(matches!(fake.event(), Event::Opened { .. }));
    handle.close();
    assert_eq!(fake.closed(), CloseReason::Requested);
    assert_eq!(opened(&mut fake), Some(Err(CloseReason::Requested)));
}

#[test]
fn asking_the_handle_wakes_who_waits() {
    let mut fake = Fake::open(config());
    let handle = fake.source.handle();
    let (waited, ()) = block_on(futures_lite::future::zip(fake.source.next(), async { handle.close() }));
    assert_eq!(waited, Some(Event::Closed(CloseReason::Requested)));
}

// Bodies that are open already.

#[test]
fn events_of_a_response_are_read_if_it_is_a_stream() {
    let respond = |status, content_type| {
        Response::builder().status(status).header("content-type", content_type).body(full("data: 1\n\n")).unwrap()
    };
    let mut reader = events(respond(200, "text/event-stream; charset=utf-8")).unwrap();
    assert_eq!(collect(&mut reader).0, ["1"]);
    for (status, content_type) in [(200, "text/html"), (503, "text/event-stream")] {
        let refused = events(respond(status, content_type)).unwrap_err();
        assert!(refused.to_string().contains(content_type) && refused.to_string().contains(&status.to_string()));
        let body = block_on(refused.response.into_body().collect()).unwrap().to_bytes();
        assert_eq!(body, "data: 1\n\n");
    }
}

#[test]
fn reader_tells_the_ways_a_body_ends() {
    let frames = |last: Option<Result<Bytes, io::Error>>| {
        EventReader::from_stream(stream::iter(
            [Ok(Bytes::from_static(b"id: 7\ndata: 1\n\n: c\nda"))].into_iter().chain(last),
        ))
    };
    let mut cut = frames(None);
    assert!(matches!(collect(&mut cut), (told, Some(ReadError::MidEvent)) if told == ["1", ": c"]));
    assert_eq!(block_on(cut.next()).unwrap(), None);
    assert_eq!(cut.last_event_id(), "7");

    let mut clean = frames(Some(Ok(Bytes::from_static(b"ta: 2\n\n"))));
    assert!(matches!(collect(&mut clean), (told, None) if told == ["1", ": c", "2"]));
    assert_eq!(block_on(clean.next()).unwrap(), None);

    let mut broken = frames(Some(Err(io::ErrorKind::ConnectionReset.into())));
    let (_, error) = collect(&mut broken);
    assert!(matches!(error, Some(ReadError::Body(error)) if error.kind() == io::ErrorKind::ConnectionReset));
    assert_eq!(block_on(broken.next()).unwrap(), None);
}

#[test]
fn reader_obeys_its_limits_and_its_strictness() {
    let mut limits = Limits::default();
    limits.max_line = 7;
    for (line, fits) in [("data: 1", true), ("data: 12", false)] {
        let body = full(&format!("{line}\n\n"));
        let (told, error) = collect(&mut EventReader::with_parser(body, Parser::with_limits(limits.clone())));
        assert_eq!((told.len(), error.is_none()), (usize::from(fits), fits));
    }
    let body = ByteStream::new(
        stream::iter(["data: 12\n\n", "data: 1\n\n"]).map(|frame| Ok::<_, io::Error>(Bytes::from(frame))),
    );
    let mut reader = EventReader::with_parser(body, Parser::with_limits(limits));
    assert!(matches!(block_on(reader.next()), Err(ReadError::Parse(error)) if error.is_fatal()));
    assert_eq!(block_on(reader.next()).unwrap(), None);
    // The comment that a strict parser objects to is told all the same, though nothing of the frame is left.
    let comment = Full::new(Bytes::from_static(b": \xff\n"));
    let mut strict = EventReader::with_parser(comment, Parser::new().strict());
    assert!(matches!(block_on(strict.next()), Err(ReadError::Parse(error)) if !error.is_fatal()));
    assert_eq!(collect(&mut strict).0, [": \u{fffd}"]);
    let mut strict = EventReader::with_parser(full("date: 1\ndata: 2\n\n"), Parser::new().strict());
    assert!(matches!(block_on(strict.next()), Err(ReadError::Parse(error)) if !error.is_fatal()));
    assert_eq!(collect(&mut strict).0, ["2"]);
}

#[test]
fn both_are_streams_and_can_be_sent_about() {
    fn is_stream(_: &(impl futures_core::Stream + Send + Unpin)) {}
    let fake = Fake::open(config());
    is_stream(&fake.source);
    fake.stack.send("data: 1\n\n");
    let told = block_on(fake.source.take(1).collect::<Vec<_>>());
    assert!(matches!(&told[..], [Event::Message(message)] if message.data() == "1"));

    let reader = EventReader::new(full("data: 1\n\ndata: 2"));
    is_stream(&reader);
    let told = block_on(reader.collect::<Vec<_>>());
    assert!(matches!(&told[..], [Ok(sse::Event::Message(_)), Err(ReadError::MidEvent)]));
    is_stream(&EventSource::new(reqwest::Client::new(), config()));
}

// Where it is cut.

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn frames_cut_anywhere_yield_the_events_of_the_parser(pieces in vec(piece(), 0..12), cuts in vec(0..200_usize, 0..12)) {
        let stream = pieces.concat();
        let expected: Vec<String> = Parser::new().feed(stream.as_bytes()).owned().map(|event| told(&event.unwrap())).collect();
        let frames: Vec<Bytes> = cut(stream.as_bytes(), &cuts).into_iter().map(Bytes::copy_from_slice).collect();

        let body = || ByteStream::new(stream::iter(frames.clone()).map(Ok::<_, io::Error>));
        prop_assert_eq!(&collect(&mut EventReader::new(body())).0, &expected);

        let mut once = config();
        once.reconnect = false;
        let late = |_: Request<Bytes>| respond(Late(body(), false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let on_tokio = runtime.block_on(given_up_at_each_turn(EventSource::new(late, once.clone())));
        prop_assert_eq!(&on_tokio, &expected);
        let on_smol = smol::block_on(given_up_at_each_turn(EventSource::with_timer(late, once, SmolTimer::default())));
        prop_assert_eq!(&on_smol, &expected);
    }
}

/// Awaits the events, each wait polled once and dropped.
async fn given_up_at_each_turn<T: Transport, S: tidewire_http::Timer>(mut source: EventSource<T, S>) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        match poll_once(source.next()).await {
            Some(Some(Event::Opened { .. })) => {}
            Some(Some(Event::Message(message))) => seen.push(told(&sse::Event::Message(message))),
            Some(Some(Event::Comment(text))) => seen.push(told(&sse::Event::Comment(text))),
            Some(Some(Event::Retry(time))) => seen.push(told(&sse::Event::Retry(time))),
            Some(Some(Event::Closed(CloseReason::Lost(reason)))) => {
                assert!(matches!(*reason, Reason::Ended { .. }), "{reason}");
                return seen;
            }
            Some(other) => panic!("{other:?}"),
            None => futures_lite::future::yield_now().await,
        }
    }
}

#[test]
fn timers_of_both_runtimes_wake_for_the_next_attempt() {
    let mut config = config();
    config.backoff.base = Duration::from_millis(1);
    let transport = |_: Request<Bytes>| respond(full("data: x\n\n"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    config.backoff.doubling = false;
    config.backoff.max = None;
    let mut source = EventSource::with_timer(transport, config.clone(), SmolTimer::default());
    assert_eq!(smol::block_on(messages(&mut source, 3)).len(), 3);
    // Tokio's clock is paused: what would be hours takes no time.
    config.backoff.base = Duration::from_secs(3600);
    runtime.block_on(async {
        let started = tokio::time::Instant::now();
        let mut source = EventSource::with_timer(transport, config, TokioTimer::default());
        assert_eq!(messages(&mut source, 3).await.len(), 3);
        assert_eq!(started.elapsed().as_secs(), 7200);
    });
}

/// A body of which each frame comes one turn later.
struct Late<B>(B, bool);

impl<B: Body + Unpin> Body for Late<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.1 = !self.1;
        if self.1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        pin!(&mut self.0).poll_frame(context)
    }
}

fn full(text: &str) -> Full<Bytes> {
    Full::new(Bytes::copy_from_slice(text.as_bytes()))
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "\n",
            "\r",
            "\r\n",
            "\n\n",
            "\u{feff}",
            "data",
            "data:",
            "id: 1\n",
            ":",
            "retry: 12\n"
        ])
        .prop_map(str::to_owned),
        "[a-zäß☃ ]{0,8}",
        "data: [a-z☃]{0,8}\n\n",
        ": [a-z]{0,5}\n",
    ]
}

fn respond<B>(body: B) -> Ready<Result<Response<B>, io::Error>> {
    ready(Ok(Response::builder().header("content-type", "text/event-stream").body(body).expect("a response")))
}

async fn messages<T: Transport, S: tidewire_http::Timer>(source: &mut EventSource<T, S>, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.len() < count {
        if let Event::Message(message) = source.next().await.expect("it goes on") {
            seen.push(message.data().to_owned());
        }
    }
    seen
}

/// Reads to the end or the first error.
fn collect<B: Body>(reader: &mut EventReader<B>) -> (Vec<String>, Option<ReadError<B::Error>>) {
    let mut seen = Vec::new();
    loop {
        match block_on(reader.next()) {
            Ok(Some(event)) => seen.push(told(&event)),
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        }
    }
}

fn told(event: &sse::Event) -> String {
    match event {
        sse::Event::Message(message) if message.last_event_id().is_empty() || message.last_event_id() == "7" => {
            message.data().to_owned()
        }
        sse::Event::Message(message) => format!("{} {:?}", message.last_event_id(), message.data()),
        sse::Event::Comment(text) => format!(":{text}"),
        sse::Event::Retry(time) => format!("retry {time:?}"),
    }
}
