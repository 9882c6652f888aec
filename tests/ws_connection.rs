//! A WebSocket after its handshake, at either end: what it tells, what it sends, and how it ends.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tidewire_core::ws::{
    Agreed, CloseCode, CloseReason, Closed, Config, Connection, Error, Event, Message, Prepared, Role, SendError,
};
use tidewire_core::{Closing, Instant, Protocol, Random, SplitMix64};
use tidewire_tests::vectors_ws::Frame;
use tidewire_tests::ws_end::{BINARY, CLOSE, End, PING, PONG, TEXT, event_line};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn code(code: u16) -> Option<CloseCode> {
    Some(CloseCode::new(code).unwrap())
}

// Receiving

#[test]
fn messages_come_whole_and_in_order() {
    for mut end in End::both(|_| {}) {
        let mut input = end.frame(TEXT, "grüße".as_bytes());
        input.extend(end.frame(BINARY, &[0xff, 0]));
        input.extend(end.frame_of(&Frame { opcode: TEXT, payload: b"in ".to_vec(), ..Frame::default() }));
        input.extend(end.frame(PING, b"between"));
        input.extend(end.frame_of(&Frame { fin: true, payload: b"parts".to_vec(), ..Frame::default() }));
        end.input(&input);
        assert_eq!(end.told(), ["text grüße", "binary [2]", "ping between", "text in parts"]);
        assert_eq!(end.written(), ["pong between"]);
    }
}

#[test]
fn what_the_application_does_not_take_stays_in_the_socket() {
    for mut end in End::both(|_| {}) {
        end.takes = false;
        assert!(end.machine.wants_input());
        let input = end.frame(TEXT, b"one").repeat(3);
        end.input(&input);
        assert!(!end.machine.wants_input(), "a chunk waits");
        for _ in 0..2 {
            assert!(end.machine.poll_event().is_some());
            assert!(!end.machine.wants_input());
        }
        assert!(end.machine.poll_event().is_some());
        assert!(end.machine.wants_input(), "all of it was taken");
        assert_eq!(end.machine.poll_event(), None);
    }
}

#[test]
fn a_part_of_a_frame_leaves_the_socket_open() {
    for mut end in End::both(|_| {}) {
        end.takes = false;
        let input = end.frame(TEXT, b"one");
        let (first, rest) = input.split_at(3);
        end.input(first);
        assert!(!end.machine.wants_input(), "nobody looked");
        assert_eq!(end.machine.poll_event(), None);
        assert!(end.machine.wants_input());
        end.input(rest);
        assert_eq!(end.machine.poll_event(), Some(Event::Message("one".into())));
    }
}

#[test]
fn a_driver_that_hands_over_more_than_is_wanted_ends_it_at_the_limit() {
    for mut end in End::both(|config| config.max_unread = 100) {
        end.takes = false;
        let one = end.frame(BINARY, &[0; 84]);
        let len = one.len();
        let first = one.repeat(5);
        end.input(&first);
        assert_eq!(
            end.machine.poll_event().as_ref().map(event_line).as_deref(),
            Some("binary [84]"),
            "any chunk is kept"
        );
        while end.machine.poll_event().is_some() {}
        end.input(&one);
        end.input(&one[..100 - len]);
        end.takes = true;
        end.run();
        assert_eq!(end.told(), ["binary [84]"], "as much as is kept");
        end.input(&one[100 - len..]);
        assert_eq!(end.told(), ["binary [84]"]);
        end.takes = false;
        end.input(&one);
        end.input(&one[..101 - len]);
        end.input(&one);
        end.takes = true;
        end.run();
        assert_eq!(end.told(), ["binary [84]", "closed Flooded 1006 \"\" unclean 0"]);
        assert_eq!(end.written(), ["close 1008 more came than is kept while nothing was taken"]);
        assert_eq!(end.closed.as_ref().and_then(|closed| closed.sent), code(1008));
        assert_eq!(end.closing(), Closing::Finish);
    }
}

