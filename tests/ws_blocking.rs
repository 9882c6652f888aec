//! WebSockets without a runtime, against a server of ours and against others.

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tidewire_core::client::{CloseReason, Reason, SendError, WebSocketConfig, WebSocketEvent};
use tidewire_core::server::WebSocketEndpoint;
use tidewire_core::ws::{self, CloseCode, Message};
use tidewire_smol::{EventServer, Socket, serve, serve_tls};
use tidewire_std::WebSocket;
use tidewire_tests::authority::Authority;
use tidewire_tests::relay::Relay;
use tidewire_tests::ws_handshake::two_keys;
use tidewire_tls::{Client, Server as Tls};
use tungstenite::protocol::frame::coding::CloseCode as TheirCode;

const LONG: usize = 16 << 20;

/// Serves `/echo`, and `/` whose sockets the test is given.
fn start(tls: Option<Tls>) -> (SocketAddr, smol::channel::Receiver<Socket>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let mut endpoint = WebSocketEndpoint::default();
    let config = endpoint.config_mut();
    (config.limits.max_frame, config.limits.max_message) = (LONG, LONG);
    let server = EventServer::default();
    let echo = |socket: Socket, _: &_| {
        smol::spawn(async move {
            while let Some(message) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        })
        .detach();
    };
    server.web_sockets_at("/echo", endpoint.clone(), echo).expect("a path");
    let (sender, sockets) = smol::channel::unbounded();
    let begin = move |socket, _: &_| drop(sender.try_send(socket));
    server.web_sockets_at("/", endpoint, begin).expect("a path");
    thread::spawn(move || {
        smol::block_on(async {
            let listener = smol::Async::try_from(listener).expect("a socket").into();
            match tls {
                None => serve(listener, server, std::future::pending::<()>()).await,
                Some(tls) => serve_tls(listener, tls, server, std::future::pending::<()>()).await,
            }
        });
    });
    (address, sockets)
}

fn config(url: &str) -> WebSocketConfig {
    let mut config = WebSocketConfig::new(url.parse().expect("a URL"));
    config.http.backoff.base = Duration::from_millis(1);
    let connection = config.connection_mut();
    (connection.limits.max_frame, connection.limits.max_message) = (LONG, LONG);
    config
}

fn open(address: SocketAddr, path: &str) -> WebSocket {
    WebSocket::open(config(&format!("ws://{address}{path}"))).expect("opens")
}

fn message(socket: &mut WebSocket) -> Message {
    socket.next_message().expect("goes on").expect("a message")
}

fn closed(socket: &mut WebSocket) -> CloseReason {
    socket
        .find_map(|event| match event {
            WebSocketEvent::Closed { reason, .. } => Some(reason),
            _ => None,
        })
        .expect("a last event")
}

#[test]
fn messages_of_all_lengths_are_echoed() {
    let (address, _sockets) = start(None);
    let mut socket = open(address, "/echo");
    for len in [0, 1, 126, 65_536, LONG] {
        let said = Message::Binary(vec![7; len].into());
        socket.send(said.clone()).expect("is open");
        assert!(message(&mut socket) == said, "{len} bytes");
    }
}

#[test]
fn no_two_clients_have_the_same_key() {
    let [one, other] = two_keys(|url| {
        let mut config = config(url);
        config.http.reconnect = false;
        assert!(WebSocket::open(config).is_err(), "nobody answers");
    });
    assert_ne!(one, other);
}

#[test]
fn both_ends_may_write_before_they_read() {
    let (address, sockets) = start(None);
    let mut socket = open(address, "/");
    let peer = sockets.recv_blocking().expect("it serves");
    let long = Bytes::from(vec![9; LONG]);
    let said = long.clone();
    let writing = thread::spawn(move || {
        peer.send_blocking(said.clone()).expect("is open");
        assert!(peer.recv_blocking() == Some(Message::Binary(said)));
    });
    socket.send(long.clone()).expect("is open");
    assert!(message(&mut socket) == Message::Binary(long));
    writing.join().expect("no panic");
}

#[test]
fn other_threads_send_while_this_one_waits() {
    let (address, _sockets) = start(None);
    let mut socket = open(address, "/echo");
    let sender = socket.sender();
    let saying = thread::spawn(move || {
        for number in 0..500 {
            sender.send_blocking(number.to_string()).expect("is open");
        }
        sender
    });
    for number in 0..500 {
        assert_eq!(message(&mut socket), number.to_string().into());
    }
    let sender = saying.join().expect("no panic");
    drop(socket);
    assert_eq!(sender.try_send("late"), Err(SendError::Over));
}

