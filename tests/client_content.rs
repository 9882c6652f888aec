//! What the client makes of a response by its content type: a stream, an answer in one piece, or neither.

use core::time::Duration;

use serde_json::Value;
use tidewire_core::client::{CloseReason, ContentType, Event, Reason, State};
use tidewire_tests::client::{Client, config, config_post, response};

/// What a client with this policy makes of a stream with this `Content-Type` line.
fn opens(policy: ContentType, field: &str) -> bool {
    let mut config = config();
    config.content_type = policy;
    let mut client = Client::accepted(config);
    client.receive(format!("HTTP/1.1 200 OK\r\n{field}\r\ndata: x\n\n"));
    client.eof();
    match client.events.first() {
        Some(Event::Opened { .. }) => {
            assert!(matches!(&client.events[1], Event::Message(message) if message.data() == "x"));
            true
        }
        Some(Event::Closed(CloseReason::ContentType(refusal))) => {
            assert_eq!(refusal.body, "data: x\n\n");
            false
        }
        other => panic!("{other:?}"),
    }
}

/// A client that takes answers of at most `limit` bytes, connected.
fn answering(limit: usize) -> Client {
    let mut config = config_post("{}");
    config.max_answer = Some(limit);
    Client::accepted(config)
}

#[test]
fn each_policy_takes_what_it_says() {
    use ContentType::{Any, Exact, Lenient};
    for (field, takers) in [
        ("Content-Type: text/event-stream\r\n", [true, true, true]),
        ("Content-Type: Text/Event-Stream ; charset=utf-8\r\n", [true, true, true]),
        ("Content-Type: text/html, text/event-stream\r\n", [true, true, true]),
        ("", [false, true, true]),
        ("Content-Type:\r\n", [false, true, true]),
        ("Content-Type: text/plain; charset=utf-8\r\n", [false, true, true]),
        ("Content-Type: application/octet-stream\r\n", [false, true, true]),
        ("Content-Type: text/html\r\n", [false, false, true]),
        ("Content-Type: application/json\r\n", [false, false, true]),
        ("Content-Type: application/problem+json\r\n", [false, false, true]),
        ("Content-Type: text/event-streams\r\n", [false, false, true]),
        ("Content-Type: nonsense\r\n", [false, false, true]),
    ] {
        assert_eq!([Exact, Lenient, Any].map(|policy| opens(policy, field)), takers, "{field:?}");
    }
}

#[test]
fn default_takes_event_streams_only() {
    let config = config();
    assert_eq!((config.content_type, config.max_answer), (ContentType::Exact, None));
}

