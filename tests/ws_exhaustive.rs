//! All first two octets of a frame, and all short sequences of frames: the reader agrees with the naive one, to the octet, however they
//! are cut.

use tidewire_core::ws::{Limits, Reader, Role};
use tidewire_tests::naive_ws::{self, frame};
use tidewire_tests::ws_read::{lending, most, outcome};

#[test]
fn first_two_octets_of_all_kinds_after_nothing_and_inside_a_message() {
    let mut limits = Limits::default();
    (limits.max_frame, limits.max_message) = (1 << 17, 1 << 17);
    // Lengths of more octets: too few, enough, the top bit, too long; and what follows is masked text.
    let rests: [&[u8]; 4] =
        [&[0; 20], &[0, 0, 0, 0, 0, 1, 0, 0, 9, 9, 9, 9, b'x'], &[0x80, 0, 0x80, 1], &[0, 200, 1, 1, 1, 1, 0xff]];
    for (role, key) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
        for before in [vec![], frame(1, key, b"t"), frame(2, key, b"b")] {
            for first in 0..=u8::MAX {
                for second in 0..=u8::MAX {
                    for rest in rests {
                        let stream = [&before[..], &[first, second], rest].concat();
                        let naive = naive_ws::read(&stream, role == Role::Server, most(&limits));
                        let octets = lending(&mut Reader::new(role, limits), stream.chunks(1));
                        assert_eq!(octets, naive, "{role:?} after {before:?}: {first:#x} {second:#x} {rest:?}");
                        let whole = lending(&mut Reader::new(role, limits), [&stream[..]]);
                        assert_eq!(whole.told, naive.told);
                        assert_eq!(whole.fault.map(|fault| fault.0), naive.fault.map(|fault| fault.0));
                    }
                }
            }
        }
    }
}

#[test]
fn sequences_of_frames() {
    let key = Some([0x37, 0xfa, 0x21, 0x3d]);
    let alphabet = [
        frame(0x01, key, b"a\xe2"),
        frame(0x81, key, b""),
        frame(0x81, key, "\u{20ac}".as_bytes()),
        frame(0x02, key, b"\xff"),
        frame(0x00, key, b"\x82"),
        frame(0x00, key, b""),
        frame(0x80, key, b"\xac"),
        frame(0x80, key, b""),
        frame(0x89, key, b"p"),
        frame(0x88, key, b"\x03\xe8ok"),
        frame(0x88, key, b"\x03"),
    ];
    every_sequence(&alphabet, 5, &Limits::default());
}

#[test]
fn sequences_of_frames_that_reach_limits() {
    let key = Some([9, 8, 7, 6]);
    let alphabet = [
        frame(0x01, key, b"abc"),
        frame(0x82, key, b"abcd"),
        frame(0x82, key, b"abcde"),
        frame(0x00, key, b"a"),
        frame(0x00, key, b""),
        frame(0x80, key, b"ab"),
        frame(0x8a, key, b"pong"),
    ];
    let mut limits = Limits::default();
    (limits.max_frame, limits.max_message, limits.max_fragments) = (4, 5, 3);
    every_sequence(&alphabet, 5, &limits);
}

/// All ways in which up to three octets can stand at the end of a text, in one frame and across two.
#[test]
fn texts_of_three_octets() {
    let octets =
        [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef];
    let octets: Vec<u8> = octets.into_iter().chain([0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff]).collect();
    for (a, b) in octets.iter().flat_map(|a| octets.iter().map(move |b| (*a, *b))) {
        for c in octets.iter().copied() {
            for at in 0..=3 {
                let text = [a, b, c];
                let (before, after) = text.split_at(at);
                let stream = [frame(1, None, before), frame(0x80, None, after)].concat();
                agree(&stream, Role::Client, &Limits::default());
            }
        }
    }
}

fn every_sequence(alphabet: &[Vec<u8>], most: u32, limits: &Limits) {
    for len in 1..=most {
        for number in 0..alphabet.len().pow(len) {
            let frames = (0..len).map(|place| &alphabet[number / alphabet.len().pow(place) % alphabet.len()][..]);
            let stream = frames.collect::<Vec<_>>().concat();
            // The last frame also without its end: then it is as if the rest were to come.
            if len < most {
                agree(&stream, Role::Server, limits);
            } else {
                agree_octets(&stream, Role::Server, limits);
            }
        }
    }
}

fn agree(stream: &[u8], role: Role, limits: &Limits) {
    let naive = agree_octets(stream, role, limits);
    for at in 0..=stream.len() {
        let (before, after) = stream.split_at(at);
        let cut = outcome(role, *limits, [before, after]);
        assert_eq!(cut.told, naive.told, "{stream:?} cut at {at}");
        assert_eq!(cut.fault.map(|fault| fault.0), naive.fault.map(|fault| fault.0), "{stream:?} cut at {at}");
    }
}

/// Octet by octet the fault shows at the very octet.
fn agree_octets(stream: &[u8], role: Role, limits: &Limits) -> naive_ws::Outcome {
    let naive = naive_ws::read(stream, role == Role::Server, most(limits));
    assert_eq!(outcome(role, *limits, stream.chunks(1)), naive, "{stream:?}");
    naive
}
