//! The steps of connecting: each has its deadline, and nothing out of order counts.

use core::time::Duration;

use proptest::{collection, prelude::*, sample};
use tidewire_core::client::{
    Config, Connect, ConnectError, Event, Peer, Progress, Proxies, Proxy, Reason, State, Tunnel, TunnelError,
};
use tidewire_core::http::HeadError;
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_tests::client::{Client, config, config_of};
use tidewire_tests::fuzz_tunnel;

use Progress::{Connected, Resolved, Tunnelled};

// Deadlines.

#[test]
fn each_step_has_its_own_deadline() {
    let steps: [(&[Progress], Reason, &str); 4] = [
        (&[], Reason::ResolveTimeout { after: secs(1), proxy: proxy() }, "`resolve_timeout`"),
        (&[Resolved], Reason::ConnectTimeout { after: secs(2), proxy: proxy() }, "`connect_timeout`"),
        (&[Resolved, Connected], Reason::TunnelTimeout { after: secs(3) }, "`tunnel_timeout`"),
        (&[Resolved, Connected, Tunnelled], Reason::TlsTimeout { after: secs(4) }, "`tls_timeout`"),
    ];
    for (number, (taken, reason, field)) in steps.into_iter().enumerate() {
        let limit = secs(number as u64 + 1);
        for (wait, passed) in [(limit - millis(1), false), (limit, true), (limit + millis(1), true)] {
            let mut client = stepwise(tunnelled());
            for (earlier, progress) in taken.iter().enumerate() {
                // Each at the last moment.
                client.advance(secs(earlier as u64 + 1) - millis(1));
                client.machine.handle_progress(client.now, 1, *progress);
            }
            client.advance(wait);
            if !passed {
                assert!(client.events.is_empty(), "{:?}", client.events);
                assert_eq!(client.machine.closing(), Closing::No);
                continue;
            }
            let lost = client.lost();
            assert_eq!(lost, reason);
            assert!(lost.to_string().contains(field) && lost.to_string().contains('?'), "{lost}");
            let is_proxys = matches!(lost, Reason::ResolveTimeout { .. } | Reason::ConnectTimeout { .. });
            assert_eq!(lost.to_string().starts_with("proxy proxy.test:3128: no "), is_proxys, "{lost}");
            assert_eq!(client.machine.closing(), Closing::Abort);
            // The steps of the next attempt begin anew.
            client.await_connect();
            assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(1)));
        }
    }
}

#[test]
fn a_step_without_a_limit_takes_for_ever() {
    let mut config = tunnelled();
    config.resolve_timeout = None;
    config.tls_timeout = None;
    let mut client = stepwise(config);
    assert_eq!(client.machine.poll_timeout(), None);
    client.machine.handle_progress(client.now, 1, Resolved);
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(2)));
    client.machine.handle_progress(client.now, 1, Connected);
    client.machine.handle_progress(client.now, 1, Tunnelled);
    assert_eq!(client.machine.poll_timeout(), None);
}

#[test]
fn the_defaults_are_ten_seconds_each() {
    let config = config();
    let limits = [config.resolve_timeout, config.connect_timeout, config.tunnel_timeout, config.tls_timeout];
    assert_eq!(limits, [Some(secs(10)); 4]);
}

#[test]
fn steps_that_are_not_needed_are_left_out() {
    let mut plain = timed(config());
    let mut client = stepwise(plain.clone());
    client.machine.handle_progress(client.now, 1, Resolved);
    client.advance(secs(1));
    // There is no step after this one: its deadline goes on until the driver says that it is done.
    client.machine.handle_progress(client.now, 1, Connected);
    assert_eq!(client.machine.poll_timeout(), Some(Instant::from_start(secs(2))));
    client.accept();
    plain.unix_socket = Some("/s".into());
    let client = stepwise(plain);
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(2)), "a path has no addresses");
    let mut client = stepwise(timed(config_of("https://a.test/")));
    client.machine.handle_progress(client.now, 1, Resolved);
    client.machine.handle_progress(client.now, 1, Connected);
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(4)), "no tunnel, but TLS");
}