#[test]
fn kinds_of_messages_that_are_not_taken_are_1003() {
    for mut end in End::both(|config| config.accept_binary = false) {
        end.hear(TEXT, b"fine");
        end.hear(BINARY, b"not");
        end.hear(TEXT, b"too late");
        assert_eq!(end.told(), ["text fine", "closed Unsupported 1006 \"\" unclean 0"]);
        assert_eq!(end.written(), ["close 1003 a message of a kind that is not taken"]);
    }
    for mut end in End::both(|config| config.accept_text = false) {
        end.hear(BINARY, b"fine");
        end.hear(TEXT, b"not");
        assert_eq!(end.told(), ["binary fine", "closed Unsupported 1006 \"\" unclean 0"]);
        assert_eq!(end.written(), ["close 1003 a message of a kind that is not taken"]);
    }
}

#[test]
fn a_fault_is_told_with_its_code_and_nothing_more_is_read() {
    let cases: [(Frame, &str, Error, u16); 4] = [
        (frame(3, b""), "a frame has the reserved opcode 3", Error::ReservedOpcode(3), 1002),
        (frame(TEXT, b"\xff"), "a text message is not UTF-8", Error::Text, 1007),
        (
            frame(BINARY, &[0; 11]),
            "a frame is longer than 10 bytes; raise the limit `max_frame` if such frames are expected",
            Error::FrameTooLong { limit: 10 },
            1009,
        ),
        (frame(CLOSE, &[3]), "a close frame is one byte long", Error::CloseTooShort, 1002),
    ];
    for (bad, words, error, code) in cases {
        for mut end in End::both(|config| config.limits.max_frame = 10) {
            end.hear(TEXT, b"before");
            end.machine.send_text(end.now, "an answer").unwrap();
            let bad = end.frame_of(&bad);
            end.input(&bad);
            end.hear(TEXT, b"after");
            end.hear(PING, b"after");
            end.hear(CLOSE, b"");
            let told = end.told();
            assert_eq!(told, ["text before".into(), format!("closed Fault({error:?}) 1006 \"\" unclean 0")]);
            assert_eq!(end.written(), ["text an answer".into(), format!("close {code} {words}")]);
            assert_eq!(end.closing(), Closing::Finish, "our side ends, and the peer reads why");
            end.eof();
            assert_eq!(end.closing(), Closing::Abort);
        }
    }
}

#[test]
fn a_reason_of_a_fault_fits_into_its_frame() {
    for mut end in End::both(|config| config.limits.max_frame = usize::MAX / 2) {
        let mut header = vec![0x82, 127];
        header.extend((u64::MAX / 2).to_be_bytes());
        if end.machine.role() == Role::Server {
            header[1] |= 128;
        }
        end.input(&header);
        let frames = end.frames();
        assert!(frames.len() == 1 && frames[0].payload.len() <= 125 && frames[0].opcode == CLOSE, "{frames:?}");
    }
}

// Sending

#[test]
fn short_messages_leave_as_one_piece_for_one_write() {
    for mut end in End::both(|_| {}) {
        let now = end.now;
        end.machine.send(now, &"one".into()).unwrap();
        end.machine.send(now, &Message::Binary(Bytes::from_static(b"two"))).unwrap();
        end.machine.send_text(now, "").unwrap();
        end.machine.send_binary(now, &[0xff; 16 << 10]).unwrap();
        assert_eq!(end.machine.unsent(), 4);
        end.run();
        assert_eq!(end.pieces.len(), 1);
        assert_eq!(end.written(), ["text one", "binary two", "text ", "binary [16384]"]);
        assert_eq!((end.machine.unsent(), end.machine.unsent_bytes(), end.machine.is_written()), (0, 0, true));
    }
}

