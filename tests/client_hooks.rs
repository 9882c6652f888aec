//! What the application decides by functions of its own: after each failure, before each request.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tidewire_core::client::exchange::{self, Exchange};
use tidewire_core::client::{
    CloseReason, Config, ConnectError, Decision, Event, FailureHook, FirstConnection, Proxies, Proxy, Reason,
    RequestHook, Restart, RetryStatus, State,
};
use tidewire_core::http::{Method, RequestHead, Url};
use tidewire_core::{Instant, Protocol};
use tidewire_tests::client::{Client, UNTIL_CLOSE, config, config_post, field, redirect, response};

// After each failure.

#[test]
fn hook_sees_every_end_of_an_attempt_with_what_would_follow() {
    let (config, seen) = watched(config(), Decision::Default);
    let mut client = Client::new(config);
    client.refuse(ConnectError::Refused);
    assert_eq!(
        take(&seen),
        ["1 1 false Some(1s) false: the connection was refused; does the server run, and on this port?"]
    );
    client.reconnect();
    client.receive(redirect(302, "/there"));
    assert!(take(&seen).is_empty(), "a redirect is no end");
    client.accept();
    client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
    client.eof();
    assert_eq!(take(&seen), ["3 1 true Some(1s) false: the server ended the stream"]);
    client.reconnect();
    client.advance(secs(60));
    assert_eq!(
        take(&seen),
        [
            "4 2 true Some(2s) false: no complete response head within 60s; is the server slow, or `head_timeout` too short?"
        ]
    );
    client.reconnect();
    client.receive(response("401 Unauthorized", "", "token expired"));
    assert_eq!(take(&seen), ["5 3 true None false: 401 Unauthorized from http://example.test/events: token expired"]);
    assert_eq!(client.machine.state(), State::Closed);
}