#[test]
fn steps_only_go_forward_and_those_of_another_attempt_are_ignored() {
    let mut client = stepwise(tunnelled());
    client.machine.handle_progress(client.now, 2, Tunnelled);
    client.machine.handle_progress(client.now, 0, Tunnelled);
    assert_eq!(client.machine.poll_timeout(), Some(client.now + secs(1)));
    client.machine.handle_progress(client.now, 1, Tunnelled);
    client.advance(secs(1));
    for earlier in [Resolved, Connected, Tunnelled] {
        client.machine.handle_progress(client.now, 1, earlier);
        assert_eq!(client.machine.poll_timeout(), Some(Instant::from_start(secs(4))), "{earlier:?}");
    }
    client.accept();
    let head = client.machine.poll_timeout();
    client.machine.handle_progress(client.now, 1, Resolved);
    assert_eq!(client.machine.poll_timeout(), head, "the connection stands");
    client.close();
    client.machine.handle_progress(client.now, 1, Resolved);
    assert_eq!(client.machine.state(), State::Closed);
}

#[test]
fn a_driver_that_tells_no_steps_but_the_end_is_understood() {
    let mut client = stepwise(tunnelled());
    assert!(client.accept().starts_with("GET / HTTP/1.1\r\n"));
    client.receive("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
    assert!(matches!(client.events[..], [Event::Opened { .. }]));
}

#[test]
fn peers_are_written_as_people_write_them() {
    let tcp = |host: &str, port| Peer::Tcp { host: host.into(), port }.to_string();
    assert_eq!(tcp("a.test", 80), "a.test:80");
    assert_eq!(tcp("192.0.2.1", 443), "192.0.2.1:443");
    assert_eq!(tcp("::1", 8080), "[::1]:8080");
}

// The tunnel.

#[test]
fn any_2xx_opens_the_tunnel_whatever_its_fields_say() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nProxy-agent: x\r\n\r\n",
        "HTTP/1.1 299 \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ] {
        assert_eq!(outcome(head.as_bytes(), &[]), (Some(Ok(())), Closing::No), "{head}");
    }
}

#[test]
fn anything_else_fails_with_its_reason() {
    let refused = |status| ConnectError::ProxyRefused { status };
    for (answer, error) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\nno".into(), refused(407)),
        ("HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\n\r\n".into(), refused(302)),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n".into(), refused(101)),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>".into(), refused(502)),
        ("HTTP/1.1 200 OK\r\n\r\nx".into(), TunnelError::Unasked.into()),
        ("\x16\x03\x01\x00".into(), TunnelError::Head(HeadError::Tls).into()),
        ("SSH-2.0-x\r\n\r\n".into(), TunnelError::Head(HeadError::NotHttp).into()),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(16 * 1024)),
            TunnelError::Head(HeadError::TooLong { limit: 16 * 1024 }).into(),
        ),
        ("HTTP/1.1 103 x\r\n\r\n".repeat(33), TunnelError::TooManyInterim { limit: 32 }.into()),
    ] {
        let (told, closing) = outcome(answer.as_bytes(), &[]);
        assert_eq!((told, closing), (Some(Err(error.clone())), Closing::Abort), "{answer:.40}");
        assert!(error.to_string().len() > 20, "{error}");
    }
}

#[test]
fn interim_answers_and_the_head_have_their_limits_exactly() {
    let interim = |count| "HTTP/1.1 102 x\r\n\r\n".repeat(count) + "HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(outcome(interim(32).as_bytes(), &[]).0, Some(Ok(())));
    assert!(matches!(outcome(interim(33).as_bytes(), &[]).0, Some(Err(_))));
    let head = |length| {
        let rest = length - "HTTP/1.1 200 OK\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(rest))
    };
    for (length, opens) in [(16 * 1024 - 1, true), (16 * 1024, true), (16 * 1024 + 1, false)] {
        assert_eq!(outcome(head(length).as_bytes(), &[]).0, Some(Ok(())).filter(|_| opens).or(Some(too_long())));
    }
}

