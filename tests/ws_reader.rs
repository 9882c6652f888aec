//! The reader of frames: what it lends, where it fails, and that it is the same however its input is cut.

use proptest::collection::vec;
use proptest::prelude::*;
use tidewire_core::ws::{Error, Item, Limits, Reader, Role, encode_frame, fragments};
use tidewire_core::ws::{FrameHeader, Opcode};
use tidewire_tests::naive_ws::{self, Told, frame};
use tidewire_tests::sse::cut;
use tidewire_tests::ws_read::{lending, most, outcome, owned};
use tidewire_tests::ws_streams::{any_pieces, encode, good, told};

const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn good_frames_read_as_what_they_were_however_cut(
        pieces in good(), key in proptest::option::of(any::<u32>()), cuts in vec(0..3000_usize, 0..12),
    ) {
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let stream = encode(&pieces, key);
        let found = outcome(role, Limits::default(), cut(&stream, &cuts));
        prop_assert_eq!((found.told, found.fault), (told(&pieces), None));
    }

    #[test]
    fn any_frames_read_as_the_naive_reader_reads_them_however_cut(
        pieces in any_pieces(), key in proptest::option::of(any::<u32>()), cuts in vec(0..3000_usize, 0..12), small in any::<bool>(),
    ) {
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let mut limits = Limits::default();
        if small {
            (limits.max_frame, limits.max_message, limits.max_fragments) = (126, 140, 4);
        }
        let stream = encode(&pieces, key);
        let naive = naive_ws::read(&stream, role == Role::Server, most(&limits));
        prop_assert_eq!(&outcome(role, limits, stream.chunks(1)), &naive);
        let found = outcome(role, limits, cut(&stream, &cuts));
        prop_assert_eq!(&found.told, &naive.told);
        prop_assert_eq!(found.fault.map(|fault| fault.0), naive.fault.map(|fault| fault.0));
    }

    #[test]
    fn what_is_written_in_fragments_reads_as_the_message(
        text in "\\PC{0,60}", most in 1..50_usize, key in any::<[u8; 4]>(), cuts in vec(0..400_usize, 0..8),
    ) {
        let mut stream = Vec::new();
        let header = FrameHeader { mask: Some(key), ..FrameHeader::new(Opcode::Text, 0) };
        for (header, piece) in fragments(header, text.as_bytes(), most) {
            encode_frame(header, piece, &mut stream);
        }
        let found = outcome(Role::Server, Limits::default(), cut(&stream, &cuts));
        prop_assert_eq!((found.told, found.fault), (vec![Told::Text(text)], None));
    }
}

