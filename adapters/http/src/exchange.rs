use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body;
use tidewire_core::client;
use tidewire_core::http::ResponseHead;

use crate::{BoxError, Transport};

/// The request of one attempt and what comes back. Dropping it cancels it.
pub(crate) enum Exchange<T: Transport> {
    None,
    Sending(Pin<Box<T::Response>>),
    Receiving(Receiving<T::Body>),
}

/// A body that is read frame by frame.
pub(crate) struct Receiving<B: Body> {
    body: Pin<Box<B>>,
    /// What is left of the last frame.
    data: Option<B::Data>,
}

impl<B: Body> Receiving<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body: Box::pin(body), data: None }
    }

    /// Returns what is left of the last frame, never empty.
    pub(crate) fn unread(&mut self) -> Option<&mut B::Data> {
        self.data.as_mut().filter(|data| data.has_remaining())
    }

    /// Returns whether there is anything left of the last frame.
    pub(crate) fn has_unread(&self) -> bool {
        self.data.as_ref().is_some_and(Buf::has_remaining)
    }

    /// Waits for the next frame with data, which [`unread`](Self::unread) has then; false is the end. What stands after the
    /// data (trailers) says nothing about a stream.
    pub(crate) fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, B::Error>> {
        loop {
            match ready!(self.body.as_mut().poll_frame(context)) {
                None => return Poll::Ready(Ok(false)),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(frame)) => self.data = frame.into_data().ok(),
            }
            if self.has_unread() {
                return Poll::Ready(Ok(true));
            }
        }
    }
}

impl<T: Transport> Exchange<T> {
    /// Has `transport` send `request`.
    ///
    /// # Errors
    ///
    /// When the types of the `http` crate cannot hold it: a URL beyond 64 KiB.
    pub(crate) fn begin(transport: &mut T, request: &client::Request) -> Result<Self, http::Error> {
        Ok(Self::Sending(Box::pin(transport.send(to_http(request)?))))
    }
}

impl<T: Transport> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Sending(_) => "Sending",
            Self::Receiving(_) => "Receiving",
        })
    }
}

fn to_http(request: &client::Request) -> Result<Request<Bytes>, http::Error> {
    let mut built = Request::builder().method(request.method.as_str()).uri(request.url.to_string());
    for (name, value) in request.fields.iter() {
        if !OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            built = built.header(name, value);
        }
    }
    built.body(request.body.clone().unwrap_or_default())
}

/// Returns the head of a response. It is told as one of HTTP/1.1, whatever carried it: nothing that it means depends on that.
pub(crate) fn head_of<B>(response: &Response<B>) -> ResponseHead {
    let mut head = ResponseHead::new(response.status().as_u16());
    for (name, value) in response.headers() {
        // Both sides have the same rules for names and values.
        let _ = head.fields.append(name.as_str(), value.as_bytes());
    }
    head
}

/// Returns what an error says and what its causes say.
pub(crate) fn in_words(error: &BoxError) -> Box<str> {
    let mut words = error.to_string();
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors say what their cause says.
        if !words.ends_with(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = error.source();
    }
    words.into()
}

/// RFC 9110 §7.6.1: what belongs to one connection, and what follows from the URL and the body. A stack writes these itself, and
/// HTTP/2 forbids most of them (RFC 9113 §8.2.2).
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
