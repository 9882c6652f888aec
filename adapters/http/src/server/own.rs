use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{fmt, mem, thread};

use bytes::Bytes;
use tidewire_core::server::{CloseReason, End, EventStream, Heartbeat, SendError};
use tidewire_core::sse::{self, ToMessage};
use tidewire_core::{Closing, Instant};
use tidewire_std::Clock;

use super::alarm::Alarm;
use super::body::Pieces;
use super::error::BodyError;
use crate::Timer;

/// The application's end of a stream of its own, from [`EventBody::pair`](super::EventBody::pair). Dropping it ends the stream in
/// order, or cuts it off where a panic drops it.
///
/// What it sends waits in a bounded queue until the stack takes it; [`send`](Self::send) waits for room, and so goes as fast as the
/// reader reads. When the reader has gone, every call says so, and [`closed`](Self::closed) is ready.
pub struct EventSender {
    shared: Arc<Shared>,
}

/// The body's end of it.
pub(super) struct Own<S> {
    shared: Arc<Shared>,
    alarm: Alarm<S>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    stream: EventStream,
    /// Whether the body is there no more.
    gone: bool,
    aborted: bool,
    /// Who carries the body.
    body: Option<Waker>,
    /// Who waits for room, or for the end.
    waiting: Vec<Waker>,
}

/// Makes both ends of `stream`, which was told the time of `clock`.
pub(super) fn pair<S: Timer>(stream: EventStream, clock: Clock, timer: S) -> (EventSender, Own<S>) {
    let state = State { stream, gone: false, aborted: false, body: None, waiting: Vec::new() };
    let shared = Arc::new(Shared { clock, state: Mutex::new(state) });
    let own = Own { alarm: Alarm::new(timer, clock.now()), shared: Arc::clone(&shared) };
    (EventSender { shared }, own)
}

impl EventSender {
    /// Sends a message when there is room. Giving up the wait sends nothing.
    ///
    /// # Errors
    ///
    /// [`SendError::NoStream`] when the reader has gone, [`SendError::Full`] when the message is longer than the queue ever is,
    /// [`SendError::Name`] when it cannot be sent at all.
    pub async fn send(&self, message: &(impl ToMessage + ?Sized)) -> Result<(), SendError> {
        self.send_bytes(&encode(message)?).await
    }

    /// Sends a comment, as [`send`](Self::send) does a message.
    ///
    /// # Errors
    ///
    /// As for `send`.
    pub async fn comment(&self, text: &str) -> Result<(), SendError> {
        self.send_bytes(&encode_comment(text)).await
    }

    /// Sends whole events as they are, such as those of another server, as [`send`](Self::send) does a message.
    ///
    /// # Errors
    ///
    /// As for `send`.
    pub async fn send_bytes(&self, bytes: &[u8]) -> Result<(), SendError> {
        poll_fn(|context| {
            self.change(|state, now| match state.send(now, bytes) {
                Err(SendError::Full) if !state.stream.is_written() => {
                    state.wait(context);
                    Poll::Pending
                }
                result => Poll::Ready(result),
            })
        })
        .await
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), and [`SendError::Full`] when there is no room now.
    pub fn try_send(&self, message: &(impl ToMessage + ?Sized)) -> Result<(), SendError> {
        self.try_send_bytes(&encode(message)?)
    }

    /// Sends a comment if there is room.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send).
    pub fn try_comment(&self, text: &str) -> Result<(), SendError> {
        self.try_send_bytes(&encode_comment(text))
    }

    /// Sends whole events as they are if there is room.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send).
    pub fn try_send_bytes(&self, bytes: &[u8]) -> Result<(), SendError> {
        self.change(|state, now| state.send(now, bytes))
    }

    /// Puts another heartbeat in the place of the one there is; `None` stops it.
    pub fn set_heartbeat(&self, heartbeat: Option<Heartbeat>) {
        self.change(|state, now| state.stream.set_heartbeat(now, heartbeat));
    }