#[test]
fn answer_in_one_piece_is_handed_over_whole() {
    let mut client = answering(100);
    client.receive(response("200 OK", "Content-Type: application/json; charset=utf-8\r\n", r#"{"n": 1}"#));
    let [Event::Answer(answer), Event::Closed(CloseReason::Answered)] = client.events.as_slice() else {
        panic!("{:?}", client.events)
    };
    assert_eq!((answer.head.status, answer.url.to_string().as_str()), (200, "http://example.test/events"));
    assert_eq!((answer.text(), answer.json::<Value>().unwrap()["n"].as_u64()), (Some(r#"{"n": 1}"#), Some(1)));
    assert!(client.events[0].to_string().ends_with("8 bytes from http://example.test/events"));
}

#[test]
fn answer_may_come_byte_by_byte_and_end_with_the_connection() {
    let mut client = answering(100);
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.api+JSON\r\n\r\n[1, 2]" {
        client.receive([*byte]);
    }
    assert_eq!((client.machine.state(), client.events.len()), (State::Connecting, 0));
    client.eof();
    assert_eq!(client.lines(), [r#"answer 200 "[1, 2]""#, "closed (the server answered in one piece)"]);
}

#[test]
fn answer_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    for (limit, taken) in [(5, false), (6, true), (7, true)] {
        let mut client = answering(limit);
        client.receive(response("200 OK", "Content-Type: application/json\r\n", "[1, 2]"));
        let expected = if taken { CloseReason::Answered } else { CloseReason::AnswerTooLong { limit } };
        let text = expected.to_string();
        assert_eq!(client.ended(), expected);
        assert!(taken || text.contains("5 bytes") && text.contains("max_answer"), "{text}");
    }
}

#[test]
fn endless_answer_ends_at_the_limit() {
    let mut client = answering(1000);
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
    for _ in 0..11 {
        assert!(client.connected);
        client.receive([b' '; 91]);
    }
    assert!(!client.connected);
    assert_eq!(client.ended(), CloseReason::AnswerTooLong { limit: 1000 });
}

#[test]
fn empty_answer_is_one() {
    let mut client = answering(0);
    client.receive(response("200 OK", "Content-Type: application/json\r\n", ""));
    assert_eq!(client.lines()[0], r#"answer 200 """#);
}

#[test]
fn answer_that_breaks_off_is_none() {
    let mut client = answering(100);
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[1, 2]");
    client.eof();
    assert!(matches!(client.ended(), CloseReason::NotResent { reason, .. } if matches!(*reason, Reason::Body(_))));

    let mut client = answering(100);
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[1, 2]");
    client.reset();
    assert!(matches!(client.ended(), CloseReason::NotResent { reason, .. } if *reason == Reason::Reset));
}

#[test]
fn answer_may_take_its_time_but_not_be_silent() {
    let mut config = config();
    config.max_answer = Some(100);
    config.read_timeout = Some(Duration::from_secs(10));
    let mut client = Client::accepted(config);
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
    for _ in 0..5 {
        client.advance(Duration::from_secs(9));
        client.receive(" ");
    }
    assert!(client.events.is_empty());
    client.advance(Duration::from_secs(10));
    assert_eq!(client.lost(), Reason::ReadTimeout { after: Duration::from_secs(10) });
}

#[test]
fn answer_has_the_deadline_of_the_first_byte_too() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
    let wanted = || {
        let mut config = config_post("{}");
        (config.max_answer, config.first_byte_timeout) = (Some(10), Some(secs(5)));
        config.read_timeout = Some(secs(60));
        let mut client = Client::accepted(config);
        client.receive(head);
        client
    };
    let mut client = wanted();
    client.advance(secs(4));
    assert!(client.connected);
    client.advance(secs(1));
    let after = Reason::FirstByteTimeout { after: secs(5) };
    assert!(matches!(client.ended(), CloseReason::NotResent { reason, .. } if *reason == after));

    let mut client = wanted();
    client.advance(secs(4));
    client.receive("[");
    client.advance(secs(59));
    assert!(client.connected, "after the first byte silence is what counts");
    client.receive("]");
    assert_eq!(client.lines()[0], r#"answer 200 "[]""#);

    let mut client = wanted();
    client.receive("[");
    client.advance(secs(60));
    let after = Reason::ReadTimeout { after: secs(60) };
    assert!(matches!(client.ended(), CloseReason::NotResent { reason, .. } if *reason == after));
}

#[test]
fn answer_is_asked_for_before_a_policy_that_takes_anything() {
    let config_of = |max_answer| {
        let mut config = config();
        (config.content_type, config.max_answer) = (ContentType::Any, max_answer);
        config
    };
    let mut client = Client::accepted(config_of(Some(10)));
    client.receive(response("200 OK", "Content-Type: application/json\r\n", "{}"));
    assert_eq!(client.ended(), CloseReason::Answered);
    let mut client = Client::accepted(config_of(None));
    client.receive(response("200 OK", "Content-Type: application/json\r\n", "{}"));
    assert!(matches!(client.events[0], Event::Opened { .. }));
}

#[test]
fn stream_opens_where_an_answer_was_possible() {
    let mut client = answering(10);
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n");
    assert_eq!(client.lines(), ["open 200 http://example.test/events", r#"message "x" id """#]);
}

#[test]
fn error_with_json_is_a_refusal_and_no_answer() {
    let mut client = answering(10);
    client.receive(response("404 Not Found", "Content-Type: application/json\r\n", r#"{"error": "no session"}"#));
    let CloseReason::Status(refusal) = client.ended() else { panic!() };
    assert_eq!((refusal.head.status, refusal.text()), (404, Some(r#"{"error": "no session"}"#)));
}

#[test]
fn text_that_is_html_is_never_an_answer() {
    let mut client = answering(10);
    client.receive(response("200 OK", "Content-Type: text/html\r\n", "<h1>Sign in</h1>"));
    assert!(matches!(client.ended(), CloseReason::ContentType(_)));
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
