use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use futures_core::Stream;
use http_body::{Body, Frame};

/// A stream of bytes as the body of a response: for stacks that have no [`Body`].
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use tidewire_http::{ByteStream, Transport};
/// # use std::{io, pin::Pin};
/// # use futures_core::Stream;
///
/// # struct OldResponse { status: u16, content_type: String, bytes: Pin<Box<dyn Stream<Item = io::Result<Bytes>>>> }
/// # async fn old_stack(_url: String) -> io::Result<OldResponse> { Err(io::ErrorKind::NotFound.into()) }
/// let transport = async |request: Request<Bytes>| {
///     let response = old_stack(request.uri().to_string()).await?;
///     let head = Response::builder().status(response.status).header("content-type", response.content_type);
///     Ok::<_, tidewire_http::BoxError>(head.body(ByteStream::new(response.bytes))?)
/// };
/// # fn check(_: impl Transport) {}
/// # check(transport);
/// ```
pub struct ByteStream<S>(Pin<Box<S>>);

impl<S: Stream<Item = Result<D, E>>, D: Buf, E> ByteStream<S> {
    /// Makes a body of `stream`.
    pub fn new(stream: S) -> Self {
        Self(Box::pin(stream))
    }
}

impl<S: Stream<Item = Result<D, E>>, D: Buf, E> Body for ByteStream<S> {
    type Data = D;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<D>, E>>> {
        self.0.as_mut().poll_next(context).map(|item| item.map(|data| data.map(Frame::data)))
    }
}

impl<S> fmt::Debug for ByteStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").finish_non_exhaustive()
    }
}
