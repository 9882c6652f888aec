//! A stream in chunks, as a body would bring it; everything is in memory and always ready.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;

/// The chunks of one stream.
pub type Chunks = Arc<[Bytes]>;

/// Cuts `stream` into chunks of `size` bytes; 0 is the whole.
pub fn cut(stream: &Bytes, size: usize) -> Chunks {
    let size = if size == 0 { stream.len().max(1) } else { size };
    let starts = (0..stream.len()).step_by(size);
    starts.map(|start| stream.slice(start..stream.len().min(start + size))).collect()
}

/// Chunks as a `Stream`.
#[derive(Debug)]
pub struct Feed<E = Infallible> {
    chunks: Chunks,
    next: usize,
    error: PhantomData<fn() -> E>,
}

impl<E> Feed<E> {
    /// Starts with the first chunk.
    pub fn new(chunks: &Chunks) -> Self {
        Self { chunks: Arc::clone(chunks), next: 0, error: PhantomData }
    }
}

impl<E> Stream for Feed<E> {
    type Item = Result<Bytes, E>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = self.chunks.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(chunk.map(Ok))
    }
}

/// Takes everything out of a stream that never waits.
#[inline]
pub fn drain<S: Stream + Unpin>(mut stream: S, mut take: impl FnMut(S::Item) -> bool) {
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(item)) = Pin::new(&mut stream).poll_next(&mut context) {
        if !take(item) {
            return;
        }
    }
}
