//! An allocator that counts what each thread holds: `#[global_allocator] static HEAP: Heap = Heap;` in a test that asks.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting.
#[derive(Debug)]
pub struct Heap;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

impl Heap {
    /// Returns the bytes that this thread has allocated and not given back.
    pub fn live() -> isize {
        LIVE.get()
    }

    /// Returns how often this thread has allocated, growing included.
    pub fn allocations() -> usize {
        ALLOCATIONS.get()
    }

    fn count(bytes: isize) {
        // A thread that ends gives back its last without being counted.
        let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
        if bytes > 0 {
            let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        }
    }
}

// SAFETY: every call is the system allocator's, counted.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
