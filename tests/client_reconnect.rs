//! What the client does when a connection is lost, silent, restarted or closed.

use core::time::Duration;

use tidewire_core::client::{CloseReason, ConnectError, Event, Reason, Resend, Restart, State};
use tidewire_core::http::{BodyError, Method};
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_tests::client::{CHUNKED, Client, UNTIL_CLOSE, chunk, config, config_post, field, response, target};

// Losing it.

#[test]
fn lost_stream_resumes_after_the_last_event() {
    let mut client = Client::open(config());
    client.receive("id: 7\ndata: x\n\n");
    client.eof();
    assert_eq!(client.lines(), ["message \"x\" id \"7\"", "lost (the server ended the stream) retry in 1s"]);
    assert_eq!(client.machine.state(), State::Connecting);
    assert_eq!(client.machine.closing(), Closing::Abort);
    client.advance(millis(999));
    assert_eq!(client.connects.len(), 1);
    client.advance(millis(1));
    assert_eq!(client.connects.len(), 2);
    assert_eq!(field(&client.accept(), "last-event-id"), Some("7"));
    client.receive(format!("{UNTIL_CLOSE}data: y\n\n"));
    assert_eq!(client.lines()[1..], ["message \"y\" id \"7\""]);
}

#[test]
fn disconnected_tells_when_the_next_attempt_begins() {
    let mut client = Client::open(config());
    client.advance(millis(250));
    client.eof();
    let Some(Event::Disconnected { retry_at, retry_in, .. }) = client.events.pop() else { panic!() };
    assert_eq!((retry_at, retry_in), (Instant::from_start(millis(1250)), millis(1000)));
    assert_eq!(client.machine.poll_timeout(), Some(retry_at));
}

#[test]
fn id_stays_over_events_without_one_and_over_failed_attempts() {
    let mut client = Client::open(config());
    client.receive("id: 7\ndata: x\n\ndata: y\n\n: hi\n\n");
    client.reset();
    client.advance(secs(1));
    client.refuse(ConnectError::Refused);
    client.reconnect();
    client.eof();
    assert_eq!(field(&client.reconnect(), "last-event-id"), Some("7"));
}

#[test]
fn empty_id_takes_the_field_away() {
    let mut client = Client::open(config());
    client.receive("id: 7\ndata: x\n\n");
    client.eof();
    assert_eq!(field(&client.reconnect(), "last-event-id"), Some("7"));
    client.receive(format!("{UNTIL_CLOSE}id\ndata: y\n\n"));
    client.eof();
    assert_eq!(field(&client.reconnect(), "last-event-id"), None);
}

#[test]
fn unfinished_event_is_discarded_with_its_id() {
    for end in [Client::eof, Client::reset] {
        let mut client = Client::open(config());
        client.receive("id: abc\ndata: Hello\n\nid: def\ndata: Goodbye\n");
        end(&mut client);
        assert_eq!(client.lines()[0], "message \"Hello\" id \"abc\"");
        assert_eq!(field(&client.reconnect(), "last-event-id"), Some("abc"));
        client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
        assert_eq!(client.lines()[1..], ["message \"x\" id \"abc\""]);
    }
}

#[test]
fn end_in_the_middle_of_an_event_is_told() {
    for (body, mid_event) in
        [("", false), ("data: x\n\n", false), (": c\n", false), ("data: x\n", true), ("id: 1", true)]
    {
        let mut client = Client::open(config());
        client.receive(body);
        client.eof();
        assert_eq!(client.lost(), Reason::Ended { mid_event }, "{body:?}");
    }
}

#[test]
fn clean_end_of_the_chunks_is_a_lost_connection() {
    let mut client = Client::accepted(config());
    client.receive(format!("{CHUNKED}{}0\r\n\r\n", chunk("data: x\n\n")));
    assert_eq!(client.lost(), Reason::Ended { mid_event: false });
    client.reconnect();
}

#[test]
fn truncated_bodies_are_lost_connections_too() {
    for body in [chunk("data: x\n\n"), "5\r\nda".into(), String::new(), "0\r\n".into()] {
        let mut client = Client::accepted(config());
        client.receive(format!("{CHUNKED}{body}"));
        client.eof();
        assert_eq!(client.lost(), Reason::Body(BodyError::Truncated), "{body:?}");
        client.reconnect();
    }
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\ndata: x\n\n");
    client.eof();
    assert_eq!(client.lost(), Reason::Body(BodyError::Truncated));
}

