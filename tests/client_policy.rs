//! What the client tries again and when, by its configuration: statuses, `Retry-After`, the first connection, deadlines.

use core::error::Error;
use core::time::Duration;

use tidewire_core::client::{CloseReason, ConnectError, FirstConnection, Reason, Resend, Restart, RetryStatus, State};
use tidewire_core::http::Method;
use tidewire_core::sse::EventId;
use tidewire_core::{Instant, Protocol, UnixTime};
use tidewire_tests::client::{CHUNKED, Client, UNTIL_CLOSE, config, config_post, field, redirect, response};

// Statuses.

#[test]
fn any_status_may_be_tried_again() {
    for status in (300..600).filter(|status| ![301, 302, 303, 307, 308].contains(status)) {
        for again in [true, false] {
            let mut config = config();
            config.retry_status = RetryStatus::ALL;
            if !again {
                config.retry_status = config.retry_status.without(status);
            }
            let mut client = Client::accepted(config);
            let body = if status == 304 { "" } else { "why" };
            client.receive(response(&format!("{status} Whatever"), "", body));
            assert_eq!(client.machine.state() == State::Connecting, again, "{status}");
            if again {
                let Reason::Status(refusal) = client.lost() else { panic!("{status}") };
                assert_eq!((refusal.head.status, refusal.text()), (status, Some(body).filter(|body| !body.is_empty())));
                client.reconnect();
            }
        }
    }
}

#[test]
fn status_200_in_the_set_is_an_answer_that_is_no_stream() {
    for (fields, coded) in
        [("Content-Type: text/html\r\n", false), ("Content-Type: text/event-stream\r\nContent-Encoding: x\r\n", true)]
    {
        let mut config = config();
        config.retry_status = RetryStatus::NEVER.with(200);
        let mut client = Client::accepted(config);
        client.receive(response("200 OK", fields, "<h1>Starting</h1>"));
        let reason = client.lost();
        let refusal = reason.refusal().unwrap();
        assert_eq!((refusal.head.status, matches!(reason, Reason::ContentCoding(_))), (200, coded));
        assert_eq!(matches!(reason, Reason::ContentType(_)), !coded);
        client.reconnect();
        client.receive(UNTIL_CLOSE);
        assert_eq!(client.machine.state(), State::Open);
    }
}

