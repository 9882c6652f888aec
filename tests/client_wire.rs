//! The HTTP/1.1 of the client: bodies, faults, limits, hostile servers; and that cuts never change the events.

use core::time::Duration;

use proptest::prelude::*;
use tidewire_core::client::{CloseReason, Event, MAX_INTERIM, Piece, Reason, State, Wire, WireEvent};
use tidewire_core::http::{BodyError, FramingError, HeadError, HeadLimits};
use tidewire_core::sse;
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_tests::client::{CHUNKED, Client, UNTIL_CLOSE, chunk, config, redirect, response};

// Cuts.

/// Whole exchanges, one connection each: what the server sends on it before it ends it.
fn exchanges() -> Vec<(&'static str, String)> {
    let events = "\u{feff}: hi\r\nid: 1\r\ndata: a\r\ndata: ä€𝄞\r\n\r\nretry: 2000\revent: x\rdata\r\rid\n\ndata: y\n\nid: 3\ndata: un";
    let chunks: String = events.split_inclusive('\n').map(chunk).collect();
    vec![
        ("until close", format!("{UNTIL_CLOSE}{events}")),
        ("chunked", format!("{CHUNKED}{chunks}0\r\nTrailer: x\r\n\r\nrest that is not ours")),
        ("chunked, extensions", format!("{CHUNKED}7;a=\"b\"\r\ndata: x\r\n2;c\r\n\n\n\r\n000\r\n\r\n")),
        ("chunked, truncated", format!("{CHUNKED}{}5\r\nda", chunk("data: x\n\n"))),
        ("length", response("200 OK", "Content-Type: text/event-stream\r\n", "data: x\n\nid: 5\n\n")),
        (
            "interim",
            format!(
                "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{UNTIL_CLOSE}data: x\n\n"
            ),
        ),
        ("bare LF", "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\ndata: x\n\n".into()),
        ("1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n".into()),
        ("refused", response("503 Busy", "Retry-After: 1\r\n", "please come later")),
        ("no content", "HTTP/1.1 204 No Content\r\n\r\n".into()),
        ("not a stream", response("200 OK", "Content-Type: text/html\r\n", "<p>")),
        ("redirect", redirect(302, "/there")),
        ("bad redirect", redirect(302, "")),
        ("not HTTP", "SSH-2.0-OpenSSH_9.2p1\r\n".into()),
        ("bad chunk", format!("{CHUNKED}{}x\r\n", chunk("data: x\n\n"))),
        ("bad length", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".into()),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Ty".into()),
        ("nothing", String::new()),
        ("too long a line", format!("{UNTIL_CLOSE}data: x\n\ndata: {}\n\n", "x".repeat(300))),
    ]
}

/// Plays an exchange in pieces and returns the events and what the machine wants then.
fn play(input: &[u8], cuts: &[usize]) -> (Vec<Event>, String, usize) {
    let mut config = config();
    config.limits.max_line = 200;
    let mut client = Client::accepted(config);
    let mut start = 0;
    for &cut in cuts {
        client.receive(&input[start..cut]);
        start = cut;
    }
    client.receive(&input[start..]);
    client.eof();
    (client.events, client.machine.last_event_id().into(), client.connects.len())
}

#[test]
fn one_cut_anywhere_changes_nothing() {
    for (name, input) in exchanges() {
        let whole = play(input.as_bytes(), &[]);
        for cut in 0..=input.len() {
            assert_eq!(play(input.as_bytes(), &[cut]), whole, "{name} cut at {cut}");
        }
    }
}

