//! A server on hyper, HTTP/1.1 and HTTP/2 on one port, that answers what a test says.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream as _;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use smol::channel::{Receiver, Sender, bounded, unbounded};
use tidewire_core::http::Url;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A running server, which ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    calls: Receiver<Call>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts a server on a free port, on threads of its own.
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("can be polled");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, calls) = unbounded();
        let counter = Arc::clone(&connections);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            loop {
                let (socket, _) = listener.accept().await.expect("accepts");
                counter.fetch_add(1, Ordering::Relaxed);
                let sender = sender.clone();
                let service = service_fn(move |request| serve(request, sender.clone()));
                tokio::spawn(async move {
                    // A peer that goes away is what some tests are about.
                    let _ =
                        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, connections, calls, runtime: Some(runtime) }
    }

    /// Returns where a path of it is.
    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).expect("a good URL")
    }

    /// Waits for the next request.
    pub(crate) async fn call(&self) -> Call {
        self.calls.recv().await.expect("it runs")
    }

    /// Returns how many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns whether a request waits that nobody has looked at.
    pub(crate) fn has_call(&self) -> bool {
        !self.calls.is_empty()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(request: Request<Incoming>, calls: Sender<Call>) -> Result<Response<Frames>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (reply, replied) = bounded(1);
    let _ = calls.send(Call { head, body, reply }).await;
    replied.recv().await.map_err(io::Error::other)
}

/// A request that waits for its response.
pub(crate) struct Call {
    pub(crate) head: http::request::Parts,
    pub(crate) body: Bytes,
    reply: Sender<Response<Frames>>,
}

impl Call {
    /// Returns a field of the request.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// Waits until the client gives it up.
    pub(crate) async fn gone(&self) {
        while !self.reply.is_closed() {
            futures_lite::future::yield_now().await;
        }
    }

    /// Answers with a status, fields and a body.
    pub(crate) async fn respond(self, status: u16, fields: &[(&str, &str)], body: &str) {
        let stream = self.begin(status, fields).await;
        stream.send(body).await;
        stream.end().await;
    }

    /// Answers with a stream.
    pub(crate) async fn stream(self) -> Stream {
        self.begin(200, &[("content-type", "text/event-stream")]).await
    }

    /// Answers with a head.
    pub(crate) async fn begin(self, status: u16, fields: &[(&str, &str)]) -> Stream {
        let (frames, received) = unbounded();
        let (alive, gone) = bounded(1);
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let response = response.body(Frames { parts: Box::pin(received), _alive: alive }).expect("a response");
        self.reply.send(response).await.expect("the server waits for it");
        Stream { frames, gone }
    }
}

/// A response that is being sent.
pub(crate) struct Stream {
    frames: Sender<Part>,
    gone: Receiver<()>,
}

impl Stream {
    /// Sends bytes in a frame.
    pub(crate) async fn send(&self, bytes: &str) {
        let _ = self.frames.send(Some(Ok(Frame::data(Bytes::copy_from_slice(bytes.as_bytes()))))).await;
    }

    /// Ends it, with trailers.
    pub(crate) async fn end(self) {
        let trailers =
            HeaderMap::from_iter([(http::HeaderName::from_static("x-last"), http::HeaderValue::from_static("1"))]);
        let _ = self.frames.send(Some(Ok(Frame::trailers(trailers)))).await;
        let _ = self.frames.send(None).await;
    }

    /// Breaks it off: HTTP/2 resets the stream, HTTP/1.1 ends the connection within the body.
    pub(crate) async fn cut(self) {
        let _ = self.frames.send(Some(Err(io::Error::other("cut")))).await;
    }

    /// Waits until the client gives it up.
    pub(crate) async fn gone(&self) {
        let _ = self.gone.recv().await;
    }
}

/// A part of a body, or its end.
type Part = Option<Result<Frame<Bytes>, io::Error>>;

/// The body of a response; dropped when the client is gone.
pub(crate) struct Frames {
    parts: Pin<Box<Receiver<Part>>>,
    _alive: Sender<()>,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Part> {
        match self.parts.as_mut().poll_next(context) {
            Poll::Ready(Some(part)) => Poll::Ready(part),
            // The test has let go of the stream and not ended it.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
