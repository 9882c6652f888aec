//! The listener of `--http2`: HTTP/2 by hyper, on tokio; HTTP/1.1, where a client speaks that, as everywhere else.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tidewire_core::Instant;
use tidewire_core::log::Burst;
use tidewire_core::server::{Config, End, Heartbeat, Outlet, SendError};
use tidewire_http::{BodyError, EventBody};
use tidewire_std::{Fed, Seat, SharedApi, accept_pause, trace, tune};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{self, sleep, sleep_until, timeout};

use super::preface::{Begun, Spoken};
use super::requests;
use crate::exit::{Exit, Failure};

/// Serves `api` on `listener` until it is dropped; what was accepted ends with the api.
#[derive(Debug)]
pub(super) struct Accepting(JoinHandle<()>);

/// Returns a runtime for hyper alone.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot start tokio, which --http2 needs: {error}")))
}

/// Begins to serve, as tasks of `runtime`.
pub(super) fn start(runtime: &Handle, listener: std::net::TcpListener, api: &Arc<SharedApi>) -> io::Result<Accepting> {
    let _entered = runtime.enter();
    let listener = TcpListener::from_std(listener)?;
    Ok(Accepting(runtime.spawn(accept_all(listener, Arc::clone(api)))))
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept_all(listener: TcpListener, api: Arc<SharedApi>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                trace::accept(peer);
                // A socket that cannot be set up is broken, which reading it will show.
                let _ = tune(&stream);
                let api = Arc::clone(&api);
                tokio::spawn(async move { trace::ended(&serve_one(stream, peer, &api).await) });
            }
            Err(error) => {
                trace::accept_failed(&error);
                if let Some(time) = accept_pause(&error) {
                    sleep(time).await;
                }
            }
        }
    }
}

async fn serve_one(stream: TcpStream, peer: SocketAddr, api: &Arc<SharedApi>) -> io::Result<()> {
    // Who says nothing in the time of a head is gone, or means no good.
    let Ok(begun) = timeout(api.session_config().head_timeout, Begun::read(stream)).await else { return Ok(()) };
    match begun? {
        (Spoken::Http1, stream) => tidewire_tokio::serve_connection_from(api, stream, peer.ip(), Begun::reset).await,
        (Spoken::Http2, stream) => serve_http2(stream, peer, api).await,
    }
}

/// Serves one connection of HTTP/2, which ends when no stream of it was open for as long as one of HTTP/1.1 may wait for a request.
async fn serve_http2(stream: Begun, peer: SocketAddr, api: &Arc<SharedApi>) -> io::Result<()> {
    let limits = api.session_config();
    let mut seat = match api.broadcaster().seat(Some(peer.ip())) {
        Ok(seat) => seat,
        Err(limit) => {
            trace::refused(Some(peer.ip()), &limit);
            return Ok(());
        }
    };
    let is_too_many = seat.guest().limit().is_some();
    let streams = Arc::new(Streams::default());
    let service = service_fn(|request| {
        let (open, api) = (Open::new(&streams), Arc::clone(api));
        async move {
            let answer = requests::answer(&api, peer.ip(), request).await;
            Ok::<_, Infallible>(answer.map(|body| Counted { body, _open: open }))
        }
    });
    let mut connection = pin!(builder(limits).serve_connection(TokioIo::new(stream), service));
    let mut idle_at = Some(time::Instant::now() + limits.head_timeout);
    let mut ending = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => return result.map_err(io::Error::other),
            () = streams.changed.notified() => {
                let time = match () {
                    () if ending => limits.linger,
                    // It was told that there is no room.
                    () if is_too_many => Duration::ZERO,
                    () => limits.idle_timeout,
                };
                let is_idle = streams.open.load(Ordering::Acquire) == 0;
                idle_at = is_idle.then(|| time::Instant::now() + time);
            }
            () = at(idle_at) => {
                if ending {
                    // It was asked to go, and had its time.
                    return Ok(());
                }
                ending = true;
                connection.as_mut().graceful_shutdown();
                idle_at = Some(time::Instant::now() + limits.linger);
            }
            phase = told(&mut seat, ending) => {
                if phase == Phase::Over {
                    return Ok(());
                }
                ending = true;
                connection.as_mut().graceful_shutdown();
                if streams.open.load(Ordering::Acquire) == 0 {
                    idle_at = Some(time::Instant::now() + limits.linger);
                }
            }
        }
    }
}

fn builder(limits: &Config) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        // Who answers no ping is gone, though it may have no stream that shows it.
        .keep_alive_interval(limits.stall_timeout / 3)
        .keep_alive_timeout(limits.stall_timeout / 3)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.head.max_bytes).unwrap_or(u32::MAX))
        // What waits here for a slow reader is no lag that the log could see.
        .max_send_buf_size(SEND_BUFFER);
    builder
}

async fn at(deadline: Option<time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Draining,
    Over,
}

/// Waits until the server ends: when it begins to, unless that is `known`, and when it is over.
async fn told(seat: &mut Seat, known: bool) -> Phase {
    poll_fn(|context| match seat.feed(context, &mut NoStream) {
        Fed::Over => Poll::Ready(Phase::Over),
        _ if seat.is_draining() && !known => Poll::Ready(Phase::Draining),
        _ => Poll::Pending,
    })
    .await
}

/// A connection of HTTP/2 has no stream itself.
#[derive(Debug)]
struct NoStream;

impl Outlet for NoStream {
    fn wants_publications(&self) -> bool {
        false
    }

    fn is_written(&self) -> bool {
        true
    }

    fn push_burst(&mut self, _: Instant, _: &Burst) -> Result<(), SendError> {
        Err(SendError::NoStream)
    }

    fn send(&mut self, _: Instant, _: &[u8]) -> Result<(), SendError> {
        Err(SendError::NoStream)
    }

    fn set_heartbeat(&mut self, _: Instant, _: Option<Heartbeat>) {}

    fn end_stream(&mut self, _: Instant, _: End<'_>) {}
}

/// How many streams of one connection are open.
#[derive(Debug, Default)]
struct Streams {
    open: AtomicUsize,
    changed: Notify,
}

/// One of them.
#[derive(Debug)]
struct Open(Arc<Streams>);

impl Open {
    fn new(streams: &Arc<Streams>) -> Self {
        streams.open.fetch_add(1, Ordering::AcqRel);
        streams.changed.notify_one();
        Self(Arc::clone(streams))
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
struct Counted {
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

/// Streams of one connection at once, as many as browsers open.
const MAX_STREAMS: u32 = 100;

/// Bytes that hyper keeps for each stream.
const SEND_BUFFER: usize = 64 << 10;
