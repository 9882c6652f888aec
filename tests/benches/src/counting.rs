//! The system's allocator, counting where that is asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts from [`start`](Self::start) to [`stop`](Self::stop), in all threads; in between a look at a flag is all it costs.
#[derive(Debug)]
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

impl Counting {
    /// Begins to count.
    pub fn start() {
        COUNTS.store(true, Ordering::Relaxed);
    }

    /// Counts no more.
    pub fn stop() {
        COUNTS.store(false, Ordering::Relaxed);
    }

    /// Returns how many allocations there were, growing ones among them, and of how many bytes.
    pub fn sums() -> (u64, u64) {
        (COUNT.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
    }

    /// Returns how many of those bytes were not given back: of what was allocated before it was counted, less.
    pub fn live() -> i64 {
        BYTES.load(Ordering::Relaxed) as i64 - FREED.load(Ordering::Relaxed) as i64
    }

    fn count_freed(bytes: usize) {
        if COUNTS.load(Ordering::Relaxed) {
            FREED.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn count(bytes: usize) {
        if COUNTS.load(Ordering::Relaxed) {
            COUNT.fetch_add(1, Ordering::Relaxed);
            BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

// SAFETY: everything is passed on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        Self::count_freed(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size.saturating_sub(layout.size()));
        Self::count_freed(layout.size().saturating_sub(size));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}
