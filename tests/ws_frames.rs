//! The rules of frames, one by one, and the limits at one less, at, and at one more (RFC 6455 §5).

use tidewire_core::ws::{CloseCode, Error, FrameHeader, Limits, MAX_CONTROL, MAX_HEADER, Opcode, Role};
use tidewire_core::ws::{MAX_REASON, append_masked, encode_close, encode_frame, fragments};
use tidewire_tests::naive_ws::{Told, frame};
use tidewire_tests::ws_read::{by_client, by_server, outcome};

const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// RFC 6455 §5.7.
#[test]
fn examples_of_the_standard_read_as_it_says() {
    let hello = || Ok(vec![Told::Text("Hello".into())]);
    assert_eq!(by_client(b"\x81\x05Hello"), hello());
    assert_eq!(by_server(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), hello());
    assert_eq!(by_client(b"\x01\x03Hel\x80\x02lo"), hello());
    assert_eq!(by_client(b"\x89\x05Hello"), Ok(vec![Told::Ping(b"Hello".to_vec())]));
    assert_eq!(by_server(b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), Ok(vec![Told::Pong(b"Hello".to_vec())]));
    let bytes = vec![7; 256];
    assert_eq!(by_client(&[b"\x82\x7e\x01\x00", &bytes[..]].concat()), Ok(vec![Told::Binary(bytes)]));
    let bytes = vec![7; 65_536];
    let long = [b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", &bytes[..]].concat();
    assert_eq!(by_client(&long), Ok(vec![Told::Binary(bytes)]));
}

#[test]
fn masks_go_with_the_role() {
    for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
        let (plain, masked) = (frame(FIN | opcode, None, b""), frame(FIN | opcode, KEY, b""));
        assert_eq!(by_server(&plain), Err(Error::Unmasked));
        assert_eq!(by_client(&masked), Err(Error::Masked));
        assert!(by_server(&masked).is_ok() && by_client(&plain).is_ok());
    }
    assert_eq!(
        by_server(&frame(FIN | TEXT, Some([0; 4]), b"x")),
        Ok(vec![Told::Text("x".into())]),
        "a key of zeros is one"
    );
}

#[test]
fn reserved_bits_are_refused_on_every_kind_of_frame() {
    for bits in (0x10..0x80).step_by(0x10) {
        for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
            assert_eq!(by_client(&frame(FIN | bits | opcode, None, b"")), Err(Error::ReservedBit));
        }
        let begun = [frame(TEXT, None, b"a"), frame(FIN | bits, None, b"b")].concat();
        assert_eq!(by_client(&begun), Err(Error::ReservedBit));
    }
}

#[test]
fn reserved_opcodes_are_refused() {
    for opcode in (3..8).chain(11..16) {
        for first in [opcode, FIN | opcode] {
            assert_eq!(by_client(&frame(first, None, b"")), Err(Error::ReservedOpcode(opcode)));
        }
    }
}

#[test]
fn control_frames_are_whole_and_short() {
    for opcode in [CLOSE, PING, PONG] {
        assert_eq!(by_client(&frame(opcode, None, b"")), Err(Error::FragmentedControl));
        assert_eq!(by_client(&[FIN | opcode, 126]), Err(Error::LongControl), "without a look at the length");
        assert_eq!(by_client(&[FIN | opcode, 127]), Err(Error::LongControl));
    }
    for len in [0, 1, 124, 125] {
        let payload = vec![b'x'; len];
        assert_eq!(by_client(&frame(FIN | PING, None, &payload)), Ok(vec![Told::Ping(payload.clone())]));
        assert_eq!(by_client(&frame(FIN | PONG, None, &payload)), Ok(vec![Told::Pong(payload)]));
    }
    assert_eq!(by_client(&frame(FIN | PING, None, &[b'x'; MAX_CONTROL + 1])), Err(Error::LongControl));
}

