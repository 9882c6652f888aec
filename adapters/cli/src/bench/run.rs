//! What all threads of a run share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stamp::Stamps;

/// One clock, one kind of mark, and whether anything was published.
#[derive(Debug)]
pub(super) struct Run {
    start: Instant,
    pub(super) stamps: Stamps,
    published: AtomicBool,
}

impl Run {
    pub(super) fn start() -> Self {
        let stamps = Stamps::new(tidewire_std::seed());
        Self { start: Instant::now(), stamps, published: AtomicBool::new(false) }
    }

    /// Returns the microseconds since the start.
    pub(super) fn now(&self) -> u64 {
        micros(self.start.elapsed())
    }

    /// Returns when so many microseconds have passed since the start.
    pub(super) fn at(&self, micros: u64) -> Instant {
        self.start + Duration::from_micros(micros)
    }

    /// Notes that from here on messages are published: who opens later need not get them all.
    pub(super) fn begin_publishing(&self) {
        self.published.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_publishing(&self) -> bool {
        self.published.load(Ordering::SeqCst)
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Locks what a thread that panicked may have left: counts are whole after each step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
