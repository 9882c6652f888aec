//! The blocking event source: the suite of the runtime adapters, with real sockets on free ports and no async.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/examples.rs"]
mod examples;
#[allow(dead_code, reason = "shared with another target")]
#[path = "support/secured.rs"]
mod secured;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tidewire_core::channels::{self, Channels};
use tidewire_core::client::{
    CloseReason, Config, ConnectError, Event, Peer, Proxies, Proxy as Way, Reason, Restart, State,
};
use tidewire_core::{api, server};
use tidewire_std::tls::{Client, Server};
use tidewire_std::{Clock, EventSource, OsRandom, SharedApi};
use tidewire_tests::authority::Authority;
use tidewire_tests::proxy::Proxy;
use tidewire_tests::relay::Relay;

use crate::examples::Example;
use crate::secured::Secured;

// Following.

#[test]
fn the_address_of_a_web_socket_ends_it_at_once_and_says_so() {
    let url = "ws://localhost:1/chat".parse().expect("a URL");
    let mut source = EventSource::new(Config::new(url));
    assert!(matches!(source.next(), Some(Event::Closed(CloseReason::WebSocketUrl(_)))));
    assert_eq!(source.next(), None);
}

#[test]
fn a_stream_is_followed_and_resumed_after_the_end_of_the_connection() {
    let (address, server) = scripted(|listener| {
        let mut first = answer(&listener, STREAM);
        first.write_all(b"id: 1\ndata: one\n\n: hi\nretry: 1\ndata: lo").expect("writes");
        drop(first);
        let (mut second, request) = accept(&listener);
        second.write_all(format!("{STREAM}data: two\n\n").as_bytes()).expect("writes");
        (second, request)
    });
    let mut source = EventSource::new(config(address));
    assert_eq!(source.state(), State::Connecting);
    assert!(matches!(source.next(), Some(Event::Opened { status: 200, .. })));
    assert_eq!(source.state(), State::Open);
    assert_eq!(message(&mut source), "one");
    assert!(matches!(source.next(), Some(Event::Comment(text)) if &*text == " hi"));
    assert!(matches!(source.next(), Some(Event::Retry(_))));
    assert_eq!(lost(&mut source), Reason::Ended { mid_event: true });
    assert_eq!(message(&mut source), "two");
    assert_eq!(source.machine().attempt(), 2);
    let (_, request) = server.join().expect("no panic");
    assert!(request.contains("\r\nLast-Event-ID: 1\r\n"), "{request}");
}

#[test]
fn a_killed_connection_resumes_exactly() {
    let served = Served::start();
    let relay = Relay::start(served.address, "");
    let mut source = EventSource::new(config_of(&format!("http://{}/v1/events?channel=c", relay.address())));
    named(&mut source, "connected");
    let mut last = 0;
    for _ in 0..3 {
        // Some are on their way when the connection is cut, and some come while it is.
        served.publish(last + 1..=last + 100);
        expect_numbers(&mut source, last + 1..=last + 50);
        relay.cut();
        served.publish(last + 101..=last + 200);
        relay.mend();
        expect_numbers(&mut source, last + 51..=last + 200);
        last += 200;
    }
    assert!(source.machine().attempt() >= 4);
}

#[test]
fn a_source_is_an_iterator_that_ends() {
    let (address, server) = scripted(|listener| {
        let mut peer = answer(&listener, STREAM);
        peer.write_all(b"data: 1\n\ndata: 2\n\n").expect("writes");
        drop(peer);
        answer(&listener, "HTTP/1.1 204 No Content\r\n\r\n")
    });
    let data = EventSource::new(config(address)).filter_map(|event| match event {
        Event::Message(message) => Some(message.data().to_owned()),
        _ => None,
    });
    assert_eq!(data.collect::<Vec<_>>(), ["1", "2"]);
    drop(server.join().expect("no panic"));
}

