//! The numbered cases of the Autobahn test suite, written down again in `vectors/ws`: each on both ends of a connection, as a server
//! and as a client, whole, in pieces, octet by octet and cut at random. The other end is one of our own that shares nothing with the
//! core. What that suite calls NON-STRICT fails here: 6.4.x are to fail at the very octet.

use tidewire_core::ws::{Config, Event, Message, Role};
use tidewire_core::{Random, SplitMix64};
use tidewire_tests::naive_peer::Seen;
use tidewire_tests::vectors_ws::{Answer, Frame, Load, Way, cases, compressed, loads};
use tidewire_tests::ws_echo::{Echo, fragments};
use tidewire_tests::ws_script::{Script, fits};

#[test]
fn every_published_number_is_there_once() {
    let mut numbers: Vec<String> = Vec::new();
    for file in CORE {
        numbers.extend(cases(file).into_iter().map(|case| case.number));
    }
    assert_eq!(numbers.len(), 247);
    numbers.extend(loads().into_iter().map(|load| load.number));
    assert_eq!(numbers.len(), 247 + 54);
    for file in ["12-compression.txt", "13-parameters.txt"] {
        numbers.extend(compressed(file).into_iter().map(|row| row.number));
    }
    assert_eq!(numbers.len(), 247 + 54 + 216);

    let mut published: Vec<String> =
        PUBLISHED.iter().flat_map(|(group, last)| (1..=*last).map(move |number| format!("{group}.{number}"))).collect();
    assert_eq!(published.len(), 517);
    published.sort_unstable();
    numbers.sort_unstable();
    assert_eq!(numbers, published);
}

#[test]
fn family_1_framing() {
    check_file("1-framing.txt");
}

#[test]
fn family_2_pings() {
    check_file("2-pings.txt");
}

#[test]
fn family_3_reserved_bits() {
    check_file("3-reserved-bits.txt");
}

#[test]
fn family_4_opcodes() {
    check_file("4-opcodes.txt");
}

#[test]
fn family_5_fragments() {
    check_file("5-fragments.txt");
}

#[test]
fn family_6_utf_8() {
    check_file("6-utf-8.txt");
}

#[test]
fn family_6_utf_8_signs() {
    check_file("6-utf-8-signs.txt");
}

#[test]
fn family_7_close() {
    check_file("7-close.txt");
}

#[test]
fn family_10_auto_fragments() {
    check_file("10-auto-fragments.txt");
}

#[test]
fn what_the_numbered_cases_leave_out() {
    check_file("more.txt");
}

/// The other half of 10.1.1: a message of ours in frames of 1,300 octets.
#[test]
fn our_own_messages_go_out_in_frames_of_1300_octets() {
    for role in ROLES {
        let mut config = config();
        config.fragment = Some(1300);
        let mut end = Echo::new(role, config);
        let frame = Frame { fin: true, opcode: 1, payload: vec![b'*'; 65536], ..Frame::default() };
        let mut stream = Vec::new();
        end.peer.write(&frame, &mut stream);
        end.feed(&stream);
        let frames = std::mem::take(&mut end.frames);
        let lengths: Vec<usize> = frames.iter().map(|frame| frame.payload.len()).collect();
        assert_eq!(lengths, [vec![1300; 50], vec![536]].concat(), "{role:?}");
        let opcodes: Vec<u8> = frames.iter().map(|frame| frame.opcode).collect();
        assert_eq!(opcodes, [vec![1], vec![0; 50]].concat(), "{role:?}");
        assert!(frames.iter().enumerate().all(|(at, frame)| frame.fin == (at == 50)), "{role:?}");
    }
}

#[test]
fn family_9_1_text() {
    check_loads("9.1.");
}

#[test]
fn family_9_2_binary() {
    check_loads("9.2.");
}

#[test]
fn family_9_3_text_in_frames() {
    check_loads("9.3.");
}

#[test]
fn family_9_4_binary_in_frames() {
    check_loads("9.4.");
}

#[test]
fn family_9_5_text_in_pieces() {
    check_loads("9.5.");
}

#[test]
fn family_9_6_binary_in_pieces() {
    check_loads("9.6.");
}

