//! The client without its HTTP/1.1: what decides, over somebody else's HTTP. And what an application does with it.

use core::time::Duration;

use tidewire_core::Instant;
use tidewire_core::client::{CloseReason, ConnectError, Event, EventSource, Reason, Restart, Source, State};
use tidewire_core::http::{ResponseHead, Url};
use tidewire_tests::client::{Client, UNTIL_CLOSE, config, config_post, field};

fn head(status: u16, fields: &[(&str, &str)]) -> Box<ResponseHead> {
    let mut head = Box::new(ResponseHead::new(status));
    for (name, value) in fields {
        head.fields.append(name, value).unwrap();
    }
    head
}

#[test]
fn source_runs_over_any_http() {
    let now = Instant::START;
    let mut source = Source::new(config(), 1);
    let request = source.poll_request(now).unwrap();
    assert_eq!(
        (request.url.to_string().as_str(), request.fields.get_str("host")),
        ("http://example.test/events", None)
    );
    source.handle_connected(now);
    source.handle_head(now, head(307, &[("Location", "/there")]));
    assert!(!source.is_attempting());
    assert_eq!(source.poll_request(now).unwrap().url.target(), "/there");
    source.handle_connected(now);
    source.handle_head(now, head(200, &[("Content-Type", "text/event-stream")]));
    assert!(source.is_attempting());
    assert!(matches!(source.poll_event(), Some(Event::Opened { .. })));

    let frame = b"id: 1\ndata: a\n\ndata: b\n\ndata: c";
    let (used, event) = source.read(now, frame);
    assert!(matches!(event, Some(Event::Message(message)) if message.data() == "a"));
    assert_eq!(source.last_event_id(), "1");
    let (more, event) = source.read(now, &frame[used..]);
    assert!(matches!(event, Some(Event::Message(message)) if message.data() == "b"));
    let rest = &frame[used + more..];
    assert_eq!(source.read(now, rest), (rest.len(), None));
    source.handle_end(now);
    assert!(matches!(source.poll_event(), Some(Event::Disconnected { reason: Reason::Ended { mid_event: true }, .. })));
    assert_eq!((source.attempt(), source.failures(), source.state()), (2, 1, State::Connecting));
}

#[test]
fn what_comes_out_of_order_is_ignored() {
    let now = Instant::START;
    let mut source = Source::new(config(), 1);
    let stream = || head(200, &[("Content-Type", "text/event-stream")]);
    let stray = |source: &mut Source| {
        source.handle_head(now, stream());
        source.handle_end(now);
        source.handle_failure(now, Reason::Reset);
        source.handle_activity(now);
        source.handle_connected(now);
        assert_eq!(source.read(now, b"data: x\n\n"), (9, None));
        assert_eq!(source.poll_event(), None);
    };
    stray(&mut source);
    assert!(source.poll_request(now).is_some());
    source.handle_failure(now, Reason::Connect(ConnectError::Refused));
    assert!(source.poll_event().is_some());
    stray(&mut source);
    source.close();
    assert_eq!(source.poll_event(), Some(Event::Closed(CloseReason::Requested)));
    stray(&mut source);
    source.restart(now, Restart::AtOnce);
    source.handle_timeout(now + Duration::from_secs(1_000_000));
    assert!(source.poll_request(now).is_none());
}

#[test]
fn end_without_a_head_is_no_response() {
    for connected in [false, true] {
        let mut source = Source::new(config(), 1);
        source.poll_request(Instant::START).unwrap();
        if connected {
            source.handle_connected(Instant::START);
        }
        source.handle_end(Instant::START);
        assert!(matches!(source.poll_event(), Some(Event::Disconnected { reason: Reason::NoResponse, .. })));
    }
}

