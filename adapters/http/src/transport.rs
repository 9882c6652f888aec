use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

/// Whatever a stack calls an error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An HTTP stack: takes a request, gives a response whose body is read as it comes.
///
/// Any `FnMut(Request<Bytes>) -> impl Future<Output = Result<Response<impl Body>, impl Into<BoxError>>>` is one; with the
/// features of their names so are `reqwest::Client` and hyper-util's `Client`.
///
/// What it gets is a whole request: an absolute URL, the method, the fields without those that belong to a connection (`Host`,
/// `Content-Length` and so on, which the stack writes itself), the body, empty where there is none. What it must do:
///
/// - Give every response as it is: a redirect, a refusal, whatever the content type. The event source decides what follows.
/// - Stop when the future or the body is dropped: that is how an attempt is given up. (HTTP/1.1: close the connection; HTTP/2:
///   reset the stream.)
/// - Set no time limit of its own on the body: the event source has those, and a stream may last for months.
pub trait Transport {
    /// The body of a response.
    type Body: Body<Error: Into<BoxError>>;
    /// Why there is no response.
    type Error: Into<BoxError>;
    /// The wait for the head of a response.
    type Response: Future<Output = Result<Response<Self::Body>, Self::Error>>;

    /// Sends a request; nothing needs to happen before the future is polled.
    fn send(&mut self, request: Request<Bytes>) -> Self::Response;

    /// Returns whether this error means that no server can have got anything of the request, so that sending it again does no
    /// harm, be it a POST. If that is not known, it does not.
    fn is_unsent(error: &Self::Error) -> bool {
        let _ = error;
        false
    }
}

impl<F, R, B, E> Transport for F
where
    F: FnMut(Request<Bytes>) -> R,
    R: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: Into<BoxError>>,
    E: Into<BoxError>,
{
    type Body = B;
    type Error = E;
    type Response = R;

    fn send(&mut self, request: Request<Bytes>) -> R {
        self(request)
    }
}