#[test]
fn what_came_before_a_break_still_counts() {
    let mut client = Client::open(config());
    client.machine.handle_input(client.now, b"data: 1\n\ndata: 2\n\n");
    client.machine.handle_reset(client.now);
    client.settle();
    assert_eq!(
        client.lines(),
        ["message \"1\" id \"\"", "message \"2\" id \"\"", "lost (the connection broke) retry in 1s"]
    );
}

#[test]
fn failed_connections_are_tried_again_with_growing_delays() {
    let mut client = Client::new(config());
    for delay in [1, 2, 4, 8, 16, 30, 30] {
        client.refuse(ConnectError::Unreachable);
        let Some(Event::Disconnected { retry_in, reason, .. }) = client.events.pop() else { panic!() };
        assert_eq!((reason, retry_in), (Reason::Connect(ConnectError::Unreachable), secs(delay)));
        client.advance(retry_in);
    }
    assert_eq!(client.connects.len(), 8);
}

#[test]
fn two_failures_and_then_it_works() {
    let mut client = Client::accepted(config());
    client.eof();
    assert_eq!(client.lost(), Reason::NoResponse);
    client.advance(secs(1));
    client.refuse(ConnectError::Refused);
    client.reconnect();
    client.receive(UNTIL_CLOSE);
    assert_eq!((client.machine.state(), client.connects.len()), (State::Open, 3));
}

#[test]
fn streams_that_end_at_once_back_off() {
    let mut client = Client::new(config());
    for delay in [1, 2, 4, 8, 16, 30, 30, 30] {
        client.accept();
        client.receive(response("200 OK", "Content-Type: text/event-stream\r\n", ": hi\n\n"));
        assert_eq!(client.lines().last().unwrap(), &format!("lost (the server ended the stream) retry in {delay}s"));
        client.advance(secs(delay));
    }
}

#[test]
fn streams_that_deliver_before_they_end_do_not() {
    let mut client = Client::new(config());
    for _ in 0..5 {
        client.accept();
        client.receive(response("200 OK", "Content-Type: text/event-stream\r\n", "data: x\n\n"));
        assert!(client.lines().last().unwrap().ends_with("retry in 1s"));
        client.advance(secs(1));
    }
}

#[test]
fn stream_that_stayed_open_a_minute_starts_over() {
    for (life, delay) in [(millis(59_999), 4), (secs(60), 1)] {
        let mut client = Client::new(config());
        client.refuse(ConnectError::Refused);
        client.reconnect();
        client.eof();
        client.reconnect();
        client.receive(UNTIL_CLOSE);
        client.advance(life);
        client.events.clear();
        client.eof();
        assert_eq!(client.lines(), [format!("lost (the server ended the stream) retry in {delay}s")]);
    }
}

#[test]
fn retry_of_the_server_is_obeyed() {
    let mut client = Client::open(config());
    client.receive("retry: 3000\n");
    assert_eq!(client.machine.source().reconnection_time(), secs(3));
    client.eof();
    assert_eq!(client.lines(), ["retry 3s", "lost (the server ended the stream) retry in 3s"]);
    client.reconnect();
    client.eof();
    assert_eq!(client.lines(), ["lost (the server ended the connection before it answered) retry in 6s"]);
}

#[test]
fn retry_of_zero_reconnects_at_once_and_still_backs_off() {
    let mut client = Client::open(config());
    client.receive("retry: 0\ndata: x\n\n");
    client.eof();
    assert_eq!(client.connects.len(), 2, "at once");
    client.events.clear();
    client.refuse(ConnectError::Refused);
    assert!(client.lines()[0].ends_with("retry in 100ms"));
}

#[test]
fn delays_without_growth_and_chance_are_the_base() {
    let mut config = config();
    config.backoff.base = Duration::ZERO;
    config.backoff.doubling = false;
    let mut client = Client::new(config);
    for count in 2..10 {
        client.refuse(ConnectError::Refused);
        assert_eq!(client.connects.len(), count);
    }
}