#[test]
fn status_204_is_tried_again_only_where_it_is_named() {
    for (set, again) in
        [(RetryStatus::ALL, false), (RetryStatus::ALL.with(204), true), (RetryStatus::NEVER.with(204), true)]
    {
        let mut config = config();
        config.retry_status = set;
        let mut client = Client::accepted(config);
        client.receive("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(client.machine.state() == State::Connecting, again, "{set:?}");
        if again {
            assert!(client.lost().to_string().starts_with("204 No Content from http://example.test/events"));
        } else {
            assert_eq!(client.ended(), CloseReason::NoContent);
        }
    }
}

#[test]
fn redirect_that_leads_nowhere_is_tried_again_where_its_status_is() {
    for set in [RetryStatus::ALL, RetryStatus::NEVER.with(307)] {
        let mut config = config();
        (config.retry_status, config.max_redirects) = (set, 2);
        let mut client = Client::accepted(config);
        client.receive("HTTP/1.1 307 Elsewhere\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(
            client.lines(),
            [
                "lost (307 from http://example.test/events: the redirect does not say where to (no `location`)) retry in 1s"
            ]
        );
        client.reconnect();
        for hop in 0..3 {
            client.receive(redirect(307, &format!("/{hop}")));
            if hop < 2 {
                client.accept();
            }
        }
        let Reason::Redirect { refusal, .. } = client.lost() else { panic!() };
        assert_eq!((refusal.url.to_string().as_str(), refusal.head.status), ("http://example.test/1", 307));
        assert!(client.reconnect().starts_with("GET /events "), "from the beginning");
    }
}

// Retry-After.

#[test]
fn retry_after_is_a_floor_for_the_delay() {
    for (asked, waited) in [("7", secs(7)), ("1", secs(1)), ("0", secs(1)), ("soon", secs(1)), ("3600", secs(3600))] {
        let mut client = busy();
        client.receive(response("503 Busy", &format!("Retry-After: {asked}\r\n"), ""));
        assert_eq!(client.machine.retry_at(), Some(client.now + waited), "{asked}");
        client.advance(waited - nanos(1));
        assert_eq!(client.connects.len(), 1);
        client.advance(nanos(1));
        assert_eq!(client.connects.len(), 2);
        client.refuse(ConnectError::Refused);
        assert_eq!(client.machine.retry_at(), Some(client.now + secs(2)), "it held for one delay");
    }
}

#[test]
fn chance_adds_a_tenth_at_most_to_retry_after() {
    let mut found = Vec::new();
    for seed in 0..500 {
        let mut config = config();
        (config.retry_status, config.backoff.jitter) = (RetryStatus::TRANSIENT, 0.5);
        let mut client = Client::with_seed(config, seed);
        client.accept();
        client.receive(response("429 Slow Down", "Retry-After: 100\r\n", ""));
        let delay = client.machine.retry_at().unwrap() - client.now;
        assert!(delay >= secs(100) && delay < secs(110), "{delay:?}");
        found.push(delay);
    }
    assert!(found.iter().any(|delay| *delay < secs(101)) && found.iter().any(|delay| *delay > secs(109)));
}

#[test]
fn growth_above_retry_after_stays() {
    let mut client = busy();
    for delay in [2, 2, 4, 8] {
        client.receive(response("503 Busy", "Retry-After: 2\r\n", ""));
        assert_eq!(client.machine.retry_at(), Some(client.now + secs(delay)));
        client.reconnect();
    }
}

#[test]
fn retry_after_counts_up_to_its_maximum() {
    for (max, waited) in [
        (Some(secs(3600)), secs(3600)),
        (Some(secs(7199)), secs(7199)),
        (Some(secs(7201)), secs(7200)),
        (Some(Duration::ZERO), secs(1)),
        (None, secs(7200)),
    ] {
        let mut client = busy();
        client.machine.config_mut().max_retry_after = max;
        client.receive(response("503 Busy", "Retry-After: 7200\r\n", ""));
        assert_eq!(client.machine.retry_at(), Some(client.now + waited), "{max:?}");
    }
    assert_eq!(config().max_retry_after, Some(secs(3600)));
}

#[test]
fn retry_after_as_a_date_counts_from_the_date_of_the_response() {
    let mut client = busy();
    client.machine.handle_clock(client.now, UnixTime::from_millis(0));
    client.receive(response(
        "503 Busy",
        "Date: Sun, 06 Nov 1994 08:49:00 GMT\r\nRetry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n",
        "",
    ));
    assert_eq!(client.machine.retry_at(), Some(client.now + secs(37)));
}

#[test]
fn retry_after_as_a_date_without_date_counts_from_the_wall_time_told() {
    for (told, waited) in [(true, secs(30)), (false, secs(1))] {
        let mut client = busy();
        if told {
            // 1994-11-06T08:49:00Z, seven seconds before the answer.
            client.machine.handle_clock(client.now, UnixTime::from_millis(784_111_740_000));
        }
        client.advance(secs(7));
        client.receive(response("503 Busy", "Retry-After: Sun Nov  6 08:49:37 1994\r\n", ""));
        assert_eq!(client.machine.retry_at(), Some(client.now + waited), "{told}");
    }
}

#[test]
fn retry_after_of_what_is_no_refusal_is_not_looked_at() {
    let mut client = busy();
    client.machine.config_mut().retry_status = RetryStatus::ALL;
    client.receive(response("200 OK", "Content-Type: text/html\r\nRetry-After: 100\r\n", ""));
    assert_eq!(client.machine.retry_at(), Some(client.now + secs(1)));
    client.reconnect();
    client.receive("HTTP/1.1 302 Found\r\nLocation: /there\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n");
    assert!(client.accept().starts_with("GET /there "), "a redirect is followed at once");
}

// The first connection.

#[test]
fn first_connection_is_tried_for_ever_by_default() {
    let mut client = Client::new(config());
    for _ in 0..1000 {
        client.refuse(ConnectError::Refused);
        client.await_connect();
    }
    client.accept();
    client.receive(UNTIL_CLOSE);
    assert_eq!(client.machine.state(), State::Open);
}

#[test]
fn first_connection_that_is_never_tried_again_is_one_request() {
    for lose in [Client::eof, Client::reset, |client: &mut Client| client.advance(secs(60))] {
        let mut client = first(FirstConnection::Never);
        client.accept();
        lose(&mut client);
        let closed = client.ended();
        assert!(matches!(closed, CloseReason::FirstConnection { within: None, reason: Some(_) }));
        let advice = "; the first connection is not tried again unless `first_connection` allows it";
        assert_eq!(closed.to_string(), format!("{}{advice}", closed.reason().unwrap()));
        assert_eq!(closed.source().unwrap().to_string(), closed.reason().unwrap().to_string());
        client.advance(secs(10_000));
        assert_eq!(client.connects.len(), 1);
    }
}

#[test]
fn never_holds_for_the_first_connection_only() {
    let mut client = first(FirstConnection::Never);
    client.accept();
    client.receive(UNTIL_CLOSE);
    client.eof();
    for _ in 0..3 {
        client.await_connect();
        client.refuse(ConnectError::Refused);
    }
    assert_eq!((client.machine.state(), client.connects.len()), (State::Connecting, 4));
}

#[test]
fn redirect_belongs_to_the_first_connection_and_a_restart_is_no_failure_of_it() {
    let mut client = first(FirstConnection::Never);
    client.accept();
    client.receive(redirect(302, "/there"));
    client.restart(Restart::AtOnce);
    client.accept();
    client.receive(redirect(302, "/there"));
    client.accept();
    client.receive(UNTIL_CLOSE);
    assert_eq!(client.machine.state(), State::Open);
}

#[test]
fn what_is_final_is_told_as_what_it_is_also_of_the_first_connection() {
    let mut client = first(FirstConnection::Never);
    client.accept();
    client.receive(response("401 Unauthorized", "", ""));
    assert!(matches!(client.ended(), CloseReason::Status(_)));
}

#[test]
fn first_connection_within_a_time_ends_at_its_deadline_wherever_it_is() {
    type Step = fn(&mut Client);
    let places: [(&str, Step); 7] = [
        ("connecting", |_| {}),
        ("waiting for the head", |client| drop(client.accept())),
        ("in the middle of the head", |client| {
            client.accept();
            client.receive("HTTP/1.1 200 OK\r\n");
        }),
        ("reading an error", |client| {
            client.accept();
            client.receive("HTTP/1.1 503 Busy\r\n\r\nwhy");
        }),
        ("waiting", |client| client.refuse(ConnectError::Refused)),
        ("restarted", |client| client.restart(Restart::AtOnce)),
        ("redirected", |client| {
            client.accept();
            client.receive(redirect(307, "/there"));
        }),
    ];
    for (place, go) in places {
        let mut config = config();
        config.first_connection = FirstConnection::Within(millis(150));
        config.retry_status = RetryStatus::TRANSIENT;
        let mut client = Client::new(config);
        client.advance(millis(100));
        go(&mut client);
        client.advance(millis(50) - nanos(1));
        assert_eq!(client.machine.state(), State::Connecting, "{place}");
        assert_eq!(client.machine.poll_timeout(), Some(Instant::from_start(millis(150))), "{place}");
        client.advance(nanos(1));
        let CloseReason::FirstConnection { within: Some(within), reason } = client.ended() else { panic!("{place}") };
        assert_eq!((within, reason.is_some()), (millis(150), place == "waiting"));
    }
}

#[test]
fn first_connection_within_150_ms_with_delays_of_100_ms_is_two_requests_and_the_last_error() {
    let mut config = config();
    config.first_connection = FirstConnection::Within(millis(150));
    (config.backoff.base, config.backoff.doubling) = (millis(100), false);
    let mut client = Client::new(config);
    client.refuse(ConnectError::Resolve);
    client.advance(millis(100));
    client.refuse(ConnectError::Refused);
    client.advance(millis(10_000));
    let closed = client.ended();
    assert_eq!(client.connects.len(), 2);
    assert_eq!(closed.reason(), Some(&Reason::Connect(ConnectError::Refused)));
    assert_eq!(
        closed.to_string(),
        "no stream within 150ms; is the server up, or `first_connection` too short? (last: the connection was refused; does \
         the server run, and on this port?)"
    );
}

#[test]
fn once_open_the_time_of_the_first_connection_does_not_count() {
    let mut client = first(FirstConnection::Within(secs(5)));
    client.advance(secs(4));
    client.accept();
    client.receive(UNTIL_CLOSE);
    client.advance(secs(10));
    client.eof();
    assert_eq!(client.lines().len(), 2);
    client.advance(secs(100_000));
    assert_eq!(client.machine.state(), State::Connecting);
}

#[test]
fn first_connection_has_no_time_at_all_if_that_is_zero() {
    let mut client = first(FirstConnection::Within(Duration::ZERO));
    assert!(matches!(client.ended(), CloseReason::FirstConnection { reason: None, .. }));
}

// Deadlines.

#[test]
fn total_time_ends_it_wherever_it_is() {
    type Step = fn(&mut Client);
    let places: [(&str, Step); 6] = [
        ("connecting", |_| {}),
        ("waiting for the head", |client| drop(client.accept())),
        ("open", |client| {
            client.accept();
            client.receive(UNTIL_CLOSE);
        }),
        ("in the middle of an event", |client| {
            client.accept();
            client.receive(format!("{UNTIL_CLOSE}data: x"));
        }),
        ("waiting", |client| client.refuse(ConnectError::Refused)),
        ("reading an error", |client| {
            client.accept();
            client.receive("HTTP/1.1 500 Oops\r\n\r\nwhy");
        }),
    ];
    for (place, go) in places {
        let mut config = config();
        config.total_timeout = Some(secs(5));
        let mut client = Client::new(config);
        client.advance(millis(4_500));
        go(&mut client);
        client.advance(millis(500) - nanos(1));
        assert_ne!(client.machine.state(), State::Closed, "{place}");
        client.advance(nanos(1));
        let CloseReason::TotalTimeout { after, reason } = client.ended() else { panic!("{place}") };
        assert_eq!((after, reason.is_some()), (secs(5), place == "waiting"), "{place}");
    }
}

#[test]
fn total_time_counts_over_all_attempts_from_the_first_request_on() {
    let mut config = config();
    config.total_timeout = Some(secs(10));
    let mut client = Client::new(config);
    let start = client.now;
    while client.machine.state() != State::Closed {
        client.await_connect();
        client.refuse(ConnectError::Refused);
        let until = client.machine.poll_timeout().unwrap();
        client.advance(until - client.now);
    }
    assert_eq!(client.now - start, secs(10));
    assert_eq!(client.connects.len(), 4, "at 0, 1, 3 and 7 s");
    let closed = client.ended();
    assert_eq!(closed.reason(), Some(&Reason::Connect(ConnectError::Refused)));
    assert!(closed.to_string().starts_with("the time for it all is over, 10s; raise `total_timeout` to go on"));
}

#[test]
fn total_time_is_up_also_while_the_application_takes_no_events() {
    let mut config = config();
    config.total_timeout = Some(secs(5));
    let mut client = Client::open(config);
    client.machine.handle_input(client.now, b"data: 1\n\ndata: 2\n\n");
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(5)), "silence is not measured, but this is");
    client.now = client.now + secs(5);
    client.machine.handle_timeout(client.now);
    client.settle();
    assert!(matches!(client.ended(), CloseReason::TotalTimeout { .. }));
}