#[test]
fn byte_by_byte_changes_nothing() {
    for (name, input) in exchanges() {
        let all: Vec<usize> = (0..input.len()).collect();
        assert_eq!(play(input.as_bytes(), &all), play(input.as_bytes(), &[]), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_cuts_change_nothing(which in 0usize..19, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let (name, input) = &exchanges()[which];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(play(input.as_bytes(), &cuts), play(input.as_bytes(), &[]), "{}", name);
    }

    #[test]
    fn events_are_those_of_the_parser(body in "(data|id|event|retry|:|x|: ?|[0-9]|é|\n|\r|\r\n){0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10)) {
        let mut parser = sse::Parser::new();
        let mut expected = Vec::new();
        let mut events = parser.feed(body.as_bytes());
        while let Some(Ok(item)) = events.next() {
            expected.push(match item.to_owned() {
                sse::Event::Message(message) => Event::Message(message),
                sse::Event::Comment(text) => Event::Comment(text),
                sse::Event::Retry(time) => Event::Retry(time),
            });
        }
        let input = format!("{CHUNKED}{}0\r\n\r\n", if body.is_empty() { String::new() } else { chunk(&body) });
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let (events, id, _) = play(input.as_bytes(), &cuts);
        prop_assert_eq!(&events[1..events.len() - 1], &expected[..]);
        prop_assert_eq!(id, parser.last_event_id());
    }
}

#[test]
fn undecoded_input_may_pile_up_and_changes_nothing_either() {
    for (name, input) in exchanges() {
        let mut config = config();
        config.limits.max_line = 200;
        let mut client = Client::accepted(config);
        for byte in input.as_bytes() {
            client.machine.handle_input(client.now, &[*byte]);
        }
        client.machine.handle_eof(client.now);
        client.settle();
        assert_eq!(client.events, play(input.as_bytes(), &[]).0, "{name}");
    }
}

// Faults.

#[test]
fn faults_of_http_are_lost_connections_that_say_what_is_wrong() {
    let chunked = |body: &str| format!("{CHUNKED}{body}");
    for (input, expected) in [
        ("SSH-2.0-OpenSSH_9.2p1\r\n".into(), Reason::Head(HeadError::NotHttp)),
        ("\u{16}\u{3}\u{1}".into(), Reason::Head(HeadError::Tls)),
        ("HTTP/2.0 200 OK\r\n\r\n".into(), Reason::Head(HeadError::Version)),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n".into(), Reason::Head(HeadError::FieldName)),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".into(), Reason::Framing(FramingError::BadLength)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(),
            Reason::Framing(FramingError::RepeatedLength),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".into(),
            Reason::Framing(FramingError::UnknownEncoding),
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            Reason::Framing(FramingError::EncodingOnHttp10),
        ),
        (chunked("x\r\n"), Reason::Body(BodyError::Size)),
        (chunked("11111111111111111\r\n"), Reason::Body(BodyError::SizeTooLong)),
        (chunked("1\r\nxx"), Reason::Body(BodyError::DataEnd)),
        (chunked("1\n"), Reason::Body(BodyError::LineEnd)),
    ] {
        let mut client = Client::accepted(config());
        client.receive(&input);
        let reason = client.lost();
        assert_eq!(reason, expected, "{input:?}");
        assert!(reason.to_string().contains(": "), "{reason}");
        assert!(std::error::Error::source(&reason).is_some());
        client.reconnect();
    }
}

#[test]
fn end_before_the_head_is_complete_is_no_response() {
    for input in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let mut client = Client::accepted(config());
        client.receive(input);
        client.eof();
        assert_eq!(client.lost(), Reason::NoResponse, "{input:?}");
        let mut client = Client::accepted(config());
        client.receive(input);
        client.reset();
        assert_eq!(client.lost(), Reason::Reset, "{input:?}");
    }
}

// Limits.

#[test]
fn head_may_be_as_long_as_its_limit() {
    let head_of = |len: usize| {
        let frame = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX: {}\r\n\r\n", "x".repeat(len - frame))
    };
    for (len, good) in [(999, true), (1000, true), (1001, false)] {
        let mut config = config();
        config.head_limits.max_bytes = 1000;
        let mut client = Client::accepted(config);
        client.receive(head_of(len));
        assert_eq!(client.machine.state() == State::Open, good, "{len}");
        if !good {
            assert_eq!(client.lost(), Reason::Head(HeadError::TooLong { limit: 1000 }));
        }
    }
}

