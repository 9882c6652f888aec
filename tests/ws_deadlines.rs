//! How long a WebSocket waits for its peer: for a sign of life, for what is written to be taken, for the end.

use std::time::Duration;

use tidewire_core::ws::{CloseCode, CloseReason, Config};
use tidewire_core::{Closing, Protocol};
use tidewire_tests::ws_end::{CLOSE, End, PING, PONG, TEXT};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn both() -> [End; 2] {
    End::both(|_| {})
}

// Signs of life

#[test]
fn a_silent_peer_is_pinged_after_30_s_and_lost_20_s_later() {
    for mut end in both() {
        end.advance(millis(29_999));
        assert_eq!(end.written(), [""; 0]);
        end.advance(millis(1));
        assert_eq!(end.written(), ["ping "]);
        end.advance(millis(19_999));
        assert_eq!((end.told(), end.closing()), (vec![], Closing::No));
        end.advance(millis(1));
        assert_eq!(end.told(), ["closed PongTimeout 1006 \"\" unclean 0"]);
        assert_eq!((end.closing(), end.machine.poll_timeout()), (Closing::Abort, None));
        assert_eq!(end.written(), [""; 0], "nobody is there to be told");
    }
}

#[test]
fn a_pong_is_a_sign_of_life() {
    for mut end in both() {
        for _ in 0..100 {
            end.advance(secs(30));
            assert_eq!(end.written(), ["ping "]);
            end.advance(millis(19_999));
            end.hear(PONG, b"");
            assert_eq!(end.told(), ["pong "]);
        }
    }
}

#[test]
fn any_frame_is_a_sign_of_life() {
    for mut end in both() {
        for opcode in [TEXT, PING, PONG] {
            end.advance(secs(30));
            assert_eq!(end.written(), ["ping "]);
            end.advance(secs(19));
            end.hear(opcode, b"x");
            end.written();
            end.advance(millis(29_999));
            assert_eq!(end.written(), [""; 0], "the time begins anew");
            end.hear(opcode, b"x");
            end.written();
        }
        assert_eq!(end.closed, None);
    }
}

#[test]
fn a_byte_of_a_large_frame_is_a_sign_of_life() {
    for mut end in both() {
        let frame = end.frame(TEXT, &[b'x'; 100]);
        for byte in &frame {
            end.advance(secs(29));
            end.input(&[*byte]);
        }
        assert_eq!((end.written(), end.told()), (vec![], vec!["text [100]".into()]));
        // Also behind a ping.
        for byte in &frame {
            end.advance(secs(49));
            end.input(&[*byte]);
        }
        assert_eq!(end.told(), ["text [100]"]);
        assert_eq!(end.written(), vec!["ping "; frame.len()]);
    }
}

#[test]
fn who_is_not_to_be_pinged_is_not() {
    for mut end in End::both(|config| config.ping_interval = None) {
        assert_eq!(end.machine.poll_timeout(), None);
        end.hear(TEXT, b"x");
        assert_eq!(end.machine.poll_timeout(), None);
        end.advance(secs(1_000_000));
        assert_eq!((end.written(), end.closed.clone()), (vec![], None));
    }
}

#[test]
fn a_late_clock_does_all_that_is_due_and_loses_nobody_unheard() {
    for mut end in both() {
        end.now = end.now + secs(1_000);
        end.machine.handle_timeout(end.now);
        end.run();
        assert_eq!((end.written(), end.closed.clone()), (vec!["ping ".into()], None), "a ping first");
        end.advance(secs(20));
        assert_eq!(end.closed.clone().unwrap().why, CloseReason::PongTimeout);
    }
}

#[test]
fn a_ping_of_the_application_does_not_end_the_connection() {
    for mut end in End::both(|config| config.ping_interval = None) {
        end.machine.ping(end.now, b"x").unwrap();
        end.run();
        end.advance(secs(1_000));
        assert_eq!(end.closed, None);
    }
}

