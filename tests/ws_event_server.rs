//! Channels over both transports from one path of the library's server, with real sockets, on both runtimes.

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

            use serde_json::{Value, json};
            use tidewire_core::channels::Endpoint;
            use tidewire_core::client::{WebSocketConfig, WebSocketEvent};
            use tidewire_core::server::WebSocketEndpoint;
            use tidewire_core::sse::Message;
            use tidewire_core::ws::deflate;
            use tidewire_std::{EventServer, EventServerConfig};
            use tidewire_tests::reading::Reading;

            use crate::$runtime::{TcpListener, WebSocket, run, serve, spawn};

            struct Server {
                address: SocketAddr,
                server: EventServer,
                stop: Option<smol::channel::Sender<()>>,
                stopped: smol::channel::Receiver<()>,
            }

            /// A server of the channel `news` at `/news`, by either transport.
            async fn start(deflate: Option<deflate::Config>) -> Server {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                let mut config = EventServerConfig::default();
                config.channels.last_event = Some("event: bye\ndata\n\n".into());
                let server = EventServer::new(config);
                let mut web_socket = WebSocketEndpoint::default();
                web_socket.config_mut().deflate = deflate;
                let mut endpoint = Endpoint::default();
                endpoint.web_socket = Some(web_socket);
                server.channels_at("/news", ["news"], endpoint).expect("a path");
                let (stop, stopping) = smol::channel::bounded::<()>(1);
                let (done, stopped) = smol::channel::bounded::<()>(1);
                let served = server.clone();
                spawn(async move {
                    serve(listener, served, stopping.recv()).await;
                    drop(done);
                });
                Server { address, server, stop: Some(stop), stopped }
            }

            async fn open(address: SocketAddr, query: &str, deflate: Option<deflate::Config>) -> WebSocket {
                let url = format!("ws://{address}/news{query}");
                let mut config = WebSocketConfig::new(url.parse().expect("a URL"));
                config.connection_mut().deflate = deflate;
                WebSocket::open(config).await.expect("opens")
            }

            async fn told(socket: &mut WebSocket) -> Value {
                loop {
                    match socket.next().await.expect("goes on") {
                        WebSocketEvent::Message(message) => {
                            return serde_json::from_str(message.as_text().expect("text")).expect("JSON");
                        }
                        WebSocketEvent::Opened(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }

            #[test]
            fn one_path_gives_channels_over_both_transports_and_resumes() {
                run(async {
                    for deflate in [None, Some(deflate::Config::default())] {
                        let mut server = start(deflate.clone()).await;
                        let mut socket = open(server.address, "", deflate.clone()).await;
                        let begun = told(&mut socket).await;
                        assert_eq!(begun["retry"], 1000);
                        let mut stream = Reading::get(server.address, "/news", "");
                        stream.until("\n\n");

                        let text = "The tide is high. ".repeat(200);
                        let publisher = server.server.publisher();
                        let first = publisher.publish(["news"], &Message::new(&text)).expect("published").to_string();
                        let second = publisher.publish(["news"], &Message::new("and low")).expect("published").to_string();
                        assert_eq!(told(&mut socket).await, json!({ "id": first, "data": text }));
                        assert_eq!(told(&mut socket).await, json!({ "id": second, "data": "and low" }));
                        assert!(stream.until("and low\n\n").contains(&format!("id: {second}\n")));

                        let mut again = open(server.address, &format!("?last_event_id={first}"), deflate).await;
                        assert_eq!(told(&mut again).await["id"], *first);
                        assert_eq!(told(&mut again).await, json!({ "id": second, "data": "and low" }));

                        // The goodbye is told, and then the close.
                        server.stop = None;
                        for socket in [&mut socket, &mut again] {
                            assert_eq!(told(socket).await, json!({ "event": "bye", "data": "" }));
                            assert!(told(socket).await["retry"].as_u64() >= Some(5000));
                            let Some(WebSocketEvent::Closing(Some(said))) = socket.next().await else {
                                panic!("it is closed")
                            };
                            assert_eq!((said.code.get(), &*said.reason), (1001, "the server shuts down"));
                        }
                        drop((socket, again, stream));
                        assert!(server.stopped.recv().await.is_err(), "closed, not sent to");
                    }
                });
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