#[test]
fn fields_may_be_as_many_as_their_limit() {
    for (count, good) in [(8, true), (9, true), (10, false)] {
        let mut config = config();
        config.head_limits.max_fields = 10;
        let mut client = Client::accepted(config);
        let fields = "X: y\r\n".repeat(count);
        client.receive(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n"));
        assert_eq!(client.machine.state() == State::Open, good, "{count}");
    }
}

#[test]
fn interim_responses_may_be_as_many_as_their_limit() {
    for (count, good) in [(MAX_INTERIM - 1, true), (MAX_INTERIM, true), (MAX_INTERIM + 1, false)] {
        let mut client = Client::accepted(config());
        for _ in 0..count {
            client.receive("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n");
        }
        client.receive(UNTIL_CLOSE);
        assert_eq!(client.machine.state() == State::Open, good, "{count}");
        if !good {
            assert_eq!(client.lost(), Reason::TooManyInterim { limit: MAX_INTERIM });
        }
    }
}

#[test]
fn lines_and_events_may_be_as_long_as_their_limits() {
    // Of the line `data: ` counts, of the event the line end.
    for (len, good) in [(93, true), (94, true), (95, false)] {
        let mut config = config();
        config.limits.max_line = 100;
        let mut client = Client::open(config);
        client.receive(format!("data: {}\n\n", "x".repeat(len)));
        assert_eq!(client.machine.state() == State::Open, good, "{len}");
        if !good {
            assert_eq!(client.lost(), Reason::Stream(sse::Error::LineTooLong { limit: 100 }));
        }
    }
    for (lines, good) in [(99, true), (100, true), (101, false)] {
        let mut config = config();
        config.limits.max_event = 100;
        let mut client = Client::open(config);
        client.receive("data\n".repeat(lines) + "\n");
        assert_eq!(client.machine.state() == State::Open, good, "{lines}");
        if !good {
            assert_eq!(client.lost(), Reason::Stream(sse::Error::EventTooLong { limit: 100 }));
        }
    }
}

// Hostile servers.

#[test]
fn endless_head_is_cut_off() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 200 OK\r\n");
    for count in 0.. {
        if !client.connected {
            assert!(count < 2000, "{count}");
            break;
        }
        client.receive("X: yyyyyyyyyy\r\n");
    }
    assert!(matches!(client.lost(), Reason::Head(HeadError::TooManyFields { .. } | HeadError::TooLong { .. })));
}

#[test]
fn endless_line_is_cut_off() {
    let mut client = Client::open(config());
    let piece = vec![b'x'; 1 << 20];
    let mut count = 0;
    while client.machine.state() == State::Open {
        client.receive(&piece);
        count += 1;
    }
    assert_eq!(count, 17);
    assert_eq!(client.lost(), Reason::Stream(sse::Error::LineTooLong { limit: 16 << 20 }));
}

#[test]
fn flood_of_interim_responses_is_cut_off() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000));
    assert_eq!(client.lost(), Reason::TooManyInterim { limit: MAX_INTERIM });
}

#[test]
fn interim_response_and_then_silence_runs_into_the_deadline() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 100 Continue\r\n\r\n");
    client.advance(Duration::from_secs(60));
    assert_eq!(client.lost(), Reason::HeadTimeout { after: Duration::from_secs(60) });
}

#[test]
fn server_that_never_answers_is_left() {
    let mut client = Client::accepted(config());
    client.advance(Duration::from_secs(3600));
    let lost = client.lines();
    assert!(lost[0].starts_with("lost (no complete response head within 60s"), "{lost:?}");
    assert!(lost[1].starts_with("lost (no connection within 10s"), "{lost:?}");
}

#[test]
fn flood_of_comments_costs_no_memory() {
    let mut client = Client::open(config());
    let flood = ":\n".repeat(32 * 1024);
    for _ in 0..2 {
        client.machine.handle_input(client.now, flood.as_bytes());
        let mut count = 0;
        while let Some(event) = client.machine.poll_event() {
            assert_eq!(event, Event::Comment("".into()));
            count += 1;
        }
        assert_eq!(count, 32 * 1024);
    }
}

#[test]
fn garbage_never_panics_and_never_opens() {
    let mut garbage = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..40)
            .map(|_| {
                garbage ^= garbage << 13;
                garbage ^= garbage >> 7;
                garbage ^= garbage << 17;
                garbage as u8
            })
            .collect();
        let mut client = Client::accepted(config());
        client.receive(&bytes);
        client.eof();
        assert!(matches!(client.lost(), Reason::Head(_) | Reason::NoResponse));
    }
}

