use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tidewire_core::{Closing, Protocol};
use tidewire_std::Clock;
use tidewire_tls::Server;

use crate::alarm::Alarm;
use crate::runtime::{Accept, AsyncRead, AsyncWrite, TlsAcceptor, TlsStream};

/// A handshake with a client, within the time that the machine gives its request.
pub(crate) struct Securing<IO> {
    handshake: Accept<IO>,
    alarm: Alarm,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Securing<IO> {
    pub(crate) fn new(io: IO, tls: &Server) -> Self {
        let acceptor = TlsAcceptor::from(Arc::clone(tls.config()));
        let handshake = acceptor.accept_with(io, |session| session.set_buffer_limit(Some(MAX_UNSENT)));
        Self { handshake, alarm: Alarm::default() }
    }

    /// Is ready when the stream is secured, or not.
    pub(crate) fn poll<P: Protocol>(
        &mut self,
        context: &mut Context<'_>,
        clock: &Clock,
        protocol: &mut P,
    ) -> Poll<io::Result<TlsStream<IO>>> {
        if let Poll::Ready(result) = Pin::new(&mut self.handshake).poll(context) {
            let told = |error: io::Error| io::Error::new(error.kind(), String::from(tidewire_tls::explain_io(&error)));
            return Poll::Ready(result.map_err(told));
        }
        while protocol.closing() == Closing::No {
            match self.alarm.poll(context, clock, clock.now(), protocol.poll_timeout()) {
                Poll::Ready(()) => protocol.handle_timeout(clock.now()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake was not done in time")))
    }
}

/// Bytes that TLS takes of a peer that does not read, before it counts as one: one record.
const MAX_UNSENT: usize = 16 * 1024;
