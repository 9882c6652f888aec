//! What reading frames costs in memory: lent, nothing; owned, one allocation a message; between messages, nothing. The whole test
//! counts, so it stands alone in its binary.

use tidewire_core::ws::{
    Agreed, Config, Connection, Event, FrameHeader, Item, Limits, Opcode, OwnedItem, Reader, Role, encode_frame,
};
use tidewire_core::{Instant, Protocol};
use tidewire_tests::heap::Heap;
use tidewire_tests::naive_ws::frame;

#[global_allocator]
static HEAP: Heap = Heap;

const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
const MESSAGES: usize = 1000;

#[test]
fn lent_messages_allocate_nothing() {
    let mut stream =
        [frame(0x81, KEY, "zw\u{f6}lf".as_bytes()), frame(0x82, KEY, &[0; 200]), frame(0x89, KEY, b"p")].concat();
    stream = stream.repeat(MESSAGES);
    let mut reader = Reader::new(Role::Server, Limits::default());
    let (before, mut at, mut found) = (Heap::allocations(), 0, 0);
    while let (used, Some(_)) = reader.read(&mut stream[at..]).expect("good frames") {
        (at, found) = (at + used, found + 1);
    }
    assert_eq!((found, Heap::allocations() - before), (3 * MESSAGES, 0));
}

#[test]
fn owned_messages_allocate_once() {
    let whole = [frame(0x81, KEY, b"text"), frame(0x82, KEY, &[0; 200]), frame(0x8a, KEY, b"p")].concat();
    let reason = frame(0x88, KEY, b"\x03\xe8reason");
    let mut stream = [whole.repeat(MESSAGES), reason].concat();
    let mut reader = Reader::new(Role::Server, Limits::default());
    let (before, mut at, mut kept) = (Heap::allocations(), 0, Vec::with_capacity(3 * MESSAGES + 1));
    let reserved = Heap::allocations() - before;
    while let (used, Some(item)) = reader.read_owned(&mut stream[at..]).expect("good frames") {
        at += used;
        kept.push(item);
    }
    assert_eq!((kept.len(), Heap::allocations() - before - reserved), (3 * MESSAGES + 1, 3 * MESSAGES + 1));
}

#[test]
fn a_connection_allocates_once_a_message_that_comes_alone() {
    let messages = [
        frame(0x81, KEY, b"text"),
        frame(0x81, KEY, &[b'x'; 1024]),
        frame(0x82, KEY, &[7; 200]),
        frame(0x82, KEY, &[7; 60_000]),
    ];
    let mut connection = Connection::server(Config::default(), &Agreed::default(), Instant::START);
    for message in &messages {
        let before = Heap::allocations();
        for _ in 0..MESSAGES {
            connection.handle_input(Instant::START, message);
            let Some(Event::Message(_)) = connection.poll_event() else { panic!("no message") };
            assert_eq!(connection.poll_event(), None);
        }
        assert_eq!(Heap::allocations() - before, MESSAGES, "{} bytes", message.len());
    }
}

#[test]
fn message_of_a_cut_frame_is_owned_without_a_copy() {
    for first in [0x81, 0x82] {
        for len in [200, 3000, 100_000] {
            let stream = frame(first, KEY, &vec![b'x'; len]);
            for at in [4, 10, 100] {
                let (mut before, mut after) = (stream[..at].to_vec(), stream[at..].to_vec());
                let mut reader = Reader::new(Role::Server, Limits::default());
                let (live, allocations) = (Heap::live(), Heap::allocations());
                assert_eq!(reader.read_owned(&mut before), Ok((at, None)));
                let (_, item) = reader.read_owned(&mut after).expect("a good frame");
                let Some(OwnedItem::Message(message)) = item else { panic!("{item:?}") };
                assert_eq!(message.len(), len);
                // Of a long message only a part is believed before it comes.
                let most = if len > 4096 { 2 } else { 1 };
                assert!(Heap::allocations() - allocations <= most, "{len} cut at {at}");
                assert!(Heap::live() - live <= len as isize, "nothing else is held");
            }
        }
    }
}

