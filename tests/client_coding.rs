//! Compressed responses, decoded in the client as they arrive.

use tidewire_core::client::{CloseReason, Config, Event, Reason, Source, State};
use tidewire_core::http::coding::{CodingError, Codings};
use tidewire_core::http::{Method, ResponseHead};
use tidewire_core::{Instant, Protocol};
use tidewire_tests::client::{Client, config, field};
use tidewire_tests::coding::{GZIP_HEAD, deflate, gzip, zlib};

fn asking(codings: Codings) -> Config {
    let mut config = config();
    config.codings = codings;
    config
}

/// A response with this coding and body, which its length ends.
fn response(status: u16, content_type: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let mut head = ResponseHead::new(status);
    head.fields.append("Content-Type", content_type).unwrap();
    head.fields.append("Content-Encoding", coding).unwrap();
    head.fields.append("Content-Length", body.len().to_string()).unwrap();
    let mut bytes = Vec::new();
    head.encode(&mut bytes);
    [bytes, body.to_vec()].concat()
}

/// A client whose stream with this coding is open, until the connection ends.
fn open(coding: &str) -> Client {
    let mut client = Client::accepted(asking(Codings::ALL));
    client.receive(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: {coding}\r\n\r\n"));
    assert!(matches!(client.events.as_slice(), [Event::Opened { .. }]), "{:?}", client.events);
    client.events.clear();
    client
}

#[test]
fn nothing_is_asked_for_unless_configured() {
    assert_eq!(config().codings, Codings::NONE);
    for (codings, expected) in [
        (Codings::NONE, "identity"),
        (Codings::GZIP, "gzip"),
        (Codings::DEFLATE, "deflate"),
        (Codings::ALL, "gzip, deflate"),
    ] {
        let request = Client::new(asking(codings)).accept();
        assert_eq!(field(&request, "accept-encoding"), Some(expected));
        assert_eq!(request.to_ascii_lowercase().matches("accept-encoding").count(), 1);
    }
}

#[test]
fn field_of_the_caller_is_sent_in_its_place_and_the_coding_undone_all_the_same() {
    let mut config = asking(Codings::ALL);
    config.fields.append("Accept-Encoding", "gzip;q=0.5").unwrap();
    let mut client = Client::new(config);
    let request = client.accept();
    assert_eq!(field(&request, "accept-encoding"), Some("gzip;q=0.5"));
    client.receive(response(200, "text/event-stream", "gzip", &gzip(b"data: x\n\n")));
    assert_eq!(client.lines()[1], r#"message "x" id """#);
}

#[test]
fn coding_that_was_not_asked_for_is_refused_with_its_bytes() {
    for (codings, coding) in [(Codings::NONE, "gzip"), (Codings::DEFLATE, "gzip"), (Codings::ALL, "br")] {
        let mut client = Client::accepted(asking(codings));
        client.receive(response(200, "text/event-stream", coding, b"\x1f\x8b..."));
        let CloseReason::ContentCoding(refusal) = client.ended() else { panic!() };
        assert_eq!(refusal.body, &b"\x1f\x8b..."[..]);
    }
}

#[test]
fn compressed_stream_is_the_stream() {
    let stream = b": hi\n\nid: 1\ndata: a\n\nretry: 5\n\nevent: x\ndata: b\n\n";
    for (coding, body) in [
        ("gzip", gzip(stream)),
        ("x-gzip", gzip(stream)),
        ("deflate", zlib(stream)),
        ("deflate", deflate(&[stream], 6).concat()),
        ("deflate, gzip", gzip(&zlib(stream))),
        ("identity", stream.to_vec()),
    ] {
        let response = response(200, "text/event-stream", coding, &body);
        let expected = [
            "open 200 http://example.test/events",
            r#"comment " hi""#,
            r#"message "a" id "1""#,
            "retry 5ms",
            r#"x "b" id "1""#,
            "lost (the server ended the stream) retry in 5ms",
        ];
        let mut client = Client::accepted(asking(Codings::ALL));
        client.receive(&response);
        assert_eq!(client.lines(), expected, "{coding}");
        let mut client = Client::accepted(asking(Codings::ALL));
        response.iter().for_each(|byte| client.receive([*byte]));
        assert_eq!(client.lines(), expected, "{coding}, byte by byte");
    }
}

#[test]
fn flushed_event_comes_with_its_last_byte() {
    let events: Vec<_> = (0..20).map(|number| format!("data: {number}\n\n")).collect();
    let parts: Vec<_> = events.iter().map(String::as_bytes).collect();
    let mut client = open("gzip");
    client.receive(GZIP_HEAD);
    for (number, part) in deflate(&parts, 6).iter().take(20).enumerate() {
        assert_eq!(client.events.len(), 0);
        part.iter().for_each(|byte| client.receive([*byte]));
        assert_eq!(client.lines(), [format!("message \"{number}\" id \"\"")]);
    }
}

#[test]
fn events_of_one_chunk_come_one_by_one_and_nothing_is_lost_at_its_end() {
    let stream: String = (0..5000).map(|number| format!("data: {number}\n\n")).collect();
    let mut client = open("gzip");
    client.machine.handle_input(client.now, &gzip(stream.as_bytes()));
    assert_eq!(client.machine.poll_timeout(), None, "what waits is no silence");
    let mut count = 0;
    while let Some(event) = client.machine.poll_event() {
        assert!(matches!(event, Event::Message(message) if message.data() == count.to_string()));
        count += 1;
    }
    assert_eq!(count, 5000);
    assert!(client.machine.poll_timeout().is_some());
    client.eof();
    assert_eq!(client.lost(), Reason::Ended { mid_event: false });
}

#[test]
fn source_keeps_a_byte_until_nothing_more_comes_of_it() {
    let now = Instant::START;
    let mut source = Source::new(asking(Codings::ALL), 1);
    source.poll_request(now).unwrap();
    source.handle_connected(now);
    let mut head = Box::new(ResponseHead::new(200));
    head.fields.append("Content-Type", "text/event-stream").unwrap();
    head.fields.append("Content-Encoding", "deflate").unwrap();
    source.handle_head(now, head);
    assert!(matches!(source.poll_event(), Some(Event::Opened { .. })));
    let body = zlib(b"data: 1\n\ndata: 2\n\n");
    let (used, event) = source.read(now, &body);
    assert!(matches!(event, Some(Event::Message(message)) if message.data() == "1"));
    assert!(used < body.len());
    let (more, event) = source.read(now, &body[used..]);
    assert!(matches!(event, Some(Event::Message(message)) if message.data() == "2"));
    let rest = &body[used + more..];
    assert!(!rest.is_empty());
    assert_eq!(source.read(now, rest), (rest.len(), None));
    source.handle_end(now);
    assert!(matches!(source.poll_event(), Some(Event::Disconnected { reason: Reason::Ended { .. }, .. })));
}

#[test]
fn stream_that_is_cut_short_or_damaged_is_lost_after_what_came() {
    let compressed = deflate(&[b"data: 1\n\n"], 6);
    for (rest, expected) in
        [(&b""[..], CodingError::Truncated), (&[0x07], CodingError::Data), (&compressed[1], CodingError::Truncated)]
    {
        let mut client = open("gzip");
        client.receive([GZIP_HEAD, &compressed[0], rest].concat());
        client.eof();
        assert!(matches!(&client.events[0], Event::Message(message) if message.data() == "1"));
        assert_eq!(client.lost(), Reason::Coding(expected));
    }
    let mut client = open("gzip");
    client.receive([gzip(b"data: 1\n\n"), b"garbage".to_vec()].concat());
    assert_eq!(client.lost(), Reason::Coding(CodingError::Trailing));
    assert!(!client.connected);
}

#[test]
fn next_connection_begins_with_a_fresh_decoder() {
    let mut client = open("gzip");
    client.receive(&gzip(b"data: 1\n\n")[..15]);
    client.reset();
    client.reconnect();
    client.receive(response(200, "text/event-stream", "deflate", &zlib(b"data: 2\n\n")));
    let lines = client.lines();
    assert_eq!(lines[lines.len() - 2], r#"message "2" id """#);
    client.reconnect();
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 3\n\n");
    assert_eq!(client.lines()[1], r#"message "3" id """#);
}

#[test]
fn damaged_stream_never_counts_as_healthy() {
    let mut client = open("gzip");
    for seconds in [1, 2, 4] {
        client.receive([&gzip(b"data: 1\n\n"), &b"garbage"[..]].concat());
        let Some(Event::Disconnected { retry_in, .. }) = client.events.last() else { panic!() };
        assert_eq!(retry_in.as_secs(), seconds);
        client.reconnect();
        client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n");
    }
}

#[test]
fn bombs_end_by_the_limit_that_is_nearest() {
    // One event without an end: the limit of the parser.
    let mut client = open("gzip");
    client.receive(gzip(format!("data: {}", "0123456789".repeat(2_000_000)).as_bytes()));
    assert!(matches!(client.lost(), Reason::Coding(CodingError::Ratio { limit: 200 }) | Reason::Stream(_)));
    // Nothing but empty lines: the ratio.
    let mut client = open("gzip");
    client.receive(gzip("\n".repeat(4 << 20).as_bytes()));
    assert_eq!(client.lost(), Reason::Coding(CodingError::Ratio { limit: 200 }));
    // The absolute cap.
    let mut config = asking(Codings::ALL);
    config.coding_limits.max_output = Some(9);
    let mut client = Client::accepted(config);
    client.receive(response(200, "text/event-stream", "gzip", &gzip(b"data: 1\n\ndata: 2\n\n")));
    assert!(matches!(&client.events[1], Event::Message(message) if message.data() == "1"));
    assert_eq!(client.lost(), Reason::Coding(CodingError::TooLong { limit: 9 }));
}

#[test]
fn error_body_is_decoded_up_to_its_limit() {
    let refusal = |max, body: &[u8]| {
        let mut config = asking(Codings::ALL);
        config.max_error_body = max;
        let mut client = Client::accepted(config);
        client.receive(response(400, "application/json", "gzip", body));
        match client.ended() {
            CloseReason::Status(refusal) => (refusal.body, refusal.truncated),
            other => panic!("{other}"),
        }
    };
    let text = b"{\"error\": \"no such model\"}";
    assert_eq!(refusal(100, &gzip(text)), (text[..].into(), false));
    assert_eq!(refusal(10, &gzip(text)), (text[..10].into(), true));
    // A bomb, a damaged one, one cut short: what there is.
    assert_eq!(refusal(10, &gzip(&vec![b'x'; 1 << 20])), ("xxxxxxxxxx".into(), true));
    assert_eq!(refusal(100, b"oops"), ("".into(), true));
    assert_eq!(refusal(100, &deflate_head(text)), (text[..].into(), true));
}

/// One member of gzip that is cut short behind its content.
fn deflate_head(content: &[u8]) -> Vec<u8> {
    [GZIP_HEAD, &deflate(&[content], 6)[0]].concat()
}

#[test]
fn error_body_with_a_foreign_coding_is_as_received() {
    let mut client = Client::accepted(asking(Codings::ALL));
    client.receive(response(400, "application/json", "br", b"\x0b\x02"));
    let CloseReason::Status(refusal) = client.ended() else { panic!() };
    assert_eq!((&refusal.body[..], refusal.truncated), (&b"\x0b\x02"[..], false));
}

#[test]
fn answer_in_one_piece_may_be_compressed() {
    let answering = |limit| {
        let mut config = asking(Codings::ALL);
        config.max_answer = Some(limit);
        Client::accepted(config)
    };
    let bytes = response(200, "application/json", "gzip", &gzip(b"{\"n\": 1}"));
    let mut client = answering(8);
    bytes.iter().for_each(|byte| client.receive([*byte]));
    assert_eq!(client.lines()[0], r#"answer 200 "{\"n\": 1}""#);
    let mut client = answering(7);
    client.receive(bytes);
    assert_eq!(client.ended(), CloseReason::AnswerTooLong { limit: 7 });
    let mut client = answering(100);
    client.receive(response(200, "application/json", "gzip", &gzip(b"{\"n\": 1}")[..20]));
    assert_eq!(client.lost(), Reason::Coding(CodingError::Truncated));
}

#[test]
fn empty_body_with_a_coding_is_an_empty_body() {
    let mut client = Client::accepted(asking(Codings::ALL));
    client.receive(response(500, "text/plain", "gzip", b""));
    assert!(matches!(client.ended(), CloseReason::Status(refusal) if !refusal.truncated));
    let mut client = open("gzip");
    client.eof();
    assert_eq!(client.lost(), Reason::Ended { mid_event: false });
}

#[test]
fn stream_that_closes_itself_in_the_middle_of_a_chunk_is_over() {
    let mut config = asking(Codings::ALL);
    config.method = Method::GET;
    config.marks = config.marks.end_data("[DONE]");
    let mut client = Client::accepted(config);
    client.receive(response(200, "text/event-stream", "gzip", &gzip(b"data: 1\n\ndata: [DONE]\n\ndata: 2\n\n")));
    assert_eq!(client.lines()[1..], [r#"message "1" id """#, "closed (the stream is complete)"]);
    assert_eq!(client.machine.state(), State::Closed);
}