#[test]
fn a_server_shares_a_long_payload_behind_its_header() {
    let mut end = End::server(|_| {});
    let payload = Bytes::from(vec![7; 200 << 10]);
    end.machine.send(end.now, &Message::Binary(payload.clone())).unwrap();
    end.run();
    let pieces: Vec<usize> = end.pieces.iter().map(Bytes::len).collect();
    assert_eq!(pieces, [10, 64 << 10, 64 << 10, 64 << 10, 8 << 10]);
    for (number, piece) in end.pieces[1..4].iter().enumerate() {
        assert_eq!(piece.as_ptr(), payload[number * (64 << 10)..].as_ptr(), "not copied");
    }
    let frames = end.frames();
    assert_eq!((frames.len(), frames[0].payload == payload), (1, true));
}

#[test]
fn what_was_encoded_for_many_is_shared_and_leaves_in_pieces() {
    let mut end = End::server(|_| {});
    let short = Prepared::text("all of you");
    end.machine.send_shared(end.now, &short).unwrap();
    end.run();
    assert_eq!(end.pieces.len(), 1);
    assert_eq!(end.pieces[0].as_ptr(), short.frame().as_ptr(), "not copied");
    assert_eq!(end.written(), ["text all of you"]);

    let long = Prepared::text(&"long".repeat(40 << 10));
    end.machine.send_shared(end.now, &long).unwrap();
    end.machine.send_shared(end.now, &short).unwrap();
    end.write_a_piece();
    assert_eq!((end.pieces[0].len(), end.pieces[0].as_ptr()), (64 << 10, long.frame().as_ptr()));
    end.machine.ping(end.now, b"").unwrap();
    end.run();
    assert_eq!(end.written(), ["text [163840]", "ping ", "text all of you"], "not in the middle of a frame");

    let mut end = End::client(|_| {});
    end.machine.send_shared(end.now, &short).unwrap();
    end.run();
    assert_eq!(end.written(), ["text all of you"], "a client masks it");
}

#[test]
fn a_client_masks_every_frame_with_a_new_key() {
    let mut config = Config::default();
    config.fragment = Some(70_000);
    let mut machine = Connection::client(config, &Agreed::default(), Instant::START, Box::new(SplitMix64::new(9)));
    let mut keys = SplitMix64::new(9);
    let mut next = || {
        let mut key = [0; 4];
        keys.fill(&mut key);
        key
    };
    machine.send_text(Instant::START, "ab").unwrap();
    machine.send_binary(Instant::START, &[0; 100_000]).unwrap();
    machine.ping(Instant::START, &[0]).unwrap();
    let sent: Vec<u8> = std::iter::from_fn(|| machine.poll_transmit()).flatten().collect();
    // Keys are drawn as frames are encoded: short ones when they are sent, long ones when they leave.
    let (text, ping) = (next(), next());
    assert_eq!(sent[..7], [0x89, 0x81, ping[0], ping[1], ping[2], ping[3], ping[0]]);
    assert_eq!(sent[7..15], [0x81, 0x82, text[0], text[1], text[2], text[3], b'a' ^ text[0], b'b' ^ text[1]]);
    let (first, second) = (next(), next());
    assert_eq!((&sent[25..29], &sent[29..33]), (&first[..], &first[..]), "zeros show the key");
    assert_eq!(sent.len(), 15 + 14 + 70_000 + 8 + 30_000);
    let tail = &sent[29 + 70_000..];
    assert_eq!((&tail[4..8], &tail[8..12]), (&second[..], &second[..]));
    assert!(tail[8..].chunks(4).all(|four| four == second), "one key for all pieces of a frame");
}