#[test]
fn same_seed_gives_the_same_delays() {
    let delays = |seed| {
        let mut config = config();
        config.backoff.jitter = 0.5;
        let mut client = Client::with_seed(config, seed);
        for _ in 0..5 {
            client.refuse(ConnectError::Refused);
            client.advance(secs(30));
        }
        client.lines()
    };
    assert_eq!(delays(4), delays(4));
    assert_ne!(delays(4), delays(5));
}

#[test]
fn without_reconnecting_the_first_loss_is_the_end() {
    let mut config = config();
    config.reconnect = false;
    let mut client = Client::open(config.clone());
    client.eof();
    let reason = client.ended();
    assert_eq!(reason, CloseReason::Lost(Box::new(Reason::Ended { mid_event: false })));
    assert_eq!(reason.to_string(), "the server ended the stream; reconnecting is off");
    let mut client = Client::new(config);
    client.refuse(ConnectError::Resolve);
    assert_eq!(client.ended(), CloseReason::Lost(Box::new(Reason::Connect(ConnectError::Resolve))));
}

#[test]
fn stream_beyond_a_limit_is_lost_and_never_counts_as_healthy() {
    let mut config = config();
    config.limits.max_event = 100;
    let mut client = Client::new(config);
    for delay in [1, 2, 4, 8] {
        client.accept();
        client.receive(format!("{UNTIL_CLOSE}data: small\n\ndata: {}\n\n", "x".repeat(101)));
        let lines = client.lines();
        assert_eq!(lines[1], "message \"small\" id \"\"");
        assert!(lines[2].contains("an event holds more than 100 bytes"), "{lines:?}");
        assert!(lines[2].ends_with(&format!("retry in {delay}s")), "{lines:?}");
        client.advance(secs(delay));
    }
}

// Requests that must not be repeated.

#[test]
fn post_is_not_sent_again_unasked() {
    let mut client = Client::accepted(config_post("{}"));
    client.receive(UNTIL_CLOSE);
    client.eof();
    let reason = client.ended();
    assert_eq!(
        reason.to_string(),
        "the server ended the stream; the POST request is not sent again unless `resend` allows it"
    );
    assert!(matches!(reason, CloseReason::NotResent { method, .. } if method == Method::POST));
}