    /// Waits until all that was sent was taken by the stack.
    ///
    /// # Errors
    ///
    /// [`SendError::NoStream`] when the reader has gone.
    pub async fn taken(&self) -> Result<(), SendError> {
        poll_fn(|context| {
            self.change(|state, _| match () {
                () if state.is_over() => Poll::Ready(Err(SendError::NoStream)),
                () if state.stream.is_written() => Poll::Ready(Ok(())),
                () => {
                    state.wait(context);
                    Poll::Pending
                }
            })
        })
        .await
    }

    /// Waits until the reader has gone.
    pub async fn closed(&self) {
        poll_fn(|context| {
            let mut state = self.shared.lock();
            if state.is_over() {
                return Poll::Ready(());
            }
            state.wait(context);
            Poll::Pending
        })
        .await;
    }

    /// Tells whether the reader has gone.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_over()
    }

    /// Ends the stream, behind all that was sent, with a last word if there is one.
    pub fn finish(self, end: End<'_>) {
        self.change(|state, now| state.stream.end(now, end));
    }

    /// Cuts the stream off, so that its reader does not take this for its end: when what feeds it has failed in the middle.
    pub fn abort(self) {
        self.change(|state, _| state.aborted = true);
    }

    /// Does something with the stream, and has its body carry it on.
    fn change<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.shared.lock();
        let result = act(&mut state, self.shared.clock.now());
        let body = state.body.take();
        drop(state);
        body.into_iter().for_each(Waker::wake);
        result
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        let panicking = thread::panicking();
        self.change(|state, now| {
            state.aborted |= panicking && state.stream.is_open();
            state.stream.end(now, End::new(CloseReason::StreamEnded));
        });
    }
}

impl<S: Timer + Send> Pieces for Own<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Self { shared, alarm } = self;
        let mut state = shared.lock();
        loop {
            if state.aborted {
                return Poll::Ready(Some(Err(BodyError::Aborted)));
            }
            // Either way there is room.
            let (piece, waiting) = (state.stream.poll_transmit(), mem::take(&mut state.waiting));
            if !waiting.is_empty() {
                drop(state);
                waiting.into_iter().for_each(Waker::wake);
                state = shared.lock();
            }
            if let Some(piece) = piece {
                return Poll::Ready(Some(Ok(piece)));
            }
            match state.stream.closing() {
                Closing::No => {}
                Closing::Finish => return Poll::Ready(None),
                Closing::Abort => {
                    let reason = state.stream.poll_event().unwrap_or(CloseReason::StreamEnded);
                    return Poll::Ready(Some(Err(BodyError::Cut(reason))));
                }
            }
            let (now, deadline) = (shared.clock.now(), state.stream.poll_timeout());
            if deadline.is_some_and(|at| at <= now) {
                state.stream.handle_timeout(now);
            } else if alarm.poll(context, deadline).is_pending() {
                match &mut state.body {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                return Poll::Pending;
            }
        }
    }

    fn is_over(&self) -> bool {
        let state = self.shared.lock();
        !state.aborted && state.stream.closing() == Closing::Finish && state.stream.is_written()
    }
}

impl<S> Drop for Own<S> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.shared.lock();
            state.gone = true;
            mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Shared {
    /// Nothing that holds the lock panics, so what a poisoned lock guards is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        if self.is_over() { Err(SendError::NoStream) } else { self.stream.send(now, bytes) }
    }

    fn is_over(&self) -> bool {
        self.gone || !self.stream.is_open()
    }

    fn wait(&mut self, context: &Context<'_>) {
        if !self.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            self.waiting.push(context.waker().clone());
        }
    }
}

impl fmt::Debug for EventSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

fn encode(message: &(impl ToMessage + ?Sized)) -> Result<Vec<u8>, SendError> {
    let mut bytes = Vec::new();
    message.encode_to(&mut bytes).map_err(SendError::Name)?;
    Ok(bytes)
}

fn encode_comment(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    sse::encode_comment(text, &mut bytes);
    bytes
}
