//! What the client sends, and what it makes of the answer.

use bytes::Bytes;
use tidewire_core::client::exchange::{self, Exchange};
use tidewire_core::client::{CloseReason, ConnectError, Event, EventSource, Reason, RetryStatus, State, TunnelError};
use tidewire_core::http::{Method, RequestHead};
use tidewire_core::sse::EventId;
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_tests::client::{
    CHUNKED, Client, UNTIL_CLOSE, chunk, config, config_of, config_post, field, response, target,
};

// The request.

#[test]
fn request_is_a_get_for_an_event_stream() {
    let request = Client::new(config()).accept();
    assert!(request.starts_with("GET /events HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n"));
    assert_eq!(field(&request, "host"), Some("example.test"));
    assert_eq!(field(&request, "accept"), Some("text/event-stream"));
    assert_eq!(field(&request, "cache-control"), Some("no-cache"));
    assert_eq!(field(&request, "accept-encoding"), Some("identity"));
    assert!(field(&request, "user-agent").is_some_and(|agent| agent.starts_with("tidewire/")));
    assert_eq!(field(&request, "last-event-id"), None);
    assert_eq!(field(&request, "content-length"), None);
}

#[test]
fn what_is_sent_and_received_is_not_shown() {
    let mut config = config();
    config.fields.append("Authorization", "Bearer sesame").unwrap();
    let mut machine = EventSource::new(config, 1, Instant::START);
    let attempt = machine.poll_connect(Instant::START).unwrap().attempt;
    machine.handle_connected(Instant::START, attempt);
    assert!(!format!("{machine:?}").contains("sesame"), "{machine:?}");
    // As bytes are shown: one that is cut off waits for the rest.
    machine.handle_input(Instant::START, b"HTTP/1.1 200 OK\r\nSet-Cookie: sesame");
    let bytes = format!("{:?}", b"sesame");
    assert!(!format!("{machine:?}").contains(bytes.trim_matches(['[', ']'])), "{machine:?}");

    let mut exchange = Exchange::new(exchange::Config::default());
    let mut head = RequestHead::new(Method::POST, "/");
    head.fields.append("Authorization", "Bearer sesame").unwrap();
    exchange.request(Instant::START, &head, b"").unwrap();
    assert!(!format!("{exchange:?}").contains(bytes.trim_matches(['[', ']'])), "{exchange:?}");
}

#[test]
fn host_has_the_port_unless_it_is_the_usual_one() {
    for (url, host, connect) in [
        ("http://a.test:80/", "a.test", ("a.test", 80, false)),
        ("http://a.test:8080/?q=1", "a.test:8080", ("a.test", 8080, false)),
        ("https://a.test/", "a.test", ("a.test", 443, true)),
        ("http://[::1]:9/", "[::1]:9", ("::1", 9, false)),
    ] {
        let mut client = Client::new(config_of(url));
        let asked = &client.connects[0];
        assert_eq!(target(asked), connect);
        assert_eq!(field(&client.accept(), "host"), Some(host));
    }
}

