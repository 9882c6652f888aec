//! All that differs between this adapter and the one for tokio.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) use smol::io::{AsyncRead, AsyncWrite};
pub(crate) use smol::net::TcpStream;

/// Reads once; none is the end.
pub(crate) fn poll_read<R: AsyncRead + Unpin>(
    source: &mut R,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    Pin::new(source).poll_read(context, buffer)
}

/// Ends our side.
pub(crate) fn poll_close<W: AsyncWrite + Unpin>(sink: &mut W, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    Pin::new(sink).poll_close(context)
}

/// A timer that can be moved.
#[derive(Debug)]
pub(crate) struct Timer(smol::Timer);

impl Timer {
    pub(crate) fn at(at: Instant) -> Self {
        Self(smol::Timer::at(at))
    }

    pub(crate) fn set(&mut self, at: Instant) {
        self.0.set_at(at);
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}

/// Waits for `duration`.
pub(crate) async fn pause(duration: Duration) {
    smol::Timer::after(duration).await;
}

/// Asks the system for the addresses of `host`.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    smol::net::resolve((host, port)).await
}
