//! The HTTP stacks that the client is tried over, each with the timers of its runtime.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_lite::{AsyncRead, AsyncWrite};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tidewire_http::{BoxError, SmolTimer, Timer, TokioTimer, Transport};

/// Somebody's HTTP and the runtime that it runs on.
pub(crate) trait Stack {
    type Transport: Transport + Clone;
    type Timer: Timer + Default;
    const VERSION: http::Version;
    /// Whether one client keeps its connections for the next request.
    const POOLS: bool;

    fn transport() -> Self::Transport;

    /// Runs a test, with a limit on its time.
    fn run<F: Future>(test: F) -> F::Output;
}

pub(crate) struct ReqwestHttp1;
pub(crate) struct ReqwestHttp2;
pub(crate) struct HyperHttp1;
pub(crate) struct HyperHttp2;
pub(crate) struct SmolHttp1;
pub(crate) struct SmolHttp2;

impl Stack for ReqwestHttp1 {
    type Transport = reqwest::Client;
    type Timer = TokioTimer;
    const VERSION: http::Version = http::Version::HTTP_11;
    const POOLS: bool = true;

    fn transport() -> reqwest::Client {
        reqwest_client().build().expect("a client")
    }

    fn run<F: Future>(test: F) -> F::Output {
        on_tokio(test)
    }
}

impl Stack for ReqwestHttp2 {
    type Transport = reqwest::Client;
    type Timer = TokioTimer;
    const VERSION: http::Version = http::Version::HTTP_2;
    const POOLS: bool = true;

    fn transport() -> reqwest::Client {
        reqwest_client().http2_prior_knowledge().build().expect("a client")
    }

    fn run<F: Future>(test: F) -> F::Output {
        on_tokio(test)
    }
}

impl Stack for HyperHttp1 {
    type Transport = Client<HttpConnector, Full<Bytes>>;
    type Timer = TokioTimer;
    const VERSION: http::Version = http::Version::HTTP_11;
    const POOLS: bool = true;

    fn transport() -> Self::Transport {
        Client::builder(TokioExecutor::new()).build_http()
    }

    fn run<F: Future>(test: F) -> F::Output {
        on_tokio(test)
    }
}

impl Stack for HyperHttp2 {
    type Transport = Client<HttpConnector, Full<Bytes>>;
    type Timer = TokioTimer;
    const VERSION: http::Version = http::Version::HTTP_2;
    const POOLS: bool = true;

    fn transport() -> Self::Transport {
        Client::builder(TokioExecutor::new()).http2_only(true).build_http()
    }

    fn run<F: Future>(test: F) -> F::Output {
        on_tokio(test)
    }
}

impl Stack for SmolHttp1 {
    type Transport = fn(Request<Bytes>) -> Answer;
    type Timer = SmolTimer;
    const VERSION: http::Version = http::Version::HTTP_11;
    const POOLS: bool = false;

    fn transport() -> Self::Transport {
        |request| {
            Box::pin(async move {
                let (mut sender, connection) = http1::handshake(connect(&request).await?).await?;
                smol::spawn(connection).detach();
                Ok(sender.send_request(in_origin_form(request)).await?)
            })
        }
    }

    fn run<F: Future>(test: F) -> F::Output {
        on_smol(test)
    }
}

impl Stack for SmolHttp2 {
    type Transport = fn(Request<Bytes>) -> Answer;
    type Timer = SmolTimer;
    const VERSION: http::Version = http::Version::HTTP_2;
    const POOLS: bool = false;

    fn transport() -> Self::Transport {
        |request| {
            Box::pin(async move {
                let (mut sender, connection) = http2::handshake(SmolTasks, connect(&request).await?).await?;
                smol::spawn(connection).detach();
                Ok(sender.send_request(request.map(Full::new)).await?)
            })
        }
    }

    fn run<F: Future>(test: F) -> F::Output {
        on_smol(test)
    }
}

fn reqwest_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy()
}

fn on_tokio<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await }).expect("the test ends in time")
}

fn on_smol<F: Future>(test: F) -> F::Output {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("the test does not end in time")
    };
    assert!(tokio::runtime::Handle::try_current().is_err());
    smol::block_on(smol::future::or(test, late))
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Incoming>, BoxError>> + Send>>;

async fn connect(request: &Request<Bytes>) -> io::Result<Io> {
    let authority = request.uri().authority().expect("an absolute URL").as_str();
    Ok(Io(smol::net::TcpStream::connect(authority).await?))
}

/// What a connection of HTTP/1.1 wants, and a pool would do.
fn in_origin_form(mut request: Request<Bytes>) -> Request<Full<Bytes>> {
    let authority = request.uri().authority().expect("an absolute URL").as_str();
    let host = http::HeaderValue::from_str(authority).expect("a good host");
    request.headers_mut().insert(http::header::HOST, host);
    *request.uri_mut() = request.uri().path_and_query().expect("a path").clone().into();
    request.map(Full::new)
}

#[derive(Clone)]
struct SmolTasks;

impl<F: Future<Output: Send + 'static> + Send + 'static> hyper::rt::Executor<F> for SmolTasks {
    fn execute(&self, task: F) {
        smol::spawn(task).detach();
    }
}

/// A socket of smol as hyper wants it.
struct Io(smol::net::TcpStream);

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut out: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = vec![0; out.remaining().min(8192)];
        let count = ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer))?;
        out.put_slice(&buffer[..count]);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

/// How long a test may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