#[test]
fn restart_does_not_set_the_total_time_back() {
    let mut config = config();
    config.total_timeout = Some(secs(5));
    let mut client = Client::open(config);
    client.advance(secs(3));
    client.restart(Restart::AtOnce);
    client.accept();
    client.advance(secs(2));
    assert!(matches!(client.ended(), CloseReason::TotalTimeout { .. }));
}

#[test]
fn changing_a_deadline_over_all_attempts_later_changes_nothing() {
    let mut config = config();
    (config.total_timeout, config.first_connection) = (Some(secs(5)), FirstConnection::Within(secs(2)));
    let mut client = Client::new(config);
    client.machine.config_mut().total_timeout = None;
    client.machine.config_mut().first_connection = FirstConnection::Forever;
    client.advance(secs(2));
    assert!(matches!(client.ended(), CloseReason::FirstConnection { within: Some(_), .. }));
}

#[test]
fn of_the_deadlines_over_all_attempts_the_one_that_passed_is_told() {
    for (open, end) in [(false, secs(2)), (true, secs(5))] {
        let mut config = config();
        (config.total_timeout, config.first_connection) = (Some(secs(5)), FirstConnection::Within(secs(2)));
        let mut client = Client::accepted(config);
        if open {
            client.receive(UNTIL_CLOSE);
        }
        client.advance(end - nanos(1));
        assert_ne!(client.machine.state(), State::Closed);
        client.advance(nanos(1));
        assert_eq!(matches!(client.ended(), CloseReason::TotalTimeout { .. }), open);
    }
}

