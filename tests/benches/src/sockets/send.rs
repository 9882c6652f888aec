//! Who sends text frames: one text, shared by many connections, as a server; the same masked, as a client.

use bytes::Bytes;
use futures_lite::future;
use tidewire_core::ws::{Agreed, Config, Connection, FrameHeader, Opcode, Prepared, SendError, encode_frame};
use tidewire_core::{Instant, Protocol, Random, SplitMix64};

use super::{Memory, Tally, Traffic};
use crate::parsers::Kind;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is ours.
    pub kind: Kind,
    /// Sends the text of that traffic as often as it says, each in a write of its own.
    pub send: fn(&Traffic, &Bytes, Tally) -> Tally,
}

/// As a server, ours first.
pub const SERVERS: [Sender; 7] = [
    Sender { name: "tidewire shared", kind: Kind::Ours, send: tidewire_shared },
    Sender { name: "tidewire copied", kind: Kind::Ours, send: tidewire_copied },
    Sender { name: "tidewire connection", kind: Kind::Ours, send: connection_server },
    Sender { name: "tungstenite", kind: Kind::Peer, send: tungstenite_server },
    Sender { name: "ws-net", kind: Kind::Peer, send: ws_net_server },
    Sender { name: "fastwebsockets", kind: Kind::Peer, send: fastwebsockets_server },
    Sender { name: "~memcpy", kind: Kind::Bound, send: copied },
];

/// As a client, ours first.
pub const CLIENTS: [Sender; 6] = [
    Sender { name: "tidewire", kind: Kind::Ours, send: tidewire_client },
    Sender { name: "tidewire connection", kind: Kind::Ours, send: connection_client },
    Sender { name: "tungstenite", kind: Kind::Peer, send: tungstenite_client },
    Sender { name: "ws-net", kind: Kind::Peer, send: ws_net_client },
    Sender { name: "fastwebsockets", kind: Kind::Peer, send: fastwebsockets_client },
    Sender { name: "~memcpy", kind: Kind::Bound, send: copied },
];

/// A header, and a reference to the payload: two pieces for one vectored write.
fn tidewire_shared(traffic: &Traffic, text: &Bytes, mut written: Tally) -> Tally {
    let mut header = Vec::new();
    for _ in 0..traffic.count {
        header.clear();
        FrameHeader::new(Opcode::Text, text.len()).encode(&mut header);
        let payload = text.clone();
        written.add(std::hint::black_box(&header));
        written.add(std::hint::black_box(&payload));
    }
    written
}

fn tidewire_copied(traffic: &Traffic, text: &Bytes, mut written: Tally) -> Tally {
    let mut out = Vec::new();
    for _ in 0..traffic.count {
        out.clear();
        encode_frame(FrameHeader::new(Opcode::Text, 0), text, &mut out);
        written.add(std::hint::black_box(&out));
    }
    written
}

fn tidewire_client(traffic: &Traffic, text: &Bytes, mut written: Tally) -> Tally {
    let (mut random, mut out) = (SplitMix64::new(1), Vec::new());
    for _ in 0..traffic.count {
        out.clear();
        let mut key = [0; 4];
        random.fill(&mut key);
        encode_frame(FrameHeader { mask: Some(key), ..FrameHeader::new(Opcode::Text, 0) }, text, &mut out);
        written.add(std::hint::black_box(&out));
    }
    written
}

/// The whole machine, a message encoded once for many.
fn connection_server(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    let prepared = Prepared::text(str::from_utf8(text).expect("a text"));
    let socket = Connection::server(Config::default(), &Agreed::default(), Instant::START);
    connection(traffic, written, socket, |socket| socket.send_shared(Instant::START, &prepared))
}

fn connection_client(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    let text = str::from_utf8(text).expect("a text");
    let masks = Box::new(SplitMix64::new(1));
    let socket = Connection::client(Config::default(), &Agreed::default(), Instant::START, masks);
    connection(traffic, written, socket, |socket| socket.send_text(Instant::START, text))
}

fn connection(
    traffic: &Traffic,
    mut written: Tally,
    mut socket: Connection,
    send: impl Fn(&mut Connection) -> Result<(), SendError>,
) -> Tally {
    for _ in 0..traffic.count {
        send(&mut socket).expect("open");
        while let Some(bytes) = socket.poll_transmit() {
            written.add(std::hint::black_box(&bytes));
        }
    }
    written
}

fn copied(traffic: &Traffic, text: &Bytes, mut written: Tally) -> Tally {
    let mut out = Vec::new();
    for _ in 0..traffic.count {
        out.clear();
        out.extend_from_slice(text);
        written.add(std::hint::black_box(&out));
    }
    written
}

fn tungstenite_server(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    tungstenite(traffic, text, written, tungstenite::protocol::Role::Server)
}

fn tungstenite_client(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    tungstenite(traffic, text, written, tungstenite::protocol::Role::Client)
}

fn tungstenite(traffic: &Traffic, text: &Bytes, written: Tally, role: tungstenite::protocol::Role) -> Tally {
    let text = tungstenite::Utf8Bytes::try_from(text.clone()).expect("a text");
    let mut socket = tungstenite::protocol::WebSocket::from_raw_socket(Memory::new(&[], written), role, None);
    for _ in 0..traffic.count {
        socket.send(tungstenite::Message::Text(text.clone())).expect("memory");
    }
    socket.get_ref().written
}

fn ws_net_server(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    ws_net(traffic, text, written, ws_net::Connection::server())
}

fn ws_net_client(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    ws_net(traffic, text, written, ws_net::Connection::client_with_seed([1; 32]))
}

fn ws_net(traffic: &Traffic, text: &Bytes, mut written: Tally, mut socket: ws_net::Connection) -> Tally {
    let text = str::from_utf8(text).expect("a text");
    for _ in 0..traffic.count {
        socket.send_text(text).expect("open");
        let out = socket.output();
        written.add(std::hint::black_box(out));
        let len = out.len();
        socket.advance_output(len);
    }
    written
}

fn fastwebsockets_server(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    fastwebsockets(traffic, text, written, fastwebsockets::Role::Server)
}

fn fastwebsockets_client(traffic: &Traffic, text: &Bytes, written: Tally) -> Tally {
    fastwebsockets(traffic, text, written, fastwebsockets::Role::Client)
}

fn fastwebsockets(traffic: &Traffic, text: &Bytes, written: Tally, role: fastwebsockets::Role) -> Tally {
    use fastwebsockets::{Frame, Payload, WebSocket};
    let mut socket = WebSocket::after_handshake(Memory::new(&[], written), role);
    future::block_on(async {
        for _ in 0..traffic.count {
            socket.write_frame(Frame::text(Payload::Borrowed(text))).await.expect("memory");
        }
    });
    socket.into_inner().written
}
