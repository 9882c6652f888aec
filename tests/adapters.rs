//! The same suite on both runtimes, with real sockets on free ports.

#[path = "support/examples.rs"]
mod examples;
#[path = "support/lines.rs"]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_tokio.rs"]
mod on_tokio;

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
            use std::net::{Shutdown, SocketAddr};
            use std::sync::Arc;
            use std::sync::atomic::{AtomicUsize, Ordering};
            use std::thread;
            use std::time::Duration;

            use futures_lite::future::{or, poll_once, yield_now, zip};
            use tidewire_core::client::{self, CloseReason, ConnectError, Reason, Restart, RetryStatus, State};
            use tidewire_core::sse::Event;
            use tidewire_core::channels::{self, Channels};
            use tidewire_core::{UnixTime, api, server};
            use tidewire_std::{Clock, OsRandom, ReadError, SharedApi};
            use tidewire_tests::canned::{Answer, Canned};
            use tidewire_tests::relay::Relay;

            use crate::$runtime::{
                Connection, Connector, Counted, Endless, EventSource, Reader, TcpListener, TcpStream, assert_here, run, serve,
                serve_connection, spawn,
            };
            use crate::examples::Example;
            use crate::lines::{Deaf, Flood, Line, Lines, PATIENCE};

            async fn pair() -> (TcpStream, TcpStream) {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                let (one, other) = zip(TcpStream::connect(address), listener.accept()).await;
                (one.expect("connects"), other.expect("accepts").0)
            }

            /// One end of ours and one that the test moves by blocking calls.
            async fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let peer = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
                (listener.accept().await.expect("accepts").0, peer)
            }

            fn lines_of(socket: TcpStream, lines: Lines) -> Connection<TcpStream, Lines> {
                Connection::new(socket, lines, Clock::start())
            }

            #[test]
            fn a_wait_given_up_anywhere_loses_nothing() {
                run(async {
                    assert_here();
                    let (one, other) = pair().await;
                    let ends = [lines_of(one, Lines::numbered(2000)), lines_of(other, Lines::numbered(3000))];
                    let [one, other] = ends.map(|mut end| async move {
                        let mut seen = Vec::new();
                        loop {
                            // Each wait is polled once and dropped.
                            match poll_once(end.next()).await {
                                Some(Ok(Some(Line(line)))) => seen.push(line),
                                Some(Ok(None)) => return seen,
                                Some(Err(error)) => panic!("{error}"),
                                None => yield_now().await,
                            }
                        }
                    });
                    let (from_other, from_one) = zip(one, other).await;
                    assert_eq!(from_other, (0..3000).map(|n| n.to_string()).collect::<Vec<_>>());
                    assert_eq!(from_one, (0..2000).map(|n| n.to_string()).collect::<Vec<_>>());
                });
            }

            #[test]
            fn two_peers_that_both_write_do_not_deadlock() {
                run(async {
                    // Far more than the buffers of both sockets hold.
                    let (one, other) = pair().await;
                    let ends = [one, other].map(|socket| async {
                        let mut end = lines_of(socket, Lines::long(64, 1024 * 1024));
                        let mut count = 0;
                        while let Some(Line(line)) = end.next().await.expect("no error") {
                            count += line.len();
                        }
                        count
                    });
                    let [one, other] = ends;
                    assert_eq!(zip(one, other).await, (64 * 1024 * 1024, 64 * 1024 * 1024));
                });
            }

            #[test]
            fn a_peer_that_never_reads_cannot_hold_us() {
                run(async {
                    let (socket, peer) = pair_with_std().await;
                    let mut end = lines_of(socket, Lines::long(64, 1024 * 1024).lingering(Duration::from_millis(50)));
                    assert!(end.next().await.expect("no error").is_none());
                    drop(peer);
                });
            }

            #[test]
            fn a_peer_that_never_reads_is_still_heard() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut end = lines_of(socket, Lines::long(64, 1024 * 1024));
                    peer.write_all(b"heard\n").expect("writes");
                    assert_eq!(end.next().await.expect("no error"), Some(Line("heard".into())));
                });
            }

            #[test]
            fn what_a_peer_said_before_it_went_away_is_heard() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut end = lines_of(socket, Lines::numbered(10));
                    peer.write_all(b"last words\n").expect("writes");
                    drop(peer);
                    assert_eq!(end.next().await.expect("no error"), Some(Line("last words".into())));
                });
            }

            #[test]
            fn a_stream_that_never_waits_leaves_the_others_their_turn() {
                run(async {
                    let mut end = Connection::new(Endless, Deaf, Clock::start());
                    let others = async {
                        for _ in 0..10 {
                            yield_now().await;
                        }
                    };
                    or(async { drop(end.next().await) }, others).await;
                });
            }

            #[test]
            fn a_reader_tells_a_clean_end_from_one_within_an_event() {
                run(async {
                    for (bytes, clean) in [(&b"data: 1\n\n"[..], true), (b"data: 1\n\ndata: 2\n", false)] {
                        let (socket, mut peer) = pair_with_std().await;
                        let mut reader = Reader::new(socket);
                        peer.write_all(bytes).expect("writes");
                        peer.shutdown(Shutdown::Write).expect("ends");
                        let first = reader.next().await.expect("reads");
                        assert!(matches!(first, Some(Event::Message(message)) if message.data() == "1"));
                        let end = reader.next().await;
                        assert_eq!(matches!(end, Ok(None)), clean, "{end:?}");
                        assert_eq!(matches!(end, Err(ReadError::MidEvent)), !clean, "{end:?}");
                        assert!(matches!(reader.next().await, Ok(None)));
                    }
                });
            }

            #[test]
            fn a_reader_gives_up_on_silence_and_reads_on_when_asked() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut reader = Reader::new(socket).with_timeout(Duration::from_millis(20));
                    peer.write_all(b"data: o").expect("writes");
                    assert!(matches!(reader.next().await, Err(ReadError::TimedOut)));
                    peer.write_all(b"ne\n\n").expect("writes");
                    let event = loop {
                        match reader.next().await {
                            Err(ReadError::TimedOut) => {}
                            other => break other.expect("reads"),
                        }
                    };
                    assert!(matches!(event, Some(Event::Message(message)) if message.data() == "one"));
                });
            }

            #[test]
            fn any_byte_is_a_sign_of_life_to_a_reader() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut reader = Reader::new(socket).with_timeout(Duration::from_secs(1));
                    let line = format!("data: {}\n\n", "x".repeat(70));
                    let slow = thread::spawn(move || {
                        for byte in line.bytes() {
                            peer.write_all(&[byte]).expect("writes");
                            thread::sleep(Duration::from_millis(20));
                        }
                    });
                    let event = reader.next().await.expect("it is never silent for a second");
                    assert!(matches!(event, Some(Event::Message(message)) if message.data().len() == 70));
                    slow.join().expect("no panic");
                });
            }

            fn shared(session: server::Config) -> Arc<SharedApi> {
                let clock = Clock::start();
                let mut config = channels::Config::default();
                config.retry = Some(Duration::from_millis(10));
                // A driver that forgets to go on must not be reminded.
                config.heartbeat = None;
                let channels = Channels::new(config, Box::new(OsRandom), clock.now());
                SharedApi::new(api::Api::new(api::Config::default()), channels, session, clock)
            }

            /// A server on a free port; dropping the first sender stops it, the receiver hears when it has stopped.
            struct Server {
                address: SocketAddr,
                shared: Arc<SharedApi>,
                stop: Option<smol::channel::Sender<()>>,
                stopped: smol::channel::Receiver<()>,
            }

            async fn start(session: server::Config) -> Server {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                let shared = shared(session);
                let (stop, stopping) = smol::channel::bounded::<()>(1);
                let (done, stopped) = smol::channel::bounded::<()>(1);
                let served = Arc::clone(&shared);
                spawn(async move {
                    assert_here();
                    serve(listener, served, stopping.recv()).await;
                    drop(done);
                });
                Server { address, shared, stop: Some(stop), stopped }
            }

            impl Server {
                fn publish(&self, numbers: std::ops::RangeInclusive<u32>) {
                    for number in numbers {
                        self.shared.publish_text("c", "me", &number.to_string()).expect("publishes");
                    }
                }

                async fn stop(mut self) {
                    self.stop = None;
                    assert!(self.stopped.recv().await.is_err(), "closed, not sent to");
                }
            }

            fn config(address: impl std::fmt::Display, path: &str) -> client::Config {
                client::Config::new(format!("http://{address}{path}").parse().expect("a URL"))
            }

            fn follow(address: SocketAddr) -> EventSource {
                EventSource::new(config(address, "/v1/events?channel=c"))
            }

            /// Waits for the next message of that type.
            async fn message(source: &mut EventSource, event_type: &str) -> String {
                loop {
                    match source.next().await.expect("goes on") {
                        client::Event::Message(message) if message.event_type() == event_type => {
                            return message.data().to_owned();
                        }
                        client::Event::Closed(reason) => panic!("{reason}"),
                        _ => {}
                    }
                }
            }

            /// Waits for the next publications, which have to be these.
            async fn expect_numbers(source: &mut EventSource, numbers: std::ops::RangeInclusive<u32>) {
                for number in numbers {
                    let envelope = message(source, "message").await;
                    assert!(envelope.contains(&format!(r#""data":"{number}""#)), "{number}: {envelope}");
                }
            }

            #[test]
            fn a_killed_connection_resumes_exactly() {
                run(async {
                    let server = start(server::Config::default()).await;
                    let relay = Relay::start(server.address, "");
                    let mut source = follow(relay.address());
                    message(&mut source, "connected").await;
                    let mut last = 0;
                    for _ in 0..3 {
                        // Some are on their way when the connection is cut, and some come while it is.
                        server.publish(last + 1..=last + 100);
                        expect_numbers(&mut source, last + 1..=last + 50).await;
                        relay.cut();
                        server.publish(last + 101..=last + 200);
                        relay.mend();
                        expect_numbers(&mut source, last + 51..=last + 200).await;
                        last += 200;
                    }
                    assert!(source.machine().attempt() >= 4);
                    drop(source);
                    server.stop().await;
                });
            }

            #[test]
            fn many_readers_get_all_of_many_publishers_in_one_order() {
                run(async {
                    let server = start(server::Config::default()).await;
                    let mut readers = Vec::new();
                    for _ in 0..20 {
                        let mut source = follow(server.address);
                        message(&mut source, "connected").await;
                        let (sender, seen) = smol::channel::bounded(1);
                        spawn(async move {
                            let mut all = Vec::new();
                            while all.len() < 400 {
                                all.push(message(&mut source, "message").await);
                            }
                            let _ = sender.send(all).await;
                        });
                        readers.push(seen);
                    }
                    let publishers = [0, 1, 2, 3].map(|_| {
                        let shared = Arc::clone(&server.shared);
                        thread::spawn(move || {
                            for number in 0..100 {
                                shared.publish_text("c", "me", &number.to_string()).expect("publishes");
                            }
                        })
                    });
                    let mut seen = Vec::new();
                    for reader in readers {
                        seen.push(reader.recv().await.expect("sees all"));
                    }
                    for publisher in publishers {
                        publisher.join().expect("publishes");
                    }
                    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
                    server.stop().await;
                });
            }

            #[test]
            fn a_burst_is_one_write() {
                run(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                    let mut source = follow(listener.local_addr().expect("bound"));
                    let shared = shared(server::Config::default());
                    let writes = Arc::new(AtomicUsize::new(0));
                    let serving = async {
                        let socket = listener.accept().await.expect("accepts").0;
                        let counted = Counted { socket, writes: Arc::clone(&writes), read: Arc::default() };
                        serve_connection(&shared, counted).await
                    };
                    let reading = async {
                        message(&mut source, "connected").await;
                        let before = writes.load(Ordering::Relaxed);
                        for number in 1..=100 {
                            shared.publish_text("c", "me", &number.to_string()).expect("publishes");
                        }
                        expect_numbers(&mut source, 1..=100).await;
                        assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
                        Ok(())
                    };
                    or(reading, serving).await.expect("no error");
                });
            }

            #[test]
            fn a_reader_that_pauses_is_given_the_rest() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    peer.write_all(b"GET /v1/events?channel=c HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("asks");
                    peer.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                    let mut lines = BufReader::new(peer.try_clone().expect("a socket")).lines().map_while(Result::ok);
                    let shared = shared(server::Config::default());
                    let reading = async {
                        let lines = smol::unblock(move || {
                            assert!(lines.any(|line| line == "event: connected"));
                            lines
                        });
                        let lines = lines.await;
                        // More than the sockets hold, and less than the log; then turns until nothing moves any more.
                        let text = "x".repeat(60_000);
                        for _ in 0..100 {
                            shared.publish_text("c", "me", &text).expect("publishes");
                        }
                        for _ in 0..10_000 {
                            yield_now().await;
                        }
                        let rest = smol::unblock(|| lines.filter(|line| line == "event: message").take(100).count());
                        assert_eq!(rest.await, 100);
                        Ok(())
                    };
                    or(serve_connection(&shared, socket), reading).await.expect("no error");
                    drop(peer);
                });
            }

            #[test]
            fn a_reader_that_never_reads_is_dropped() {
                run(async {
                    let mut config = server::Config::default();
                    config.stall_timeout = Duration::from_millis(50);
                    let (socket, mut peer) = pair_with_std().await;
                    peer.write_all(b"GET /v1/events?channel=c HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("asks");
                    let shared = shared(config);
                    let publishing = async {
                        while shared.connections() == 0 {
                            yield_now().await;
                        }
                        // More than the sockets hold.
                        let text = "x".repeat(60_000);
                        loop {
                            shared.publish_text("c", "me", &text).expect("publishes");
                            yield_now().await;
                        }
                    };
                    or(serve_connection(&shared, socket), publishing).await.expect("no error");
                    assert_eq!(shared.connections(), 0);
                    drop(peer);
                });
            }

            #[test]
            fn shutdown_says_goodbye_and_waits_for_the_end() {
                run(async {
                    let server = start(server::Config::default()).await;
                    let (address, shared) = (server.address, Arc::clone(&server.shared));
                    let mut source = follow(address);
                    message(&mut source, "connected").await;
                    server.publish(1..=1);
                    let (mut goodbye, mut again) = (false, false);
                    let leaving = async {
                        while !again {
                            match source.next().await.expect("goes on") {
                                client::Event::Retry(_) => goodbye = true,
                                client::Event::Disconnected { reason, .. } => {
                                    assert_eq!(reason, Reason::Ended { mid_event: false });
                                    again = true;
                                }
                                _ => {}
                            }
                        }
                    };
                    zip(server.stop(), leaving).await;
                    assert!(goodbye);
                    assert_eq!(shared.connections(), 0);
                    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens");
                });
            }

            #[test]
            fn shutdown_does_not_wait_for_a_peer_that_never_reads() {
                run(async {
                    let mut config = server::Config::default();
                    config.linger = Duration::from_millis(50);
                    let server = start(config).await;
                    let mut peer = std::net::TcpStream::connect(server.address).expect("connects");
                    peer.write_all(b"GET /v1/events?channel=c HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("asks");
                    let mut first = [0; 4];
                    peer.read_exact(&mut first).expect("is answered");
                    let text = "x".repeat(60_000);
                    for _ in 0..200 {
                        server.shared.publish_text("c", "me", &text).expect("publishes");
                    }
                    server.stop().await;
                    drop(peer);
                });
            }

            /// A server by hand: hears a request and answers with the head of a stream.
            fn answer(listener: &std::net::TcpListener) -> std::net::TcpStream {
                let (mut peer, _) = listener.accept().expect("accepts");
                peer.set_read_timeout(Some(PATIENCE)).expect("sets it");
                let mut lines = BufReader::new(peer.try_clone().expect("clones")).lines();
                while lines.next().expect("a head").expect("text") != "" {}
                peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").expect("answers");
                peer
            }

            /// Waits for the end, polite or not.
            fn is_gone(peer: &mut std::net::TcpStream) -> bool {
                match peer.read(&mut [0]) {
                    Ok(count) => count == 0,
                    Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
                }
            }

            #[test]
            fn who_waits_for_the_opening_gets_all_events_from_then_on() {
                run(async {
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    let server = thread::spawn(move || {
                        // The first connection is refused a response.
                        drop(listener.accept().expect("accepts"));
                        let mut peer = answer(&listener);
                        peer.write_all(b"id: 7\ndata: one\n\n").expect("writes");
                        peer
                    });
                    let mut config = config(address, "/");
                    config.backoff.base = Duration::from_millis(1);
                    let mut source = EventSource::new(config);
                    // Given up midway, again and again, it loses nothing.
                    while poll_once(source.opened()).await.is_none() {
                        yield_now().await;
                    }
                    let status = source.handle().status();
                    assert_eq!((status.state, status.attempt), (State::Open, 2));
                    assert!(status.last_error.is_some());
                    source.opened().await.expect("is open still");
                    assert!(matches!(source.next().await, Some(client::Event::Opened { .. })));
                    let next = source.next().await;
                    assert!(matches!(next, Some(client::Event::Message(message)) if message.data() == "one"));
                    assert!(poll_once(source.next()).await.is_none());
                    assert_eq!(source.handle().status().last_event_id, "7");
                    drop(server.join().expect("no panic"));
                });
            }

            #[test]
            fn who_waits_for_the_opening_hears_why_there_is_none() {
                run(async {
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    let server = thread::spawn(move || {
                        let (mut peer, _) = listener.accept().expect("accepts");
                        peer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("answers");
                        peer
                    });
                    let mut source = EventSource::new(config(address, "/"));
                    assert_eq!(source.opened().await, Err(CloseReason::NoContent));
                    assert_eq!(source.opened().await, Err(CloseReason::NoContent));
                    assert_eq!(source.next().await, Some(client::Event::Closed(CloseReason::NoContent)));
                    assert_eq!(source.next().await, None);
                    assert_eq!(source.opened().await, Err(CloseReason::NoContent));
                    drop(server.join().expect("no panic"));
                });
            }

            #[test]
            fn a_source_is_a_stream() {
                run(async {
                    use futures_lite::StreamExt;
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    let server = thread::spawn(move || {
                        let mut peer = answer(&listener);
                        peer.write_all(b"data: 1\n\ndata: 2\n\ndata: 3\n\n").expect("writes");
                        peer
                    });
                    let source = EventSource::new(config(address, "/"));
                    let data = source.filter_map(|event| match event {
                        client::Event::Message(message) => Some(message.data().to_owned()),
                        _ => None,
                    });
                    assert_eq!(data.take(3).collect::<Vec<_>>().await, ["1", "2", "3"]);
                    drop(server.join().expect("no panic"));
                });
            }

            #[test]
            fn nothing_is_read_ahead_of_the_application_but_one_read() {
                run(async {
                    let given = Arc::new(AtomicUsize::new(0));
                    let count = Arc::clone(&given);
                    let connector = Connector::from_fn(move |_| {
                        let flood = Flood::new(Arc::clone(&count));
                        async { Ok(flood) }
                    });
                    let mut source = EventSource::with_connector(config("localhost", "/"), connector);
                    let mut taken = Flood::HEAD.len();
                    for _ in 0..10_000 {
                        if let client::Event::Message(_) = source.next().await.expect("goes on") {
                            taken += Flood::EVENT.len();
                        }
                        let ahead = given.load(Ordering::Relaxed) - taken;
                        assert!(ahead <= 32 * 1024 + Flood::EVENT.len(), "{ahead} bytes");
                    }
                });
            }

            #[test]
            fn an_application_that_takes_nothing_stops_the_server() {
                run(async {
                    const ALL: usize = 128 * 1024 * 1024;
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let mut source = follow(listener.local_addr().expect("bound"));
                    let (stalled, stalling) = smol::channel::bounded(1);
                    let server = thread::spawn(move || {
                        let mut peer = answer(&listener);
                        peer.set_write_timeout(Some(Duration::from_millis(200))).expect("sets it");
                        let many = Flood::EVENT.repeat(64 * 1024 / Flood::EVENT.len());
                        let mut at = 0;
                        // What the sockets and one read hold; then a write is not taken.
                        let error = loop {
                            match peer.write(&many.as_bytes()[at % many.len()..]) {
                                Ok(count) => at += count,
                                Err(error) => break error,
                            }
                            assert!(at < ALL, "it takes all that there is");
                        };
                        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
                        stalled.send_blocking(()).expect("the test waits");
                        // It goes on as soon as the application does, and to the end of an event.
                        peer.set_write_timeout(Some(PATIENCE)).expect("sets it");
                        peer.write_all(&many.as_bytes()[at % many.len()..]).expect("is taken");
                        (at / many.len() + 1) * (many.len() / Flood::EVENT.len())
                    });
                    source.opened().await.expect("opens");
                    stalling.recv().await.expect("the server stops");
                    let mut count = 0;
                    while !matches!(source.next().await, Some(client::Event::Disconnected { .. })) {
                        count += 1;
                    }
                    // And the opening.
                    assert_eq!(count - 1, server.join().expect("no panic"));
                });
            }

            #[test]
            fn a_handle_restarts_and_closes_while_another_task_waits() {
                run(async {
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let mut source = follow(listener.local_addr().expect("bound"));
                    let handle = source.handle();
                    let server = thread::spawn(move || {
                        let first = answer(&listener);
                        while handle.state() != State::Open {
                            thread::yield_now();
                        }
                        handle.restart(Restart::AtOnce);
                        let second = answer(&listener);
                        while handle.state() != State::Open {
                            thread::yield_now();
                        }
                        handle.close();
                        // Both were dropped at once.
                        for mut peer in [first, second] {
                            assert!(is_gone(&mut peer));
                        }
                        handle
                    });
                    let mut events = Vec::new();
                    while let Some(event) = source.next().await {
                        events.push(event);
                    }
                    assert!(matches!(
                        &events[..],
                        [
                            client::Event::Opened { .. },
                            client::Event::Disconnected { reason: Reason::Restart, .. },
                            client::Event::Opened { .. },
                            client::Event::Closed(CloseReason::Requested),
                        ]
                    ));
                    assert!(source.next().await.is_none());
                    let handle = server.join().expect("no panic");
                    handle.close();
                    handle.restart(Restart::AtOnce);
                    assert!(source.next().await.is_none());
                    assert_eq!(handle.state(), State::Closed);
                });
            }

            #[test]
            fn a_silent_server_is_left_after_the_read_timeout() {
                run(async {
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let mut config = config(listener.local_addr().expect("bound"), "/");
                    config.read_timeout = Some(Duration::from_millis(30));
                    let mut source = EventSource::new(config);
                    let server = thread::spawn(move || answer(&listener));
                    assert!(matches!(source.next().await, Some(client::Event::Opened { .. })));
                    let event = source.next().await;
                    assert!(
                        matches!(event, Some(client::Event::Disconnected { reason: Reason::ReadTimeout { .. }, .. })),
                        "{event:?}"
                    );
                    assert!(is_gone(&mut server.join().expect("no panic")));
                });
            }

            #[test]
            fn a_refused_connection_is_tried_again() {
                run(async {
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    drop(listener);
                    let mut config = config(address, "/");
                    config.backoff.base = Duration::from_millis(1);
                    let mut source = EventSource::new(config);
                    for attempt in 1..=3 {
                        let event = source.next().await;
                        let refused = Reason::Connect(ConnectError::Refused);
                        assert!(
                            matches!(&event, Some(client::Event::Disconnected { reason, .. }) if *reason == refused),
                            "{event:?}"
                        );
                        assert_eq!(source.machine().attempt(), attempt);
                    }
                });
            }

            #[test]
            fn a_date_to_retry_after_counts_from_the_wall_time() {
                run(async {
                    let in_half_an_hour = UnixTime::from_millis(Clock::start().unix().as_millis() + 1_800_000);
                    let fields = format!("retry-after: {}\r\ncontent-length: 0\r\n", in_half_an_hour.http_date());
                    let server = Canned::start(vec![Answer::Ends(format!("HTTP/1.1 503 Busy\r\n{fields}\r\n").into())]);
                    let mut config = config(server.address(), "/");
                    config.retry_status = RetryStatus::TRANSIENT;
                    let mut source = EventSource::new(config);
                    let Some(client::Event::Disconnected { retry_in, .. }) = source.next().await else { panic!() };
                    // A date has no fractions of a second, and chance adds a tenth.
                    let expected = Duration::from_secs(1_790)..Duration::from_secs(1_980);
                    assert!(expected.contains(&retry_in), "{retry_in:?}");
                });
            }

            #[test]
            fn a_flood_of_events_does_not_outlive_the_time_for_it_all() {
                run(async {
                    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let mut config = config(listener.local_addr().expect("bound"), "/");
                    config.total_timeout = Some(Duration::from_millis(200));
                    let server = thread::spawn(move || {
                        let mut peer = answer(&listener);
                        let events = "data: x\n\n".repeat(1000);
                        while peer.write_all(events.as_bytes()).is_ok() {}
                    });
                    let mut source = EventSource::new(config);
                    let closed = loop {
                        if let client::Event::Closed(reason) = source.next().await.expect("an event") {
                            break reason;
                        }
                    };
                    assert!(matches!(closed, CloseReason::TotalTimeout { reason: None, .. }), "{closed}");
                    server.join().expect("the connection is dropped");
                });
            }

            #[test]
            fn a_name_without_address_is_said_to_be_so() {
                run(async {
                    let mut source = EventSource::new(config("name.invalid", "/"));
                    let event = source.next().await;
                    let unresolved = Reason::Connect(ConnectError::Resolve);
                    assert!(
                        matches!(&event, Some(client::Event::Disconnected { reason, .. }) if *reason == unresolved),
                        "{event:?}"
                    );
                });
            }

            #[test]
            fn a_name_with_several_addresses_is_tried_until_one_answers() {
                run(async {
                    // `localhost` is ::1 as well on many machines, where nobody listens.
                    let server = start(server::Config::default()).await;
                    let localhost = format!("localhost:{}", server.address.port());
                    let mut source = EventSource::new(config(localhost, "/v1/events?channel=c"));
                    message(&mut source, "connected").await;
                });
            }

            #[test]
            fn the_example_tail_follows_count_over_a_cut() {
                let (_count, address) = start_count();
                let relay = Relay::start(address, "");
                let tail = Example::start(stringify!($name), "tail", &[&format!("http://{}/sse", relay.address())]);
                for number in 1..=60 {
                    assert_eq!(tail.line(), format!("message {number} {number}"));
                    if number % 20 == 0 {
                        relay.cut();
                        relay.mend();
                    }
                }
            }

            #[test]
            fn the_example_count_resumes_and_has_one_path() {
                let (_count, address) = start_count();
                let asked = |target: &str| {
                    let mut socket = std::net::TcpStream::connect(address).expect("connects");
                    socket.set_read_timeout(Some(PATIENCE)).expect("sets it");
                    write!(socket, "GET {target} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 41\r\n\r\n").expect("asks");
                    BufReader::new(socket).lines().map(|line| line.expect("text"))
                };
                let first = asked("/sse").find(|line| line.starts_with("data:"));
                assert_eq!(first.as_deref(), Some("data: 42"));
                assert_eq!(asked("/other").next().as_deref(), Some("HTTP/1.1 404 Not Found"));
            }

            fn start_count() -> (Example, SocketAddr) {
                let count = Example::start(stringify!($name), "count", &["0"]);
                let line = count.line();
                let address = line.split('/').find_map(|part| part.parse().ok()).expect("says where");
                (count, address)
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);

#[test]
fn nothing_of_tokio_is_in_the_tree_of_smol() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--package", "tidewire-smol", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.lines().any(|line| line.starts_with("smol ")), "{tree}");
    assert!(!tree.lines().any(|line| line.starts_with("tokio ")), "{tree}");
}

#[test]
fn the_adapters_are_alike_line_for_line() {
    let source = |runtime: &str, file: &str| {
        let path = format!("{}/../adapters/{runtime}/src/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    for file in [
        "alarm",
        "connect",
        "connection",
        "connector",
        "event_source",
        "link",
        "reader",
        "reconnecting",
        "serve",
        "serve_socket",
        "web_socket",
    ] {
        assert!(source("tokio", file) == source("smol", file), "{file}.rs differs; only lib.rs and runtime.rs may");
    }
}
