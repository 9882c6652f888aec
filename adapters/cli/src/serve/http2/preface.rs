//! Which HTTP a connection begins with.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The version that a client speaks, as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// A connection whose first bytes were read ahead.
#[derive(Debug)]
pub(super) struct Begun {
    ahead: [u8; PREFACE.len()],
    read: usize,
    len: usize,
    stream: TcpStream,
}

impl Begun {
    /// Reads as much as tells the version: RFC 9113 §3.4: "the client connection preface starts with a sequence of 24 octets".
    pub(super) async fn read(stream: TcpStream) -> io::Result<(Spoken, Self)> {
        let mut begun = Self { ahead: [0; PREFACE.len()], read: 0, len: 0, stream };
        loop {
            begun.stream.readable().await?;
            let room = begun.ahead.get_mut(begun.len..).unwrap_or_default();
            let count = match begun.stream.try_read(room) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            begun.len += count;
            let seen = begun.seen();
            if count == 0 || !PREFACE.starts_with(seen) {
                return Ok((Spoken::Http1, begun));
            }
            if seen.len() == PREFACE.len() {
                return Ok((Spoken::Http2, begun));
            }
        }
    }

    /// Has it reset when it is dropped.
    pub(super) fn reset(&self) {
        // One that is broken already goes without.
        let _ = tidewire_std::reset_on_drop(&self.stream);
    }

    fn seen(&self) -> &[u8] {
        self.ahead.get(self.read..self.len).unwrap_or_default()
    }
}

impl AsyncRead for Begun {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let seen = self.seen();
        if seen.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = seen.len().min(buf.remaining());
        buf.put_slice(seen.get(..count).unwrap_or_default());
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
