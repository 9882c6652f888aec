//! What the adapter suite needs of smol.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use smol::io::{AsyncRead, AsyncWrite};

pub(crate) use smol::net::{TcpListener, TcpStream};
pub(crate) use tidewire_smol::{
    Connection, Connector, EventSource, Reader, WebSocket, serve, serve_connection, serve_connection_tls, serve_tls,
};

use crate::lines::{Flood, PATIENCE};

/// Runs a test, with a limit on its time.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("the test does not end in time")
    };
    smol::block_on(smol::future::or(test, late))
}

/// Asserts that this is the runtime we are on: nothing of tokio is at hand.
pub(crate) fn assert_here() {
    assert!(tokio::runtime::Handle::try_current().is_err());
}

/// Runs a task beside the test.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    smol::spawn(task).detach();
}

/// One end of a pair of streams that are not of the network.
pub(crate) type Pipe = smol::net::unix::UnixStream;

/// Makes a pair of streams.
pub(crate) fn pipe() -> (Pipe, Pipe) {
    Pipe::pair().expect("a pair")
}

/// Takes a listener in.
pub(crate) fn on_std(listener: std::net::TcpListener) -> TcpListener {
    smol::Async::try_from(listener).expect("a socket").into()
}

/// A socket that counts the writes to it and the bytes read from it.
pub(crate) struct Counted {
    pub(crate) socket: TcpStream,
    pub(crate) writes: Arc<AtomicUsize>,
    pub(crate) read: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        if let Poll::Ready(Ok(count)) = &result {
            self.read.fetch_add(*count, Ordering::Relaxed);
        }
        result
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// A stream that always has more and takes everything.
pub(crate) struct Endless;

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        buf[..4].copy_from_slice(b"more");
        Poll::Ready(Ok(4))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Flood {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.fill(buf);
        Poll::Ready(Ok(buf.len()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