#[test]
fn who_waits_for_the_opening_gets_the_events_after_it_or_the_reason() {
    let (address, server) = scripted(|listener| {
        drop(listener.accept().expect("accepts"));
        let peer = answer(&listener, STREAM);
        let gone = answer(&listener, "HTTP/1.1 204 No Content\r\n\r\n");
        (peer, gone)
    });
    let mut source = EventSource::open(config(address)).expect("opens at the second attempt");
    assert_eq!((source.state(), source.machine().attempt()), (State::Open, 2));
    source.opened().expect("is open still");
    assert!(source.handle().status().last_error.is_some());
    assert!(matches!(source.next(), Some(Event::Opened { .. })));
    assert_eq!(EventSource::open(config(address)).map(drop), Err(CloseReason::NoContent));
    drop(server.join().expect("no panic"));
}

#[test]
fn an_answer_before_the_end_of_a_large_body_is_heard() {
    let (address, server) = scripted(|listener| {
        let (mut peer, request) = accept(&listener);
        // The body is never read: far more than the buffers of both sockets hold.
        peer.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno\n").expect("writes");
        (peer, request)
    });
    let mut config = config(address);
    config.method = tidewire_core::http::Method::POST;
    config.body = Some(vec![b'x'; 64 * 1024 * 1024].into());
    let mut source = EventSource::new(config);
    let event = source.next();
    assert!(
        matches!(&event, Some(Event::Closed(CloseReason::Status(refusal))) if refusal.head.status == 413),
        "{event:?}"
    );
    let (_peer, request) = server.join().expect("no panic");
    assert!(request.starts_with("POST "));
}

#[test]
fn a_large_body_arrives_whole() {
    let (address, server) = scripted(|listener| {
        let (mut peer, _) = accept(&listener);
        let mut body = vec![0; 16 * 1024 * 1024];
        peer.read_exact(&mut body).expect("a body");
        peer.write_all(STREAM.as_bytes()).expect("writes");
        (peer, body)
    });
    let mut config = config(address);
    config.method = tidewire_core::http::Method::POST;
    let body: Vec<u8> = (0..16 * 1024 * 1024u32).map(|at| (at >> 8) as u8 ^ at as u8).collect();
    config.body = Some(body.clone().into());
    let source = EventSource::open(config).expect("opens");
    let (_peer, received) = server.join().expect("no panic");
    assert!(received == body);
    drop(source);
}

#[test]
fn nothing_is_read_that_nobody_asks_for() {
    let (address, server) = scripted(|listener| {
        let mut peer = answer(&listener, STREAM);
        peer.set_nonblocking(true).expect("a socket");
        let line = format!("data: {}\n\n", "x".repeat(64 * 1024));
        let start = Instant::now();
        let mut written = 0;
        let mut stuck = 0;
        while start.elapsed() < PATIENCE && stuck < 200_000 {
            match peer.write(line.as_bytes()) {
                Ok(count) => (written, stuck) = (written + count, 0),
                Err(_) => stuck += 1,
            }
            thread::yield_now();
        }
        assert!(start.elapsed() < PATIENCE, "the client reads on and on");
        (peer, written)
    });
    let mut source = EventSource::open(config(address)).expect("opens");
    // The application takes its time.
    let (_peer, written) = server.join().expect("no panic");
    assert!(written > 0);
    assert!(matches!(source.next(), Some(Event::Opened { .. })));
}

// From elsewhere.

#[test]
fn a_handle_closes_in_the_middle_of_a_read() {
    let (address, server) = scripted(|listener| answer(&listener, STREAM));
    let mut source = EventSource::open(config(address)).expect("opens");
    source.next();
    let handle = source.handle();
    let closing = when_resting(move || handle.close());
    assert_eq!(source.next(), Some(Event::Closed(CloseReason::Requested)));
    assert_eq!(source.next(), None);
    closing.join().expect("no panic");
    assert!(is_gone(&mut server.join().expect("no panic")));
    assert_eq!(source.handle().state(), State::Closed);
}

#[test]
fn a_handle_closes_in_the_middle_of_a_wait_of_an_hour() {
    let mut config = config(nobody());
    config.backoff.base = Duration::from_secs(3600);
    config.backoff.max = Some(Duration::from_secs(3600));
    config.backoff.jitter = 0.0;
    let mut source = EventSource::new(config);
    assert_eq!(lost(&mut source), Reason::Connect(ConnectError::Refused));
    assert!(source.handle().status().retry_at.is_some());
    let handle = source.handle();
    let closing = when_resting(move || handle.close());
    assert_eq!(source.next(), Some(Event::Closed(CloseReason::Requested)));
    closing.join().expect("no panic");
}

