//! The presets of `client::Config`, and what LaunchDarkly's client does wrong and ours must not.

use core::time::Duration;

use tidewire_core::client::{
    CloseReason, Config, ConnectError, ContentType, Decision, FailureHook, Reason, Resend, Restart, RetryStatus, State,
};
use tidewire_core::http::{Method, Url};
use tidewire_core::{Closing, Protocol};
use tidewire_tests::client::{Client, UNTIL_CLOSE, config, config_post, field, redirect, response};

// As browsers do: the default.

#[test]
fn default_is_what_browsers_do() {
    let config = Config::new(url());
    assert_eq!((config.method.as_str(), config.reconnect, config.max_failures), ("GET", true, None));
    assert_eq!((config.retry_status, config.resend), (RetryStatus::NEVER, Resend::Idempotent));
    assert_eq!((config.content_type, config.max_answer), (ContentType::Exact, None));
    assert!(config.on_failure.is_none() && config.before_request.is_none() && config.total_timeout.is_none());
}

// LaunchDarkly.

#[test]
fn launchdarkly_tries_every_status_again_but_204() {
    for status in (200..600).filter(|status| ![200, 204].contains(status)) {
        let mut client = Client::accepted(launchdarkly());
        client.receive(response(&format!("{status} Whatever"), "", ""));
        assert!(client.lost().refusal().is_some_and(|refusal| refusal.head.status == status), "{status}");
        client.advance(secs(3));
        assert_eq!(client.connects.len(), 2, "{status}");
    }
    let mut client = Client::accepted(launchdarkly());
    client.receive("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(client.ended(), CloseReason::NoContent);
}

#[test]
fn launchdarkly_tries_every_failure_again() {
    type Lose = fn(&mut Client);
    let losses: [Lose; 6] = [
        |client| client.receive("nonsense\r\n\r\n"),
        |client| client.receive(redirect(302, "ftp://x/")),
        |client| client.receive("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n"),
        Client::eof,
        Client::reset,
        |client| client.advance(secs(60)),
    ];
    for (index, lose) in losses.into_iter().enumerate() {
        let mut client = Client::accepted(launchdarkly());
        lose(&mut client);
        assert_eq!((client.machine.state(), client.machine.failures()), (State::Connecting, 1), "{index}");
        client.advance(secs(3));
        assert_eq!(client.connects.len(), 2, "{index}");
    }
}

#[test]
fn launchdarkly_waits_three_seconds_each_time_and_follows_ten_redirects() {
    let mut client = Client::new(launchdarkly());
    for _ in 0..20 {
        client.refuse(ConnectError::Refused);
        assert_eq!(client.machine.retry_at(), Some(client.now + secs(3)));
        client.await_connect();
    }
    for hop in 0..=10 {
        client.accept();
        client.receive(redirect(302, &format!("/{hop}")));
    }
    assert!(matches!(client.lost(), Reason::Redirect { .. }), "ten are followed");
}

#[test]
fn launchdarkly_looks_at_no_content_type_and_no_silence() {
    let mut client = Client::accepted(launchdarkly());
    client.receive("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");
    client.advance(secs(1_000_000));
    client.receive("data: x\n\n");
    assert_eq!(client.lines(), ["open 200 http://example.test/events", "message \"x\" id \"\""]);
}

#[test]
fn launchdarkly_sends_any_method_again_with_its_body() {
    for method in ["POST", "REPORT"] {
        let mut config = launchdarkly();
        config.method = Method::new(method).unwrap();
        config.body = Some("{\"a\":1}".into());
        let mut client = Client::open(config);
        for lose in [Client::eof, Client::reset] {
            lose(&mut client);
            let request = client.reconnect();
            assert!(request.starts_with(method) && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
            client.receive(UNTIL_CLOSE);
        }
    }
}

#[test]
fn launchdarkly_ends_where_the_hook_says_so() {
    let mut config = launchdarkly();
    config.on_failure = Some(FailureHook::new(|failure| match failure.status() {
        Some(401) => Decision::Stop,
        _ => Decision::Default,
    }));
    let mut client = Client::accepted(config);
    client.receive(response("500 Oops", "", ""));
    client.reconnect();
    client.receive(response("401 Unauthorized", "X-Why: expired\r\n", "token expired"));
    let CloseReason::Stopped(reason) = client.ended() else { panic!() };
    let refusal = reason.refusal().unwrap();
    assert_eq!((refusal.text(), refusal.head.fields.get_str("x-why")), (Some("token expired"), Some("expired")));
}

// APIs of language models.

#[test]
fn llm_posts_json() {
    let request = Client::new(llm()).accept();
    assert!(request.starts_with("POST /v1/chat HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"stream\":true}"));
    assert_eq!(field(&request, "content-type"), Some("application/json"));
    assert_eq!(field(&request, "content-length"), Some("15"));
}

#[test]
fn llm_is_asked_three_times_at_most() {
    let mut client = Client::new(llm());
    for (asked, delay) in [(1, millis(500)), (2, millis(1000))] {
        client.accept();
        client.receive(response("529 Overloaded", "", "{\"error\":\"overloaded\"}"));
        assert_eq!((client.connects.len(), client.machine.retry_at()), (asked, Some(client.now + delay)));
        client.await_connect();
    }
    client.accept();
    client.receive(response("529 Overloaded", "", "{\"error\":\"overloaded\"}"));
    let closed = client.ended();
    assert_eq!(closed.refusal().and_then(|refusal| refusal.text()), Some("{\"error\":\"overloaded\"}"));
    assert!(matches!(closed, CloseReason::GaveUp { failures: 3, .. }));
}

#[test]
fn llm_waits_as_the_server_asks() {
    let mut client = Client::accepted(llm());
    client.receive(response("429 Too Many Requests", "Retry-After: 20\r\n", ""));
    assert_eq!(client.machine.retry_at(), Some(client.now + secs(20)));
    // As OpenAI's and Azure's servers say it more exactly.
    let mut client = Client::accepted(llm());
    client.receive(response("429 Too Many Requests", "retry-after: 20\r\nretry-after-ms: 19250\r\n", ""));
    assert_eq!(client.machine.retry_at(), Some(client.now + millis(19_250)));
}

#[test]
fn llm_is_not_asked_twice_for_what_may_have_been_paid() {
    type Lose = fn(&mut Client);
    let losses: [Lose; 4] = [
        Client::eof,
        Client::reset,
        |client| client.receive(format!("{UNTIL_CLOSE}data: to")),
        |client| client.receive(response("400 Bad Request", "", "")),
    ];
    for lose in losses {
        let mut client = Client::accepted(llm());
        lose(&mut client);
        client.reset();
        assert_eq!((client.machine.state(), client.connects.len()), (State::Closed, 1));
    }
    // Nothing was sent where no connection was made.
    let mut client = Client::new(llm());
    client.refuse(ConnectError::Refused);
    assert!(client.reconnect().ends_with("{\"stream\":true}"));
}

#[test]
fn llm_may_think_for_minutes() {
    let mut client = Client::accepted(llm());
    client.advance(secs(599));
    client.receive(UNTIL_CLOSE);
    assert_eq!(client.machine.state(), State::Open);
}

// What LaunchDarkly's client does wrong.

#[test]
fn many_restarts_are_one_connection_and_nothing_is_left_behind() {
    for restart in [Restart::AtOnce, Restart::AfterDelay] {
        let mut client = Client::open(config());
        client.eof();
        client.advance(millis(10));
        for _ in 0..1000 {
            client.machine.restart(client.now, restart);
        }
        client.settle();
        client.advance(millis(990));
        assert_eq!(client.connects.len(), 2, "{restart:?}");
        client.accept();
        client.receive(UNTIL_CLOSE);
        client.advance(secs(100));
        assert_eq!((client.connects.len(), client.machine.state()), (2, State::Open), "{restart:?}");
    }
}

#[test]
fn body_is_whole_after_a_first_attempt_that_was_never_connected() {
    let mut config = config_post("{\"a\":1}");
    config.resend = Resend::Always;
    let mut client = Client::new(config);
    for _ in 0..3 {
        client.refuse(ConnectError::Refused);
        client.await_connect();
    }
    for _ in 0..3 {
        assert!(client.reconnect().ends_with("\r\n\r\n{\"a\":1}"));
        client.reset();
    }
}

#[test]
fn close_is_at_once_while_a_thousand_events_wait_and_nobody_takes_them() {
    let mut client = Client::open(config());
    client.machine.handle_input(client.now, "data: x\n\n".repeat(1000).as_bytes());
    client.take_event();
    client.machine.close(client.now);
    assert_eq!((client.machine.state(), client.machine.closing()), (State::Closed, Closing::Abort));
    assert_eq!(client.machine.poll_timeout(), None);
    client.machine.close(client.now);
    client.settle();
    assert_eq!(client.lines(), ["message \"x\" id \"\"", "closed (closed as asked)"]);
}

#[test]
fn close_while_the_first_connection_is_waited_for_is_at_once() {
    let mut config = config();
    config.backoff.base = secs(3600);
    config.backoff.max = None;
    let mut client = Client::new(config);
    client.refuse(ConnectError::Refused);
    client.close();
    assert_eq!(client.ended(), CloseReason::Requested);
    client.advance(secs(10_000));
    assert_eq!(client.connects.len(), 1);
}

#[test]
fn line_of_an_hour_is_no_silence() {
    let mut config = config();
    config.read_timeout = Some(millis(500));
    let mut client = Client::open(config);
    for _ in 0..9_000 {
        client.receive("x");
        client.advance(millis(400));
    }
    assert_eq!((client.machine.state(), client.connects.len()), (State::Open, 1));
}

#[test]
fn delay_of_a_nanosecond_with_all_chance_there_is_does_not_panic() {
    for nanos in [0, 1, 2, 3] {
        let mut config = config();
        config.backoff.base = Duration::from_nanos(nanos);
        (config.backoff.doubling, config.backoff.jitter) = (false, 1.0);
        for seed in 0..50 {
            let mut client = Client::with_seed(config.clone(), seed);
            for _ in 0..20 {
                client.refuse(ConnectError::Refused);
                client.await_connect();
            }
        }
    }
}

#[test]
fn stream_that_opens_and_closes_at_once_is_not_asked_once_a_second_for_ever() {
    for answer in [UNTIL_CLOSE.to_owned(), response("200 OK", "Content-Type: text/event-stream\r\n", ": hi\n\n")] {
        let mut client = Client::accepted(config());
        for _ in 0..20 {
            client.receive(&answer);
            client.eof();
            client.reconnect();
        }
        let start = client.now;
        client.receive(&answer);
        client.eof();
        client.await_connect();
        assert_eq!(client.now - start, secs(30));
    }
}

fn launchdarkly() -> Config {
    Config::launchdarkly(Url::parse("http://example.test/events").unwrap())
}

/// Returns the preset without chance in the delays.
fn llm() -> Config {
    let mut config = Config::llm(Url::parse("http://example.test/v1/chat").unwrap(), "{\"stream\":true}");
    config.backoff.jitter = 0.0;
    config
}

fn url() -> Url {
    Url::parse("http://example.test/events").unwrap()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
