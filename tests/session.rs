//! One accepted connection: what peers may do to it, and what it says, under fake time.

use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::http::{Fields, FramingError, HeadError};
use tidewire_core::log::Burst;
use tidewire_core::server::{
    AnswerError, CloseReason, Config, End, Event, Heartbeat, KeepAlive, Refusal, Reply, SendError, Session, StreamHead,
};
use tidewire_core::sse::{EventName, Message};
use tidewire_core::{Closing, Instant, Protocol, UnixTime};
use tidewire_tests::served::{Served, head_of};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const STREAM: &str = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn served(change: impl FnOnce(&mut Config)) -> Served {
    let mut config = Config::default();
    change(&mut config);
    Served::new(config)
}

/// A connection whose stream is open and whose head was read.
fn streaming(change: impl FnOnce(&mut Config)) -> Served {
    let mut served = served(change);
    served.input(STREAM);
    served.take_output();
    served
}

fn request(target: &str, fields: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}")
}

// Plain replies

#[test]
fn a_reply_has_its_length_and_the_date() {
    let mut served = served(|_| {});
    served.input(GET);
    let expected = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nGET / ";
    assert_eq!(served.take_output(), expected);
    assert_eq!(served.closing(), Closing::No);
    served.advance(secs(3));
    served.input(GET);
    assert!(served.take_output().contains("date: Sun, 06 Nov 1994 08:49:40 GMT"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut served = served(|_| {});
    let all: String = (0..5).map(|number| request(&format!("/{number}"), "Content-Length: 1\r\n", "x")).collect();
    served.input(&all);
    let bodies: Vec<String> = served.requests.iter().map(|request| request.head.target.to_string()).collect();
    assert_eq!(bodies, ["/0", "/1", "/2", "/3", "/4"]);
    let output = served.take_output();
    let places: Vec<usize> = (0..5).map(|number| output.find(&format!("POST /{number} x")).unwrap()).collect();
    assert!(places.is_sorted());
}

#[test]
fn the_next_request_is_not_told_before_the_last_is_answered() {
    let mut served = served(|_| {});
    served.answers = false;
    served.input(&GET.repeat(2));
    assert_eq!(served.requests.len(), 1);
    served.reply();
    assert_eq!(served.requests.len(), 2);
    served.reply();
    assert_eq!(served.session.reply(served.now, Reply::new(200)), Err(AnswerError::NoRequest));
    assert_eq!(served.session.start_stream(served.now, StreamHead::default()), Err(AnswerError::NoRequest));
}

#[test]
fn a_peer_that_asks_and_never_reads_piles_up_nothing() {
    let mut served = served(|config| config.max_pipelined = 1_000);
    served.reads = false;
    served.input(&GET.repeat(20));
    assert_eq!(served.requests.len(), 1, "the second waits until the first answer was taken");
    served.input(&GET.repeat(20));
    assert_eq!(served.closed(), Some(CloseReason::Flooded));
    served.reads = true;
    served.run();
    assert_eq!(served.take_output().matches("HTTP/1.1 200").count(), 1, "what was answered is sent");
}

/// A driver that heeds what is wanted leaves the rest to the socket, however much the peer sends ahead.
#[test]
fn a_megabyte_of_pipelined_requests_is_answered_in_order() {
    let mut served = served(|_| {});
    served.answers = false;
    let sent: String = (0..30_000).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    let mut socket = sent.as_bytes();
    let mut most = 0;
    let mut answered = 0;
    while answered < 30_000 {
        assert_eq!(served.closed(), None);
        while served.session.wants_input() && !socket.is_empty() {
            let (piece, rest) = socket.split_at(socket.len().min(32 << 10));
            socket = rest;
            most = most.max(piece.len());
            served.input_bytes(piece);
        }
        assert_eq!(served.requests.len(), answered + 1);
        assert_eq!(&*served.requests[answered].head.target, format!("/{answered}"));
        served.reply();
        answered += 1;
    }
    assert_eq!((most, socket.len()), (32 << 10, 0));
    assert_eq!(served.take_output().matches("HTTP/1.1 200").count(), 30_000);
}

#[test]
fn input_is_not_wanted_ahead_of_its_time() {
    let mut served = served(|config| (config.max_ignored, config.max_body) = (10, 20));
    served.answers = false;
    assert!(served.session.wants_input());
    served.input(GET);
    assert!(served.session.wants_input(), "a peer that goes away while it waits is noticed");
    served.input("G");
    assert!(!served.session.wants_input());
    served.reply();
    assert!(served.session.wants_input());
    served.input(&STREAM[1..]);
    served.reply();
    for (sent, wanted) in [("123456789", true), ("0", false)] {
        served.input(sent);
        assert_eq!((served.session.wants_input(), served.session.is_streaming()), (wanted, true));
    }
    served.input("1");
    assert_eq!(served.closed(), Some(CloseReason::Flooded), "who reads nevertheless ends it");
    assert!(!served.session.wants_input(), "a flood is not read on");

    let mut refused = self::served(|config| (config.max_ignored, config.max_body) = (10, 20));
    refused.input(&request("/", "Content-Length: 21\r\n", ""));
    for (sent, wanted) in [("x".repeat(19), true), ("x".to_owned(), false)] {
        refused.input(&sent);
        assert_eq!(refused.session.wants_input(), wanted, "what was on its way is read, as much as a body may be");
    }
    refused.advance(secs(10));
    assert!(!refused.session.wants_input());
}

#[test]
fn what_is_pipelined_is_bounded_at_minus_one_at_and_plus_one() {
    for (more, flooded) in [(99, false), (100, false), (101, true)] {
        let mut served = served(|config| config.max_pipelined = 100);
        served.answers = false;
        served.input(GET);
        served.input(&"x".repeat(more));
        served.reply();
        let output = served.take_output();
        assert_eq!(output.contains("connection: close"), flooded, "{more}");
        assert_eq!(served.closed() == Some(CloseReason::Flooded), flooded, "{more}");
    }
}

#[test]
fn head_requests_get_the_length_but_not_the_body() {
    let mut served = served(|_| {});
    served.input("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let output = served.take_output();
    assert!(output.contains("content-length: 7\r\n") && output.ends_with("\r\n\r\n"), "{output}");
    served.input(GET);
    assert!(served.take_output().ends_with("GET / "));
}

#[test]
fn connections_are_kept_as_both_sides_say() {
    for (head, kept) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Foo, CLOSE\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        let mut served = served(|_| {});
        served.input(head);
        let output = served.take_output();
        assert_eq!(output.contains("connection: close"), !kept, "{head}");
        assert_eq!(output.contains("connection: keep-alive"), kept && head.contains("1.0"), "{head}");
        assert_eq!(served.closed(), (!kept).then_some(CloseReason::Done), "{head}");
        assert_eq!(served.closing() == Closing::No, kept, "{head}");
    }
}

#[test]
fn statuses_without_a_body_have_no_length() {
    for status in [204, 304] {
        let mut served = served(|_| {});
        served.answers = false;
        served.input(GET);
        let mut reply = Reply::new(status);
        reply.body = "not sent".into();
        served.session.reply(served.now, reply).unwrap();
        served.run();
        let output = served.take_output();
        assert!(!output.contains("content-length") && output.ends_with("\r\n\r\n"), "{output}");
    }
}

#[test]
fn fields_of_the_framing_are_the_sessions_own() {
    let mut served = served(|_| {});
    served.answers = false;
    served.input(GET);
    let mut fields = Fields::new();
    for (name, value) in
        [("Content-Length", "12345"), ("Transfer-Encoding", "chunked"), ("Connection", "upgrade"), ("X-Own", "kept")]
    {
        fields.append(name, value).unwrap();
    }
    served.session.reply(served.now, Reply { status: 101, fields, body: "body".into() }).unwrap();
    served.run();
    let output = served.take_output();
    assert!(output.starts_with("HTTP/1.1 500 "), "an answer is not 1xx: {output}");
    assert!(output.contains("X-Own: kept\r\n") && output.contains("content-length: 4\r\n"), "{output}");
    assert!(!output.contains("12345") && !output.contains("chunked") && !output.contains("upgrade"), "{output}");
}

#[test]
fn continue_is_sent_to_those_who_wait_for_it() {
    let mut served = served(|_| {});
    served.input(&request("/", "Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
    assert_eq!(served.take_output(), "HTTP/1.1 100 Continue\r\n\r\n");
    served.input("hi");
    assert!(served.take_output().ends_with("POST / hi"));

    served.input(&request("/", "Expect: 100-continue\r\nContent-Length: 2\r\n", "hi"));
    let output = served.take_output();
    assert!(output.starts_with("HTTP/1.1 200") && output.ends_with("POST / hi"), "it did not wait: {output}");

    served.input(&request("/", "Expect: 100-continue\r\n", ""));
    assert!(served.take_output().starts_with("HTTP/1.1 200"), "there is nothing to wait for");

    served.input(&request("/", "Expect: a-miracle\r\nContent-Length: 2\r\n", ""));
    assert!(served.take_output().starts_with("HTTP/1.1 417"));
    assert_eq!(served.closed(), Some(CloseReason::Refused(Refusal::Expectation)));
}

#[test]
fn continue_is_not_sent_for_a_body_that_will_be_refused() {
    let mut served = served(|config| config.max_body = 1);
    served.input(&request("/", "Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
    assert!(served.take_output().starts_with("HTTP/1.1 413 "));
}

// Hostile peers

#[test]
fn what_request_smuggling_needs_is_refused_and_the_connection_ends() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for fields in [
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\n",
        "X: y\r\n Content-Length: 1\r\n",
        "X: y\rContent-Length: 1\r\n",
        "X: \0\r\n",
        "Host: b\r\n",
    ] {
        let mut served = served(|_| {});
        served.input(&request("/", fields, &format!("0\r\n\r\n{smuggled}")));
        let output = served.take_output();
        let (status, rest) = output.split_at("HTTP/1.1 400".len());
        assert!(["HTTP/1.1 400", "HTTP/1.1 501"].contains(&status), "{fields}: {output}");
        assert!(rest.contains("connection: close\r\n") && rest.contains("application/problem+json"), "{output}");
        assert!(served.requests.is_empty(), "{fields}");
        assert!(matches!(served.closed(), Some(CloseReason::Refused(_))), "{fields}");
        served.input(smuggled);
        assert_eq!(served.take_output(), "", "later input is ignored");
        assert_eq!(served.closing(), Closing::Finish);
    }
}

#[test]
fn malformed_chunks_are_refused() {
    for body in
        ["x\r\n", "1\nx", "1\r\nxx\r\n", "fffffffffffffffff\r\n", "+1\r\nx\r\n", "1;\n\r\nx", "0\r\nTrailer\r\n\r\n"]
    {
        let mut served = served(|_| {});
        served.input(&request("/", "Transfer-Encoding: chunked\r\n", body));
        assert!(served.take_output().starts_with("HTTP/1.1 400 "), "{body}");
        assert!(matches!(served.closed(), Some(CloseReason::Refused(Refusal::Body(_)))), "{body}");
    }
}

#[test]
fn a_refusal_says_what_to_do_in_json() {
    let mut served = served(|_| {});
    served.input("GET / HTTP/1.1\r\n\r\n");
    let output = served.take_output();
    let (head, body) = output.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], 400);
    assert_eq!(problem["title"], "Bad Request");
    assert_eq!(problem["code"], "malformed_framing");
    assert_eq!(problem["detail"], FramingError::MissingHost.to_string());
    assert_eq!(served.closed(), Some(CloseReason::Refused(Refusal::Framing(FramingError::MissingHost))));
}

#[test]
fn a_refusal_of_head_has_no_body() {
    for input in ["HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"] {
        let mut served = served(|_| {});
        served.input(input);
        let output = served.take_output();
        let (head, body) = output.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n") && head.contains("content-length: "), "{head}");
        assert_eq!(body, "");
    }
}

#[test]
fn every_refusal_has_a_status_a_word_and_a_sentence() {
    use tidewire_core::http::BodyError;
    for refusal in [
        Refusal::Head(HeadError::TooLong { limit: 1 }),
        Refusal::Head(HeadError::Control { byte: 1 }),
        Refusal::Head(HeadError::Version),
        Refusal::Framing(FramingError::BadLength),
        Refusal::Body(BodyError::Size),
        Refusal::BodyTooLong { limit: 1 },
        Refusal::Expectation,
        Refusal::HeadTimeout,
        Refusal::BodyTimeout,
    ] {
        assert!(!refusal.to_string().is_empty() && !refusal.code().is_empty());
        assert!((400..600).contains(&refusal.status()));
    }
}

#[test]
fn an_endless_head_is_431_at_its_limit() {
    for (len, status) in [(99, "200"), (100, "200"), (101, "431")] {
        let mut served = served(|config| config.head.max_bytes = 100);
        let padding = "x".repeat(len - "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len());
        served.input(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {padding}\r\n\r\n"));
        assert_eq!(served.take_output().get(9..12), Some(status), "{len}");
    }
    let mut endless = served(|_| {});
    endless.input("GET / HTTP/1.1\r\n");
    let mut sent = 16;
    while endless.closing() == Closing::No {
        endless.input("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
        sent += 200;
        assert!(sent < 40_000);
    }
    assert!(endless.take_output().starts_with("HTTP/1.1 431 "));

    let mut many = served(|_| {});
    many.input(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(100)));
    assert_eq!(many.closed(), Some(CloseReason::Refused(Refusal::Head(HeadError::TooManyFields { limit: 100 }))));
}

#[test]
fn a_body_is_413_beyond_its_limit_however_it_is_framed() {
    for (len, status) in [(9, "200"), (10, "200"), (11, "413")] {
        let body = "x".repeat(len);
        for (fields, body) in [
            (format!("Content-Length: {len}\r\n"), body.clone()),
            (
                "Transfer-Encoding: chunked\r\n".to_owned(),
                format!("5\r\nxxxxx\r\n{:x}\r\n{}\r\n0\r\n\r\n", len - 5, &body[5..]),
            ),
        ] {
            let mut served = served(|config| config.max_body = 10);
            served.input(&request("/", &fields, &body));
            assert_eq!(served.take_output().get(9..12), Some(status), "{len} {fields}");
            assert_eq!(served.requests.first().map(|request| request.body.len()), (status == "200").then_some(len));
        }
    }
}

#[test]
fn a_byte_a_second_is_408_after_10_s() {
    let mut served = served(|_| {});
    for byte in "GET / HTTP/1.1\r\nHost".bytes().take(10) {
        assert_eq!(served.closed(), None);
        served.input_bytes(&[byte]);
        served.advance(secs(1));
    }
    assert_eq!(served.closed(), Some(CloseReason::Refused(Refusal::HeadTimeout)));
    assert!(served.take_output().starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_later_head_has_its_10_s_from_its_first_byte() {
    let mut served = served(|_| {});
    served.input(GET);
    served.take_output();
    served.advance(secs(59));
    served.input("G");
    served.advance(Duration::from_millis(9_999));
    assert_eq!(served.closed(), None);
    served.advance(Duration::from_millis(1));
    assert_eq!(served.closed(), Some(CloseReason::Refused(Refusal::HeadTimeout)));
}

#[test]
fn who_sends_nothing_is_closed_without_a_word() {
    let mut served = served(|_| {});
    served.advance(Duration::from_millis(9_999));
    assert_eq!(served.closed(), None);
    served.advance(Duration::from_millis(1));
    assert_eq!(served.closed(), Some(CloseReason::Idle));
    assert_eq!(served.take_output(), "");
}

#[test]
fn idle_connection_closes_after_60_s() {
    let mut served = served(|_| {});
    served.input(GET);
    served.take_output();
    served.advance(Duration::from_millis(59_999));
    assert_eq!(served.closed(), None);
    served.advance(Duration::from_millis(1));
    assert_eq!(served.closed(), Some(CloseReason::Idle));
    assert_eq!((served.take_output(), served.closing()), (String::new(), Closing::Finish));
}

#[test]
fn a_slow_body_is_408_after_30_s() {
    let mut served = served(|_| {});
    served.input(&request("/", "Content-Length: 100\r\n", ""));
    for _ in 0..30 {
        assert_eq!(served.closed(), None);
        served.input("x");
        served.advance(secs(1));
    }
    assert_eq!(served.closed(), Some(CloseReason::Refused(Refusal::BodyTimeout)));
    assert!(served.take_output().starts_with("HTTP/1.1 408 "));
}

#[test]
fn an_application_may_take_its_time() {
    let mut served = served(|_| {});
    served.answers = false;
    served.input(GET);
    assert_eq!(served.session.poll_timeout(), None);
    served.advance(secs(1_000));
    served.reply();
    assert!(served.take_output().ends_with("GET / "));
}

#[test]
fn peers_that_leave_are_noticed_wherever_they_are() {
    for (input, reason) in [
        ("", CloseReason::Peer),
        ("GET", CloseReason::PeerMidRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", CloseReason::PeerMidRequest),
        (GET, CloseReason::Peer),
        (STREAM, CloseReason::Peer),
    ] {
        let mut served = served(|_| {});
        served.input(input);
        served.eof();
        assert_eq!(served.closed(), Some(reason), "{input}");
    }
}

#[test]
fn a_peer_that_ends_its_side_after_its_request_is_answered() {
    for requests in [1, 3] {
        let mut served = served(|_| {});
        served.answers = false;
        served.input(&GET.repeat(requests));
        served.eof();
        assert_eq!(served.closed(), None);
        for _ in 0..requests {
            served.reply();
        }
        let output = served.take_output();
        assert_eq!(output.matches("HTTP/1.1 200").count(), requests);
        assert_eq!(served.closed(), Some(CloseReason::Peer));
        assert_eq!(served.closing(), Closing::Finish);
    }
}

#[test]
fn a_peer_that_ends_its_side_inside_its_second_request_is_answered_once() {
    let mut served = served(|_| {});
    served.answers = false;
    served.input(&format!("{GET}GET /cut"));
    served.eof();
    served.reply();
    assert_eq!(served.take_output().matches("HTTP/1.1 200").count(), 1);
    assert_eq!(served.closed(), Some(CloseReason::PeerMidRequest));
}

#[test]
fn a_refused_peer_that_never_reads_is_dropped_after_the_linger() {
    let mut served = served(|_| {});
    served.reads = false;
    served.input("\0");
    assert_eq!(served.closing(), Closing::Finish);
    served.advance(Duration::from_millis(4_999));
    assert_eq!(served.closing(), Closing::Finish);
    served.advance(Duration::from_millis(1));
    assert_eq!(served.closing(), Closing::Abort);
    assert_eq!((served.session.poll_transmit(), served.session.poll_timeout()), (None, None));
    served.input(GET);
    served.eof();
    assert_eq!((served.closing(), served.requests.len()), (Closing::Abort, 0));
}

#[test]
fn an_answer_that_is_not_taken_for_60_s_ends_the_connection() {
    let mut served = served(|_| {});
    served.reads = false;
    served.input(GET);
    served.advance(Duration::from_millis(59_999));
    assert_eq!(served.closed(), None);
    served.advance(Duration::from_millis(1));
    assert_eq!((served.closed(), served.closing()), (Some(CloseReason::Stalled), Closing::Abort));
}

#[test]
fn a_peer_that_takes_something_is_not_stalled_though_more_waits() {
    let mut served = streaming(|_| {});
    served.reads = false;
    served.session.push_burst(served.now, &Burst::new(b"data: 1\n\n")).unwrap();
    // What is for this reader alone leaves first, and there is always some of it.
    for _ in 0..10 {
        served.session.send(served.now, b":\n").unwrap();
        served.advance(secs(50));
        assert_eq!(served.closed(), None);
        assert!(served.session.poll_transmit().is_some());
    }
    served.advance(secs(60));
    assert_eq!(served.closed(), Some(CloseReason::Stalled));
}

#[test]
fn an_ending_connection_has_its_whole_linger() {
    let mut served = served(|_| {});
    served.reads = false;
    served.input(GET);
    served.advance(secs(58));
    served.session.shutdown(served.now);
    served.advance(Duration::from_millis(4_999));
    assert_eq!(served.closing(), Closing::Finish);
    served.advance(Duration::from_millis(1));
    assert_eq!((served.closing(), served.closed()), (Closing::Abort, Some(CloseReason::Shutdown)));
}

#[test]
fn a_long_last_answer_has_the_time_that_a_slow_peer_takes_for_it() {
    let mut now = Instant::START;
    let mut session = Session::new(Config::default(), now, UnixTime::default(), 1);
    session.handle_input(now, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(matches!(session.poll_event(), Some(Event::Request(_))));
    let body = vec![b'x'; 1 << 20];
    session.reply(now, Reply { body: body.clone().into(), ..Reply::new(200) }).unwrap();

    let mut taken = Vec::new();
    while let Some(piece) = session.poll_transmit() {
        assert!(piece.len() <= 64 << 10);
        taken.extend_from_slice(&piece);
        now = now + secs(4);
        session.handle_timeout(now);
        assert_eq!(session.closing(), Closing::Finish, "after {} bytes", taken.len());
    }
    assert!(taken.ends_with(&body));
    session.handle_timeout(now + secs(10));
    assert_eq!(session.closing(), Closing::Abort);
}

// Streams

#[test]
fn the_head_of_a_stream_leaves_before_its_first_event() {
    let mut served = served(|_| {});
    served.input(STREAM);
    let expected = "HTTP/1.1 200 OK\r\n\
        content-type: text/event-stream\r\n\
        cache-control: no-cache, no-store, no-transform\r\n\
        x-accel-buffering: no\r\n\
        transfer-encoding: chunked\r\n\
        date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        connection: close\r\n\r\n";
    assert_eq!(served.take_output(), expected);
    assert!(served.session.is_streaming() && served.session.wants_publications());
}

#[test]
fn fields_of_a_stream_can_be_replaced() {
    let mut served = served(|_| {});
    served.answers = false;
    served.input(STREAM);
    let mut fields = Fields::new();
    fields.append("Content-Type", "text/event-stream; charset=utf-8").unwrap();
    fields.append("content-length", "1").unwrap();
    served.session.start_stream(served.now, StreamHead::new(fields)).unwrap();
    served.run();
    let output = served.take_output();
    assert!(output.contains("Content-Type: text/event-stream; charset=utf-8\r\n") && !output.contains("content-type"));
    assert!(!output.contains("content-length"), "{output}");
}

#[test]
fn head_and_first_bytes_are_one_piece() {
    let mut served = served(|_| {});
    served.answers = false;
    served.input(STREAM);
    served.session.start_stream(served.now, StreamHead::default()).unwrap();
    served.session.send(served.now, b"retry: 1\n\n").unwrap();
    assert!(!served.session.wants_publications());
    let piece = served.session.poll_transmit().unwrap();
    assert!(piece.starts_with(b"HTTP/1.1 200") && piece.ends_with(b"\r\n\r\na\r\nretry: 1\n\n\r\n"));
    assert_eq!(served.session.poll_transmit(), None);
}

#[test]
fn a_burst_is_one_piece_of_shared_bytes() {
    let mut served = streaming(|_| {});
    let burst = Burst::new(b"data: 1\n\ndata: 2\n\n");
    served.session.push_burst(served.now, &burst).unwrap();
    assert!(!served.session.wants_publications());
    assert_eq!(served.session.push_burst(served.now, &burst), Err(SendError::Full));
    let piece = served.session.poll_transmit().unwrap();
    assert_eq!(piece.as_ptr(), burst.chunk().as_ptr());
    assert_eq!(&piece[..], b"12\r\ndata: 1\n\ndata: 2\n\n\r\n");
    assert!(served.session.wants_publications());
}

#[test]
fn http_1_0_gets_a_stream_that_ends_with_the_connection() {
    let mut served = served(|_| {});
    served.input("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let output = served.take_output();
    assert!(output.contains("connection: close\r\n") && !output.contains("transfer-encoding"), "{output}");
    served.session.push_burst(served.now, &Burst::new(b"data: 1\n\n")).unwrap();
    served.run();
    served.session.send_message(served.now, &Message::new("2")).unwrap();
    served.session.end_stream(served.now, End::default());
    served.run();
    assert_eq!(served.take_output(), "data: 1\n\ndata: 2\n\n");
    assert_eq!(served.closing(), Closing::Finish);
}

#[test]
fn head_of_a_stream_is_a_head_and_no_stream() {
    let mut served = served(|_| {});
    served.input("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    let output = served.take_output();
    assert!(output.contains("content-type: text/event-stream\r\n") && output.ends_with("\r\n\r\n"), "{output}");
    assert!(!output.contains("content-length") && !served.session.is_streaming());
    served.input(GET);
    assert!(served.take_output().ends_with("GET / "));
}

#[test]
fn a_comment_is_sent_after_15_s_of_silence_and_only_then() {
    let mut served = streaming(|_| {});
    served.advance(Duration::from_millis(14_999));
    assert_eq!(served.take_output(), "");
    served.advance(Duration::from_millis(1));
    assert_eq!(served.take_output(), "3\r\n:\n\n\r\n");
    served.advance(secs(10));
    served.session.push_burst(served.now, &Burst::new(b"data: 1\n\n")).unwrap();
    served.run();
    served.advance(secs(10));
    served.session.send(served.now, b":\n").unwrap();
    served.run();
    served.take_output();
    served.advance(Duration::from_millis(14_999));
    assert_eq!(served.take_output(), "");
    served.advance(Duration::from_millis(1));
    assert_eq!(served.take_output(), "3\r\n:\n\n\r\n");
}

#[test]
fn the_form_of_the_keep_alive_is_a_choice() {
    let event = KeepAlive::Event(EventName::new("heartbeat").unwrap());
    for (form, expected) in
        [(KeepAlive::Comment, ":\n\n"), (KeepAlive::Newline, "\n"), (event, "event: heartbeat\ndata: \n\n")]
    {
        let mut served = streaming(|config| {
            let mut heartbeat = Heartbeat::default();
            heartbeat.form = form;
            config.heartbeat = Some(heartbeat);
        });
        served.advance(secs(15));
        assert_eq!(served.take_output(), format!("{:x}\r\n{expected}\r\n", expected.len()));
    }
    for never in [None, Some(Heartbeat::never())] {
        let mut off = streaming(|config| config.heartbeat = never);
        assert_eq!(off.session.poll_timeout(), None);
        off.advance(secs(10_000));
        assert_eq!(off.take_output(), "");
    }
}

#[test]
fn a_stream_may_have_a_keep_alive_of_its_own() {
    for (of_the_stream, times) in [(None, 4), (Some(secs(5)), 12), (Some(secs(0)), 0)] {
        let mut session = Session::new(Config::default(), Instant::START, UnixTime::default(), 1);
        session.handle_input(Instant::START, STREAM.as_bytes());
        let mut head = StreamHead::default();
        head.heartbeat = of_the_stream.map(Heartbeat::new);
        session.start_stream(Instant::START, head).unwrap();
        session.poll_transmit();
        let mut sent = 0;
        for second in 1..=60 {
            session.handle_timeout(Instant::START + secs(second));
            sent += usize::from(session.poll_transmit().is_some());
        }
        assert_eq!(sent, times, "{of_the_stream:?}");
    }
}

#[test]
fn keep_alives_do_not_pile_up_and_a_reader_that_never_reads_is_dropped() {
    let mut served = streaming(|_| {});
    served.reads = false;
    served.session.push_burst(served.now, &Burst::new(b"data: 1\n\n")).unwrap();
    served.advance(Duration::from_millis(59_999));
    assert_eq!(served.closed(), None);
    served.reads = true;
    served.run();
    assert_eq!(served.take_output(), "9\r\ndata: 1\n\n\r\n");
    served.reads = false;
    // The next comment waits from 75 s on.
    served.advance(Duration::from_millis(15_001));
    served.advance(secs(60));
    assert_eq!((served.closed(), served.closing()), (Some(CloseReason::Stalled), Closing::Abort));
}

#[test]
fn more_to_send_does_not_put_off_the_end_of_a_reader_that_never_reads() {
    let mut served = streaming(|_| {});
    served.reads = false;
    for _ in 0..6 {
        assert_eq!(served.closed(), None);
        served.session.send_message(served.now, &Message::new("unread")).unwrap();
        served.advance(secs(10));
    }
    assert_eq!(served.closed(), Some(CloseReason::Stalled));
}

#[test]
fn the_longest_time_of_a_stream_is_held_with_jitter_and_in_the_middle_of_a_replay() {
    let mut ends = Vec::new();
    for seed in 0..50 {
        let mut config = Config::default();
        config.max_stream_time = Some(secs(100));
        let mut served = Served::with_seed(config, seed);
        served.input(STREAM);
        served.take_output();
        // Never idle: a burst each half second, the last one not taken yet.
        while served.closed().is_none() {
            served.reads = false;
            let _ = served.session.push_burst(served.now, &Burst::new(b"data: 1\n\n"));
            served.advance(Duration::from_millis(500));
            served.reads = true;
            if served.closed().is_none() {
                served.run();
                served.take_output();
            }
        }
        assert_eq!(served.closed(), Some(CloseReason::MaxStreamTime));
        served.run();
        assert_eq!(served.take_output(), "9\r\ndata: 1\n\n\r\n0\r\n\r\n", "the burst stays whole");
        ends.push(served.now.since_start());
    }
    assert!(ends.iter().all(|end| (secs(90)..=secs(101)).contains(end)), "{ends:?}");
    ends.sort();
    ends.dedup();
    assert!(ends.len() > 8, "they end apart: {ends:?}");

    let mut exact = streaming(|config| (config.max_stream_time, config.max_stream_jitter) = (Some(secs(10)), 0));
    exact.advance(Duration::from_millis(9_999));
    assert_eq!(exact.closed(), None);
    exact.advance(Duration::from_millis(1));
    assert_eq!(exact.closed(), Some(CloseReason::MaxStreamTime));
}

#[test]
fn shutdown_says_when_to_come_back_and_spreads_it() {
    let mut retries = Vec::new();
    for seed in 0..50 {
        let mut served = Served::with_seed(Config::default(), seed);
        served.input(STREAM);
        served.take_output();
        served.session.shutdown(served.now);
        served.run();
        assert_eq!((served.closed(), served.closing()), (Some(CloseReason::Shutdown), Closing::Finish));
        let output = served.take_output();
        let retry = output.split_once("retry: ").unwrap().1.split_once("\n\n\r\n0\r\n\r\n").unwrap().0;
        retries.push(retry.parse::<u64>().unwrap());
    }
    assert!(retries.iter().all(|retry| (1_000..=6_000).contains(retry)), "{retries:?}");
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > 40, "{retries:?}");
}

#[test]
fn shutdown_lets_a_request_be_answered_and_closes_what_is_idle() {
    let mut idle = served(|_| {});
    idle.session.shutdown(idle.now);
    idle.run();
    assert_eq!((idle.closed(), idle.take_output()), (Some(CloseReason::Shutdown), String::new()));

    for begun in ["GET / HT", &GET[..GET.len() - 1], GET] {
        let mut served = served(|_| {});
        served.answers = false;
        served.input(begun);
        served.session.shutdown(served.now);
        assert_eq!(served.closed(), None);
        served.answers = true;
        served.input(&GET[begun.len()..]);
        if begun == GET {
            served.reply();
        }
        let output = served.take_output();
        assert!(output.ends_with("GET / ") && output.contains("connection: close\r\n"), "{output}");
        assert_eq!(served.closed(), Some(CloseReason::Shutdown));
    }

    let mut late = served(|_| {});
    late.answers = false;
    late.input(STREAM);
    late.session.shutdown(late.now);
    late.session.start_stream(late.now, StreamHead::default()).unwrap();
    late.run();
    let output = late.take_output();
    assert!(output.contains("retry: ") && output.ends_with("0\r\n\r\n"), "{output}");
}

#[test]
fn input_during_a_stream_is_ignored_up_to_its_limit() {
    for (len, flooded) in [(65_535, false), (65_536, false), (65_537, true)] {
        let mut served = streaming(|_| {});
        let input = GET.repeat(3_000);
        for part in input.as_bytes()[..len].chunks(1_000) {
            served.input_bytes(part);
        }
        assert_eq!(served.closed() == Some(CloseReason::Flooded), flooded, "{len}");
        assert_eq!(served.session.is_streaming(), !flooded);
        assert_eq!(served.requests.len(), 1);
    }
}

#[test]
fn the_outbox_is_bounded_and_says_so() {
    let mut served = streaming(|config| (config.max_queued_frames, config.max_queued_bytes) = (3, 100));
    served.reads = false;
    for number in 0..3 {
        served.session.send_message(served.now, &Message::new(&*number.to_string())).unwrap();
    }
    assert_eq!(served.session.send(served.now, b":\n"), Err(SendError::Full));
    served.reads = true;
    served.run();
    assert_eq!(served.take_output(), "9\r\ndata: 0\n\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
    assert_eq!(served.session.send(served.now, &[b'x'; 200]), Err(SendError::Full));
    served.session.send(served.now, b":\n").unwrap();
}

#[test]
fn sending_without_a_stream_is_an_error() {
    let mut served = served(|_| {});
    assert_eq!(served.session.send(served.now, b":\n"), Err(SendError::NoStream));
    assert_eq!(served.session.push_burst(served.now, &Burst::new(b":\n")), Err(SendError::NoStream));
    served.session.end_stream(served.now, End::default());
    assert_eq!(served.closed(), None);
    served.input(STREAM);
    served.session.end_stream(served.now, End::default());
    served.session.end_stream(served.now, End::default());
    served.run();
    assert!(served.take_output().ends_with("\r\n\r\n0\r\n\r\n"));
    assert_eq!(served.closed(), Some(CloseReason::StreamEnded));
    assert_eq!(served.session.send(served.now, b":\n"), Err(SendError::NoStream));
}

#[test]
fn an_early_timeout_does_nothing_and_a_late_one_everything() {
    let mut served = streaming(|config| config.max_stream_time = Some(secs(20)));
    served.session.handle_timeout(served.now);
    served.run();
    assert_eq!((served.take_output().as_str(), served.closed()), ("", None));
    served.now = served.now + secs(1_000);
    served.session.handle_timeout(served.now);
    served.run();
    assert_eq!((served.take_output().as_str(), served.closed()), ("0\r\n\r\n", Some(CloseReason::MaxStreamTime)));
}

// Cut anywhere

/// Requests, good and bad, as a peer might send them one after the other.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        4 => Just(GET.to_owned()),
        2 => Just("\r\nHEAD /x?y HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        2 => "[a-z]{0,20}".prop_map(|body| request("/length", &format!("Content-Length: {}\r\n", body.len()), &body)),
        2 => "[a-z]{1,20}".prop_map(|body| {
            let chunks = format!("{:x};x=y\r\n{body}\r\n2\r\n\r\n\r\n0\r\nT: u\r\n\r\n", body.len());
            request("/chunked", "Transfer-Encoding: chunked\r\n", &chunks)
        }),
        1 => Just(request("/expect", "Expect: 100-continue\r\nContent-Length: 3\r\n", "abc")),
        1 => Just("GET / HTTP/1.0\r\n\r\n".to_owned()),
        1 => Just(STREAM.to_owned()),
        1 => Just(request("/both", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc")),
        1 => "[ -~\r\n]{0,30}",
    ];
    prop::collection::vec(one, 0..6).prop_map(|all| all.concat().into_bytes())
}

/// All that came out, when the input was cut into pieces of these lengths.
fn outcome(input: &[u8], lengths: &[usize]) -> (Vec<Event>, String, Closing) {
    let mut served = Served::new(Config::default());
    let mut rest = input;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        served.input_bytes(piece);
        rest = after;
    }
    served.eof();
    let output = served.take_output().replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    (served.events, output, served.session.closing())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn cutting_the_input_elsewhere_changes_nothing(
        input in requests(),
        lengths in prop::collection::vec(1..50_usize, 1..8),
    ) {
        let whole = outcome(&input, &[usize::MAX]);
        prop_assert_eq!(&outcome(&input, &lengths), &whole);
        prop_assert_eq!(&outcome(&input, &[1]), &whole);
    }
}

#[test]
fn answers_read_back_as_they_were_given() {
    let mut served = served(|_| {});
    served.input(&request("/x", "Content-Length: 2\r\n", "hi"));
    let output = served.take_output();
    let (head, body) = head_of(&output);
    assert_eq!((head.status, &*head.reason, body), (200, "OK", "POST /x hi"));
}