#[test]
fn post_is_sent_again_where_it_is_allowed() {
    let mut config = config_post("{\"a\":1}");
    config.resend = Resend::Always;
    let mut client = Client::accepted(config);
    client.receive(UNTIL_CLOSE);
    client.eof();
    let request = client.reconnect();
    assert!(request.starts_with("POST ") && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    assert_eq!(field(&request, "content-type"), Some("application/json"));
}

#[test]
fn post_that_never_left_is_tried_again() {
    let mut client = Client::new(config_post("{}"));
    client.refuse(ConnectError::Refused);
    client.advance(secs(1));
    client.advance(secs(10));
    assert!(matches!(client.lost(), Reason::ConnectTimeout { .. }));
    assert!(client.reconnect().starts_with("POST "));
    client.reset();
    assert!(matches!(client.ended(), CloseReason::NotResent { .. }));
}

#[test]
fn post_that_was_restarted_counts_as_not_sent_until_it_is() {
    let mut client = Client::open(config_post("{}"));
    client.restart(Restart::AtOnce);
    client.events.clear();
    client.refuse(ConnectError::Refused);
    assert_eq!(client.lost(), Reason::Connect(ConnectError::Refused));
    client.reconnect();
    client.eof();
    assert!(matches!(client.ended(), CloseReason::NotResent { .. }));
}

#[test]
fn methods_that_do_no_harm_are_sent_again() {
    for (method, again) in [
        ("GET", true),
        ("REPORT", true),
        ("QUERY", true),
        ("SEARCH", true),
        ("PUT", true),
        ("POST", false),
        ("PATCH", false),
        ("UNHEARD", false),
        ("get", false),
    ] {
        let method = Method::new(method).unwrap();
        for (resend, again) in [(Resend::Idempotent, again), (Resend::Always, true)] {
            let mut config = config_post("{}");
            (config.method, config.resend) = (method.clone(), resend);
            let mut client = Client::accepted(config);
            client.receive(UNTIL_CLOSE);
            client.eof();
            assert_eq!(client.machine.state() == State::Connecting, again, "{method} {resend:?}");
            if again {
                assert!(client.reconnect().ends_with("{}"));
            }
        }
    }
}

// Deadlines.

#[test]
fn silence_is_a_lost_connection() {
    let mut config = config();
    config.read_timeout = Some(millis(500));
    let mut client = Client::open(config);
    client.receive("data: x\n\n");
    client.advance(millis(499));
    assert_eq!(client.lines().len(), 1);
    client.advance(millis(1));
    let reason = client.lost();
    assert_eq!(reason, Reason::ReadTimeout { after: millis(500) });
    assert!(reason.to_string().contains("not a byte for 500ms"));
    client.reconnect();
    client.receive(format!("{UNTIL_CLOSE}data: y\n\n"));
    assert_eq!(client.lines()[1..], ["message \"y\" id \"\""]);
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let bytes: [&str; 4] = [": hi\n", &format!("data: {}\n", "x".repeat(100)), "\n\n\n\n", "unknown: field\n"];
    for body in bytes {
        let mut config = config();
        config.read_timeout = Some(millis(500));
        let mut client = Client::open(config);
        for byte in body.as_bytes().iter().cycle().take(300) {
            client.advance(millis(499));
            client.receive([*byte]);
        }
        assert_eq!(client.machine.state(), State::Open, "{body:?}");
    }
}

#[test]
fn bytes_of_the_framing_are_signs_of_life_too() {
    let mut config = config();
    config.read_timeout = Some(millis(500));
    let mut client = Client::accepted(config);
    client.receive(CHUNKED);
    for byte in chunk(":\n").repeat(10).bytes() {
        client.advance(millis(499));
        client.receive([byte]);
    }
    assert_eq!(client.machine.state(), State::Open);
}

#[test]
fn without_read_timeout_silence_lasts() {
    let mut config = config();
    config.read_timeout = None;
    let mut client = Client::open(config);
    assert_eq!(client.machine.poll_timeout(), None);
    client.advance(secs(1_000_000));
    assert_eq!(client.machine.state(), State::Open);
}

#[test]
fn connecting_has_a_deadline() {
    let mut client = Client::new(config());
    assert_eq!(client.machine.poll_timeout(), Some(Instant::from_start(secs(10))));
    client.advance(millis(9999));
    assert!(client.events.is_empty());
    client.advance(millis(1));
    assert_eq!(client.lost(), Reason::ConnectTimeout { after: secs(10), proxy: None });
    let mut config = config();
    config.connect_timeout = None;
    assert_eq!(Client::new(config).machine.poll_timeout(), None);
}

#[test]
fn head_has_a_deadline_of_its_own_from_the_connection_on() {
    let mut client = Client::new(config());
    client.advance(secs(9));
    client.accept();
    assert_eq!(client.machine.poll_timeout(), Some(Instant::from_start(secs(69))));
    client.advance(millis(59_999));
    client.receive("HTTP/1.1 200 OK\r\n");
    assert!(client.events.is_empty());
    client.advance(millis(1));
    assert_eq!(client.lost(), Reason::HeadTimeout { after: secs(60) });
    let mut config = config();
    config.head_timeout = None;
    assert_eq!(Client::accepted(config).machine.poll_timeout(), None);
}

#[test]
fn head_of_a_byte_a_second_runs_into_its_deadline() {
    let mut client = Client::accepted(config());
    for byte in format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100)).bytes() {
        client.advance(secs(1));
        if !client.connected {
            break;
        }
        client.receive([byte]);
    }
    assert_eq!(client.lost(), Reason::HeadTimeout { after: secs(60) });
}

#[test]
fn late_timeouts_do_all_that_is_due_and_early_ones_nothing() {
    let mut client = Client::new(config());
    client.machine.handle_timeout(client.now);
    assert_eq!(client.machine.poll_event(), None);
    client.now = client.now + secs(1000);
    client.machine.handle_timeout(client.now);
    client.settle();
    assert_eq!(client.lost(), Reason::ConnectTimeout { after: secs(10), proxy: None });
    client.now = client.now + secs(1000);
    client.machine.handle_timeout(client.now);
    client.settle();
    assert_eq!(client.connects.len(), 2);
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(10)), "counts from the connection's beginning");
}

// Restarting.

