//! Who receives masked text frames as a server. All read from memory into a buffer of their own: that copy is in every figure.

use std::io::Read;

use futures_lite::{StreamExt, future};
use tidewire_core::ws::{Agreed, Config, Connection, Event, Item, Limits, Message, OwnedItem, Reader, Role};
use tidewire_core::{Instant, Protocol};

use super::{Memory, Tally};
use crate::parsers::Kind;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Receiver {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is ours.
    pub kind: Kind,
    /// Takes all the frames.
    pub receive: fn(&'static [u8], &mut Tally),
}

/// All, ours first.
pub const ALL: [Receiver; 9] = [
    Receiver { name: "tidewire", kind: Kind::Ours, receive: tidewire },
    Receiver { name: "tidewire owned", kind: Kind::Ours, receive: tidewire_owned },
    Receiver { name: "tidewire connection", kind: Kind::Ours, receive: tidewire_connection },
    Receiver { name: "tungstenite", kind: Kind::Peer, receive: tungstenite },
    Receiver { name: "ws-net", kind: Kind::Peer, receive: ws_net },
    Receiver { name: "fastwebsockets", kind: Kind::Peer, receive: fastwebsockets },
    Receiver { name: "tokio-websockets", kind: Kind::Peer, receive: tokio_websockets },
    Receiver { name: "websocket-sans-io", kind: Kind::Peer, receive: websocket_sans_io },
    Receiver { name: "~loop", kind: Kind::Bound, receive: bare },
];

/// What ours and the bare ones read at once.
const CHUNK: usize = 16 << 10;

fn tidewire(mut input: &'static [u8], tally: &mut Tally) {
    let mut reader = Reader::new(Role::Server, Limits::default());
    let mut buffer = vec![0; CHUNK];
    while let Ok(len @ 1..) = input.read(&mut buffer) {
        let mut at = 0;
        while let (used, Some(item)) = reader.read(&mut buffer[at..len]).expect("good frames") {
            at += used;
            let Item::Text(text) = item else { panic!("a text") };
            tally.take(text.as_bytes());
        }
    }
}

fn tidewire_owned(mut input: &'static [u8], tally: &mut Tally) {
    let mut reader = Reader::new(Role::Server, Limits::default());
    let mut buffer = vec![0; CHUNK];
    while let Ok(len @ 1..) = input.read(&mut buffer) {
        let mut at = 0;
        while let (used, Some(item)) = reader.read_owned(&mut buffer[at..len]).expect("good frames") {
            at += used;
            let OwnedItem::Message(Message::Text(text)) = item else { panic!("a text") };
            tally.take(text.as_bytes());
        }
    }
}

/// The whole machine: its events are owned, and it has the chunk copied once more.
fn tidewire_connection(mut input: &'static [u8], tally: &mut Tally) {
    let now = Instant::START;
    let mut socket = Connection::server(Config::default(), &Agreed::default(), now);
    let mut buffer = vec![0; CHUNK];
    while let Ok(len @ 1..) = input.read(&mut buffer) {
        socket.handle_input(now, &buffer[..len]);
        while let Some(event) = socket.poll_event() {
            let Event::Message(Message::Text(text)) = event else { panic!("a text") };
            tally.take(text.as_bytes());
        }
    }
}

fn tungstenite(input: &'static [u8], tally: &mut Tally) {
    use tungstenite::protocol::{Role, WebSocket};
    let mut socket = WebSocket::from_raw_socket(Memory::new(input, Tally::default()), Role::Server, None);
    while let Ok(message) = socket.read() {
        tally.take(message.to_text().expect("a text").as_bytes());
    }
}

fn ws_net(mut input: &'static [u8], tally: &mut Tally) {
    let mut socket = ws_net::Connection::server();
    loop {
        match socket.poll().expect("good frames") {
            ws_net::Event::Text(text) => tally.take(text.as_bytes()),
            _ => match input.read(socket.read_buf()) {
                Ok(len @ 1..) => socket.commit(len),
                _ => return,
            },
        }
    }
}

fn fastwebsockets(input: &'static [u8], tally: &mut Tally) {
    let memory = Memory::new(input, Tally::default());
    let mut socket = fastwebsockets::WebSocket::after_handshake(memory, fastwebsockets::Role::Server);
    future::block_on(async {
        while let Ok(frame) = socket.read_frame().await {
            assert!(frame.is_utf8());
            tally.take(&frame.payload);
        }
    });
}

fn tokio_websockets(input: &'static [u8], tally: &mut Tally) {
    let mut socket = tokio_websockets::ServerBuilder::new().serve(Memory::new(input, Tally::default()));
    future::block_on(async {
        while let Some(Ok(message)) = socket.next().await {
            tally.take(message.as_text().expect("a text").as_bytes());
        }
    });
}

/// A codec of frames: messages and text are put together here.
fn websocket_sans_io(mut input: &'static [u8], tally: &mut Tally) {
    use websocket_sans_io::{WebsocketFrameDecoder, WebsocketFrameEvent};
    let mut frames = WebsocketFrameDecoder::new();
    let mut buffer = vec![0; CHUNK];
    let mut gathered = Vec::new();
    while let Ok(len @ 1..) = input.read(&mut buffer) {
        let mut at = 0;
        // What a chunk holds of a message is lent if it is all of it.
        let mut payload = 0..0;
        loop {
            let step = frames.add_data(&mut buffer[at..len]).expect("cannot fail");
            match step.event {
                Some(WebsocketFrameEvent::PayloadChunk { .. }) => payload = at..at + step.consumed_bytes,
                Some(WebsocketFrameEvent::End { .. }) => {
                    let piece = &buffer[std::mem::take(&mut payload)];
                    if gathered.is_empty() {
                        tally.take(text(piece).as_bytes());
                    } else {
                        gathered.extend_from_slice(piece);
                        tally.take(text(&gathered).as_bytes());
                        gathered.clear();
                    }
                }
                Some(WebsocketFrameEvent::Start { .. }) => {}
                None if step.consumed_bytes == 0 => break,
                None => {}
            }
            at += step.consumed_bytes;
        }
        gathered.extend_from_slice(&buffer[payload]);
    }
}

/// What the bytes ask for, and nothing else: whole frames with a mask, no rules, no limits, what is cut moved to the front.
fn bare(mut input: &'static [u8], tally: &mut Tally) {
    let mut buffer = vec![0; 128 << 10];
    let mut kept = 0;
    while let Ok(len @ 1..) = input.read(&mut buffer[kept..]) {
        let end = kept + len;
        let mut at = 0;
        while let Some((from, len)) = bare_header(&buffer[at..end]) {
            if end - at < from + len {
                break;
            }
            let (header, payload) = buffer[at..at + from + len].split_at_mut(from);
            let key: [u8; 4] = header[from - 4..].try_into().expect("four bytes");
            let wide = u64::from(u32::from_ne_bytes(key)) * 0x1_0000_0001;
            let (words, rest) = payload.as_chunks_mut::<8>();
            words.iter_mut().for_each(|word| *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes());
            rest.iter_mut().zip(wide.to_ne_bytes()).for_each(|(byte, key)| *byte ^= key);
            tally.take(text(payload).as_bytes());
            at += from + len;
        }
        buffer.copy_within(at..end, 0);
        kept = end - at;
    }
}

fn bare_header(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [0x81, 0xff, a, b, c, d, e, f, g, h, _, _, _, _, ..] => {
            Some((14, usize::from_be_bytes([a, b, c, d, e, f, g, h])))
        }
        [0x81, 0xfe, a, b, _, _, _, _, ..] => Some((8, u16::from_be_bytes([a, b]).into())),
        [0x81, len @ 0x80..=0xfd, _, _, _, _, ..] => Some((6, (len & 0x7f).into())),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> &str {
    if bytes.len() < 64 {
        std::str::from_utf8(bytes).expect("a text")
    } else {
        simdutf8::basic::from_utf8(bytes).expect("a text")
    }
}
