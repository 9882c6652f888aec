use tidewire_core::channels::{Channels, Guest, Load, Read};
use tidewire_core::log::{ReaderId, Written};
use tidewire_core::server::Outlet;
use tidewire_core::{Instant, UnixTime};

/// What a [`Broadcaster`](crate::Broadcaster) shares: what publications are read from. It cannot be implemented elsewhere.
pub trait Source: Sealed + Send + 'static {
    /// Reads on for `reader`, into its outlet, which wants it.
    #[doc(hidden)]
    fn feed(&mut self, now: Instant, reader: ReaderId, outlet: &mut impl Outlet) -> Given;

    /// Ends the outlet of a reader that is not to wait until it wants something; returns whether it did.
    #[doc(hidden)]
    fn end(&mut self, now: Instant, reader: ReaderId, outlet: &mut impl Outlet) -> bool;

    /// Notes that all that a reader was given is written.
    #[doc(hidden)]
    fn note_written(&mut self, reader: ReaderId);

    /// Returns the next watched publication that is written to all sockets.
    #[doc(hidden)]
    fn poll_written(&mut self) -> Option<Written>;

    /// Closes a reader.
    #[doc(hidden)]
    fn close(&mut self, reader: ReaderId);

    /// Notes that a connection has ended.
    #[doc(hidden)]
    fn leave(&mut self, guest: Guest);

    /// Returns the next reader that is to be woken.
    #[doc(hidden)]
    fn poll_wake(&mut self) -> Option<ReaderId>;

    /// Returns when something is due.
    #[doc(hidden)]
    fn poll_timeout(&self) -> Option<Instant>;

    /// Does what is due.
    #[doc(hidden)]
    fn handle_timeout(&mut self, now: Instant, unix: UnixTime);

    /// Notes that the server closes.
    #[doc(hidden)]
    fn shutdown(&mut self, now: Instant);
}

/// What became of [`Source::feed`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Given {
    /// The outlet was given something; whether there is more to read already.
    Some { more: bool },
    /// There is nothing until the reader is woken.
    None,
    /// The application is asked for what comes next.
    Load(Load),
}

impl Source for Channels {
    fn feed(&mut self, now: Instant, reader: ReaderId, outlet: &mut impl Outlet) -> Given {
        match self.read(now, reader, usize::MAX) {
            Some(Read::Burst { burst, more }) => {
                // It was asked whether it wants it.
                let _ = outlet.push_burst(now, burst);
                Given::Some { more }
            }
            Some(Read::Load(load)) => Given::Load(load),
            Some(Read::End(end)) => {
                outlet.end_stream(now, end);
                Given::Some { more: false }
            }
            None => Given::None,
        }
    }

    fn end(&mut self, now: Instant, reader: ReaderId, outlet: &mut impl Outlet) -> bool {
        match self.poll_end(now, reader) {
            Some(end) => {
                outlet.end_stream(now, end);
                true
            }
            None => false,
        }
    }

    fn note_written(&mut self, reader: ReaderId) {
        Channels::note_written(self, reader);
    }

    fn poll_written(&mut self) -> Option<Written> {
        Channels::poll_written(self)
    }

    fn close(&mut self, reader: ReaderId) {
        Channels::close(self, reader);
    }

    fn leave(&mut self, guest: Guest) {
        Channels::leave(self, guest);
    }

    fn poll_wake(&mut self) -> Option<ReaderId> {
        Channels::poll_wake(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Channels::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Instant, _: UnixTime) {
        Channels::handle_timeout(self, now);
    }

    fn shutdown(&mut self, now: Instant) {
        Channels::shutdown(self, now);
    }
}

/// Keeps [`Source`] ours.
pub trait Sealed {}

impl Sealed for Channels {}