#[test]
fn long_messages_go_in_fragments() {
    for mut end in End::both(|config| config.fragment = Some(10)) {
        end.machine.send_text(end.now, &"0123456789".repeat(3)).unwrap();
        end.machine.send_binary(end.now, b"0123456789").unwrap();
        end.machine.send_text(end.now, "0123456789a").unwrap();
        end.run();
        assert_eq!(end.pieces.len(), 1, "as few writes as without");
        let digits = "0123456789";
        let expected = ["part of text", "part of more", "more", "binary", "part of text"];
        let mut expected: Vec<String> = expected.iter().map(|kind| format!("{kind} {digits}")).collect();
        expected.push("more a".into());
        assert_eq!(end.written(), expected);
    }
    for mut end in End::both(|config| config.fragment = Some(0)) {
        end.machine.send_text(end.now, "ab").unwrap();
        end.run();
        assert_eq!(end.written(), ["part of text a", "more b"], "at least a byte each");
    }
}

#[test]
fn a_pong_goes_between_the_fragments_of_a_long_message() {
    for mut end in End::both(|config| config.fragment = Some(100 << 10)) {
        let message = Message::Binary(vec![b'x'; 1 << 20].into());
        end.machine.send(end.now, &message).unwrap();
        end.write_a_piece();
        end.writes = false;
        end.hear(PING, b"now");
        end.machine.ping(end.now, b"me too").unwrap();
        end.writes = true;
        end.run();
        let written = end.written();
        assert_eq!(written.len(), 11 + 2);
        assert_eq!(written[..4], ["part of binary [102400]", "ping me too", "pong now", "part of more [102400]"]);
    }
}

#[test]
fn too_much_is_refused_and_told_which_limit_it_was() {
    for mut end in End::both(|config| (config.max_queued_frames, config.max_queued_bytes) = (3, 1_000)) {
        let now = end.now;
        for _ in 0..2 {
            end.machine.send_text(now, "x").unwrap();
        }
        end.machine.ping(now, b"").unwrap();
        assert_eq!(end.machine.send_text(now, "x"), Err(SendError::Full { limit: 3 }));
        assert_eq!(end.machine.ping(now, b""), Err(SendError::Full { limit: 3 }));
        end.run();
        assert_eq!(end.written(), ["ping ", "text x", "text x"], "pings first");
        end.machine.send_text(now, &"y".repeat(5_000)).expect("a longer message is sent if nothing else waits");
        assert_eq!(end.machine.send_text(now, ""), Err(SendError::Full { limit: 1_000 }).or(Ok(())));
        assert_eq!(end.machine.send_text(now, "x"), Err(SendError::Full { limit: 1_000 }));
        assert_eq!(end.machine.unsent(), 2);
        end.run();
        end.machine.send_text(now, &"y".repeat(900)).unwrap();
        assert_eq!(end.machine.send_text(now, &"y".repeat(101)), Err(SendError::Full { limit: 1_000 }));
        end.run();
        assert_eq!(end.written().len(), 3);
        end.machine.send_text(now, "there is room again").unwrap();
    }
}

#[test]
fn what_is_too_long_for_a_control_frame_is_refused() {
    for mut end in End::both(|_| {}) {
        let now = end.now;
        end.machine.ping(now, &[0; 125]).unwrap();
        assert_eq!(end.machine.ping(now, &[0; 126]), Err(SendError::TooLong { limit: 125 }));
        assert_eq!(end.machine.close(now, code(1000), &"r".repeat(124)), Err(SendError::TooLong { limit: 123 }));
        assert_eq!(end.machine.close(now, None, "r"), Err(SendError::ReasonWithoutCode));
        assert!(end.machine.is_open());
        end.machine.close(now, code(4999), &"r".repeat(123)).unwrap();
        end.run();
        let sizes: Vec<usize> = end.frames().iter().map(|frame| frame.payload.len()).collect();
        assert_eq!(sizes, [125, 125]);
    }
}

