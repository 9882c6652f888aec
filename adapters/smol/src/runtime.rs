//! All that differs between this adapter and the one for tokio.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
#[cfg(feature = "server")]
use std::{io::Read as _, net, sync::Arc, thread};

#[cfg(feature = "server")]
use smol::{Async, Executor, channel};

#[cfg(feature = "tls")]
pub use futures_rustls::server::TlsStream;
#[cfg(feature = "tls")]
pub(crate) use futures_rustls::{Accept, TlsAcceptor, TlsConnector};
pub(crate) use smol::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "server")]
pub(crate) use smol::net::TcpListener;
pub(crate) use smol::net::TcpStream;
#[cfg(unix)]
pub(crate) use smol::net::unix::UnixStream;

/// Reads once; none is the end.
pub(crate) fn poll_read<R: AsyncRead + Unpin>(
    source: &mut R,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    Pin::new(source).poll_read(context, buffer)
}

/// Ends our side; a peer that has gone already is no error, as on tokio.
pub(crate) fn poll_close<W: AsyncWrite + Unpin>(sink: &mut W, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    match ready!(Pin::new(sink).poll_close(context)) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
        result => Poll::Ready(result),
    }
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

/// Waits for the next connection.
#[cfg(feature = "server")]
pub(crate) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    listener.accept().await
}

/// What a server reads: a socket that asks the system only when there is something to read. smol's own asks each time that it is
/// polled, which would be once a delivery.
#[cfg(feature = "server")]
pub(crate) struct Socket {
    io: Arc<Async<net::TcpStream>>,
    /// Whether there is nothing to read until the reactor says so.
    is_read: bool,
}

#[cfg(feature = "server")]
impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self { io: stream.into(), is_read: true }
    }
}

#[cfg(feature = "server")]
impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.is_read {
                ready!(self.io.poll_readable(context))?;
                self.is_read = false;
            }
            match self.io.get_ref().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_read = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) => {
                    // What comes later, the end too, the reactor tells.
                    self.is_read = 0 < count && count < buffer.len();
                    return Poll::Ready(Ok(count));
                }
                result => return Poll::Ready(result),
            }
        }
    }
}

#[cfg(feature = "server")]
impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.io).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.io.get_ref().shutdown(net::Shutdown::Write))
    }
}

/// Has a socket reset when it is dropped.
#[cfg(feature = "server")]
pub(crate) fn reset(socket: &Socket) {
    // One that is broken already goes without.
    let _ = tidewire_std::reset_on_drop(socket.io.get_ref());
}

/// Where a server's connections run.
#[cfg(feature = "server")]
pub(crate) struct Tasks(Arc<Executor<'static>>);

#[cfg(feature = "server")]
impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn spawn(&self, task: impl Future<Output: Send> + Send + 'static) {
        self.0.spawn(task).detach();
    }

    pub(crate) async fn run<T>(&self, main: impl Future<Output = T>) -> T {
        // Dropped with this future, also when that is given up: then the threads end.
        let (_running, ended) = channel::bounded::<()>(1);
        let others = thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
        for _ in 0..others {
            let (executor, ended) = (Arc::clone(&self.0), ended.clone());
            thread::spawn(move || smol::block_on(executor.run(ended.recv())));
        }
        self.0.run(main).await
    }
}
