use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tidewire_core::Instant;
use tidewire_core::log::Burst;
use tidewire_core::server::{CloseReason, Heartbeat, Outlet};
use tidewire_core::sse::{EventWriter, NameError, ToMessage};

use crate::waiters::{Waiters, block_on};

/// A stream of one reader, written to from anywhere: an event at a time, field by field, in the order of the calls.
///
/// It is handed to the reader by an [`EventServer`](crate::EventServer); who publishes before that waits. Handles are clones.
/// When the last one is dropped, or one is [closed](Self::close), what was accepted is written and the stream ends.
pub struct Route {
    inner: Arc<Inner>,
}

impl Route {
    /// Makes a stream that waits for its reader.
    pub fn new() -> Self {
        let state = State {
            phase: Phase::Waiting,
            handles: 1,
            queue: Vec::new(),
            accepted: 0,
            given: 0,
            written: 0,
            heartbeat: None,
            last_event_id: None,
            waiters: Waiters::default(),
            driver: None,
        };
        Self { inner: Arc::new(Inner { state: Mutex::new(state) }) }
    }

    /// Waits until there is a reader that has room, writes one event, and waits until it is written to the reader's socket.
    ///
    /// Awaited before `serve` in the same task, it waits for ever, since nobody can read yet.
    ///
    /// `write` is called once, when there is room, and what it writes arrives as one block; when it fails, nothing of it does.
    /// Events of several tasks arrive in the order in which they were accepted. When the wait is given up, an event that was
    /// not accepted yet is never written, and one that was is.
    ///
    /// # Errors
    ///
    /// [`RouteError::Write`] when `write` fails, and [`RouteError::Over`] when the stream was closed, or the reader went away
    /// before the event was written.
    pub async fn publish_event<E>(
        &self,
        write: impl FnOnce(&mut EventWriter<'_>) -> Result<(), E>,
    ) -> Result<(), RouteError<E>> {
        self.has_room().await?;
        let Some(ticket) = self.accept(write)? else { return Ok(()) };
        self.written(ticket).await.map_err(RouteError::Over)
    }

    /// Does what [`publish_event`](Self::publish_event) does, on a thread that may block.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn publish_event_blocking<E>(
        &self,
        write: impl FnOnce(&mut EventWriter<'_>) -> Result<(), E>,
    ) -> Result<(), RouteError<E>> {
        block_on(self.publish_event(write))
    }

    /// Does what [`publish_event`](Self::publish_event) does with a message.
    ///
    /// # Errors
    ///
    /// As there; [`RouteError::Write`] when its event type or id cannot be sent.
    pub async fn publish(&self, message: &(impl ToMessage + ?Sized)) -> Result<(), RouteError<NameError>> {
        let mut block = Vec::new();
        message.encode_to(&mut block).map_err(RouteError::Write)?;
        self.has_room().await?;
        let Some(ticket) = self.queue(block)? else { return Ok(()) };
        self.written(ticket).await.map_err(RouteError::Over)
    }

    /// Writes one event as far as that goes without waiting: it is accepted, and on its way.
    ///
    /// # Errors
    ///
    /// As [`publish_event`](Self::publish_event), and [`RouteError::NoReader`] and [`RouteError::Full`] where that waits.
    pub fn try_publish_event<E>(
        &self,
        write: impl FnOnce(&mut EventWriter<'_>) -> Result<(), E>,
    ) -> Result<(), RouteError<E>> {
        self.lock().room()?;
        self.accept(write).map(drop)
    }

    /// Waits until there is a reader.
    ///
    /// # Errors
    ///
    /// How the stream ended, if it has.
    pub async fn served(&self) -> Result<(), RouteEnd> {
        self.wait(|state| match &state.phase {
            Phase::Waiting => None,
            Phase::Serving | Phase::Closing(_) => Some(Ok(())),
            Phase::Over(end) => Some(Err(*end)),
        })
        .await
    }

    /// Waits until all that was accepted so far is written.
    ///
    /// # Errors
    ///
    /// How the stream ended, when it ended before.
    pub async fn flushed(&self) -> Result<(), RouteEnd> {
        let ticket = self.lock().accepted;
        self.written(ticket).await
    }

    /// Waits until the stream is over, and returns why.
    pub async fn ended(&self) -> RouteEnd {
        self.wait(|state| state.phase.end()).await
    }

    /// Ends the stream when what was accepted is written; nothing more is accepted. Of a stream that has ended nothing becomes.
    pub fn close(&self) {
        let woken = self.lock().close(RouteEnd::Closed);
        wake(woken);
    }

    /// Cuts the stream off, with what still waits in it: its reader is not to take this for the end, as when what feeds it has
    /// failed in the middle.
    pub fn abort(&self) {
        let woken = {
            let mut state = self.lock();
            state.queue = Vec::new();
            if let Phase::Closing(_) = state.phase {
                state.phase = Phase::Closing(RouteEnd::Aborted);
            }
            state.close(RouteEnd::Aborted)
        };
        wake(woken);
    }

    /// Changes what keeps this stream alive, or nothing does (`None`): at once, or when the reader comes.
    pub fn set_heartbeat(&self, heartbeat: Option<Heartbeat>) {
        let driver = {
            let mut state = self.lock();
            state.heartbeat = Some(heartbeat);
            state.driver.take()
        };
        driver.into_iter().for_each(Waker::wake);
    }

    /// Tells whether there is a reader.
    pub fn is_served(&self) -> bool {
        matches!(self.lock().phase, Phase::Serving)
    }

    /// Returns how the stream ended, if it has.
    pub fn end(&self) -> Option<RouteEnd> {
        self.lock().phase.end()
    }

    /// Returns the last event ID that the reader brought, if there is a reader and it brought one.
    pub fn last_event_id(&self) -> Option<String> {
        self.lock().last_event_id.clone()
    }

    /// Takes the reader's place, of which there is one, for who drives its stream.
    pub fn seat(&self, last_event_id: Option<&str>) -> Option<RouteSeat> {
        let woken = {
            let mut state = self.lock();
            let Phase::Waiting = state.phase else { return None };
            state.phase = Phase::Serving;
            state.last_event_id = last_event_id.map(str::to_owned);
            state.waiters.take()
        };
        wake(woken);
        Some(RouteSeat { inner: Arc::clone(&self.inner) })
    }

    /// Runs `write` without the lock, so that it may do what it likes, and queues what it wrote; none when that is nothing.
    fn accept<E>(
        &self,
        write: impl FnOnce(&mut EventWriter<'_>) -> Result<(), E>,
    ) -> Result<Option<u64>, RouteError<E>> {
        let mut block = Vec::new();
        EventWriter::compose(&mut block, write).map_err(RouteError::Write)?;
        self.queue(block)
    }

    fn queue<E>(&self, mut block: Vec<u8>) -> Result<Option<u64>, RouteError<E>> {
        let (ticket, driver) = {
            let mut state = self.lock();
            match state.phase {
                Phase::Waiting => return Err(RouteError::NoReader),
                Phase::Serving => {}
                Phase::Closing(end) | Phase::Over(end) => return Err(RouteError::Over(end)),
            }
            if block.is_empty() {
                return Ok(None);
            }
            state.queue.append(&mut block);
            state.accepted += 1;
            (state.accepted, state.driver.take())
        };
        driver.into_iter().for_each(Waker::wake);
        Ok(Some(ticket))
    }

    async fn has_room<E>(&self) -> Result<(), RouteError<E>> {
        self.wait(|state| match state.room() {
            Err(RouteError::Full | RouteError::NoReader) => None,
            other => Some(other),
        })
        .await
    }

    async fn written(&self, ticket: u64) -> Result<(), RouteEnd> {
        self.wait(|state| match state.phase.end() {
            _ if state.written >= ticket => Some(Ok(())),
            Some(end) => Some(Err(end)),
            None => None,
        })
        .await
    }

    /// Waits until `look` sees something; giving up leaves nothing behind.
    async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut waiting = Waiting { inner: &self.inner, id: None };
        poll_fn(|context| {
            let mut state = waiting.inner.lock();
            match look(&mut state) {
                Some(seen) => Poll::Ready(seen),
                None => {
                    state.waiters.wait(&mut waiting.id, context);
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock()
    }
}

impl Default for Route {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Route {
    fn clone(&self) -> Self {
        self.lock().handles += 1;
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.lock();
            state.handles -= 1;
            (state.handles == 0).then(|| state.close(RouteEnd::Closed))
        };
        wake(woken.into_iter().flatten());
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let mut shown = f.debug_struct("Route");
        shown.field("phase", &state.phase).field("waiting", &state.queue.len()).finish_non_exhaustive()
    }
}

/// How a [`Route`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteEnd {
    /// It was closed by its application.
    Closed,
    /// It was cut off by its application.
    Aborted,
    /// Its connection ended: the reader went away or did not read, or the server ends.
    Gone(CloseReason),
}

impl fmt::Display for RouteEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the stream was closed"),
            Self::Aborted => f.write_str("the stream was cut off"),
            Self::Gone(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for RouteEnd {}

/// Why an event was not published on a [`Route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError<E> {
    /// There is no reader yet.
    NoReader,
    /// More than 64 KiB wait to be written: the reader does not read fast enough.
    Full,
    /// The stream is over.
    Over(RouteEnd),
    /// What was to write the event failed.
    Write(E),
}

impl<E: fmt::Display> fmt::Display for RouteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader => f.write_str("there is no reader yet"),
            Self::Full => f.write_str("too much waits to be written already"),
            Self::Over(end) => end.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for RouteError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Over(end) => Some(end),
            Self::Write(error) => Some(error),
            Self::NoReader | Self::Full => None,
        }
    }
}

/// The reader's end of a [`Route`], which feeds its stream. Dropping it leaves: the reader went away.
pub struct RouteSeat {
    inner: Arc<Inner>,
}

impl RouteSeat {
    /// Gives the stream what it is to send next, and has the task woken when there is more.
    pub fn feed(&self, context: &Context<'_>, now: Instant, outlet: &mut impl Outlet) -> RouteFed {
        let mut state = self.inner.lock();
        if state.given > state.written && outlet.is_written() {
            state.written = state.given;
            let woken = state.waiters.take();
            drop(state);
            wake(woken);
            state = self.inner.lock();
        }
        if let Some(heartbeat) = state.heartbeat.take() {
            outlet.set_heartbeat(now, heartbeat);
            return RouteFed::Some;
        }
        if !state.queue.is_empty() && outlet.wants_publications() {
            let burst = Burst::new(&mem::take(&mut state.queue));
            state.given = state.accepted;
            drop(state);
            // It was asked whether it wants it.
            let _ = outlet.push_burst(now, &burst);
            return RouteFed::Some;
        }
        if let Phase::Closing(end) = state.phase
            && (state.written == state.accepted || end == RouteEnd::Aborted)
        {
            drop(state);
            self.over(end);
            return RouteFed::End(end);
        }
        match &mut state.driver {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        RouteFed::None
    }

    /// Ends the stream when what was accepted is written.
    pub fn close(&self, end: RouteEnd) {
        let woken = self.inner.lock().close(end);
        wake(woken);
    }

    /// Notes how the stream ended; the first word on that counts.
    pub fn over(&self, end: RouteEnd) {
        let woken = {
            let mut state = self.inner.lock();
            if state.phase.end().is_some() {
                return;
            }
            state.phase = Phase::Over(end);
            state.queue = Vec::new();
            state.driver = None;
            state.waiters.take()
        };
        wake(woken);
    }
}

impl Drop for RouteSeat {
    fn drop(&mut self) {
        self.over(RouteEnd::Gone(CloseReason::Peer));
    }
}

impl fmt::Debug for RouteSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteSeat").finish_non_exhaustive()
    }
}

/// What became of [`RouteSeat::feed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFed {
    /// The stream was given something.
    Some,
    /// There is nothing for it; the task is woken when there is.
    None,
    /// It is to be ended.
    End(RouteEnd),
}