#[test]
fn first_byte_has_a_deadline_of_its_own_from_the_head_on() {
    let mut client = first_byte(Some(secs(5)), Some(secs(60)));
    client.advance(secs(3));
    client.receive(UNTIL_CLOSE);
    client.advance(secs(5) - nanos(1));
    assert_eq!(client.machine.state(), State::Open);
    client.advance(nanos(1));
    let reason = client.lost();
    assert_eq!(reason, Reason::FirstByteTimeout { after: secs(5) });
    assert_eq!(
        reason.to_string(),
        "not a byte of the stream within 5s of its head; is the server slow, or `first_byte_timeout` too short?"
    );
}

#[test]
fn after_the_first_byte_silence_is_what_counts() {
    // The first byte may come with the head or after it, and may be that of a comment.
    for (with_head, after) in [("", ":"), (":", "")] {
        let mut client = first_byte(Some(secs(60)), Some(secs(5)));
        client.receive(format!("{UNTIL_CLOSE}{with_head}"));
        client.advance(secs(if with_head.is_empty() { 59 } else { 0 }));
        client.receive(after);
        client.advance(secs(5) - nanos(1));
        assert_eq!(client.machine.state(), State::Open);
        client.advance(nanos(1));
        assert_eq!(client.lost(), Reason::ReadTimeout { after: secs(5) });
    }
}

