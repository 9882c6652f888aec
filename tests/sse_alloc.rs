//! What reading costs in memory: lent, nothing; kept, one allocation an event. The whole test counts, so it stands alone in its binary.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use tidewire_core::sse::{Item, Parser};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const EVENTS: usize = 1_000;

#[test]
fn lent_events_allocate_nothing_and_kept_ones_once() {
    let whole = "event: delta\ndata: {\"text\":\"zwölf\"}\n\n: a comment\ndata: x\r\n\r\nretry: 5\n".repeat(EVENTS / 2);
    let mut parser = Parser::new();
    assert_eq!(lend(&mut parser, whole.as_bytes(), whole.len()), (EVENTS, 0));
    assert_eq!(parser.allocated(), 0, "nothing was copied");

    // Ids, several data lines and cuts need buffers, which serve again.
    let copied = "id: 17\nevent: delta\ndata: one\ndata: two\n\n".repeat(EVENTS);
    for size in [copied.len(), 1_399, 7, 1] {
        lend(&mut parser, copied.as_bytes(), size);
        assert_eq!(lend(&mut parser, copied.as_bytes(), size), (EVENTS, 0), "in chunks of {size}");
    }

    let (mut kept, before) = (Vec::with_capacity(EVENTS), allocations());
    let mut events = parser.feed(copied.as_bytes());
    while let Some(item) = events.next() {
        kept.push(item.expect("it is lenient").to_owned());
    }
    assert_eq!((kept.len(), allocations() - before), (EVENTS, EVENTS));
}

/// Feeds the stream in chunks of `size` bytes; returns how many messages came, and how many allocations that took.
fn lend(parser: &mut Parser, stream: &[u8], size: usize) -> (usize, usize) {
    let (mut messages, before) = (0, allocations());
    for chunk in stream.chunks(size) {
        let mut events = parser.feed(chunk);
        while let Some(item) = events.next() {
            messages += usize::from(matches!(item, Ok(Item::Message(_))));
        }
    }
    (messages, allocations() - before)
}

fn allocations() -> usize {
    ALLOCATIONS.load(Ordering::Relaxed)
}
