//! The streams of one connection of HTTP/2, counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tidewire_http::{BodyError, EventBody};
use tokio::sync::Notify;

/// How many streams of one connection are open.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: AtomicUsize,
    changed: Notify,
}

impl Streams {
    /// Waits until one was opened or has ended.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Tells whether none is open.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Open(Arc<Streams>);

impl Open {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        streams.open.fetch_add(1, Ordering::AcqRel);
        streams.changed.notify_one();
        Self(Arc::clone(streams))
    }

    /// Is open for as long as this body is there.
    pub(super) fn hold(self, body: EventBody) -> Counted {
        Counted { body, _open: self }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

/// The body of an open stream.
#[derive(Debug)]
pub(super) struct Counted {
    body: EventBody,
    _open: Open,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
