//! What both ends of a [`Socket`](crate::Socket) share: the application's, and that of the driver.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tidewire_core::http::RequestHead;
use tidewire_core::server::Token;
use tidewire_core::ws::{CloseCode, Closed, Message, Prepared};

use crate::SocketError;
use crate::waiters::Waiters;

pub(crate) struct Inner {
    state: Mutex<State>,
    pub(crate) head: RequestHead,
    pub(crate) protocol: Option<Box<str>>,
    pub(crate) token: Option<Token>,
}

impl Inner {
    pub(crate) fn new(head: RequestHead, protocol: Option<&str>, token: Option<Token>) -> Self {
        Self { state: Mutex::new(State::new()), head, protocol: protocol.map(Into::into), token }
    }

    /// Nothing that holds the lock panics, so what a poisoned lock guards is whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` sees something; giving up leaves nothing behind.
    pub(crate) async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut waiting = self.waiting();
        poll_fn(|context| {
            let mut state = self.lock();
            match look(&mut state) {
                Some(seen) => Poll::Ready(seen),
                None => {
                    waiting.wait(&mut state, context);
                    Poll::Pending
                }
            }
        })
        .await
    }

    pub(crate) const fn waiting(&self) -> Waiting<'_> {
        Waiting { inner: self, id: None }
    }
}

/// What the application says, in its order.
pub(crate) enum Said {
    Message(Message),
    Prepared(Prepared),
    Ping(Bytes),
    Close(CloseCode, Box<str>),
}

impl Said {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Prepared(prepared) => prepared.payload().len(),
            Self::Ping(payload) => payload.len(),
            Self::Close(_, reason) => reason.len(),
        }
    }

    /// Tells whether it counts when it did not leave.
    pub(crate) const fn is_message(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Prepared(_))
    }
}

pub(crate) struct State {
    /// The clones of the handle that there are.
    pub(crate) handles: usize,
    pub(crate) incoming: VecDeque<Message>,
    pub(crate) incoming_bytes: usize,
    pub(crate) outgoing: VecDeque<Said>,
    pub(crate) outgoing_bytes: usize,
    /// How much was accepted, given to the connection, and written by it.
    pub(crate) accepted: u64,
    pub(crate) given: u64,
    pub(crate) written: u64,
    /// Whether this end or the peer closes.
    pub(crate) closes: bool,
    /// Whether the application closes, so that what it does not receive is dropped.
    pub(crate) is_left: bool,
    /// Whether the application received a message, and has not asked for the next one.
    pub(crate) at_work: bool,
    /// Whether the peer's close, or its fault, waits until it does.
    pub(crate) is_end_held: bool,
    pub(crate) end: Option<Box<Closed>>,
    pub(crate) waiters: Waiters,
    pub(crate) driver: Option<Waker>,
}

impl State {
    fn new() -> Self {
        Self {
            handles: 1,
            incoming: VecDeque::new(),
            incoming_bytes: 0,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            accepted: 0,
            given: 0,
            written: 0,
            closes: false,
            is_left: false,
            at_work: false,
            is_end_held: false,
            end: None,
            waiters: Waiters::default(),
            driver: None,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        !self.closes && self.end.is_none()
    }

    /// Tells whether something may be accepted.
    pub(crate) fn room(&self) -> Result<(), SocketError> {
        match () {
            () if !self.is_open() => Err(SocketError::Over),
            () if self.outgoing.len() >= MAX_OUTGOING || self.outgoing_bytes >= MAX_OUTGOING_BYTES => {
                Err(SocketError::Full)
            }
            () => Ok(()),
        }
    }

    /// Tells whether the application may still say something to what came.
    pub(crate) fn is_busy(&self) -> bool {
        !self.is_left && (self.at_work || !self.incoming.is_empty() || !self.outgoing.is_empty())
    }

    /// Notes that the application waits for the next message; returns who is to be woken by that.
    pub(crate) fn rest(&mut self) -> Option<Waker> {
        self.at_work = false;
        self.driver.take_if(|_| self.is_end_held)
    }

    /// Returns who is to be woken by it.
    pub(crate) fn accept(&mut self, said: Said) -> Option<Waker> {
        self.outgoing_bytes += said.len();
        self.accepted += 1;
        self.outgoing.push_back(said);
        self.driver.take()
    }

    /// Tells whether another message may be received.
    pub(crate) fn wants_message(&self) -> bool {
        self.is_left || (self.incoming.len() < MAX_INCOMING && self.incoming_bytes < MAX_INCOMING_BYTES)
    }

    /// Returns who is to be woken by it.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) -> impl Iterator<Item = Waker> + use<> {
        let mut driver = None;
        if self.is_open() {
            driver = self.accept(Said::Close(code, reason.into()));
            (self.closes, self.is_left) = (true, true);
        }
        driver.into_iter().chain(self.waiters.take())
    }

    /// Notes that nobody is left to receive.
    pub(crate) fn leave(&mut self, panics: bool) -> impl Iterator<Item = Waker> + use<> {
        (self.incoming, self.incoming_bytes, self.is_left) = (VecDeque::new(), 0, true);
        let code = if panics { CloseCode::INTERNAL_ERROR } else { CloseCode::NORMAL };
        let driver = self.driver.take();
        driver.into_iter().chain(self.close(code, ""))
    }
}

/// A wait that is given up leaves.
pub(crate) struct Waiting<'a> {
    inner: &'a Inner,
    id: Option<u64>,
}

impl Waiting<'_> {
    pub(crate) fn wait(&mut self, state: &mut State, context: &Context<'_>) {
        state.waiters.wait(&mut self.id, context);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.inner.lock().waiters.leave(self.id);
        }
    }
}

/// Messages, and bytes of them, that may wait to be received before no more is read.
const MAX_INCOMING: usize = 16;
const MAX_INCOMING_BYTES: usize = 64 << 10;

/// Messages, and bytes of them, that may wait to be sent before the next one has to.
const MAX_OUTGOING: usize = 256;
const MAX_OUTGOING_BYTES: usize = 64 << 10;
