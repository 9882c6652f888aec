//! The examples of WebSockets, each with an end that is not ours.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/examples.rs"]
mod examples;
#[allow(dead_code, reason = "shared with another target")]
#[path = "support/running.rs"]
mod running;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Accepts one client, and returns the head of its request, too.
fn accept(listener: &TcpListener) -> (WebSocket<TcpStream>, String) {
    let (socket, _) = listener.accept().expect("accepts");
    let mut head = String::new();
    #[allow(clippy::result_large_err, reason = "as it is declared there")]
    let keep = |request: &Request, response: Response| {
        head = format!("{} {:?}", request.uri(), request.headers());
        Ok(response)
    };
    let peer = tungstenite::accept_hdr(socket, keep).expect("shakes hands");
    (peer, head)
}

/// Asks for a WebSocket with compression, and returns the head of the answer.
fn asked(url: &str) -> String {
    let address = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
    let mut socket = TcpStream::connect(address).expect("connects");
    let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                  Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
    write!(socket, "GET /echo HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n\r\n").expect("asks");
    let lines = BufReader::new(socket).lines().map(|line| line.expect("text"));
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n").to_ascii_lowercase()
}

macro_rules! suite {
    ($runtime:ident) => {
        mod $runtime {
            use super::*;
            use crate::examples::Example;
            use crate::running::Running;

            fn start(arguments: &[&str]) -> (Example, String) {
                let example = Example::start(stringify!($runtime), "echo", arguments);
                let line = example.line();
                let (_, url) = line.rsplit_once(' ').expect("it says where");
                let url = url.to_owned();
                (example, url)
            }

            fn client(listener: &TcpListener, target: &str) -> Running {
                let url = format!("ws://{}{target}", listener.local_addr().expect("bound"));
                Running::start(stringify!($runtime), "echo-client", &[], &[&url, "tidewire/test"])
            }

            #[test]
            fn echo_says_what_it_is_told_up_to_64_mib() {
                let (_echo, url) = start(&["0"]);
                let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
                let connect = || tungstenite::client::connect_with_config(&url[..], Some(config), 0).expect("opens").0;
                let mut peer = connect();
                for said in [
                    Message::text("hello"),
                    Message::binary(vec![1, 2, 3]),
                    Message::text(""),
                    Message::binary(vec![5; 64 << 20]),
                ] {
                    peer.send(said.clone()).expect("writes");
                    assert!(peer.read().expect("reads") == said);
                }
                peer.close(Some(CloseFrame { code: 3333.into(), reason: "done".into() })).expect("writes");
                let Ok(Message::Close(Some(answer))) = peer.read() else { panic!("no answer") };
                assert_eq!(u16::from(answer.code), 3333);

                // One octet more is refused at its header.
                let mut peer = connect();
                let len = (64_u64 << 20) + 1;
                let header = [&[0x82, 0xff][..], &len.to_be_bytes(), &[0; 4]].concat();
                peer.get_mut().write_all(&header).expect("writes");
                let Ok(Message::Close(Some(answer))) = peer.read() else { panic!("no answer") };
                assert_eq!(answer.code, CloseCode::Size);
            }

            #[test]
            fn echo_compresses_where_it_is_told_to() {
                for (arguments, compresses) in [(&["0"][..], false), (&["0", "--deflate"][..], true)] {
                    let (_echo, url) = start(arguments);
                    let head = asked(&url);
                    assert!(head.starts_with("http/1.1 101 "), "{head}");
                    assert_eq!(head.contains("sec-websocket-extensions: permessage-deflate"), compresses, "{head}");
                }
            }

            #[test]
            fn echo_client_echoes_until_it_is_closed_and_ends_well() {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let client = client(&listener, "/runCase?case=1&agent=tidewire");
                let (mut peer, head) = accept(&listener);
                assert!(head.starts_with("/runCase?case=1&agent=tidewire "), "{head}");
                assert!(head.contains(r#""user-agent": "tidewire/test""#), "{head}");
                assert!(head.contains(r#""sec-websocket-extensions": "permessage-deflate"#), "{head}");
                for said in [Message::text("hello"), Message::binary(vec![1, 2, 3]), Message::binary(vec![5; 2 << 20])]
                {
                    peer.send(said.clone()).expect("writes");
                    assert!(peer.read().expect("reads") == said);
                }
                peer.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })).expect("writes");
                while peer.read().is_ok() {}
                drop(peer);
                let ended = client.end();
                assert!(ended.success, "{ended:?}");
            }

            #[test]
            fn echo_client_does_not_come_back_and_fails_when_it_is_cut_off() {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let client = client(&listener, "/");
                drop(accept(&listener));
                let ended = client.end();
                assert!(!ended.success, "{ended:?}");
                listener.set_nonblocking(true).expect("a socket");
                assert!(listener.accept().is_err(), "nobody else came");
            }
        }
    };
}

suite!(tokio);
suite!(smol);
