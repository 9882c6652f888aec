//! WebSockets in other people's servers: axum, and hyper alone.

use std::net::{SocketAddr, TcpStream};

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use http::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use smol::channel::{Receiver, unbounded};
use tidewire_core::server::WebSocketEndpoint;
use tidewire_core::ws::{CloseCode, CloseReason};
use tidewire_http::{EventBody, Socket, web_socket};
use tidewire_tests::reading::Reading;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tungstenite::{Message, WebSocket};

/// A server whose sockets the test is given; it ends with the runtime.
struct Server {
    address: SocketAddr,
    sockets: Receiver<Socket>,
    _runtime: Runtime,
}

/// Accepts a WebSocket, and hands it to the test.
fn accept<B: 'static>(request: &mut http::Request<B>, sockets: &smol::channel::Sender<Socket>) -> Response<EventBody> {
    let (response, socket, driving) = match web_socket(request, &WebSocketEndpoint::default()) {
        Ok(begun) => begun,
        Err(refusal) => return refusal,
    };
    tokio::spawn(driving);
    sockets.try_send(socket).expect("the test waits");
    response
}

fn start(is_axum: bool) -> Server {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (sender, sockets) = unbounded();
    if is_axum {
        let handle = move |mut request: Request| {
            let sender = sender.clone();
            async move { accept(&mut request, &sender) }
        };
        let app = Router::new().route("/", any(handle));
        runtime.spawn(async move { axum::serve(listener, app).await });
    } else {
        runtime.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("accepts");
                let sender = sender.clone();
                let service = service_fn(move |mut request: http::Request<Incoming>| {
                    let response = accept(&mut request, &sender);
                    async move { Ok::<_, std::convert::Infallible>(response) }
                });
                let serving =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                tokio::spawn(async move { serving.with_upgrades().await });
            }
        });
    }
    Server { address, sockets, _runtime: runtime }
}

fn pair(server: &Server) -> (WebSocket<TcpStream>, Socket) {
    let stream = TcpStream::connect(server.address).expect("connects");
    let (peer, _) = tungstenite::client(format!("ws://{}/", server.address), stream).expect("opens");
    (peer, server.sockets.recv_blocking().expect("it serves"))
}

fn talks(server: &Server) {
    let (mut peer, socket) = pair(server);
    for said in [Message::text("hello"), Message::binary(vec![7; 1_000_000])] {
        peer.send(said.clone()).expect("writes");
        let heard = socket.recv_blocking().expect("goes on");
        socket.send_blocking(heard).expect("is open");
        assert!(peer.read().expect("reads") == said);
    }
    socket.close(CloseCode::NORMAL, "enough");
    let Ok(Message::Close(Some(frame))) = peer.read() else { panic!("no close frame") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1000, "enough"));
    while peer.read().is_ok() {}
    let end = futures_lite::future::block_on(socket.closed());
    assert_eq!((end.why, end.is_clean), (CloseReason::Local, true));
}

#[test]
fn a_handler_of_axum_accepts_a_websocket() {
    talks(&start(true));
}

#[test]
fn a_service_of_hyper_accepts_a_websocket() {
    talks(&start(false));
}

#[test]
fn a_peer_that_goes_away_is_told_to_the_application() {
    let server = start(true);
    let (peer, socket) = pair(&server);
    drop(peer);
    assert_eq!(socket.recv_blocking(), None);
    assert_eq!(socket.end().map(|end| (end.code, end.is_clean)), Some((1006, false)));
}

#[test]
fn what_is_no_request_for_one_or_of_another_origin_is_refused() {
    for is_axum in [true, false] {
        let server = start(is_axum);
        let plain = Reading::get(server.address, "/", "");
        assert_eq!((plain.head.status, plain.field("sec-websocket-version")), (426, Some("13")));
        let asks = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://elsewhere.example\r\n";
        assert_eq!(Reading::get(server.address, "/", asks).head.status, 403);
        assert!(server.sockets.is_empty());
    }
}
