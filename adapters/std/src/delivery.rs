use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tidewire_core::channels::PublishError;
use tidewire_core::log::{EventId, Watch, WatchError, Written};

use crate::Broadcaster;
use crate::waiters::{block_for, block_on};

/// A message on its way: ready when it is written to the socket of every reader that was there when it was published, or cannot be any
/// more, because the reader has left or was told of a gap instead.
///
/// Written to a socket is not yet read by a program at its other end. Dropping this changes nothing of the message.
#[must_use = "it tells when the message is written; without that, publish does"]
#[derive(Debug)]
pub struct Delivery {
    broadcaster: Broadcaster,
    id: EventId,
    watch: Watch,
}

impl Delivery {
    pub(crate) fn new(broadcaster: Broadcaster, id: EventId, watch: Watch) -> Self {
        Self { broadcaster, id, watch }
    }

    /// Returns the id of the message, which was accepted.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Waits on this thread until the message is written.
    pub fn wait(self) -> Written {
        block_on(self)
    }

    /// Waits on this thread until the message is written, as long as `patience`; `None`: it was not within that time.
    pub fn wait_for(self, patience: Duration) -> Option<Written> {
        block_for(self, patience)
    }
}

impl Future for Delivery {
    type Output = Written;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Written> {
        self.broadcaster.poll_delivery(self.watch, context)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.broadcaster.forget_delivery(self.watch);
    }
}

/// Why there is no [`Delivery`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliverError {
    /// Nothing was published.
    Publish(PublishError),
    /// The message was published with this id, but nobody watches what becomes of it.
    Watch(EventId, WatchError),
}

impl fmt::Display for DeliverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(error) => error.fmt(f),
            Self::Watch(id, error) => write!(f, "published as {id}, but not watched: {error}"),
        }
    }
}

impl std::error::Error for DeliverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Publish(error) => Some(error),
            Self::Watch(_, error) => Some(error),
        }
    }
}

/// Those who wait for watched messages to be written.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    by_watch: BTreeMap<Watch, State>,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Done(Written),
}

impl Deliveries {
    /// Notes that somebody is to be told.
    pub(crate) fn begin(&mut self, watch: Watch) {
        self.by_watch.insert(watch, State::Waiting(None));
    }

    /// Notes what became of a message, and returns who is to be woken.
    pub(crate) fn end(&mut self, written: Written) -> Option<Waker> {
        let state = self.by_watch.get_mut(&written.watch)?;
        match std::mem::replace(state, State::Done(written)) {
            State::Waiting(waker) => waker,
            State::Done(_) => None,
        }
    }

    /// Returns what became of a message, or has the task woken then.
    pub(crate) fn poll(&mut self, watch: Watch, context: &Context<'_>) -> Poll<Written> {
        match self.by_watch.get_mut(&watch) {
            Some(State::Done(written)) => Poll::Ready(*written),
            Some(State::Waiting(waker)) => {
                match waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }

    /// Notes that nobody waits any longer.
    pub(crate) fn forget(&mut self, watch: Watch) -> Option<Waker> {
        match self.by_watch.remove(&watch)? {
            State::Waiting(waker) => waker,
            State::Done(_) => None,
        }
    }

    /// Tells whether somebody waits.
    pub(crate) fn are_waited_for(&self) -> bool {
        !self.by_watch.is_empty()
    }
}