#[test]
fn restart_at_once_goes_on_elsewhere_in_the_stream() {
    let mut client = Client::open(config());
    client.receive("id: 1\ndata: x\n\n");
    client.restart(Restart::AtOnce);
    assert_eq!(client.lines(), ["message \"x\" id \"1\"", "lost (restarted as asked) retry in 0ns"]);
    assert_eq!(client.connects.len(), 2);
    assert_eq!(field(&client.accept(), "last-event-id"), Some("1"));
    client.receive(format!("{UNTIL_CLOSE}data: y\n\n"));
    assert_eq!(client.lines()[1..], ["message \"y\" id \"1\""]);
}

#[test]
fn restart_after_delay_waits_as_after_a_loss() {
    let mut client = Client::open(config());
    client.restart(Restart::AfterDelay);
    assert_eq!(client.lines(), ["lost (restarted as asked) retry in 1s"]);
    client.advance(millis(999));
    assert_eq!(client.connects.len(), 1);
    client.advance(millis(1));
    assert_eq!(client.connects.len(), 2);
}

#[test]
fn restart_at_once_ends_a_wait() {
    let mut client = Client::new(config());
    client.refuse(ConnectError::Refused);
    client.events.clear();
    client.restart(Restart::AtOnce);
    assert_eq!((client.connects.len(), client.events.len()), (2, 0));
    client.accept();
    client.receive(UNTIL_CLOSE);
    client.events.clear();
    client.advance(secs(60));
    assert_eq!((client.connects.len(), client.events.len()), (2, 0), "no second timer is left");
}

#[test]
fn restart_after_delay_leaves_a_wait_as_it_is() {
    let mut client = Client::new(config());
    client.refuse(ConnectError::Refused);
    client.events.clear();
    client.advance(millis(600));
    client.restart(Restart::AfterDelay);
    client.restart(Restart::AfterDelay);
    client.advance(millis(400));
    assert_eq!((client.connects.len(), client.events.len()), (2, 0));
}