#[test]
fn nothing_is_sent_after_a_close() {
    for mut end in End::both(|_| {}) {
        let now = end.now;
        end.machine.close(now, None, "").unwrap();
        assert_eq!(end.machine.send_text(now, "x"), Err(SendError::Closing));
        assert_eq!(end.machine.send_binary(now, b"x"), Err(SendError::Closing));
        assert_eq!(end.machine.ping(now, b"x"), Err(SendError::Closing));
        assert_eq!(end.machine.push_frames(now, Bytes::from_static(b"\x81\0")), Err(SendError::Closing));
        assert_eq!(end.machine.close(now, code(1000), ""), Err(SendError::Closing));
        end.machine.shutdown(now, None);
        end.run();
        assert_eq!(end.written(), ["close"]);
    }
}

// Publications

#[test]
fn a_burst_leaves_as_it_is_behind_what_was_sent() {
    let mut end = End::server(|_| {});
    assert!(end.machine.wants_publications() && end.machine.is_written());
    let frames = Bytes::from_static(b"\x81\x03one\x81\x03two");
    end.machine.push_frames(end.now, frames.clone()).unwrap();
    assert!(!end.machine.wants_publications() && !end.machine.is_written());
    assert_eq!(end.machine.push_frames(end.now, frames.clone()), Err(SendError::Full { limit: 1 }));
    let piece = end.machine.poll_transmit().unwrap();
    assert_eq!((piece.as_ptr(), piece.len()), (frames.as_ptr(), frames.len()), "one piece, shared");
    assert!(end.machine.wants_publications() && !end.machine.is_written(), "it may not be written");
    assert_eq!(end.machine.poll_transmit(), None);
    assert!(end.machine.is_written());

    end.machine.push_frames(end.now, frames).unwrap();
    end.machine.send_text(end.now, "first").unwrap();
    end.run();
    assert_eq!(end.pieces.len(), 2);
    assert_eq!(end.written(), ["text first", "text one", "text two"]);
    assert_eq!(end.machine.unsent(), 0, "publications are read by cursor");
}

#[test]
fn a_client_sends_no_frames_of_others() {
    let mut end = End::client(|_| {});
    let frames = Bytes::from_static(b"\x81\x03one");
    assert_eq!(end.machine.push_frames(end.now, frames), Err(SendError::Unmasked));
}

// Pings

#[test]
fn of_a_flood_of_pings_the_first_and_the_latest_are_answered() {
    for mut end in End::both(|_| {}) {
        for count in [1, 10, 16, 17, 1_000] {
            end.writes = false;
            for number in 0..count {
                end.hear(PING, format!("{number}").as_bytes());
            }
            assert_eq!(end.told().len(), count);
            end.writes = true;
            end.run();
            let mut expected: Vec<String> = (0..count.min(15)).map(|number| format!("pong {number}")).collect();
            expected.extend((count > 15).then(|| format!("pong {}", count - 1)));
            assert_eq!(end.written(), expected);
        }
    }
}

#[test]
fn one_pong_waits_for_who_does_not_read_and_it_is_the_latest() {
    for mut end in End::both(|_| {}) {
        end.machine.send_text(end.now, "x").unwrap();
        end.write_a_piece();
        end.writes = false;
        for number in 0..1_000 {
            end.hear(PING, format!("{number}").as_bytes());
        }
        end.writes = true;
        end.run();
        assert_eq!(end.written(), ["text x", "pong 999"]);
    }
}

#[test]
fn the_answer_to_a_ping_of_ours_is_told() {
    for mut end in End::both(|_| {}) {
        end.machine.ping(end.now, b"where").unwrap();
        end.run();
        assert_eq!(end.written(), ["ping where"]);
        end.hear(PONG, b"where");
        end.hear(PONG, b"unasked");
        assert_eq!(end.told(), ["pong where", "pong unasked"]);
        assert_eq!(end.written(), [""; 0]);
    }
}

// The end