#[test]
fn framing_is_no_first_byte() {
    for cut in [true, false] {
        let mut client = first_byte(Some(secs(5)), Some(secs(60)));
        if cut {
            client.receive(CHUNKED);
            client.advance(secs(4));
            client.receive("5\r\n");
        } else {
            client.receive(format!("{CHUNKED}5\r\n"));
            client.advance(secs(4));
        }
        client.advance(secs(1));
        assert_eq!(client.lost(), Reason::FirstByteTimeout { after: secs(5) }, "{cut}");
    }
}

#[test]
fn without_a_deadline_for_the_first_byte_silence_is_what_counts() {
    let mut client = first_byte(None, Some(secs(5)));
    client.receive(UNTIL_CLOSE);
    client.advance(secs(5));
    assert_eq!(client.lost(), Reason::ReadTimeout { after: secs(5) });
    let mut client = first_byte(Some(secs(5)), None);
    client.receive(format!("{UNTIL_CLOSE}:"));
    client.advance(secs(1_000_000));
    assert_eq!(client.machine.state(), State::Open);
}

// Sending again.

#[test]
fn refused_post_is_sent_again_where_that_is_allowed_and_a_broken_one_is_not() {
    for (resend, refused_again) in [(Resend::Idempotent, false), (Resend::Refused, true), (Resend::ByGet, true)] {
        let mut config = config_post("{}");
        (config.resend, config.retry_status) = (resend, RetryStatus::LLM);
        let mut client = Client::accepted(config.clone());
        client.receive(response("429 Slow Down", "", ""));
        assert_eq!(client.machine.state() == State::Connecting, refused_again, "{resend:?}");
        if refused_again {
            assert!(client.reconnect().ends_with("\r\n\r\n{}"));
            client.receive(response("400 Bad", "", ""));
            assert!(matches!(client.ended(), CloseReason::Status(_)), "not one of those statuses");
        }
        for lose in [Client::eof, Client::reset, |client: &mut Client| client.advance(secs(60))] {
            let mut client = Client::accepted(config.clone());
            lose(&mut client);
            assert!(matches!(client.ended(), CloseReason::NotResent { .. }), "{resend:?}");
        }
        let mut client = Client::accepted(config);
        client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
        client.eof();
        assert!(matches!(client.ended(), CloseReason::NotResent { .. }), "{resend:?}");
    }
}