#[test]
fn lengths_take_as_few_octets_as_they_can() {
    for len in [0, 1, 124, 125_u64] {
        let [.., high, low] = len.to_be_bytes();
        assert_eq!(by_client(&[FIN | BINARY, 126, high, low]), Err(Error::LengthNotMinimal), "{len} in 16 bits");
    }
    for len in [0, 125, 126, 65_534, 65_535_u64] {
        let octets = [&[FIN | BINARY, 127][..], &len.to_be_bytes()].concat();
        assert_eq!(by_client(&octets), Err(Error::LengthNotMinimal), "{len} in 64 bits");
    }
    for len in [0, 1, 125, 126, 127, 65_535, 65_536] {
        let payload = vec![b'x'; len];
        assert_eq!(by_client(&frame(FIN | BINARY, None, &payload)), Ok(vec![Told::Binary(payload)]), "{len}");
    }
}

#[test]
fn top_bit_of_a_length_is_refused() {
    let mut limits = Limits::default();
    (limits.max_frame, limits.max_message) = (usize::MAX, usize::MAX);
    for (octet, expected) in [(0x80, Some(Error::LengthTooLarge)), (0xff, Some(Error::LengthTooLarge)), (0x7f, None)] {
        let head = [&[FIN | BINARY, 127, octet][..], &[0xff; 7]].concat();
        let told = outcome(Role::Client, limits, [&head[..]]);
        assert_eq!(told.fault.map(|(error, _)| error), expected, "nothing is reserved for what is announced");
    }
}

#[test]
fn fragments_are_of_one_message_at_a_time() {
    let part = |first: u8, payload: &[u8]| frame(first, KEY, payload);
    let read = |frames: &[Vec<u8>]| by_server(&frames.concat());
    let (begun, more, last) = (part(TEXT, b"a"), part(CONTINUATION, b"b"), part(FIN | CONTINUATION, b"c"));
    let abc = Told::Text("abc".into());
    assert_eq!(read(&[begun.clone(), more.clone(), last.clone()]), Ok(vec![abc.clone()]));
    assert_eq!(read(std::slice::from_ref(&last)), Err(Error::NothingToContinue));
    assert_eq!(read(std::slice::from_ref(&more)), Err(Error::NothingToContinue));
    assert_eq!(read(&[begun.clone(), last.clone(), last.clone()]), Err(Error::NothingToContinue));
    for first in [TEXT, BINARY, FIN | TEXT, FIN | BINARY] {
        assert_eq!(read(&[begun.clone(), part(first, b"x")]), Err(Error::Interleaved));
    }
    // RFC 6455 §5.4: "Control frames MAY be injected in the middle of a fragmented message."
    let (ping, pong) = (part(FIN | PING, b"1"), part(FIN | PONG, b"2"));
    let told = vec![Told::Ping(b"1".to_vec()), Told::Pong(b"2".to_vec()), abc];
    assert_eq!(read(&[begun.clone(), ping, more.clone(), pong, last]), Ok(told));
    let close = part(FIN | CLOSE, b"");
    assert_eq!(read(&[begun, close, more]), Ok(vec![Told::Close(None)]), "what follows a close frame is discarded");
}

#[test]
fn empty_fragments_are_fragments() {
    let part = |first: u8, payload: &[u8]| frame(first, None, payload);
    for opcode in [TEXT, BINARY] {
        let told = |payload: &str| match opcode {
            TEXT => Ok(vec![Told::Text(payload.into())]),
            _ => Ok(vec![Told::Binary(payload.into())]),
        };
        assert_eq!(by_client(&part(FIN | opcode, b"")), told(""));
        assert_eq!(by_client(&[part(opcode, b""), part(0, b""), part(FIN, b"")].concat()), told(""));
        assert_eq!(by_client(&[part(opcode, b""), part(0, b"x"), part(FIN, b"")].concat()), told("x"));
    }
}

#[test]
fn close_frames_say_nothing_or_a_code_that_may_be_sent() {
    let close = |payload: &[u8]| by_client(&frame(FIN | CLOSE, None, payload));
    assert_eq!(close(b""), Ok(vec![Told::Close(None)]));
    assert_eq!(close(b"\x03"), Err(Error::CloseTooShort));
    for code in 0..=u16::MAX {
        let is_allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let expected =
            if is_allowed { Ok(vec![Told::Close(Some((code, String::new())))]) } else { Err(Error::CloseCode(code)) };
        assert_eq!(close(&code.to_be_bytes()), expected);
    }
    let reason = "x".repeat(MAX_REASON);
    let payload = [&1000_u16.to_be_bytes(), reason.as_bytes()].concat();
    assert_eq!(close(&payload), Ok(vec![Told::Close(Some((1000, reason)))]));
    assert_eq!(close(b"\x03\xe8\xce\xba\xe1\xbd"), Err(Error::CloseReason));
}

