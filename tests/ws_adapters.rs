//! WebSockets by the drivers of both runtimes, each end against the other and against others, with real sockets on free ports.

#[allow(dead_code, unused_imports, reason = "shared with another target")]
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
            use std::net::SocketAddr;
            use std::sync::Arc;
            use std::sync::atomic::{AtomicUsize, Ordering};
            use std::thread;
            use std::time::Duration;

            use bytes::Bytes;
            use futures_lite::future::{or, poll_once, yield_now, zip};
            use tidewire_core::client::{
                CloseReason, OpenHook, Proxies, Proxy, Reason, Restart, SendError, State, WebSocketConfig,
                WebSocketEvent,
            };
            use tidewire_core::server::WebSocketEndpoint;
            use tidewire_core::ws::{self, CloseCode, Message, Prepared};
            use tidewire_std::{EventServer, EventServerConfig, Socket, SocketError};
            use tidewire_tests::authority::Authority;
            use tidewire_tests::proxy::Proxy as HttpProxy;
            use tidewire_tests::relay::Relay;
            use tidewire_tests::ws_handshake::two_keys;
            use tidewire_tls::{Client, Server as Tls};

            use crate::$runtime::{
                Connector, Counted, TcpListener, TcpStream, WebSocket, assert_here, run, serve, serve_connection,
                serve_tls, spawn,
            };

            const LONG: usize = 16 << 20;

            fn endpoint() -> WebSocketEndpoint {
                let mut endpoint = WebSocketEndpoint::default();
                let config = endpoint.config_mut();
                config.limits.max_frame = LONG;
                config.limits.max_message = LONG;
                endpoint
            }

            fn config(address: impl std::fmt::Display, path: &str) -> WebSocketConfig {
                let mut config = WebSocketConfig::new(format!("ws://{address}{path}").parse().expect("a URL"));
                config.http.backoff.base = Duration::from_millis(1);
                let connection = config.connection_mut();
                connection.limits.max_frame = LONG;
                connection.limits.max_message = LONG;
                config
            }

            async fn echo(socket: Socket) {
                assert_here();
                while let Some(message) = socket.recv().await {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            }

            /// A server of `/echo` on a free port, and of `/` whose sockets the test is given; dropping `stop` stops it.
            struct Server {
                address: SocketAddr,
                server: EventServer,
                sockets: smol::channel::Receiver<Socket>,
                stop: Option<smol::channel::Sender<()>>,
                stopped: smol::channel::Receiver<()>,
            }

            async fn start() -> Server {
                start_with(EventServerConfig::default(), None).await
            }

            async fn start_with(config: EventServerConfig, tls: Option<Tls>) -> Server {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                let server = EventServer::new(config);
                server.web_sockets_at("/echo", endpoint(), |socket, _| spawn(echo(socket))).expect("a path");
                let (sender, sockets) = smol::channel::unbounded();
                let begin = move |socket, _: &_| drop(sender.try_send(socket));
                server.web_sockets_at("/", endpoint(), begin).expect("a path");
                let (stop, stopping) = smol::channel::bounded::<()>(1);
                let (done, stopped) = smol::channel::bounded::<()>(1);
                let served = server.clone();
                spawn(async move {
                    match tls {
                        None => serve(listener, served, stopping.recv()).await,
                        Some(tls) => serve_tls(listener, tls, served, stopping.recv()).await,
                    }
                    drop(done);
                });
                Server { address, server, sockets, stop: Some(stop), stopped }
            }

            impl Server {
                /// Opens a WebSocket at `/`, and returns both ends.
                async fn pair(&self) -> (WebSocket, Socket) {
                    let client = WebSocket::open(config(self.address, "/")).await.expect("opens");
                    (client, self.sockets.recv().await.expect("it serves"))
                }

                async fn stop(mut self) {
                    self.stop = None;
                    assert!(self.stopped.recv().await.is_err(), "closed, not sent to");
                }
            }

            /// Waits for the next message.
            async fn message(socket: &mut WebSocket) -> Message {
                loop {
                    match socket.next().await.expect("goes on") {
                        WebSocketEvent::Message(message) => return message,
                        WebSocketEvent::Closed { reason, .. } => panic!("{reason}"),
                        _ => {}
                    }
                }
            }

            /// Waits for the end.
            async fn closed(socket: &mut WebSocket) -> CloseReason {
                loop {
                    if let WebSocketEvent::Closed { reason, .. } = socket.next().await.expect("goes on") {
                        return reason;
                    }
                }
            }

            fn text(number: usize) -> Message {
                number.to_string().into()
            }

            #[test]
            fn messages_of_all_kinds_and_lengths_are_echoed() {
                run(async {
                    assert_here();
                    let server = start().await;
                    let mut socket = WebSocket::open(config(server.address, "/echo")).await.expect("opens");
                    let lens = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];
                    let binary = lens.map(|len| Message::Binary(vec![7; len].into()));
                    let texts = lens.map(|len| Message::Text("é".repeat(len)));
                    for said in binary.into_iter().chain(texts) {
                        socket.send(said.clone()).await.expect("is open");
                        assert!(message(&mut socket).await == said, "{} bytes", said.len());
                    }
                    drop(socket);
                    server.stop().await;
                });
            }

            #[test]
            fn messages_of_16_mib_go_both_ways_at_once() {
                run(async {
                    let server = start().await;
                    let (mut client, socket) = server.pair().await;
                    let long = Bytes::from(vec![9; LONG]);
                    let said = long.clone();
                    // Neither end reads before it has written.
                    let (sent, ()) = zip(
                        async {
                            client.send(said.clone()).await.expect("is open");
                            message(&mut client).await
                        },
                        async {
                            socket.send(long.clone()).await.expect("is open");
                            assert!(socket.recv().await == Some(Message::Binary(long.clone())));
                        },
                    )
                    .await;
                    assert!(sent == Message::Binary(long));
                });
            }

            #[test]
            fn waits_given_up_anywhere_lose_nothing_and_say_nothing_twice() {
                run(async {
                    let server = start().await;
                    let mut socket = WebSocket::open(config(server.address, "/echo")).await.expect("opens");
                    let (mut said, mut heard) = (0, Vec::new());
                    // What is sent waits for room again and again, since the echo is taken slowly.
                    let filler = "x".repeat(10_000);
                    while heard.len() < 500 {
                        if said < 500
                            && let Some(sent) = poll_once(socket.send(format!("{said} {filler}"))).await
                        {
                            sent.expect("is open");
                            said += 1;
                        }
                        match poll_once(socket.next()).await {
                            Some(Some(WebSocketEvent::Message(message))) => {
                                let text = message.as_text().expect("text");
                                heard.push(text.split(' ').next().expect("a number").to_owned());
                            }
                            Some(Some(WebSocketEvent::Opened(_))) => {}
                            Some(event) => panic!("{event:?}"),
                            None => yield_now().await,
                        }
                    }
                    assert_eq!(heard, (0..500).map(|number| number.to_string()).collect::<Vec<_>>());
                });
            }

            #[test]
            fn tasks_and_threads_send_while_another_waits() {
                run(async {
                    let server = start().await;
                    let (mut client, socket) = server.pair().await;
                    let sender = client.sender();
                    let blocking = sender.clone();
                    let thread = thread::spawn(move || {
                        for number in 0..1000 {
                            blocking.send_blocking(text(number)).expect("is open");
                        }
                        blocking
                    });
                    spawn(async move {
                        for number in 0..1000 {
                            sender.send(Bytes::from(number.to_string())).await.expect("is open");
                        }
                    });
                    let (mut texts, mut binary) = (0, 0);
                    let all_heard = async {
                        while texts + binary < 2000 {
                            match socket.recv().await.expect("goes on") {
                                // Each in its order.
                                Message::Text(said) => {
                                    assert_eq!(said, texts.to_string());
                                    texts += 1;
                                }
                                Message::Binary(said) => {
                                    assert_eq!(said, binary.to_string());
                                    binary += 1;
                                }
                            }
                        }
                    };
                    let waiting = async {
                        let opened = client.next().await;
                        assert!(matches!(opened, Some(WebSocketEvent::Opened(_))), "{opened:?}");
                        panic!("nothing is said: {:?}", client.next().await);
                    };
                    or(all_heard, waiting).await;
                    let sender = thread.join().expect("no panic");
                    drop(client);
                    assert_eq!(sender.try_send("late"), Err(SendError::Over));
                });
            }

            #[test]
            fn who_comes_back_subscribes_again_and_is_told_what_was_not_sent() {
                run(async {
                    let server = start().await;
                    let relay = Relay::start(server.address, "");
                    let mut config = config(relay.address(), "/");
                    let subscribe = |opened: &tidewire_core::client::Opened| {
                        vec![format!("subscribe {}", opened.reconnections).into()]
                    };
                    config.on_open = Some(OpenHook::new(subscribe));
                    let mut client = WebSocket::open(config).await.expect("opens");
                    let sender = client.sender();
                    for reconnections in 0..3 {
                        let socket = or(async { server.sockets.recv().await.expect("it serves") }, async {
                            while client.next().await.is_some() {}
                            panic!("it goes on")
                        })
                        .await;
                        let event = or(async { socket.recv().await }, async {
                            while client.next().await.is_some() {}
                            panic!("it goes on")
                        });
                        assert_eq!(event.await, Some(format!("subscribe {reconnections}").into()));
                        relay.cut();
                        // Nobody looks meanwhile: it is accepted, and told when the end is.
                        sender.try_send("too late").expect("nobody knows yet");
                        relay.mend();
                        let unsent = loop {
                            match client.next().await.expect("goes on") {
                                WebSocketEvent::Disconnected { unsent, reason, .. } => {
                                    assert!(matches!(reason, Reason::WebSocket(_)), "{reason}");
                                    break unsent;
                                }
                                WebSocketEvent::Opened(_) => {}
                                event => panic!("{event}"),
                            }
                        };
                        // It had left, perhaps, into a socket that was broken.
                        assert!(unsent <= 1);
                        assert_eq!(sender.try_send("not open"), Err(SendError::NotOpen));
                        assert!(!socket.closed().await.is_clean);
                    }
                });
            }

            #[test]
            fn close_codes_are_told_at_both_ends() {
                run(async {
                    let server = start().await;
                    let (mut client, socket) = server.pair().await;
                    socket.send("last words").await.expect("is open");
                    socket.close(CloseCode::new(4001).expect("a code"), "enough");
                    assert_eq!(socket.send("too late").await, Err(SocketError::Over));
                    assert_eq!(message(&mut client).await, "last words".into());
                    let CloseReason::WebSocket(end) = closed(&mut client).await else { panic!("by its code") };
                    assert_eq!((end.code, &*end.reason, end.is_clean), (4001, "enough", true));
                    assert!(client.next().await.is_none());
                    let end = socket.closed().await;
                    assert_eq!((end.why, end.code, end.is_clean), (ws::CloseReason::Local, 4001, true));

                    let (mut client, socket) = server.pair().await;
                    client.feed("last words").await.expect("is open");
                    client.close(CloseCode::new(4002).expect("a code"), "bye").expect("can be sent");
                    assert!(client.feed("too late").await.is_err());
                    let reading = async {
                        assert_eq!(socket.recv().await, Some("last words".into()));
                        assert_eq!(socket.recv().await, None);
                        socket.closed().await
                    };
                    let (reason, end) = zip(closed(&mut client), reading).await;
                    assert!(matches!(reason, CloseReason::Requested), "{reason}");
                    assert_eq!((end.why, end.code, &*end.reason), (ws::CloseReason::Peer, 4002, "bye"));
                    assert!(end.is_clean);
                });
            }

            #[test]
            fn shutdown_says_1001_to_all_behind_what_was_accepted() {
                run(async {
                    let server = start().await;
                    let mut pairs = Vec::new();
                    for _ in 0..10 {
                        pairs.push(server.pair().await);
                    }
                    let (mut clients, sockets): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
                    for socket in &sockets {
                        socket.try_send("last words").expect("is open");
                    }
                    let served = server.server.clone();
                    let stopping = server.stop();
                    let parting = async {
                        for client in &mut clients {
                            assert_eq!(message(client).await, "last words".into());
                            let end = loop {
                                match client.next().await.expect("goes on") {
                                    WebSocketEvent::Disconnected { reason: Reason::WebSocket(end), .. } => break end,
                                    WebSocketEvent::Closing(_) => {}
                                    event => panic!("{event}"),
                                }
                            };
                            assert_eq!((end.code, end.is_clean), (1001, true));
                        }
                    };
                    zip(stopping, parting).await;
                    assert_eq!(served.connections(), 0);
                    for socket in sockets {
                        assert!(socket.closed().await.is_clean);
                    }
                });
            }

            #[test]
            fn shutdown_does_not_wait_for_ever_for_who_does_not_answer() {
                run(async {
                    let mut config = EventServerConfig::default();
                    config.drain = Duration::from_millis(50);
                    let server = start_with(config, None).await;
                    let (client, socket) = server.pair().await;
                    // Nobody drives the client.
                    server.stop().await;
                    assert!(!socket.closed().await.is_clean);
                    drop(client);
                });
            }

            #[test]
            fn a_handle_closes_politely_and_restarts() {
                run(async {
                    let server = start().await;
                    let (mut client, socket) = server.pair().await;
                    client.handle().restart(Restart::AtOnce);
                    let again = or(async { server.sockets.recv().await.expect("it serves") }, async {
                        while client.next().await.is_some() {}
                        panic!("it goes on")
                    })
                    .await;
                    assert!(!socket.closed().await.is_clean);
                    client.opened().await.expect("opens");
                    assert_eq!(client.state(), State::Open);
                    client.handle().close();
                    let (reason, end) = zip(closed(&mut client), again.closed()).await;
                    assert!(matches!(reason, CloseReason::Requested), "{reason}");
                    assert_eq!((end.code, end.is_clean), (1000, true));
                });
            }

            #[test]
            fn no_two_clients_have_the_same_key() {
                let [one, other] = two_keys(|url| {
                    let mut config = WebSocketConfig::new(url.parse().expect("a URL"));
                    config.http.reconnect = false;
                    assert!(run(WebSocket::open(config)).is_err(), "nobody answers");
                });
                assert_ne!(one, other);
            }

            #[test]
            fn over_tls_all_is_the_same() {
                let authority = Authority::new();
                let issued = authority.issue(&["localhost"]);
                let tls = Tls::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
                run(async {
                    let server = start_with(EventServerConfig::default(), Some(tls)).await;
                    let url = format!("wss://localhost:{}/echo", server.address.port());
                    let trusted = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
                    let mut config = config(server.address, "/echo");
                    config.http.url = url.parse().expect("a URL");
                    let connector = Connector::new().with_tls(trusted);
                    let mut socket = WebSocket::with_connector(config, connector);
                    socket.opened().await.expect("opens");
                    let said = Message::Binary(vec![3; 1 << 20].into());
                    socket.send(said.clone()).await.expect("is open");
                    assert!(message(&mut socket).await == said);
                    zip(server.stop(), async {
                        while !matches!(socket.next().await, Some(WebSocketEvent::Disconnected { .. })) {}
                    })
                    .await;
                });
            }

            #[test]
            fn a_proxy_is_asked_for_a_tunnel() {
                run(async {
                    let server = start().await;
                    let proxy = HttpProxy::leading_to(server.address);
                    let mut config = config("echo.test", "/echo");
                    config.http.proxies = Proxies::all(Proxy::parse(&proxy.url()).expect("a proxy"));
                    let mut socket = WebSocket::open(config).await.expect("opens");
                    assert!(proxy.head().starts_with("CONNECT echo.test:80 HTTP/1.1\r\n"));
                    socket.send("through").await.expect("is open");
                    assert_eq!(message(&mut socket).await, "through".into());
                });
            }

            #[test]
            fn a_unix_socket_leads_to_another_peer_than_ours() {
                run(async {
                    let folder =
                        std::env::temp_dir().join(format!("tidewire-ws-{}-{}", stringify!($name), std::process::id()));
                    std::fs::create_dir_all(&folder).expect("a folder");
                    let path = folder.join("socket");
                    let listener = std::os::unix::net::UnixListener::bind(&path).expect("binds");
                    let peer = thread::spawn(move || {
                        let (socket, _) = listener.accept().expect("accepts");
                        let mut peer = tungstenite::accept(socket).expect("shakes hands");
                        let message = peer.read().expect("reads");
                        peer.send(message).expect("writes");
                        while peer.read().is_ok() {}
                    });
                    let mut config = config("app.test", "/");
                    config.http.unix_socket = Some(path.to_str().expect("text").into());
                    let mut socket = WebSocket::open(config).await.expect("opens");
                    socket.send("by file").await.expect("is open");
                    assert_eq!(message(&mut socket).await, "by file".into());
                    socket.close(CloseCode::NORMAL, "").expect("is open");
                    assert!(matches!(closed(&mut socket).await, CloseReason::Requested));
                    peer.join().expect("no panic");
                    std::fs::remove_dir_all(folder).expect("removes");
                });
            }

            #[test]
            fn a_burst_of_messages_is_one_write_at_either_end() {
                run(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    let server = EventServer::default();
                    let (sender, sockets) = smol::channel::unbounded();
                    let begin = move |socket, _: &_| drop(sender.try_send(socket));
                    server.web_sockets_at("/", endpoint(), begin).expect("a path");
                    let [ours, theirs] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
                    let counted = |socket, writes: &Arc<AtomicUsize>| Counted {
                        socket,
                        writes: Arc::clone(writes),
                        read: Arc::default(),
                    };
                    let writes = Arc::clone(&ours);
                    let connector = Connector::over_fn(move |_| {
                        let writes = Arc::clone(&writes);
                        async move {
                            let socket = TcpStream::connect(address).await.expect("connects");
                            Ok(Counted { socket, writes, read: Arc::default() })
                        }
                    });
                    let mut client = WebSocket::with_connector(config(address, "/"), connector);
                    let serving = async {
                        let (socket, _) = listener.accept().await.expect("accepts");
                        serve_connection(&server, counted(socket, &theirs)).await.expect("no error");
                    };
                    let talking = async {
                        client.opened().await.expect("opens");
                        let socket = sockets.recv().await.expect("it serves");
                        let before = [&ours, &theirs].map(|writes| writes.load(Ordering::Relaxed));
                        for number in 0..200 {
                            client.feed(text(number)).await.expect("is open");
                            socket.try_send(text(number)).expect("has room");
                        }
                        client.flush().await.expect("is open");
                        for number in 0..200 {
                            assert_eq!(message(&mut client).await, text(number));
                            assert_eq!(socket.recv().await, Some(text(number)));
                        }
                        let after = [&ours, &theirs].map(|writes| writes.load(Ordering::Relaxed));
                        assert_eq!([after[0] - before[0], after[1] - before[1]], [1, 1]);
                        drop(client);
                    };
                    zip(serving, talking).await;
                });
            }

            #[test]
            fn a_thousand_sockets_on_one_listener_are_told_what_was_encoded_once() {
                const MANY: usize = 1000;
                run(async {
                    let server = start().await;
                    let (told, tellings) = smol::channel::unbounded();
                    for _ in 0..MANY {
                        let mut client = WebSocket::open(config(server.address, "/")).await.expect("opens");
                        let told = told.clone();
                        spawn(async move {
                            let heard = message(&mut client).await;
                            client.send(heard.clone()).await.expect("is open");
                            told.send(heard).await.expect("the test waits");
                            closed(&mut client).await;
                        });
                    }
                    let mut sockets = Vec::new();
                    for _ in 0..MANY {
                        sockets.push(server.sockets.recv().await.expect("it serves"));
                    }
                    let said = Prepared::text("to all of you");
                    for socket in &sockets {
                        socket.try_send_prepared(&said).expect("has room");
                    }
                    for socket in &sockets {
                        assert_eq!(socket.recv().await, Some("to all of you".into()));
                        socket.close(CloseCode::NORMAL, "");
                        assert_eq!(tellings.recv().await, Ok("to all of you".into()));
                    }
                    for socket in &sockets {
                        assert!(socket.closed().await.is_clean);
                    }
                    server.stop().await;
                });
            }

            #[test]
            fn an_application_that_takes_nothing_holds_the_server_back_and_loses_nothing() {
                run(async {
                    let server = start().await;
                    let (mut client, socket) = server.pair().await;
                    let filler = Bytes::from(vec![1; 60_000]);
                    let mut accepted = 0;
                    // What the sockets, the queues and one read hold; then there is no room any more.
                    let mut full = 0;
                    while full < 100 {
                        match socket.try_send(filler.clone()) {
                            Ok(()) => (accepted, full) = (accepted + 1, 0),
                            Err(error) => {
                                assert_eq!(error, SocketError::Full);
                                full += 1;
                                thread::sleep(Duration::from_millis(1));
                                yield_now().await;
                            }
                        }
                        assert!(accepted < 4000, "it takes all that there is");
                    }
                    for _ in 0..accepted {
                        assert_eq!(message(&mut client).await.len(), filler.len());
                    }
                    socket.close(CloseCode::NORMAL, "");
                    let end = closed(&mut client).await;
                    assert!(matches!(end, CloseReason::WebSocket(end) if end.code == 1000));
                });
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