#[test]
fn restart_drops_what_was_not_taken_and_asks_for_it_again() {
    let mut client = Client::open(config());
    client.machine.handle_input(client.now, b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n");
    assert!(matches!(client.machine.poll_event(), Some(Event::Message(_))));
    client.restart(Restart::AtOnce);
    assert_eq!(client.lines(), ["lost (restarted as asked) retry in 0ns"]);
    assert_eq!(field(&client.accept(), "last-event-id"), Some("1"));
}

#[test]
fn restart_is_asked_for_so_a_post_is_sent_again_and_reconnecting_need_not_be_on() {
    let mut config = config_post("{}");
    config.reconnect = false;
    for restart in [Restart::AtOnce, Restart::AfterDelay] {
        let mut client = Client::open(config.clone());
        client.restart(restart);
        assert!(client.reconnect().starts_with("POST "));
    }
}

#[test]
fn restart_during_a_redirect_begins_at_the_configured_url() {
    let mut client = Client::accepted(config());
    client.receive(tidewire_tests::client::redirect(302, "http://second.test/"));
    client.restart(Restart::AtOnce);
    assert_eq!(target(&client.connects[2]).0, "example.test");
}

#[test]
fn failures_stay_counted_over_a_restart() {
    let mut client = Client::new(config());
    client.refuse(ConnectError::Refused);
    client.reconnect();
    client.restart(Restart::AtOnce);
    client.events.clear();
    client.refuse(ConnectError::Refused);
    assert!(client.lines()[0].ends_with("retry in 2s"));
}

// Steps of a run, each of which a restart or the end may interrupt.

type Step = fn(&mut Client);
const STEPS: [Step; 11] = [
    |_| {},
    |client| {
        client.accept();
    },
    |client| client.receive("HTTP/1.1 302 Found\r\nLocation: http://second.test/\r\nContent-Len"),
    |client| client.receive("gth: 0\r\n\r\n"),
    |client| {
        client.accept();
    },
    |client| client.receive(CHUNKED),
    |client| client.receive(chunk("id: 1\ndata: 1\n\ndata: unfinish")),
    |client| client.eof(),
    |client| client.advance(secs(1)),
    |client| {
        client.accept();
    },
    |client| client.receive("HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nbeginning"),
];

#[test]
fn restart_works_at_every_step() {
    for restart in [Restart::AtOnce, Restart::AfterDelay] {
        for steps in 1..=STEPS.len() {
            let mut client = Client::new(config());
            STEPS[..steps].iter().for_each(|step| step(&mut client));
            client.restart(restart);
            let request = client.reconnect();
            assert!(request.contains("\r\nHost: example.test\r\n"), "{restart:?} after {steps}");
            client.events.clear();
            client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
            let lines = client.lines();
            assert_eq!(lines[0], "open 200 http://example.test/events", "{restart:?} after {steps}");
            assert!(lines[1].starts_with("message \"x\""));
        }
    }
}

#[test]
fn close_works_at_every_step_and_is_the_end() {
    for steps in 1..=STEPS.len() {
        let mut client = Client::new(config());
        STEPS[..steps].iter().for_each(|step| step(&mut client));
        client.close();
        assert_eq!(client.ended(), CloseReason::Requested, "after {steps}");
        assert_eq!((client.machine.state(), client.machine.closing()), (State::Closed, Closing::Abort));
        let connects = client.connects.len();
        client.close();
        client.restart(Restart::AtOnce);
        client.restart(Restart::AfterDelay);
        client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
        client.eof();
        client.reset();
        client.machine.handle_connected(client.now, client.machine.attempt());
        client.machine.handle_connect_failed(client.now, client.machine.attempt(), ConnectError::Other);
        client.advance(secs(100_000));
        assert_eq!((client.events.len(), client.connects.len()), (0, connects), "after {steps}");
    }
}

// Closing.

#[test]
fn close_ends_an_hour_of_waiting() {
    let mut config = config();
    config.backoff.base = secs(3600);
    config.backoff.max = None;
    let mut client = Client::new(config);
    client.refuse(ConnectError::Refused);
    client.advance(secs(10));
    client.close();
    assert_eq!(client.lines()[1..], ["closed (closed as asked)"]);
}

#[test]
fn close_while_events_wait_for_the_application_drops_them() {
    let mut client = Client::open(config());
    client.machine.handle_input(client.now, b"data: 1\n\ndata: 2\n\n");
    client.close();
    assert_eq!(client.lines(), ["closed (closed as asked)"]);
}

#[test]
fn last_event_id_can_be_read_after_the_end() {
    let mut client = Client::open(config());
    client.receive("id: 9\ndata: x\n\n");
    client.close();
    assert_eq!(client.machine.last_event_id(), "9");
}

// Drivers.

#[test]
fn answers_of_older_attempts_are_ignored() {
    let mut client = Client::new(config());
    client.restart(Restart::AtOnce);
    assert_eq!(client.connects.len(), 2);
    client.events.clear();
    client.machine.handle_connected(client.now, 1);
    assert_eq!(client.machine.poll_transmit(), None);
    client.machine.handle_connect_failed(client.now, 1, ConnectError::Refused);
    client.machine.handle_input(client.now, UNTIL_CLOSE.as_bytes());
    client.machine.handle_eof(client.now);
    client.machine.handle_reset(client.now);
    client.settle();
    assert!(client.events.is_empty());
    client.accept();
    client.machine.handle_connected(client.now, 2);
    assert_eq!(client.machine.poll_transmit(), None, "connected once");
}

#[test]
fn next_connection_waits_until_the_events_are_taken() {
    let mut client = Client::open(config());
    client.machine.restart(client.now, Restart::AtOnce);
    assert!(client.machine.poll_connect(client.now).is_none());
    client.machine.restart(client.now, Restart::AtOnce);
    assert!(client.machine.poll_event().is_some());
    assert_eq!(client.machine.poll_event(), None, "nothing piles up");
    assert!(client.machine.poll_connect(client.now + secs(100)).is_some());
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(110)), "counts from here");
}

#[test]
fn thousands_of_reconnections_leave_nothing_behind() {
    let mut client = Client::new(config());
    for _ in 0..5_000 {
        client.accept();
        client.receive(response("200 OK", "Content-Type: text/event-stream\r\n", "id: 1\ndata: x\n\n"));
        client.advance(secs(1));
        assert_eq!(client.events.drain(..).count(), 3);
        client.connects.drain(..client.connects.len() - 1);
    }
    assert_eq!(client.machine.attempt(), 5_001);
    assert_eq!(client.machine.source().failures(), 1);
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