#[test]
fn frame_limit_holds_to_the_byte() {
    let mut limits = Limits::default();
    limits.max_frame = 300;
    for (len, is_good) in [(299, true), (300, true), (301, false)] {
        for first in [FIN | BINARY, FIN | TEXT, BINARY] {
            let whole = frame(first, KEY, &vec![b'x'; len]);
            let told = outcome(Role::Server, limits, [&whole[..]]);
            let fault = told.fault.map(|(error, _)| error);
            assert_eq!(fault, (!is_good).then_some(Error::FrameTooLong { limit: 300 }), "{len}");
        }
    }
    let told = outcome(Role::Server, limits, [&[FIN | BINARY][..], &[FIN | 126, 0x01], &[0x2d]]);
    assert_eq!(told.fault, Some((Error::FrameTooLong { limit: 300 }, 4)), "told from the length, before the key");
}

#[test]
fn message_limit_holds_to_the_byte_whatever_the_fragments() {
    let mut limits = Limits::default();
    limits.max_message = 100;
    for opcode in [TEXT, BINARY] {
        for (first, second) in [(0, 99), (1, 99), (1, 100), (50, 50), (50, 51), (100, 0), (100, 1), (99, 1)] {
            let stream = [frame(opcode, KEY, &vec![b'x'; first]), frame(FIN, KEY, &vec![b'x'; second])].concat();
            let told = outcome(Role::Server, limits, [&stream[..]]);
            let expected = (first + second > 100).then_some(Error::MessageTooLong { limit: 100 });
            assert_eq!(told.fault.map(|(error, _)| error), expected, "{first} and {second}");
        }
        for (len, is_good) in [(99, true), (100, true), (101, false)] {
            let told = outcome(Role::Server, limits, [&frame(FIN | opcode, KEY, &vec![b'x'; len])[..]]);
            assert_eq!(told.fault.is_none(), is_good, "{len} in one frame");
        }
    }
    // The limit is a message's: the next one has all of it, and control frames count for none.
    let one =
        [frame(TEXT, KEY, &[b'x'; 60]), frame(FIN | PING, KEY, &[b'x'; 125]), frame(FIN, KEY, &[b'x'; 40])].concat();
    assert_eq!(outcome(Role::Server, limits, [&one.repeat(3)[..]]).told.len(), 6);
}

#[test]
fn fragment_limit_holds_to_the_frame() {
    let mut limits = Limits::default();
    limits.max_fragments = 3;
    for (count, is_good) in [(1, true), (2, true), (3, true), (4, false)] {
        let mut stream = Vec::new();
        for at in 0..count {
            let fin = if at + 1 == count { FIN } else { 0 };
            stream.extend(frame(fin | if at == 0 { BINARY } else { 0 }, KEY, b""));
            stream.extend(frame(FIN | PONG, KEY, b"not counted"));
        }
        let told = outcome(Role::Server, limits, [&stream[..]]);
        assert_eq!(told.fault.is_none(), is_good, "{count} frames");
        if !is_good {
            assert!(matches!(told.fault, Some((Error::TooManyFragments { limit: 3 }, _))));
        }
    }
}

#[test]
fn each_fault_has_its_close_code() {
    let told = [
        (CloseCode::PROTOCOL_ERROR, by_client(&[0xf1, 0])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x83])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x09])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x89, 126])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x81, 0x80])),
        (CloseCode::PROTOCOL_ERROR, by_server(&[0x81, 0x00])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x81, 126, 0, 1])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x81, 127, 0x80])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x80])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x01, 0, 0x01])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x88, 1, 3])),
        (CloseCode::PROTOCOL_ERROR, by_client(&[0x88, 2, 3, 0xed])),
        (CloseCode::INVALID_DATA, by_client(&[0x88, 3, 3, 0xe8, 0xff])),
        (CloseCode::INVALID_DATA, by_client(&[0x81, 1, 0xff])),
        (CloseCode::TOO_BIG, by_client(&[0x82, 127, 0, 0, 0, 0, 0x01, 0, 0, 0])),
    ];
    for (code, told) in told {
        assert_eq!(told.clone().map_err(|error| error.close_code()), Err(code), "{told:?}");
    }
    assert_eq!(Error::MessageTooLong { limit: 1 }.close_code(), CloseCode::TOO_BIG);
    assert_eq!(Error::TooManyFragments { limit: 1 }.close_code(), CloseCode::POLICY);
}

