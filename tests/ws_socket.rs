//! One accepted WebSocket in the hands of an application, on both runtimes, with peers that are not ours.

#[path = "support/hosted.rs"]
mod hosted;
#[allow(dead_code, reason = "shared with other targets")]
#[path = "support/lines.rs"]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with other targets")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with other targets")]
#[path = "support/on_tokio.rs"]
mod on_tokio;

use std::net::TcpStream;

use tungstenite::client::IntoClientRequest;
use tungstenite::{Message as Theirs, WebSocket};

use crate::hosted::Hosted;

type Peer = WebSocket<TcpStream>;

/// Opens a WebSocket, or is refused one with a status.
fn asked(hosted: &Hosted, path: &str, fields: &[(&'static str, &str)]) -> Result<Peer, u16> {
    let mut request = format!("ws://{}{path}", hosted.address).into_client_request().expect("a request");
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().expect("a value"));
    }
    let socket = TcpStream::connect(hosted.address).expect("connects");
    match tungstenite::client::client(request, socket) {
        Ok((peer, _)) => Ok(peer),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

fn text(peer: &mut Peer) -> String {
    match peer.read().expect("goes on") {
        Theirs::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Reads the close frame, answers it, and reads to the end.
fn closed(peer: &mut Peer) -> (u16, String) {
    let told = match peer.read().expect("a close frame") {
        Theirs::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
        other => panic!("{other:?}"),
    };
    while peer.read().is_ok() {}
    told
}

/// Waits until it is so.
fn soon(so: impl Fn() -> bool) {
    let late = std::time::Instant::now() + lines::PATIENCE;
    while !so() {
        assert!(std::time::Instant::now() < late, "it is not so in time");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::io::{ErrorKind, Read, Write};
            use std::net::TcpListener;
            use std::thread;
            use std::time::Duration;

            use futures_lite::future::{block_on, poll_once};
            use smol::channel::Receiver;
            use tidewire_core::channels::{Endpoint, Replay};
            use tidewire_core::channels::ChannelConfig;
            use tidewire_core::server::{self, Reply, Session, TokenPlace, TokenPlaces, TokenProtocol, WebSocketEndpoint};
            use tidewire_core::ws::{self, CloseCode, CloseReason, Message, Prepared, deflate};
            use tidewire_std::{Clock, EventServer, EventServerConfig, Response, Socket, SocketError, seed};
            use tidewire_tests::reading::Reading;

            use super::{Hosted, Theirs, asked, closed, soon, text};
            use crate::$runtime::{Connection, on_std, run, serve, spawn};

            fn serve_on(listener: TcpListener, server: EventServer, stopping: Receiver<()>) {
                run(async move { serve(on_std(listener), server, stopping.recv()).await });
            }

            /// Serves WebSockets at `/`, which the test is given.
            fn host_with(config: EventServerConfig, endpoint: WebSocketEndpoint) -> (Hosted, EventServer, Receiver<Socket>) {
                let server = EventServer::new(config);
                let (sender, sockets) = smol::channel::unbounded();
                let begin = move |socket, _: &_| drop(sender.try_send(socket));
                server.web_sockets_at("/", endpoint, begin).expect("a path");
                (Hosted::start(serve_on, &server), server, sockets)
            }

            fn host(endpoint: WebSocketEndpoint) -> (Hosted, Receiver<Socket>) {
                let (hosted, _, sockets) = host_with(EventServerConfig::default(), endpoint);
                (hosted, sockets)
            }

            fn pair(hosted: &Hosted, sockets: &Receiver<Socket>) -> (super::Peer, Socket) {
                let peer = asked(hosted, "/", &[]).expect("opens");
                (peer, sockets.recv_blocking().expect("it serves"))
            }

            #[test]
            fn who_does_not_receive_holds_its_peer_back_and_loses_nothing() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                let filler = vec![1; 60_000];
                peer.get_ref().set_write_timeout(Some(Duration::from_millis(300))).expect("sets it");
                let mut said = 0_usize;
                // What the sockets, the queue and one read hold; then a write is not taken.
                let error = loop {
                    let mut message = filler.clone();
                    message.extend(said.to_be_bytes());
                    said += 1;
                    if let Err(error) = peer.send(Theirs::binary(message)) {
                        break error;
                    }
                    assert!(said < 2000, "it takes all that there is");
                };
                assert!(
                    matches!(&error, tungstenite::Error::Io(error)
                        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
                    "{error}"
                );
                let writing = thread::spawn(move || {
                    peer.get_ref().set_write_timeout(None).expect("sets it");
                    peer.flush().expect("is taken");
                    peer
                });
                for number in 0..said {
                    let Some(Message::Binary(bytes)) = socket.recv_blocking() else { panic!("{number}") };
                    assert_eq!(bytes[filler.len()..], number.to_be_bytes());
                }
                drop(writing.join().expect("no panic"));
                assert_eq!(socket.recv_blocking(), None);
            }

            #[test]
            fn many_short_messages_that_are_not_received_are_held_back_too() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                for number in 0..10_000 {
                    peer.write(Theirs::text(number.to_string())).expect("is taken");
                }
                peer.flush().expect("is taken");
                soon(|| format!("{socket:?}").contains("unreceived: 16,"));
                for number in 0..10_000 {
                    assert_eq!(socket.recv_blocking(), Some(number.to_string().into()));
                }
            }

            #[test]
            fn who_does_not_read_is_told_of_by_full_and_then_cut_off() {
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.config_mut().write_timeout = Duration::from_millis(300);
                let (hosted, sockets) = host(endpoint);
                let (peer, socket) = pair(&hosted, &sockets);
                let filler = "x".repeat(60_000);
                let mut accepted = 0;
                let error = loop {
                    match socket.try_send(&*filler) {
                        Ok(()) => accepted += 1,
                        Err(SocketError::Full) => thread::sleep(Duration::from_millis(1)),
                        Err(error) => break error,
                    }
                    assert!(accepted < 4000, "it takes all that there is");
                };
                assert_eq!(error, SocketError::Over);
                let end = block_on(socket.closed());
                assert_eq!(end.why, CloseReason::WriteTimeout);
                // What is in the queues: 1 MiB at most, and 64 KiB.
                assert!((1..40).contains(&end.unsent), "{end:?}");
                drop(peer);
            }

            #[test]
            fn what_waits_for_room_and_is_given_up_is_never_sent() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                let filler = "x".repeat(60_000);
                let mut accepted = 0;
                let mut full = 0;
                while full < 50 {
                    match socket.try_send(&*filler) {
                        Ok(()) => (accepted, full) = (accepted + 1, 0),
                        Err(error) => {
                            assert_eq!(error, SocketError::Full);
                            full += 1;
                            thread::sleep(Duration::from_millis(1));
                        }
                    }
                }
                assert!(block_on(poll_once(socket.send("a ghost"))).is_none());
                let waiting = thread::spawn(move || {
                    socket.send_blocking("the last").expect("is open");
                    block_on(socket.flushed()).expect("is written");
                    socket.close(CloseCode::NORMAL, "");
                });
                for _ in 0..accepted {
                    assert_eq!(text(&mut peer).len(), filler.len());
                }
                assert_eq!(text(&mut peer), "the last");
                assert_eq!(closed(&mut peer).0, 1000);
                waiting.join().expect("no panic");
            }

            #[test]
            fn the_last_handle_that_is_dropped_closes_with_1000_and_in_a_panic_with_1011() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                let other = socket.clone();
                drop(socket);
                other.try_send("still here").expect("is open");
                assert_eq!(text(&mut peer), "still here");
                drop(other);
                assert_eq!(closed(&mut peer), (1000, String::new()));

                let (mut peer, socket) = pair(&hosted, &sockets);
                let fallen = thread::spawn(move || {
                    let _socket = socket;
                    // Without a word on the terminal.
                    std::panic::resume_unwind(Box::new("a bug"));
                });
                assert!(fallen.join().is_err());
                assert_eq!(closed(&mut peer).0, 1011);
            }

            #[test]
            fn what_the_application_closes_with_is_cut_to_what_a_close_frame_holds() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                socket.close(CloseCode::POLICY, &"é".repeat(100));
                socket.close(CloseCode::NORMAL, "the first word counts");
                assert_eq!(closed(&mut peer), (1008, "é".repeat(61)));
                assert_eq!(socket.ping(b"x"), Err(SocketError::Over));
            }

            #[test]
            fn a_peer_that_is_gone_is_told_as_1006_behind_what_it_said() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                peer.send(Theirs::text("last words")).expect("writes");
                drop(peer);
                let end = block_on(socket.closed());
                assert_eq!((end.code, end.is_clean), (1006, false));
                assert_eq!(socket.recv_blocking(), Some("last words".into()));
                assert_eq!(socket.recv_blocking(), None);
                assert_eq!(socket.end(), Some(end));
            }

            #[test]
            fn a_ping_of_the_application_reaches_its_peer() {
                let (hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                assert_eq!(socket.ping(&[0; 126]), Err(SocketError::TooLong));
                socket.ping(b"there?").expect("is open");
                assert_eq!(peer.read().expect("reads"), Theirs::Ping(b"there?".to_vec().into()));
            }

            #[test]
            fn a_message_encoded_once_goes_to_all_compressed_or_not() {
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.config_mut().deflate = Some(deflate::Config::default());
                let (hosted, sockets) = host(endpoint);
                let (mut plain, one) = pair(&hosted, &sockets);
                // By hand: this peer knows no compression.
                let mut stream = std::net::TcpStream::connect(hosted.address).expect("connects");
                let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                              Sec-WebSocket-Extensions: permessage-deflate";
                write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n").expect("asks");
                let other = sockets.recv_blocking().expect("it serves");
                let said = "the same again and again ".repeat(200);
                let mut prepared = Prepared::text(&said);
                prepared.compress(&mut deflate::Compressor::default());
                for socket in [&one, &other] {
                    socket.try_send_prepared(&prepared).expect("has room");
                }
                assert_eq!(text(&mut plain), said);
                let compressed = prepared.compressed_frame(deflate::Context::ALONE).expect("is smaller");
                assert!(compressed.len() < said.len() / 10);
                let mut all = Vec::new();
                while !all.ends_with(compressed) {
                    let mut buffer = [0; 4096];
                    let count = stream.read(&mut buffer).expect("reads");
                    assert_ne!(count, 0, "it ends without the frame");
                    all.extend_from_slice(&buffer[..count]);
                }
                drop(other);
            }

            #[test]
            fn who_may_not_ask_is_refused_before_the_upgrade() {
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.protocols = vec!["chat.v2".into(), "chat.v1".into()];
                let mut places = TokenPlaces::default();
                places.protocol = TokenProtocol::Behind("bearer".into());
                endpoint.token = Some(places);
                let (hosted, sockets) = host(endpoint);
                let refused = |fields: &[(&'static str, &str)]| asked(&hosted, "/", fields).err();
                assert_eq!(refused(&[]), Some(401));
                let token = ("authorization", "Bearer s3cret");
                assert_eq!(refused(&[token, ("origin", "https://elsewhere.example")]), Some(403));
                assert_eq!(Reading::get(hosted.address, "/", "").head.status, 426);
                assert!(sockets.is_empty(), "the application hears of none of them");

                let protocols = ("sec-websocket-protocol", "bearer, s3cret, chat.v1");
                drop(asked(&hosted, "/", &[protocols]).expect("opens"));
                let socket = sockets.recv_blocking().expect("it serves");
                assert_eq!(socket.protocol(), Some("chat.v1"));
                let token = socket.token().expect("one was looked for");
                assert!(token.is("s3cret") && token.place() == TokenPlace::Protocol);
                assert_eq!(&*socket.head().target, "/");
                assert!(!format!("{socket:?}").contains("s3cret"));
            }

            #[test]
            fn the_application_decides_by_the_request() {
                let server = EventServer::default();
                let (sender, sockets) = smol::channel::unbounded::<(Socket, String)>();
                let handle = move |_: &server::Request, names: &tidewire_core::http::PathNames<'_>| {
                    let room = names.get("room").unwrap_or_default().to_owned();
                    if room == "closed" {
                        return Reply::new(410).into();
                    }
                    let sender = sender.clone();
                    let begin = Box::new(move |socket, _: &_| drop(sender.try_send((socket, room))));
                    Response::WebSocket { begin, endpoint: WebSocketEndpoint::default() }
                };
                server.handle_at("/rooms/{room}", handle).expect("a path");
                let hosted = Hosted::start(serve_on, &server);
                assert_eq!(asked(&hosted, "/rooms/closed", &[]).err(), Some(410));
                let _peer = asked(&hosted, "/rooms/open", &[]).expect("opens");
                assert_eq!(sockets.recv_blocking().expect("it serves").1, "open");
            }

            #[test]
            fn one_connection_too_many_is_told_when_to_come_back() {
                let mut config = EventServerConfig::default();
                config.channels.max_connections = 1;
                let (hosted, server, sockets) = host_with(config, WebSocketEndpoint::default());
                let (peer, socket) = pair(&hosted, &sockets);
                assert_eq!(asked(&hosted, "/", &[]).err(), Some(503));
                drop((peer, socket));
                soon(|| server.connections() == 0);
                assert!(asked(&hosted, "/", &[]).is_ok());
            }

            #[test]
            fn shutdown_says_1001_to_who_has_not_received_all_either() {
                let (mut hosted, sockets) = host(WebSocketEndpoint::default());
                let (mut peer, socket) = pair(&hosted, &sockets);
                for number in 0..100 {
                    peer.send(Theirs::text(number.to_string())).expect("writes");
                }
                soon(|| format!("{socket:?}").contains("unreceived: 16,"));
                hosted.stop();
                let Theirs::Close(Some(frame)) = peer.read().expect("reads") else { panic!("no close frame") };
                assert_eq!(u16::from(frame.code), 1001);
                let receiving = thread::spawn(move || {
                    for number in 0..100 {
                        assert_eq!(socket.recv_blocking(), Some(number.to_string().into()));
                    }
                    block_on(socket.closed())
                });
                while peer.read().is_ok() {}
                assert!(receiving.join().expect("no panic").is_clean);
                hosted.ended();
            }

            #[test]
            fn channels_at_a_path_are_read_over_both_transports() {
                let server = EventServer::default();
                let mut channel = ChannelConfig::default();
                channel.replay = Replay::All;
                server.register("news", channel).expect("there is room");
                let mut endpoint = Endpoint::default();
                endpoint.web_socket = Some(WebSocketEndpoint::default());
                server.channels_at("/news", ["news"], endpoint).expect("a path");
                let mut hosted = Hosted::start(serve_on, &server);
                let publisher = server.publisher();
                let mut events = Reading::get(hosted.address, "/news", "");
                let mut peer = asked(&hosted, "/news", &[]).expect("opens");
                let opening = text(&mut peer);
                assert!(opening.contains(r#""retry":"#), "{opening}");
                let first = publisher.publish(["news"], "the first").expect("is accepted");
                publisher.publish(["news"], "the second").expect("is accepted");
                events.until("data: the second\n\n");
                for data in ["the first", "the second"] {
                    let said = text(&mut peer);
                    assert!(said.contains(&format!(r#""data":"{data}""#)), "{said}");
                }
                // Who was cut off goes on behind what it has.
                let path = format!("/news?last_event_id={first}");
                let mut again = asked(&hosted, &path, &[]).expect("opens");
                while !text(&mut again).contains(r#""data":"the second""#) {}
                // What a reader says is nobody's.
                peer.send(Theirs::text("hello?")).expect("writes");
                drop(again);
                soon(|| server.connections() <= 2);
                hosted.stop();
                let retry = text(&mut peer);
                assert!(retry.contains(r#""retry":"#), "{retry}");
                assert_eq!(closed(&mut peer).0, 1001);
                drop(events);
                hosted.ended();
            }

            #[test]
            fn a_session_of_ones_own_becomes_a_websocket() {
                let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
                let address = listener.local_addr().expect("bound");
                let peer = thread::spawn(move || {
                    let stream = std::net::TcpStream::connect(address).expect("connects");
                    let (mut peer, _) = tungstenite::client(format!("ws://{address}/"), stream).expect("opens");
                    assert_eq!(text(&mut peer), "welcome");
                    peer.send(Theirs::text("echo")).expect("writes");
                    assert_eq!(text(&mut peer), "echo");
                    closed(&mut peer).0
                });
                run(async move {
                    let (done, ended) = smol::channel::bounded::<()>(1);
                    spawn(async move {
                        let (socket, _) = on_std(listener).accept().await.expect("accepts");
                        let clock = Clock::start();
                        let session = Session::new(server::Config::default(), clock.now(), clock.unix(), seed());
                        let mut connection = Connection::new(socket, session, clock);
                        while let Some(event) = connection.next().await.expect("no error") {
                            let now = connection.now();
                            let session = connection.protocol_mut();
                            match event {
                                server::Event::Request(request) => {
                                    let config = ws::Config::default();
                                    let upgrade = ws::Upgrade::of(&request.head).expect("is one");
                                    let accepted = upgrade.accept(None, &config).expect("no subprotocol");
                                    session.upgrade(now, accepted, config).expect("waits for it");
                                    let socket = session.web_socket().expect("is one");
                                    socket.send_text(now, "welcome").expect("has room");
                                }
                                server::Event::WebSocket(ws::Event::Message(message)) => {
                                    let socket = session.web_socket().expect("is one");
                                    socket.send(now, &message).expect("has room");
                                    socket.close(now, Some(CloseCode::NORMAL), "").expect("is open");
                                }
                                _ => {}
                            }
                        }
                        drop(done);
                    });
                    assert!(ended.recv().await.is_err());
                });
                assert_eq!(peer.join().expect("no panic"), 1000);
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