#[test]
fn a_peer_that_is_held_back_is_not_lost() {
    for mut end in both() {
        end.takes = false;
        end.hear(TEXT, b"one");
        assert!(!end.machine.wants_input());
        end.advance(secs(30 + 20 + 20));
        assert_eq!(
            (end.written(), end.closing()),
            (vec!["ping ".into()], Closing::No),
            "its pong is behind what is not read"
        );
        end.advance(millis(19_000));
        end.takes = true;
        end.run();
        assert_eq!(end.told(), ["text one"]);
        end.advance(secs(20));
        assert_eq!(end.closed, None, "it has the time to be heard again");
        end.advance(millis(20_000));
        assert_eq!(end.told(), ["closed PongTimeout 1006 \"\" unclean 0"]);
    }
}

#[test]
fn nobody_looks_all_the_while_whether_what_is_held_back_was_taken() {
    for mut end in End::both(|config| config.pong_timeout = Duration::ZERO) {
        end.takes = false;
        end.hear(TEXT, b"one");
        let now = end.now + secs(30);
        end.machine.handle_timeout(now);
        while end.machine.poll_transmit().is_some() {}
        end.machine.handle_timeout(now);
        assert!(end.machine.poll_timeout().is_some_and(|at| at > now), "a driver would spin");
        assert_eq!(end.closing(), Closing::No);
    }
}

#[test]
fn the_time_for_a_pong_begins_when_the_ping_has_left() {
    for mut end in End::both(|config| config.write_timeout = secs(1_000)) {
        end.machine.send_binary(end.now, &[0xff; 500 << 10]).unwrap();
        end.writes = false;
        end.write_a_piece();
        end.write_a_piece();
        end.advance(secs(30 + 20 + 20));
        assert_eq!(end.closed, None, "the socket is busy with a frame");
        end.writes = true;
        end.run();
        assert_eq!(end.written(), ["binary [512000]", "ping "]);
        end.advance(millis(19_999));
        assert_eq!(end.closed, None);
        end.advance(secs(21));
        assert_eq!(end.closed.clone().unwrap().why, CloseReason::PongTimeout);
    }
}

// Writing

#[test]
fn a_peer_that_takes_nothing_is_lost_after_30_s() {
    for mut end in both() {
        end.writes = false;
        end.machine.send_text(end.now, "x").unwrap();
        end.advance(millis(29_999));
        assert_eq!(end.closing(), Closing::No);
        end.advance(millis(1));
        assert_eq!(end.told(), ["closed WriteTimeout 1006 \"\" unclean 1"]);
        assert_eq!((end.closing(), end.machine.unsent_bytes()), (Closing::Abort, 0));
    }
}

#[test]
fn a_piece_that_is_not_written_is_no_progress() {
    for mut end in both() {
        end.machine.send_text(end.now, "x").unwrap();
        end.write_a_piece();
        end.writes = false;
        for _ in 0..3 {
            end.advance(secs(9));
            end.machine.send_text(end.now, "more").unwrap();
            end.hear(TEXT, b"the peer lives");
        }
        end.advance(millis(2_999));
        assert_eq!(end.closed, None);
        end.advance(millis(1));
        assert_eq!(end.closed.clone().map(|closed| (closed.why, closed.unsent)), Some((CloseReason::WriteTimeout, 4)));
    }
}

#[test]
fn who_takes_a_long_message_piece_by_piece_has_the_time_for_each() {
    for mut end in End::both(|config| config.ping_interval = None) {
        end.writes = false;
        end.machine.send_binary(end.now, &[0xff; 1 << 20]).unwrap();
        for _ in 0..16 {
            end.advance(secs(29));
            end.write_a_piece();
        }
        assert_eq!(end.closed, None);
        end.writes = true;
        end.run();
        assert_eq!((end.written().len(), end.machine.poll_timeout()), (1, None));
    }
}

#[test]
fn nothing_waits_for_nothing() {
    for mut end in End::both(|config| config.ping_interval = None) {
        end.machine.send_text(end.now, "x").unwrap();
        assert!(end.machine.poll_timeout().is_some());
        end.run();
        assert_eq!(end.machine.poll_timeout(), None);
    }
}

#[test]
fn a_deadline_that_was_set_late_is_moved_on_and_not_twice() {
    for mut end in End::both(|config| config.ping_interval = None) {
        end.machine.send_binary(end.now, &[0xff; 1 << 20]).unwrap();
        end.writes = false;
        end.write_a_piece();
        // The driver is busy writing for 29 s, and tells no time before it asks for the next piece.
        end.write_a_piece();
        end.now = end.now + secs(29);
        end.advance(secs(30));
        assert_eq!(end.closed, None, "its time may have begun 29 s later");
        end.advance(secs(30));
        assert_eq!(end.closed.clone().unwrap().why, CloseReason::WriteTimeout);
    }
}