#[test]
fn a_close_of_ours_is_answered() {
    for mut end in End::both(|_| {}) {
        end.machine.send_text(end.now, "before").unwrap();
        end.machine.close(end.now, code(1000), "all said").unwrap();
        end.run();
        assert_eq!(end.pieces.len(), 1);
        assert_eq!(end.written(), ["text before", "close 1000 all said"]);
        assert_eq!((end.told(), end.closing()), (vec![], Closing::No), "the peer is to answer");
        end.hear(TEXT, b"on its way");
        end.hear(PING, b"not answered");
        assert_eq!(end.told(), ["text on its way", "ping not answered"]);
        end.hear_close(1000, "");
        assert_eq!(end.told(), ["closed Local 1000 \"\" clean 0"]);
        assert_eq!(end.closed.clone().unwrap().sent, code(1000));
        assert_eq!(end.written(), [""; 0]);
        // RFC 6455 §7.1.1: the server ends the connection first.
        let is_server = end.machine.role() == Role::Server;
        assert_eq!(end.closing(), if is_server { Closing::Finish } else { Closing::No });
        end.hear(TEXT, b"nobody listens");
        end.eof();
        assert_eq!((end.told(), end.closing()), (vec![], Closing::Abort));
    }
}

#[test]
fn a_close_of_the_peer_is_answered_with_its_code() {
    for (said, answer, told) in [
        (&b""[..], "close", ["closing", "closed Peer 1005 \"\" clean 0"]),
        (b"\x03\xe8", "close 1000 ", ["closing 1000 ", "closed Peer 1000 \"\" clean 0"]),
        (b"\x0f\xa0later", "close 4000 ", ["closing 4000 later", "closed Peer 4000 \"later\" clean 0"]),
    ] {
        for mut end in End::both(|_| {}) {
            let mut input = end.frame(CLOSE, said);
            input.extend(end.frame(TEXT, b"after"));
            end.input(&input);
            assert_eq!(end.told(), told);
            assert_eq!(end.written(), [answer]);
            assert_eq!(end.machine.send_text(end.now, "x"), Err(SendError::Closing));
            let is_server = end.machine.role() == Role::Server;
            assert_eq!(end.closing(), if is_server { Closing::Finish } else { Closing::No });
            end.advance(secs(4));
            assert_ne!(end.closing(), Closing::Abort);
            end.advance(secs(1));
            assert_eq!(end.closing(), Closing::Abort, "the peer did not end its side");
        }
    }
}

#[test]
fn what_was_accepted_before_the_peer_closed_leaves_before_the_answer() {
    for mut end in End::both(|config| config.fragment = Some(200 << 10)) {
        end.machine.send_binary(end.now, &[0xff; 400 << 10]).unwrap();
        end.write_a_piece();
        end.machine.send_text(end.now, "behind it").unwrap();
        end.writes = false;
        end.hear_close(1001, "");
        assert_eq!(end.told(), ["closing 1001 "]);
        assert_eq!(end.machine.send_text(end.now, "too late"), Err(SendError::Closing));
        end.writes = true;
        end.run();
        assert_eq!(end.written(), ["part of binary [204800]", "more [204800]", "text behind it", "close 1001 "]);
        assert_eq!(end.told(), ["closed Peer 1001 \"\" clean 0"]);
    }
}

#[test]
fn what_could_not_leave_before_the_end_is_counted() {
    for mut end in End::both(|_| {}) {
        end.writes = false;
        for _ in 0..3 {
            end.machine.send_text(end.now, "nobody reads this").unwrap();
        }
        end.hear_close(1001, "");
        end.reset();
        assert_eq!(end.told(), ["closing 1001 ", "closed Peer 1001 \"\" unclean 3"]);
    }
}

#[test]
fn an_end_waits_for_an_application_that_is_at_work() {
    for fault in [false, true] {
        for mut end in End::both(|_| {}) {
            end.machine.set_at_work(true);
            let mut input = end.frame(TEXT, b"one");
            input.extend(end.frame(PING, b"still there?"));
            input.extend(if fault { end.frame(3, b"") } else { end.frame(CLOSE, &1001_u16.to_be_bytes()) });
            end.input(&input);
            assert_eq!(end.told(), ["text one", "ping still there?"]);
            assert_eq!(end.written(), ["pong still there?"]);
            assert!(end.machine.is_end_held() && end.machine.is_open() && !end.machine.wants_input());

            end.machine.send_text(end.now, "to that").unwrap();
            end.machine.set_at_work(false);
            end.run();
            assert_eq!(end.written().len(), 2, "what was said, and the close frame");
            assert!(!end.machine.is_end_held() && !end.machine.is_open());
        }
    }
}