#[test]
fn fields_of_the_caller_are_sent_and_replace_the_usual_ones() {
    let mut config = config();
    for (name, value) in [
        ("accept", "text/event-stream, application/json"),
        ("cache-control", "max-age=0"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("host", "other.test"),
        ("content-length", "99"),
    ] {
        config.fields.append(name, value).unwrap();
    }
    let request = Client::new(config).accept();
    assert_eq!(request.to_lowercase().matches("accept:").count(), 1, "{request}");
    assert_eq!(field(&request, "accept"), Some("text/event-stream, application/json"));
    assert_eq!(field(&request, "cache-control"), Some("max-age=0"));
    assert_eq!((field(&request, "x-one"), field(&request, "x-two")), (Some("1"), Some("2")));
    assert_eq!(field(&request, "host"), Some("other.test"));
    assert_eq!(field(&request, "content-length"), None);
}

#[test]
fn any_method_goes_with_its_body_and_its_length() {
    for name in ["POST", "REPORT", "PATCH", "QUERY"] {
        let mut config = config_post("{\"a\":1}");
        config.method = Method::new(name).unwrap();
        let request = Client::new(config).accept();
        assert!(request.starts_with(&format!("{name} /events HTTP/1.1\r\n")));
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"));
        assert_eq!(field(&request, "content-length"), Some("7"));
        assert_eq!(field(&request, "content-type"), Some("application/json"));
    }
}

#[test]
fn post_without_body_says_so() {
    let mut config = config();
    config.method = Method::POST;
    assert_eq!(field(&Client::new(config).accept(), "content-length"), Some("0"));
}

#[test]
fn small_body_is_one_write_with_the_head_and_a_large_one_is_not_copied() {
    for (len, writes) in [(0, 1), (16 * 1024, 1), (16 * 1024 + 1, 2)] {
        let mut config = config_post("");
        config.body = Some(Bytes::from(vec![b'x'; len]));
        let mut client = Client::new(config);
        client.machine.handle_connected(client.now, 1);
        let sent: Vec<_> = std::iter::from_fn(|| client.machine.poll_transmit()).collect();
        assert_eq!(sent.len(), writes, "{len} bytes");
        assert!(sent.concat().ends_with(&vec![b'x'; len]));
    }
}

#[test]
fn initial_last_event_id_goes_with_the_first_request() {
    let mut config = config();
    config.last_event_id = Some(EventId::new("xyz").unwrap());
    let mut client = Client::new(config);
    assert_eq!(client.machine.last_event_id(), "xyz");
    assert_eq!(field(&client.accept(), "last-event-id"), Some("xyz"));
}

#[test]
fn last_event_id_among_the_fields_is_the_initial_one() {
    let mut config = config();
    config.fields.append("Last-Event-ID", "abc").unwrap();
    let mut client = Client::new(config.clone());
    let request = client.accept();
    assert_eq!(request.matches("Last-Event-ID").count(), 1);
    assert_eq!(field(&request, "last-event-id"), Some("abc"));
    config.last_event_id = Some(EventId::new("xyz").unwrap());
    assert_eq!(field(&Client::new(config).accept(), "last-event-id"), Some("xyz"));
}

#[test]
fn last_event_id_is_sent_as_its_bytes() {
    let mut config = config();
    config.last_event_id = Some(EventId::new("grün €").unwrap());
    let mut client = Client::new(config);
    client.accept();
    let sent = &client.sent;
    assert!(sent.windows(9).any(|part| part == "grün €".as_bytes()), "{sent:?}");
}

#[test]
fn id_that_no_field_can_carry_stays_at_home() {
    let mut client = Client::open(config());
    client.receive("id: a\u{1}b\ndata: 1\n\n");
    client.eof();
    assert_eq!(field(&client.reconnect(), "last-event-id"), None);
    assert_eq!(client.machine.last_event_id(), "a\u{1}b");
}

// The answer.

#[test]
fn stream_opens_and_its_events_come() {
    let mut client = Client::accepted(config());
    assert_eq!(client.machine.state(), State::Connecting);
    client.receive(CHUNKED);
    assert_eq!(client.machine.state(), State::Open);
    client.receive(chunk(": hi\nretry: 2000\nid: 1\nevent: greeting\ndata: hello\n\ndata: more\n\n"));
    assert_eq!(
        client.lines(),
        [
            "open 200 http://example.test/events",
            "comment \" hi\"",
            "retry 2s",
            "greeting \"hello\" id \"1\"",
            "message \"more\" id \"1\"",
        ]
    );
    assert_eq!(client.machine.last_event_id(), "1");
}

#[test]
fn opened_tells_the_head() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 200 Fine\r\nContent-Type: text/event-stream\r\nX-Id: 7\r\n\r\n");
    let Some(Event::Opened { status, head, url }) = client.events.pop() else { panic!("{:?}", client.events) };
    assert_eq!((status, &*head.reason, head.fields.get_str("x-id")), (200, "Fine", Some("7")));
    assert_eq!(url.to_string(), "http://example.test/events");
}

#[test]
fn content_type_of_a_stream_is_told_by_its_essence() {
    for (value, good) in [
        ("text/event-stream", true),
        ("Text/Event-Stream", true),
        ("text/event-stream;charset=utf-8", true),
        ("text/event-stream ; charset=latin1", true),
        ("text/event-stream;", true),
        ("text/event-streamx", false),
        ("text/html", false),
        ("application/json", false),
        ("event-stream", false),
        ("", false),
        // Fetch, "extract a MIME type": the last one counts.
        ("text/html, text/event-stream", true),
        ("text/event-stream, text/html", false),
        ("text/event-stream, nonsense", true),
    ] {
        let mut client = Client::accepted(config());
        client.receive(format!("HTTP/1.1 200 OK\r\nContent-Type: {value}\r\n\r\n"));
        assert_eq!(client.machine.state() == State::Open, good, "{value}");
        if !good {
            client.eof();
            let CloseReason::ContentType(refusal) = client.ended() else { panic!("{value}") };
            assert_eq!(refusal.head.status, 200);
        }
    }
}