#[test]
fn post_goes_on_by_get_once_there_is_an_id() {
    let mut config = config_post("{}");
    config.resend = Resend::ByGet;
    config.fields.append("X-Session", "7").unwrap();
    config.fields.append("Content-Language", "en").unwrap();
    let mut client = Client::new(config);
    assert!(client.accept().starts_with("POST /events "));
    client.receive(format!("{UNTIL_CLOSE}id: 1\ndata: x\n\n"));
    client.eof();
    for _ in 0..3 {
        let request = client.reconnect();
        assert!(request.starts_with("GET /events HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
        assert_eq!((field(&request, "last-event-id"), field(&request, "x-session")), (Some("1"), Some("7")));
        for name in ["content-type", "content-length", "content-language"] {
            assert_eq!(field(&request, name), None);
        }
        client.reset();
    }
    // An empty id takes it back: there is nothing to go on after, and the POST is not repeated.
    client.reconnect();
    client.receive(format!("{UNTIL_CLOSE}id:\ndata: x\n\n"));
    client.eof();
    let CloseReason::NotResent { method, .. } = client.ended() else { panic!() };
    assert_eq!(method, Method::POST);
}

#[test]
fn stream_that_is_resumed_from_the_start_begins_with_get() {
    let mut config = config_post("{}");
    config.resend = Resend::ByGet;
    config.last_event_id = Some(EventId::new("5").unwrap());
    assert!(Client::new(config).accept().starts_with("GET /events HTTP/1.1\r\n"));
}

// What can be read.

#[test]
fn all_of_the_state_can_be_read_at_any_time() {
    let mut client = Client::new(config());
    let machine = &client.machine;
    assert_eq!((machine.state(), machine.attempt(), machine.failures()), (State::Connecting, 1, 0));
    assert_eq!((machine.last_error(), machine.retry_at(), machine.response()), (None, None, None));
    assert_eq!((machine.last_event_id(), machine.reconnection_time()), ("", secs(1)));

    client.refuse(ConnectError::Refused);
    let machine = &client.machine;
    assert_eq!((machine.attempt(), machine.failures()), (1, 1));
    assert_eq!(machine.last_error(), Some(&Reason::Connect(ConnectError::Refused)));
    assert_eq!(machine.retry_at(), Some(client.now + secs(1)));

    client.reconnect();
    assert_eq!(client.machine.retry_at(), None);
    client
        .receive("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Node: 1\r\n\r\nretry: 7000\nid: 3\ndata\n\n");
    let machine = &client.machine;
    assert_eq!((machine.state(), machine.attempt(), machine.failures()), (State::Open, 2, 1));
    assert_eq!((machine.last_event_id(), machine.reconnection_time()), ("3", secs(7)));
    assert_eq!(machine.response().and_then(|head| head.fields.get_str("x-node")), Some("1"));
    assert!(machine.last_error().is_some(), "it stays");

    client.eof();
    assert_eq!(client.machine.last_error(), Some(&Reason::Ended { mid_event: false }));
    assert!(client.machine.response().is_some(), "the last event came over it");
    client.reconnect();
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Node: 2\r\n\r\n");
    assert_eq!(client.machine.response().and_then(|head| head.fields.get_str("x-node")), Some("2"));

    client.restart(Restart::AtOnce);
    assert_eq!(client.machine.last_error(), Some(&Reason::Ended { mid_event: false }), "a restart is no error");
    client.accept();
    client.receive(response("404 Not Found", "", ""));
    assert_eq!(client.machine.state(), State::Closed);
    assert_eq!(client.machine.last_error().and_then(Reason::refusal).map(|refusal| refusal.head.status), Some(404));
    assert_eq!((client.machine.retry_at(), client.machine.last_event_id()), (None, "3"));
}

/// Returns a client that tries all that passes again, and is connected.
fn busy() -> Client {
    let mut config = config();
    config.retry_status = RetryStatus::TRANSIENT;
    Client::accepted(config)
}

fn first(first_connection: FirstConnection) -> Client {
    let mut config = config();
    config.first_connection = first_connection;
    Client::new(config)
}

fn first_byte(first_byte: Option<Duration>, read: Option<Duration>) -> Client {
    let mut config = config();
    (config.first_byte_timeout, config.read_timeout) = (first_byte, read);
    Client::accepted(config)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}
