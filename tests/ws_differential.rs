//! Ours beside tungstenite's, on random frames, good and bad. Where they differ, one of the reasons below says why, and a test shows that
//! it still does.

use std::io::{self, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use tidewire_core::ws::{Error, Limits, Role};
use tidewire_tests::naive_ws::{Outcome, Told, frame};
use tidewire_tests::sse::cut;
use tidewire_tests::ws_read::outcome;
use tidewire_tests::ws_streams::{any_pieces, encode};
use tungstenite::protocol::{WebSocket, WebSocketConfig};

/// Why tungstenite and we say different things of the same frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// It takes lengths in more octets than they need (RFC 6455 §5.2: "the minimal number of bytes MUST be used").
    LengthNotMinimal,
    /// It waits for the whole frame before it looks at its mask, its reserved bits, whether it may stand there and its text, so it is
    /// silent on a fault in a frame whose end has not come (of the Autobahn cases: 6.4.3 and 6.4.4 are non-strict).
    LateFault,
    /// It reports a close code that may not be sent as 1002, "Protocol violation", as if the peer had sent that.
    CloseCodeReplaced,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn same_frames_are_read_the_same_but_for_what_is_explained(
        pieces in any_pieces(), key in proptest::option::of(any::<u32>()), cuts in vec(0..3000_usize, 0..6),
    ) {
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let stream = encode(&pieces, key);
        if let Err(text) = compare(role, &stream, &cuts) {
            prop_assert!(false, "{text}");
        }
    }
}

#[test]
fn differences_are_there() {
    let server = |stream: &[u8]| compare(Role::Server, stream, &[]);
    let key = Some([1, 2, 3, 4]);
    assert_eq!(server(&[0x82, 0xfe, 0, 1, 0, 0, 0, 0, 9]), Ok(Some(Difference::LengthNotMinimal)));
    assert_eq!(server(&frame(0x88, key, &1005_u16.to_be_bytes())), Ok(Some(Difference::CloseCodeReplaced)));
    // Autobahn 6.4.3: a bad character with the rest of the frame to come.
    let bad = frame(0x81, key, b"\xf4\x90\x80\x80 and more");
    assert_eq!(server(&bad[..bad.len() - 5]), Ok(Some(Difference::LateFault)));
    assert_eq!(server(&bad), Ok(None));
    assert_eq!(server(&[0x81, 0x05]), Ok(Some(Difference::LateFault)), "not masked");
}

/// Says how they differ on `stream`; that they differ in another way is an error.
fn compare(role: Role, stream: &[u8], cuts: &[usize]) -> Result<Option<Difference>, String> {
    let mut limits = Limits::default();
    (limits.max_frame, limits.max_message, limits.max_fragments) = (4000, 5000, usize::MAX);
    let ours = outcome(role, limits, cut(stream, cuts));
    let (told, failed) = tungstenite(role, limits, stream);
    let Outcome { told: our_told, fault } = ours;
    let fault = fault.map(|fault| fault.0);
    let unexplained =
        || Err(format!("{stream:02x?}\nours {our_told:?} {fault:?}\ntungstenite {told:?}, failed {failed}"));
    match fault {
        _ if told == our_told && failed == fault.is_some() => Ok(None),
        Some(Error::LengthNotMinimal) if told.starts_with(&our_told) => Ok(Some(Difference::LengthNotMinimal)),
        Some(Error::CloseCode(_)) => {
            let replaced = Told::Close(Some((1002, "Protocol violation".into())));
            if told.split_last() == Some((&replaced, &our_told[..])) {
                Ok(Some(Difference::CloseCodeReplaced))
            } else {
                unexplained()
            }
        }
        Some(_) if told == our_told => {
            // Whatever the rest of the frame is, it fails when that has come.
            let (told, failed) = tungstenite(role, limits, &[stream, &[0; 8000]].concat());
            if failed && told == our_told { Ok(Some(Difference::LateFault)) } else { unexplained() }
        }
        _ => unexplained(),
    }
}

/// Returns what it finds, up to a close frame, and whether it fails at what it is given.
fn tungstenite(role: Role, limits: Limits, stream: &[u8]) -> (Vec<Told>, bool) {
    let role = match role {
        Role::Client => tungstenite::protocol::Role::Client,
        Role::Server => tungstenite::protocol::Role::Server,
    };
    let config =
        WebSocketConfig::default().max_frame_size(Some(limits.max_frame)).max_message_size(Some(limits.max_message));
    let mut socket = WebSocket::from_raw_socket(Peer(stream), role, Some(config));
    let mut told = Vec::new();
    loop {
        match socket.read() {
            Ok(tungstenite::Message::Text(text)) => told.push(Told::Text(text.to_string())),
            Ok(tungstenite::Message::Binary(bytes)) => told.push(Told::Binary(bytes.to_vec())),
            Ok(tungstenite::Message::Ping(payload)) => told.push(Told::Ping(payload.to_vec())),
            Ok(tungstenite::Message::Pong(payload)) => told.push(Told::Pong(payload.to_vec())),
            Ok(tungstenite::Message::Close(said)) => {
                told.push(Told::Close(said.map(|said| (said.code.into(), said.reason.to_string()))));
                return (told, false);
            }
            Ok(tungstenite::Message::Frame(_)) => unreachable!("never read"),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return (told, false),
            Err(_) => return (told, true),
        }
    }
}

/// Gives its bytes and then nothing, and takes everything.
struct Peer<'a>(&'a [u8]);

impl Read for Peer<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { self.0.read(out) }
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