#[test]
fn wrong_content_type_is_final_and_keeps_what_was_said() {
    let mut client = Client::accepted(config());
    client.receive(response("200 OK", "Content-Type: text/html\r\n", "<h1>hi</h1>"));
    let reason = client.ended();
    assert_eq!(
        reason.to_string(),
        "http://example.test/events is `text/html`, not `text/event-stream`; is this the address of the stream?"
    );
    let CloseReason::ContentType(refusal) = reason else { panic!() };
    assert_eq!((&*refusal.body, refusal.truncated), (&b"<h1>hi</h1>"[..], false));
}

#[test]
fn missing_content_type_is_final() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(client.ended().to_string().starts_with("http://example.test/events has no content-type, not"));
}

#[test]
fn no_content_is_final() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(client.ended(), CloseReason::NoContent);
    client.advance(std::time::Duration::from_secs(3600));
    assert_eq!((client.connects.len(), client.events.len()), (1, 0));
}

#[test]
fn every_other_status_is_final() {
    for status in (200..600).filter(|status| ![200, 204, 301, 302, 303, 307, 308].contains(status)) {
        let mut client = Client::accepted(config());
        client.receive(response(&format!("{status} Whatever"), "Content-Type: text/event-stream\r\n", ""));
        let CloseReason::Status(refusal) = client.ended() else { panic!("{status}") };
        assert_eq!(refusal.head.status, status);
        assert_eq!(client.connects.len(), 1);
    }
}

#[test]
fn refusal_has_status_body_and_fields() {
    let mut client = Client::accepted(config());
    client.receive(response("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "token expired\nlong story"));
    let reason = client.ended();
    assert_eq!(reason.to_string(), "401 Unauthorized from http://example.test/events: token expired");
    let CloseReason::Status(refusal) = reason else { panic!() };
    assert_eq!(refusal.text(), Some("token expired\nlong story"));
    assert_eq!(refusal.head.fields.get_str("www-authenticate"), Some("Bearer"));
}

#[test]
fn refusal_without_body_ends_at_its_url() {
    let mut client = Client::accepted(config());
    client.receive(response("401 Unauthorized", "", ""));
    assert_eq!(client.ended().to_string(), "401 Unauthorized from http://example.test/events");
}

#[test]
fn refusal_shown_cannot_drive_a_terminal_and_is_short() {
    let mut client = Client::accepted(config());
    client.receive(response("500 Oops", "", &format!("\u{1b}[31m\u{202e}\u{2066}{}", "ä".repeat(300))));
    let text = client.ended().to_string();
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2066}']), "{text:?}");
    assert!(text.ends_with("ä…") && text.chars().count() < 260, "{text}");
}

#[test]
fn event_shown_cannot_drive_a_terminal_and_is_short() {
    let mut client = Client::open(config());
    client.receive(format!("event: \u{1b}[2Ja\ndata: x\n\n:it's \u{1b}]0;b\u{7}\n:{}\n", "c".repeat(1000)));
    let shown: Vec<_> = client.events.iter().map(ToString::to_string).collect();
    assert_eq!(shown[..2], ["event `[2Ja`, 1 bytes of data", "comment:it's ]0;b"]);
    assert!(shown[2].len() < 250, "{}", shown[2]);
    let names = Reason::Stack { sent: true, error: "the certificate is for \u{1b}[2Ja".into() };
    assert_eq!(names.to_string(), "the connection failed: the certificate is for [2Ja");
}

#[test]
fn refused_body_is_kept_up_to_its_limit() {
    for (len, kept, truncated) in [(99, 99, false), (100, 100, false), (101, 100, true), (5000, 100, true)] {
        let mut config = config();
        config.max_error_body = 100;
        let mut client = Client::accepted(config);
        client.receive(response("500 Oops", "", &"x".repeat(len)));
        let CloseReason::Status(refusal) = client.ended() else { panic!() };
        assert_eq!((refusal.body.len(), refusal.truncated), (kept, truncated), "{len}");
    }
}

#[test]
fn refused_body_is_waited_for_so_long_and_no_longer() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 500 Oops\r\n\r\nslow");
    assert_eq!(client.machine.state(), State::Connecting);
    client.advance(std::time::Duration::from_millis(4999));
    client.receive("er");
    assert!(client.events.is_empty());
    client.advance(std::time::Duration::from_millis(1));
    let CloseReason::Status(refusal) = client.ended() else { panic!() };
    assert_eq!((refusal.text(), refusal.truncated), (Some("slower"), true));
}

#[test]
fn refused_body_that_breaks_off_is_told_as_far_as_it_came() {
    for by_reset in [false, true] {
        let mut client = Client::accepted(config());
        client.receive("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nhalf");
        if by_reset {
            client.reset()
        } else {
            client.eof()
        }
        let CloseReason::Status(refusal) = client.ended() else { panic!() };
        assert_eq!((refusal.text(), refusal.truncated), (Some("half"), true));
    }
}