#[test]
fn a_handle_closes_politely_in_the_middle_of_a_wait() {
    let (address, sockets) = start(None);
    let mut socket = open(address, "/");
    let peer = sockets.recv_blocking().expect("it serves");
    let handle = socket.handle();
    let closing = thread::spawn(move || {
        // By then the other thread waits, or is about to.
        assert_eq!(peer.recv_blocking(), Some("here".into()));
        handle.close();
        smol::block_on(peer.closed())
    });
    socket.send("here").expect("is open");
    assert!(matches!(closed(&mut socket), CloseReason::Requested));
    let end = closing.join().expect("no panic");
    assert_eq!((end.why, end.code, end.is_clean), (ws::CloseReason::Peer, 1000, true));
}

#[test]
fn close_codes_are_told_at_both_ends() {
    let (address, sockets) = start(None);
    let mut socket = open(address, "/");
    let peer = sockets.recv_blocking().expect("it serves");
    socket.feed("last words").expect("is open");
    socket.close(CloseCode::new(4002).expect("a code"), "bye").expect("can be sent");
    assert!(matches!(closed(&mut socket), CloseReason::Requested));
    assert_eq!(peer.recv_blocking(), Some("last words".into()));
    let end = smol::block_on(peer.closed());
    assert_eq!((end.code, &*end.reason, end.is_clean), (4002, "bye", true));
}

#[test]
fn a_peer_at_fault_is_told_so_and_come_back_to() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let peer = thread::spawn(move || {
        use std::io::Write;
        let mut peer = tungstenite::accept(listener.accept().expect("accepts").0).expect("shakes hands");
        // A masked frame, which servers must not send.
        peer.get_mut().write_all(b"\x81\x80\0\0\0\0").expect("writes");
        let Ok(tungstenite::Message::Close(Some(frame))) = peer.read() else { panic!("no close frame") };
        while peer.read().is_ok() {}
        drop(peer);
        let mut peer = tungstenite::accept(listener.accept().expect("comes back").0).expect("shakes hands");
        peer.send("sorry".into()).expect("writes");
        (frame.code, peer)
    });
    let mut socket = open(address, "/");
    let told = socket.find_map(|event| match event {
        WebSocketEvent::Disconnected { reason: Reason::WebSocket(end), .. } => Some(end.why),
        _ => None,
    });
    assert!(matches!(told, Some(ws::CloseReason::Fault(_))), "{told:?}");
    assert_eq!(message(&mut socket), "sorry".into());
    assert_eq!(peer.join().expect("no panic").0, TheirCode::Protocol);
}

#[test]
fn over_tls_all_is_the_same() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"]);
    let tls = Tls::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
    let (address, sockets) = start(Some(tls));
    let trusted = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
    let url = format!("wss://localhost:{}/", address.port());
    let mut socket = WebSocket::new(config(&url)).with_tls(trusted);
    socket.opened().expect("opens");
    let peer = sockets.recv_blocking().expect("it serves");
    let said = Message::Binary(vec![3; 1 << 20].into());
    socket.send(said.clone()).expect("is open");
    assert!(peer.recv_blocking() == Some(said));
    let sender = socket.sender();
    let talking = thread::spawn(move || {
        peer.send_blocking("one").expect("is open");
        assert_eq!(peer.recv_blocking(), Some("two".into()));
        peer.close(CloseCode::NORMAL, "");
        smol::block_on(peer.closed())
    });
    assert_eq!(message(&mut socket), "one".into());
    thread::spawn(move || sender.send_blocking("two").expect("is open"));
    assert!(matches!(closed(&mut socket), CloseReason::WebSocket(end) if end.code == 1000));
    assert!(talking.join().expect("no panic").is_clean);
}

#[test]
fn who_was_cut_off_comes_back() {
    let (address, _sockets) = start(None);
    let relay = Relay::start(address, "");
    let mut socket = open(relay.address(), "/echo");
    for round in 0..3 {
        socket.opened().expect("opens");
        socket.send(format!("round {round}")).expect("is open");
        assert_eq!(message(&mut socket), format!("round {round}").into());
        relay.cut();
        relay.mend();
        assert!(socket.any(|event| matches!(event, WebSocketEvent::Disconnected { .. })));
        assert_eq!(socket.feed("not open"), Err(SendError::NotOpen));
    }
}
