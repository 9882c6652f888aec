//! Random streams of WebSocket frames: messages in fragments with control frames between, and now and then something wrong.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive_ws::{Told, frame};

/// What goes into a stream.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A message, the lengths of its fragments, and what stands between them.
    Message(Told, Vec<usize>, Vec<Told>),
    /// A control frame.
    Control(Told),
    /// A frame as it is: its first octet and its payload.
    Raw(u8, Vec<u8>),
    /// Octets as they are.
    Octets(Vec<u8>),
}

/// Good messages and control frames.
pub fn good() -> impl Strategy<Value = Vec<Piece>> {
    vec(prop_oneof![4 => message_piece(), 1 => control().prop_map(Piece::Control)], 0..6)
}

/// The same, and now and then something else.
pub fn any_pieces() -> impl Strategy<Value = Vec<Piece>> {
    let raw = (any::<u8>(), payload()).prop_map(|(first, payload)| Piece::Raw(first, payload));
    let likely = (select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a]), payload());
    let likely = likely.prop_map(|(first, payload)| Piece::Raw(first, payload));
    let octets = vec(any::<u8>(), 0..12).prop_map(Piece::Octets);
    let control = control().prop_map(Piece::Control);
    vec(prop_oneof![4 => message_piece(), 2 => control, 3 => likely, 1 => raw, 1 => octets], 0..6)
}

/// Encodes the pieces: as a client, with keys that follow from `key`, or as a server, without.
pub fn encode(pieces: &[Piece], key: Option<u32>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut key = key;
    let mut put = |first, payload: &[u8]| {
        key = key.map(|key| key.wrapping_mul(0x9e37_79b1).rotate_left(7) ^ 0x51);
        out.extend(frame(first, key.map(u32::to_be_bytes), payload));
    };
    let mut octets = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Message(message, lengths, between) => {
                let (opcode, payload) = wire(message);
                let (mut rest, mut first) = (&payload[..], opcode);
                for (at, len) in lengths.iter().enumerate() {
                    let (piece, after) = rest.split_at((*len).min(rest.len()));
                    put(first, piece);
                    (rest, first) = (after, 0);
                    if let Some(control) = between.get(at) {
                        let (opcode, payload) = wire(control);
                        put(0x80 | opcode, &payload);
                    }
                }
                put(0x80 | first, rest);
            }
            Piece::Control(control) => {
                let (opcode, payload) = wire(control);
                put(0x80 | opcode, &payload);
            }
            Piece::Raw(first, payload) => put(*first, payload),
            // At the end only: what follows would be read as anything.
            Piece::Octets(raw) => octets = raw.clone(),
        }
    }
    out.extend(octets);
    out
}

/// What a reader finds of good pieces.
pub fn told(pieces: &[Piece]) -> Vec<Told> {
    let mut told = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Message(message, lengths, between) => {
                told.extend(between.iter().take(lengths.len()).cloned());
                told.push(message.clone());
            }
            Piece::Control(control) => told.push(control.clone()),
            Piece::Raw(..) | Piece::Octets(_) => unreachable!("they are good"),
        }
    }
    told
}

fn wire(told: &Told) -> (u8, Vec<u8>) {
    match told {
        Told::Text(text) => (1, text.clone().into_bytes()),
        Told::Binary(bytes) => (2, bytes.clone()),
        Told::Close(None) => (8, Vec::new()),
        Told::Close(Some((code, reason))) => (8, [&code.to_be_bytes(), reason.as_bytes()].concat()),
        Told::Ping(payload) => (9, payload.clone()),
        Told::Pong(payload) => (10, payload.clone()),
    }
}

fn message_piece() -> impl Strategy<Value = Piece> {
    let message = prop_oneof![text().prop_map(Told::Text), payload().prop_map(Told::Binary)];
    (message, vec(0..40_usize, 0..5), vec(control(), 0..4))
        .prop_map(|(message, lengths, between)| Piece::Message(message, lengths, between))
}

fn control() -> impl Strategy<Value = Told> {
    let payload = || vec(any::<u8>(), 0..12);
    prop_oneof![payload().prop_map(Told::Ping), payload().prop_map(Told::Pong)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,20}", "\\PC{0,30}", "[a\u{e9}\u{20ac}\u{1f30a}]{0,40}", "x{60,70}\u{20ac}{0,60}"]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let long = (select(vec![125, 126, 127, 300, 5000]), any::<u8>()).prop_map(|(len, octet)| vec![octet; len]);
    prop_oneof![6 => vec(any::<u8>(), 0..20), 2 => text().prop_map(String::into_bytes), 1 => long]
}