#[test]
fn a_handle_restarts_a_wait_and_a_stream() {
    let mut config = config(nobody());
    config.backoff.base = Duration::from_secs(3600);
    config.backoff.max = Some(Duration::from_secs(3600));
    let mut source = EventSource::new(config);
    lost(&mut source);
    let handle = source.handle();
    let restarting = when_resting(move || handle.restart(Restart::AtOnce));
    assert_eq!(lost(&mut source), Reason::Connect(ConnectError::Refused), "it was tried again at once");
    restarting.join().expect("no panic");

    let (address, server) = scripted(|listener| {
        let first = answer(&listener, STREAM);
        (first, answer(&listener, STREAM))
    });
    let mut source = EventSource::open(self::config(address)).expect("opens");
    source.next();
    let handle = source.handle();
    let restarting = when_resting(move || handle.restart(Restart::AtOnce));
    assert_eq!(lost(&mut source), Reason::Restart);
    assert!(matches!(source.next(), Some(Event::Opened { .. })));
    restarting.join().expect("no panic");
    let (mut first, _second) = server.join().expect("no panic");
    assert!(is_gone(&mut first));
    source.handle().restart(Restart::AtOnce);
    source.handle().close();
    assert_eq!(source.next(), Some(Event::Closed(CloseReason::Requested)), "closing is before all");
}

#[test]
fn a_handle_closes_while_the_connection_is_being_made() {
    // The kernel accepts, and the proxy never answers.
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    for url in ["https://a.test/", "http://a.test/"] {
        let mut config = config_of(url);
        config.proxies = Proxies::all(Way::parse(&address_of(&proxy).to_string()).expect("a proxy"));
        let mut source = EventSource::new(config);
        let handle = source.handle();
        let closing = when_resting(move || handle.close());
        assert_eq!(source.next(), Some(Event::Closed(CloseReason::Requested)));
        closing.join().expect("no panic");
        let (mut peer, _) = proxy.accept().expect("connected");
        assert!(is_gone(&mut peer));
    }
}

#[test]
fn a_dropped_source_drops_its_connection() {
    let (address, server) = scripted(|listener| answer(&listener, STREAM));
    let source = EventSource::open(config(address)).expect("opens");
    let handle = source.handle();
    drop(source);
    assert!(is_gone(&mut server.join().expect("no panic")));
    assert_eq!(handle.state(), State::Closed);
    handle.close();
}

// Deadlines and failures.

#[test]
fn a_silent_server_is_left_after_the_read_timeout() {
    let (address, server) = scripted(|listener| answer(&listener, STREAM));
    let mut config = config(address);
    config.read_timeout = Some(Duration::from_millis(30));
    let mut source = EventSource::open(config).expect("opens");
    source.next();
    assert!(matches!(lost(&mut source), Reason::ReadTimeout { .. }));
    assert!(is_gone(&mut server.join().expect("no panic")));
}

#[test]
fn what_came_while_the_application_was_busy_is_no_silence() {
    let (address, server) = scripted(|listener| answer(&listener, STREAM));
    let mut config = config(address);
    let limit = Duration::from_millis(1);
    config.read_timeout = Some(limit);
    let mut source = EventSource::open(config).expect("opens");
    let mut peer = server.join().expect("no panic");
    peer.write_all(b"data: late\n\n").expect("writes");
    let opened = Instant::now();
    while opened.elapsed() < 20 * limit {
        thread::yield_now();
    }
    assert!(matches!(source.next(), Some(Event::Opened { .. })));
    assert!(matches!(source.next(), Some(Event::Message(message)) if message.data() == "late"));
}