#[test]
fn compressed_stream_is_refused_clearly() {
    for (value, good) in [("gzip", false), ("identity", true), ("br, identity", false), ("", true)] {
        let mut client = Client::accepted(config());
        client.receive(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: {value}\r\n\r\n"
        ));
        assert_eq!(client.machine.state() == State::Open, good, "{value}");
        if !good {
            client.eof();
            let reason = client.ended();
            assert!(matches!(reason, CloseReason::ContentCoding(_)));
            assert!(reason.to_string().contains(&format!("is compressed (`{value}`)")), "{reason}");
        }
    }
}

#[test]
fn statuses_that_pass_are_tried_again_where_that_is_asked_for() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        let mut config = config();
        config.retry_status = RetryStatus::TRANSIENT;
        let mut client = Client::accepted(config);
        client.receive(response(&format!("{status} Busy"), "", "later"));
        let Reason::Status(refusal) = client.lost() else { panic!("{status}") };
        assert_eq!((refusal.head.status, refusal.text()), (status, Some("later")));
        client.reconnect();
        assert_eq!(client.connects.len(), 2);
        client.receive(format!("{UNTIL_CLOSE}event: update\ndata: {status}\n\n"));
        assert_eq!(client.lines().last(), Some(&format!("update \"{status}\" id \"\"")));
    }
    for status in [400, 401, 403, 404, 409, 501, 505] {
        assert!(!RetryStatus::TRANSIENT.contains(status), "{status}");
    }
}

#[test]
fn unasked_upgrade_is_refused() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    let CloseReason::Status(refusal) = client.ended() else { panic!() };
    assert_eq!(refusal.head.status, 101);
}

#[test]
fn interim_responses_are_skipped() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    assert!(client.events.is_empty());
    client.receive(UNTIL_CLOSE);
    assert_eq!(client.machine.state(), State::Open);
}

#[test]
fn http_1_0_is_understood() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: old\n\n");
    client.eof();
    assert_eq!(
        client.lines(),
        [
            "open 200 http://example.test/events",
            "message \"old\" id \"\"",
            "lost (the server ended the stream) retry in 1s",
        ]
    );
}

#[test]
fn body_with_a_length_ends_there() {
    let mut client = Client::accepted(config());
    client.receive(response("200 OK", "Content-Type: text/event-stream\r\n", "data: 1\n\n"));
    assert_eq!(client.lines()[1..], ["message \"1\" id \"\"", "lost (the server ended the stream) retry in 1s"]);
    assert_eq!(client.machine.closing(), Closing::Abort);
}

// The caller's side.

#[test]
fn every_event_and_reason_says_something() {
    for error in [
        ConnectError::Resolve,
        ConnectError::Refused,
        ConnectError::TimedOut,
        ConnectError::Unreachable,
        ConnectError::NotFound,
        ConnectError::Denied,
        ConnectError::Unsupported,
        ConnectError::Tls("the certificate has expired".into()),
        ConnectError::ProxyRefused { status: 503 },
        ConnectError::Tunnel(TunnelError::NoResponse),
        ConnectError::Other,
    ] {
        let mut client = Client::new(config());
        client.refuse(error.clone());
        assert_eq!(client.lost().to_string(), error.to_string());
        assert!(error.to_string().len() > 20);
    }
}

#[test]
fn reading_stops_where_the_application_stops() {
    let mut client = Client::accepted(config());
    client.machine.handle_input(client.now, UNTIL_CLOSE.as_bytes());
    client.machine.handle_input(client.now, b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n");
    assert!(matches!(client.machine.poll_event(), Some(Event::Opened { .. })));
    assert_eq!(client.machine.last_event_id(), "");
    for id in ["1", "2", "3"] {
        assert!(matches!(client.machine.poll_event(), Some(Event::Message(message)) if message.data() == id));
        assert_eq!(client.machine.last_event_id(), id, "an id counts when its event is taken");
    }
    assert_eq!(client.machine.poll_event(), None);
}

#[test]
fn silence_does_not_count_while_events_wait_for_the_application() {
    let mut client = Client::open(config());
    client.machine.handle_input(client.now, b"data: 1\n\ndata: 2\n\n");
    assert_eq!(client.machine.poll_timeout(), None);
    let late = client.now + std::time::Duration::from_secs(10_000);
    client.machine.handle_timeout(late);
    assert_eq!(client.machine.state(), State::Open);
    client.now = late;
    client.receive("data: 3\n\n");
    assert_eq!(client.lines(), ["message \"1\" id \"\"", "message \"2\" id \"\"", "message \"3\" id \"\""]);
}