#[test]
fn family_9_7_texts_back_and_forth() {
    check_loads("9.7.");
}

#[test]
fn family_9_8_binary_back_and_forth() {
    check_loads("9.8.");
}

/// Runs each case of a file on both ends, in all ways.
fn check_file(file: &str) {
    for case in cases(file) {
        for role in ROLES {
            let script = Script::new(&case, role);
            let len = script.stream.len();
            check(&script, "whole", &[len]);
            check(&script, "in its pieces", &script.pieces);
            if let Some(chop) = case.chop {
                check(&script, "in pieces", &cut(len, || chop));
            }
            check(&script, "octet by octet", &cut(len, || 1));
            let mut random = SplitMix64::new(u64::from(role == Role::Server));
            for longest in [2, 9, 70, 1500] {
                check(&script, "at random", &cut(len, || 1 + random.next_u64() as usize % longest));
            }
        }
    }
}

/// Returns where pieces of such lengths end.
fn cut(len: usize, mut next: impl FnMut() -> usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while at < len {
        at = len.min(at + next());
        ends.push(at);
    }
    ends
}

fn check(script: &Script, how: &str, ends: &[usize]) {
    let name = format!("{}, {how}", script.name);
    let mut end = Echo::new(script.role, config());
    let mut checked = 0;
    let mut at = 0;
    for &until in ends {
        end.feed(&script.stream[at..until]);
        at = until;
        let there = end.answers();
        let most = script.answers.iter().filter(|due| due.earliest <= at).count();
        let least = script.answers.iter().filter(|due| due.due <= at).count();
        let codes = |answer: &Answer| match answer {
            Answer::Message(opcode, payload) => format!("message {opcode} of {}", payload.len()),
            other => format!("{other:?}"),
        };
        let shown: Vec<String> = there.iter().map(codes).collect();
        assert!((least..=most).contains(&there.len()), "{name}: {shown:?} after {at} octets, not {least} to {most}");
        for (answer, due) in there.iter().zip(&script.answers).skip(checked) {
            assert!(fits(answer, &due.answer), "{name}: {}, not {}", codes(answer), codes(&due.answer));
        }
        checked = there.len();
    }
    end.finish(&name, script.fault);

    let told: Vec<(u8, &[u8])> = end.events.iter().filter_map(told).collect();
    let messages: Vec<(u8, &[u8])> = script.answers.iter().filter_map(|due| message(&due.answer)).collect();
    assert!(told == messages, "{name}: the application was told something else");
}

fn message(answer: &Answer) -> Option<(u8, &[u8])> {
    match answer {
        Answer::Message(opcode, payload) => Some((*opcode, payload)),
        _ => None,
    }
}

fn told(event: &Event) -> Option<(u8, &[u8])> {
    match event {
        Event::Message(Message::Text(text)) => Some((1, text.as_bytes())),
        Event::Message(Message::Binary(bytes)) => Some((2, bytes)),
        _ => None,
    }
}

/// Runs the rows of one kind of load on both ends: whole or as the row says, at random, and octet by octet where that is no more than
/// 256 KiB: beyond, an octet more is what the one before was. What is longer than 1 MiB is cut at random on one end, in turn.
fn check_loads(family: &str) {
    let rows: Vec<Load> = loads().into_iter().filter(|load| load.number.starts_with(family)).collect();
    assert!(rows.len() >= 6, "{family}");
    for (number, load) in rows.into_iter().enumerate() {
        let frames = frames_of(&load);
        for (turn, role) in ROLES.into_iter().enumerate() {
            let name = format!("{} as a {role:?}", load.number);
            let len = load.len;
            match load.way {
                Way::Pieces(each) => check_load(&name, role, &load, &frames, || each),
                _ => check_load(&name, role, &load, &frames, || usize::MAX / 2),
            }
            if len <= 1 << 20 || number % 2 == turn {
                let mut random = SplitMix64::new(len as u64);
                check_load(&name, role, &load, &frames, || 1 + random.next_u64() as usize % (2 + len / 20));
            }
            if len * count(load.way) <= 1 << 18 {
                check_load(&name, role, &load, &frames, || 1);
            }
        }
    }
}

