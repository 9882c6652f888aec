use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
#[cfg(feature = "server")]
use std::time::{Duration, Instant};

/// Those who wait for one thing to change: one waker for each, taken out when its wait is given up.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// In the order in which they began to wait, with their numbers.
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

impl Waiters {
    /// Has the one who waits as `id` woken at the next change; the first time it is given one.
    pub(crate) fn wait(&mut self, id: &mut Option<u64>, context: &Context<'_>) {
        let id = *id.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.wakers.iter_mut().find(|(waits, _)| *waits == id) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => self.wakers.push((id, context.waker().clone())),
        }
    }

    /// Forgets the one who waited as `id`.
    pub(crate) fn leave(&mut self, id: Option<u64>) {
        if let Some(id) = id {
            self.wakers.retain(|(waits, _)| *waits != id);
        }
    }

    /// Returns all who wait, to be woken when no lock is held.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.wakers).into_iter().map(|(_, waker)| waker)
    }
}

/// Waits on this thread for a future of ours.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Some(output) = poll_parked(future.as_mut()) {
            return output;
        }
        thread::park();
    }
}

#[cfg(feature = "server")]
/// Does what [`block_on`] does for as long as `patience`.
pub(crate) fn block_for<F: Future>(future: F, patience: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    let begun = Instant::now();
    loop {
        if let Some(output) = poll_parked(future.as_mut()) {
            return Some(output);
        }
        let left = patience.checked_sub(begun.elapsed()).filter(|left| !left.is_zero())?;
        thread::park_timeout(left);
    }
}

fn poll_parked<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    match future.poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
