//! What hostile peers of a WebSocket cannot do: hold memory, hold the connection, or make it say more than it should. The whole test
//! counts what is allocated, so it stands alone in its binary.

use std::time::Duration;

use tidewire_core::ws::{Agreed, CloseCode, CloseReason, Config, Connection, Event, Role, SendError};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};
use tidewire_tests::heap::Heap;
use tidewire_tests::vectors_ws::Frame;
use tidewire_tests::ws_end::{BINARY, CLOSE, End, PING, PONG, TEXT};

#[global_allocator]
static HEAP: Heap = Heap;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn part(opcode: u8, payload: &[u8]) -> Frame {
    Frame { opcode, payload: payload.to_vec(), ..Frame::default() }
}

/// Hands over `bytes` and takes what is told, keeping nothing; returns how many events that were.
fn feed(machine: &mut Connection, bytes: &[u8]) -> usize {
    machine.handle_input(Instant::START, bytes);
    std::iter::from_fn(|| machine.poll_event()).count()
}

/// Runs the same at both ends.
fn both(change: impl Fn(&mut Config)) -> [(End, Connection); 2] {
    [Role::Server, Role::Client].map(|role| {
        let mut config = Config::default();
        change(&mut config);
        let (agreed, now) = (Agreed::default(), Instant::START);
        let machine = match role {
            Role::Server => Connection::server(config, &agreed, now),
            Role::Client => Connection::client(config, &agreed, now, Box::new(SplitMix64::new(1))),
        };
        (End::new(role, |_| {}), machine)
    })
}

#[test]
fn an_idle_connection_holds_nothing_but_itself() {
    let config = std::sync::Arc::new(Config::default());
    let agreed = Agreed::default();
    let before = Heap::live();
    let mut machine = Connection::server(std::sync::Arc::clone(&config), &agreed, Instant::START);
    assert_eq!(Heap::live() - before, 0, "a server's end allocates nothing");
    assert!(size_of::<Connection>() < 600, "{}", size_of::<Connection>());
    let mut maker = End::server(|_| {});
    for len in [0, 10, 1_000, 100_000] {
        let frame = maker.frame(BINARY, &vec![1; len]);
        let before = Heap::live();
        for piece in frame.chunks(40_000) {
            machine.handle_input(Instant::START, piece);
            while let Some(event) = machine.poll_event() {
                if let Event::Message(message) = event {
                    machine.send(Instant::START, &message).unwrap();
                    machine.send_text(Instant::START, "and more").unwrap();
                    machine.ping(Instant::START, b"ping").unwrap();
                }
            }
        }
        while machine.poll_transmit().is_some() {}
        assert_eq!(Heap::live() - before, 0, "buffers are there while bytes wait, and no longer: {len}");
    }
}

#[test]
fn a_flood_of_pings_holds_a_pong() {
    for (mut maker, mut machine) in both(|_| {}) {
        machine.send_text(Instant::START, "x").unwrap();
        assert!(machine.poll_transmit().is_some());
        let flood = maker.frame(PING, &[b'p'; 125]).repeat(1_000);
        let before = Heap::live();
        for _ in 0..100 {
            assert_eq!(feed(&mut machine, &flood), 1_000);
            assert!(Heap::live() - before < 1_024, "{}", Heap::live() - before);
        }
    }
    for (mut maker, mut machine) in both(|_| {}) {
        let flood = maker.frame(PING, &[b'p'; 125]).repeat(1_000);
        let before = Heap::live();
        assert_eq!(feed(&mut machine, &flood), 1_000);
        assert!(Heap::live() - before < 8 << 10, "also of one that came before anything was written");
    }
}

#[test]
fn a_peer_that_pings_and_never_reads_is_lost() {
    for mut end in End::both(|_| {}) {
        end.writes = false;
        for _ in 0..10 {
            end.hear(PING, b"");
            end.advance(secs(3));
        }
        assert_eq!(end.closed.as_ref().map(|closed| closed.why), Some(CloseReason::WriteTimeout));
    }
}

#[test]
fn one_byte_fragments_end_at_the_limit() {
    for mut end in End::both(|_| {}) {
        let first = end.frame_of(&part(BINARY, b"x"));
        end.input(&first);
        for _ in 1..4_096 {
            let next = end.frame_of(&part(0, b"x"));
            end.input(&next);
        }
        assert_eq!((end.told(), end.closed.clone()), (vec![], None));
        let next = end.frame_of(&part(0, b"x"));
        end.input(&next);
        assert_eq!(end.told(), ["closed Fault(TooManyFragments { limit: 4096 }) 1006 \"\" unclean 0"]);
        assert!(end.written()[0].starts_with("close 1008 "));
    }
}

#[test]
fn empty_fragments_without_end_hold_nothing_and_end_at_the_limit() {
    for (mut maker, mut machine) in both(|_| {}) {
        let first = maker.frame_of(&part(TEXT, b""));
        let more = maker.frame_of(&part(0, b"")).repeat(100);
        feed(&mut machine, &first);
        let before = Heap::live();
        for _ in 0..40 {
            assert_eq!(feed(&mut machine, &more), 0);
            assert!(Heap::live() - before < 256);
        }
        assert_eq!(feed(&mut machine, &more), 0);
        assert_eq!(machine.closing(), Closing::Finish);
    }
}

