//! Fuzz body of the WebSocket frames.

use tidewire_core::ws::{CloseCode, FrameHeader, Limits, Opcode, Role, encode_close, encode_frame, fragments};

use crate::fuzz;
use crate::naive_ws::{self, NO_LIMIT, Told};
use crate::ws_read::{most, outcome};

/// The reader against the naive one, at both ends; and what was found is written and read as what it is. The input's first line gives
/// the lengths of the chunks ([`fuzz::chunks`]).
pub fn frames(input: &[u8]) {
    let (lengths, stream) = fuzz::split_line(input);
    let mut small = Limits::default();
    (small.max_frame, small.max_message, small.max_fragments) = (12, 16, 3);
    for (role, limits) in
        [Role::Server, Role::Client].into_iter().flat_map(|role| [(role, Limits::default()), (role, small)])
    {
        let naive = naive_ws::read(stream, role == Role::Server, most(&limits));
        assert_eq!(outcome(role, limits, stream.chunks(1)), naive, "{role:?} octet by octet");
        for chunks in [fuzz::chunks(stream, lengths), vec![stream]] {
            let found = outcome(role, limits, chunks);
            assert_eq!(found.told, naive.told, "{role:?}");
            assert_eq!(found.fault.map(|fault| fault.0), naive.fault.map(|fault| fault.0), "{role:?}");
        }
        round_trip(&naive.told, lengths.len());
    }
}

fn round_trip(told: &[Told], most: usize) {
    for mask in [None, Some([0x37, 0xfa, 0x21, 0x3d])] {
        let mut out = Vec::new();
        for one in told {
            let mut close = Vec::new();
            let (opcode, payload) = match one {
                Told::Text(text) => (Opcode::Text, text.as_bytes()),
                Told::Binary(bytes) => (Opcode::Binary, &bytes[..]),
                Told::Ping(payload) => (Opcode::Ping, &payload[..]),
                Told::Pong(payload) => (Opcode::Pong, &payload[..]),
                Told::Close(said) => {
                    if let Some((code, reason)) = said {
                        encode_close(CloseCode::new(*code).expect("it was read"), reason, &mut close);
                    }
                    (Opcode::Close, &close[..])
                }
            };
            let header = FrameHeader { mask, ..FrameHeader::new(opcode, 0) };
            let most = if opcode.is_control() { payload.len() } else { most };
            fragments(header, payload, most).for_each(|(header, piece)| encode_frame(header, piece, &mut out));
        }
        let naive = naive_ws::read(&out, mask.is_some(), NO_LIMIT);
        assert_eq!((&naive.told[..], naive.fault), (told, None));
    }
}