#[test]
fn hook_sees_what_would_be_final() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    for (answer, what) in [
        (response("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "expired"), "401 Unauthorized from"),
        (response("200 OK", "Content-Type: text/html\r\n", "<h1>"), "http://example.test/events is `text/html`"),
        (
            format!("{head}Content-Encoding: br\r\nContent-Length: 0\r\n\r\n"),
            "http://example.test/events is compressed",
        ),
        (redirect(307, ""), "307 from http://example.test/events: the redirect"),
        (redirect(307, "ftp://x/"), "307 from http://example.test/events: the redirect"),
        (response("200 OK", "Content-Type: application/json\r\n", "[1,2,3]"), "the answer is longer than 5 bytes"),
        ("HTTP/1.1 204 No Content\r\n\r\n".into(), "204 No Content from"),
    ] {
        let (mut config, seen) = watched(config(), Decision::Retry);
        config.max_answer = Some(5);
        let mut client = Client::accepted(config);
        client.receive(&answer);
        let [line] = take(&seen).try_into().unwrap_or_else(|lines| panic!("{lines:?} of {answer}"));
        assert!(line.starts_with("1 1 ") && line.contains(&format!(" None false: {what}")), "{line}");
        assert!(!matches!(client.lost(), Reason::Restart));
        client.reconnect();
        client.receive(UNTIL_CLOSE);
        assert_eq!(client.machine.state(), State::Open, "{answer}");
    }
}

#[test]
fn hook_gets_status_fields_and_body() {
    let mut config = config();
    config.max_error_body = 5;
    config.on_failure = Some(FailureHook::new(|failure| {
        let refusal = failure.refusal().expect("an answer");
        assert_eq!((failure.status(), &*refusal.body, refusal.truncated), (Some(401), &b"token"[..], true));
        assert_eq!(refusal.head.fields.get_str("www-authenticate"), Some("Bearer"));
        assert_eq!(refusal.url.to_string(), "http://example.test/there");
        Decision::Stop
    }));
    let mut client = Client::accepted(config);
    client.receive(redirect(307, "/there"));
    client.accept();
    client.receive(response("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "token expired"));
    assert!(matches!(client.ended(), CloseReason::Status(_)));
}

#[test]
fn stop_is_one_request_and_says_so() {
    let (config, seen) = watched(config(), Decision::Stop);
    let mut client = Client::new(config);
    client.refuse(ConnectError::Refused);
    let closed = client.ended();
    assert_eq!(closed, CloseReason::Stopped(Box::new(Reason::Connect(ConnectError::Refused))));
    assert!(closed.to_string().ends_with("; stopped by the program's own decision"));
    client.advance(secs(100_000));
    assert_eq!((client.connects.len(), take(&seen).len()), (1, 1));
}

#[test]
fn stop_keeps_the_reason_of_what_ends_it_anyway() {
    let (mut config, _) = watched(config(), Decision::Stop);
    config.max_failures = Some(1);
    let mut client = Client::new(config);
    client.refuse(ConnectError::Refused);
    assert!(matches!(client.ended(), CloseReason::GaveUp { failures: 1, .. }));
}

#[test]
fn retry_has_the_delay_of_any_failure() {
    let (config, _) = watched(config(), Decision::Retry);
    let mut client = Client::accepted(config);
    for delay in [1, 2, 4, 8] {
        client.receive(response("403 Forbidden", "", ""));
        let Some(Event::Disconnected { retry_in, .. }) = client.events.pop() else { panic!() };
        assert_eq!(retry_in, secs(delay));
        client.reconnect();
    }
    client.receive(response("403 Forbidden", "Retry-After: 100\r\n", ""));
    assert_eq!(client.machine.retry_at(), Some(client.now + secs(100)), "what the server asks for holds here too");
}

#[test]
fn retry_in_is_exactly_that_and_counts_as_a_failure() {
    let mut config = config();
    config.backoff.jitter = 0.5;
    config.on_failure = Some(FailureHook::new(|failure| match failure.failures {
        1 => Decision::RetryIn(Duration::ZERO),
        2 => Decision::RetryIn(Duration::from_secs(100_000)),
        3 => Decision::RetryIn(Duration::MAX),
        _ => Decision::Default,
    }));
    let mut client = Client::accepted(config);
    client.receive(response("503 Busy", "Retry-After: 50\r\n", ""));
    assert_eq!(client.connects.len(), 2, "at once, though the server asked for more");
    client.refuse(ConnectError::Refused);
    assert_eq!(client.machine.retry_at(), Some(client.now + secs(100_000)));
    client.restart(Restart::AtOnce);
    client.refuse(ConnectError::Refused);
    assert_eq!(client.machine.failures(), 3);
    client.advance(secs(1_000_000_000));
    assert_eq!(client.connects.len(), 3, "for ever is for ever");
    client.close();
    assert_eq!(client.ended(), CloseReason::Requested);
}

#[test]
fn hook_decides_within_the_limit_of_failures() {
    for decision in [Decision::Retry, Decision::RetryIn(secs(7)), Decision::Default] {
        let (mut config, seen) = watched(config(), decision);
        config.max_failures = Some(3);
        let mut client = Client::new(config);
        for failures in 1..=3 {
            client.refuse(ConnectError::Refused);
            let is_last = failures == 3;
            assert_eq!(client.machine.state() == State::Closed, is_last, "{decision:?}");
            let line = take(&seen).remove(0);
            assert!(line.starts_with(&format!("{failures} {failures} false")), "{line}");
            assert!(line.contains(if is_last { "None true" } else { "s) false" }), "{line}");
            if !is_last {
                client.await_connect();
            }
        }
        assert!(matches!(client.ended(), CloseReason::GaveUp { failures: 3, .. }));
    }
}

#[test]
fn final_answer_at_the_limit_is_told_as_what_the_limit_says_once_it_was_to_be_tried_again() {
    for (decision, gave_up) in [(Decision::Default, false), (Decision::Stop, false), (Decision::Retry, true)] {
        let (mut config, _) = watched(config(), decision);
        config.max_failures = Some(1);
        let mut client = Client::accepted(config);
        client.receive(response("401 Unauthorized", "", ""));
        assert_eq!(matches!(client.ended(), CloseReason::GaveUp { .. }), gave_up);
    }
}

#[test]
fn hook_decides_within_the_limits_of_the_first_connection_and_of_all() {
    let (mut never, seen) = watched(config(), Decision::Retry);
    never.first_connection = FirstConnection::Never;
    let mut client = Client::new(never);
    client.refuse(ConnectError::Refused);
    assert!(matches!(client.ended(), CloseReason::FirstConnection { within: None, .. }));
    assert!(take(&seen)[0].contains("None true"));

    let (mut within, seen) = watched(config(), Decision::RetryIn(secs(1)));
    within.first_connection = FirstConnection::Within(millis(2_500));
    let (mut total, _) = watched(config(), Decision::RetryIn(secs(1)));
    total.total_timeout = Some(millis(2_500));
    for config in [within, total] {
        let mut client = Client::new(config);
        for _ in 0..3 {
            client.await_connect();
            client.refuse(ConnectError::Refused);
        }
        client.advance(secs(100));
        assert!(matches!(client.ended(), CloseReason::FirstConnection { .. } | CloseReason::TotalTimeout { .. }));
        assert_eq!(client.connects.len(), 3);
    }
    assert_eq!(take(&seen).len(), 3, "a deadline over all is no failure to decide on");
}

#[test]
fn post_is_sent_again_where_the_hook_asks_for_it() {
    for (decision, again) in [(Decision::Default, false), (Decision::Retry, true), (Decision::RetryIn(secs(5)), true)] {
        let (config, seen) = watched(config_post("{}"), decision);
        let mut client = Client::accepted(config);
        client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
        client.reset();
        assert!(take(&seen)[0].contains("true None false"), "the configuration would end it");
        assert_eq!(client.machine.state() == State::Connecting, again);
        if again {
            assert!(client.reconnect().ends_with("\r\n\r\n{}"));
        } else {
            assert!(matches!(client.ended(), CloseReason::NotResent { .. }));
        }
    }
}

#[test]
fn hook_may_reconnect_where_that_is_off() {
    let (mut config, _) = watched(config(), Decision::Retry);
    config.reconnect = false;
    let mut client = Client::open(config);
    client.eof();
    assert_eq!(client.lost(), Reason::Ended { mid_event: false });
    client.reconnect();
}

#[test]
fn hook_is_not_asked_where_nothing_failed() {
    let (config, seen) = watched(config(), Decision::Stop);
    let mut client = Client::open(config);
    client.restart(Restart::AtOnce);
    client.accept();
    client.restart(Restart::AfterDelay);
    client.reconnect();
    client.close();
    assert!(take(&seen).is_empty());
}

#[test]
fn hook_and_what_the_application_does_meanwhile_are_one() {
    // The token is refused; the hook says again; while nothing moves the application fetches another one.
    let (config, _) = watched(config(), Decision::Retry);
    let mut client = Client::accepted(config);
    client.receive(response("401 Unauthorized", "", ""));
    client.machine.config_mut().fields.set("Authorization", "Bearer 2").unwrap();
    assert_eq!(field(&client.reconnect(), "authorization"), Some("Bearer 2"));
}

#[test]
fn hook_may_close_what_the_server_ends_in_peace() {
    // Some servers end a stream that is complete, and nothing else tells.
    let mut config = config();
    config.on_failure = Some(FailureHook::new(|failure| match failure.reason {
        Reason::Ended { mid_event: false } if failure.has_opened => Decision::Stop,
        _ => Decision::Default,
    }));
    let mut client = Client::open(config);
    client.reset();
    client.reconnect();
    client.receive(format!("{UNTIL_CLOSE}data: x\n\n"));
    client.eof();
    assert_eq!(client.ended().reason(), Some(&Reason::Ended { mid_event: false }));
}

#[test]
fn clones_of_a_configuration_share_its_hooks_and_show_no_secret() {
    let (mut config, seen) = watched(config(), Decision::Stop);
    config.before_request = Some(RequestHook::new(|_, _| {}));
    for _ in 0..2 {
        let mut client = Client::new(config.clone());
        client.refuse(ConnectError::Refused);
    }
    assert_eq!(take(&seen).len(), 2);
    for name in ["Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key"] {
        config.fields.append(name, "s3cret").unwrap();
    }
    config.proxies = Proxies::all(Proxy::parse("http://ann:s3cret@proxy.test:3128").unwrap());
    let shown = format!("{config:?}");
    assert!(shown.contains("FailureHook(..)") && shown.contains("RequestHook(..)"), "{shown}");
    assert!(!shown.contains("s3cret") && !shown.contains("OnMzY3JldA"), "{shown}");
    // Nor does what is made of it, before the request is written, while it waits and when it is.
    config.url = Url::parse("https://example.test/").unwrap();
    let mut client = Client::new(config);
    for step in 0..3 {
        let shown = format!("{:?} {:?} {:?}", client.machine, client.connects, client.machine.source().request());
        assert!(!shown.contains("s3cret") && !shown.contains("OnMzY3JldA"), "{step}: {shown}");
        match step {
            0 => client.machine.handle_connected(client.now, 1),
            _ => while client.machine.poll_transmit().is_some() {},
        }
    }
    let mut exchange = Exchange::new(exchange::Config::default());
    let mut head = RequestHead::new(Method::POST, "/");
    head.fields.append("Authorization", "s3cret").unwrap();
    exchange.request(Instant::START, &head, b"").unwrap();
    // The bytes of it would be numbers.
    let shown = format!("{exchange:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("115, 51, 99"), "{shown}");
}

// Before each request.

#[test]
fn request_is_changed_before_every_attempt_and_built_anew_each_time() {
    let mut config = config_of_query();
    config.before_request = Some(RequestHook::new(|request, attempt| {
        assert_eq!(request.url.to_string(), "http://example.test/events?a=0", "nothing is left of the last time");
        assert_eq!(request.fields.get("authorization"), None);
        request.url = request.url.join(&format!("?a=0&n={attempt}")).unwrap();
        request.fields.set("Authorization", format!("Bearer {attempt}")).unwrap();
    }));
    let mut client = Client::new(config);
    for attempt in 1..=3 {
        let request = client.reconnect();
        assert!(request.starts_with(&format!("GET /events?a=0&n={attempt} HTTP/1.1\r\n")), "{request}");
        assert_eq!(field(&request, "authorization"), Some(format!("Bearer {attempt}").as_str()));
        client.receive(UNTIL_CLOSE);
        let url = format!("http://example.test/events?a=0&n={attempt}");
        assert_eq!(client.lines(), [format!("open 200 {url}")]);
        assert_eq!(client.machine.url().to_string(), url);
        client.eof();
        client.events.clear();
    }
}

#[test]
fn body_and_method_may_change_and_the_length_follows() {
    let mut config = config_post("first");
    config.resend = tidewire_core::client::Resend::Always;
    config.before_request = Some(RequestHook::new(|request, attempt| {
        request.fields.append("Content-Length", "999").unwrap();
        request.fields.append("Transfer-Encoding", "chunked").unwrap();
        match attempt {
            1 => request.body = Some(Bytes::from_static(b"a longer one")),
            2 => (request.method, request.body) = (Method::GET, None),
            _ => {}
        }
    }));
    let mut client = Client::new(config);
    for (start, length, end) in [
        ("POST ", Some("12"), "\r\n\r\na longer one"),
        ("GET ", None, "\r\n\r\n"),
        ("POST ", Some("5"), "\r\n\r\nfirst"),
    ] {
        let request = client.reconnect();
        assert!(request.starts_with(start) && request.ends_with(end), "{request}");
        assert_eq!(field(&request, "content-length"), length);
        assert_eq!(request.to_lowercase().matches("content-length").count(), usize::from(length.is_some()));
        assert_eq!(field(&request, "transfer-encoding"), None);
        client.reset();
    }
}

#[test]
fn hop_of_a_redirect_goes_as_the_server_says_and_knows_where_it_came_from() {
    // The hook sends the request to another origin: that one's redirects to itself keep the token, and those back to the
    // configured one do not.
    for (location, token) in [("/there", Some("t")), ("http://example.test/there", None)] {
        let mut config = config();
        config.before_request = Some(RequestHook::new(|request, _| {
            request.url = Url::parse("http://other.test:8080/events").unwrap();
            request.fields.set("Authorization", "t").unwrap();
        }));
        let mut client = Client::new(config);
        let request = client.accept();
        assert_eq!(field(&request, "host"), Some("other.test:8080"));
        client.receive(redirect(307, location));
        let request = client.accept();
        assert!(request.starts_with("GET /there "), "the hook does not change hops: {request}");
        assert_eq!(field(&request, "authorization"), token, "{location}");
        client.receive(UNTIL_CLOSE);
        let Some(Event::Opened { url, .. }) = client.events.pop() else { panic!() };
        assert_eq!(url.target(), "/there");
        assert_eq!(url.host(), if token.is_some() { "other.test" } else { "example.test" });
        client.eof();
        assert!(client.reconnect().starts_with("GET /events "));
    }
}

#[test]
fn hook_that_makes_a_get_a_post_does_not_have_it_sent_again() {
    let mut config = config();
    config.before_request = Some(RequestHook::new(|request, _| request.method = Method::POST));
    let mut client = Client::accepted(config);
    client.eof();
    assert!(matches!(client.ended(), CloseReason::NotResent { method, .. } if method == Method::POST));
}

#[test]
fn hook_may_take_the_last_event_id_away_or_put_it_elsewhere() {
    let mut config = config();
    config.before_request = Some(RequestHook::new(|request, _| {
        let Some(id) = request.fields.get_str("last-event-id").map(str::to_owned) else { return };
        request.fields.remove("last-event-id");
        request.url = request.url.join(&format!("?last_event_id={id}")).unwrap();
    }));
    let mut client = Client::open(config);
    client.receive("id: 7\ndata: x\n\n");
    client.eof();
    let request = client.reconnect();
    assert!(request.starts_with("GET /events?last_event_id=7 ") && field(&request, "last-event-id").is_none());
}

#[test]
fn number_of_the_attempt_counts_hops() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let mut config = config();
    config.retry_status = RetryStatus::TRANSIENT;
    config.before_request = Some(RequestHook::new(move |_, attempt| seen.lock().unwrap().push(attempt)));
    let mut client = Client::accepted(config);
    client.receive(redirect(302, "/there"));
    client.accept();
    client.receive(response("503 Busy", "", ""));
    client.await_connect();
    client.refuse(ConnectError::Refused);
    client.await_connect();
    assert_eq!((attempts.lock().unwrap().as_slice(), client.machine.attempt()), (&[1, 3, 4][..], 4));
}

type Seen = Arc<Mutex<Vec<String>>>;

/// Returns `config` with a hook that always decides the same, and what it is told: attempt, failures, whether it was open,
/// what would follow, whether a limit is reached, why.
fn watched(mut config: Config, decision: Decision) -> (Config, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    config.on_failure = Some(FailureHook::new(move |failure| {
        let line = format!(
            "{} {} {} {:?} {}: {}",
            failure.attempt,
            failure.failures,
            failure.has_opened,
            failure.would_retry_in,
            failure.is_last,
            failure.reason
        );
        told.lock().unwrap().push(line);
        decision
    }));
    (config, seen)
}

fn take(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut seen.lock().unwrap())
}

fn config_of_query() -> Config {
    tidewire_tests::client::config_of("http://example.test/events?a=0")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