#[test]
fn message_in_one_chunk_is_lent_from_it() {
    let mut input = [frame(0x81, KEY, b"Hello"), frame(0x89, KEY, b"p"), frame(0x82, KEY, &[7; 300])].concat();
    let range = input.as_ptr_range();
    let mut reader = Reader::new(Role::Server, Limits::default());
    let mut at = 0;
    let mut found = 0;
    while let (used, Some(item)) = reader.read(&mut input[at..]).unwrap() {
        let bytes = match item {
            Item::Text(text) => text.as_bytes(),
            Item::Binary(bytes) | Item::Ping(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert!(range.contains(&bytes.as_ptr()), "{bytes:?} is elsewhere");
        at += used;
        found += 1;
    }
    assert_eq!((found, at), (3, input.len()));
}

/// Short texts are moved to where their words are aligned: wherever they lie, they are what they were, and nothing else is touched.
#[test]
fn texts_of_all_lengths_are_lent_from_wherever_they_lie() {
    for len in 0..140 {
        let text: String = ('a'..='z').cycle().take(len).collect();
        let follows = frame(0x82, KEY, b"follows");
        let stream = [&frame(0x81, KEY, text.as_bytes())[..], &follows].concat();
        let plain = [frame(0x81, None, text.as_bytes()), frame(0x82, None, b"follows")].concat();
        for (role, stream) in [(Role::Server, stream), (Role::Client, plain)] {
            for offset in 0..16 {
                let mut input = [&vec![0; offset], &stream[..]].concat();
                let mut reader = Reader::new(role, Limits::default());
                let (used, item) = reader.read(&mut input[offset..]).unwrap();
                assert_eq!(item, Some(Item::Text(&text)), "{len} bytes at {offset}");
                assert_eq!(input[offset + used..], stream[used..]);
                assert!(input[..offset].iter().all(|octet| *octet == 0));
                let next = reader.read(&mut input[offset + used..]).unwrap();
                assert_eq!(next, (stream.len() - used, Some(Item::Binary(b"follows"))));
            }
        }
    }
}

#[test]
fn reader_takes_up_to_the_end_of_an_item() {
    let (first, second) = (frame(0x81, KEY, b"one"), frame(0x81, KEY, b"two"));
    let mut input = [&first[..], &second].concat();
    let mut reader = Reader::new(Role::Server, Limits::default());
    assert_eq!(reader.read(&mut input), Ok((first.len(), Some(Item::Text("one")))));
    assert_eq!(reader.read(&mut input[first.len()..]), Ok((second.len(), Some(Item::Text("two")))));
    assert_eq!(reader.read(&mut []), Ok((0, None)));
}

#[test]
fn faults_do_not_take_back_what_came_before() {
    let stream = [frame(0x81, KEY, b"good"), frame(0x83, KEY, b"")].concat();
    let found = outcome(Role::Server, Limits::default(), [&stream[..]]);
    assert_eq!(found.told, [Told::Text("good".into())]);
    assert_eq!(found.fault.map(|fault| fault.0), Some(Error::ReservedOpcode(3)));
}

#[test]
fn error_stays() {
    for bad in [&b"\x83"[..], b"\x81\x82\0\0\0\0\xffx", b"\x88\x81\0\0\0\0x"] {
        let mut reader = Reader::new(Role::Server, Limits::default());
        let fault = lending(&mut reader, [bad]).fault.expect("it is bad").0;
        for good in [frame(0x81, KEY, b"good"), vec![]] {
            assert_eq!(reader.read(&mut good.clone()), Err(fault));
            assert_eq!(reader.read_owned(&mut good.clone()), Err(fault));
        }
    }
}

#[test]
fn nothing_is_found_after_a_close_frame() {
    let mut reader = Reader::new(Role::Server, Limits::default());
    let rest = [frame(0x81, KEY, b"late"), vec![0xff; 9]].concat();
    let found = lending(&mut reader, [&[&frame(0x88, KEY, b"")[..], &rest].concat()[..], &rest, b""]);
    assert_eq!((found.told, found.fault), (vec![Told::Close(None)], None));
    assert!(reader.is_closed());
    assert_eq!(owned(&mut reader, [&rest[..]]).told, []);
}

/// Autobahn's 6.4.1 to 6.4.4: the text cannot become UTF-8 any more, and nobody waits for the rest of it.
#[test]
fn text_that_cannot_become_utf_8_fails_at_its_octet() {
    let good = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes();
    for bad in
        [&b"\xf4\x90\x80\x80"[..], b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe0\x80\x80", b"\xf0\x8f\xbf\xbf", b"\x80"]
    {
        // How many of its octets it takes to know.
        let octets =
            (1..=bad.len()).find(|len| str::from_utf8(&bad[..*len]).is_err_and(|error| error.error_len().is_some()));
        let octets = octets.expect("it is bad");
        for (before, after) in [(0, 0), (10, 1), (63, 0), (64, 70), (200, 1000)] {
            let before = good.repeat(before);
            let text = [&before, bad, &good.repeat(after)].concat();
            let in_frame = frame(0x81, KEY, &text);
            let head = in_frame.len() - text.len();
            fails_at(&in_frame, head + before.len() + octets);
            // The character begins in one frame and goes on in the next.
            let (first, second) = text.split_at(before.len() + 1);
            let (first, second) = (frame(0x01, KEY, first), frame(0x80, KEY, second));
            let head = second.len() - (text.len() - before.len() - 1);
            let at = if octets == 1 { first.len() } else { first.len() + head + octets - 1 };
            fails_at(&[first, second].concat(), at);
        }
    }
}

#[test]
fn text_that_ends_within_a_character_fails_at_its_end() {
    for cut in ["\u{e9}", "\u{20ac}", "\u{1f30a}"] {
        for len in 1..cut.len() {
            let text = [&[b'x'; 70], &cut.as_bytes()[..len]].concat();
            let whole = frame(0x81, KEY, &text);
            fails_at(&whole, whole.len());
            let parts = [frame(0x01, KEY, &text), frame(0x80, KEY, b"")].concat();
            fails_at(&parts, parts.len());
        }
    }
}

#[test]
fn binary_is_not_looked_at() {
    let bytes: Vec<u8> = (0..=255).rev().collect();
    let stream = [frame(0x02, KEY, &bytes), frame(0x80, KEY, b"\xff")].concat();
    let told = [Told::Binary([&bytes[..], b"\xff"].concat())];
    assert_eq!(outcome(Role::Server, Limits::default(), stream.chunks(7)).told, told);
}

/// Control frames that are cut, between fragments that are cut.
#[test]
fn cut_control_frame_does_not_touch_the_message_it_interrupts() {
    for first in [0x01, 0x02] {
        let stream = [
            frame(first, KEY, "a\u{20ac}".as_bytes().split_at(2).0),
            frame(0x89, KEY, &[b'p'; 125]),
            frame(0x00, KEY, b"\x82\xac"),
            frame(0x8a, KEY, b""),
            frame(0x80, KEY, b"z"),
            frame(0x88, KEY, b"\x03\xe8bye"),
        ]
        .concat();
        let message = match first {
            0x01 => Told::Text("a\u{20ac}z".into()),
            _ => Told::Binary("a\u{20ac}z".into()),
        };
        let told = [Told::Ping(vec![b'p'; 125]), Told::Pong(vec![]), message, Told::Close(Some((1000, "bye".into())))];
        for size in 1..stream.len() {
            assert_eq!(outcome(Role::Server, Limits::default(), stream.chunks(size)).told, told, "in chunks of {size}");
        }
    }
}

#[test]
fn idle_reader_is_small() {
    let size = size_of::<Reader>();
    assert!(size <= 200, "{size} bytes");
}

/// Fed octet by octet and at once, told at that octet; and nothing is wrong before.
fn fails_at(stream: &[u8], at: usize) {
    let octets = outcome(Role::Server, Limits::default(), stream.chunks(1));
    assert_eq!(octets.fault, Some((Error::Text, at)), "octet by octet");
    assert_eq!(outcome(Role::Server, Limits::default(), [&stream[..at - 1]]).fault, None);
    let begun = outcome(Role::Server, Limits::default(), [&stream[..at]]);
    assert_eq!(begun.fault, Some((Error::Text, at)), "in one chunk that ends there");
    assert_eq!(outcome(Role::Server, Limits::default(), [stream]).fault, Some((Error::Text, stream.len())));
}