#[test]
fn an_end_does_not_wait_long() {
    for mut end in End::both(|_| {}) {
        end.machine.set_at_work(true);
        end.hear_close(1000, "");
        // Nor is an end of the bytes told before.
        end.eof();
        end.advance(Duration::from_millis(99));
        assert!(end.told().is_empty() && end.written().is_empty());
        end.advance(Duration::from_millis(1));
        assert_eq!(end.written(), ["close 1000 "]);
        assert_eq!(end.closed.as_ref().map(|closed| (closed.why, closed.code)), Some((CloseReason::Peer, 1000)));
    }
}

#[test]
fn closes_that_cross_are_clean() {
    for mut end in End::both(|_| {}) {
        end.machine.close(end.now, code(4001), "ours").unwrap();
        end.run();
        end.hear_close(4002, "theirs");
        assert_eq!(end.written(), ["close 4001 ours"], "one close frame each");
        assert_eq!(end.told(), ["closed Local 4002 \"theirs\" clean 0"]);
    }
    for mut end in End::both(|_| {}) {
        end.machine.send_text(end.now, "waits").unwrap();
        end.machine.close(end.now, code(4001), "ours").unwrap();
        end.hear_close(4002, "theirs");
        assert_eq!(end.written(), ["text waits", "close 4001 ours"]);
        assert_eq!(end.told(), ["closing 4002 theirs", "closed Peer 4002 \"theirs\" clean 0"], "the peer was first");
    }
}

#[test]
fn a_shutdown_is_1001_or_what_the_operator_says() {
    for (given, shown) in [(None, "close 1001 "), (code(1012), "close 1012 ")] {
        for mut end in End::both(|_| {}) {
            end.machine.send_text(end.now, "last").unwrap();
            end.machine.shutdown(end.now, given);
            end.run();
            assert_eq!(end.written(), ["text last", shown]);
            end.hear_close(given.map_or(1001, CloseCode::get), "");
            assert!(end.closed.is_some_and(|closed| closed.is_clean && closed.why == CloseReason::Local));
        }
    }
}

#[test]
fn an_end_without_a_close_frame_is_1006() {
    for mut end in End::both(|_| {}) {
        end.machine.send_text(end.now, "lost").unwrap();
        end.machine.handle_eof(end.now);
        end.run();
        assert_eq!((end.told(), end.closing()), (vec!["closed Ended 1006 \"\" unclean 1".into()], Closing::Abort));
        assert_eq!(end.written(), [""; 0]);
    }
    for mut end in End::both(|_| {}) {
        end.reset();
        assert_eq!((end.told(), end.closing()), (vec!["closed Reset 1006 \"\" unclean 0".into()], Closing::Abort));
    }
    for mut end in End::both(|_| {}) {
        end.machine.close(end.now, code(1000), "").unwrap();
        end.run();
        end.eof();
        assert_eq!((end.told(), end.closing()), (vec!["closed Local 1006 \"\" unclean 0".into()], Closing::Abort));
    }
}

