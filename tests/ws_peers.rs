//! WebSocket ends of others, npm's `ws` and PyPI's `websockets`, talk to our machines, as clients and as servers.

use std::net::TcpListener;
use std::thread;

use bytes::Bytes;
use serde_json::{Value, json};
use tidewire_core::server::{TokenPlaces, TokenProtocol, WebSocketEndpoint};
use tidewire_core::ws::{self, CloseReason, Closed, Event, Message, deflate};
use tidewire_tests::ws_peers::{CODES, PARAMETERS, Package, Peer, compressed, compressed_messages, parameters};
use tidewire_tests::ws_wire::Wire;

macro_rules! suite {
    ($name:ident, $package:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn a_client_of_theirs_sees_our_close_code_and_reason() {
                for (code, reason) in CODES {
                    let (mut client, mut ours) = theirs_and_our_server($package, &json!({}), &WebSocketEndpoint::default());
                    ours.close(Some(code), reason);
                    client.begin(json!(["closed"]));
                    let closed = ours.echo();
                    assert_eq!((closed.why, closed.code, closed.is_clean), (CloseReason::Local, code, true));
                    assert_eq!(client.told(), json!(["closed", code, reason]));
                }
                let (mut client, mut ours) = theirs_and_our_server($package, &json!({}), &WebSocketEndpoint::default());
                ours.close(None, "");
                client.begin(json!(["closed"]));
                assert_eq!(ours.echo().code, Closed::NO_CODE);
                assert_eq!(client.told(), json!(["closed", 1005, ""]));
            }

            #[test]
            fn a_server_of_theirs_sees_our_close_code_and_reason() {
                for (code, reason) in CODES {
                    let (mut server, mut ours) = theirs_and_our_client($package, &json!({}), &[], ws::Config::default());
                    ours.close(Some(code), reason);
                    server.begin(json!(["closed"]));
                    let closed = ours.echo();
                    assert_eq!((closed.why, closed.code, closed.is_clean), (CloseReason::Local, code, true));
                    assert_eq!(server.told(), json!(["closed", code, reason]));
                }
            }

            #[test]
            fn they_answer_our_pings_and_put_our_fragments_together() {
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.config_mut().fragment = Some(1000);
                let (mut client, mut ours) = theirs_and_our_server($package, &json!({}), &endpoint);
                ours.ping(b"there?");
                client.begin(json!(["receive"]));
                assert_eq!(ours.event(), Some(Event::Pong(Bytes::from_static(b"there?"))));
                let long = "\u{e9} and \u{1f30a}, ".repeat(10_000);
                ours.send(&long.as_str().into());
                client.begin(json!(["close", 1000, ""]));
                assert_eq!(ours.echo().code, 1000);
                assert_eq!(client.told(), json!(["text", long]));
                assert_eq!(client.told(), json!(["closed", 1000, ""]));
            }

            #[test]
            fn what_is_too_long_or_no_text_is_closed_with_its_code() {
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.config_mut().limits.max_message = 1000;
                let (mut client, ours) = theirs_and_our_server($package, &json!({}), &endpoint);
                client.begin(json!(["text", "x".repeat(1001)]));
                assert!(matches!(ours.echo().why, CloseReason::Fault(_)));
                assert_eq!(client.told()[1], 1009);
                let (mut server, mut ours) = theirs_and_our_client($package, &$package.limit(1000), &[], ws::Config::default());
                server.begin(json!(["receive"]));
                ours.send(&Message::from("x".repeat(1001)));
                assert_eq!(ours.echo().code, 1009);
                let (mut client, ours) = theirs_and_our_server($package, &json!({}), &WebSocketEndpoint::default());
                client.begin(json!(["no text", "61ff"]));
                assert!(matches!(ours.echo().why, CloseReason::Fault(_)));
                assert_eq!(client.told()[1], 1007);
            }

            #[test]
            fn subprotocols_are_chosen_and_tokens_echoed() {
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.protocols = vec!["chat.v1".into(), "chat.v2".into()];
                let offer = |protocols: &[&str]| json!({ $package.protocols(): protocols });
                let (_client, ours) = theirs_and_our_server($package, &offer(&["other", "chat.v2", "chat.v1"]), &endpoint);
                assert_eq!(ours.agreed.protocol(), Some("chat.v2"));
                let mut endpoint = WebSocketEndpoint::default();
                endpoint.token = Some(TokenPlaces::default());
                for (place, offered, chosen) in [
                    (TokenProtocol::Sole, &["s3cret"][..], "s3cret"),
                    (TokenProtocol::Behind("bearer".into()), &["bearer", "s3cret"], "bearer"),
                ] {
                    endpoint.token.as_mut().unwrap().protocol = place;
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    let client = $package.connect(&url(&listener), &offer(offered));
                    let ours = Wire::accept(&listener, &endpoint);
                    assert_eq!(client.opened().0, chosen);
                    assert_eq!(ours.agreed.protocol(), Some(chosen));
                }
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let refused = $package.connect(&url(&listener), &json!({}));
                thread::spawn(move || Wire::accept(&listener, &endpoint));
                assert_eq!(refused.told()[1], 401);
            }

            #[test]
            fn a_client_of_theirs_compresses_with_each_set_of_parameters() {
                for asked in PARAMETERS.map(|text| parameters(text)) {
                    let mut endpoint = WebSocketEndpoint::default();
                    *endpoint.config_mut() = compressing(deflate::Context::SHARED);
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    let mut client = $package.connect(&url(&listener), &$package.deflate(&asked));
                    let ours = Wire::accept(&listener, &endpoint);
                    let echo = thread::spawn(move || ours.echo());
                    compressed(&mut client, &asked);
                    assert_eq!(echo.join().unwrap().code, 1000, "{asked}");
                }
            }

            #[test]
            fn a_server_of_theirs_compresses_with_each_set_of_parameters() {
                for asked in PARAMETERS.map(|text| parameters(text)) {
                    for context in [deflate::Context::ALONE, deflate::Context::SHARED] {
                        let options = $package.deflate(&asked);
                        let (mut server, ours) = theirs_and_our_client($package, &options, &[], compressing(context));
                        assert!(ours.agreed.deflate.is_some(), "{asked}");
                        let echo = thread::spawn(move || ours.echo());
                        compressed_messages(&mut server, &asked.to_string());
                        assert_eq!(echo.join().unwrap().code, 1000, "{asked}");
                    }
                }
            }
        }
    };
}

suite!(ws_of_npm, Package::Ws);
suite!(websockets_of_pypi, Package::Websockets);

fn theirs_and_our_server(package: Package, options: &Value, endpoint: &WebSocketEndpoint) -> (Peer, Wire) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = package.connect(&url(&listener), options);
    let ours = Wire::accept(&listener, endpoint);
    client.opened();
    (client, ours)
}

fn theirs_and_our_client(package: Package, options: &Value, protocols: &[&str], config: ws::Config) -> (Peer, Wire) {
    let server = package.listen(options);
    let ours = Wire::connect(server.address(), "/", protocols, config);
    server.opened();
    (server, ours)
}

/// Compresses whatever there is, in such a context.
fn compressing(context: deflate::Context) -> ws::Config {
    let mut compression = deflate::Config::default();
    (compression.send, compression.receive, compression.min_len) = (context, context, 0);
    let mut config = ws::Config::default();
    config.deflate = Some(compression);
    config
}

fn url(listener: &TcpListener) -> String {
    format!("ws://{}/", listener.local_addr().expect("it is bound"))
}
