//! One connection of HTTP/2.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tidewire_core::Instant;
use tidewire_core::log::Burst;
use tidewire_core::server::{Config, End, Heartbeat, Outlet, SendError};
use tidewire_std::{Fed, Seat, SharedApi, trace};
use tokio::time::{self, sleep_until};

use super::preface::Begun;
use super::requests;
use super::streams::{Open, Streams};

/// Serves one connection of HTTP/2, which ends when no stream of it was open for as long as one of HTTP/1.1 may wait for a request.
pub(super) async fn serve(stream: Begun, peer: SocketAddr, api: &Arc<SharedApi>) -> io::Result<()> {
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
            Ok::<_, Infallible>(answer.map(|body| open.hold(body)))
        }
    });
    let mut connection = pin!(builder(limits).serve_connection(TokioIo::new(stream), service));
    let mut idle_at = Some(time::Instant::now() + limits.head_timeout);
    let mut ending = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => return result.map_err(io::Error::other),
            () = streams.changed() => {
                let time = match () {
                    () if ending => limits.linger,
                    // It was told that there is no room.
                    () if is_too_many => Duration::ZERO,
                    () => limits.idle_timeout,
                };
                let is_idle = streams.is_idle();
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
                if streams.is_idle() {
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

/// Streams of one connection at once, as many as browsers open.
const MAX_STREAMS: u32 = 100;

/// Bytes that hyper keeps for each stream.
const SEND_BUFFER: usize = 64 << 10;
