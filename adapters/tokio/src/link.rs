use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_std::with_buffer;

use crate::runtime::{AsyncRead, AsyncWrite, poll_close, poll_read};

/// A socket and what it has not taken yet.
pub(crate) struct Link<IO> {
    io: IO,
    output: Bytes,
    unflushed: bool,
    input_ended: bool,
    output_ended: bool,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Link<IO> {
    pub(crate) fn new(io: IO) -> Self {
        Self { io, output: Bytes::new(), unflushed: false, input_ended: false, output_ended: false }
    }

    /// Returns the stream; what it has not taken yet is lost.
    pub(crate) fn into_io(self) -> IO {
        self.io
    }

    /// Has the stream reset when it is dropped, unless all was said: a peer that does not read holds nothing of ours.
    pub(crate) fn reset(&self, reset: fn(&IO)) {
        if !self.output_ended {
            reset(&self.io);
        }
    }

    /// Ends our side as far as that goes without waiting, before the stream is dropped: over TLS the peer hears that this is
    /// the end and no cut.
    pub(crate) fn leave(&mut self) {
        if !self.output_ended {
            // RFC 8446 §6.1: "Each party MUST send a "close_notify" alert before closing its write side of the connection".
            let _ = poll_close(&mut self.io, &mut Context::from_waker(Waker::noop()));
        }
    }

    /// Tells whether both sides have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.input_ended && self.output_ended
    }

    /// Reads once if it can, else writes all there is. Pending when there is nothing to read and the socket has taken all, or takes no
    /// more; ask the machine nevertheless: having said all may have made it go on.
    pub(crate) fn poll_turn<P: Protocol>(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        protocol: &mut P,
    ) -> Poll<io::Result<()>> {
        let was_wanted = protocol.wants_input();
        let read = self.poll_read(context, now, protocol)?;
        let written = self.poll_write(context, protocol);
        match (read, written) {
            // What the peer said before it went away is read first; the error comes again.
            (Poll::Ready(()), _) => Poll::Ready(Ok(())),
            // What was written has made room for more, which nobody waits for yet.
            (Poll::Pending, Poll::Pending) if !was_wanted && protocol.wants_input() => Poll::Ready(Ok(())),
            (Poll::Pending, written) => written,
        }
    }

    fn poll_read<P: Protocol>(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        protocol: &mut P,
    ) -> Poll<io::Result<()>> {
        // What the machine does not want stays in the socket, whose peer is held back by that.
        if self.input_ended || !protocol.wants_input() {
            return Poll::Pending;
        }
        with_buffer(|buffer| {
            let count = ready!(poll_read(&mut self.io, context, buffer))?;
            match buffer.get(..count).unwrap_or_default() {
                [] => {
                    self.input_ended = true;
                    protocol.handle_eof(now);
                }
                bytes => protocol.handle_input(now, bytes),
            }
            Poll::Ready(Ok(()))
        })
    }

    fn poll_write<P: Protocol>(&mut self, context: &mut Context<'_>, protocol: &mut P) -> Poll<io::Result<()>> {
        for _ in 0..IN_A_TURN {
            if self.output.is_empty() {
                self.output = protocol.poll_transmit().unwrap_or_default();
            }
            if self.output.is_empty() {
                return self.poll_rest(context, protocol.closing());
            }
            let count = ready!(Pin::new(&mut self.io).poll_write(context, &self.output))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(count);
            self.unflushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Does what is left to do when all is written.
    fn poll_rest(&mut self, context: &mut Context<'_>, closing: Closing) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(context))?;
            self.unflushed = false;
        }
        if closing == Closing::Finish && !self.output_ended {
            ready!(poll_close(&mut self.io, context))?;
            self.output_ended = true;
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

/// Without what waits to be sent, which may prove an identity.
impl<IO: fmt::Debug> fmt::Debug for Link<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Link");
        shown.field("io", &self.io).field("unsent", &self.output.len()).finish_non_exhaustive()
    }
}

/// Writes before the reading has its turn.
const IN_A_TURN: usize = 8;