#[test]
fn stack_that_never_sent_the_request_may_send_it_again() {
    let now = Instant::START;
    let failure = |sent| Reason::Stack { sent, error: "no route".into() };
    for (sent, redirected, again) in [(false, false, true), (true, false, false), (false, true, false)] {
        let mut source = Source::new(config_post("{}"), 1);
        assert!(source.poll_request(now).is_some());
        source.handle_connected(now);
        if redirected {
            source.handle_head(now, head(307, &[("Location", "/there")]));
            assert!(source.poll_request(now).is_some());
            source.handle_connected(now);
        }
        source.handle_failure(now, failure(sent));
        let event = source.poll_event().unwrap();
        match event {
            Event::Disconnected { reason, .. } => assert_eq!((reason, again), (failure(sent), true)),
            Event::Closed(CloseReason::NotResent { .. }) => assert!(!again, "sent {sent}, redirected {redirected}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn silence_counts_from_when_the_application_waits_again() {
    let (now, timeout) = (Instant::START, config().read_timeout.unwrap());
    let mut source = Source::new(config(), 1);
    source.poll_request(now).unwrap();
    source.handle_connected(now);
    source.handle_head(now, head(200, &[("Content-Type", "text/event-stream")]));
    source.handle_resumed(now + timeout);
    assert_eq!(source.poll_timeout(), Some(now + timeout + timeout));

    let mut config = config();
    config.first_byte_timeout = Some(Duration::from_secs(2));
    let mut source = Source::new(config, 1);
    source.poll_request(now).unwrap();
    source.handle_connected(now);
    source.handle_head(now, head(200, &[("Content-Type", "text/event-stream")]));
    source.handle_resumed(now + timeout);
    assert_eq!(source.poll_timeout(), Some(now + timeout + Duration::from_secs(2)));
}

#[test]
fn idle_client_is_small() {
    assert!(size_of::<EventSource>() <= 2048, "{}", size_of::<EventSource>());
    assert!(size_of::<Event>() <= 96, "{}", size_of::<Event>());
}

// What LaunchDarkly's client has options and hooks for, done by the application.

#[test]
fn query_may_change_for_every_connection() {
    let mut client = Client::accepted(config());
    for count in 1..=3 {
        client.receive(UNTIL_CLOSE);
        client.machine.config_mut().url = Url::parse(&format!("http://example.test/events?n={count}")).unwrap();
        client.machine.config_mut().fields.set("Authorization", format!("Bearer {count}")).unwrap();
        client.eof();
        let request = client.reconnect();
        assert!(request.starts_with(&format!("GET /events?n={count} HTTP/1.1\r\n")), "{request}");
        assert_eq!(field(&request, "authorization"), Some(format!("Bearer {count}").as_str()));
    }
}

#[test]
fn application_that_closes_at_the_first_error_makes_one_request() {
    let mut client = Client::new(config());
    client.machine.handle_connect_failed(client.now, 1, ConnectError::Refused);
    client.take_event();
    assert!(matches!(client.events.last(), Some(Event::Disconnected { .. })));
    client.close();
    client.advance(Duration::from_secs(3600));
    assert_eq!(client.connects.len(), 1);
}

#[test]
fn application_with_a_deadline_of_150_ms_makes_two_requests_of_100_ms_delay() {
    let mut config = config();
    config.backoff.base = Duration::from_millis(100);
    config.backoff.doubling = false;
    let mut client = Client::new(config);
    client.refuse(ConnectError::Refused);
    client.advance(Duration::from_millis(100));
    client.refuse(ConnectError::Refused);
    client.advance(Duration::from_millis(50));
    client.close();
    assert_eq!((client.ended(), client.connects.len()), (CloseReason::Requested, 2));
}

#[test]
fn application_that_goes_on_gets_what_the_same_server_sends_next() {
    let mut client = Client::open(config());
    client.receive("data: 1\n\n");
    client.reset();
    client.reconnect();
    client.receive(format!("{UNTIL_CLOSE}data: 2\n\n"));
    let lines = client.lines();
    assert_eq!((&*lines[0], &*lines[3]), ("message \"1\" id \"\"", "message \"2\" id \"\""));
}

#[test]
fn client_gives_up_after_so_many_failures_in_a_row() {
    for max in [1, 2, 10] {
        let mut config = config();
        config.max_failures = Some(max);
        let mut client = Client::new(config);
        for _ in 1..max {
            client.refuse(ConnectError::Refused);
            assert!(matches!(client.lost(), Reason::Connect(_)));
            client.await_connect();
        }
        assert_eq!(client.connects.len(), max as usize);
        client.refuse(ConnectError::Refused);
        let reason = client.ended();
        assert!(matches!(&reason, CloseReason::GaveUp { failures, .. } if *failures == max));
        let text = if max == 1 { "the first failure".into() } else { format!("{max} failures in a row") };
        assert!(reason.to_string().ends_with(&format!("gave up after {text}")), "{reason}");
    }
}

#[test]
fn any_event_starts_the_count_of_failures_over() {
    let mut config = config();
    config.max_failures = Some(3);
    let mut client = Client::new(config);
    for _ in 0..5 {
        client.refuse(ConnectError::Refused);
        client.reconnect();
        client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
        client.eof();
        assert_eq!(client.machine.source().failures(), 1);
        client.await_connect();
    }
    assert_eq!(client.machine.state(), State::Connecting);
}