// The end

#[test]
fn a_close_that_is_never_answered_ends_after_5_s() {
    for mut end in both() {
        end.machine.close(end.now, Some(CloseCode::NORMAL), "").unwrap();
        end.run();
        end.advance(millis(4_999));
        end.hear(TEXT, b"the peer talks on");
        assert_eq!((end.told(), end.closing()), (vec!["text the peer talks on".into()], Closing::No));
        end.advance(millis(1));
        assert_eq!((end.told(), end.closing()), (vec!["closed Local 1006 \"\" unclean 0".into()], Closing::Abort));
    }
}

#[test]
fn the_time_for_an_answer_begins_when_the_close_frame_has_left() {
    for mut end in End::both(|config| config.ping_interval = None) {
        end.machine.send_binary(end.now, &[0xff; 200 << 10]).unwrap();
        end.machine.close(end.now, Some(CloseCode::NORMAL), "").unwrap();
        end.writes = false;
        for _ in 0..3 {
            end.advance(secs(20));
            end.write_a_piece();
        }
        end.advance(secs(20));
        assert_eq!(end.closing(), Closing::No);
        end.writes = true;
        end.run();
        assert_eq!(end.written(), ["binary [204800]", "close 1000 "]);
        end.advance(secs(4));
        assert_eq!(end.closing(), Closing::No);
        end.advance(secs(6));
        assert_eq!(end.closing(), Closing::Abort);
    }
}

#[test]
fn a_close_frame_that_leaves_while_no_time_is_told_has_its_time_nevertheless() {
    for mut end in End::both(|config| config.ping_interval = None) {
        end.machine.send_binary(end.now, &[0xff; 200 << 10]).unwrap();
        end.machine.close(end.now, Some(CloseCode::NORMAL), "").unwrap();
        end.run();
        assert_eq!(end.written(), ["binary [204800]", "close 1000 "]);
        // The driver was busy writing until then.
        end.now = end.now + secs(29);
        end.machine.handle_timeout(end.now);
        end.advance(millis(4_999));
        assert_eq!(end.closing(), Closing::No);
        end.advance(millis(1));
        assert_eq!(end.closing(), Closing::Abort, "and no more than that");
    }
}

#[test]
fn a_peer_that_does_not_read_the_end_is_dropped() {
    for mut end in both() {
        end.writes = false;
        end.hear(CLOSE, b"\x03\xe8");
        assert_eq!(end.told(), ["closing 1000 "]);
        end.advance(millis(29_999));
        assert_ne!(end.closing(), Closing::Abort);
        end.advance(millis(1));
        assert_eq!(end.told(), ["closed Peer 1000 \"\" unclean 0"], "our close frame has not left");
        assert_eq!(end.closing(), Closing::Abort);
    }
    for mut end in both() {
        end.hear(3, b"");
        assert_eq!((end.told().len(), end.closing()), (1, Closing::Finish));
        end.advance(millis(4_999));
        assert_eq!(end.closing(), Closing::Finish);
        end.advance(millis(1));
        assert_eq!(end.closing(), Closing::Abort, "it was told, and does not end its side");
    }
}

#[test]
fn no_ping_leaves_after_the_close_frame() {
    for mut end in End::both(|config| config.close_timeout = secs(1_000)) {
        end.machine.close(end.now, None, "").unwrap();
        end.run();
        end.advance(secs(999));
        assert_eq!((end.written(), end.closing()), (vec!["close".into()], Closing::No));
    }
}

#[test]
fn no_deadline_is_there_when_all_is_over() {
    for change in [|_: &mut Config| {}, |config: &mut Config| config.ping_interval = None] {
        for mut end in End::both(change) {
            end.hear(CLOSE, b"");
            end.eof();
            assert_eq!((end.closing(), end.machine.poll_timeout()), (Closing::Abort, None));
            end.machine.handle_timeout(end.now + secs(1_000));
            end.machine.handle_input(end.now, b"\x81\x01x");
            end.eof();
            end.reset();
            assert_eq!(end.machine.poll_timeout(), None);
        }
    }
}
