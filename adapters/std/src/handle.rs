use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tidewire_core::client::{Change, Restart, Source, State};

use crate::Clock;

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
        self.0.lock().status.state
    }

    /// Returns how the source is doing: as of its last rest, or of the last event that told of a change.
    pub fn status(&self) -> Status {
        self.0.lock().status.clone()
    }

    /// Has the driver look at what there is for its machine.
    pub(crate) fn ring(&self) {
        let waker = {
            let mut inner = self.0.lock();
            inner.rung = true;
            inner.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
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

/// How an event source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How far it is.
    pub state: State,
    /// How many connections were asked for, redirects included.
    pub attempt: u64,
    /// How many attempts failed in a row.
    pub failures: u32,
    /// Why the last attempt or connection that ended did, in words; it stays when the next one succeeds.
    pub last_error: Option<String>,
    /// The last event ID; empty when there is none.
    pub last_event_id: String,
    /// How long the first wait after a connection that was lost is, before jitter.
    pub reconnection_time: Duration,
    /// When the next attempt begins, while that is awaited.
    pub retry_at: Option<Instant>,
}

/// The driver's side of its [`Handle`]s.
#[derive(Debug)]
pub struct Control {
    shared: Arc<Shared>,
    clock: Clock,
    /// What the handles were last told.
    told: (State, u64),
}

impl Control {
    /// Makes the driver's side of a source that is told the time of `clock`.
    pub fn new(source: &Source, clock: Clock) -> Self {
        let status = Status {
            state: source.state(),
            attempt: source.attempt(),
            failures: source.failures(),
            last_error: None,
            last_event_id: source.last_event_id().to_owned(),
            reconnection_time: source.reconnection_time(),
            retry_at: None,
        };
        let told = (status.state, status.attempt);
        let inner = Mutex::new(Inner { asked: None, rung: false, status, waker: None });
        Self { shared: Arc::new(Shared { any: AtomicBool::new(false), inner }), clock, told }
    }

    /// Returns a handle to give away.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Tells the handles when the source's state or attempt is another, and takes what was asked since the last call; of
    /// several things the last, but closing before all. A busy stream pays a look at an atomic.
    #[inline]
    pub fn take(&mut self, source: &Source) -> Option<Asked> {
        let now = (source.state(), source.attempt());
        if self.told != now {
            self.told = now;
            self.shared.lock().update(source);
        }
        if self.shared.any.load(Ordering::Acquire) { self.take_asked() } else { None }
    }

    #[cold]
    fn take_asked(&self) -> Option<Asked> {
        let mut inner = self.shared.lock();
        self.shared.any.store(false, Ordering::Release);
        inner.asked.take()
    }

    /// Returns whether something was asked that was not taken.
    pub fn is_asked(&self) -> bool {
        self.shared.any.load(Ordering::Acquire)
    }

    /// Tells the handles of what an event changed, before the application gets it.
    #[inline]
    pub fn tell(&mut self, source: &Source, change: Option<Change<'_>>) {
        if let Some(change) = change {
            self.tell_change(source, change);
        }
    }

    fn tell_change(&mut self, source: &Source, change: Change<'_>) {
        let (error, retry_at) = match change {
            Change::Disconnected { reason, retry_at, .. } => (Some(reason.to_string()), self.clock.to_std(retry_at)),
            Change::Closed(reason) => (Some(reason.to_string()), None),
            Change::Opened { .. } => (None, None),
        };
        self.told = (source.state(), source.attempt());
        let mut inner = self.shared.lock();
        inner.update(source);
        inner.status.retry_at = retry_at;
        if error.is_some() {
            inner.status.last_error = error;
        }
    }

    /// Tells the handles all about the source, which is going to rest, and has the task woken when something is asked, or there is
    /// something for its machine; true when so it is already.
    pub fn watch(&self, context: &Context<'_>, source: &Source) -> bool {
        let mut inner = self.shared.lock();
        inner.update(source);
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        mem::take(&mut inner.rung) || inner.asked.is_some()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.status.state = State::Closed;
        inner.status.retry_at = None;
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
    /// Whether there is something for the machine.
    rung: bool,
    status: Status,
    waker: Option<Waker>,
}

impl Inner {
    fn update(&mut self, source: &Source) {
        let status = &mut self.status;
        if status.attempt != source.attempt() {
            status.retry_at = None;
        }
        status.state = source.state();
        status.attempt = source.attempt();
        status.failures = source.failures();
        status.reconnection_time = source.reconnection_time();
        if status.last_event_id != source.last_event_id() {
            source.last_event_id().clone_into(&mut status.last_event_id);
        }
    }
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

    use tidewire_core::client::{Event, Reconnect};
    use tidewire_core::{Instant, Protocol, client};

    use super::*;

    const NOW: Instant = Instant::START;

    fn machine() -> client::EventSource {
        let config = client::Config::new("http://localhost/".parse().expect("a URL"));
        client::EventSource::new(config, 1, NOW)
    }

    /// A source whose stream is open, and its first event.
    fn open(machine: &mut client::EventSource, body: &str) -> Event {
        let attempt = machine.poll_connect(NOW).expect("is due").attempt;
        machine.handle_connected(NOW, attempt);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        machine.handle_input(NOW, format!("{head}{body}").as_bytes());
        machine.poll_event().expect("opened")
    }

    #[test]
    fn what_is_asked_comes_once_and_closing_wins() {
        let mut machine = machine();
        let mut control = Control::new(machine.source(), Clock::start());
        let handle = control.handle();
        assert_eq!(control.take(machine.source()), None);
        open(&mut machine, "");
        assert_eq!(control.take(machine.source()), None);
        assert_eq!(handle.state(), State::Open);
        handle.restart(Restart::AfterDelay);
        handle.restart(Restart::AtOnce);
        assert_eq!(control.take(machine.source()), Some(Asked::Restart(Restart::AtOnce)));
        handle.close();
        handle.restart(Restart::AfterDelay);
        assert_eq!(control.take(machine.source()), Some(Asked::Close));
        assert_eq!(control.take(machine.source()), None);
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
        let machine = machine();
        let control = Control::new(machine.source(), Clock::start());
        assert!(!control.watch(&context, machine.source()));
        control.handle().close();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(control.watch(&context, machine.source()));
    }

    #[test]
    fn a_dropped_source_is_closed() {
        let control = Control::new(machine().source(), Clock::start());
        let handle = control.handle();
        drop(control);
        assert_eq!(handle.state(), State::Closed);
    }

    #[test]
    fn the_status_follows_the_source() {
        let (mut machine, clock) = (machine(), Clock::start());
        let mut control = Control::new(machine.source(), clock);
        let handle = control.handle();
        let context = Context::from_waker(Waker::noop());
        let status = handle.status();
        assert_eq!((status.state, status.attempt, status.last_error), (State::Connecting, 0, None));

        let event = open(&mut machine, "retry: 7\nid: 5\ndata: x\n\n");
        control.tell(machine.source(), client::EventSource::change(&event));
        let status = handle.status();
        assert_eq!((status.state, status.attempt, &*status.last_event_id), (State::Open, 1, ""));
        while machine.poll_event().is_some() {}
        control.watch(&context, machine.source());
        let status = handle.status();
        assert_eq!((&*status.last_event_id, status.reconnection_time), ("5", Duration::from_millis(7)));

        machine.handle_reset(NOW);
        let event = machine.poll_event().expect("disconnected");
        control.tell(machine.source(), client::EventSource::change(&event));
        let Event::Disconnected { retry_at, .. } = event else { panic!("{event}") };
        let status = handle.status();
        assert_eq!(status.state, State::Connecting);
        assert_eq!(status.last_error.as_deref(), Some("the connection broke"));
        assert_eq!(status.retry_at, clock.to_std(retry_at));

        machine.handle_timeout(retry_at);
        machine.poll_connect(retry_at).expect("is due");
        control.take(machine.source());
        let status = handle.status();
        assert_eq!((status.attempt, status.retry_at), (2, None));
        assert!(status.last_error.is_some());
    }
}