struct Inner {
    state: Mutex<State>,
}

impl Inner {
    /// Nothing that holds the lock panics, so what a poisoned lock guards is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// ```text
///             seat                close
///  Waiting ─────────► Serving ─────────► Closing
///     │ close            │ gone             │ written, or gone
///     └──────────────────┴──────────────────┴─────────► Over
/// ```
#[derive(Clone, Copy, Debug)]
enum Phase {
    Waiting,
    Serving,
    /// What was accepted is still being written.
    Closing(RouteEnd),
    Over(RouteEnd),
}

impl Phase {
    fn end(&self) -> Option<RouteEnd> {
        match self {
            Self::Over(end) => Some(*end),
            Self::Waiting | Self::Serving | Self::Closing(_) => None,
        }
    }
}

struct State {
    phase: Phase,
    /// The clones of the route that there are.
    handles: usize,
    /// Whole blocks that wait for the stream.
    queue: Vec<u8>,
    /// How many events were accepted, given to the stream, and written by it.
    accepted: u64,
    given: u64,
    written: u64,
    /// A change that the stream was not told yet.
    heartbeat: Option<Option<Heartbeat>>,
    last_event_id: Option<String>,
    waiters: Waiters,
    driver: Option<Waker>,
}

impl State {
    /// Tells whether an event may be written.
    fn room<E>(&self) -> Result<(), RouteError<E>> {
        match self.phase {
            Phase::Waiting => Err(RouteError::NoReader),
            Phase::Serving if self.queue.len() > MAX_WAITING => Err(RouteError::Full),
            Phase::Serving => Ok(()),
            Phase::Closing(end) | Phase::Over(end) => Err(RouteError::Over(end)),
        }
    }

    /// Returns who is to be woken by it.
    fn close(&mut self, end: RouteEnd) -> impl Iterator<Item = Waker> + use<> {
        self.phase = match self.phase {
            Phase::Waiting => Phase::Over(end),
            Phase::Serving => Phase::Closing(end),
            Phase::Closing(_) | Phase::Over(_) => self.phase,
        };
        self.driver.take().into_iter().chain(self.waiters.take())
    }
}

/// A wait that is given up leaves.
struct Waiting<'a> {
    inner: &'a Inner,
    id: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.inner.lock().waiters.leave(self.id);
    }
}

fn wake(woken: impl IntoIterator<Item = Waker>) {
    woken.into_iter().for_each(Waker::wake);
}

/// Bytes that may wait before the next event has to.
const MAX_WAITING: usize = 64 << 10;