#[test]
fn endless_refusal_is_cut_off() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");
    let mut count = 0;
    while client.connected {
        client.receive([b'x'; 1000]);
        count += 1;
    }
    assert_eq!(count, 17);
    assert!(matches!(client.ended(), CloseReason::ContentType(refusal) if refusal.body.len() == 16 * 1024));
}

#[test]
fn nothing_after_the_end_of_the_body_counts() {
    let mut client = Client::accepted(config());
    client.receive(format!("{CHUNKED}0\r\n\r\n{UNTIL_CLOSE}data: smuggled\n\n"));
    assert_eq!(client.lines()[1..], ["lost (the server ended the stream) retry in 1s"]);
}

// The wire alone.

fn wire() -> Wire {
    let client = Client::accepted(config());
    Wire::new(client.machine.source().request(), HeadLimits::default())
}

#[test]
fn wire_is_a_machine_of_its_own() {
    let mut wire = wire();
    assert!(wire.poll_transmit().is_some_and(|request| request.starts_with(b"GET /events HTTP/1.1\r\n")));
    assert_eq!((wire.poll_transmit(), wire.poll_timeout(), wire.poll_event()), (None, None, None));
    wire.handle_input(Instant::START, format!("{CHUNKED}3\r\nabc\r\n3\r\ndef\r\n").as_bytes());
    assert!(matches!(wire.poll_event(), Some(WireEvent::Head(head)) if head.status == 200));
    assert_eq!(wire.poll_event(), Some(WireEvent::Body("abc".into())));
    assert_eq!(wire.poll_event(), Some(WireEvent::Body("def".into())));
    assert_eq!((wire.poll_event(), wire.closing()), (None, Closing::No));
    assert!(!wire.has_input(), "nothing is kept");
    wire.handle_input(Instant::START, b"0\r\n\r\n");
    assert_eq!(wire.poll_event(), Some(WireEvent::End(Ok(()))));
    assert_eq!(wire.closing(), Closing::Abort);
    wire.handle_input(Instant::START, b"more");
    wire.handle_eof(Instant::START);
    wire.handle_timeout(Instant::START);
    assert_eq!((wire.poll_event(), wire.has_input()), (None, false));
}

#[test]
fn wire_lends_a_body_until_it_is_consumed() {
    let mut wire = wire();
    wire.handle_input(Instant::START, format!("{UNTIL_CLOSE}abcdef").as_bytes());
    assert!(matches!(wire.piece(), Some(Piece::Head(_))));
    assert_eq!(wire.piece(), Some(Piece::Body(b"abcdef")));
    wire.consume(2);
    assert_eq!(wire.piece(), Some(Piece::Body(b"cdef")));
    wire.handle_input(Instant::START, b"gh");
    assert_eq!(wire.piece(), Some(Piece::Body(b"cdef")));
    wire.consume(3);
    wire.handle_input(Instant::START, b"ij");
    assert_eq!(wire.piece(), Some(Piece::Body(b"f")));
    wire.consume(100);
    assert_eq!(wire.piece(), Some(Piece::Body(b"ghij")));
    wire.consume(usize::MAX);
    assert_eq!(wire.piece(), None);
    assert!(!wire.has_input());
    wire.consume(1);
    wire.handle_reset();
    assert_eq!(wire.piece(), Some(Piece::End(Err(Reason::Reset))));
    assert_eq!(wire.piece(), None);
}

#[test]
fn first_end_of_the_input_is_the_one_that_counts() {
    let mut wire = wire();
    wire.handle_input(Instant::START, UNTIL_CLOSE.as_bytes());
    wire.handle_eof(Instant::START);
    wire.handle_reset();
    wire.handle_input(Instant::START, b"late");
    assert!(matches!(wire.poll_event(), Some(WireEvent::Head(_))));
    assert_eq!(wire.poll_event(), Some(WireEvent::End(Ok(()))));
    let mut wire = self::wire();
    wire.handle_reset();
    wire.handle_eof(Instant::START);
    assert_eq!(wire.poll_event(), Some(WireEvent::End(Err(Reason::Reset))));
}
