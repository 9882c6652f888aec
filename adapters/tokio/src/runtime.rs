//! All that differs between this adapter and the one for smol.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep, sleep_until};

pub(crate) use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "server")]
pub(crate) use tokio::net::TcpListener;
pub(crate) use tokio::net::TcpStream;
#[cfg(unix)]
pub(crate) use tokio::net::UnixStream;
#[cfg(feature = "tls")]
pub use tokio_rustls::server::TlsStream;
#[cfg(feature = "tls")]
pub(crate) use tokio_rustls::{Accept, TlsAcceptor, TlsConnector};

/// Reads once; none is the end.
pub(crate) fn poll_read<R: AsyncRead + Unpin>(
    source: &mut R,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(Pin::new(source).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

/// Ends our side.
pub(crate) fn poll_close<W: AsyncWrite + Unpin>(sink: &mut W, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    Pin::new(sink).poll_shutdown(context)
}

/// A timer that can be moved.
#[derive(Debug)]
pub(crate) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    pub(crate) fn at(at: Instant) -> Self {
        Self(Box::pin(sleep_until(at.into())))
    }

    pub(crate) fn set(&mut self, at: Instant) {
        self.0.as_mut().reset(at.into());
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

/// Waits for `duration`.
pub(crate) async fn pause(duration: Duration) {
    sleep(duration).await;
}

/// Asks the system for the addresses of `host`.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// Waits for the next connection.
#[cfg(feature = "server")]
pub(crate) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    listener.accept().await
}

/// What a server reads: only when there is something to read does tokio ask the system.
#[cfg(feature = "server")]
pub(crate) type Socket = TcpStream;

/// Has a socket reset when it is dropped.
#[cfg(feature = "server")]
pub(crate) fn reset(socket: &Socket) {
    // One that is broken already goes without.
    let _ = tidewire_std::reset_on_drop(socket);
}

/// Where a server's connections run.
#[cfg(feature = "server")]
pub(crate) struct Tasks;

#[cfg(feature = "server")]
impl Tasks {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn spawn(&self, task: impl Future<Output: Send> + Send + 'static) {
        tokio::spawn(task);
    }

    pub(crate) async fn run<T>(&self, main: impl Future<Output = T>) -> T {
        main.await
    }
}