#[test]
fn an_end_before_the_answer_is_a_failure_and_after_it_the_streams_affair() {
    for said in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\n"] {
        let mut tunnel = tunnel();
        tunnel.handle_input(Instant::START, said.as_bytes());
        assert_eq!(tunnel.poll_event(), None);
        tunnel.handle_eof(Instant::START);
        assert_eq!(tunnel.poll_event(), Some(Err(TunnelError::NoResponse.into())));
        tunnel.handle_input(Instant::START, b"HTTP/1.1 200 OK\r\n\r\n");
        tunnel.handle_eof(Instant::START);
        assert_eq!((tunnel.poll_event(), tunnel.closing()), (None, Closing::Abort), "later input is ignored");
    }
    let mut tunnel = tunnel();
    tunnel.handle_input(Instant::START, b"HTTP/1.1 200 OK\r\n\r\n");
    tunnel.handle_eof(Instant::START);
    assert_eq!((tunnel.poll_event(), tunnel.poll_event(), tunnel.closing()), (Some(Ok(())), None, Closing::No));
}

#[test]
fn a_tunnel_says_one_thing_and_has_no_deadline() {
    let mut tunnel = tunnel();
    assert_eq!(tunnel.poll_timeout(), None);
    let sent = tunnel.poll_transmit().expect("a request");
    let expected = "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nUser-Agent: me\r\n\
                    Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&sent), expected);
    assert_eq!(tunnel.poll_transmit(), None);
    tunnel.handle_timeout(Instant::from_start(secs(1_000_000)));
    assert_eq!((tunnel.poll_event(), tunnel.closing()), (None, Closing::No));
}

proptest! {
    #[test]
    fn cutting_the_answer_changes_nothing(
        parts in collection::vec(sample::select(ANSWERS), 0..6),
        lengths in collection::vec(any::<u8>(), 0..8),
    ) {
        let answer = parts.concat();
        prop_assert_eq!(outcome(answer.as_bytes(), &lengths), outcome(answer.as_bytes(), &[]));
    }

    #[test]
    fn no_answer_confuses_a_tunnel(lengths in "[@-_]{0,5}", answer: Vec<u8>) {
        fuzz_tunnel::tunnel(&[lengths.as_bytes(), b"\nHTTP/1.1 200", &answer].concat());
        fuzz_tunnel::tunnel(&[lengths.as_bytes(), b"\n", &answer].concat());
    }
}

const ANSWERS: &[&str] = &[
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n",
    "HTTP/1.1 502 ",
    "\r\n",
    "x",
    "\0",
];

fn tunnel() -> Tunnel {
    let mut config = tunnelled();
    config.fields.append("User-Agent", "me").unwrap();
    let connect = stepwise(config).connects.remove(0);
    let Connect { tunnel, .. } = connect;
    tunnel.expect("https by a proxy")
}

fn outcome(answer: &[u8], lengths: &[u8]) -> (Option<Result<(), ConnectError>>, Closing) {
    fuzz_tunnel::outcome(tunnel(), answer, lengths)
}

fn too_long() -> Result<(), ConnectError> {
    Err(TunnelError::Head(HeadError::TooLong { limit: 16 * 1024 }).into())
}

fn tunnelled() -> Config {
    let mut config = timed(config_of("https://a.test/"));
    config.proxies = Proxies::all(Proxy::parse("ann:secret@proxy.test:3128").expect("a proxy"));
    config
}

fn proxy() -> Option<Box<str>> {
    Some("proxy.test:3128".into())
}

fn timed(mut config: Config) -> Config {
    config.resolve_timeout = Some(secs(1));
    config.connect_timeout = Some(secs(2));
    config.tunnel_timeout = Some(secs(3));
    config.tls_timeout = Some(secs(4));
    config
}

/// A client whose driver tells each step itself.
fn stepwise(config: Config) -> Client {
    Client::stepwise(config)
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
