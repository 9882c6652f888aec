//! Over the client of [`hyper_util`], which has a pool of connections.

use bytes::Bytes;
use http::Request;
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::client::legacy::{Client, Error, ResponseFuture};

use crate::{BoxError, Transport};

/// With any connector, and any request body that `Bytes` turn into, such as `http_body_util::Full<Bytes>`.
impl<C, B> Transport for Client<C, B>
where
    C: Connect + Clone + Send + Sync + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + From<Bytes> + Send + Unpin + 'static,
{
    type Body = Incoming;
    type Error = Error;
    type Response = ResponseFuture;

    fn send(&mut self, request: Request<Bytes>) -> ResponseFuture {
        self.request(request.map(B::from))
    }

    fn is_unsent(error: &Error) -> bool {
        error.is_connect()
    }
}