#[test]
fn a_server_that_never_answers_and_one_that_stops_midway_have_their_deadlines() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let limit = Duration::from_millis(20);
    let mut plain = config(address_of(&listener));
    plain.head_timeout = Some(limit);
    assert_eq!(lost(&mut EventSource::new(plain)), Reason::HeadTimeout { after: limit });
    let mut secure = config_of(&format!("https://localhost:{}/", address_of(&listener).port()));
    secure.tls_timeout = Some(limit);
    assert_eq!(lost(&mut EventSource::new(secure.clone())), Reason::TlsTimeout { after: limit });
    secure.tunnel_timeout = Some(limit);
    secure.proxies = Proxies::all(Way::parse(&address_of(&listener).to_string()).expect("a proxy"));
    assert_eq!(lost(&mut EventSource::new(secure)), Reason::TunnelTimeout { after: limit });
}

#[test]
fn a_name_is_not_waited_for_longer_than_its_deadline() {
    let mut config = config_of("http://slow.invalid/");
    config.resolve_timeout = Some(Duration::ZERO);
    let mut source = EventSource::new(config);
    assert_eq!(lost(&mut source), Reason::ResolveTimeout { after: Duration::ZERO, proxy: None });
}

#[test]
fn a_refused_connection_is_tried_again() {
    let mut source = EventSource::new(config(nobody()));
    for attempt in 1..=3 {
        assert_eq!(lost(&mut source), Reason::Connect(ConnectError::Refused));
        assert_eq!(source.machine().attempt(), attempt);
    }
}

#[test]
fn a_name_without_address_is_said_to_be_so() {
    let mut source = EventSource::new(config_of("http://name.invalid/"));
    assert_eq!(lost(&mut source), Reason::Connect(ConnectError::Resolve));
}

#[test]
fn a_name_with_several_addresses_is_tried_until_one_answers() {
    // `localhost` is ::1 as well on many machines, where nobody listens.
    let (address, server) = scripted(|listener| answer(&listener, STREAM));
    let source = EventSource::open(config_of(&format!("http://localhost:{}/", address.port())));
    drop(server.join().expect("no panic"));
    source.expect("opens");
}

// Ways.

#[test]
fn a_unix_socket_is_followed() {
    let folder = Folder::new("blocking");
    let path = folder.0.join("socket");
    let mut config = config_of("http://app.test/events");
    config.unix_socket = Some(path.to_str().expect("text").into());
    let mut source = EventSource::new(config.clone());
    assert_eq!(lost(&mut source), Reason::Connect(ConnectError::NotFound));
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("binds");
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("accepts");
        let request = request(&mut peer);
        peer.write_all(format!("{STREAM}data: here\n\n").as_bytes()).expect("writes");
        (peer, request)
    });
    assert_eq!(message(&mut source), "here");
    let (_peer, request) = server.join().expect("no panic");
    assert!(request.starts_with("GET /events HTTP/1.1\r\n") && request.contains("\r\nHost: app.test\r\n"), "{request}");
    assert_eq!(Peer::Unix("x".into()).to_string(), "unix:x");
}

#[test]
fn http_goes_through_the_proxy_with_its_credentials() {
    let (address, server) = scripted(|listener| {
        let (mut peer, request) = accept(&listener);
        peer.write_all(format!("{STREAM}data: here\n\n").as_bytes()).expect("writes");
        (peer, request)
    });
    let proxy = Proxy::asking_for("Basic dTpw");
    let mut config = config(address);
    let with = |credentials: &str| Proxies::all(Way::parse(&format!("{credentials}{}", proxy.address())).expect("one"));
    config.proxies = with("u:wrong@");
    let event = EventSource::new(config.clone()).next();
    assert!(
        matches!(&event, Some(Event::Closed(CloseReason::Status(refusal))) if refusal.head.status == 407),
        "{event:?}"
    );
    config.proxies = with("u:p@");
    let mut source = EventSource::new(config);
    assert_eq!(message(&mut source), "here");
    proxy.head();
    assert!(proxy.head().starts_with(&format!("GET http://{address}/ HTTP/1.1\r\n")));
    let (_peer, request) = server.join().expect("no panic");
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains("dTpw"));
}

