//! What the body of a stream costs: a bounded state for each, and no allocation for a burst that is given to it. The whole test
//! counts, so it stands alone in its binary.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/bodies.rs"]
mod bodies;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bodies::{Follower, follow, get, server};
use tidewire_core::Instant;
use tidewire_core::channels::Config;
use tidewire_core::sse::Message;
use tidewire_http::Timer;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_burst_is_given_without_an_allocation_and_an_idle_body_is_small() {
    let events = server::<Still>(Config::default());
    let mut warm = opened(&events);
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    let mut followers: Vec<Follower> = Vec::with_capacity(READERS);
    followers.extend((0..READERS).map(|_| opened(&events)));
    let each = (LIVE_BYTES.load(Ordering::Relaxed) - before) / READERS;
    println!("{each} bytes for each idle body, its response and its reader");
    assert!(each <= 2_000, "{each}");

    // The first rounds let queues grow.
    for (round, burst) in [1, 16, 1, 16].into_iter().enumerate() {
        for number in 0..burst {
            events.server().publisher().publish(["news"], &Message::new(number.to_string())).unwrap();
        }
        // Makes the bytes that all share.
        take(&mut warm);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for follower in &mut followers {
            take(follower);
        }
        let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert!(round < 2 || allocated == 0, "{allocated} for {READERS} deliveries of {burst}");
    }

    // A reader that is not asked costs its cursor only: what is published is kept once.
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    for _ in 0..100 {
        events.server().publisher().publish(["news"], &Message::new("x".repeat(1_000))).unwrap();
    }
    let kept = LIVE_BYTES.load(Ordering::Relaxed) - before;
    assert!(kept < 100 * 2 * 1_400, "{kept} bytes for 100 publications of 1,000 and {READERS} readers");
}

/// A timer that never goes off: those of runtimes have a thread that would be counted with this one.
#[derive(Default)]
struct Still;

impl Timer for Still {
    fn now(&self) -> Instant {
        Instant::START
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

/// Follows, and has nothing to be given.
fn opened(events: &tidewire_http::Events) -> Follower {
    let mut follower = follow(events, get("/news"));
    take(&mut follower);
    follower
}

/// Takes the one frame that there is.
fn take(follower: &mut Follower) {
    assert!(matches!(follower.look(), Poll::Ready(Some(Ok(_)))));
    assert!(follower.look().is_pending());
}

const READERS: usize = 1_000;
