//! Random event streams.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Makes streams of whole fields, odd pieces and bytes.
pub fn stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"data",
        b"data:",
        b"data: ",
        b"event: ",
        b"id: ",
        b"id",
        b"retry: ",
        b"12",
        b":",
        b" ",
        b"x",
        b"\0",
        b"\n",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b"\xe2\x82\xac",
        b"\xe2",
        b"\xf0\x9f\x98",
        b"\xff",
        b"data: hello\n",
        b"id: 7\n",
        b"event: e\n",
        b"event\n",
        b"retry: 5\n",
        b"retry: +5\n",
        b"retry: 5s\n",
        b"retry: 99999999999999999999\n",
        b":comment\n",
    ];
    let piece = prop_oneof![
        9 => select(pieces).prop_map(<[u8]>::to_vec),
        1 => (select(vec![b'y', 0xE2]), 60..80_usize).prop_map(|(byte, times)| vec![byte; times]),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}