#[test]
fn header_reads_as_what_was_written_and_only_when_it_is_whole() {
    let opcodes = [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];
    for opcode in opcodes {
        for len in [0, 1, 125, 126, 65_535, 65_536, u64::MAX >> 1] {
            for mask in [None, KEY] {
                for (fin, compressed) in [(true, false), (false, false), (true, true), (false, true)] {
                    let header = FrameHeader { fin, compressed, opcode, mask, len };
                    let mut out = Vec::new();
                    header.encode(&mut out);
                    assert_eq!(out.len(), header.encoded_len());
                    assert!(out.len() <= MAX_HEADER);
                    if opcode.is_control() && (!fin || compressed || len > 125) {
                        assert!(FrameHeader::decode(&out).is_err());
                        continue;
                    }
                    for cut in 0..out.len() {
                        assert_eq!(FrameHeader::decode(&out[..cut]), Ok(None));
                    }
                    let whole = out.len();
                    out.extend(b"payload");
                    assert_eq!(FrameHeader::decode(&out), Ok(Some((header, whole))));
                }
            }
        }
    }
}

#[test]
fn frames_are_written_as_another_writes_them() {
    for len in [0, 1, 2, 3, 125, 126, 127, 4095, 4096, 4097, 65_535, 65_536, 100_001] {
        let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
        for mask in [None, KEY] {
            let mut out = b"before".to_vec();
            encode_frame(FrameHeader { mask, ..FrameHeader::new(Opcode::Binary, 0) }, &payload, &mut out);
            assert!(out == [b"before", &frame(FIN | BINARY, mask, &payload)[..]].concat(), "{len}");
        }
        for offset in 0..5 {
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            append_masked(&payload, [1, 2, 3, 4], 0, &mut whole);
            let (before, after) = payload.split_at(offset.min(len));
            append_masked(before, [1, 2, 3, 4], 0, &mut parts);
            append_masked(after, [1, 2, 3, 4], before.len(), &mut parts);
            assert!(whole == parts, "{len} bytes cut at {offset}");
        }
    }
}

#[test]
fn long_messages_go_in_fragments() {
    let header = FrameHeader { compressed: true, ..FrameHeader::new(Opcode::Text, 0) };
    let cut = |payload, most| -> Vec<_> {
        let frames = fragments(header, payload, most);
        frames.map(|(header, piece)| (header.fin, header.compressed, header.opcode, header.len, piece)).collect()
    };
    assert_eq!(cut(b"", 3), [(true, true, Opcode::Text, 0, &b""[..])]);
    assert_eq!(cut(b"abc", 3), [(true, true, Opcode::Text, 3, &b"abc"[..])]);
    let (begun, last) =
        ((false, true, Opcode::Text, 3, &b"abc"[..]), (true, false, Opcode::Continuation, 1, &b"d"[..]));
    assert_eq!(cut(b"abcd", 3), [begun, last]);
    let more = (false, false, Opcode::Continuation, 3, &b"def"[..]);
    assert_eq!(cut(b"abcdefg", 3), [begun, more, (true, false, Opcode::Continuation, 1, &b"g"[..])]);
    assert_eq!(cut(b"ab", 0).len(), 2, "no frame makes no progress");
}

#[test]
fn reason_is_cut_where_a_character_ends() {
    let mut out = Vec::new();
    encode_close(CloseCode::NORMAL, &format!("{}€", "x".repeat(MAX_REASON - 2)), &mut out);
    assert_eq!(out, [&[0x03, 0xe8][..], &[b'x'; MAX_REASON - 2]].concat());
    out.clear();
    encode_close(CloseCode::NORMAL, &format!("{}€!", "x".repeat(MAX_REASON - 3)), &mut out);
    assert_eq!(out.len(), MAX_CONTROL);
    assert!(by_client(&frame(FIN | CLOSE, None, &out)).is_ok());
}
