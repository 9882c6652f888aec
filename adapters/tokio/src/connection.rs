use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use tidewire_core::{Closing, Instant, Protocol};
use tidewire_std::{Clock, Turns};
#[cfg(feature = "tls")]
use tidewire_tls::Server;

#[cfg(feature = "tls")]
use crate::accept::Securing;
use crate::alarm::Alarm;
use crate::link::Link;
#[cfg(feature = "tls")]
use crate::runtime::TlsStream;
use crate::runtime::{AsyncRead, AsyncWrite};

/// Drives one machine over one socket, or over any stream: TLS, a pipe, a socket of one's own making.
///
/// Nothing moves unless [`next`](Self::next) is awaited: it reads, writes and keeps the time until there is an event. Its
/// wait may be given up at any point, as in a `select`; nothing is lost by it. It is over when the machine says so, or when it
/// is finishing and both sides have ended.
#[derive(Debug)]
pub struct Connection<IO, P> {
    protocol: P,
    link: Option<Link<IO>>,
    clock: Clock,
    alarm: Alarm,
    turns: Turns,
    /// Has the stream reset when it is dropped.
    reset: fn(&IO),
}

#[cfg(feature = "tls")]
impl<IO: AsyncRead + AsyncWrite + Unpin, P: Protocol> Connection<TlsStream<IO>, P> {
    /// Secures the accepted `io`, and drives `protocol` over it. The handshake has the time that the machine gives the first
    /// request.
    ///
    /// # Errors
    ///
    /// Those of the handshake, in words.
    pub async fn accept_tls(io: IO, tls: &Server, mut protocol: P, clock: Clock) -> io::Result<Self> {
        let mut securing = Securing::new(io, tls);
        let stream = poll_fn(|context| securing.poll(context, &clock, &mut protocol)).await?;
        Ok(Self::new(stream, protocol, clock))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin, P: Protocol> Connection<IO, P> {
    /// Drives `protocol`, which was told the time of `clock`, over `io`.
    pub fn new(io: IO, protocol: P, clock: Clock) -> Self {
        let (alarm, turns) = (Alarm::default(), Turns::default());
        Self { protocol, link: Some(Link::new(io)), clock, alarm, turns, reset: |_| {} }
    }

    /// Has the stream reset where it is broken off, by the machine or by [`abort`](Self::abort).
    #[cfg(feature = "server")]
    pub(crate) fn resetting(mut self, reset: fn(&IO)) -> Self {
        self.reset = reset;
        self
    }

    /// Breaks the connection off.
    pub(crate) fn abort(&mut self) {
        if let Some(link) = self.link.take() {
            link.reset(self.reset);
        }
    }

    /// Waits for the next event; none when the connection is over.
    ///
    /// # Errors
    ///
    /// Those of the stream, once; the connection is over then.
    pub async fn next(&mut self) -> io::Result<Option<P::Event>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Does what [`next`](Self::next) does, for those who wait for several things in one `poll`.
    ///
    /// # Errors
    ///
    /// As for [`next`](Self::next).
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<P::Event>>> {
        self.poll(context, true)
    }

    /// Goes on without taking an event; pending as long as there may be some.
    #[cfg(feature = "server")]
    pub(crate) fn poll_on(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<P::Event>>> {
        self.poll(context, false)
    }

    fn poll(&mut self, context: &mut Context<'_>, takes: bool) -> Poll<io::Result<Option<P::Event>>> {
        loop {
            let event = if takes { self.protocol.poll_event() } else { None };
            let over = self.link.as_ref().is_some_and(Link::is_over);
            if over || self.protocol.closing() == Closing::Abort {
                self.abort();
            }
            if event.is_some() {
                return Poll::Ready(Ok(event));
            }
            let Some(link) = &mut self.link else {
                return if takes { Poll::Ready(Ok(None)) } else { Poll::Pending };
            };
            ready!(self.turns.poll(context));
            let now = self.clock.now();
            let moved = link.poll_turn(context, now, &mut self.protocol);
            if let Poll::Ready(Err(error)) = moved {
                self.link = None;
                return Poll::Ready(Err(error));
            }
            // After reading: what came while the caller was busy is no silence.
            let deadline = self.protocol.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.protocol.handle_timeout(now);
            } else if moved.is_pending() && self.alarm.poll(context, &self.clock, now, deadline).is_pending() {
                self.turns.rest();
                // What was written may have made room for what the machine kept.
                let event = if takes { self.protocol.poll_event() } else { None };
                return match event {
                    Some(event) => Poll::Ready(Ok(Some(event))),
                    None => Poll::Pending,
                };
            }
        }
    }

    /// Returns the machine, to tell it something; what that makes it send goes out at the next wait.
    pub fn protocol_mut(&mut self) -> &mut P {
        &mut self.protocol
    }

    /// Returns the machine.
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// Returns the time as the machine is told it.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}