#[test]
fn what_is_announced_is_not_reserved() {
    for (_, mut machine) in both(|config| {
        config.limits.max_frame = 1 << 30;
        config.limits.max_message = 1 << 30;
    }) {
        let masked = if machine.role() == Role::Server { 128 } else { 0 };
        let mut header = vec![0x82, masked | 127];
        header.extend((1_u64 << 30).to_be_bytes());
        header.extend([0; 20]);
        let before = Heap::live();
        assert_eq!(feed(&mut machine, &header), 0);
        assert!(Heap::live() - before < 16 << 10, "{}", Heap::live() - before);
    }
}

#[test]
fn a_frame_beyond_the_limit_ends_at_its_header() {
    for (_, mut machine) in both(|_| {}) {
        let masked = if machine.role() == Role::Server { 128 } else { 0 };
        let mut header = vec![0x82, masked | 127];
        header.extend((1_u64 << 40).to_be_bytes());
        feed(&mut machine, &header);
        assert_eq!(machine.closing(), Closing::Finish, "nothing of its payload was waited for");
    }
}

#[test]
fn a_peer_that_never_reads_fills_a_bounded_queue_and_is_lost() {
    for mut end in End::both(|_| {}) {
        end.writes = false;
        let mut accepted = 0;
        let refused = loop {
            match end.machine.send_binary(end.now, &[0; 10_000]) {
                Ok(()) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((accepted, refused), (104, SendError::Full { limit: 1 << 20 }), "as many as are in 1 MiB");
        let before = Heap::live();
        for _ in 0..1_000 {
            let _ = end.machine.send_binary(end.now, &[0; 10_000]);
            let _ = end.machine.ping(end.now, &[0; 100]);
        }
        assert!(Heap::live() - before < 64 << 10, "{}", Heap::live() - before);
        end.advance(secs(30));
        let closed = end.closed.clone().unwrap();
        assert_eq!((closed.why, closed.unsent), (CloseReason::WriteTimeout, 104));
    }
}

#[test]
fn data_without_end_after_the_close_holds_nothing_and_nobody() {
    for (how, close) in [("the peer closes", CLOSE), ("it is at fault", 3)] {
        for mut end in End::both(|_| {}) {
            end.hear(close, b"");
            assert!(end.closed.is_some(), "{how}");
            end.events.clear();
            end.frames();
            let data = end.frame(TEXT, &[b'x'; 1_000]).repeat(50);
            let before = Heap::live();
            for _ in 0..4 {
                for _ in 0..100 {
                    assert!(end.machine.wants_input(), "it is read and thrown away, so that our last word arrives");
                    end.input(&data);
                }
                end.advance(secs(1));
            }
            assert!(Heap::live() - before < 1_024, "{how}");
            assert_ne!(end.closing(), Closing::Abort);
            end.advance(secs(1));
            assert_eq!((end.closing(), end.told(), end.written()), (Closing::Abort, vec![], vec![]), "{how}");
        }
    }
}

#[test]
fn a_peer_that_talks_on_and_never_answers_a_close_is_dropped_after_5_s() {
    for mut end in End::both(|_| {}) {
        end.machine.close(end.now, Some(CloseCode::NORMAL), "").unwrap();
        end.run();
        for _ in 0..49 {
            end.advance(Duration::from_millis(100));
            end.hear(PING, b"x");
            end.hear(TEXT, b"x");
            end.hear(PONG, b"x");
        }
        assert_eq!(end.closing(), Closing::No);
        end.advance(Duration::from_millis(100));
        assert_eq!(end.closing(), Closing::Abort);
        assert_eq!(end.written(), ["close 1000 "], "no ping is answered after it");
    }
}

#[test]
fn a_peer_that_ends_its_side_and_does_not_read_is_dropped() {
    for mut end in End::both(|_| {}) {
        end.machine.send_binary(end.now, &[0; 200_000]).unwrap();
        end.write_a_piece();
        end.writes = false;
        end.hear(CLOSE, b"\x03\xe8");
        end.eof();
        assert_eq!(end.closing(), Closing::Finish, "its close is still to be answered");
        end.advance(secs(30));
        assert_eq!((end.closing(), end.closed.clone().unwrap().is_clean), (Closing::Abort, false));
    }
}

#[test]
fn octet_by_octet_a_long_message_is_linear() {
    for (mut maker, mut machine) in both(|_| {}) {
        let frame = maker.frame(BINARY, &vec![7; 1 << 20]);
        let before = Heap::allocations();
        let events: usize = frame.iter().map(|byte| feed(&mut machine, &[*byte])).sum();
        assert_eq!(events, 1);
        // One a byte for what was handed over, and the growing buffer.
        assert!(Heap::allocations() - before < frame.len() + 100);
    }
}

#[test]
fn garbage_ends_it_at_once_and_politely() {
    let mut random = SplitMix64::new(3);
    for _ in 0..2_000 {
        for mut end in End::both(|_| {}) {
            let mut garbage = [0; 64];
            tidewire_core::Random::fill(&mut random, &mut garbage);
            end.input(&garbage);
            end.input(&garbage);
            end.eof();
            assert!(end.closed.is_some() && end.closing() == Closing::Abort);
            let written = end.frames();
            assert!(written.iter().filter(|frame| frame.opcode == CLOSE).count() <= 1);
            assert!(written.iter().all(|frame| frame.opcode == CLOSE || frame.opcode == PONG));
        }
    }
}
