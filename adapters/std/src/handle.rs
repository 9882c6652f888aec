use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tidewire_core::client::{Restart, State};

/// Closes, restarts and watches an event source from any task or thread, also while its `next()` waits; clones are equals.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

impl Handle {
    /// Ends the source for good: `next()` returns the closing event, then none. Again, or after the end: does nothing.
    pub fn close(&self) {
        self.ask(Asked::Close);
    }

    /// Ends the current connection, or the wait for the next one, and connects anew; does nothing after the end.
    pub fn restart(&self, restart: Restart) {
        self.ask(Asked::Restart(restart));
    }

    /// Returns how far the source was when it was last awaited; closed when it was dropped.
    pub fn state(&self) -> State {
        self.0.lock().state
    }

    fn ask(&self, what: Asked) {
        let waker = {
            let mut inner = self.0.lock();
            if inner.asked != Some(Asked::Close) {
                inner.asked = Some(what);
            }
            self.0.any.store(true, Ordering::Release);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The driver's side of its [`Handle`]s.
#[derive(Debug)]
pub struct Control {
    shared: Arc<Shared>,
    state: State,
}

impl Control {
    /// Makes the driver's side of a source in `state`.
    pub fn new(state: State) -> Self {
        let inner = Mutex::new(Inner { asked: None, state, waker: None });
        Self { shared: Arc::new(Shared { any: AtomicBool::new(false), inner }), state }
    }

    /// Returns a handle to give away.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Tells the handles the source's `state`, and takes what was asked since the last call; of several things the last, but
    /// closing before all.
    pub fn take(&mut self, state: State) -> Option<Asked> {
        if state != self.state {
            self.state = state;
            self.shared.lock().state = state;
        }
        if !self.shared.any.load(Ordering::Acquire) {
            return None;
        }
        let mut inner = self.shared.lock();
        self.shared.any.store(false, Ordering::Release);
        inner.asked.take()
    }

    /// Has the task woken when something is asked; true when something was already.
    pub fn watch(&self, context: &Context<'_>) -> bool {
        let mut inner = self.shared.lock();
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        inner.asked.is_some()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.shared.lock().state = State::Closed;
    }
}

/// What the application asked of an event source through a [`Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// End for good.
    Close,
    /// Connect anew.
    Restart(Restart),
}

#[derive(Debug)]
struct Shared {
    /// Whether anything was asked: a look at it is all that a busy stream pays.
    any: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    asked: Option<Asked>,
    state: State,
    waker: Option<Waker>,
}

impl Shared {
    /// Nothing that holds the lock panics, so what a poisoned lock guards is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[test]
    fn what_is_asked_comes_once_and_closing_wins() {
        let mut control = Control::new(State::Connecting);
        let handle = control.handle();
        assert_eq!(control.take(State::Open), None);
        assert_eq!(handle.state(), State::Open);
        handle.restart(Restart::AfterDelay);
        handle.restart(Restart::AtOnce);
        assert_eq!(control.take(State::Open), Some(Asked::Restart(Restart::AtOnce)));
        handle.close();
        handle.restart(Restart::AfterDelay);
        assert_eq!(control.take(State::Open), Some(Asked::Close));
        assert_eq!(control.take(State::Open), None);
    }

    #[test]
    fn asking_wakes_who_watches_and_is_seen_by_who_begins_to() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let control = Control::new(State::Connecting);
        assert!(!control.watch(&context));
        control.handle().close();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(control.watch(&context));
    }

    #[test]
    fn a_dropped_source_is_closed() {
        let control = Control::new(State::Connecting);
        let handle = control.handle();
        drop(control);
        assert_eq!(handle.state(), State::Closed);
    }
}