#[test]
fn memory_is_given_back_between_messages() {
    let text = "\u{20ac}".repeat(30_000);
    for first in [0x01, 0x02] {
        let stream =
            [frame(first, KEY, text.as_bytes()), frame(0x89, KEY, b"ping"), frame(0x80, KEY, text.as_bytes())].concat();
        for owned in [false, true] {
            let mut reader = Reader::new(Role::Server, Limits::default());
            let before = Heap::live();
            for chunk in stream.chunks(1000) {
                let mut chunk = chunk.to_vec();
                let mut at = 0;
                loop {
                    let (used, found) = if owned {
                        let (used, item) = reader.read_owned(&mut chunk[at..]).expect("good frames");
                        (used, item.is_some())
                    } else {
                        let (used, item) = reader.read(&mut chunk[at..]).expect("good frames");
                        (used, item.is_some())
                    };
                    at += used;
                    if !found {
                        break;
                    }
                }
            }
            assert_eq!(Heap::live() - before, 0, "owned: {owned}");
        }
    }
}

#[test]
fn memory_is_given_back_at_a_fault_and_behind_a_close_frame() {
    for (first, end) in
        [(0x01, frame(0x80, KEY, b"\xff")), (0x02, frame(0x83, KEY, b"")), (0x02, frame(0x88, KEY, b""))]
    {
        let mut begun = frame(first, KEY, &[b'x'; 3000]);
        let mut reader = Reader::new(Role::Server, Limits::default());
        let (before, len) = (Heap::live(), begun.len());
        assert_eq!(reader.read(&mut begun), Ok((len, None)));
        assert!(Heap::live() > before);
        let mut end = end;
        if reader.read(&mut end).is_ok() {
            assert!(reader.is_closed());
            assert_eq!(reader.read(&mut []), Ok((0, None)));
        }
        assert!(Heap::live() <= before, "{} bytes held", Heap::live() - before);
    }
}

/// Announced is not come: an attacker pays for the memory that it takes.
#[test]
fn announced_bytes_reserve_little() {
    for first in [0x81, 0x82, 0x01, 0x02] {
        let mut stream = frame(first, KEY, &vec![b'x'; 1 << 20]);
        for (come, most) in [(14, 0), (15, 4096), (1000, 4096), (10_000, 20_000), (600_000, 1 << 20)] {
            let mut reader = Reader::new(Role::Server, Limits::default());
            let before = Heap::live();
            reader.read(&mut stream.clone()[..come]).expect("a good frame");
            let held = Heap::live() - before;
            assert!(held <= most, "{held} bytes held when {come} had come");
        }
        stream.clear();
    }
}

/// Twofold growth: however small the pieces, the bytes are copied a few times at most.
#[test]
fn long_message_is_gathered_in_linear_work() {
    const LEN: usize = 16 << 20;
    let mut limits = Limits::default();
    (limits.max_frame, limits.max_message, limits.max_fragments) = (LEN, LEN, LEN);
    for (opcode, len, size) in [(Opcode::Text, 1 << 18, 1), (Opcode::Binary, 1 << 18, 1), (Opcode::Text, LEN, 1000)] {
        let mut stream = Vec::new();
        encode_frame(FrameHeader { mask: KEY, ..FrameHeader::new(opcode, 0) }, &vec![b'x'; len], &mut stream);
        let mut reader = Reader::new(Role::Server, limits);
        let before = Heap::allocations();
        let mut found = 0;
        for chunk in stream.chunks_mut(size) {
            if let (_, Some(Item::Text(_) | Item::Binary(_))) = reader.read(chunk).expect("good") {
                found += 1;
            }
        }
        assert_eq!(found, 1);
        assert!(Heap::allocations() - before < 20, "{} allocations", Heap::allocations() - before);
    }
    // Fragments of one byte: a frame each.
    let mut reader = Reader::new(Role::Client, limits);
    let before = Heap::allocations();
    reader.read(&mut [0x02, 1, b'x']).expect("good");
    for _ in 0..1 << 17 {
        reader.read(&mut [0x00, 1, b'x']).expect("good");
    }
    assert!(Heap::allocations() - before < 20, "{} allocations", Heap::allocations() - before);
}