#[test]
fn what_came_before_the_end_is_told_before_it() {
    for mut end in End::both(|_| {}) {
        let input = [end.frame(TEXT, b"one"), end.frame(TEXT, b"two")].concat();
        end.takes = false;
        end.input(&input);
        end.eof();
        assert_eq!(end.closing(), Closing::No, "there is something to tell");
        end.takes = true;
        end.run();
        assert_eq!(end.told(), ["text one", "text two", "closed Ended 1006 \"\" unclean 0"]);
    }
    for mut end in End::both(|_| {}) {
        let input = [end.frame(TEXT, b"one"), end.frame(CLOSE, b"\x03\xe8")].concat();
        end.takes = false;
        end.input(&input);
        end.eof();
        end.takes = true;
        end.run();
        assert_eq!(end.told(), ["text one", "closing 1000 ", "closed Peer 1000 \"\" clean 0"]);
        assert_eq!(
            (end.written(), end.closing()),
            (vec!["close 1000 ".into()], Closing::Abort),
            "it is answered first"
        );
    }
}

#[test]
fn how_it_ended_is_said_in_words() {
    let words = |change: fn(&mut End)| {
        let mut end = End::server(|_| {});
        change(&mut end);
        end.closed.unwrap().to_string()
    };
    assert_eq!(words(|end| end.hear_close(1000, "bye")), "the peer closed the connection: code 1000, bye");
    assert_eq!(words(|end| end.hear(CLOSE, b"")), "the peer closed the connection without a code");
    assert_eq!(words(End::eof), "the peer ended the connection without closing it");
    assert_eq!(words(|end| end.hear(3, b"")), "a frame has the reserved opcode 3");
    assert_eq!(
        words(|end| {
            end.machine.close(end.now, None, "").unwrap();
            end.run();
            end.reset();
        }),
        "we closed the connection and heard no close of the peer"
    );
    assert_eq!(SendError::Full { limit: 3 }.to_string(), "too much waits to be sent already: the limit is 3");
}

#[test]
fn what_was_said_is_not_in_debug() {
    let mut end = End::server(|_| {});
    end.takes = false;
    end.machine.send_text(end.now, "secret").unwrap();
    end.machine.handle_input(end.now, b"secret");
    let shown = format!("{:?}", end.machine);
    assert_eq!(shown, "Connection { role: Server, state: Open, unread: 6, unsent: 1, unsent_bytes: 8, .. }");
}

// Cuts

proptest! {
    #[test]
    fn where_the_input_is_cut_changes_nothing(
        frames in prop::collection::vec((0..12_u8, any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..12),
        cuts in prop::collection::vec(1..40_usize, 1..20),
        close in any::<bool>(),
    ) {
        for role in [Role::Server, Role::Client] {
            let new = || End::new(role, |config| config.limits.max_message = 300);
            let mut maker = new();
            let mut input = Vec::new();
            for (opcode, fin, payload) in &frames {
                let payload = if *opcode == TEXT { b"text".repeat(payload.len() / 4) } else { payload.clone() };
                let fin = *fin || *opcode > 7;
                input.extend(maker.frame_of(&Frame { fin, opcode: *opcode, payload, ..Frame::default() }));
            }
            if close {
                input.extend(maker.frame(CLOSE, b"\x0f\xa0"));
            }
            let mut whole = new();
            whole.input(&input);
            whole.eof();
            let mut cut = new();
            let mut rest = &input[..];
            for len in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*len).min(rest.len()));
                cut.input(piece);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            cut.eof();
            let control = |frames: Vec<String>| frames.into_iter().filter(|line| !line.starts_with("pong")).collect::<Vec<_>>();
            prop_assert_eq!(whole.told(), cut.told());
            // Of pings that come together the last one alone is answered.
            prop_assert_eq!(control(whole.written()), control(cut.written()));
            prop_assert!(whole.closing() == Closing::Abort && cut.closing() == Closing::Abort);
        }
    }
}

// Helpers

fn frame(opcode: u8, payload: &[u8]) -> Frame {
    Frame { fin: true, opcode, payload: payload.to_vec(), ..Frame::default() }
}

#[test]
fn codes_that_are_told_and_never_sent_cannot_be_made() {
    assert!(CloseCode::new(Closed::NO_CODE).is_none() && CloseCode::new(Closed::NO_CLOSE_FRAME).is_none());
}