#[test]
fn https_goes_through_a_tunnel_of_the_proxys() {
    let authority = Authority::new();
    let issued = authority.issue(&["a.test"]);
    let tls = Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
    let (address, server) = scripted(move |listener| {
        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
        let request = peer.request();
        peer.say(&format!("{STREAM}data: secret\n\n"));
        assert_eq!(peer.name.as_deref(), Some("a.test"));
        (peer.hears_the_end(), request)
    });
    let proxy = Proxy::leading_to(address);
    proxy.refuse("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    let mut config = config_of("https://a.test/events");
    config.proxies = Proxies::all(Way::parse(&format!("u:p@{}", proxy.address())).expect("a proxy"));
    let mut source = EventSource::new(config.clone()).with_tls(trusting(&authority));
    let refused = |status| ConnectError::Proxy {
        proxy: proxy.address().to_string().into(),
        error: Box::new(ConnectError::ProxyRefused { status }),
    };
    assert_eq!(lost(&mut source), Reason::Connect(refused(503)));
    assert_eq!(message(&mut source), "secret");
    drop(source);
    let (said, request) = server.join().expect("no panic");
    assert!(said, "the client says that it leaves");
    assert!(request.starts_with("GET /events HTTP/1.1\r\n") && !request.contains("Proxy-"), "{request}");
    for _ in 0..2 {
        assert_eq!(
            proxy.head(),
            format!(
                "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nUser-Agent: tidewire/{}\r\n\
                 Proxy-Authorization: Basic dTpw\r\n\r\n",
                env!("CARGO_PKG_VERSION")
            )
        );
    }
    proxy.refuse("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let event = EventSource::new(config).next();
    assert!(matches!(&event, Some(Event::Closed(reason)) if reason.to_string().contains("407")), "{event:?}");
}

#[test]
fn a_stream_over_tls_is_followed_and_a_cut_is_no_end() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"]);
    let tls = Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
    let (address, server) = scripted(move |listener| {
        let mut first = Secured::accept(&listener, &tls).expect("shakes hands");
        assert_eq!(first.offered, ["http/1.1"]);
        first.request();
        first.say(&format!("{STREAM}id: 1\ndata: one\n\n"));
        first.cut();
        let mut second = Secured::accept(&listener, &tls).expect("shakes hands");
        assert!(second.request().contains("Last-Event-ID: 1\r\n"));
        second.say(&format!("{STREAM}data: two\n\n"));
        second.hears_the_end()
    });
    let url = format!("https://localhost:{}/", address.port());
    let mut source = EventSource::new(config_of(&url)).with_tls(trusting(&authority));
    assert_eq!(message(&mut source), "one");
    assert_eq!(lost(&mut source), Reason::Reset);
    assert_eq!(message(&mut source), "two");
    let handle = source.handle();
    let closing = when_resting(move || handle.close());
    assert_eq!(source.next(), Some(Event::Closed(CloseReason::Requested)));
    closing.join().expect("no panic");
    assert!(server.join().expect("no panic"), "the client says that it leaves");
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused_and_plain_http_named() {
    let issued = Authority::new().issue(&["localhost"]);
    let tls = Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
    let (address, server) = scripted(move |listener| Secured::accept(&listener, &tls).map(drop));
    let mut source = EventSource::new(config_of(&format!("https://localhost:{}/", address.port())));
    let told = lost(&mut source).to_string();
    assert!(told.contains("issuer is not trusted"), "{told}");
    assert!(server.join().expect("no panic").is_err());
    let (address, server) = scripted(|listener| {
        let (mut peer, _) = listener.accept().expect("accepts");
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("answers");
        let _ = peer.read_to_end(&mut Vec::new());
    });
    let mut source = EventSource::new(config_of(&format!("https://localhost:{}/", address.port())));
    let told = lost(&mut source).to_string();
    assert!(told.contains("does not speak TLS"), "{told}");
    drop(source);
    server.join().expect("no panic");
}

// The example.

#[test]
fn the_example_tail_follows_over_a_cut() {
    let served = Served::start();
    let relay = Relay::start(served.address, "");
    let tail = Example::start("std", "tail", &[&format!("http://{}/v1/events?channel=c", relay.address())]);
    assert!(tail.line().starts_with("connected "));
    for number in 1..=3 {
        served.publish(number..=number);
        let line = tail.line();
        assert!(line.starts_with("message ") && line.contains(&format!(r#""data":"{number}""#)), "{line}");
        relay.cut();
        relay.mend();
        assert!(tail.line().starts_with("connected "));
    }
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(30);

fn config(address: SocketAddr) -> Config {
    config_of(&format!("http://{address}/"))
}

fn config_of(url: &str) -> Config {
    let mut config = Config::new(url.parse().expect("a URL"));
    config.backoff.base = Duration::from_millis(1);
    config
}

fn trusting(authority: &Authority) -> Client {
    Client::only_roots_pem(authority.pem().as_bytes()).expect("roots")
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    address_of(&TcpListener::bind("127.0.0.1:0").expect("a free port"))
}

fn address_of(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("it is bound")
}

/// Serves connections by hand on a free port, in a thread of its own.
fn scripted<T: Send + 'static>(script: impl FnOnce(TcpListener) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    (address_of(&listener), thread::spawn(move || script(listener)))
}

fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut peer, _) = listener.accept().expect("accepts");
    peer.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let head = request(&mut peer);
    (peer, head)
}

fn answer(listener: &TcpListener, head: &str) -> TcpStream {
    let (mut peer, _) = accept(listener);
    peer.write_all(head.as_bytes()).expect("writes");
    peer
}

fn request(peer: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).expect("a request");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// Reads on to the end of the client's side; how it ends does not matter.
fn is_gone(peer: &mut TcpStream) -> bool {
    peer.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let timed_out = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    let gone = !peer.read_to_end(&mut Vec::new()).is_err_and(timed_out);
    let _ = peer.shutdown(Shutdown::Both);
    gone
}

/// Does it in another thread, once the thread that calls this sleeps in the kernel.
fn when_resting(act: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let waiting = format!("/proc/self/task/{}/stat", thread_number());
    thread::spawn(move || {
        let start = Instant::now();
        let mut resting = 0;
        // Asleep at many looks in a row: not between two calls.
        while resting < 50 && start.elapsed() < PATIENCE {
            let stat = std::fs::read_to_string(&waiting).unwrap_or_default();
            let state = stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
            resting = if state == Some('S') { resting + 1 } else { 0 };
            thread::yield_now();
        }
        act();
    })
}

/// Returns the number that the kernel has for this thread.
fn thread_number() -> String {
    let link = std::fs::read_link("/proc/thread-self").expect("Linux");
    link.file_name().expect("PID/task/TID").to_string_lossy().into_owned()
}

fn message(source: &mut EventSource) -> String {
    for event in source.by_ref() {
        match event {
            Event::Message(message) => return message.data().to_owned(),
            Event::Closed(reason) => panic!("{reason}"),
            _ => {}
        }
    }
    panic!("it is over");
}

fn named(source: &mut EventSource, event_type: &str) -> String {
    for event in source.by_ref() {
        match event {
            Event::Message(message) if message.event_type() == event_type => return message.data().to_owned(),
            Event::Closed(reason) => panic!("{reason}"),
            _ => {}
        }
    }
    panic!("it is over");
}

/// Waits for the end of an attempt or connection.
fn lost(source: &mut EventSource) -> Reason {
    for event in source.by_ref() {
        match event {
            Event::Disconnected { reason, .. } => return reason,
            Event::Closed(reason) => panic!("{reason}"),
            _ => {}
        }
    }
    panic!("it is over");
}

/// Waits for the next publications, which have to be these.
fn expect_numbers(source: &mut EventSource, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let envelope = named(source, "message");
        assert!(envelope.contains(&format!(r#""data":"{number}""#)), "{number}: {envelope}");
    }
}

/// The program's server, in a thread that ends with the test.
struct Served {
    address: SocketAddr,
    shared: Arc<SharedApi>,
}

impl Served {
    fn start() -> Self {
        let clock = Clock::start();
        let channels = Channels::new(channels::Config::default(), Box::new(OsRandom), clock.now());
        let api = api::Api::new(api::Config::default());
        let shared = SharedApi::new(api, channels, server::Config::default(), clock);
        let listener = smol::block_on(smol::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            smol::block_on(tidewire_smol::serve(listener, serving, std::future::pending::<()>()));
        });
        Self { address, shared }
    }

    fn publish(&self, numbers: std::ops::RangeInclusive<u32>) {
        for number in numbers {
            self.shared.publish_text("c", "me", &number.to_string()).expect("publishes");
        }
    }
}

/// A folder that goes with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidewire-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