fn count(way: Way) -> usize {
    if let Way::Times(count) = way { count } else { 1 }
}

fn frames_of(load: &Load) -> Vec<Frame> {
    let pattern: &[u8] = match (load.opcode, load.way) {
        (1, Way::Whole | Way::Pieces(_)) => b"BAsd7&jh23",
        (1, _) => b"*",
        (_, Way::Whole | Way::Pieces(_)) => b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",
        _ => b"\xfe",
    };
    let payload: Vec<u8> = pattern.iter().copied().cycle().take(load.len).collect();
    let each = if let Way::Frames(each) = load.way { each } else { usize::MAX };
    fragments(load.opcode, &payload, each, 0)
}

fn check_load(name: &str, role: Role, load: &Load, frames: &[Frame], mut next: impl FnMut() -> usize) {
    let mut end = Echo::new(role, config());
    let sent: Vec<u8> = frames.iter().map(|frame| &frame.payload[..]).collect::<Vec<_>>().concat();
    for round in 0..count(load.way) {
        let mut stream = Vec::new();
        for frame in frames {
            end.peer.write(frame, &mut stream);
        }
        let mut left = &stream[..];
        while !left.is_empty() {
            let (piece, rest) = left.split_at(next().min(left.len()));
            assert!(end.frames.is_empty(), "{name}: an answer before the message was whole");
            end.feed(piece);
            left = rest;
        }
        let back = std::mem::take(&mut end.frames);
        let [Seen { fin: true, rsv: 0, opcode, payload }] = &back[..] else { panic!("{name}: {} frames", back.len()) };
        assert_eq!(*opcode, load.opcode, "{name}, {round}");
        assert_eq!(payload.len(), load.len, "{name}, {round}");
        assert!(*payload == sent, "{name}, {round}: other octets came back");
        end.events.clear();
    }
    end.close();
    end.finish(name, false);
}

/// Limits as the example `echo` has them.
fn config() -> Config {
    let mut config = Config::default();
    config.limits.max_frame = 64 << 20;
    config.limits.max_message = 64 << 20;
    config.limits.max_fragments = 1 << 20;
    config
}

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// The files of the 247 cases without load and compression.
const CORE: [&str; 9] = [
    "1-framing.txt",
    "2-pings.txt",
    "3-reserved-bits.txt",
    "4-opcodes.txt",
    "5-fragments.txt",
    "6-utf-8.txt",
    "6-utf-8-signs.txt",
    "7-close.txt",
    "10-auto-fragments.txt",
];

/// The published numbers: of each group the last.
const PUBLISHED: [(&str, usize); 57] = [
    ("1.1", 8),
    ("1.2", 8),
    ("2", 11),
    ("3", 7),
    ("4.1", 5),
    ("4.2", 5),
    ("5", 20),
    ("6.1", 3),
    ("6.2", 4),
    ("6.3", 2),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 11),
    ("6.7", 4),
    ("6.8", 2),
    ("6.9", 4),
    ("6.10", 3),
    ("6.11", 5),
    ("6.12", 8),
    ("6.13", 5),
    ("6.14", 10),
    ("6.15", 1),
    ("6.16", 3),
    ("6.17", 5),
    ("6.18", 5),
    ("6.19", 5),
    ("6.20", 7),
    ("6.21", 8),
    ("6.22", 34),
    ("6.23", 7),
    ("7.1", 6),
    ("7.3", 6),
    ("7.5", 1),
    ("7.7", 13),
    ("7.9", 9),
    ("7.13", 2),
    ("9.1", 6),
    ("9.2", 6),
    ("9.3", 9),
    ("9.4", 9),
    ("9.5", 6),
    ("9.6", 6),
    ("9.7", 6),
    ("9.8", 6),
    ("10.1", 1),
    ("12.1", 18),
    ("12.2", 18),
    ("12.3", 18),
    ("12.4", 18),
    ("12.5", 18),
    ("13.1", 18),
    ("13.2", 18),
    ("13.3", 18),
    ("13.4", 18),
    ("13.5", 18),
    ("13.6", 18),
    ("13.7", 18),
];
