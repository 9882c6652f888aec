//! Counts what each parser allocates per event: `allocations`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use tidewire_benches::feed::cut;
use tidewire_benches::parsers::{self, Kind};
use tidewire_benches::sink::Sink;
use tidewire_benches::workloads;

/// The system's allocator, counting.
struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size.saturating_sub(layout.size()) as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    println!("allocations and bytes allocated per event");
    for size in [1400, 16 << 10] {
        for workload in workloads::ALL {
            let chunks = cut(&workload.stream(2 << 20), size);
            println!("\n{} in chunks of {size}", workload.name);
            for contestant in parsers::ALL.into_iter().filter(|one| one.kind != Kind::Bound) {
                let mut sink = Sink::default();
                let before = (COUNT.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
                (contestant.parse)(&chunks, &mut sink);
                let count = COUNT.load(Ordering::Relaxed) - before.0;
                let bytes = BYTES.load(Ordering::Relaxed) - before.1;
                let events = sink.sums().0.max(1) as f64;
                println!("  {:<20} {:>8.3} {:>12.1}", contestant.name, count as f64 / events, bytes as f64 / events);
            }
        }
    }
}
