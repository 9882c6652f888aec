//! Connections that are secured, over Unix sockets, through proxies and over transports of one's own, on both runtimes.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/lines.rs"]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_tokio.rs"]
mod on_tokio;
#[path = "support/secured.rs"]
mod secured;

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::io::{Read, Write};
            use std::net::{SocketAddr, TcpListener};
            use std::sync::Arc;
            use std::sync::atomic::{AtomicUsize, Ordering};
            use std::thread::{self, JoinHandle};
            use std::time::Duration;

            use futures_lite::future::zip;
            use tidewire_core::api::{self, Api};
            use tidewire_core::channels::{self, Channels};
            use tidewire_core::client::{
                CloseReason, Config, Connect, ConnectError, Event, Peer, Proxies, Proxy, Reason, State,
            };
            use tidewire_core::http::BodyError;
            use tidewire_core::server::{self, Session};
            use tidewire_std::{Clock, OsRandom, SharedApi};
            use tidewire_tests::authority::Authority;
            use tidewire_tests::proxy::Proxy as HttpProxy;
            use tidewire_tls::rustls::{ClientConnection, StreamOwned};
            use tidewire_tls::{Client, Server};

            use crate::lines::{Flood, PATIENCE};
            use crate::secured::{Secured, heard};
            use crate::$runtime::{
                Connection, Connector, Counted, EventSource, Pipe, TcpStream, assert_here, on_std, pipe, run,
                serve_connection, serve_connection_tls, serve_tls, spawn,
            };

            const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            const CHUNKED: &str =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

            fn trusting(authority: &Authority) -> Connector {
                Connector::new().with_tls(Client::only_roots_pem(authority.pem().as_bytes()).expect("roots"))
            }

            fn certified(authority: &Authority, names: &[&str]) -> Server {
                let issued = authority.issue(names);
                Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key")
            }

            fn config(url: &str) -> Config {
                let mut config = Config::new(url.parse().expect("a URL"));
                config.backoff.base = Duration::from_millis(1);
                config
            }

            fn bound() -> (TcpListener, u16) {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let port = listener.local_addr().expect("bound").port();
                (listener, port)
            }

            /// Serves connections by hand on a free port, in a thread of its own.
            fn scripted<T: Send + 'static>(
                script: impl FnOnce(TcpListener) -> T + Send + 'static,
            ) -> (u16, JoinHandle<T>) {
                let (listener, port) = bound();
                (port, thread::spawn(move || script(listener)))
            }

            async fn message(source: &mut EventSource) -> String {
                loop {
                    match source.next().await.expect("goes on") {
                        Event::Message(message) => return message.data().to_owned(),
                        Event::Closed(reason) => panic!("{reason}"),
                        _ => {}
                    }
                }
            }

            /// Waits for the end of an attempt or connection.
            async fn lost(source: &mut EventSource) -> Reason {
                loop {
                    match source.next().await.expect("goes on") {
                        Event::Disconnected { reason, .. } => return reason,
                        Event::Closed(reason) => panic!("{reason}"),
                        _ => {}
                    }
                }
            }

            /// Returns what is said of a handshake that failed.
            async fn tls_error(source: &mut EventSource) -> String {
                match lost(source).await {
                    Reason::Connect(ConnectError::Tls(text)) => text.into(),
                    reason => panic!("{reason}"),
                }
            }

            /// The text of the error of a client with that connector, at a server with that certificate.
            fn refused(connector: Connector, tls: Server, host: &str) -> String {
                run(async {
                    let (port, server) = scripted(move |listener| Secured::accept(&listener, &tls).map(drop));
                    let mut source = EventSource::with_connector(config(&format!("https://{host}:{port}/")), connector);
                    let text = tls_error(&mut source).await;
                    assert!(server.join().expect("no panic").is_err());
                    text
                })
            }

            #[test]
            fn a_stream_over_tls_is_followed_and_resumed() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    assert_here();
                    let (port, server) = scripted(move |listener| {
                        let mut first = Secured::accept(&listener, &tls).expect("shakes hands");
                        assert_eq!(first.offered, ["http/1.1"]);
                        assert_eq!(first.name.as_deref(), Some("localhost"));
                        assert!(!first.request().contains("Last-Event-ID"));
                        first.say(&format!("{STREAM}id: 1\ndata: one\n\ndata: lost"));
                        first.cut();
                        let mut second = Secured::accept(&listener, &tls).expect("shakes hands");
                        assert!(second.request().contains("Last-Event-ID: 1\r\n"));
                        second.say(&format!("{STREAM}id: 2\ndata: two\n\n"));
                        second.hears_the_end()
                    });
                    let url = format!("https://localhost:{port}/");
                    let mut source = EventSource::with_connector(config(&url), trusting(&authority));
                    assert_eq!(message(&mut source).await, "one");
                    assert_eq!(lost(&mut source).await, Reason::Reset);
                    assert_eq!(message(&mut source).await, "two");
                    drop(source);
                    assert!(server.join().expect("no panic"), "the client says that it leaves");
                });
            }

            #[test]
            fn closing_by_the_handle_says_so_to_the_server() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        peer.request();
                        peer.say(STREAM);
                        peer.hears_the_end()
                    });
                    let url = format!("https://localhost:{port}/");
                    let mut source = EventSource::with_connector(config(&url), trusting(&authority));
                    source.opened().await.expect("opens");
                    source.handle().close();
                    while source.next().await.is_some() {}
                    assert!(server.join().expect("no panic"));
                });
            }

            #[test]
            fn nothing_is_read_ahead_of_the_application_but_one_read_and_a_record() {
                const EVENTS: usize = 10_000;
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        peer.request();
                        peer.say(Flood::HEAD);
                        for _ in 0..EVENTS / 1000 {
                            peer.say(&Flood::EVENT.repeat(1000));
                        }
                        peer
                    });
                    let read = Arc::new(AtomicUsize::new(0));
                    let count = Arc::clone(&read);
                    let connector = Connector::over_fn(move |_| {
                        let read = Arc::clone(&count);
                        async move {
                            let socket =
                                TcpStream::connect(("127.0.0.1", port)).await.map_err(|_| ConnectError::Refused)?;
                            Ok(Counted { socket, writes: Arc::default(), read })
                        }
                    });
                    let trusted = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
                    let mut source =
                        EventSource::with_connector(config("https://localhost/"), connector.with_tls(trusted));
                    source.opened().await.expect("opens");
                    let mut taken = 0;
                    for _ in 0..EVENTS {
                        message(&mut source).await;
                        taken += Flood::EVENT.len();
                        let ahead = read.load(Ordering::Relaxed) - taken;
                        assert!(ahead <= MOST_AHEAD, "{ahead} bytes");
                    }
                    drop(server.join().expect("no panic"));
                });
            }

            /// One read and one record; and what the handshake takes, and the encryption of them all.
            const MOST_AHEAD: usize = (32 + 16 + 4) * 1024;

            #[test]
            fn an_address_is_verified_and_no_name_is_sent() {
                let authority = Authority::new();
                let tls = certified(&authority, &["127.0.0.1"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        peer.request();
                        peer.say(STREAM);
                        peer
                    });
                    let url = format!("https://127.0.0.1:{port}/");
                    let mut source = EventSource::with_connector(config(&url), trusting(&authority));
                    source.opened().await.expect("opens");
                    assert_eq!(server.join().expect("no panic").name, None);
                });
            }

            #[test]
            fn a_certificate_of_an_unknown_issuer_is_refused() {
                let tls = certified(&Authority::new(), &["localhost"]);
                let text = refused(trusting(&Authority::new()), tls.clone(), "localhost");
                assert!(text.contains("issuer is not trusted"), "{text}");
                let text = refused(Connector::new(), tls, "localhost");
                assert!(text.contains("issuer is not trusted"), "{text}");
            }

            #[test]
            fn a_certificate_for_another_name_is_refused() {
                let authority = Authority::new();
                let text = refused(trusting(&authority), certified(&authority, &["other.test"]), "localhost");
                assert_eq!(text, "the certificate is for other.test, not for localhost");
                let text = refused(trusting(&authority), certified(&authority, &["localhost"]), "127.0.0.1");
                assert_eq!(text, "the certificate is for localhost, not for 127.0.0.1");
            }

            #[test]
            fn an_expired_certificate_is_refused() {
                let authority = Authority::new();
                let issued =
                    authority.issue_with(&["localhost"], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
                let tls = Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
                let text = refused(trusting(&authority), tls, "localhost");
                assert!(text.starts_with("the certificate expired"), "{text}");
            }

            #[test]
            fn who_trusts_everybody_is_told_nothing() {
                let tls = certified(&Authority::new(), &["other.test"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        peer.request();
                        peer.say(STREAM);
                        peer
                    });
                    let connector = Connector::new().with_tls(Client::insecure());
                    let url = format!("https://localhost:{port}/");
                    let mut source = EventSource::with_connector(config(&url), connector);
                    source.opened().await.expect("opens");
                    drop(server.join().expect("no panic"));
                });
            }

            #[test]
            fn plain_http_on_the_port_is_named() {
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let (mut peer, _) = listener.accept().expect("accepts");
                        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("answers");
                        let _ = peer.read_to_end(&mut Vec::new());
                    });
                    let mut source = EventSource::new(config(&format!("https://localhost:{port}/")));
                    let text = tls_error(&mut source).await;
                    assert_eq!(text, "what answers does not speak TLS; is it a port for http://?");
                    server.join().expect("no panic");
                });
            }

            #[test]
            fn a_server_that_hangs_up_is_named() {
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let (mut peer, _) = listener.accept().expect("accepts");
                        let _ = peer.read(&mut [0; 4096]);
                    });
                    let mut source = EventSource::new(config(&format!("https://localhost:{port}/")));
                    let text = tls_error(&mut source).await;
                    assert!(text.contains("does it speak TLS on this port?"), "{text}");
                    server.join().expect("no panic");
                });
            }

            #[test]
            fn a_handshake_that_stalls_has_its_own_deadline() {
                run(async {
                    let (listener, port) = bound();
                    let mut config = config(&format!("https://localhost:{port}/"));
                    let limit = Duration::from_millis(20);
                    config.tls_timeout = Some(limit);
                    let mut source = EventSource::new(config);
                    // The kernel accepts, and nobody speaks.
                    assert_eq!(lost(&mut source).await, Reason::TlsTimeout { after: limit });
                    drop(listener);
                });
            }

            /// How a body ends for the client when the server goes away like that.
            fn ends_as(head: &'static str, body: &'static str, end: fn(Secured)) -> Reason {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        peer.request();
                        peer.say(head);
                        peer.say(body);
                        end(peer);
                    });
                    let url = format!("https://localhost:{port}/");
                    let mut source = EventSource::with_connector(config(&url), trusting(&authority));
                    let reason = lost(&mut source).await;
                    drop(source);
                    server.join().expect("no panic");
                    reason
                })
            }

            #[test]
            fn a_stream_cut_without_close_notify_is_lost_and_not_ended() {
                assert_eq!(ends_as(STREAM, "data: 1\n\n", Secured::end), Reason::Ended { mid_event: false });
                assert_eq!(ends_as(STREAM, "data: 1\n\n", Secured::cut), Reason::Reset);
                let whole = "9\r\ndata: 1\n\n\r\n0\r\n\r\n";
                assert_eq!(ends_as(CHUNKED, whole, Secured::end), Reason::Ended { mid_event: false });
                assert_eq!(ends_as(CHUNKED, whole, Secured::cut), Reason::Ended { mid_event: false });
                let part = "9\r\ndata: 1\n\n\r\n";
                assert_eq!(ends_as(CHUNKED, part, Secured::end), Reason::Body(BodyError::Truncated));
                assert_eq!(ends_as(CHUNKED, part, Secured::cut), Reason::Reset);
            }

            #[test]
            fn redirects_lead_from_http_to_https_and_back() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let (listener, plain) = bound();
                    let (port, secured) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        let request = peer.request();
                        peer.say(&format!(
                            "HTTP/1.1 307 x\r\nlocation: http://localhost:{plain}/back\r\ncontent-length: 0\r\n\r\n"
                        ));
                        let _ = peer.hears_the_end();
                        request
                    });
                    let server = thread::spawn(move || {
                        let head = |answer: &str| {
                            let (mut peer, _) = listener.accept().expect("accepts");
                            let request = heard(&mut peer);
                            peer.write_all(answer.as_bytes()).expect("answers");
                            (request, peer)
                        };
                        let to = format!(
                            "HTTP/1.1 301 x\r\nlocation: https://localhost:{port}/there\r\ncontent-length: 0\r\n\r\n"
                        );
                        let (first, _) = head(&to);
                        let (last, peer) = head(&format!("{STREAM}data: home\n\n"));
                        (first, last, peer)
                    });
                    let mut config = config(&format!("http://localhost:{plain}/"));
                    config.fields.append("Authorization", "secret").expect("a field");
                    let mut source = EventSource::with_connector(config, trusting(&authority));
                    assert_eq!(message(&mut source).await, "home");
                    let (first, last, _peer) = server.join().expect("no panic");
                    let there = secured.join().expect("no panic");
                    assert!(first.starts_with("GET / ") && first.contains("secret"), "{first}");
                    assert!(there.starts_with("GET /there ") && !there.contains("secret"), "{there}");
                    assert!(last.starts_with("GET /back ") && !last.contains("secret"), "{last}");
                });
            }

            fn shared(session: server::Config) -> Arc<SharedApi> {
                let clock = Clock::start();
                let mut config = channels::Config::default();
                config.retry = Some(Duration::from_millis(10));
                let channels = Channels::new(config, Box::new(OsRandom), clock.now());
                SharedApi::new(Api::new(api::Config::default()), channels, session, clock)
            }

            /// A server over TLS on a free port; dropping the first sender stops it, the receiver hears when it has stopped.
            struct Running {
                port: u16,
                shared: Arc<SharedApi>,
                stop: smol::channel::Sender<()>,
                stopped: smol::channel::Receiver<()>,
            }

            impl Running {
                fn start(tls: Server, session: server::Config) -> Self {
                    let (listener, port) = bound();
                    let shared = shared(session);
                    let (stop, stopping) = smol::channel::bounded::<()>(1);
                    let (done, stopped) = smol::channel::bounded::<()>(1);
                    let served = Arc::clone(&shared);
                    spawn(async move {
                        serve_tls(on_std(listener), tls, served, stopping.recv()).await;
                        drop(done);
                    });
                    Self { port, shared, stop, stopped }
                }

                fn follow(&self, authority: &Authority) -> EventSource {
                    let url = format!("https://localhost:{}/v1/events?channel=c", self.port);
                    EventSource::with_connector(config(&url), trusting(authority))
                }

                fn publish(&self, text: &str) {
                    self.shared.publish_text("c", "me", text).expect("publishes");
                }

                async fn stop(self) {
                    drop(self.stop);
                    assert!(self.stopped.recv().await.is_err(), "closed, not sent to");
                }
            }

            #[test]
            fn the_server_serves_over_tls_and_says_goodbye() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let server = Running::start(tls, server::Config::default());
                    let mut source = server.follow(&authority);
                    source.opened().await.expect("opens");
                    let _ = message(&mut source).await;
                    // A burst of many records.
                    let text = "x".repeat(50_000);
                    for _ in 0..20 {
                        server.publish(&text);
                    }
                    for _ in 0..20 {
                        assert!(message(&mut source).await.contains(&text));
                    }
                    // The end of a chunked body, and no cut.
                    let leaving = async {
                        assert_eq!(lost(&mut source).await, Reason::Ended { mid_event: false });
                        drop(source);
                    };
                    zip(server.stop(), leaving).await;
                });
            }

            #[test]
            fn the_server_ends_a_stream_without_length_so_that_it_is_no_cut() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let trusted = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
                    let server = Running::start(tls, server::Config::default());
                    let mut reader = by_hand(server.port, &trusted);
                    let reading = smol::unblock(move || {
                        let request = b"GET /v1/events?channel=c HTTP/1.0\r\nHost: localhost\r\n\r\n";
                        reader.write_all(request).expect("asks");
                        let mut first = [0; 4096];
                        let count = reader.read(&mut first).expect("is answered");
                        assert!(first[..count].starts_with(b"HTTP/1.1 200"));
                        reader
                    });
                    let mut reader = reading.await;
                    let reading = smol::unblock(move || reader.read_to_end(&mut Vec::new()).map(drop));
                    let ((), end) = zip(server.stop(), reading).await;
                    end.expect("close_notify came before the end");
                });
            }

            /// A client by hand, which blocks.
            fn by_hand(port: u16, trusted: &Client) -> StreamOwned<ClientConnection, std::net::TcpStream> {
                let socket = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connects");
                socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let name = tidewire_tls::server_name("localhost").expect("a name");
                StreamOwned::new(ClientConnection::new(trusted.config().clone(), name).expect("a client"), socket)
            }

            #[test]
            fn a_session_of_ones_own_is_served_over_tls() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let connector = Connector::over_fn(move |_| {
                        let tls = tls.clone();
                        async move {
                            let (ours, theirs) = pipe();
                            spawn(greet(theirs, tls));
                            Ok(ours)
                        }
                    });
                    let trusted = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
                    let mut source =
                        EventSource::with_connector(config("https://localhost/"), connector.with_tls(trusted));
                    assert_eq!(message(&mut source).await, "hello");
                    assert_eq!(lost(&mut source).await, Reason::Ended { mid_event: false });
                });
            }

            /// Answers one request with a stream of one message.
            async fn greet(io: Pipe, tls: Server) {
                let clock = Clock::start();
                let session = Session::new(server::Config::default(), clock.now(), clock.unix(), 1);
                let mut connection = Connection::accept_tls(io, &tls, session, clock).await.expect("shakes hands");
                while let Some(event) = connection.next().await.expect("no error") {
                    if let server::Event::Request(_) = event {
                        let now = connection.now();
                        let session = connection.protocol_mut();
                        session.start_stream(now, server::StreamHead::default()).expect("was asked");
                        session.send(now, b"data: hello\n\n").expect("is open");
                        session.shutdown(now);
                    }
                }
            }

            #[test]
            fn a_handshake_that_fails_or_stalls_disturbs_nobody_and_no_shutdown() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let server = Running::start(tls, server::Config::default());
                    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
                    let mut plain = std::net::TcpStream::connect(address).expect("connects");
                    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("asks");
                    let silent = std::net::TcpStream::connect(address).expect("connects");
                    let mut source = server.follow(&authority);
                    source.opened().await.expect("opens");
                    plain.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                    // An alert, and the end.
                    let mut answer = Vec::new();
                    let _ = plain.read_to_end(&mut answer);
                    assert_eq!(answer.first(), Some(&21), "{answer:?}");
                    assert_eq!(server.shared.connections(), 2);
                    drop(source);
                    server.stop().await;
                    drop(silent);
                });
            }

            #[test]
            fn a_client_that_does_not_shake_hands_has_the_time_of_a_request() {
                let tls = certified(&Authority::new(), &["localhost"]);
                run(async {
                    let mut session = server::Config::default();
                    session.head_timeout = Duration::from_millis(20);
                    let shared = shared(session);
                    let (io, peer) = pipe();
                    let error = serve_connection_tls(&shared, io, &tls).await.expect_err("is not secured");
                    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
                    assert_eq!(shared.connections(), 0);
                    drop(peer);
                });
            }

            #[test]
            fn https_goes_through_a_tunnel_and_is_verified_to_the_server() {
                let authority = Authority::new();
                let tls = certified(&authority, &["secured.test"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        let request = peer.request();
                        peer.say(&format!("{STREAM}data: tunnelled\n\n"));
                        (peer.name.clone(), request, peer.hears_the_end())
                    });
                    let proxy = HttpProxy::leading_to(SocketAddr::from(([127, 0, 0, 1], port)));
                    let mut config = config("https://secured.test/path");
                    config.proxies = Proxies::all(Proxy::parse(&proxy.url()).expect("a proxy"));
                    let mut source = EventSource::with_connector(config, trusting(&authority));
                    assert_eq!(message(&mut source).await, "tunnelled");
                    drop(source);
                    assert!(proxy.head().starts_with("CONNECT secured.test:443 HTTP/1.1\r\n"));
                    let (name, request, ended) = server.join().expect("no panic");
                    assert_eq!(name.as_deref(), Some("secured.test"));
                    assert!(request.starts_with("GET /path HTTP/1.1\r\nHost: secured.test\r\n"), "{request}");
                    assert!(ended, "the client's goodbye goes through, too");
                });
            }

            #[test]
            fn a_proxy_that_knows_nobody_is_told_who_asks_or_named() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let mut peer = Secured::accept(&listener, &tls).expect("shakes hands");
                        let request = peer.request();
                        peer.say(STREAM);
                        (request, peer)
                    });
                    let proxy = HttpProxy::asking_for("Basic dXNlcjpwYXNzd29yZA==");
                    let through = |url: &str| {
                        let mut config = config(&format!("https://localhost:{port}/"));
                        config.proxies = Proxies::all(Proxy::parse(url).expect("a proxy"));
                        EventSource::with_connector(config, trusting(&authority))
                    };
                    let refused = through(&proxy.url()).opened().await.expect_err("does not say who asks");
                    assert!(matches!(refused, CloseReason::ProxyRefused { .. }), "{refused}");
                    let mut source = through(&proxy.url().replace("//", "//user:password@"));
                    source.opened().await.expect("opens");
                    let (request, _peer) = server.join().expect("no panic");
                    assert!(!request.contains("Proxy-Authorization"), "{request}");
                });
            }

            #[test]
            fn http_is_requested_of_the_proxy() {
                run(async {
                    let (port, server) = scripted(move |listener| {
                        let (mut peer, _) = listener.accept().expect("accepts");
                        let request = heard(&mut peer);
                        peer.write_all(format!("{STREAM}data: passed on\n\n").as_bytes()).expect("answers");
                        (request, peer)
                    });
                    let proxy = HttpProxy::leading_to(SocketAddr::from(([127, 0, 0, 1], port)));
                    let mut config = config("http://plain.test/path");
                    config.proxies = Proxies::all(Proxy::parse(&proxy.url()).expect("a proxy"));
                    let mut source = EventSource::new(config);
                    assert_eq!(message(&mut source).await, "passed on");
                    assert!(proxy.head().starts_with("GET http://plain.test/path HTTP/1.1\r\nHost: plain.test\r\n"));
                    let (request, _peer) = server.join().expect("no panic");
                    assert!(request.starts_with("GET /path "), "{request}");
                });
            }

            #[test]
            fn a_unix_socket_carries_plain_and_secured_streams() {
                run(async {
                    let folder =
                        std::env::temp_dir().join(format!("tidewire-{}-{}", stringify!($name), std::process::id()));
                    std::fs::create_dir_all(&folder).expect("a folder");
                    let path = folder.join("socket");
                    let listener = std::os::unix::net::UnixListener::bind(&path).expect("binds");
                    let server = thread::spawn(move || {
                        let (mut peer, _) = listener.accept().expect("accepts");
                        let request = heard(&mut peer);
                        peer.write_all(format!("{STREAM}data: plain\n\n").as_bytes()).expect("answers");
                        // The second is not spoken to in TLS, but it is asked for it.
                        let (mut secured, _) = listener.accept().expect("accepts");
                        let mut first = [0];
                        secured.read_exact(&mut first).expect("a hello");
                        (request, first)
                    });
                    let mut plain = config("http://app.test/path");
                    plain.unix_socket = Some(path.to_str().expect("text").into());
                    let mut secured = config("https://app.test/path");
                    secured.unix_socket.clone_from(&plain.unix_socket);
                    let mut source = EventSource::new(plain);
                    assert_eq!(message(&mut source).await, "plain");
                    let mut source = EventSource::new(secured);
                    let _ = tls_error(&mut source).await;
                    let (request, first) = server.join().expect("no panic");
                    assert!(request.starts_with("GET /path HTTP/1.1\r\nHost: app.test\r\n"), "{request}");
                    assert_eq!(first, [22], "a handshake record");
                    std::fs::remove_dir_all(folder).expect("removes");
                    // Nobody is there any more.
                    assert_eq!(lost(&mut source).await, Reason::Connect(ConnectError::NotFound));
                });
            }

            #[test]
            fn a_transport_of_ones_own_carries_the_stream() {
                run(async {
                    let shared = shared(server::Config::default());
                    let dialled = Arc::new(AtomicUsize::new(0));
                    let (api, count) = (Arc::clone(&shared), Arc::clone(&dialled));
                    let connector = Connector::from_fn(move |wanted: Connect| {
                        count.fetch_add(1, Ordering::Relaxed);
                        let api = Arc::clone(&api);
                        async move {
                            assert_eq!(wanted.peer, Peer::Tcp { host: "localhost".into(), port: 80 });
                            if wanted.attempt == 1 {
                                return Err(ConnectError::Refused);
                            }
                            let (ours, theirs) = pipe();
                            spawn(async move { drop(serve_connection(&api, theirs).await) });
                            Ok(ours)
                        }
                    });
                    let url = "http://localhost/v1/events?channel=c";
                    let mut source = EventSource::with_connector(config(url), connector);
                    assert_eq!(lost(&mut source).await, Reason::Connect(ConnectError::Refused));
                    let _ = message(&mut source).await;
                    shared.publish_text("c", "me", "over a pipe").expect("publishes");
                    assert!(message(&mut source).await.contains("over a pipe"));
                    assert_eq!(dialled.load(Ordering::Relaxed), 2);
                });
            }

            #[test]
            fn tls_runs_over_a_transport_of_ones_own() {
                let authority = Authority::new();
                let tls = certified(&authority, &["localhost"]);
                run(async {
                    let shared = shared(server::Config::default());
                    let api = Arc::clone(&shared);
                    let trusted = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
                    let connector = Connector::over_fn(move |_| {
                        let (api, tls) = (Arc::clone(&api), tls.clone());
                        async move {
                            let (ours, theirs) = pipe();
                            spawn(async move { drop(serve_connection_tls(&api, theirs, &tls).await) });
                            Ok(ours)
                        }
                    });
                    let connector = connector.with_tls(trusted);
                    let url = "https://localhost/v1/events?channel=c";
                    let mut source = EventSource::with_connector(config(url), connector);
                    let _ = message(&mut source).await;
                    assert_eq!(source.state(), State::Open);
                });
            }

            #[test]
            fn a_transport_of_ones_own_that_hangs_has_a_deadline() {
                run(async {
                    let connector = Connector::from_fn(|_| std::future::pending::<Result<Pipe, _>>());
                    let mut config = config("https://localhost/");
                    let limit = Duration::from_millis(20);
                    config.connect_timeout = Some(limit);
                    let mut source = EventSource::with_connector(config, connector);
                    assert_eq!(lost(&mut source).await, Reason::ConnectTimeout { after: limit, proxy: None });
                });
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
