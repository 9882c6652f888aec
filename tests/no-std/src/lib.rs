//! Links the core, all features on, into a library that has no std to fall back to.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

use tidewire_core::sse;

/// Parses `len` bytes at `bytes` and returns how many messages they hold.
///
/// # Safety
///
/// `bytes` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidewire_count_messages(bytes: *const u8, len: usize) -> usize {
    // SAFETY: promised by the caller.
    let chunk = unsafe { core::slice::from_raw_parts(bytes, len) };
    let mut parser = sse::Parser::new();
    let mut events = parser.feed(chunk);
    let mut count = 0;
    while let Some(item) = events.next() {
        count += usize::from(matches!(item, Ok(sse::Item::Message(_))));
    }
    count
}

/// Hands out nothing: this library is linked, never run.
struct NoMemory;

// SAFETY: a null pointer is the documented answer of an allocator without memory.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static MEMORY: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
